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

static uint32_t without(uint32_t side, uint32_t edges)
{
    return edges < side ? side - edges : 0;
}

static bool is_near(const glimpse_tap *tap)
{
    return (uint32_t)(tap->dy + GLIMPSE_NEAR) <= 2u * GLIMPSE_NEAR &&
           (uint32_t)(tap->dx + GLIMPSE_NEAR) <= 2u * GLIMPSE_NEAR;
}

/* Apart from what happens for every symbol, which else would have to save more registers. */
__attribute__((noinline)) static void prepare(glimpse_surroundings *around, uint32_t channel)
{
    const glimpse_codec *const codec = around->codec;
    const glimpse_context *const context = &codec->contexts[channel];
    const glimpse_tap *const end = context->tap + context->taps;
    glimpse_neighbour *next = around->neighbour;
    bool near = true;
    for (const glimpse_tap *tap = context->tap; tap < end; tap++) {
        if ((around->seen[tap->channel / 32] >> (tap->channel & 31u) & 1u) == 0) {
            continue;
        }
        const glimpse_context *const other = &codec->contexts[tap->channel];
        near = near && is_near(tap);
        next->ahead = (tap->dy * codec->width + tap->dx) * codec->channels + tap->channel - (int32_t)channel;
        next->rest = tap->activity_weight * other->typical;
        next->value_weight = tap->value_weight;
        next->activity_weight = (int16_t)(16 * tap->activity_weight);
        next->dy = tap->dy;
        next->dx = tap->dx;
        next->centre = other->centre;
        next++;
    }
    around->channel = channel;
    around->context = context;
    around->rows = near ? without(codec->height, 2u * GLIMPSE_NEAR) : 0;
    around->columns = near ? without(codec->width, 2u * GLIMPSE_NEAR) : 0;
    around->neighbours = (uint32_t)(next - around->neighbour);
}

_Static_assert(GLIMPSE_CONTEXT_SIDE == 8, "three halvings");

/* How many of the limits, which do not fall, are at most the sum. */
static inline uint32_t limits_reached(const int32_t *limits, int32_t sum)
{
    const int32_t *next = limits;
    if (next[3] <= sum) {
        next += 4;
    }
    if (next[1] <= sum) {
        next += 2;
    }
    if (next[0] <= sum) {
        next += 1;
    }
    return (uint32_t)(next - limits);
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

__attribute__((always_inline)) static inline context_sums sums_at(const glimpse_surroundings *around, uint32_t at,
                                                                  uint32_t position)
{
    const glimpse_codec *codec = around->codec;
    const uint32_t y = position / codec->width;
    const uint32_t x = position - y * codec->width;
    context_sums sums = {0, 0};
    const glimpse_neighbour *const end = around->neighbour + around->neighbours;
    if (y - GLIMPSE_NEAR < around->rows && x - GLIMPSE_NEAR < around->columns) {
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
    return sums;
}

__attribute__((always_inline)) static inline uint32_t table_at(glimpse_surroundings *around, uint32_t at,
                                                               uint32_t position, uint32_t channel)
{
    if (around->codec->contexts == NULL) {
        return channel;
    }
    if (channel != around->channel) {
        prepare(around, channel);
    }
    const context_sums sums = sums_at(around, at, position);
    const glimpse_context *const context = around->context;
    return (uint32_t)context->first_table +
           context->class_of[limits_reached(context->value_limit, sums.value) * GLIMPSE_CONTEXT_SIDE +
                             limits_reached(context->activity_limit, sums.activity)];
}

uint32_t glimpse_surroundings_table(glimpse_surroundings *around, uint32_t at)
{
    const uint32_t position = at / around->codec->channels;
    return table_at(around, at, position, at - position * around->codec->channels);
}

static inline glimpse_frequencies frequencies_of(const glimpse_codec *codec, uint32_t number)
{
    const uint32_t last = codec->levels - 1u;
    if (codec->tables == NULL) {
        const uint16_t *const values = codec->cumulative + number * (codec->levels + 1u);
        return (glimpse_frequencies){values, 0, (uint16_t)last, codec->levels};
    }
    const glimpse_table *const table = &codec->tables[number];
    return (glimpse_frequencies){codec->cumulative + table->at, table->first, table->last, codec->levels};
}

glimpse_frequencies glimpse_surroundings_frequencies(glimpse_surroundings *around, uint32_t at)
{
    return frequencies_of(around->codec, glimpse_surroundings_table(around, at));
}

__attribute__((noinline)) static bool put_at_an_end(const glimpse_codec *codec, uint32_t number, uint32_t symbol,
                                                    glimpse_range_writer *writer)
{
    const glimpse_frequencies of = frequencies_of(codec, number);
    return glimpse_range_writer_put(writer, glimpse_frequencies_below(&of, symbol),
                                    glimpse_frequencies_below(&of, symbol + 1u));
}

static inline void add(glimpse_surroundings *around, uint32_t at, uint32_t channel)
{
    uint32_t *const seen = &around->seen[channel / 32];
    around->known[at >> 3] = (uint8_t)(around->known[at >> 3] | (1u << (at & 7u)));
    if ((*seen >> (channel & 31u) & 1u) == 0) {
        *seen |= 1u << (channel & 31u);
        around->channel = around->codec->channels;
    }
}

void glimpse_surroundings_add(glimpse_surroundings *around, uint32_t at)
{
    add(around, at, at % around->codec->channels);
}

bool glimpse_surroundings_put(glimpse_surroundings *around, uint32_t at, uint32_t symbol, glimpse_range_writer *writer)
{
    const glimpse_codec *codec = around->codec;
    const uint32_t position = at / codec->channels;
    const uint32_t channel = at - position * codec->channels;
    const uint32_t number = table_at(around, at, position, channel);
    uint32_t first = 0;
    uint32_t last = codec->levels;
    const uint16_t *values = codec->cumulative;
    bool fits;
    if (codec->tables != NULL) {
        first = codec->tables[number].first;
        last = codec->tables[number].last;
        values += codec->tables[number].at;
    } else {
        values += number * (codec->levels + 1u);
    }
    if (symbol >= first && symbol < last) {
        fits = glimpse_range_writer_put(writer, values[symbol - first], values[symbol - first + 1u]);
    } else { /* seldom */
        fits = put_at_an_end(codec, number, symbol, writer);
    }
    if (fits) {
        add(around, at, channel);
    }
    return fits;
}
