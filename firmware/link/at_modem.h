/* SPDX-License-Identifier: Apache-2.0 */
/* A LoRaWAN modem that is driven by AT commands, as a link. A state machine: nothing waits, every answer has a time
   limit, and whatever the modem says or does not say, the machine comes back to asking whether it is there. Keys,
   EUIs and region are in the modem already (docs/modem.md): they never pass through here. */
#ifndef GLIMPSE_LINK_AT_MODEM_H
#define GLIMPSE_LINK_AT_MODEM_H

#include <stdbool.h>

#include "core/packet.h"
#include "link/at_dialect.h"
#include "link/link.h"
#include "link/stream.h"

enum {
    GLIMPSE_AT_LINE = 2 * GLIMPSE_MAX_PAYLOAD + 64, /* the longest command and the longest downlink */
    GLIMPSE_AT_KEEP_RATE = 0xFF,

    /* milliseconds */
    GLIMPSE_AT_ANSWER_TIME = 3000,           /* of a command that needs no radio */
    GLIMPSE_AT_START_TIME = 3000,            /* of the modem itself, after a reset */
    GLIMPSE_AT_JOIN_TIME = 30000,            /* join request at SF12, both windows, and as much again */
    GLIMPSE_AT_SEND_TIME = 20000,            /* an uplink at SF12, both windows, a long downlink, and as much again */
    GLIMPSE_AT_SEND_CONFIRMED_TIME = 180000, /* eight of those */
    GLIMPSE_AT_BUSY_PAUSE = 5000,            /* after a refusal that does not say for how long */
    GLIMPSE_AT_FULL_PAUSE = 60000,           /* while the data rate leaves no room for a packet */
    GLIMPSE_AT_FIRST_REJOIN = 15000,
    GLIMPSE_AT_LAST_REJOIN = 18000000,
    GLIMPSE_AT_LONGEST_WAIT = 86400000 /* that a modem is believed; duty cycles are counted over an hour */
};

typedef struct {
    const glimpse_at_dialect *dialect;
    glimpse_stream stream;
    uint8_t port;      /* 1..223 */
    uint8_t data_rate; /* 0..15 to begin with; GLIMPSE_AT_KEEP_RATE: the modem's */
    bool adaptive;     /* the network may change the data rate */
    bool confirmed;    /* ask for an acknowledgement of every packet: expensive */
    bool reset;        /* reset the modem first */
    uint32_t seed;     /* another one in each node, so that they do not all join at once after a power cut */
} glimpse_at_config;

typedef enum {
    GLIMPSE_AT_RESETTING,
    GLIMPSE_AT_PROBING,
    GLIMPSE_AT_SETTING,
    GLIMPSE_AT_CHECKING, /* whether there is a network already */
    GLIMPSE_AT_JOINING,
    GLIMPSE_AT_ASKING, /* for the limit */
    GLIMPSE_AT_READY,
    GLIMPSE_AT_SENDING,
    GLIMPSE_AT_FLUSHING, /* sending without payload */
    GLIMPSE_AT_PAUSING
} glimpse_at_state;

enum { GLIMPSE_AT_EVENTS = 4 };

typedef struct {
    glimpse_link link;
    glimpse_at_config config;

    uint8_t state;      /* glimpse_at_state */
    uint8_t after;      /* of PAUSING: the state that follows */
    uint8_t step;       /* of SETTING and ASKING */
    uint8_t silences;   /* commands without an answer, since the last one with one */
    uint8_t stalls;     /* and since the last packet that left, from a modem that answers a probe */
    uint8_t join_tries; /* since the last network */
    bool joined;
    bool found;        /* a network has answered */
    bool started;      /* the packet is on the air */
    bool acknowledged; /* the packet was */
    bool crowded;      /* a packet was too long, and none has left since */
    bool flushed;      /* what left last had no payload */
    bool more;         /* bytes wait that the last poll did not read */
    uint32_t since;    /* when the state began */
    uint32_t limit;    /* milliseconds that it may last */
    uint32_t refusal;  /* milliseconds that the modem has announced; 0: nothing */
    uint32_t random;

    uint8_t payload; /* bytes that may be sent; 0: not known */
    int32_t region;  /* as the modem counts; -1: not known */
    int16_t rssi;    /* of the last downlink, dBm; 0: none yet */
    int8_t snr;      /* dB */

    char out[GLIMPSE_AT_LINE]; /* the command that is being written */
    size_t out_count;
    size_t out_written;
    char line[GLIMPSE_AT_LINE]; /* the line that is coming; a downlink's bytes lie here */
    size_t line_count;
    bool overlong; /* the line that is coming does not fit and is skipped */

    glimpse_link_event events[GLIMPSE_AT_EVENTS];
    uint8_t event_count;

    /* counted since the beginning, for telemetry */
    uint32_t uplinks;
    uint32_t downlinks;
    uint32_t refusals; /* commands that the modem called an error */
    uint32_t timeouts;
    uint32_t strange; /* lines too long, downlinks that cannot be */
} glimpse_at_modem;

/* GLIMPSE_ERROR_ARGUMENT: no dialect, or a port out of range. The rest happens in glimpse_link_poll. */
int glimpse_at_modem_begin(glimpse_at_modem *modem, const glimpse_at_config *config, uint32_t now);

#endif
