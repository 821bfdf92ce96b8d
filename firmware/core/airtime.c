/* SPDX-License-Identifier: Apache-2.0 */
#include "core/airtime.h"

#include <stdbool.h>

static bool is_sound(const glimpse_lora *radio, uint32_t bytes)
{
    return radio->spreading >= 7 && radio->spreading <= 12 && radio->coding >= 1 && radio->coding <= 4 &&
           (radio->bandwidth_khz == 125 || radio->bandwidth_khz == 250 || radio->bandwidth_khz == 500) &&
           bytes <= GLIMPSE_LORA_MAX_BYTES;
}

uint32_t glimpse_lora_airtime(const glimpse_lora *radio, uint32_t bytes)
{
    if (!is_sound(radio, bytes)) {
        return 0;
    }
    const uint32_t spreading = radio->spreading;
    const uint32_t optimised = (1u << spreading) >= 16u * radio->bandwidth_khz; /* a symbol of 16 ms or more */
    const uint32_t bits = 8u * bytes + 44u;
    const uint32_t after_header = bits > 4u * spreading ? bits - 4u * spreading : 0;
    const uint32_t block = 4u * (spreading - 2u * optimised);
    const uint32_t symbols = 8u + (after_header + block - 1u) / block * (radio->coding + 4u);
    /* In quarters of a symbol, as the preamble ends with a quarter; all of it stays below 2^32. */
    const uint32_t quarters = 4u * (GLIMPSE_LORA_PREAMBLE + 4u + symbols) + 1u;
    return ((quarters << spreading) * 250u + radio->bandwidth_khz - 1u) / radio->bandwidth_khz;
}

uint32_t glimpse_fsk_airtime(uint32_t bits_per_second, uint32_t bytes)
{
    return (uint32_t)(((uint64_t)(bytes + 11u) * 8u * 1000000u + bits_per_second - 1u) / bits_per_second);
}
