/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/window.h"

#include <string.h>

/* A convolution reads up to three bytes past the last column; their weights are zero. */
enum { OVERREAD_BYTES = 3 };

static uint32_t column_bytes(const glimpse_layer *layer)
{
    return glimpse_window_rows(layer) * layer->in_channels;
}

/* Bytes by which the window crawls for each output row; 0 when no row is kept. */
static uint32_t step_bytes(const glimpse_layer *layer)
{
    return layer->stride_y < layer->kernel_height ? (uint32_t)layer->stride_y * layer->in_channels : 0u;
}

static int8_t padding_value(const glimpse_layer *layer)
{
    return layer->kind == GLIMPSE_LAYER_MAX_POOL_2D ? INT8_MIN : (int8_t)layer->in_zero;
}

size_t glimpse_window_size(const glimpse_layer *layer)
{
    const size_t bytes = (size_t)glimpse_window_columns(layer) * column_bytes(layer) +
                         (size_t)(GLIMPSE_WINDOW_STEPS - 1) * step_bytes(layer) + OVERREAD_BYTES;
    return (bytes + 3u) & ~(size_t)3u;
}

void glimpse_window_begin(glimpse_window *window, const glimpse_layer *layer)
{
    memset(window->memory, padding_value(layer), glimpse_window_size(layer));
    window->offset = 0;
    window->held = layer->pad_top;
    window->skip = 0;
    window->produced = 0;
}

/* False when this row is of no use. Rows past the last output row stay out: nothing would drop them again. */
static bool takes_row(glimpse_window *window, const glimpse_layer *layer)
{
    if (window->skip > 0) {
        window->skip--;
        return false;
    }
    return window->produced < layer->out_height;
}

static int8_t *next_slot(const glimpse_window *window, const glimpse_layer *layer)
{
    const uint32_t row = glimpse_window_rows(layer) > 1 ? window->held : 0;
    return window->memory + window->offset + row * layer->in_channels;
}

static void put_padding(int8_t *slot, const glimpse_layer *layer, uint32_t columns)
{
    const uint32_t pitch = column_bytes(layer);
    for (; columns > 0; columns--, slot += pitch) {
        memset(slot, padding_value(layer), layer->in_channels);
    }
}

/* Copies of a fixed size compile to word loads and stores. */
static void put_pixels(int8_t *slot, const int8_t *row, uint32_t columns, uint32_t channels, uint32_t pitch)
{
    const uint32_t gap = pitch - channels;
    for (; columns > 0; columns--, slot += gap) {
        uint32_t left = channels;
        for (; left >= 16; left -= 16, slot += 16, row += 16) {
            memcpy(slot, row, 16);
        }
        for (; left >= 4; left -= 4, slot += 4, row += 4) {
            memcpy(slot, row, 4);
        }
        for (; left > 0; left--) {
            *slot++ = *row++;
        }
    }
}

/* Whether the next row meets one that it is joined with. */
static bool joins_row(const glimpse_window *window, const glimpse_layer *layer)
{
    return glimpse_window_rows(layer) == 1 && window->held > 0;
}

/* The larger of what is there and what comes. sign: 0x80 for the bytes of a photo, 0 for int8. */
static void join_pixels(int8_t *slot, const uint8_t *row, uint32_t bytes, uint8_t sign)
{
    for (uint32_t i = 0; i < bytes; i++) {
        const int8_t value = (int8_t)(row[i] ^ sign);
        slot[i] = value > slot[i] ? value : slot[i];
    }
}

void glimpse_window_open(glimpse_window *window, const glimpse_layer *layer)
{
    window->open = takes_row(window, layer);
    if (window->open && !joins_row(window, layer)) { /* padding changes no maximum */
        const uint32_t before = (uint32_t)layer->pad_left + layer->in_width;
        int8_t *const slot = next_slot(window, layer);
        put_padding(slot, layer, layer->pad_left);
        put_padding(slot + before * column_bytes(layer), layer, glimpse_window_columns(layer) - before);
    }
}

void glimpse_window_put(const glimpse_window *window, const glimpse_layer *layer, uint32_t first, uint32_t columns,
                        const int8_t *values)
{
    if (!window->open) {
        return;
    }
    const uint32_t pitch = column_bytes(layer);
    int8_t *const slot = next_slot(window, layer) + (layer->pad_left + first) * pitch;
    if (joins_row(window, layer)) {
        join_pixels(slot, (const uint8_t *)values, columns * pitch, 0);
    } else {
        put_pixels(slot, values, columns, layer->in_channels, pitch);
    }
}

void glimpse_window_close(glimpse_window *window)
{
    window->held = (uint16_t)(window->held + window->open);
}

void glimpse_window_put_padding(glimpse_window *window, const glimpse_layer *layer)
{
    glimpse_window_open(window, layer);
    if (window->open && !joins_row(window, layer)) {
        put_padding(next_slot(window, layer) + layer->pad_left * column_bytes(layer), layer, layer->in_width);
    }
    glimpse_window_close(window);
}

/* The first two bytes in memory order, whatever the alignment. */
static void store_two(int8_t *slot, uint32_t bytes)
{
    const uint16_t two = (uint16_t)bytes;
    memcpy(slot, &two, 2);
}

/* Four pixels at a time: three words in, the sign bits flipped, a half-word and a byte out for each. */
static void put_four_pixels(int8_t *slot, const uint8_t *rgb, uint32_t pitch)
{
    uint32_t words[3];
    memcpy(words, rgb, sizeof words);
    const uint32_t a = words[0] ^ 0x80808080u;
    const uint32_t b = words[1] ^ 0x80808080u;
    const uint32_t c = words[2] ^ 0x80808080u;
    store_two(slot, a);
    slot[2] = (int8_t)(a >> 16);
    slot += pitch;
    slot[0] = (int8_t)(a >> 24);
    store_two(slot + 1, b);
    slot += pitch;
    store_two(slot, b >> 16);
    slot[2] = (int8_t)c;
    slot += pitch;
    store_two(slot, c >> 8);
    slot[2] = (int8_t)(c >> 24);
}

void glimpse_window_put_photo(glimpse_window *window, const glimpse_layer *layer, const uint8_t *rgb)
{
    glimpse_window_open(window, layer);
    if (!window->open) {
        return;
    }
    const uint32_t pitch = column_bytes(layer);
    int8_t *slot = next_slot(window, layer) + layer->pad_left * pitch;
    if (joins_row(window, layer)) {
        join_pixels(slot, rgb, (uint32_t)layer->in_width * pitch, 0x80);
    } else {
        uint32_t columns = layer->in_width;
        for (; columns >= 4; columns -= 4, rgb += 12, slot += 4 * pitch) {
            put_four_pixels(slot, rgb, pitch);
        }
        for (; columns > 0; columns--, slot += pitch) {
            for (uint32_t channel = 0; channel < 3; channel++) {
                slot[channel] = (int8_t)(*rgb++ ^ 0x80u);
            }
        }
    }
    glimpse_window_close(window);
}

void glimpse_window_advance(glimpse_window *window, const glimpse_layer *layer)
{
    const uint32_t step = step_bytes(layer);
    window->produced++;
    if (step == 0) {
        window->skip = (uint16_t)(layer->stride_y - layer->kernel_height);
        window->held = 0;
        return;
    }
    window->held = (uint16_t)(window->held - layer->stride_y);
    window->offset += step;
    if (window->offset == GLIMPSE_WINDOW_STEPS * step) {
        /* The slack is one step shorter, but the rows still held end a step before the window does. */
        const size_t bytes = (size_t)glimpse_window_columns(layer) * column_bytes(layer) - step;
        memmove(window->memory, window->memory + window->offset, bytes);
        window->offset = 0;
    }
}
