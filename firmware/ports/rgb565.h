/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels of 16 bits, red in the highest five, green in six, blue in the lowest five. */
#ifndef GLIMPSE_PORTS_RGB565_H
#define GLIMPSE_PORTS_RGB565_H

#include <stdint.h>

/* The high bits come again below, so that white is 255. */
static inline void rgb565_to_rgb888(uint16_t pixel, uint8_t *rgb)
{
    const uint32_t red = pixel >> 11, green = pixel >> 5 & 63u, blue = pixel & 31u;
    rgb[0] = (uint8_t)(red << 3 | red >> 2);
    rgb[1] = (uint8_t)(green << 2 | green >> 4);
    rgb[2] = (uint8_t)(blue << 3 | blue >> 2);
}

/* Brightness for exposure: green, 0..255. */
static inline uint8_t rgb565_level(uint16_t pixel)
{
    const uint32_t green = pixel >> 5 & 63u;
    return (uint8_t)(green << 2 | green >> 4);
}

#endif
