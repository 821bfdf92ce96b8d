/* SPDX-License-Identifier: Apache-2.0 */
/* ORDER: which symbol leaves first. A permutation of the latent's symbols without a table. */
#ifndef GLIMPSE_CORE_ORDER_H
#define GLIMPSE_CORE_ORDER_H

#include <stdint.h>

#include "core/codec.h"

/* By saliency: the symbols of one block of channels in one cell of the map. Its ranks follow one another: channel after
   channel, the cell's positions row by row. A segment's number is block * cells + the cell's place in the scan, which
   runs along the first row of cells, back along the second, and so on. */
typedef struct {
    uint32_t first; /* rank of its first symbol */
    uint32_t count; /* symbols */
    uint32_t number;
    uint32_t cell;                     /* index into the map [rows, columns] */
    uint16_t top, bottom, left, right; /* its positions; bottom and right are the first outside */
    uint8_t channel, channel_end;      /* its channels; the end is the first outside */
} glimpse_segment;

/* Walks the symbols in the order in which they are numbered. With P positions and C channels, rank r is
     by channel:   channel c = r / P, position (r % P * stride + c * offset) % P
     interleaved:  flat index (r * stride + offset) % (P * C)
     by saliency:  as glimpse_segment says
   and the flat index into [height, width, channels] is position * C + c. */
typedef struct {
    const glimpse_codec *codec;
    uint32_t cycle;          /* glimpse_codec_cycle(codec) */
    uint32_t rank;           /* of the symbol that glimpse_order_next returns next */
    uint32_t place;          /* its position (by channel) or flat index (interleaved) */
    uint32_t channel;        /* by channel and by saliency */
    uint32_t left;           /* by channel only: symbols of this channel not yet walked */
    uint32_t y, x;           /* by saliency only: its position */
    glimpse_segment segment; /* by saliency only: where it lies */
} glimpse_order;

/* rank: 0 .. number of symbols (the end). */
void glimpse_order_seek(glimpse_order *order, const glimpse_codec *codec, uint32_t rank);

/* Flat index of the next symbol; call at most as often as symbols remain. */
uint32_t glimpse_order_next(glimpse_order *order);

/* Position y of a side of `size` lies in cell y * cells / size; the first that lies in `cell` or a later one. */
static inline uint32_t glimpse_cell_first(uint32_t cell, uint32_t cells, uint32_t size)
{
    return (cell * size + cells - 1u) / cells;
}

/* By saliency only: how many segments there are, the one with a number, and the one that holds a rank, 0 .. number of
   symbols - 1. */
uint32_t glimpse_segment_total(const glimpse_codec *codec);
glimpse_segment glimpse_segment_numbered(const glimpse_codec *codec, uint32_t number);
glimpse_segment glimpse_segment_of(const glimpse_codec *codec, uint32_t rank);

#endif
