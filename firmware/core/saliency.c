/* SPDX-License-Identifier: Apache-2.0 */
#include "core/saliency.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { WANTED = 1 << 24 }; /* above every other score */

static uint32_t cell_mean(const glimpse_codec *codec, const int8_t *side, const glimpse_segment *cell)
{
    const uint32_t area = ((uint32_t)cell->bottom - cell->top) * ((uint32_t)cell->right - cell->left);
    uint32_t sum = 0;
    for (uint32_t y = cell->top; y < cell->bottom; y++) {
        for (uint32_t x = cell->left; x < cell->right; x++) {
            sum += codec->saliency.curve[side[y * codec->width + x] + 128];
        }
    }
    return (sum + area / 2) / area;
}

void glimpse_saliency_map(const glimpse_codec *codec, const int8_t *side, uint8_t *map)
{
    const uint32_t cells = (uint32_t)codec->saliency.rows * codec->saliency.columns;
    const uint32_t highest = (1u << codec->saliency.bits) - 1u;
    for (uint32_t i = 0; i < cells; i++) { /* the segments of the first block are the cells */
        const glimpse_segment segment = glimpse_segment_numbered(codec, i);
        map[segment.cell] = (uint8_t)((cell_mean(codec, side, &segment) * highest + 127u) / 255u);
    }
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

static uint32_t score(const glimpse_picker *picker, uint32_t row, uint32_t column, uint32_t channel)
{
    const glimpse_saliency *saliency = &picker->codec->saliency;
    const bool wanted = row >= picker->top && row < picker->bottom && column >= picker->left && column < picker->right;
    return 256u * picker->level[row * saliency->columns + column] +
           saliency->gain * (uint32_t)(picker->codec->channels - channel) + (wanted ? WANTED : 0u);
}

static uint32_t score_of(const glimpse_picker *picker, const glimpse_segment *segment)
{
    const uint32_t columns = picker->codec->saliency.columns;
    return score(picker, segment->cell / columns, segment->cell % columns, segment->channel);
}

/* Goes through all segments for every packet, so it adds where glimpse_segment_numbered would divide. */
static uint32_t best(const glimpse_picker *picker)
{
    const glimpse_saliency *saliency = &picker->codec->saliency;
    const uint32_t columns = saliency->columns;
    uint32_t number = 0;
    uint32_t found = 0;
    uint32_t highest = 0;
    bool any = false;
    for (uint32_t channel = 0; channel < picker->codec->channels; channel += saliency->block) {
        for (uint32_t row = 0; row < saliency->rows; row++) {
            for (uint32_t place = 0; place < columns; place++, number++) {
                const uint32_t column = (row & 1u) ? columns - 1u - place : place;
                const uint32_t worth = score(picker, row, column, channel);
                if (picker->waiting[number] > 0 && (!any || worth > highest)) {
                    any = true;
                    highest = worth;
                    found = number;
                }
            }
        }
    }
    return found;
}

static bool is_unsent(const glimpse_picker *picker, const glimpse_segment *segment)
{
    return picker->waiting[segment->number] == segment->count;
}

static glimpse_segment walk_back(const glimpse_picker *picker, glimpse_segment segment)
{
    const uint32_t highest = score_of(picker, &segment);
    while (segment.number > 0 && is_unsent(picker, &segment)) {
        const glimpse_segment before = glimpse_segment_numbered(picker->codec, segment.number - 1);
        if (before.channel != segment.channel || !is_unsent(picker, &before) ||
            score_of(picker, &before) + picker->codec->saliency.tolerance < highest) {
            break;
        }
        segment = before;
    }
    return segment;
}

glimpse_run glimpse_picker_next(const glimpse_picker *picker)
{
    const uint32_t total = glimpse_segment_total(picker->codec);
    glimpse_segment segment = walk_back(picker, glimpse_segment_numbered(picker->codec, best(picker)));
    if (picker->ranks != NULL) {
        const uint32_t first = glimpse_ranks_next(picker->ranks, segment.first);
        return (glimpse_run){first, glimpse_ranks_end(picker->ranks, first) - first};
    }
    const uint32_t waiting = picker->waiting[segment.number];
    glimpse_run run = {segment.first + segment.count - waiting, waiting};
    for (uint32_t number = segment.number + 1; number < total; number++) {
        segment = glimpse_segment_numbered(picker->codec, number);
        if (!is_unsent(picker, &segment)) {
            break;
        }
        run.count += segment.count;
    }
    return run;
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
