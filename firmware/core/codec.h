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
    GLIMPSE_MIN_LEVELS = 2,
    GLIMPSE_MAX_LEVELS = 256,
    GLIMPSE_MAX_MINIMUM = 1 << 20, /* of |minimum|; int8 times 256 stays below 1 << 15 */
    GLIMPSE_FREQUENCY_BITS = 15,   /* the frequencies of a table's symbols sum to 1 << this */
    GLIMPSE_MAX_CLASSES = 16,      /* tables of one channel */
    GLIMPSE_MAX_TAPS = 16,         /* symbols that one context looks at */
    GLIMPSE_CONTEXT_SIDE = 8,      /* a context's grid is this many values by this many activities */
    GLIMPSE_MAX_SEGMENTS = 256,    /* of the order by saliency */
    GLIMPSE_MAX_MAP_BITS = 8
};

typedef enum {
    GLIMPSE_ORDER_INTERLEAVED = 0, /* all channels mixed: a lost packet is spread thin over the image (Starfish) */
    GLIMPSE_ORDER_CHANNEL = 1,     /* channel by channel, positions permuted inside each (MCUCoder) */
    GLIMPSE_ORDER_SALIENCY = 2     /* by blocks of channels, cell by cell; the sender picks the segments (LimitNet) */
} glimpse_order_kind;

/* One symbol near the one to be coded. */
typedef struct {
    uint8_t channel; /* its channel */
    int8_t dy, dx;   /* its position less that of the symbol to be coded */
    int8_t value_weight;
    int8_t activity_weight;
} glimpse_tap;

/* How the table for a symbol of one channel is chosen (core/context.h). It lies like this in a model blob. */
typedef struct {
    uint16_t first_table; /* the channel's first table: the sum of `classes` of all channels before it */
    uint16_t typical;     /* usual |symbol - centre| of this channel, in 1/16: what an unknown symbol counts as */
    uint8_t centre;       /* the symbol for nothing */
    uint8_t classes;      /* tables of this channel, 1..GLIMPSE_MAX_CLASSES */
    uint8_t taps;         /* 0..GLIMPSE_MAX_TAPS; the taps behind them are zero */
    uint8_t reserved;
    int32_t value_limit[GLIMPSE_CONTEXT_SIDE - 1];    /* not falling */
    int32_t activity_limit[GLIMPSE_CONTEXT_SIDE - 1]; /* not falling */
    glimpse_tap tap[GLIMPSE_MAX_TAPS];
    uint8_t class_of[GLIMPSE_CONTEXT_SIDE * GLIMPSE_CONTEXT_SIDE]; /* [value][activity], each below classes */
} glimpse_context;

/* The order by saliency; all zero in the others. */
typedef struct {
    uint8_t rows, columns; /* cells of the map, at most the latent's height and width */
    uint8_t bits;          /* of a cell's level, 1..GLIMPSE_MAX_MAP_BITS */
    uint8_t block;         /* channels that are sent together, 1..channels */
    uint16_t gain;         /* what a channel less is worth, in 1/256 of a level */
    uint16_t tolerance;    /* how much less a segment may be worth and still be sent before the best one, in 1/256 */
    const uint8_t *curve;  /* [256] saliency 0..255 for the side output's values -128..127 */
} glimpse_saliency;

/* A table without its ends: before symbol `first` and behind `last` every frequency is 1. */
typedef struct {
    uint16_t at; /* index of its first value among the codec's; cumulative[at + i] belongs to symbol first + i */
    uint8_t first, last;
} glimpse_table;

/* All pointers stay valid as long as the model blob that they point into. */
typedef struct {
    uint8_t model;    /* 0..GLIMPSE_MAX_MODEL */
    uint8_t revision; /* its lowest bit travels in every packet */
    uint16_t height;  /* of the latent, at least 1 like the width */
    uint16_t width;
    uint8_t channels;           /* 1..GLIMPSE_MAX_CHANNELS; height * width * channels <= GLIMPSE_MAX_SYMBOLS */
    uint8_t order;              /* glimpse_order_kind */
    uint16_t levels;            /* a symbol is below this, GLIMPSE_MIN_LEVELS..GLIMPSE_MAX_LEVELS */
    uint16_t stride;            /* of the permutation: 1 .. its length (glimpse_codec_cycle), coprime to the length */
    uint16_t offset;            /* where the permutation starts, below its length; by channel, times the channel */
    const int32_t *minimum;     /* [channels] int8 latent value of symbol 0, in 1/256; +-GLIMPSE_MAX_MINIMUM */
    const uint16_t *step;       /* [channels] int8 latent value between symbols, in 1/256, at least 1 */
    const uint16_t *cumulative; /* [tables][levels + 1] from 0 to 1 << GLIMPSE_FREQUENCY_BITS, strictly rising, all of
                                   channel 0 first; with `tables` what they point at; NULL: raw bits only */
    const glimpse_context *contexts; /* [channels]; NULL: one table for each channel */
    glimpse_saliency saliency;
    const glimpse_table *tables; /* [tables], without their ends; NULL: whole */
} glimpse_codec;

static inline uint32_t glimpse_codec_positions(const glimpse_codec *codec)
{
    return (uint32_t)codec->height * codec->width;
}

static inline uint32_t glimpse_codec_symbols(const glimpse_codec *codec)
{
    return glimpse_codec_positions(codec) * codec->channels;
}

/* Of one raw symbol: the fewest that tell the levels apart, 1..8. */
static inline uint32_t glimpse_codec_bits(const glimpse_codec *codec)
{
    uint32_t bits = 1;
    while (codec->levels > 1u << bits) {
        bits++;
    }
    return bits;
}

/* Length of the permutation that stride and offset make: all symbols interleaved, one channel's by channel; by saliency
   there is none, and stride and offset are 0. */
static inline uint32_t glimpse_codec_cycle(const glimpse_codec *codec)
{
    return codec->order == GLIMPSE_ORDER_CHANNEL ? glimpse_codec_positions(codec) : glimpse_codec_symbols(codec);
}

/* Tables of all channels together. */
uint32_t glimpse_codec_tables(const glimpse_codec *codec);

/* GLIMPSE_OK, or GLIMPSE_ERROR_MODEL_FORMAT when any bound above is broken (tables and coprimality included).
   Everything else in core assumes a codec that passed. */
int glimpse_codec_check(const glimpse_codec *codec);

#endif
