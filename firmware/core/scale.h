/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a camera's picture in the size that a model wants, row by row: every pixel is the mean of the area that it
   covers. docs/field.md, What of the camera's picture is sent. */
#ifndef GLIMPSE_CORE_SCALE_H
#define GLIMPSE_CORE_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/setting.h"

/* Of the camera's picture, in its pixels. */
typedef struct {
    uint16_t left, top, width, height;
} glimpse_window;

/* The largest part in the proportions of width x height that lies in the middle of the crop: nothing is distorted.
   All sizes 1 or more. */
glimpse_window glimpse_scale_window(const glimpse_crop *crop, uint16_t camera_width, uint16_t camera_height,
                                    uint16_t width, uint16_t height);

typedef struct {
    glimpse_window window;
    uint16_t width, height; /* of what comes out */
    uint16_t *line;         /* the row so far, its means along the row, in 1/256 */
    uint32_t *sums;         /* of rows, each times its share */
    uint32_t colour[3];
    uint32_t filled_x, filled_y; /* of an output pixel's extent, in 1/width and 1/height of a camera's pixel */
    uint32_t rest_y;             /* of the row in `line` */
    uint16_t column;             /* in `line` */
} glimpse_scaler;

/* line, sums: 3 * width of each. */
void glimpse_scaler_begin(glimpse_scaler *scaler, const glimpse_window *window, uint16_t width, uint16_t height,
                          uint16_t *line, uint32_t *sums);

/* The next pixels inside the window, of one row; window.width of them in all make a row. */
void glimpse_scaler_pixels(glimpse_scaler *scaler, const uint8_t *rgb, uint32_t count);

/* True: here is a row, 3 * width bytes. False: the next row of the camera is needed. A window that is enlarged gives several
   rows in turn. */
bool glimpse_scaler_row(glimpse_scaler *scaler, uint8_t *rgb);

#endif
