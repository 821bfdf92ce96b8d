/* SPDX-License-Identifier: Apache-2.0 */
/* Which table codes a symbol: chosen by the symbols that the same packet has already brought. */
#ifndef GLIMPSE_CORE_CONTEXT_H
#define GLIMPSE_CORE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/entropy.h"

enum { GLIMPSE_NEAR = 2 }; /* rows and columns that the usual context reaches */

/* A tap of the channel at hand, made ready: most symbols have the channel of the one before. */
typedef struct {
    int32_t ahead;           /* flat index of its symbol less that of the symbol to be coded */
    int32_t rest;            /* the tap's activity_weight * typical of its channel */
    int16_t value_weight;    /* as in the tap */
    int16_t activity_weight; /* 16 times as large */
    int8_t dy, dx;
    uint8_t centre; /* of its channel */
} glimpse_neighbour;

/* What one packet has brought so far. The caller owns it. */
typedef struct {
    const glimpse_codec *codec;
    const uint8_t *symbols;                   /* [height, width, channels]; only those known are looked at */
    uint32_t seen[GLIMPSE_MAX_CHANNELS / 32]; /* a bit for each channel that has known symbols */
    uint32_t channel;                         /* whose neighbours are ready; the number of channels: none */
    const glimpse_context *context;           /* of that channel */
    uint32_t rows, columns; /* GLIMPSE_NEAR or farther from the edges, where no neighbour is outside */
    uint32_t neighbours;    /* that are ready: taps into channels of which nothing is known are left out */
    glimpse_neighbour neighbour[GLIMPSE_MAX_TAPS];
    uint8_t known[GLIMPSE_MAX_SYMBOLS / 8];
} glimpse_surroundings;

/* Forgets everything: each packet stands alone. */
void glimpse_surroundings_begin(glimpse_surroundings *around, const glimpse_codec *codec, const uint8_t *symbols);

/* The number of the table for the symbol with flat index `at`. For a codec with contexts, with v = symbol -
   centre of the tap's channel, summed over the context's taps that lie inside the latent and are known,
     value    = sum of value_weight * v
     activity = sum of activity_weight * (16 * |v| - typical of the tap's channel)
   and the table is the channel's class_of[limits of value that are at most value][the same of activity]. */
uint32_t glimpse_surroundings_table(glimpse_surroundings *around, uint32_t at);

/* That table, of a codec that has tables. */
glimpse_frequencies glimpse_surroundings_frequencies(glimpse_surroundings *around, uint32_t at);

/* Codes that symbol by that table, as glimpse_range_writer_put does; then it is known. */
bool glimpse_surroundings_put(glimpse_surroundings *around, uint32_t at, uint32_t symbol, glimpse_range_writer *writer);

/* From now on the symbol with flat index `at` is known. */
void glimpse_surroundings_add(glimpse_surroundings *around, uint32_t at);

#endif
