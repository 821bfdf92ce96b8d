/* SPDX-License-Identifier: Apache-2.0 */
/* The camera's picture in the size that a model wants: cut as the settings say, and scaled. */
#ifndef GLIMPSE_APP_CAMERA_H
#define GLIMPSE_APP_CAMERA_H

#include <stdbool.h>
#include <stdint.h>

#include "core/setting.h"

/* Starts a photo of width x height. False: there is no camera, or it has another size and the photo is wider than
   NODE_MAX_SCALED_WIDTH. A camera whose pictures have this size gives them as they are, unless they are to be cut. */
bool camera_begin(const glimpse_crop *crop, uint16_t width, uint16_t height);

/* The next row, 3 * width bytes; false when the camera stops. */
bool camera_row(uint8_t *rgb);
void camera_end(void);

#endif
