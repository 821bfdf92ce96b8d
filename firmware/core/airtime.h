/* SPDX-License-Identifier: Apache-2.0 */
/* How long a transmission is on the air. Whole numbers, rounded up to a microsecond. */
#ifndef GLIMPSE_CORE_AIRTIME_H
#define GLIMPSE_CORE_AIRTIME_H

#include <stdint.h>

enum {
    GLIMPSE_LORA_PREAMBLE = 8,   /* symbols, LoRaWAN's in all regions */
    GLIMPSE_LORA_MAX_BYTES = 255 /* of a PHY payload */
};

/* How a LoRa radio modulates. */
typedef struct {
    uint8_t spreading;      /* factor, 7..12 */
    uint8_t coding;         /* 1..4 for 4/5..4/8 */
    uint16_t bandwidth_khz; /* 125, 250 or 500 */
} glimpse_lora;

/* Microseconds of `bytes` (0..GLIMPSE_LORA_MAX_BYTES) of PHY payload with explicit header and CRC, and with low data
   rate optimisation where a symbol lasts 16 ms or more. 0 when a parameter is out of range. SX1276 data sheet, 4.1.1.7:
   (12.25 + 8 + max(ceil((8 bytes - 4 SF + 44) / (4 (SF - 2 DE))) (coding + 4), 0)) 2^SF / bandwidth. */
uint32_t glimpse_lora_airtime(const glimpse_lora *radio, uint32_t bytes);

/* Microseconds of `bytes` of PHY payload by FSK at `bits_per_second`: preamble 5, sync word 3, length 1, CRC 2 bytes.
   */
uint32_t glimpse_fsk_airtime(uint32_t bits_per_second, uint32_t bytes);

#endif
