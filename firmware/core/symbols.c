/* SPDX-License-Identifier: Apache-2.0 */
#include "core/symbols.h"

static uint8_t quantise(int32_t value, int32_t minimum, uint32_t step, uint32_t last)
{
    const int32_t above = value * 256 - minimum + (int32_t)(step / 2);
    if (above < 0) {
        return 0;
    }
    const uint32_t symbol = (uint32_t)above / step;
    return (uint8_t)(symbol < last ? symbol : last);
}

void glimpse_symbols_quantise(const glimpse_codec *codec, const int8_t *latent, uint8_t *symbols)
{
    const uint32_t positions = glimpse_codec_positions(codec);
    const uint32_t channels = codec->channels;
    const uint32_t last = codec->levels - 1u;
    for (uint32_t position = 0; position < positions; position++) {
        for (uint32_t channel = 0; channel < channels; channel++) {
            *symbols++ = quantise(*latent++, codec->minimum[channel], codec->step[channel], last);
        }
    }
}

int32_t glimpse_symbols_value(const glimpse_codec *codec, uint32_t channel, uint32_t symbol)
{
    return codec->minimum[channel] + (int32_t)(symbol * codec->step[channel]);
}
