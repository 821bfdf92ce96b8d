/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between AT modems, as data: another modem is another table. */
#ifndef GLIMPSE_LINK_AT_DIALECT_H
#define GLIMPSE_LINK_AT_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

/* What a line means. The first pattern of the table that fits decides; what fits none means nothing. */
typedef enum {
    GLIMPSE_AT_OK,                /* the command was taken; where it sends, the packet is on its way */
    GLIMPSE_AT_ERROR,             /* the command was refused */
    GLIMPSE_AT_BUSY,              /* refused for now */
    GLIMPSE_AT_WAIT,              /* refused for %n milliseconds */
    GLIMPSE_AT_WAIT_FOLLOWS,      /* a refusal comes next, and it is for %n milliseconds */
    GLIMPSE_AT_TOO_LONG,          /* %n bytes are allowed; without it, nobody says how many */
    GLIMPSE_AT_RATE_TOO_SLOW,     /* this data rate is not possible here */
    GLIMPSE_AT_NOT_JOINED,        /* there is no network */
    GLIMPSE_AT_JOINED,            /* there is one */
    GLIMPSE_AT_GOT_JOINED,        /* there is one, and DONE follows */
    GLIMPSE_AT_JOIN_FAILED,       /* nobody answered */
    GLIMPSE_AT_STARTED,           /* the packet is on its way */
    GLIMPSE_AT_GOT_ACKNOWLEDGED,  /* it was acknowledged; the end of the transmission is told apart */
    GLIMPSE_AT_DONE,              /* the transmission or the joining is over, with its receive windows */
    GLIMPSE_AT_DONE_ACKNOWLEDGED, /* both */
    GLIMPSE_AT_LIMIT,             /* %n bytes may be sent now */
    GLIMPSE_AT_REGION,            /* the region has number %n, as `regions` counts */
    GLIMPSE_AT_RATE,              /* the data rate is %n */
    GLIMPSE_AT_DOWNLINK,          /* %x came on %p */
    GLIMPSE_AT_SIGNAL,            /* how strong the last one was: %r, %s */
    GLIMPSE_AT_RESTARTED          /* the modem has started */
} glimpse_at_meaning;

typedef struct {
    const char *pattern; /* link/at_text.h */
    uint8_t meaning;
} glimpse_at_answer;

/* A setting: what is said, and how the line starts that says that it was taken. */
typedef struct {
    const char *command;
    const char *taken;
} glimpse_at_setting;

enum { GLIMPSE_AT_MAX_RATES = 8 };

/* Most payload bytes at each data rate of a region; 0: there is no such rate, or no payload fits it. */
typedef struct {
    uint8_t number;
    uint8_t payload[GLIMPSE_AT_MAX_RATES];
} glimpse_at_region;

/* Lists end with a NULL. */
typedef struct {
    const char *name;
    uint32_t baud; /* as the modem is shipped */
    const char *probe;
    const char *reset;
    const char *joined; /* asks whether there is a network; NULL: joining says so */
    const char *join;
    const char *send;
    const char *send_confirmed;
    const char *flush; /* an uplink without payload, for a modem whose own commands leave no room; NULL: it does so */
    const char *const *limits; /* what to ask for the limit, one after another */
    const glimpse_at_setting *settings;
    const glimpse_at_answer *answers;
    const glimpse_at_region *regions; /* where the modem does not tell the limit itself; region_count may be 0 */
    uint8_t region_count;
} glimpse_at_dialect;

/* Seeed LoRa-E5 (Wio-E5): STM32WLE5 with Seeed's AT firmware. */
extern const glimpse_at_dialect glimpse_at_lora_e5;

/* RAKwireless RAK3172 and the other modules with RUI3. */
extern const glimpse_at_dialect glimpse_at_rak3172;

/* By name, "e5" or "rak3172"; NULL: no such one. */
const glimpse_at_dialect *glimpse_at_dialect_named(const char *name);

#endif
