/* SPDX-License-Identifier: Apache-2.0 */
/* PACK, against what the receiver already has: packets of what changed before a fixed camera. Each decodes alone, given
   the reference that it names. docs/wire-format.md is the specification. */
#ifndef GLIMPSE_CORE_DIFFERENCE_H
#define GLIMPSE_CORE_DIFFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/change.h"
#include "core/codec.h"
#include "core/packet.h"
#include "core/picker.h"

enum {
    GLIMPSE_REFERENCE_BYTES = 2, /* at the start of the body: frame 6 bits, check GLIMPSE_REFERENCE_CHECK_BITS */
    GLIMPSE_HOLD_UNIT = 16       /* parts of a quantiser step */
};

/* Quantises as glimpse_symbols_quantise, but lets a symbol stay that of the reference as long as the latent value lies
   at most `hold` / GLIMPSE_HOLD_UNIT steps from it: a sensor's noise is no change. A hold of 0 holds nothing. symbols:
   of the latent's shape; may be the same memory. */
void glimpse_difference_settle(const glimpse_codec *codec, const glimpse_reference *reference, const int8_t *latent,
                               uint32_t hold, uint8_t *symbols);

/* Cuts what changed into packets. The caller owns it; symbols and reference stay as they are until it is done. */
typedef struct {
    const glimpse_codec *codec;
    const uint8_t *symbols; /* [height, width, channels] */
    const glimpse_reference *reference;
    uint32_t rank; /* not steered: of the first symbol that may still have to be sent */
    uint32_t sent; /* symbols, of each packet from its first to its last */
    uint8_t frame;
    bool steered;           /* by the picker, which is not used otherwise */
    bool stale;             /* the picker has not been told of changes to waiting */
    glimpse_ranks *waiting; /* what is still to be looked at; NULL: everything once */
    glimpse_run last;       /* of the last packet, and of what was passed over before it */
    uint32_t brought;       /* by it */
    glimpse_picker picker;
    glimpse_changes changes;
} glimpse_difference_packer;

/* symbols: each below levels. News are symbols that the reference lacks and those that moved from it. The most
   important leave first: in the order of ranks; of a codec ordered by saliency, as glimpse_picker chooses with a map of
   how much each cell changed, highest where its symbols moved by one on average. GLIMPSE_ERROR_ARGUMENT: frame out of
   range. */
int glimpse_difference_begin(glimpse_difference_packer *packer, const glimpse_codec *codec,
                             const glimpse_reference *reference, const uint8_t *symbols, uint8_t frame);

/* As glimpse_packer_follow, glimpse_packer_changed, glimpse_packer_want and glimpse_packer_take_back. What is no news and
   waits goes from `waiting` when its turn comes. */
void glimpse_difference_follow(glimpse_difference_packer *packer, glimpse_ranks *waiting);
void glimpse_difference_changed(glimpse_difference_packer *packer);
int glimpse_difference_want(glimpse_difference_packer *packer, uint32_t top, uint32_t bottom, uint32_t left,
                            uint32_t right);
void glimpse_difference_take_back(glimpse_difference_packer *packer);

/* As glimpse_packer_next; 0 when all news have been sent. A packet starts and ends with news. */
int glimpse_difference_next(glimpse_difference_packer *packer, size_t payload, uint8_t *packet);

/* The same of a run that the caller chose, all of it in `waiting`; 0: there is no news in it. */
int glimpse_difference_pack(glimpse_difference_packer *packer, glimpse_run run, size_t payload, uint8_t *packet);

/* Where a packet is decoded before anything of it is taken; nothing in it needs to be set. */
typedef struct {
    uint8_t symbols[GLIMPSE_MAX_SYMBOLS];
    glimpse_changes changes;
} glimpse_difference_workspace;

/* The frame and the check of the reference that a packet needs. GLIMPSE_OK, or GLIMPSE_ERROR_LENGTH, _CHECK, _VERSION,
   _KIND (not a difference), _BODY (cut short). */
int glimpse_difference_needs(const uint8_t *packet, size_t length, uint8_t *frame, uint16_t *check);

/* As glimpse_packet_unpack. received becomes 1 for every symbol from the packet's first to its last, also for those
   that are still the reference's. Also GLIMPSE_ERROR_REFERENCE: made against another reference, or `reference` is NULL.
   */
int glimpse_difference_unpack(const glimpse_codec *codec, int frame, const glimpse_reference *reference,
                              const uint8_t *packet, size_t length, glimpse_difference_workspace *work,
                              uint8_t *symbols, uint8_t *received);

#endif
