/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a layer's input that its kernel covers, kept so that no kernel ever copies them again.

   The window holds kernel_height rows column by column: [padded width][kernel height][channels]. All that one output
   value sees, kernel_width columns, is then one contiguous run, and neighbouring outputs lie a fixed distance apart:
   a convolution is one matrix product without im2col. Padding is stored like pixels, so no kernel has edges.

   Dropping rows moves nothing: when the window's first byte advances by stride_y rows (of one column), every column
   starts stride_y rows later, and the last rows of column x fall on memory that held the dropped rows of column x + 1.
   Every GLIMPSE_WINDOW_STEPS output rows the window is moved back to the start of its memory.

   Where no two output rows of a max-pool share an input row, only their maximum is kept: the window is one row high. */
#ifndef GLIMPSE_NN_WINDOW_H
#define GLIMPSE_NN_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/model.h"

enum { GLIMPSE_WINDOW_STEPS = 4 }; /* a multiple of 4 keeps that move aligned to words */

typedef struct {
    int8_t *memory;    /* glimpse_window_size bytes, aligned to 4 */
    uint32_t offset;   /* bytes from memory to column 0, row 0 */
    uint16_t held;     /* rows, padding rows included */
    uint16_t skip;     /* rows to pass over first: the stride may be larger than the kernel */
    uint16_t produced; /* output rows computed so far */
    uint16_t open;     /* whether the row that comes in columns is taken */
} glimpse_window;

/* Rows that lie in the window's memory. */
static inline uint32_t glimpse_window_rows(const glimpse_layer *layer)
{
    const bool joined = layer->kind == GLIMPSE_LAYER_MAX_POOL_2D && layer->stride_y >= layer->kernel_height;
    return joined ? 1u : layer->kernel_height;
}

/* Columns with the padding on both sides. */
static inline uint32_t glimpse_window_columns(const glimpse_layer *layer)
{
    const uint32_t covered = (layer->out_width - 1u) * layer->stride_x + layer->kernel_width;
    const uint32_t own = (uint32_t)layer->pad_left + layer->in_width;
    return covered > own ? covered : own;
}

/* Rows of padding below the input. */
static inline uint32_t glimpse_window_bottom(const glimpse_layer *layer)
{
    const uint32_t covered = (layer->out_height - 1u) * layer->stride_y + layer->kernel_height;
    const uint32_t own = (uint32_t)layer->pad_top + layer->in_height;
    return covered > own ? covered - own : 0u;
}

size_t glimpse_window_size(const glimpse_layer *layer);

/* Empties the window and puts the padding above the first row into it. */
void glimpse_window_begin(glimpse_window *window, const glimpse_layer *layer);

/* Takes the next row in columns from left to right: open, all columns, close. Not while the window is ready.
   values: int8 [columns, in_channels]. */
void glimpse_window_open(glimpse_window *window, const glimpse_layer *layer);
void glimpse_window_put(const glimpse_window *window, const glimpse_layer *layer, uint32_t first, uint32_t columns,
                        const int8_t *values);
void glimpse_window_close(glimpse_window *window);

/* Takes a row of padding. */
void glimpse_window_put_padding(glimpse_window *window, const glimpse_layer *layer);

/* Takes a row of RGB888 pixels, each byte p stored as p - 128. */
void glimpse_window_put_photo(glimpse_window *window, const glimpse_layer *layer, const uint8_t *rgb);

/* Whether the next output row can be computed. */
static inline bool glimpse_window_ready(const glimpse_window *window, const glimpse_layer *layer)
{
    return window->held == layer->kernel_height;
}

static inline const int8_t *glimpse_window_data(const glimpse_window *window)
{
    return window->memory + window->offset;
}

/* Drops the rows that the next output row does not need. */
void glimpse_window_advance(glimpse_window *window, const glimpse_layer *layer);

#endif
