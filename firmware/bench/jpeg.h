/* SPDX-License-Identifier: Apache-2.0 */
/* What one would send in the place of our packets: baseline JPEG by stb_image_write, which many take for a small C
   encoder. It wants the whole picture in memory and computes in floating point. */
#ifndef GLIMPSE_BENCH_JPEG_H
#define GLIMPSE_BENCH_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *bytes;
    size_t capacity;
    size_t length; /* more than capacity: the file did not fit */
} jpeg_file;

/* False in an image that was built where stb_image_write.h is not installed (Debian's libstb-dev). */
bool jpeg_available(void);

/* rgb: RGB888 [height, width, 3]; quality: 1..100, chroma at half the resolution up to 90. False: the file did not fit,
   or there is no encoder. */
bool jpeg_encode(const uint8_t *rgb, int width, int height, int quality, jpeg_file *file);

#endif
