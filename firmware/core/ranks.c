/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ranks.h"

#include <string.h>

/* Bits behind the last rank stay zero, so that whole bytes can be looked at. */
static void trim(glimpse_ranks *ranks)
{
    if ((ranks->total & 7u) != 0) {
        ranks->bits[ranks->total >> 3] &= (uint8_t)((1u << (ranks->total & 7u)) - 1u);
    }
}

void glimpse_ranks_begin(glimpse_ranks *ranks, uint8_t *bits, uint32_t total, bool full)
{
    ranks->bits = bits;
    ranks->total = total;
    ranks->lowest = full ? 0 : total;
    memset(bits, full ? 0xFF : 0, glimpse_ranks_bytes(total));
    trim(ranks);
}

void glimpse_ranks_add(glimpse_ranks *ranks, uint32_t first, uint32_t count)
{
    if (count > 0 && first < ranks->lowest) {
        ranks->lowest = first;
    }
    for (uint32_t rank = first; rank < first + count; rank++) {
        ranks->bits[rank >> 3] |= (uint8_t)(1u << (rank & 7u));
    }
}

void glimpse_ranks_remove(glimpse_ranks *ranks, uint32_t first, uint32_t count)
{
    for (uint32_t rank = first; rank < first + count; rank++) {
        ranks->bits[rank >> 3] &= (uint8_t) ~(1u << (rank & 7u));
    }
    if (first <= ranks->lowest && ranks->lowest < first + count) {
        ranks->lowest = first + count;
    }
}

void glimpse_ranks_fill_but(glimpse_ranks *ranks, const glimpse_ranks *other)
{
    const size_t bytes = glimpse_ranks_bytes(ranks->total);
    for (size_t i = 0; i < bytes; i++) {
        ranks->bits[i] = (uint8_t)~other->bits[i];
    }
    ranks->lowest = 0;
    trim(ranks);
}

/* The first rank from `from` on whose bit, flipped by `flip`, is set. */
static uint32_t search(const glimpse_ranks *ranks, uint32_t from, uint8_t flip)
{
    while (from < ranks->total) {
        const uint32_t byte = (uint32_t)(ranks->bits[from >> 3] ^ flip) >> (from & 7u);
        if (byte == 0) {
            from = (from | 7u) + 1u;
        } else if ((byte & 1u) != 0) {
            return from;
        } else {
            from++;
        }
    }
    return ranks->total;
}

uint32_t glimpse_ranks_next(const glimpse_ranks *ranks, uint32_t from)
{
    return search(ranks, from < ranks->lowest ? ranks->lowest : from, 0);
}

uint32_t glimpse_ranks_end(const glimpse_ranks *ranks, uint32_t from)
{
    return search(ranks, from, 0xFF);
}

uint32_t glimpse_ranks_count(const glimpse_ranks *ranks, uint32_t first, uint32_t count)
{
    uint32_t found = 0;
    for (uint32_t rank = first; rank < first + count; rank++) {
        found += glimpse_ranks_has(ranks, rank);
    }
    return found;
}
