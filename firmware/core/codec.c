/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        const uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static bool shape_is_sound(const glimpse_codec *codec)
{
    if (codec->model > GLIMPSE_MAX_MODEL || codec->bits < GLIMPSE_MIN_SYMBOL_BITS ||
        codec->bits > GLIMPSE_MAX_SYMBOL_BITS || codec->channels < 1 || codec->channels > GLIMPSE_MAX_CHANNELS) {
        return false;
    }
    /* Positions first: the product of all three may not fit 32 bits. */
    const uint32_t positions = glimpse_codec_positions(codec);
    return positions >= 1 && positions <= GLIMPSE_MAX_SYMBOLS && glimpse_codec_symbols(codec) <= GLIMPSE_MAX_SYMBOLS;
}

static bool order_is_sound(const glimpse_codec *codec)
{
    if (codec->order != GLIMPSE_ORDER_INTERLEAVED && codec->order != GLIMPSE_ORDER_CHANNEL) {
        return false;
    }
    const uint32_t cycle = glimpse_codec_cycle(codec);
    return codec->stride >= 1 && codec->stride <= cycle && codec->offset < cycle &&
           greatest_common_divisor(cycle, codec->stride) == 1;
}

static bool quantiser_is_sound(const glimpse_codec *codec)
{
    if (codec->minimum == NULL || codec->step == NULL) {
        return false;
    }
    for (uint32_t channel = 0; channel < codec->channels; channel++) {
        if (codec->step[channel] < 1 || codec->minimum[channel] < -GLIMPSE_MAX_MINIMUM ||
            codec->minimum[channel] > GLIMPSE_MAX_MINIMUM) {
            return false;
        }
    }
    return true;
}

static bool tables_are_sound(const glimpse_codec *codec)
{
    const uint32_t symbols = 1u << codec->bits;
    const uint16_t *table = codec->cumulative;
    if (table == NULL) {
        return true;
    }
    for (uint32_t channel = 0; channel < codec->channels; channel++, table += symbols + 1) {
        if (table[0] != 0 || table[symbols] != 1u << GLIMPSE_FREQUENCY_BITS) {
            return false;
        }
        for (uint32_t symbol = 0; symbol < symbols; symbol++) {
            if (table[symbol + 1] <= table[symbol]) {
                return false;
            }
        }
    }
    return true;
}

int glimpse_codec_check(const glimpse_codec *codec)
{
    return shape_is_sound(codec) && order_is_sound(codec) && quantiser_is_sound(codec) && tables_are_sound(codec)
               ? GLIMPSE_OK
               : GLIMPSE_ERROR_MODEL_FORMAT;
}
