/* SPDX-License-Identifier: Apache-2.0 */
/* LINK: the one face of whatever carries packets. A link never waits, allocates nothing, and is told the time:
   `now` is milliseconds from any start, it may wrap, and it never runs backwards.

     for (;;) {
         while (glimpse_link_poll(link, now, &event)) { ... }
         const size_t payload = glimpse_link_payload(link);
         if (payload > 0) { ... cut a packet of at most `payload` bytes, glimpse_link_send ... }
         ... sleep until bytes come, or for glimpse_link_wait(link, now) ...
     } */
#ifndef GLIMPSE_LINK_LINK_H
#define GLIMPSE_LINK_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef enum {
    GLIMPSE_LINK_NOTHING,
    GLIMPSE_LINK_READY,        /* a packet may be sent; comes again after each packet, when the next one may be */
    GLIMPSE_LINK_SENT,         /* the packet has left; whether it arrived is not known */
    GLIMPSE_LINK_ACKNOWLEDGED, /* the packet has left, and the other end says that it has it */
    GLIMPSE_LINK_FAILED,       /* the packet has not left, as far as is known: `reason`, and `wait` before the next */
    GLIMPSE_LINK_DOWNLINK,     /* `bytes` came, on `port` */
    GLIMPSE_LINK_JOINED,       /* there is a network */
    GLIMPSE_LINK_LOST          /* there is none any more: `reason`; the link joins again by itself */
} glimpse_link_event_kind;

typedef enum {
    GLIMPSE_LINK_NO_REASON,
    GLIMPSE_LINK_TOO_LONG,   /* fewer bytes are allowed now than were given: ask for the payload, cut again */
    GLIMPSE_LINK_BUSY,       /* refused for now: duty cycle, no free channel, something else on the air */
    GLIMPSE_LINK_NOT_JOINED, /* the modem knows of no network: it was reset, or the session ended */
    GLIMPSE_LINK_RESTARTED,  /* the modem said that it has started */
    GLIMPSE_LINK_SILENT,     /* the modem does not answer, or not to the end */
    GLIMPSE_LINK_REFUSED     /* the modem called it an error and did not say which */
} glimpse_link_reason;

typedef struct {
    uint8_t kind;         /* glimpse_link_event_kind */
    uint8_t reason;       /* glimpse_link_reason, of FAILED and LOST */
    uint8_t port;         /* of DOWNLINK; 0 where a link has none */
    uint32_t wait;        /* of FAILED: milliseconds before the next packet; 0: not known, READY says when */
    const uint8_t *bytes; /* of DOWNLINK; valid until the next call of any function of this link */
    size_t count;
} glimpse_link_event;

/* Every link starts with this, so that a pointer to it is a pointer to the link. */
typedef struct glimpse_link glimpse_link;
typedef struct {
    size_t (*payload)(const glimpse_link *link);
    int (*send)(glimpse_link *link, uint32_t now, const uint8_t *packet, size_t count);
    int (*poll)(glimpse_link *link, uint32_t now, glimpse_link_event *event);
    uint32_t (*wait)(const glimpse_link *link, uint32_t now);
} glimpse_link_operations;
struct glimpse_link {
    const glimpse_link_operations *operations;
};

enum { GLIMPSE_LINK_FOREVER = 0xFFFFFFF }; /* milliseconds: three days; only bytes that come change anything */

/* Most bytes of a packet that may be sent now; 0: none may. */
size_t glimpse_link_payload(const glimpse_link *link);

/* Takes one packet; what becomes of it is an event, exactly one of SENT, ACKNOWLEDGED and FAILED.
   GLIMPSE_ERROR_STATE: none may be sent now. GLIMPSE_ERROR_LENGTH: empty, or more than glimpse_link_payload. */
int glimpse_link_send(glimpse_link *link, uint32_t now, const uint8_t *packet, size_t count);

/* Moves the link on, and returns 1 with the next event or 0. To be called until it returns 0, whenever bytes have
   come or the time of glimpse_link_wait has passed. */
int glimpse_link_poll(glimpse_link *link, uint32_t now, glimpse_link_event *event);

/* Milliseconds until the link has something to do though nothing comes; GLIMPSE_LINK_FOREVER at most. */
uint32_t glimpse_link_wait(const glimpse_link *link, uint32_t now);

#endif
