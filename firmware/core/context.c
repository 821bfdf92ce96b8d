/* SPDX-License-Identifier: Apache-2.0 */
#include "core/context.h"

#include <string.h>

void glimpse_surroundings_begin(glimpse_surroundings *around, const glimpse_codec *codec, const uint8_t *symbols)
{
    around->codec = codec;
    around->symbols = symbols;
    if (codec->contexts != NULL) {
        memset(around->known, 0, (glimpse_codec_symbols(codec) + 7u) / 8u);
    }
}

static uint32_t limits_reached(const int32_t *limits, int32_t sum)
{
    uint32_t reached = 0;
    while (reached < GLIMPSE_CONTEXT_SIDE - 1 && limits[reached] <= sum) {
        reached++;
    }
    return reached;
}

/* Sums stay below 16 taps * 128 * 65535 in size. */
static uint32_t class_of(const glimpse_surroundings *around, const glimpse_context *context, uint32_t position)
{
    const glimpse_codec *codec = around->codec;
    const uint32_t y = position / codec->width;
    const uint32_t x = position - y * codec->width;
    int32_t value = 0;
    int32_t activity = 0;
    for (uint32_t i = 0; i < context->taps; i++) {
        const glimpse_tap *tap = &context->tap[i];
        const uint32_t row = (uint32_t)((int32_t)y + tap->dy); /* above the latent: more than any height */
        const uint32_t column = (uint32_t)((int32_t)x + tap->dx);
        if (row >= codec->height || column >= codec->width) {
            continue;
        }
        const uint32_t at = (row * codec->width + column) * codec->channels + tap->channel;
        if ((around->known[at >> 3] >> (at & 7u) & 1u) == 0) {
            continue;
        }
        const glimpse_context *other = &codec->contexts[tap->channel];
        const int32_t above = (int32_t)around->symbols[at] - other->centre;
        value += tap->value_weight * above;
        activity += tap->activity_weight * (16 * (above < 0 ? -above : above) - other->typical);
    }
    return context->class_of[limits_reached(context->value_limit, value) * GLIMPSE_CONTEXT_SIDE +
                             limits_reached(context->activity_limit, activity)];
}

const uint16_t *glimpse_surroundings_table(const glimpse_surroundings *around, uint32_t at)
{
    const glimpse_codec *codec = around->codec;
    const uint32_t position = at / codec->channels;
    const uint32_t channel = at - position * codec->channels;
    uint32_t table = channel;
    if (codec->contexts != NULL) {
        const glimpse_context *context = &codec->contexts[channel];
        table = context->first_table;
        if (context->classes > 1) {
            table += class_of(around, context, position);
        }
    }
    return codec->cumulative + table * (codec->levels + 1u);
}
