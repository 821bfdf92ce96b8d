/* SPDX-License-Identifier: Apache-2.0 */
/* ORDER: which symbol leaves first. A permutation of the latent's symbols without a table. */
#ifndef GLIMPSE_CORE_ORDER_H
#define GLIMPSE_CORE_ORDER_H

#include <stdint.h>

#include "core/codec.h"

/* Walks the symbols in the order in which they are sent. With P positions and C channels, rank r is
     by channel:   channel c = r / P, position (r % P * stride + c * offset) % P
     interleaved:  flat index (r * stride + offset) % (P * C)
   and the flat index into [height, width, channels] is position * C + c. */
typedef struct {
    const glimpse_codec *codec;
    uint32_t cycle;   /* glimpse_codec_cycle(codec) */
    uint32_t rank;    /* of the symbol that glimpse_order_next returns next */
    uint32_t place;   /* its position (by channel) or flat index (interleaved) */
    uint32_t channel; /* by channel only */
    uint32_t left;    /* by channel only: symbols of this channel not yet walked */
} glimpse_order;

/* rank: 0 .. number of symbols (the end). */
void glimpse_order_seek(glimpse_order *order, const glimpse_codec *codec, uint32_t rank);

/* Flat index of the next symbol; call at most as often as symbols remain. */
uint32_t glimpse_order_next(glimpse_order *order);

#endif
