/* SPDX-License-Identifier: Apache-2.0 */
/* Random codecs: sound ones of every order, with and without tables and contexts, and ones that have been damaged. */
#ifndef GLIMPSE_TEST_FUZZ_RANDOM_CODEC_H
#define GLIMPSE_TEST_FUZZ_RANDOM_CODEC_H

#include "core/codec.h"
#include "test/splitmix.h"

enum { RANDOM_TABLES = 256 /* of one codec, at most */ };

typedef struct {
    glimpse_codec codec;
    int32_t minimum[GLIMPSE_MAX_CHANNELS];
    uint16_t step[GLIMPSE_MAX_CHANNELS];
    uint16_t cumulative[RANDOM_TABLES * (GLIMPSE_MAX_LEVELS + 1)];
    glimpse_context contexts[GLIMPSE_MAX_CHANNELS];
    uint8_t curve[256];
} random_codec_parts;

/* A flat table, or one whose symbol `heavy` has all that the others can spare. */
static inline void random_table(uint16_t *table, uint32_t symbols)
{
    const uint32_t total = 1u << GLIMPSE_FREQUENCY_BITS;
    const uint32_t heavy = random_below(symbols);
    const uint32_t each = random_below(2) ? total / symbols : 1;
    const uint32_t spare = total - each * symbols;
    table[0] = 0;
    for (uint32_t i = 0; i < symbols; i++) {
        table[i + 1] = (uint16_t)(table[i] + each + (i == heavy ? spare : 0));
    }
}

/* Sound contexts; the tables of all channels together are at most RANDOM_TABLES. */
static inline void random_contexts(random_codec_parts *of, uint32_t channels)
{
    const uint32_t most =
        RANDOM_TABLES / channels < GLIMPSE_MAX_CLASSES ? RANDOM_TABLES / channels : GLIMPSE_MAX_CLASSES;
    uint32_t tables = 0;
    for (uint32_t channel = 0; channel < channels; channel++) {
        glimpse_context *context = &of->contexts[channel];
        *context = (glimpse_context){
            .first_table = (uint16_t)tables,
            .typical = (uint16_t)random_below(65536),
            .centre = (uint8_t)random_below(of->codec.levels),
            .classes = (uint8_t)(1 + random_below(most)),
            .taps = (uint8_t)random_below(GLIMPSE_MAX_TAPS + 1),
        };
        for (uint32_t i = 0; i < context->taps; i++) {
            random_bytes((uint8_t *)&context->tap[i], sizeof context->tap[i]);
            context->tap[i].channel = (uint8_t)random_below(channels);
            if (random_below(4)) {
                context->tap[i].dy = (int8_t)(random_below(5) - 2);
                context->tap[i].dx = (int8_t)(random_below(5) - 2);
            }
        }
        for (uint32_t i = 0; i < GLIMPSE_CONTEXT_SIDE - 1; i++) {
            context->value_limit[i] = ((int32_t)i - 3) * (int32_t)random_below(2) * 5000;
            context->activity_limit[i] = ((int32_t)i - 3) * 20000;
        }
        for (uint32_t i = 1; i < GLIMPSE_CONTEXT_SIDE - 1; i++) { /* not falling */
            if (context->value_limit[i] < context->value_limit[i - 1]) {
                context->value_limit[i] = context->value_limit[i - 1];
            }
        }
        for (uint32_t i = 0; i < sizeof context->class_of; i++) {
            context->class_of[i] = (uint8_t)random_below(context->classes);
        }
        tables += context->classes;
    }
    of->codec.contexts = of->contexts;
}

static inline void random_order(random_codec_parts *of)
{
    glimpse_codec *codec = &of->codec;
    codec->order = (uint8_t)random_below(3);
    if (codec->order != GLIMPSE_ORDER_SALIENCY) { /* the stride may share a divisor with the permutation's length */
        codec->stride = (uint16_t)(1 + random_below(glimpse_codec_cycle(codec)));
        codec->offset = (uint16_t)random_below(glimpse_codec_cycle(codec));
        return;
    }
    random_bytes(of->curve, sizeof of->curve); /* the segments may be too many */
    codec->saliency = (glimpse_saliency){
        .rows = (uint8_t)(1 + random_below(codec->height)),
        .columns = (uint8_t)(1 + random_below(codec->width)),
        .bits = (uint8_t)(1 + random_below(GLIMPSE_MAX_MAP_BITS)),
        .block = (uint8_t)(1 + random_below(codec->channels)),
        .gain = (uint16_t)(random_below(2) ? random_word() : random_below(300)),
        .tolerance = (uint16_t)(random_below(2) ? random_word() : 0),
        .curve = of->curve,
    };
}

/* Sound but for its order now and then. */
static inline void random_codec(random_codec_parts *of, uint32_t largest)
{
    const uint32_t levels = random_below(2) ? 2u << random_below(8) : 2 + random_below(255);
    const uint8_t channels = (uint8_t)(1 + random_below(random_below(4) ? 8 : GLIMPSE_MAX_CHANNELS));
    const uint32_t positions = 1 + random_below(largest / channels);
    const uint16_t height = (uint16_t)(1 + random_below(positions < 20 ? positions : 20));
    glimpse_codec *codec = &of->codec;
    *codec = (glimpse_codec){
        .model = (uint8_t)random_below(32),
        .revision = (uint8_t)random_below(256),
        .height = height,
        .width = (uint16_t)(positions / height),
        .channels = channels,
        .levels = (uint16_t)levels,
        .minimum = of->minimum,
        .step = of->step,
        .cumulative = random_below(4) ? of->cumulative : NULL,
    };
    random_order(of);
    if (codec->cumulative != NULL && random_below(2)) {
        random_contexts(of, channels);
    }
    for (uint32_t channel = 0; channel < channels; channel++) {
        of->minimum[channel] = (int32_t)random_below(80000) - 40000;
        of->step[channel] = (uint16_t)(1 + random_below(random_below(2) ? 600 : 65535));
    }
    for (uint32_t i = 0; i < glimpse_codec_tables(codec); i++) {
        random_table(of->cumulative + i * (levels + 1u), levels);
    }
}

/* One field of a context out of bounds, or at a bound, or anything. */
static inline void damage_context(glimpse_context *context, uint16_t any)
{
    switch (random_below(9)) {
    case 0:
        context->first_table = any;
        break;
    case 1:
        context->typical = any;
        break;
    case 2:
        context->centre = (uint8_t)any;
        break;
    case 3:
        context->classes = (uint8_t)any;
        break;
    case 4:
        context->taps = (uint8_t)any;
        break;
    case 5:
        random_bytes((uint8_t *)&context->tap[random_below(GLIMPSE_MAX_TAPS)], sizeof context->tap[0]);
        break;
    case 6:
        context->value_limit[random_below(GLIMPSE_CONTEXT_SIDE - 1)] = (int32_t)(uint32_t)random_word();
        break;
    case 7:
        context->activity_limit[random_below(GLIMPSE_CONTEXT_SIDE - 1)] = (int32_t)(uint32_t)random_word();
        break;
    default:
        context->class_of[random_below(sizeof context->class_of)] = (uint8_t)any;
        break;
    }
}

static inline void damage_saliency(glimpse_saliency *saliency, uint16_t any)
{
    switch (random_below(7)) {
    case 0:
        saliency->rows = (uint8_t)any;
        break;
    case 1:
        saliency->columns = (uint8_t)any;
        break;
    case 2:
        saliency->bits = (uint8_t)any;
        break;
    case 3:
        saliency->block = (uint8_t)any;
        break;
    case 4:
        saliency->gain = any;
        break;
    case 5:
        saliency->tolerance = any;
        break;
    default:
        saliency->curve = NULL;
        break;
    }
}

/* One field out of bounds, or at a bound, or anything. */
static inline void damage_codec(random_codec_parts *of)
{
    glimpse_codec *codec = &of->codec;
    const uint16_t any = (uint16_t)(random_below(2) ? random_word() : random_below(3) * 0x7FFFu);
    switch (random_below(16)) {
    case 0:
        codec->model = (uint8_t)any;
        break;
    case 1:
        codec->height = any;
        break;
    case 2:
        codec->width = any;
        codec->height = any;
        break;
    case 3:
        /* fewer or as many: a codec that is said to have more channels than it has contexts is for the blob's reader */
        codec->channels = (uint8_t)(codec->contexts == NULL ? any : any % (codec->channels + 1u));
        break;
    case 4:
        codec->levels = any;
        break;
    case 5:
        codec->order = (uint8_t)any;
        break;
    case 6:
        codec->stride = any;
        break;
    case 7:
        codec->offset = any;
        break;
    case 8:
        of->minimum[random_below(codec->channels)] = (int32_t)(uint32_t)random_word();
        break;
    case 9:
        of->step[random_below(codec->channels)] = any;
        break;
    case 10:
        codec->minimum = NULL;
        break;
    case 11:
        codec->step = NULL;
        break;
    case 12:
    case 13:
        damage_context(&of->contexts[random_below(codec->channels)], any);
        break;
    case 14:
        damage_saliency(&codec->saliency, any);
        break;
    default:
        of->cumulative[random_below(glimpse_codec_tables(codec) * (codec->levels + 1u))] = any;
        break;
    }
}

#endif
