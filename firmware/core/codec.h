/* SPDX-License-Identifier: Apache-2.0 */
/* What the stages from latent to packet need to know of a model. nn fills it from a model blob. */
#ifndef GLIMPSE_CORE_CODEC_H
#define GLIMPSE_CORE_CODEC_H

#include <stdint.h>

enum {
    GLIMPSE_MAX_MODEL = 31,      /* 5 bits in the packet header */
    GLIMPSE_MAX_FRAME = 63,      /* 6 bits; frame ids wrap */
    GLIMPSE_MAX_SYMBOLS = 16384, /* 14 bits: the first symbol of a packet is below this */
    GLIMPSE_MAX_CHANNELS = 64,
    GLIMPSE_MIN_SYMBOL_BITS = 1,
    GLIMPSE_MAX_SYMBOL_BITS = 8,
    GLIMPSE_MAX_MINIMUM = 1 << 20, /* of |minimum|; int8 times 256 stays below 1 << 15 */
    GLIMPSE_FREQUENCY_BITS = 12    /* the frequencies of one channel's symbols sum to 1 << this */
};

typedef enum {
    GLIMPSE_ORDER_INTERLEAVED = 0, /* all channels mixed: a lost packet is spread thin over the image (Starfish) */
    GLIMPSE_ORDER_CHANNEL = 1      /* channel by channel, positions permuted inside each (MCUCoder) */
} glimpse_order_kind;

/* All pointers stay valid as long as the model blob that they point into. */
typedef struct {
    uint8_t model;    /* 0..GLIMPSE_MAX_MODEL */
    uint8_t revision; /* its lowest bit travels in every packet */
    uint16_t height;  /* of the latent, at least 1 like the width */
    uint16_t width;
    uint8_t channels;           /* 1..GLIMPSE_MAX_CHANNELS; height * width * channels <= GLIMPSE_MAX_SYMBOLS */
    uint8_t bits;               /* of one symbol */
    uint8_t order;              /* glimpse_order_kind */
    uint16_t stride;            /* of the permutation: 1 .. its length (glimpse_codec_cycle), coprime to the length */
    uint16_t offset;            /* where the permutation starts, below its length; by channel, times the channel */
    const int32_t *minimum;     /* [channels] int8 latent value of symbol 0, in 1/256; +-GLIMPSE_MAX_MINIMUM */
    const uint16_t *step;       /* [channels] int8 latent value between symbols, in 1/256, at least 1 */
    const uint16_t *cumulative; /* [channels][(1 << bits) + 1] from 0 to 4096, strictly rising; NULL: raw bits only */
} glimpse_codec;

static inline uint32_t glimpse_codec_positions(const glimpse_codec *codec)
{
    return (uint32_t)codec->height * codec->width;
}

static inline uint32_t glimpse_codec_symbols(const glimpse_codec *codec)
{
    return glimpse_codec_positions(codec) * codec->channels;
}

/* Length of the permutation that stride and offset make: all symbols interleaved, one channel's by channel. */
static inline uint32_t glimpse_codec_cycle(const glimpse_codec *codec)
{
    return codec->order == GLIMPSE_ORDER_CHANNEL ? glimpse_codec_positions(codec) : glimpse_codec_symbols(codec);
}

/* GLIMPSE_OK, or GLIMPSE_ERROR_MODEL_FORMAT when any bound above is broken (tables and coprimality included).
   Everything else in core assumes a codec that passed. */
int glimpse_codec_check(const glimpse_codec *codec);

#endif
