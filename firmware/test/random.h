/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that look random and are the same in every run and on every core (Numerical Recipes' generator). */
#ifndef GLIMPSE_TEST_RANDOM_H
#define GLIMPSE_TEST_RANDOM_H

#include <stdint.h>

static uint32_t random_state = 1;

/* 0..limit - 1, out of the high bits: the lowest ones of such a generator repeat soon. */
static inline uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)random_state * limit >> 32);
}

#endif
