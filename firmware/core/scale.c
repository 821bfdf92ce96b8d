/* SPDX-License-Identifier: Apache-2.0 */
#include "core/scale.h"

enum { ONE = 256, CROP_UNIT = 256 };

/* The pixels from `first` to `last`, in 1/256 of `size`, are those whose begin lies inside; at least one. */
static void cut(uint8_t first, uint8_t last, uint16_t size, uint16_t *begin, uint16_t *count)
{
    const uint32_t from = (uint32_t)first * size / CROP_UNIT;
    const uint32_t to = (last + 1u) * size / CROP_UNIT;
    *begin = (uint16_t)from;
    *count = (uint16_t)(to > from ? to - from : 1u);
}

/* Keeps the middle. */
static void narrow(uint16_t *begin, uint16_t *count, uint32_t wanted)
{
    const uint32_t kept = wanted > 0 ? wanted : 1u;
    if (kept < *count) {
        *begin = (uint16_t)(*begin + (*count - kept) / 2u);
        *count = (uint16_t)kept;
    }
}

glimpse_window glimpse_scale_window(const glimpse_crop *crop, uint16_t camera_width, uint16_t camera_height,
                                    uint16_t width, uint16_t height)
{
    glimpse_window window;
    cut(crop->left, crop->right, camera_width, &window.left, &window.width);
    cut(crop->top, crop->bottom, camera_height, &window.top, &window.height);
    narrow(&window.left, &window.width, (uint32_t)window.height * width / height);
    narrow(&window.top, &window.height, (uint32_t)window.width * height / width);
    return window;
}

void glimpse_scaler_begin(glimpse_scaler *scaler, const glimpse_window *window, uint16_t width, uint16_t height,
                          uint16_t *line, uint32_t *sums)
{
    *scaler = (glimpse_scaler){.window = *window, .width = width, .height = height, .line = line, .sums = sums};
    for (uint32_t i = 0; i < 3u * width; i++) {
        sums[i] = 0;
    }
}

/* Extents are counted in 1/width of a camera's pixel: one of those is `width` long, one of ours window.width. */
static void add_pixel(glimpse_scaler *scaler, const uint8_t *rgb)
{
    const uint32_t whole = scaler->window.width;
    uint32_t rest = scaler->width;
    while (rest > 0) {
        const uint32_t missing = whole - scaler->filled_x;
        const uint32_t share = rest < missing ? rest : missing;
        for (uint32_t i = 0; i < 3; i++) {
            scaler->colour[i] += share * rgb[i];
        }
        rest -= share;
        scaler->filled_x += share;
        if (scaler->filled_x == whole) {
            for (uint32_t i = 0; i < 3; i++) {
                scaler->line[3u * scaler->column + i] = (uint16_t)((scaler->colour[i] * ONE + whole / 2u) / whole);
                scaler->colour[i] = 0;
            }
            scaler->column++;
            scaler->filled_x = 0;
        }
    }
}

void glimpse_scaler_pixels(glimpse_scaler *scaler, const uint8_t *rgb, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        add_pixel(scaler, rgb + 3u * i);
    }
    if (scaler->column == scaler->width) {
        scaler->column = 0;
        scaler->rest_y = scaler->height;
    }
}

bool glimpse_scaler_row(glimpse_scaler *scaler, uint8_t *rgb)
{
    const uint32_t whole = scaler->window.height;
    const uint32_t missing = whole - scaler->filled_y;
    const uint32_t share = scaler->rest_y < missing ? scaler->rest_y : missing;
    for (uint32_t i = 0; i < 3u * scaler->width && share > 0; i++) {
        scaler->sums[i] += share * scaler->line[i];
    }
    scaler->rest_y -= share;
    scaler->filled_y += share;
    if (scaler->filled_y < whole) {
        return false;
    }
    for (uint32_t i = 0; i < 3u * scaler->width; i++) {
        rgb[i] = (uint8_t)((scaler->sums[i] + whole * (ONE / 2u)) / (whole * ONE));
        scaler->sums[i] = 0;
    }
    scaler->filled_y = 0;
    return true;
}
