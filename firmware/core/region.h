/* SPDX-License-Identifier: Apache-2.0 */
/* What a network and the law of its region allow: data rates, payloads, sub-bands with their duty cycles, quotas. */
#ifndef GLIMPSE_CORE_REGION_H
#define GLIMPSE_CORE_REGION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    GLIMPSE_MAX_BANDS = 6,
    GLIMPSE_LORAWAN_OVERHEAD = 13, /* MHDR 1, DevAddr 4, FCtrl 1, FCnt 2, FPort 1, MIC 4 (LoRaWAN L2 1.0.4, 4) */
    GLIMPSE_MAX_FOPTS = 15,        /* bytes of MAC commands that travel with a payload (L2 1.0.4, 4.3.1) */
    GLIMPSE_HOUR_MS = 3600000,
    GLIMPSE_DAY_MS = 86400000,
    /* The Things Network's fair use policy, a day and node */
    GLIMPSE_FAIR_AIRTIME_MS = 30000,
    GLIMPSE_FAIR_DOWNLINKS = 10
};

typedef enum {
    GLIMPSE_LINK_LORAWAN = 0, /* class A */
    GLIMPSE_LINK_SIGFOX = 1,
    GLIMPSE_LINK_NBIOT = 2
} glimpse_link_kind;

typedef struct {
    uint8_t spreading; /* 7..12; 0: not LoRa */
    uint8_t payload;   /* most bytes, with no FOpts and no repeater in the way */
    uint8_t repeater;  /* the same where a repeater may be in the way */
    uint16_t bandwidth_khz;
    uint32_t bits_per_second; /* what is not LoRa; else 0 */
} glimpse_data_rate;

/* Part of the spectrum with a duty cycle of its own. */
typedef struct {
    uint32_t low_khz, high_khz;
    uint32_t hour_ms; /* of airtime in any hour; 0: no limit */
} glimpse_band;

typedef struct {
    const char *name;
    uint8_t kind; /* glimpse_link_kind */
    uint8_t rates;
    uint8_t bands;
    uint8_t default_band;          /* where the channels are that every node has */
    uint16_t dwell_ms;             /* longest transmission; 0: no limit */
    uint16_t uplinks_day;          /* most messages in any day; 0: no limit */
    uint16_t downlinks_day;        /* the same of messages to the node */
    uint16_t quiet_ms;             /* after an uplink until the node may send again */
    const glimpse_data_rate *rate; /* [rates] by data rate's number */
    const glimpse_band *band;      /* [bands] */
} glimpse_region;

/* All of them, and the one of a name such as "EU868"; NULL for a number or name that there is not. */
const glimpse_region *glimpse_region_numbered(uint32_t number);
const glimpse_region *glimpse_region_named(const char *name);

/* Most bytes of our packet at a data rate with `fopts` bytes of MAC commands beside it: 0 where nothing fits or the
   rate does not exist, and never above GLIMPSE_MAX_PAYLOAD. Below GLIMPSE_MIN_PAYLOAD no packet of ours fits. */
uint32_t glimpse_region_payload(const glimpse_region *region, uint32_t rate, uint32_t fopts, bool repeater);

/* Microseconds on the air of a packet of `payload` bytes with `fopts` beside it; 0 for a rate that does not exist, and
   for more bytes than a LoRa radio sends at once: those that glimpse_region_payload allows always fit. */
uint32_t glimpse_region_airtime(const glimpse_region *region, uint32_t rate, uint32_t payload, uint32_t fopts);

#endif
