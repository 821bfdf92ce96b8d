/* SPDX-License-Identifier: Apache-2.0 */
/* What the receiver is known to have: the sender's side of difference packets. The reference changes only by what was
   acknowledged, so a lost packet or a lost acknowledgement never makes both ends disagree. */
#ifndef GLIMPSE_CORE_REFERENCE_H
#define GLIMPSE_CORE_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/change.h"
#include "core/difference.h"
#include "core/packet.h"
#include "core/ranks.h"

/* One frame after another:

     glimpse_keeper_update(keeper, symbols);      what was acknowledged of the frame before; then its symbols may go
     ... quantise or, if glimpse_keeper_may_differ, glimpse_difference_settle the new frame into symbols ...
     kind = glimpse_keeper_choose(keeper, frame, symbols, payload, &work);
     ... send the frame as this kind; glimpse_keeper_acknowledge(keeper, ...) whenever a downlink says so ...

   The caller owns it, and the memory for the reference: its symbols [height, width, channels], and
   glimpse_ranks_bytes(symbols) bytes for which of them are known. */
typedef struct {
    const glimpse_codec *codec;
    glimpse_reference reference; /* of what lies below */
    uint8_t *symbols;
    uint8_t *known;
    uint8_t *acknowledged; /* of the frame under way, a bitmap by flat index */
    bool valid;            /* there is a reference */
    bool answered;         /* the frame under way has been acknowledged */
    uint8_t frame;         /* under way; above GLIMPSE_MAX_FRAME: none */
    uint8_t kind;          /* of it */
    uint8_t silent;        /* frames sent since the last acknowledgement, at most 255 */
    uint8_t patience;
    uint8_t differences; /* in a row, at most 255 */
    uint8_t refresh;
} glimpse_keeper;

/* What a choice takes beside the keeper. image, difference: to count with, then free to use. acknowledged: as many bytes as
   the reference's bitmap, the keeper's until the next update. */
typedef struct {
    glimpse_packer *image;
    glimpse_difference_packer *difference;
    uint8_t *acknowledged;
} glimpse_keeper_work;

/* symbols, known: the reference's memory, for the keeper alone. patience: so many frames may go without an answer before
   image frames follow until there is one. refresh: at most so many difference frames in a row; 0: any number. */
void glimpse_keeper_begin(glimpse_keeper *keeper, const glimpse_codec *codec, uint8_t *symbols, uint8_t *known,
                          uint8_t patience, uint8_t refresh);

/* Takes over what was acknowledged of the frame under way, which is then no longer under way. An image frame makes a
   new reference of what was acknowledged alone, a difference frame puts it over the reference it was made against.
   sent: that frame's symbols [height, width, channels]; not looked at unless it was acknowledged. */
void glimpse_keeper_update(glimpse_keeper *keeper, const uint8_t *sent);

/* Whether the next frame may be a difference, as far as can be said without it: there is a reference, not too much silence,
   and no image frame due. */
bool glimpse_keeper_may_differ(const glimpse_keeper *keeper);

/* GLIMPSE_KIND_DIFFERENCE, or GLIMPSE_KIND_IMAGE when the frame may not be one, or when, whole and in packets of `payload`
   bytes, it costs more as a difference: more by an eighth, because what the receiver keeps of a difference frame is worth
   something to the next one. The frame is under way from now on. GLIMPSE_ERROR_ARGUMENT: frame or payload out of range. */
int glimpse_keeper_choose(glimpse_keeper *keeper, uint8_t frame, const uint8_t *symbols, size_t payload,
                          const glimpse_keeper_work *work);

/* The receiver has these ranks, and of this frame no others: a later acknowledgement takes the place of an earlier one.
   GLIMPSE_OK; GLIMPSE_ERROR_FRAME: not the frame under way, GLIMPSE_ERROR_RANGE: ranks that there are not; both change
   nothing. */
int glimpse_keeper_acknowledge(glimpse_keeper *keeper, uint8_t frame, const glimpse_run *runs, uint32_t count);

/* A further run of the acknowledgement that was taken last. Errors as there. */
int glimpse_keeper_acknowledge_too(glimpse_keeper *keeper, uint8_t frame, glimpse_run run);

/* The receiver says that it has lost the reference: the frame under way is given up. */
void glimpse_keeper_forget(glimpse_keeper *keeper);

/* The receiver says that it has lost the reference: the frame under way, if there is one, leaves once more, as an image,
   and what is acknowledged from now on is of that. */
void glimpse_keeper_again(glimpse_keeper *keeper);

#endif
