/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting and scaling a camera's picture. What a scaled picture must be, pixel by pixel: host/tests/test_node.py. */
#include <string.h>

#include "core/scale.h"
#include "core/status.h"
#include "test/check.h"
#include "test/random.h"

enum { WIDTH = 12, HEIGHT = 7, LARGEST = 40 };

static uint16_t line[3 * WIDTH];
static uint32_t sums[3 * WIDTH];
static uint8_t row[3 * WIDTH];
static uint8_t pixels[3 * LARGEST];

static glimpse_crop any_crop(void)
{
    glimpse_crop crop;
    crop.top = (uint8_t)random_below(256 - GLIMPSE_MIN_CROP + 1);
    crop.left = (uint8_t)random_below(256 - GLIMPSE_MIN_CROP + 1);
    crop.bottom = (uint8_t)(crop.top + GLIMPSE_MIN_CROP - 1u + random_below(256u - crop.top - GLIMPSE_MIN_CROP + 1u));
    crop.right = (uint8_t)(crop.left + GLIMPSE_MIN_CROP - 1u + random_below(256u - crop.left - GLIMPSE_MIN_CROP + 1u));
    return crop;
}

static uint16_t any_size(void)
{
    static const uint16_t most[] = {1, 2, 40, 700, 65535};
    return (uint16_t)(1u + random_below(most[random_below(5)]));
}

static void a_window_lies_inside_and_keeps_the_proportions(void)
{
    for (uint32_t round = 0; round < 20000; round++) {
        const glimpse_crop crop = any_crop();
        const uint16_t width = any_size(), height = any_size(), out_width = any_size(), out_height = any_size();
        const glimpse_window w = glimpse_scale_window(&crop, width, height, out_width, out_height);
        CHECK(w.width >= 1 && w.height >= 1);
        CHECK((uint32_t)w.left + w.width <= width && (uint32_t)w.top + w.height <= height);
        if (w.width > 1 && w.height > 1) { /* one of the sides may be rounded down by less than a pixel */
            const uint64_t across = (uint64_t)w.width * out_height, down = (uint64_t)w.height * out_width;
            CHECK(across < down + out_width + out_height && down < across + out_width + out_height);
        }
    }
}

/* Gives rows of the window's width, each of `shade`, and counts what comes out; all of that must be `shade`, too. */
static uint32_t rows_of(const glimpse_window *window, uint8_t shade)
{
    glimpse_scaler scaler;
    uint32_t rows = 0;
    memset(pixels, shade, sizeof pixels);
    glimpse_scaler_begin(&scaler, window, WIDTH, HEIGHT, line, sums);
    for (uint32_t y = 0; y < window->height; y++) {
        CHECK(!glimpse_scaler_row(&scaler, row));
        for (uint32_t left = window->width; left > 0;) {
            const uint32_t now = left < LARGEST ? left : LARGEST;
            glimpse_scaler_pixels(&scaler, pixels, now);
            left -= now;
        }
        while (glimpse_scaler_row(&scaler, row)) {
            for (uint32_t i = 0; i < sizeof row; i++) {
                CHECK_EQUAL(shade, row[i]);
            }
            rows++;
        }
    }
    return rows;
}

static void an_even_picture_stays_even_in_any_size(void)
{
    for (uint16_t width = 1; width < 40; width = (uint16_t)(width + 3)) {
        for (uint16_t height = 1; height < 30; height++) {
            const glimpse_window window = {0, 0, width, height};
            CHECK_EQUAL(HEIGHT, rows_of(&window, (uint8_t)(width + height)));
        }
    }
    const glimpse_window wide = {0, 0, 65535, 3}, high = {0, 0, 2, 65535};
    CHECK_EQUAL(HEIGHT, rows_of(&wide, 255)); /* nothing overflows */
    CHECK_EQUAL(HEIGHT, rows_of(&high, 255));
}

static void a_picture_of_the_same_size_comes_out_as_it_is(void)
{
    const glimpse_window window = {0, 0, WIDTH, HEIGHT};
    glimpse_scaler scaler;
    glimpse_scaler_begin(&scaler, &window, WIDTH, HEIGHT, line, sums);
    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t i = 0; i < sizeof row; i++) {
            pixels[i] = (uint8_t)random_below(256);
        }
        glimpse_scaler_pixels(&scaler, pixels, WIDTH);
        CHECK(glimpse_scaler_row(&scaler, row));
        CHECK_BYTES(pixels, row, sizeof row);
        CHECK(!glimpse_scaler_row(&scaler, row));
    }
}

int main(void)
{
    check_begin();
    CHECK_RUN(a_window_lies_inside_and_keeps_the_proportions);
    CHECK_RUN(an_even_picture_stays_even_in_any_size);
    CHECK_RUN(a_picture_of_the_same_size_comes_out_as_it_is);
    return check_end();
}
