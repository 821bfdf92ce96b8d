/* SPDX-License-Identifier: Apache-2.0 */
/* Grey levels of a photo in 8 x 8 fields, to see whether anything moved (docs/field.md, Photos that are not sent). */
#ifndef GLIMPSE_CORE_GRID_H
#define GLIMPSE_CORE_GRID_H

#include <stdint.h>

enum { GLIMPSE_GRID_SIDE = 8, GLIMPSE_GRID_FIELDS = GLIMPSE_GRID_SIDE * GLIMPSE_GRID_SIDE };

typedef struct {
    uint16_t width, height; /* of the photo, 8 pixels or more each */
    uint16_t row;           /* next */
    uint8_t band;           /* fields that it is in, from the top */
    uint8_t *fields;        /* GLIMPSE_GRID_FIELDS means, complete when the last photo row is in */
    uint32_t sums[GLIMPSE_GRID_SIDE];
} glimpse_grid;

/* width * height: less than 2^30, so that no sum overflows. */
void glimpse_grid_begin(glimpse_grid *grid, uint16_t width, uint16_t height, uint8_t *fields);

/* The next of `height` rows, 3 * width bytes RGB888. */
void glimpse_grid_row(glimpse_grid *grid, const uint8_t *rgb);

/* The largest difference between the fields of two photos, in grey levels. */
uint8_t glimpse_grid_difference(const uint8_t *fields, const uint8_t *others);

#endif
