/* SPDX-License-Identifier: Apache-2.0 */
/* How likely a symbol is to have left its place in the reference: learned within a packet, from what the same packet
   has already brought. */
#ifndef GLIMPSE_CORE_CHANGE_H
#define GLIMPSE_CORE_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/codec.h"
#include "core/context.h"

enum {
    GLIMPSE_REFERENCE_CHECK_BITS = 10,
    GLIMPSE_CHANGE_RATE = 5 /* an answer moves its probability by 1 / (1 << this) of the way */
};

/* Symbols that both ends hold. */
typedef struct {
    const uint8_t *symbols; /* [height, width, channels]; below levels where known, not looked at elsewhere */
    const uint8_t *known;   /* bitmap by flat index: bit at & 7 (of value 1 << that) of byte at >> 3 */
    uint8_t frame;          /* that they were made from, 0..GLIMPSE_MAX_FRAME */
    uint16_t check;         /* glimpse_reference_check */
} glimpse_reference;

static inline bool glimpse_reference_knows(const glimpse_reference *reference, uint32_t at)
{
    return (reference->known[at >> 3] & (1u << (at & 7u))) != 0;
}

/* The lowest GLIMPSE_REFERENCE_CHECK_BITS of the CRC-32 of one message: for each symbol, by flat index, 1 and the
   symbol where it is known, 0 where not. */
uint16_t glimpse_reference_check(const glimpse_codec *codec, const uint8_t *symbols, const uint8_t *known);

/* What a symbol that the reference lacks is compared with: the centre of the channel's context, without contexts the
   symbol of the latent value 0. */
uint8_t glimpse_reference_centre(const glimpse_codec *codec, uint32_t channel);

/* The questions that are asked of a symbol that the reference knows; each has a probability for every context. */
enum {
    GLIMPSE_CHANGE_MOVED = 0,       /* another symbol than the reference's? 27 contexts */
    GLIMPSE_CHANGE_BEYOND_ONE = 27, /* farther than one? 6 contexts */
    GLIMPSE_CHANGE_BEYOND_TWO = 33, /* farther than two? 6 */
    GLIMPSE_CHANGE_DOWN = 39,       /* below the reference's? 3 */
    GLIMPSE_CHANGE_LAST = 42,       /* asked after all news: the last ones of the packet? */
    GLIMPSE_CHANGE_ODDS = 43
};

/* What one packet has brought so far. The caller owns it. */
typedef struct {
    const glimpse_reference *reference;
    glimpse_surroundings around;        /* its symbols are the frame's, its `known` what the packet has brought */
    uint16_t odds[GLIMPSE_CHANGE_ODDS]; /* of the answer no, in 1 / (1 << GLIMPSE_FREQUENCY_BITS) */
    uint8_t centre[GLIMPSE_MAX_CHANNELS];
} glimpse_changes;

/* Forgets everything: each packet stands alone. symbols: the frame's; only those brought are looked at. */
void glimpse_changes_begin(glimpse_changes *changes, const glimpse_codec *codec, const glimpse_reference *reference,
                           const uint8_t *symbols);

/* The reference's symbol at a flat index, or what stands for it. */
static inline uint8_t glimpse_changes_expected(const glimpse_changes *changes, uint32_t at)
{
    return glimpse_reference_knows(changes->reference, at) ? changes->reference->symbols[at]
                                                           : changes->centre[at % changes->around.codec->channels];
}

/* Which probabilities hold for a symbol that the reference knows, by the symbols near it: indexes into odds. */
typedef struct {
    uint8_t moved, beyond_one, beyond_two, down;
} glimpse_change_context;

glimpse_change_context glimpse_changes_context(const glimpse_changes *changes, uint32_t at);

static inline void glimpse_change_learn(uint16_t *odds, bool yes)
{
    const uint32_t no = *odds;
    const uint32_t left = (1u << GLIMPSE_FREQUENCY_BITS) - no;
    *odds = (uint16_t)(yes ? no - (no >> GLIMPSE_CHANGE_RATE) : no + (left >> GLIMPSE_CHANGE_RATE));
}

#endif
