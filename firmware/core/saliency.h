/* SPDX-License-Identifier: Apache-2.0 */
/* Which segment of the order by saliency a packet starts with. The map steers the sender and is never sent: every
   packet says by its first rank which symbols it brings. */
#ifndef GLIMPSE_CORE_SALIENCY_H
#define GLIMPSE_CORE_SALIENCY_H

#include <stdint.h>

#include "core/codec.h"
#include "core/order.h"
#include "core/ranks.h"

/* The map: each position of the side output becomes 0..255 by the codec's curve, each cell the rounded mean of its
   positions, then level = (mean * (2^bits - 1) + 127) / 255.
   side: int8 [height, width]. map: uint8 [rows, columns]. */
void glimpse_saliency_map(const glimpse_codec *codec, const int8_t *side, uint8_t *map);

/* What is left to send of a frame. */
typedef struct {
    const glimpse_codec *codec;
    uint8_t level[GLIMPSE_MAX_SEGMENTS];    /* the map */
    uint16_t waiting[GLIMPSE_MAX_SEGMENTS]; /* symbols of each not yet sent; its last, unless `ranks` says which */
    const glimpse_ranks *ranks;             /* those that wait; NULL: the last ones of each segment */
    uint16_t top, bottom, left, right;      /* cells that come before all others, the ends outside; none: all 0 */
} glimpse_picker;

/* side: NULL: the map is the same everywhere, so that packets follow the ranks. */
void glimpse_picker_begin(glimpse_picker *picker, const glimpse_codec *codec, const int8_t *side);

/* From now on any ranks may be those that wait. They stay the caller's, who tells of each change to them: here again,
   or by glimpse_picker_sent. */
void glimpse_picker_follow(glimpse_picker *picker, const glimpse_ranks *ranks);

/* The segments of the cells that positions top .. bottom - 1, left .. right - 1 of the latent lie in come before all
   others; in them and after them all goes by score. Not empty, and inside the latent. */
void glimpse_picker_want(glimpse_picker *picker, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right);

/* Where the next packet starts, and how many symbols it can bring before one that has been sent. A segment's score is
   256 * level + gain * (channels - first channel of its block). The packet starts with the segment that has the highest
   score of those not wholly sent, the lowest rank among equals; or, as long as it is wholly unsent, with the one before
   it in its block, if that is wholly unsent and scores at least the highest less the tolerance; and so on back. The run
   begins with the segment's first symbol that waits and ends before the first that does not. Call while symbols are
   waiting. */
glimpse_run glimpse_picker_next(const glimpse_picker *picker);

/* The first `count` symbols of that run have been sent; and they have not, after all, when they were the last ones. */
void glimpse_picker_sent(glimpse_picker *picker, uint32_t first, uint32_t count);
void glimpse_picker_unsent(glimpse_picker *picker, uint32_t first, uint32_t count);

#endif
