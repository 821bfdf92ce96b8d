/* SPDX-License-Identifier: Apache-2.0 */
#include "app/pattern.h"

void node_pattern_row(uint8_t *rgb, uint16_t width, uint16_t height, uint16_t y)
{
    const int32_t radius = (width < height ? width : height) / 4;
    for (uint16_t x = 0; x < width; ++x) {
        const int32_t dx = (int32_t)x - width / 2;
        const int32_t dy = (int32_t)y - height / 2;
        uint8_t *const pixel = rgb + 3u * x;
        if (dx * dx + dy * dy < radius * radius) {
            pixel[0] = 230;
            pixel[1] = (uint8_t)(60u + 120u * y / height);
            pixel[2] = 40;
        } else if (2u * y >= height && 2u * x < width) {
            const uint8_t light = ((x >> 3) ^ (y >> 3)) & 1u ? 220 : 30;
            pixel[0] = pixel[1] = pixel[2] = light;
        } else {
            pixel[0] = (uint8_t)(255u * x / width);
            pixel[1] = (uint8_t)(255u * y / height);
            pixel[2] = (uint8_t)(255u - 255u * x / width);
        }
    }
}
