/* SPDX-License-Identifier: Apache-2.0 */
#include "core/region.h"

#include <stddef.h>
#include <string.h>

#include "core/airtime.h"
#include "core/packet.h"

enum {
    /* Class A: the next uplink waits until the second window has passed or brought something (LoRaWAN L2 1.0.4, 3.3).
       It opens 2 s after the uplink's end (RECEIVE_DELAY2, RP002-1.0.4, 2.3) and stays open for the 8 symbols of a
       preamble, 262 ms at SF12. */
    CLASS_A_QUIET_MS = 2300,
    /* Sigfox sends a message three times at 100 bit/s: 14 bytes around at most 12 of payload, a payload above 8 always
       as 12. (Sigfox connected objects: radio specifications, for RC1.) */
    SIGFOX_REPEATS = 3,
    SIGFOX_BYTES = 14 + 12,
    SIGFOX_BITS_PER_SECOND = 100,
    /* IPv4 and UDP around an NB-IoT payload (RFC 791, RFC 768). */
    IP_UDP_BYTES = 28
};

/* LoRaWAN Regional Parameters RP002-1.0.4, EU863-870: DR0-5 SF12-7 at 125 kHz, DR6 SF7 at 250 kHz, DR7 FSK at 50
   kbit/s; N of the tables in 2.4.6 without and with a repeater. */
static const glimpse_data_rate eu868_rates[] = {
    {12, 51, 51, 125, 0},  {11, 51, 51, 125, 0},  {10, 51, 51, 125, 0},  {9, 115, 115, 125, 0},
    {8, 242, 222, 125, 0}, {7, 242, 222, 125, 0}, {7, 242, 222, 250, 0}, {0, 242, 222, 0, 50000},
};

/* ETSI EN 300 220-2 V3.2.1, annex B: the sub-bands of 863 to 870 MHz for devices of no particular use, and their duty
   cycles. Those are counted over an hour (EN 300 220-1). */
static const glimpse_band eu868_bands[] = {
    {863000, 865000, GLIMPSE_HOUR_MS / 1000}, /* 0.1 % */
    {865000, 868000, GLIMPSE_HOUR_MS / 100},  /* 1 % */
    {868000, 868600, GLIMPSE_HOUR_MS / 100},  /* 1 %, LoRaWAN's three default channels */
    {868700, 869200, GLIMPSE_HOUR_MS / 1000}, /* 0.1 % */
    {869400, 869650, GLIMPSE_HOUR_MS / 10},   /* 10 % */
    {869700, 870000, GLIMPSE_HOUR_MS / 100},  /* 1 % */
};

/* RP002-1.0.4, US902-928: DR0-3 SF10-7 at 125 kHz, DR4 SF8 at 500 kHz. The payloads are those that
   stay within 400 ms; a repeater leaves less. */
static const glimpse_data_rate us915_rates[] = {
    {10, 11, 11, 125, 0}, {9, 53, 53, 125, 0}, {8, 125, 125, 125, 0}, {7, 242, 222, 125, 0}, {8, 242, 222, 500, 0},
};

static const glimpse_band us915_bands[] = {{902000, 928000, 0}};

static const glimpse_data_rate sigfox_rates[] = {{0, 12, 12, 0, SIGFOX_BITS_PER_SECOND}};
static const glimpse_band sigfox_bands[] = {{868000, 868600, GLIMPSE_HOUR_MS / 100}}; /* the same sub-band */

/* Assumed: half of the 16 kbit/s or so that a single tone of 15 kHz reaches in good coverage. */
static const glimpse_data_rate nbiot_rates[] = {{0, GLIMPSE_MAX_PAYLOAD, GLIMPSE_MAX_PAYLOAD, 0, 8000}};
static const glimpse_band nbiot_bands[] = {{0, 0, 0}}; /* licensed: the base station gives out the time */

#define COUNT(array) ((uint8_t)(sizeof(array) / sizeof((array)[0])))

static const glimpse_region regions[] = {
    {.name = "EU868",
     .kind = GLIMPSE_LINK_LORAWAN,
     .rates = COUNT(eu868_rates),
     .bands = COUNT(eu868_bands),
     .default_band = 2,
     .quiet_ms = CLASS_A_QUIET_MS,
     .rate = eu868_rates,
     .band = eu868_bands},
    {.name = "US915",
     .kind = GLIMPSE_LINK_LORAWAN,
     .rates = COUNT(us915_rates),
     .bands = COUNT(us915_bands),
     .dwell_ms = 400, /* 47 CFR 15.247 (a)(1)(i): 0.4 s on a channel in 20 s; a modem hops */
     .quiet_ms = CLASS_A_QUIET_MS,
     .rate = us915_rates,
     .band = us915_bands},
    {.name = "Sigfox",
     .kind = GLIMPSE_LINK_SIGFOX,
     .rates = COUNT(sigfox_rates),
     .bands = COUNT(sigfox_bands),
     .uplinks_day = 140, /* the largest subscription */
     .downlinks_day = 4,
     .rate = sigfox_rates,
     .band = sigfox_bands},
    {.name = "NB-IoT",
     .kind = GLIMPSE_LINK_NBIOT,
     .rates = COUNT(nbiot_rates),
     .bands = COUNT(nbiot_bands),
     .rate = nbiot_rates,
     .band = nbiot_bands},
};

const glimpse_region *glimpse_region_numbered(uint32_t number)
{
    return number < COUNT(regions) ? &regions[number] : NULL;
}

const glimpse_region *glimpse_region_named(const char *name)
{
    for (uint32_t i = 0; i < COUNT(regions); i++) {
        if (strcmp(regions[i].name, name) == 0) {
            return &regions[i];
        }
    }
    return NULL;
}

uint32_t glimpse_region_payload(const glimpse_region *region, uint32_t rate, uint32_t fopts, bool repeater)
{
    if (rate >= region->rates) {
        return 0;
    }
    const uint32_t most = repeater ? region->rate[rate].repeater : region->rate[rate].payload;
    const uint32_t left = most > fopts ? most - fopts : 0;
    return left < GLIMPSE_MAX_PAYLOAD ? left : GLIMPSE_MAX_PAYLOAD;
}

uint32_t glimpse_region_airtime(const glimpse_region *region, uint32_t rate, uint32_t payload, uint32_t fopts)
{
    if (rate >= region->rates) {
        return 0;
    }
    const glimpse_data_rate *of = &region->rate[rate];
    switch (region->kind) {
    case GLIMPSE_LINK_SIGFOX:
        return SIGFOX_REPEATS * SIGFOX_BYTES * 8u * (1000000u / SIGFOX_BITS_PER_SECOND);
    case GLIMPSE_LINK_NBIOT:
        return (payload + IP_UDP_BYTES) * 8u * (1000000u / of->bits_per_second);
    default:
        break;
    }
    const uint32_t bytes = payload + GLIMPSE_LORAWAN_OVERHEAD + fopts;
    if (of->spreading == 0) {
        return glimpse_fsk_airtime(of->bits_per_second, bytes);
    }
    const glimpse_lora radio = {.spreading = of->spreading, .coding = 1, .bandwidth_khz = of->bandwidth_khz};
    return glimpse_lora_airtime(&radio, bytes);
}
