/* SPDX-License-Identifier: Apache-2.0 */
/* The camera of an emulated board: RGB888 frames one after another in the host's file camera.rgb. */
#include "ports/port.h"
#include "ports/qemu/semihosting.h"

static int32_t file = -1;
static uint32_t next_frame;
static uint32_t row_bytes;
static uint32_t bytes_left;

bool port_camera_begin(uint16_t width, uint16_t height)
{
    bytes_left = 0;
    if (width == 0 || height == 0) {
        return false;
    }
    /* Opened for each frame: the file may have been replaced by another one since. */
    if (file >= 0) {
        semihosting_close(file);
    }
    file = semihosting_open("camera.rgb", SEMIHOSTING_READ);
    if (file < 0) {
        return false;
    }

    const int32_t length = semihosting_length(file);
    const uint64_t frame_bytes = 3ull * width * height;
    if (length < 0 || (uint64_t)length < frame_bytes) {
        return false;
    }
    if ((next_frame + 1ull) * frame_bytes > (uint64_t)length) {
        next_frame = 0;
    }
    if (!semihosting_seek(file, (uint32_t)(next_frame * frame_bytes))) {
        return false;
    }
    next_frame++;
    row_bytes = 3u * width;
    bytes_left = (uint32_t)frame_bytes;
    return true;
}

bool port_camera_row(uint8_t *rgb, size_t bytes)
{
    if (bytes == 0 || bytes > bytes_left || bytes % row_bytes != 0) {
        return false;
    }
    bytes_left -= bytes;
    return semihosting_read(file, rgb, bytes);
}

void port_camera_end(void)
{
    if (file >= 0) {
        semihosting_close(file);
    }
    file = -1;
    bytes_left = 0;
}
