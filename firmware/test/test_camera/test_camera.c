/* SPDX-License-Identifier: Apache-2.0 */
/* Between a camera and the network: pixels of 16 bits, when exposure has settled, and whether anything moved. The
   drivers themselves: host/tests/test_real_cameras.py. */
#include <string.h>

#include "core/grid.h"
#include "ports/exposure.h"
#include "ports/rgb565.h"
#include "test/check.h"
#include "test/random.h"

/* ---- pixels */

static void pixels_keep_their_bits_and_reach_both_ends(void)
{
    for (uint32_t pixel = 0; pixel <= UINT16_MAX; pixel++) {
        uint8_t rgb[3];
        rgb565_to_rgb888((uint16_t)pixel, rgb);
        CHECK_EQUAL(pixel, (rgb[0] & 0xF8u) << 8 | (rgb[1] & 0xFCu) << 3 | rgb[2] >> 3);
        CHECK_EQUAL(rgb[1], rgb565_level((uint16_t)pixel));
        CHECK_EQUAL(rgb[0] >> 5, rgb[0] & 7u);
        CHECK_EQUAL(rgb[1] >> 6, rgb[1] & 3u);
        CHECK_EQUAL(rgb[2] >> 5, rgb[2] & 7u);
    }
}

/* ---- exposure */

/* Number of the frame that is kept, of frames with these means; the last one repeats. */
static uint32_t kept(const uint8_t *means, uint32_t count)
{
    exposure_watch watch = {0};
    uint32_t frame = 1;
    while (!exposure_settled(&watch, means[frame <= count ? frame - 1 : count - 1])) {
        frame++;
    }
    return frame;
}

#define KEPT(...) kept((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void a_frame_is_kept_after_two_small_steps(void)
{
    CHECK_EQUAL(3, KEPT(100));
    CHECK_EQUAL(6, KEPT(20, 50, 80, 100));
    CHECK_EQUAL(5, KEPT(200, 120, 100, 102, 101));
    CHECK_EQUAL(7, KEPT(100, 101, 140, 120, 110));
}

static void black_and_white_say_nothing(void)
{
    CHECK_EQUAL(8, KEPT(255, 255, 255, 200, 150, 120));
    CHECK_EQUAL(8, KEPT(0, 0, 0, 30, 80, 90));
    CHECK_EQUAL(EXPOSURE_MOST_FRAMES, KEPT(0));
    CHECK_EQUAL(EXPOSURE_MOST_FRAMES, KEPT(255));
}

static void flicker_does_not_hold_the_camera_up(void)
{
    for (uint32_t round = 0; round < 2000; round++) {
        uint8_t means[2 * EXPOSURE_MOST_FRAMES];
        for (uint32_t i = 0; i < sizeof means; i++) {
            means[i] = (uint8_t)random_below(256);
        }
        CHECK(kept(means, sizeof means) <= EXPOSURE_MOST_FRAMES);
    }
}

/* ---- fields: against sums over all pixels, for sizes that fields do not divide evenly */

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
    CHECK_RUN(pixels_keep_their_bits_and_reach_both_ends);
    CHECK_RUN(a_frame_is_kept_after_two_small_steps);
    CHECK_RUN(black_and_white_say_nothing);
    CHECK_RUN(flicker_does_not_hold_the_camera_up);
    CHECK_RUN(fields_are_means);
    CHECK_RUN(white_is_white);
    CHECK_RUN(the_largest_difference_counts_both_ways);
    return check_end();
}
