/* SPDX-License-Identifier: Apache-2.0 */
/* Bit strings, most significant bit first, and bytes in either order. */
#ifndef GLIMPSE_CORE_BITS_H
#define GLIMPSE_CORE_BITS_H

#include <stddef.h>
#include <stdint.h>

/* Writes `count` (0..16) low bits of value at bit position `at`; the bytes must have been zero. */
static inline void glimpse_bits_put(uint8_t *bytes, size_t at, uint32_t value, uint32_t count)
{
    while (count > 0) {
        const uint32_t room = 8u - (uint32_t)(at & 7u);
        const uint32_t take = count < room ? count : room;
        const uint32_t part = (value >> (count - take)) & ((1u << take) - 1u);
        bytes[at >> 3] = (uint8_t)(bytes[at >> 3] | (part << (room - take)));
        at += take;
        count -= take;
    }
}

static inline uint32_t glimpse_bits_get(const uint8_t *bytes, size_t at, uint32_t count)
{
    uint32_t value = 0;
    while (count > 0) {
        const uint32_t room = 8u - (uint32_t)(at & 7u);
        const uint32_t take = count < room ? count : room;
        value = (value << take) | (((uint32_t)bytes[at >> 3] >> (room - take)) & ((1u << take) - 1u));
        at += take;
        count -= take;
    }
    return value;
}

#endif
