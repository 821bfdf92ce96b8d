/* SPDX-License-Identifier: Apache-2.0 */
/* The camera of an emulated board: the host's file camera.ppm, or RGB888 frames one after another in camera.rgb. */
#include "ports/ppm.h"
#include "ports/qemu/semihosting.h"

static int32_t file = -1;
static uint32_t next_frame;
static uint32_t bytes_left;

/* Where the picture begins and ends in the file; 0: there is none. */
static uint32_t begin_picture(uint32_t length, port_camera_frame *frame)
{
    uint8_t head[PPM_HEAD_BYTES];
    const uint32_t count = length < sizeof head ? length : sizeof head;
    if (!semihosting_read(file, head, count)) {
        return 0;
    }
    return (uint32_t)ppm_head(head, count, frame);
}

static uint32_t begin_frame_of_many(uint32_t length, uint32_t bytes)
{
    const uint32_t frames = length / bytes;
    const uint32_t frame = next_frame < frames ? next_frame : 0;
    next_frame = frame + 1;
    return frame * bytes;
}

bool port_camera_begin(const port_camera_frame *wanted, port_camera_frame *frame)
{
    port_camera_end(); /* opened for each frame: the file may have been replaced by another one since */
    *frame = *wanted;
    bool picture = true;
    file = semihosting_open("camera.ppm", SEMIHOSTING_READ);
    if (file < 0) {
        picture = false;
        file = semihosting_open("camera.rgb", SEMIHOSTING_READ);
    }
    const int32_t length = file < 0 ? -1 : semihosting_length(file);
    if (length <= 0) {
        return false;
    }
    const uint32_t head = picture ? begin_picture((uint32_t)length, frame) : 0;
    const uint64_t bytes = 3ull * frame->width * frame->height;
    if ((picture && head == 0) || bytes == 0 || bytes + head > (uint64_t)length) {
        return false;
    }
    const uint32_t at = picture ? head : begin_frame_of_many((uint32_t)length, (uint32_t)bytes);
    if (!semihosting_seek(file, at)) {
        return false;
    }
    bytes_left = (uint32_t)bytes;
    return true;
}

bool port_camera_read(uint8_t *rgb, size_t bytes)
{
    if (bytes == 0 || bytes > bytes_left) {
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
