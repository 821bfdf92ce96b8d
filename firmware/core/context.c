/* SPDX-License-Identifier: Apache-2.0 */
#include "core/context.h"

#include <stdbool.h>
#include <string.h>

void glimpse_surroundings_begin(glimpse_surroundings *around, const glimpse_codec *codec, const uint8_t *symbols)
{
    around->codec = codec;
    around->symbols = symbols;
    around->channel = codec->channels;
    memset(around->seen, 0, sizeof around->seen);
    if (codec->contexts != NULL) {
        memset(around->known, 0, (glimpse_codec_symbols(codec) + 7u) / 8u);
    }
}

/* The larger of a reach and a tap's distance, which counts as 0 on the other side. */
static uint32_t reach(uint32_t before, int32_t distance)
{
    return distance > (int32_t)before ? (uint32_t)distance : before;
}

static void prepare(glimpse_surroundings *around, uint32_t channel)
{
    const glimpse_codec *codec = around->codec;
    const glimpse_context *context = &codec->contexts[channel];
    glimpse_neighbour *next = around->neighbour;
    around->channel = channel;
    around->above = around->below = around->left = around->right = 0;
    for (uint32_t i = 0; i < context->taps; i++) {
        const glimpse_tap *tap = &context->tap[i];
        const glimpse_context *other = &codec->contexts[tap->channel];
        if ((around->seen[tap->channel / 32] >> (tap->channel & 31u) & 1u) == 0) {
            continue;
        }
        *next++ = (glimpse_neighbour){
            .ahead = (tap->dy * codec->width + tap->dx) * codec->channels + tap->channel - (int32_t)channel,
            .rest = tap->activity_weight * other->typical,
            .value_weight = tap->value_weight,
            .activity_weight = (int16_t)(16 * tap->activity_weight),
            .dy = tap->dy,
            .dx = tap->dx,
            .centre = other->centre,
        };
        around->above = reach(around->above, -tap->dy);
        around->below = reach(around->below, tap->dy);
        around->left = reach(around->left, -tap->dx);
        around->right = reach(around->right, tap->dx);
    }
    around->neighbours = (uint32_t)(next - around->neighbour);
}

_Static_assert(GLIMPSE_CONTEXT_SIDE == 8, "three halvings");

/* How many of the limits, which do not fall, are at most the sum. */
static uint32_t limits_reached(const int32_t *limits, int32_t sum)
{
    uint32_t reached = limits[3] <= sum ? 4 : 0;
    reached += limits[reached + 1] <= sum ? 2 : 0;
    return reached + (limits[reached] <= sum ? 1 : 0);
}

typedef struct {
    int32_t value, activity; /* below 16 taps * 128 * 65535 in size */
} context_sums;

static inline void add_known(const glimpse_surroundings *around, const glimpse_neighbour *near, uint32_t at,
                             context_sums *sums)
{
    const uint32_t there = (uint32_t)((int32_t)at + near->ahead);
    if ((around->known[there >> 3] >> (there & 7u) & 1u) != 0) {
        const int32_t above = around->symbols[there] - near->centre;
        sums->value += near->value_weight * above;
        sums->activity += near->activity_weight * (above < 0 ? -above : above) - near->rest;
    }
}

static uint32_t class_at(const glimpse_surroundings *around, const glimpse_context *context, uint32_t at,
                         uint32_t position)
{
    const glimpse_codec *codec = around->codec;
    const uint32_t y = position / codec->width;
    const uint32_t x = position - y * codec->width;
    const bool inside = y >= around->above && y + around->below < codec->height && x >= around->left &&
                        x + around->right < codec->width;
    context_sums sums = {0, 0};
    const glimpse_neighbour *const end = around->neighbour + around->neighbours;
    if (inside) {
        for (const glimpse_neighbour *near = around->neighbour; near < end; near++) {
            add_known(around, near, at, &sums);
        }
    } else {
        for (const glimpse_neighbour *near = around->neighbour; near < end; near++) {
            if ((uint32_t)((int32_t)y + near->dy) < codec->height && (uint32_t)((int32_t)x + near->dx) < codec->width) {
                add_known(around, near, at, &sums);
            }
        }
    }
    return context->class_of[limits_reached(context->value_limit, sums.value) * GLIMPSE_CONTEXT_SIDE +
                             limits_reached(context->activity_limit, sums.activity)];
}

uint32_t glimpse_surroundings_table(glimpse_surroundings *around, uint32_t at)
{
    const glimpse_codec *codec = around->codec;
    const uint32_t position = at / codec->channels;
    const uint32_t channel = at - position * codec->channels;
    uint32_t table = channel;
    if (codec->contexts != NULL) {
        const glimpse_context *context = &codec->contexts[channel];
        table = context->first_table;
        if (context->classes > 1) {
            if (channel != around->channel) {
                prepare(around, channel);
            }
            table += class_at(around, context, at, position);
        }
    }
    return table;
}

glimpse_frequencies glimpse_surroundings_frequencies(glimpse_surroundings *around, uint32_t at)
{
    const glimpse_codec *codec = around->codec;
    const uint32_t number = glimpse_surroundings_table(around, at);
    const uint32_t last = codec->levels - 1u;
    if (codec->tables == NULL) {
        const uint16_t *const values = codec->cumulative + number * (codec->levels + 1u);
        return (glimpse_frequencies){values, 0, (uint16_t)last, codec->levels};
    }
    const glimpse_table *const table = &codec->tables[number];
    return (glimpse_frequencies){codec->cumulative + table->at, table->first, table->last, codec->levels};
}

bool glimpse_surroundings_put(glimpse_surroundings *around, uint32_t at, uint32_t symbol, glimpse_range_writer *writer)
{
    const glimpse_codec *codec = around->codec;
    const uint32_t number = glimpse_surroundings_table(around, at);
    const uint16_t *values;
    if (codec->tables == NULL) {
        values = codec->cumulative + number * (codec->levels + 1u) + symbol;
    } else {
        const glimpse_table *const table = &codec->tables[number];
        if (symbol < table->first || symbol >= table->last) { /* seldom */
            const glimpse_frequencies of = {codec->cumulative + table->at, table->first, table->last, codec->levels};
            return glimpse_range_writer_put(writer, glimpse_frequencies_below(&of, symbol),
                                            glimpse_frequencies_below(&of, symbol + 1u));
        }
        values = codec->cumulative + table->at + (symbol - table->first);
    }
    return glimpse_range_writer_put(writer, values[0], values[1]);
}
