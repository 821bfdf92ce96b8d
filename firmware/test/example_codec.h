/* SPDX-License-Identifier: Apache-2.0 */
/* The codec and the latent of the worked examples in docs/wire-format.md. */
#ifndef GLIMPSE_TEST_EXAMPLE_CODEC_H
#define GLIMPSE_TEST_EXAMPLE_CODEC_H

#include "core/codec.h"

enum { EXAMPLE_SYMBOLS = 24 };

static const int32_t example_minimum[2] = {-3072, -1536};
static const uint16_t example_step[2] = {1024, 512};
static const uint16_t example_cumulative[2][9] = {
    {0, 128, 512, 4096, 26624, 30720, 32256, 32704, 32768},
    {0, 64, 1024, 8192, 24576, 30720, 32512, 32720, 32768},
};
static const glimpse_codec example = {
    .model = 5,
    .revision = 1,
    .height = 4,
    .width = 3,
    .channels = 2,
    .levels = 8,
    .order = GLIMPSE_ORDER_CHANNEL,
    .stride = 5,
    .offset = 7,
    .minimum = example_minimum,
    .step = example_step,
    .cumulative = example_cumulative[0],
};
static const int8_t example_latent[EXAMPLE_SYMBOLS] = {0, -1, 0, 0, -2, 1,  5, 2, 1, 0, -3, -1,
                                                       0, 1,  1, 3, -1, -2, 0, 0, 1, 7, 1,  -1};

#endif
