/* SPDX-License-Identifier: Apache-2.0 */
/* When a sensor that has just started has found its exposure: by the mean brightness of one frame after another. */
#ifndef GLIMPSE_PORTS_EXPOSURE_H
#define GLIMPSE_PORTS_EXPOSURE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    EXPOSURE_MOST_FRAMES = 20, /* the light may flicker, or the dark be too deep: then a frame is as good as the next */
    EXPOSURE_CALM_STEPS = 2,
    EXPOSURE_BLACK = 4, /* a mean below, or above the next, says nothing yet: it stays while exposure is on its way */
    EXPOSURE_WHITE = 250
};

/* All zeros when the sensor starts. */
typedef struct {
    uint8_t last;   /* mean */
    uint8_t calm;   /* steps in a row from frame to frame that were small */
    uint8_t frames; /* seen */
} exposure_watch;

/* Of the next frame, whose mean is 0..255: whether it is one to keep. */
static inline bool exposure_settled(exposure_watch *watch, uint8_t mean)
{
    const int step = mean > watch->last ? mean - watch->last : watch->last - mean;
    const bool tells = mean > EXPOSURE_BLACK && mean < EXPOSURE_WHITE;
    const bool is_calm = watch->frames > 0 && tells && step <= 1 + mean / 32;
    watch->calm = (uint8_t)(is_calm ? watch->calm + 1 : 0);
    watch->last = mean;
    watch->frames++;
    return watch->calm >= EXPOSURE_CALM_STEPS || watch->frames >= EXPOSURE_MOST_FRAMES;
}

#endif
