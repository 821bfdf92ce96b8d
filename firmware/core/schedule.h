/* SPDX-License-Identifier: Apache-2.0 */
/* SCHEDULE: which packet now. Importance, acknowledgements, a deadline, duty cycles and receive windows decide it
   (docs/sending.md). */
#ifndef GLIMPSE_CORE_SCHEDULE_H
#define GLIMPSE_CORE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/budget.h"
#include "core/difference.h"
#include "core/packet.h"
#include "core/protection.h"

/* What to do with symbols that were sent and did not arrive. */
typedef enum {
    GLIMPSE_RESEND_BY_IMPORTANCE = 0, /* a lost symbol waits like one never sent; the most important goes first */
    GLIMPSE_RESEND_AT_ONCE = 1,       /* each packet until it is acknowledged, and only then the next one */
    GLIMPSE_RESEND_AFTERWARDS = 2     /* all packets once, then the lost ones in order */
} glimpse_resend;

/* What makes differences and parity, behind pointers: a node that sends neither does not link it. */
typedef struct {
    int (*next)(glimpse_difference_packer *packer, size_t payload, uint8_t *packet);
    int (*pack)(glimpse_difference_packer *packer, glimpse_run run, size_t payload, uint8_t *packet);
    int (*want)(glimpse_difference_packer *packer, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right);
    void (*changed)(glimpse_difference_packer *packer);
    void (*take_back)(glimpse_difference_packer *packer);
} glimpse_schedule_changes;

typedef struct {
    int (*next)(glimpse_protection *protection, size_t payload, uint8_t *packet);
    size_t (*room)(const glimpse_protection *protection, size_t payload);
    int (*sent)(glimpse_protection *protection, const uint8_t *packet, size_t length, size_t payload);
    void (*end)(glimpse_protection *protection);
    void (*take_back)(glimpse_protection *protection);
    void (*restart)(glimpse_protection *protection);
} glimpse_schedule_parities;

/* What is left to send of one frame, and when. Times are milliseconds of any clock that never runs backwards. */
typedef struct {
    glimpse_packer packer;
    glimpse_difference_packer *difference; /* cuts the packets in the place of `packer`; NULL: an image frame */
    const glimpse_schedule_changes *changes;
    glimpse_protection *protection; /* NULL: no parity packets */
    const glimpse_schedule_parities *parities;
    uint32_t budget; /* radio bytes left; UINT32_MAX: no limit */
    bool remembers;  /* waiting and known are in use */
    bool reported;   /* the losses of this round are known */
    bool stopped;
    bool closed;    /* by the caller, who may open it again: of the frame only the parity of what was sent still goes */
    bool parity;    /* the last packet was one */
    bool done;      /* after glimpse_schedule_next returned 0: nothing is left to do */
    uint8_t resend; /* glimpse_resend */
    uint8_t sends;  /* most times that a symbol goes out unasked; 0: no limit */
    uint8_t round;  /* which time it is */
    uint8_t tries;  /* of the packet `turn` */
    glimpse_run turn; /* at once: the packet that is waited for */
    glimpse_ranks waiting, known;
    glimpse_budget *duty; /* NULL: any time will do */
    uint8_t rate, fopts;
    bool repeater;
    uint32_t band;       /* where the last packet goes, an index into the region's bands */
    uint32_t airtime_us; /* of the last packet */
    uint64_t quiet_until;
    uint64_t deadline;
    /* After glimpse_schedule_next returned 0: when to ask next, GLIMPSE_NEVER: not before something else has changed
       (the data rate, an acknowledgement). */
    uint64_t again;
} glimpse_schedule;

/* budget: radio bytes for the whole frame, headers included; 0: no limit. Everything is sent once, at any time, until
   the calls below say otherwise. Errors as glimpse_packer_begin. */
int glimpse_schedule_begin(glimpse_schedule *schedule, const glimpse_codec *codec, const uint8_t *symbols,
                           uint8_t frame, uint8_t coding, uint32_t budget);

/* As glimpse_packer_steer. */
void glimpse_schedule_steer(glimpse_schedule *schedule, const int8_t *side);

/* Before the first packet: memory that is needed to know what has arrived, two bits for each symbol. It stays the
   schedule's until the frame has ended; an encoder's buffer will do, which is free by then. GLIMPSE_ERROR_BUFFER. */
size_t glimpse_schedule_memory(const glimpse_codec *codec);
int glimpse_schedule_remember(glimpse_schedule *schedule, uint8_t *memory, size_t bytes);

/* Before the first packet, and after glimpse_schedule_remember: the frame leaves as what changed. difference: begun for the
   same symbols and frame; the schedule's until the frame has ended. GLIMPSE_ERROR_STATE. */
int glimpse_schedule_difference(glimpse_schedule *schedule, glimpse_difference_packer *difference);

/* Before the first packet: parity packets go out behind each group of packets, and behind the last ones when nothing else
   is left. They count for the byte budget, and are never sent again. protection: begun; the schedule's until the frame
   has ended. */
void glimpse_schedule_protect(glimpse_schedule *schedule, glimpse_protection *protection);

/* Needs glimpse_schedule_remember. sends: how often a symbol goes out, 1..255, while nobody says whether it came; 0: until
   the deadline or the byte budget ends, one of which there should then be. GLIMPSE_ERROR_ARGUMENT, _STATE. */
int glimpse_schedule_resend(glimpse_schedule *schedule, uint8_t resend, uint8_t sends);

/* The link as it is now; again whenever the network changes the data rate or has `fopts` bytes of MAC commands
   answered. duty: the node's, for all frames; NULL: no limits. GLIMPSE_ERROR_ARGUMENT: no such rate. */
int glimpse_schedule_link(glimpse_schedule *schedule, glimpse_budget *duty, uint32_t rate, uint32_t fopts,
                          bool repeater);

/* No packet ends after this time. */
void glimpse_schedule_deadline(glimpse_schedule *schedule, uint64_t deadline);

/* The receiver has these ranks: they are not sent (again). GLIMPSE_ERROR_RANGE: there are no such ranks; _STATE:
   without glimpse_schedule_remember. */
int glimpse_schedule_known(glimpse_schedule *schedule, uint32_t first, uint32_t count);

/* The receiver has told all that it has: whatever was sent and is not known is lost, and needs no parity. */
void glimpse_schedule_lost(glimpse_schedule *schedule);

/* Symbols that were sent, those sent again included. */
uint32_t glimpse_schedule_sent(const glimpse_schedule *schedule);

/* More of this region of the latent first; as glimpse_packer_want. */
int glimpse_schedule_want(glimpse_schedule *schedule, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right);

/* Enough: nothing more is sent. */
void glimpse_schedule_stop(glimpse_schedule *schedule);

/* The last packet did not leave the node (its airtime stays counted); and a downlink has come, or the link says that it
   is ready: the receive windows need not be waited for any longer. */
void glimpse_schedule_failed(glimpse_schedule *schedule);
void glimpse_schedule_ready(glimpse_schedule *schedule);

/* Writes the packet that is to be sent at `now`, cut to what the byte budget and the link leave, counts its airtime,
   and returns its length. 0: none now; `done` and `again` say what comes. A rest of the byte budget smaller than
   GLIMPSE_MIN_PAYLOAD stays unused. Errors as glimpse_packer_next. */
int glimpse_schedule_next(glimpse_schedule *schedule, uint64_t now, size_t payload, uint8_t *packet);

#endif
