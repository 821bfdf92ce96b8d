/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

enum { TOTAL = 1 << GLIMPSE_FREQUENCY_BITS };

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        const uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static bool shape_is_sound(const glimpse_codec *codec)
{
    if (codec->model > GLIMPSE_MAX_MODEL || codec->levels < GLIMPSE_MIN_LEVELS || codec->levels > GLIMPSE_MAX_LEVELS ||
        codec->channels < 1 || codec->channels > GLIMPSE_MAX_CHANNELS) {
        return false;
    }
    /* Positions first: the product of all three may not fit 32 bits. */
    const uint32_t positions = glimpse_codec_positions(codec);
    return positions >= 1 && positions <= GLIMPSE_MAX_SYMBOLS && glimpse_codec_symbols(codec) <= GLIMPSE_MAX_SYMBOLS;
}

static bool permutation_is_sound(const glimpse_codec *codec)
{
    const glimpse_saliency *saliency = &codec->saliency;
    const uint32_t cycle = glimpse_codec_cycle(codec);
    return codec->stride >= 1 && codec->stride <= cycle && codec->offset < cycle &&
           greatest_common_divisor(cycle, codec->stride) == 1 &&
           (saliency->rows | saliency->columns | saliency->bits | saliency->block | saliency->gain |
            saliency->tolerance) == 0 &&
           saliency->curve == NULL;
}

static bool saliency_is_sound(const glimpse_codec *codec)
{
    const glimpse_saliency *saliency = &codec->saliency;
    if (codec->stride != 0 || codec->offset != 0 || saliency->curve == NULL || saliency->rows < 1 ||
        saliency->rows > codec->height || saliency->columns < 1 || saliency->columns > codec->width ||
        saliency->bits < 1 || saliency->bits > GLIMPSE_MAX_MAP_BITS || saliency->block < 1 ||
        saliency->block > codec->channels) {
        return false;
    }
    const uint32_t blocks = (codec->channels + saliency->block - 1u) / saliency->block;
    return blocks * saliency->rows * saliency->columns <= GLIMPSE_MAX_SEGMENTS;
}

static bool order_is_sound(const glimpse_codec *codec)
{
    switch (codec->order) {
    case GLIMPSE_ORDER_INTERLEAVED:
    case GLIMPSE_ORDER_CHANNEL:
        return permutation_is_sound(codec);
    case GLIMPSE_ORDER_SALIENCY:
        return saliency_is_sound(codec);
    default:
        return false;
    }
}

static bool quantiser_is_sound(const glimpse_codec *codec)
{
    if (codec->minimum == NULL || codec->step == NULL) {
        return false;
    }
    for (uint32_t channel = 0; channel < codec->channels; channel++) {
        if (codec->step[channel] < 1 || codec->minimum[channel] < -GLIMPSE_MAX_MINIMUM ||
            codec->minimum[channel] > GLIMPSE_MAX_MINIMUM) {
            return false;
        }
    }
    return true;
}

static bool context_is_sound(const glimpse_codec *codec, const glimpse_context *context)
{
    if (context->centre >= codec->levels || context->classes < 1 || context->classes > GLIMPSE_MAX_CLASSES ||
        context->taps > GLIMPSE_MAX_TAPS || context->reserved != 0) {
        return false;
    }
    for (uint32_t i = 1; i < GLIMPSE_CONTEXT_SIDE - 1; i++) {
        if (context->value_limit[i] < context->value_limit[i - 1] ||
            context->activity_limit[i] < context->activity_limit[i - 1]) {
            return false;
        }
    }
    for (uint32_t i = 0; i < GLIMPSE_MAX_TAPS; i++) {
        const glimpse_tap *tap = &context->tap[i];
        if (tap->channel >= codec->channels) {
            return false;
        }
        if (i >= context->taps && (tap->channel != 0 || tap->dy != 0 || tap->dx != 0 || tap->value_weight != 0 ||
                                   tap->activity_weight != 0)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < GLIMPSE_CONTEXT_SIDE * GLIMPSE_CONTEXT_SIDE; i++) {
        if (context->class_of[i] >= context->classes) {
            return false;
        }
    }
    return true;
}

static bool contexts_are_sound(const glimpse_codec *codec)
{
    uint32_t tables = 0;
    if (codec->contexts == NULL) {
        return true;
    }
    for (uint32_t channel = 0; channel < codec->channels; channel++) {
        const glimpse_context *context = &codec->contexts[channel];
        if (context->first_table != tables || !context_is_sound(codec, context)) {
            return false;
        }
        tables += context->classes;
    }
    return codec->cumulative != NULL;
}

static bool rises(const uint16_t *values, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (values[i] <= values[i - 1]) {
            return false;
        }
    }
    return true;
}

/* Its values rise, and leave room for the symbols on both sides. */
static bool inner_is_sound(const glimpse_codec *codec, const glimpse_table *table)
{
    if (table->first > table->last || table->last >= codec->levels) {
        return false;
    }
    const uint16_t *const values = codec->cumulative + table->at;
    const uint32_t count = (uint32_t)table->last - table->first + 1u;
    const uint32_t behind = codec->levels - 1u - table->last;
    return (table->first == 0 ? values[0] == 0 : values[0] >= table->first) && values[count - 1] < TOTAL - behind &&
           rises(values, count);
}

/* After the contexts, which say how many there are. */
static bool tables_are_sound(const glimpse_codec *codec)
{
    const uint32_t levels = codec->levels;
    const uint16_t *table = codec->cumulative;
    if (table == NULL) {
        return codec->tables == NULL;
    }
    for (uint32_t i = 0; i < glimpse_codec_tables(codec); i++, table += levels + 1) {
        const bool sound = codec->tables != NULL
                               ? inner_is_sound(codec, &codec->tables[i])
                               : table[0] == 0 && table[levels] == TOTAL && rises(table, levels + 1);
        if (!sound) {
            return false;
        }
    }
    return true;
}

uint32_t glimpse_codec_tables(const glimpse_codec *codec)
{
    if (codec->contexts == NULL) {
        return codec->channels;
    }
    const glimpse_context *last = &codec->contexts[codec->channels - 1];
    return (uint32_t)last->first_table + last->classes;
}

int glimpse_codec_check(const glimpse_codec *codec)
{
    return shape_is_sound(codec) && order_is_sound(codec) && quantiser_is_sound(codec) && contexts_are_sound(codec) &&
                   tables_are_sound(codec)
               ? GLIMPSE_OK
               : GLIMPSE_ERROR_MODEL_FORMAT;
}
