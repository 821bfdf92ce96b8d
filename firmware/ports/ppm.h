/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a binary PPM picture, for cameras that are files. */
#ifndef GLIMPSE_PORTS_PPM_H
#define GLIMPSE_PORTS_PPM_H

#include <stddef.h>
#include <stdint.h>

#include "ports/port.h"

enum { PPM_HEAD_BYTES = 64 }; /* looked at */

/* A number behind white space; 0: none, or above 65535. */
static inline uint32_t ppm_number(const uint8_t *head, size_t count, size_t *at)
{
    uint32_t number = 0;
    while (*at < count && (head[*at] == ' ' || head[*at] == '\n')) {
        ++*at;
    }
    while (*at < count && head[*at] >= '0' && head[*at] <= '9' && number <= UINT16_MAX) {
        number = 10u * number + (uint32_t)(head[*at] - '0');
        ++*at;
    }
    return number <= UINT16_MAX ? number : 0;
}

/* Bytes of the head; 0: not a picture of 8 bits, or one with comments. */
static inline size_t ppm_head(const uint8_t *head, size_t count, port_camera_frame *frame)
{
    size_t at = 2;
    if (count < 3 || head[0] != 'P' || head[1] != '6') {
        return 0;
    }
    const uint32_t width = ppm_number(head, count, &at);
    const uint32_t height = ppm_number(head, count, &at);
    const uint32_t most = ppm_number(head, count, &at);
    *frame = (port_camera_frame){(uint16_t)width, (uint16_t)height};
    return width > 0 && height > 0 && most == 255 && at < count ? at + 1 : 0;
}

#endif
