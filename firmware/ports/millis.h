/* SPDX-License-Identifier: Apache-2.0 */
/* A millisecond clock that never wraps, out of a counter that does. */
#ifndef GLIMPSE_PORTS_MILLIS_H
#define GLIMPSE_PORTS_MILLIS_H

#include <stdint.h>

typedef struct {
    uint64_t millis;
    uint32_t counted; /* the counter up to which milliseconds have been counted */
} millis_clock;

/* counter: now; to be called more than once in each of its turns. Parts of a millisecond stay for the next call. */
static inline uint64_t millis_at(millis_clock *clock, uint32_t counter, uint32_t ticks_per_ms)
{
    const uint32_t whole = (counter - clock->counted) / ticks_per_ms;
    clock->millis += whole;
    clock->counted += whole * ticks_per_ms;
    return clock->millis;
}

#endif
