/* SPDX-License-Identifier: Apache-2.0 */
#include "app/camera.h"

#include "core/scale.h"
#include "ports/port.h"

#ifndef NODE_MAX_SCALED_WIDTH
#define NODE_MAX_SCALED_WIDTH 224 /* 18 bytes of memory for each */
#endif

enum { CHUNK = 64 /* pixels */ };

static bool scaled;
static uint16_t photo_width;
static port_camera_frame camera;
static glimpse_scaler scaler;
static uint16_t line[3 * NODE_MAX_SCALED_WIDTH];
static uint32_t sums[3 * NODE_MAX_SCALED_WIDTH];

/* Reads on, and gives the scaler what it is to have of it. */
static bool read_pixels(uint32_t count, bool taken)
{
    uint8_t rgb[3 * CHUNK];
    while (count > 0) {
        const uint32_t now = count < CHUNK ? count : CHUNK;
        if (!port_camera_read(rgb, 3u * (size_t)now)) {
            return false;
        }
        if (taken) {
            glimpse_scaler_pixels(&scaler, rgb, now);
        }
        count -= now;
    }
    return true;
}

bool camera_begin(const glimpse_crop *crop, uint16_t width, uint16_t height)
{
    const port_camera_frame wanted = {width, height};
    if (!port_camera_begin(&wanted, &camera)) {
        return false;
    }
    const glimpse_window window = glimpse_scale_window(crop, camera.width, camera.height, width, height);
    photo_width = width;
    scaled = camera.width != width || camera.height != height || window.width != width || window.height != height;
    if (!scaled) {
        return true;
    }
    if (width > NODE_MAX_SCALED_WIDTH) {
        return false;
    }
    glimpse_scaler_begin(&scaler, &window, width, height, line, sums);
    return read_pixels((uint32_t)window.top * camera.width, false);
}

bool camera_row(uint8_t *rgb)
{
    const glimpse_window *const window = &scaler.window;
    if (!scaled) {
        return port_camera_read(rgb, 3u * (size_t)photo_width);
    }
    while (!glimpse_scaler_row(&scaler, rgb)) {
        if (!read_pixels(window->left, false) || !read_pixels(window->width, true) ||
            !read_pixels((uint32_t)camera.width - window->left - window->width, false)) {
            return false;
        }
    }
    return true;
}

void camera_end(void)
{
    port_camera_end();
}
