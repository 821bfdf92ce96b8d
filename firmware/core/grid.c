/* SPDX-License-Identifier: Apache-2.0 */
#include "core/grid.h"

void glimpse_grid_begin(glimpse_grid *grid, uint16_t width, uint16_t height, uint8_t *fields)
{
    *grid = (glimpse_grid){.width = width, .height = height, .fields = fields};
}

/* The pixel that a field begins with. */
static uint32_t edge(uint32_t size, uint32_t field)
{
    return size * field / GLIMPSE_GRID_SIDE;
}

/* Green counts twice: near enough to what the eye takes for brightness. */
static uint32_t grey(const uint8_t *rgb)
{
    return ((uint32_t)rgb[0] + 2u * rgb[1] + rgb[2]) / 4u;
}

static void end_band(glimpse_grid *grid)
{
    const uint32_t rows = grid->row - edge(grid->height, grid->band);
    for (uint32_t i = 0; i < GLIMPSE_GRID_SIDE; i++) {
        const uint32_t pixels = rows * (edge(grid->width, i + 1u) - edge(grid->width, i));
        grid->fields[GLIMPSE_GRID_SIDE * grid->band + i] = (uint8_t)((grid->sums[i] + pixels / 2u) / pixels);
        grid->sums[i] = 0;
    }
    grid->band++;
}

void glimpse_grid_row(glimpse_grid *grid, const uint8_t *rgb)
{
    for (uint32_t i = 0; i < GLIMPSE_GRID_SIDE; i++) {
        for (uint32_t x = edge(grid->width, i); x < edge(grid->width, i + 1u); x++) {
            grid->sums[i] += grey(rgb + 3u * x);
        }
    }
    if (++grid->row == edge(grid->height, grid->band + 1u)) {
        end_band(grid);
    }
}

uint8_t glimpse_grid_difference(const uint8_t *fields, const uint8_t *others)
{
    uint8_t most = 0;
    for (uint32_t i = 0; i < GLIMPSE_GRID_FIELDS; i++) {
        const uint8_t a = fields[i], b = others[i];
        const uint8_t difference = (uint8_t)(a > b ? a - b : b - a);
        most = difference > most ? difference : most;
    }
    return most;
}
