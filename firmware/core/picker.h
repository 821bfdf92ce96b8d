/* SPDX-License-Identifier: Apache-2.0 */
/* Which segment of the order by saliency a packet starts with. The map steers the sender and is never sent: every
   packet says by its first rank which symbols it brings. */
#ifndef GLIMPSE_CORE_PICKER_H
#define GLIMPSE_CORE_PICKER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/codec.h"
#include "core/order.h"
#include "core/ranks.h"

/* What is left to send of a frame. */
typedef struct {
    const glimpse_codec *codec;
    uint8_t level[GLIMPSE_MAX_SEGMENTS];     /* the map */
    uint16_t waiting[GLIMPSE_MAX_SEGMENTS];  /* symbols of each segment; its last ones, unless `ranks` says which */
    uint8_t whole[GLIMPSE_MAX_SEGMENTS / 8]; /* bits: all of its symbols wait */
    const glimpse_ranks *ranks;              /* those that wait; NULL: the last ones of each segment */
    uint16_t top, bottom, left, right;       /* cells that come before all others, the ends outside; none: all 0 */
} glimpse_picker;

/* side: NULL: the map is the same everywhere, so that packets follow the ranks. */
void glimpse_picker_begin(glimpse_picker *picker, const glimpse_codec *codec, const int8_t *side);

/* From now on any ranks may be those that wait. They stay the caller's, who tells of each change to them: here again, or
   by glimpse_picker_sent. */
void glimpse_picker_follow(glimpse_picker *picker, const glimpse_ranks *ranks);

/* The segments of the cells that positions top .. bottom - 1, left .. right - 1 of the latent lie in come before all
   others; in them and after them all goes by score. Not empty, and inside the latent. */
void glimpse_picker_want(glimpse_picker *picker, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right);

typedef struct {
    glimpse_run run; /* what may be sent, up to a symbol that does not wait or a segment that does not wait whole */
    bool to_end;     /* the packet was chosen to bring all of it: where it does not fit, begin later */
} glimpse_pick;

/* Where the next packet starts. expected: symbols that it will hold, as far as can be known, at least 1.

   A segment's score is 256 * level + gain * (channels - first channel of its block). Symbols that wait and follow each
   other in rank are a stretch. A packet may start where a stretch does; or at a segment such that the rest of the
   stretch is the packet; or at a segment with a packet's worth of the stretch before it and after its packet. So no
   leavings are made that would have to go as packets of their own, hardly full. It is worth the sum of its symbols' scores by
   what it costs, its symbols and a quarter of a full packet; less the tolerance where it splits a stretch. The one that
   is worth most is taken, of equal ones the first. While segments that are wanted wait, every packet starts with one,
   whatever is left over. Call while symbols are waiting. */
glimpse_pick glimpse_picker_next(const glimpse_picker *picker, uint32_t expected);

/* The same run from a segment at least `skip` symbols later, or from its last segment. */
glimpse_run glimpse_picker_later(const glimpse_picker *picker, glimpse_run run, uint32_t skip);

/* The first `count` symbols of that run have been sent; and they have not, after all, when they were the last ones. */
void glimpse_picker_sent(glimpse_picker *picker, uint32_t first, uint32_t count);
void glimpse_picker_unsent(glimpse_picker *picker, uint32_t first, uint32_t count);

#endif
