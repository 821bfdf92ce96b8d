/* SPDX-License-Identifier: Apache-2.0 */
/* The grey levels of a photo in fields: against sums over all pixels, for sizes that fields do not divide evenly. */
#include <string.h>

#include "core/grid.h"
#include "test/check.h"
#include "test/random.h"

enum { WIDEST = 61, HIGHEST = 47, SIDE = GLIMPSE_GRID_SIDE };

static uint8_t photo[HIGHEST][3 * WIDEST];
static uint8_t fields[GLIMPSE_GRID_FIELDS + 1];

static void fill(void)
{
    for (uint32_t y = 0; y < HIGHEST; y++) {
        for (uint32_t i = 0; i < 3 * WIDEST; i++) {
            photo[y][i] = (uint8_t)random_below(256);
        }
    }
}

static void take(uint16_t width, uint16_t height)
{
    glimpse_grid grid;
    fields[GLIMPSE_GRID_FIELDS] = 77;
    glimpse_grid_begin(&grid, width, height, fields);
    for (uint32_t y = 0; y < height; y++) {
        glimpse_grid_row(&grid, photo[y]);
    }
    CHECK_EQUAL(77, fields[GLIMPSE_GRID_FIELDS]);
}

/* A pixel is in field f of a side when f * side / 8 <= pixel < (f + 1) * side / 8, both rounded down. */
static uint32_t mean(uint32_t width, uint32_t height, uint32_t row, uint32_t column)
{
    uint32_t sum = 0, count = 0;
    for (uint32_t y = height * row / SIDE; y < height * (row + 1) / SIDE; y++) {
        for (uint32_t x = width * column / SIDE; x < width * (column + 1) / SIDE; x++) {
            sum += (photo[y][3 * x] + 2u * photo[y][3 * x + 1] + photo[y][3 * x + 2]) / 4u;
            count++;
        }
    }
    return (sum + count / 2) / count;
}

static void fields_are_means(void)
{
    static const uint16_t sizes[][2] = {{8, 8}, {9, 8}, {8, 47}, {61, 47}, {56, 40}};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fill();
        take(sizes[i][0], sizes[i][1]);
        for (uint32_t f = 0; f < GLIMPSE_GRID_FIELDS; f++) {
            CHECK_EQUAL(mean(sizes[i][0], sizes[i][1], f / SIDE, f % SIDE), fields[f]);
        }
    }
}

static void white_is_white(void)
{
    memset(photo, 255, sizeof photo);
    take(WIDEST, HIGHEST);
    for (uint32_t f = 0; f < GLIMPSE_GRID_FIELDS; f++) {
        CHECK_EQUAL(255, fields[f]);
    }
}

static void the_largest_difference_counts_both_ways(void)
{
    static const uint8_t dark[GLIMPSE_GRID_FIELDS];
    uint8_t other[GLIMPSE_GRID_FIELDS];
    memset(photo, 100, sizeof photo);
    take(WIDEST, HIGHEST);
    memcpy(other, fields, sizeof other);
    CHECK_EQUAL(0, glimpse_grid_difference(fields, other));
    CHECK_EQUAL(100, glimpse_grid_difference(fields, dark));
    other[63] = 93;
    other[0] = 103;
    CHECK_EQUAL(7, glimpse_grid_difference(fields, other));
    CHECK_EQUAL(7, glimpse_grid_difference(other, fields));
}

int main(void)
{
    check_begin();
    CHECK_RUN(fields_are_means);
    CHECK_RUN(white_is_white);
    CHECK_RUN(the_largest_difference_counts_both_ways);
    return check_end();
}
