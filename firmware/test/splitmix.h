/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers for programs that try millions of inputs (splitmix64), the same for the same seed. */
#ifndef GLIMPSE_TEST_SPLITMIX_H
#define GLIMPSE_TEST_SPLITMIX_H

#include <stddef.h>
#include <stdint.h>

static uint64_t random_state; /* the seed, to begin with */

static inline uint64_t random_word(void)
{
    uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline uint32_t random_below(uint32_t limit)
{
    return (uint32_t)((random_word() >> 32) * limit >> 32);
}

static inline void random_bytes(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)random_word();
    }
}

#endif
