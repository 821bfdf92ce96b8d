/* SPDX-License-Identifier: Apache-2.0 */
/* Where the picture matters, as the side output says. */
#ifndef GLIMPSE_CORE_SALIENCY_H
#define GLIMPSE_CORE_SALIENCY_H

#include <stdint.h>

#include "core/codec.h"

/* The map: each position of the side output becomes 0..255 by the codec's curve, each cell the rounded mean of its
   positions, then level = (mean * (2^bits - 1) + 127) / 255.
   side: int8 [height, width]. map: uint8 [rows, columns]. */
void glimpse_saliency_map(const glimpse_codec *codec, const int8_t *side, uint8_t *map);

#endif
