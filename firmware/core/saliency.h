/* SPDX-License-Identifier: Apache-2.0 */
/* Which segment of the order by saliency a packet starts with. The map steers the sender and is never sent: every packet
   says by its first rank which symbols it brings. */
#ifndef GLIMPSE_CORE_SALIENCY_H
#define GLIMPSE_CORE_SALIENCY_H

#include <stdint.h>

#include "core/codec.h"
#include "core/order.h"

/* The map: each position of the side output becomes 0..255 by the codec's curve, each cell the rounded mean of its
   positions, then level = (mean * (2^bits - 1) + 127) / 255.
   side: int8 [height, width]. map: uint8 [rows, columns]. */
void glimpse_saliency_map(const glimpse_codec *codec, const int8_t *side, uint8_t *map);

/* What is left to send of a frame. */
typedef struct {
    const glimpse_codec *codec;
    uint8_t level[GLIMPSE_MAX_SEGMENTS];    /* the map */
    uint16_t waiting[GLIMPSE_MAX_SEGMENTS]; /* symbols of each segment not yet sent, always its last ones */
} glimpse_picker;

void glimpse_picker_begin(glimpse_picker *picker, const glimpse_codec *codec, const int8_t *side);

/* Symbols that follow one another in rank. */
typedef struct {
    uint32_t first; /* rank */
    uint32_t count;
} glimpse_run;

/* Where the next packet starts, and how many symbols it can bring before one that has been sent. A segment's score is
   256 * level + gain * (channels - first channel of its block). The packet starts with the segment that has the highest
   score of those not wholly sent, the lowest rank among equals; or, as long as it is wholly unsent, with the one before
   it in its block, if that is wholly unsent and scores at least the highest less the tolerance; and so on back.
   Call while symbols are waiting. */
glimpse_run glimpse_picker_next(const glimpse_picker *picker);

/* The first `count` symbols of that run have been sent. */
void glimpse_picker_sent(glimpse_picker *picker, uint32_t first, uint32_t count);

#endif
