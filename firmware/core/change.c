/* SPDX-License-Identifier: Apache-2.0 */
#include "core/change.h"

#include <string.h>

#include "core/crc.h"

uint16_t glimpse_reference_check(const glimpse_codec *codec, const uint8_t *symbols, const uint8_t *known)
{
    const uint32_t count = glimpse_codec_symbols(codec);
    uint32_t crc = 0;
    for (uint32_t at = 0; at < count; at++) {
        const bool there = (known[at >> 3] >> (at & 7u) & 1u) != 0;
        const uint8_t part[2] = {there ? 1 : 0, there ? symbols[at] : 0};
        crc = glimpse_crc32(crc, part, there ? 2 : 1);
    }
    return (uint16_t)(crc & ((1u << GLIMPSE_REFERENCE_CHECK_BITS) - 1u));
}

uint8_t glimpse_reference_centre(const glimpse_codec *codec, uint32_t channel)
{
    if (codec->contexts != NULL) {
        return codec->contexts[channel].centre;
    }
    const int32_t above = (int32_t)(codec->step[channel] / 2u) - codec->minimum[channel];
    const uint32_t symbol = above < 0 ? 0 : (uint32_t)above / codec->step[channel];
    return (uint8_t)(symbol < codec->levels ? symbol : codec->levels - 1u);
}

/* Seen on clips of fixed cameras; every packet starts here. */
static const glimpse_change_odds START = {
    .moved = {31500, 30500, 29500, 28500, 32000, 32300, 32500, 27000, 28500, 30000, 31000, 21000, 23500, 26000, 28000,
              17000, 18000, 17500, 16500},
    .beyond_one = {22000, 20000, 17000},
    .beyond_two = {20000, 18000, 15000},
    .down = 16384,
    .last = 31744,
};

void glimpse_changes_begin(glimpse_changes *changes, const glimpse_codec *codec, const glimpse_reference *reference,
                           const uint8_t *symbols)
{
    changes->reference = reference;
    changes->odds = START;
    glimpse_surroundings_begin(&changes->around, codec, symbols);
    memset(changes->around.known, 0, (glimpse_codec_symbols(codec) + 7u) / 8u); /* a codec without contexts leaves it */
    for (uint32_t channel = 0; channel < codec->channels; channel++) {
        changes->centre[channel] = glimpse_reference_centre(codec, channel);
    }
}

typedef struct {
    uint32_t come; /* symbols near, known to the reference, that the packet has brought */
    uint32_t moved;
    uint32_t busy; /* distance of the reference's symbols from the centre */
} neighbourhood;

static void look(const glimpse_changes *changes, uint32_t at, neighbourhood *near)
{
    if ((changes->around.known[at >> 3] >> (at & 7u) & 1u) != 0 && glimpse_reference_knows(changes->reference, at)) {
        near->come++;
        near->moved += changes->around.symbols[at] != changes->reference->symbols[at];
    }
}

static void weigh(const glimpse_changes *changes, uint32_t at, uint32_t centre, neighbourhood *near)
{
    if (glimpse_reference_knows(changes->reference, at)) {
        const uint32_t symbol = changes->reference->symbols[at];
        near->busy += symbol < centre ? centre - symbol : symbol - centre;
    }
}

/* The four positions beside this one, in this channel and the one before. */
static void look_around(const glimpse_changes *changes, uint32_t at, uint32_t channel, neighbourhood *near)
{
    const glimpse_codec *codec = changes->around.codec;
    const uint32_t position = at / codec->channels;
    const uint32_t y = position / codec->width;
    const uint32_t x = position - y * codec->width;
    const uint32_t row = (uint32_t)codec->width * codec->channels;
    const uint32_t beside[4] = {at - row, at + row, at - codec->channels, at + codec->channels};
    const bool inside[4] = {y > 0, y + 1 < codec->height, x > 0, x + 1 < codec->width};
    for (uint32_t i = 0; i < 4; i++) {
        if (inside[i]) {
            look(changes, beside[i], near);
            weigh(changes, beside[i], changes->centre[channel], near);
            if (channel > 0) {
                look(changes, beside[i] - 1, near);
            }
        }
    }
}

static uint32_t bucket(uint32_t value, uint32_t one, uint32_t two, uint32_t three)
{
    return (uint32_t)(value >= one) + (value >= two) + (value >= three);
}

glimpse_change_context glimpse_changes_context(const glimpse_changes *changes, uint32_t at)
{
    const uint32_t channels = changes->around.codec->channels;
    const uint32_t channel = at % channels;
    neighbourhood near = {0, 0, 0};
    for (uint32_t distance = 1; distance <= 2; distance++) { /* the same position in other channels */
        if (channel >= distance) {
            look(changes, at - distance, &near);
        }
        if (channel + distance < channels) {
            look(changes, at + distance, &near);
        }
    }
    look_around(changes, at, channel, &near);
    weigh(changes, at, changes->centre[channel], &near);
    const uint32_t moved = near.moved < 3 ? near.moved : 3;
    const uint32_t come = bucket(near.come, 2, 5, 9);
    const uint32_t context = moved == 0 && come == 0 ? bucket(near.busy, 1, 3, 6) : 3 + 4 * moved + come;
    return (glimpse_change_context){(uint8_t)context, (uint8_t)(moved < 2 ? moved : 2)};
}
