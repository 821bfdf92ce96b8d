/* SPDX-License-Identifier: Apache-2.0 */
/* A set of ranks, one bit each: which symbols wait to be sent, which the receiver has. */
#ifndef GLIMPSE_CORE_RANKS_H
#define GLIMPSE_CORE_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Symbols that follow one another in rank. */
typedef struct {
    uint32_t first; /* rank */
    uint32_t count;
} glimpse_run;

typedef struct {
    uint8_t *bits;   /* the caller's, glimpse_ranks_bytes(total) of them; those behind the last rank are zero */
    uint32_t total;  /* ranks 0 .. total - 1 */
    uint32_t lowest; /* no rank below this is in the set */
} glimpse_ranks;

static inline size_t glimpse_ranks_bytes(uint32_t total)
{
    return (total + 7u) / 8u;
}

/* The empty set, or that of all ranks. */
void glimpse_ranks_begin(glimpse_ranks *ranks, uint8_t *bits, uint32_t total, bool full);

/* first + count: at most total. */
void glimpse_ranks_add(glimpse_ranks *ranks, uint32_t first, uint32_t count);
void glimpse_ranks_remove(glimpse_ranks *ranks, uint32_t first, uint32_t count);

/* All ranks that are not in `other`, which is of the same total. */
void glimpse_ranks_fill_but(glimpse_ranks *ranks, const glimpse_ranks *other);

static inline bool glimpse_ranks_has(const glimpse_ranks *ranks, uint32_t rank)
{
    return ((uint32_t)ranks->bits[rank >> 3] >> (rank & 7u) & 1u) != 0;
}

/* The first rank in the set, and the first outside it, that is `from` or above; total when there is none. */
uint32_t glimpse_ranks_next(const glimpse_ranks *ranks, uint32_t from);
uint32_t glimpse_ranks_end(const glimpse_ranks *ranks, uint32_t from);

/* How many of first .. first + count - 1 are in it. */
uint32_t glimpse_ranks_count(const glimpse_ranks *ranks, uint32_t first, uint32_t count);

#endif
