/* SPDX-License-Identifier: Apache-2.0 */
/* A few small codecs of every order, without tables, with one a channel and with contexts. */
#ifndef GLIMPSE_TEST_FUZZ_CODECS_H
#define GLIMPSE_TEST_FUZZ_CODECS_H

#include "test/fuzz/fuzz.h"

enum {
    FUZZ_CODECS = 18,
    FUZZ_HEIGHT = 5,
    FUZZ_WIDTH = 7,
    FUZZ_CHANNELS = 4,
    FUZZ_SYMBOLS = FUZZ_HEIGHT * FUZZ_WIDTH * FUZZ_CHANNELS,
    FUZZ_CLASSES = 2 /* of a channel, with contexts */
};

typedef struct {
    glimpse_codec codec;
    int32_t minimum[FUZZ_CHANNELS];
    uint16_t step[FUZZ_CHANNELS];
    uint16_t cumulative[FUZZ_CHANNELS * FUZZ_CLASSES * (GLIMPSE_MAX_LEVELS + 1)];
    glimpse_context contexts[FUZZ_CHANNELS];
    uint8_t curve[256];
} fuzz_codec;

/* Flat, or all that the others can spare for one symbol: the longest and the shortest codes there are. */
static inline void make_table(uint16_t *table, uint32_t levels, uint32_t number)
{
    const uint32_t total = 1u << GLIMPSE_FREQUENCY_BITS;
    const uint32_t each = (number & 1u) != 0 ? 1 : total / levels;
    for (uint32_t i = 0; i < levels; i++) {
        table[i + 1] = (uint16_t)(table[i] + each + (i == number % levels ? total - each * levels : 0));
    }
}

static inline void make_codec(fuzz_codec *made, uint32_t number)
{
    static const uint16_t levels[2] = {5, 256};
    const uint32_t order = number % 3;
    const uint32_t tables = number / 3 % 3;
    memset(made, 0, sizeof *made);
    made->codec = (glimpse_codec){.model = 5,
                                  .revision = 1,
                                  .height = FUZZ_HEIGHT,
                                  .width = FUZZ_WIDTH,
                                  .channels = FUZZ_CHANNELS,
                                  .levels = levels[number / 9],
                                  .order = (uint8_t)order,
                                  .stride = order == GLIMPSE_ORDER_SALIENCY ? 0 : 3,
                                  .offset = order == GLIMPSE_ORDER_SALIENCY ? 0 : 11,
                                  .minimum = made->minimum,
                                  .step = made->step,
                                  .cumulative = tables > 0 ? made->cumulative : NULL,
                                  .contexts = tables > 1 ? made->contexts : NULL};
    for (uint32_t i = 0; i < sizeof made->curve; i++) {
        made->curve[i] = (uint8_t)i;
    }
    if (order == GLIMPSE_ORDER_SALIENCY) {
        made->codec.saliency = (glimpse_saliency){
            .rows = 3, .columns = 2, .bits = 5, .block = 3, .gain = 40, .tolerance = 300, .curve = made->curve};
    }
    for (uint32_t channel = 0; channel < FUZZ_CHANNELS; channel++) {
        made->minimum[channel] = -20000;
        made->step[channel] = (uint16_t)(300 + channel);
        glimpse_context *context = &made->contexts[channel];
        context->first_table = (uint16_t)(channel * FUZZ_CLASSES);
        context->typical = 16;
        context->centre = (uint8_t)(made->codec.levels / 2);
        context->classes = FUZZ_CLASSES;
        context->taps = 3;
        context->tap[0] = (glimpse_tap){(uint8_t)channel, 0, -1, 1, 1};
        context->tap[1] = (glimpse_tap){(uint8_t)channel, 1, 1, -2, 3};
        context->tap[2] = (glimpse_tap){(uint8_t)(FUZZ_CHANNELS - 1 - channel), 0, 0, 5, 1};
        for (uint32_t i = 0; i < sizeof context->class_of; i++) {
            context->class_of[i] = (uint8_t)(i % FUZZ_CLASSES);
        }
    }
    for (uint32_t i = 0; i < FUZZ_CHANNELS * FUZZ_CLASSES; i++) {
        make_table(made->cumulative + i * (made->codec.levels + 1u), made->codec.levels, i);
    }
    MUST(glimpse_codec_check(&made->codec) == GLIMPSE_OK && glimpse_codec_symbols(&made->codec) == FUZZ_SYMBOLS);
}

static inline const glimpse_codec *codec_numbered(uint32_t number)
{
    static fuzz_codec made[FUZZ_CODECS];
    static bool ready;
    for (uint32_t i = 0; !ready && i < FUZZ_CODECS; i++) {
        make_codec(&made[i], i);
    }
    ready = true;
    return &made[number % FUZZ_CODECS].codec;
}

/* Symbols out of the input, each below levels. */
static inline void take_symbols(fuzz_input *in, const glimpse_codec *codec, uint8_t *symbols)
{
    uint32_t state = take_word(in);
    const uint32_t spread = 1u + take_byte(in) % codec->levels;
    for (uint32_t i = 0; i < FUZZ_SYMBOLS; i++) {
        state = state * 1664525u + 1013904223u;
        symbols[i] = (uint8_t)((state >> 16) % spread);
    }
}

#endif
