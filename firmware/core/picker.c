/* SPDX-License-Identifier: Apache-2.0 */
#include "core/picker.h"

#include <stddef.h>
#include <string.h>

#include "core/saliency.h"

enum { WANTED = 1 << 24 }; /* above every other score */

static void set_waiting(glimpse_picker *picker, const glimpse_segment *segment, uint32_t count)
{
    const uint8_t bit = (uint8_t)(1u << (segment->number & 7u));
    uint8_t *const byte = &picker->whole[segment->number >> 3];
    picker->waiting[segment->number] = (uint16_t)count;
    *byte = (uint8_t)(count == segment->count ? *byte | bit : *byte & ~bit);
}

void glimpse_picker_begin(glimpse_picker *picker, const glimpse_codec *codec, const int8_t *side)
{
    const uint32_t total = glimpse_segment_total(codec);
    picker->codec = codec;
    picker->ranks = NULL;
    picker->top = picker->bottom = picker->left = picker->right = 0;
    if (side != NULL) {
        glimpse_saliency_map(codec, side, picker->level);
    } else {
        memset(picker->level, 0, sizeof picker->level);
    }
    for (uint32_t i = 0; i < total; i++) {
        const glimpse_segment segment = glimpse_segment_numbered(codec, i);
        set_waiting(picker, &segment, segment.count);
    }
}

void glimpse_picker_follow(glimpse_picker *picker, const glimpse_ranks *ranks)
{
    const uint32_t total = glimpse_segment_total(picker->codec);
    picker->ranks = ranks;
    for (uint32_t i = 0; i < total; i++) {
        const glimpse_segment segment = glimpse_segment_numbered(picker->codec, i);
        set_waiting(picker, &segment, glimpse_ranks_count(ranks, segment.first, segment.count));
    }
}

void glimpse_picker_want(glimpse_picker *picker, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right)
{
    const glimpse_codec *codec = picker->codec;
    picker->top = (uint16_t)(top * codec->saliency.rows / codec->height);
    picker->bottom = (uint16_t)((bottom - 1u) * codec->saliency.rows / codec->height + 1u);
    picker->left = (uint16_t)(left * codec->saliency.columns / codec->width);
    picker->right = (uint16_t)((right - 1u) * codec->saliency.columns / codec->width + 1u);
}

/* A segment on the way through all of them, which happens for every packet: going on only adds. */
typedef struct {
    uint32_t number, channel, row, column;
} place;

static place place_of(const glimpse_codec *codec, uint32_t number)
{
    const glimpse_saliency *saliency = &codec->saliency;
    const uint32_t along = number % saliency->columns;
    const uint32_t rows = number / saliency->columns;
    const uint32_t row = rows % saliency->rows;
    return (place){number, rows / saliency->rows * saliency->block, row,
                   (row & 1u) ? saliency->columns - 1u - along : along};
}

static void go_on(const glimpse_codec *codec, place *at)
{
    const glimpse_saliency *saliency = &codec->saliency;
    const bool backwards = (at->row & 1u) != 0;
    at->number++;
    if (at->column != (backwards ? 0u : saliency->columns - 1u)) {
        at->column += backwards ? UINT32_MAX : 1u;
        return;
    }
    at->row++;
    if (at->row == saliency->rows) {
        at->row = 0;
        at->channel += saliency->block;
    }
    at->column = (at->row & 1u) ? saliency->columns - 1u : 0;
}

static uint32_t score_at(const glimpse_picker *picker, const place *at)
{
    const glimpse_saliency *saliency = &picker->codec->saliency;
    const bool wanted =
        at->row >= picker->top && at->row < picker->bottom && at->column >= picker->left && at->column < picker->right;
    return 256u * picker->level[at->row * saliency->columns + at->column] +
           saliency->gain * ((uint32_t)picker->codec->channels - at->channel) + (wanted ? WANTED : 0u);
}

static bool is_whole(const glimpse_picker *picker, uint32_t number)
{
    return ((uint32_t)picker->whole[number >> 3] >> (number & 7u) & 1u) != 0;
}

/* Symbols that wait and follow each other in rank: the first segment's last ones, or any where ranks are followed, and
   whole segments after it. */
typedef struct {
    uint32_t first;       /* rank */
    uint32_t head;        /* symbols in its first segment; in the others all that there are wait */
    uint32_t count;       /* symbols in all */
    uint32_t number, end; /* segments, the end outside */
} stretch;

static stretch stretch_at(const glimpse_picker *picker, uint32_t number, uint32_t total)
{
    const glimpse_segment segment = glimpse_segment_numbered(picker->codec, number);
    const uint32_t behind = segment.first + segment.count;
    uint32_t first = behind - picker->waiting[number];
    uint32_t end = behind;
    if (picker->ranks != NULL) {
        first = glimpse_ranks_next(picker->ranks, segment.first);
        end = glimpse_ranks_end(picker->ranks, first);
        end = end < behind ? end : behind;
    }
    stretch found = {first, end - first, end - first, number, number + 1};
    while (end == behind && found.end < total && is_whole(picker, found.end)) {
        found.count += picker->waiting[found.end];
        found.end++;
    }
    return found;
}

/* What a packet would bring: segments up to, not with, `next`, the last one perhaps not whole. */
typedef struct {
    place next;
    uint32_t symbols;
    uint64_t sum;  /* of their scores */
    uint32_t last; /* score of the last segment's symbols */
} packet_window;

static uint32_t symbols_at(const glimpse_picker *picker, const stretch *within, const place *at)
{
    return at->number == within->number ? within->head : picker->waiting[at->number];
}

/* Takes in segments until it holds as many symbols as a packet, or the stretch ends. */
static void widen(const glimpse_picker *picker, packet_window *window, const stretch *within, uint32_t expected)
{
    while (window->symbols < expected && window->next.number < within->end) {
        const uint32_t count = symbols_at(picker, within, &window->next);
        window->last = score_at(picker, &window->next);
        window->sum += (uint64_t)window->last * count;
        window->symbols += count;
        go_on(picker->codec, &window->next);
    }
}

static uint32_t worth(const packet_window *window, uint32_t expected)
{
    const uint32_t beyond = window->symbols > expected ? window->symbols - expected : 0;
    const uint64_t sum = 4u * (window->sum - (uint64_t)window->last * beyond);
    const uint32_t cost = 4u * (window->symbols - beyond) + expected;
    /* A division of 64 bits takes a Cortex-M a hundred instructions. */
    return sum >> 32 == 0 ? (uint32_t)sum / cost : (uint32_t)(sum / cost);
}

typedef struct {
    glimpse_pick pick;
    uint32_t worth;
    uint32_t highest; /* level of the map; above all: some are wanted */
} choice;

/* Nothing from here on is worth more: a packet full of the highest level would not be. */
static bool is_settled(const glimpse_picker *picker, const choice *best, uint32_t channel)
{
    const uint32_t score =
        256u * best->highest + picker->codec->saliency.gain * ((uint32_t)picker->codec->channels - channel);
    return best->pick.run.count > 0 && 4u * score / 5u <= best->worth;
}

static void consider(choice *best, uint32_t value, uint32_t first, uint32_t end, bool to_end)
{
    if (best->pick.run.count == 0 || value > best->worth) {
        best->pick = (glimpse_pick){{first, end - first}, to_end};
        best->worth = value;
    }
}

static void consider_stretch(const glimpse_picker *picker, const stretch *within, uint32_t expected, choice *best)
{
    const uint32_t end = within->first + within->count;
    const uint32_t tolerance = picker->codec->saliency.tolerance;
    place at = place_of(picker->codec, within->number);
    packet_window window = {at, 0, 0, 0};
    widen(picker, &window, within, expected);
    consider(best, worth(&window, expected), within->first, end, false);
    uint32_t first = within->first;
    while (end - first > expected && at.number + 1 < within->end && !is_settled(picker, best, at.channel)) {
        const uint32_t count = symbols_at(picker, within, &at);
        window.sum -= (uint64_t)score_at(picker, &at) * count;
        window.symbols -= count;
        first += count;
        go_on(picker->codec, &at);
        widen(picker, &window, within, expected);
        if (end - first <= expected) {
            consider(best, worth(&window, expected), first, end, true);
        } else if (first - within->first >= expected && end - first >= 2u * expected) {
            const uint32_t value = worth(&window, expected);
            consider(best, value > tolerance ? value - tolerance : 0, first, end, false);
        }
    }
}

static bool wanted_waits(const glimpse_picker *picker, uint32_t total)
{
    if (picker->top >= picker->bottom) {
        return false;
    }
    for (place at = place_of(picker->codec, 0); at.number < total; go_on(picker->codec, &at)) {
        if (picker->waiting[at.number] > 0 && score_at(picker, &at) >= WANTED) {
            return true;
        }
    }
    return false;
}

static uint32_t highest_level(const glimpse_picker *picker)
{
    const uint32_t cells = (uint32_t)picker->codec->saliency.rows * picker->codec->saliency.columns;
    uint32_t highest = 0;
    for (uint32_t cell = 0; cell < cells; cell++) {
        highest = picker->level[cell] > highest ? picker->level[cell] : highest;
    }
    return highest;
}

glimpse_pick glimpse_picker_next(const glimpse_picker *picker, uint32_t expected)
{
    const uint32_t total = glimpse_segment_total(picker->codec);
    const bool wanted = wanted_waits(picker, total);
    choice best = {{{0, 0}, false}, 0, wanted ? WANTED / 256 + 255 : highest_level(picker)};
    for (uint32_t number = 0; number < total; number++) {
        if (picker->waiting[number] > 0) {
            const stretch found = stretch_at(picker, number, total);
            /* Where someone waits for just these, leavings are the price. */
            consider_stretch(picker, &found, wanted ? 1 : expected, &best);
            number = found.end - 1;
        }
    }
    return best.pick;
}

glimpse_run glimpse_picker_later(const glimpse_picker *picker, glimpse_run run, uint32_t skip)
{
    const uint32_t end = run.first + run.count;
    const glimpse_segment last = glimpse_segment_of(picker->codec, end - 1);
    if (run.first + skip >= last.first) {
        return run.first < last.first ? (glimpse_run){last.first, end - last.first} : run;
    }
    const glimpse_segment segment = glimpse_segment_of(picker->codec, run.first + skip);
    const uint32_t first = segment.first < run.first + skip ? segment.first + segment.count : segment.first;
    return (glimpse_run){first, end - first};
}

void glimpse_picker_sent(glimpse_picker *picker, uint32_t first, uint32_t count)
{
    while (count > 0) {
        const glimpse_segment segment = glimpse_segment_of(picker->codec, first);
        const uint32_t waiting = picker->waiting[segment.number];
        const uint32_t take = count < waiting ? count : waiting;
        set_waiting(picker, &segment, waiting - take);
        first += take;
        count -= take;
    }
}

void glimpse_picker_unsent(glimpse_picker *picker, uint32_t first, uint32_t count)
{
    while (count > 0) {
        const glimpse_segment segment = glimpse_segment_of(picker->codec, first);
        const uint32_t rest = segment.first + segment.count - first;
        const uint32_t take = count < rest ? count : rest;
        set_waiting(picker, &segment, picker->waiting[segment.number] + take);
        first += take;
        count -= take;
    }
}
