/* SPDX-License-Identifier: Apache-2.0 */
#include "core/saliency.h"

#include "core/order.h"

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
