/* SPDX-License-Identifier: Apache-2.0 */
/* SYMBOLS: the quantiser from int8 latent values to symbols of a few bits, one step per channel. */
#ifndef GLIMPSE_CORE_SYMBOLS_H
#define GLIMPSE_CORE_SYMBOLS_H

#include <stdint.h>

#include "core/codec.h"

/* latent: int8 [height, width, channels]. symbols: uint8 of the same shape, each below levels; may be the
   same memory as the latent. symbol = (256 * q - minimum + step / 2) / step, rounded down and clamped. */
void glimpse_symbols_quantise(const glimpse_codec *codec, const int8_t *latent, uint8_t *symbols);

/* Middle of a symbol's cell in 1/256 of an int8 latent step: minimum + symbol * step. */
int32_t glimpse_symbols_value(const glimpse_codec *codec, uint32_t channel, uint32_t symbol);

#endif
