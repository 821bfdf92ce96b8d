/* SPDX-License-Identifier: Apache-2.0 */
#include "core/picker.h"

#include <stddef.h>
#include <string.h>

#include "core/saliency.h"

enum { WANTED = 1 << 24 }; /* above every other score */

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
        picker->waiting[i] = (uint16_t)glimpse_segment_numbered(codec, i).count;
    }
}

void glimpse_picker_follow(glimpse_picker *picker, const glimpse_ranks *ranks)
{
    const uint32_t total = glimpse_segment_total(picker->codec);
    picker->ranks = ranks;
    for (uint32_t i = 0; i < total; i++) {
        const glimpse_segment segment = glimpse_segment_numbered(picker->codec, i);
        picker->waiting[i] = (uint16_t)glimpse_ranks_count(ranks, segment.first, segment.count);
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

static uint32_t score_of(const glimpse_picker *picker, const glimpse_segment *segment)
{
    const glimpse_saliency *saliency = &picker->codec->saliency;
    const uint32_t row = segment->cell / saliency->columns;
    const uint32_t column = segment->cell % saliency->columns;
    const bool wanted = row >= picker->top && row < picker->bottom && column >= picker->left && column < picker->right;
    return 256u * picker->level[segment->cell] +
           saliency->gain * (uint32_t)(picker->codec->channels - segment->channel) + (wanted ? WANTED : 0u);
}

static bool is_unsent(const glimpse_picker *picker, const glimpse_segment *segment)
{
    return picker->waiting[segment->number] == segment->count;
}

/* Symbols that wait and follow each other in rank: the first segment's last ones, or any where ranks are followed, and
   whole segments after it. */
typedef struct {
    uint32_t first;       /* rank */
    uint32_t head;        /* symbols in its first segment */
    uint32_t count;       /* symbols in all */
    uint32_t number, end; /* segments, the end outside */
} waiting_stretch;

static waiting_stretch stretch_at(const glimpse_picker *picker, uint32_t number, uint32_t total)
{
    glimpse_segment segment = glimpse_segment_numbered(picker->codec, number);
    const uint32_t behind = segment.first + segment.count;
    uint32_t first = behind - picker->waiting[number];
    uint32_t end = behind;
    if (picker->ranks != NULL) {
        first = glimpse_ranks_next(picker->ranks, segment.first);
        end = glimpse_ranks_end(picker->ranks, first);
        end = end < behind ? end : behind;
    }
    waiting_stretch found = {first, end - first, end - first, number, number + 1};
    while (end == behind && found.end < total) {
        segment = glimpse_segment_numbered(picker->codec, found.end);
        if (!is_unsent(picker, &segment)) {
            break;
        }
        found.count += segment.count;
        found.end++;
    }
    return found;
}

/* What a packet would bring: segments from `number` up to, not with, `next`, the last one perhaps not whole. */
typedef struct {
    uint32_t next;
    uint32_t symbols;
    uint64_t sum;  /* of their scores */
    uint32_t last; /* score of the last segment's symbols */
} packet_window;

/* Takes in segments until it holds as many symbols as a packet, or the stretch ends. */
static void widen(const glimpse_picker *picker, packet_window *window, const waiting_stretch *within, uint32_t expected)
{
    while (window->symbols < expected && window->next < within->end) {
        const glimpse_segment segment = glimpse_segment_numbered(picker->codec, window->next);
        const uint32_t count = window->next == within->number ? within->head : segment.count;
        window->last = score_of(picker, &segment);
        window->sum += (uint64_t)window->last * count;
        window->symbols += count;
        window->next++;
    }
}

static uint64_t worth(const packet_window *window, uint32_t expected)
{
    const uint32_t beyond = window->symbols > expected ? window->symbols - expected : 0;
    const uint64_t sum = window->sum - (uint64_t)window->last * beyond;
    return 4u * sum / (4u * (uint64_t)(window->symbols - beyond) + expected);
}

typedef struct {
    glimpse_pick pick;
    uint64_t worth;
} choice;

static void consider(choice *best, uint64_t value, uint32_t first, uint32_t end, bool to_end)
{
    if (best->pick.run.count == 0 || value > best->worth) {
        *best = (choice){{{first, end - first}, to_end}, value};
    }
}

static void consider_stretch(const glimpse_picker *picker, const waiting_stretch *stretch, uint32_t expected,
                             choice *best)
{
    const uint32_t end = stretch->first + stretch->count;
    packet_window window = {stretch->number, 0, 0, 0};
    widen(picker, &window, stretch, expected);
    consider(best, worth(&window, expected), stretch->first, end, false);
    uint32_t first = stretch->first;
    for (uint32_t number = stretch->number; end - first > expected && number + 1 < stretch->end; number++) {
        const glimpse_segment gone = glimpse_segment_numbered(picker->codec, number);
        const uint32_t count = number == stretch->number ? stretch->head : gone.count;
        window.sum -= (uint64_t)score_of(picker, &gone) * count;
        window.symbols -= count;
        first += count;
        widen(picker, &window, stretch, expected);
        const uint64_t value = worth(&window, expected);
        const uint32_t tolerance = picker->codec->saliency.tolerance;
        if (end - first <= expected) {
            consider(best, value, first, end, true);
        } else if (first - stretch->first >= expected && end - first >= 2u * expected) {
            consider(best, value > tolerance ? value - tolerance : 0, first, end, false);
        }
    }
}

static bool wanted_waits(const glimpse_picker *picker, uint32_t total)
{
    for (uint32_t number = 0; number < total && picker->top < picker->bottom; number++) {
        const glimpse_segment segment = glimpse_segment_numbered(picker->codec, number);
        if (picker->waiting[number] > 0 && score_of(picker, &segment) >= WANTED) {
            return true;
        }
    }
    return false;
}

glimpse_pick glimpse_picker_next(const glimpse_picker *picker, uint32_t expected)
{
    const uint32_t total = glimpse_segment_total(picker->codec);
    choice best = {{{0, 0}, false}, 0};
    uint32_t number = 0;
    if (wanted_waits(picker, total)) { /* someone waits for just these: scraps are the price */
        expected = 1;
    }
    while (number < total) {
        if (picker->waiting[number] == 0) {
            number++;
            continue;
        }
        const waiting_stretch found = stretch_at(picker, number, total);
        consider_stretch(picker, &found, expected, &best);
        number = found.end;
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
        picker->waiting[segment.number] = (uint16_t)(waiting - take);
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
        picker->waiting[segment.number] = (uint16_t)(picker->waiting[segment.number] + take);
        first += take;
        count -= take;
    }
}
