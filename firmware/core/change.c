/* SPDX-License-Identifier: Apache-2.0 */
#include "core/change.h"

#include <string.h>

#include "core/crc.h"

uint16_t glimpse_reference_check(const glimpse_codec *codec, const uint8_t *symbols, const uint8_t *known)
{
    const uint32_t count = glimpse_codec_symbols(codec);
    uint32_t crc = 0;
    for (uint32_t at = 0; at < count; at++) {
        const bool there = (known[at >> 3] & (1u << (at & 7u))) != 0;
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

/* In 1/128; seen on clips of fixed cameras. The first symbol of a packet costs under 24 bits with them, whatever it is,
   and so fits the smallest payload: 15 of its table, 5 for being the last one, and the questions how far it moved. */
static const uint8_t START[GLIMPSE_CHANGE_ODDS] = {
    120, 117, 113, 110,                                                                    /* moved: little has come */
    124, 127, 127,                                                                         /* none of those moved */
    60,  91,  117, 122, 36, 70, 108, 118, 12, 42, 98, 110, 64, 20, 83, 85, 64, 47, 69, 61, /* some did */
    68,  89,  59,  34,  22, 31,                                                            /* beyond one */
    74,  100, 99,  65,  38, 52,                                                            /* beyond two */
    20,  66,  111,                                                                         /* down */
    124,                                                                                   /* last */
};

void glimpse_changes_begin(glimpse_changes *changes, const glimpse_codec *codec, const glimpse_reference *reference,
                           const uint8_t *symbols)
{
    changes->reference = reference;
    for (uint32_t i = 0; i < GLIMPSE_CHANGE_ODDS; i++) {
        changes->odds[i] = (uint16_t)(START[i] << (GLIMPSE_FREQUENCY_BITS - 7));
    }
    glimpse_surroundings_begin(&changes->around, codec, symbols);
    memset(changes->around.known, 0, (glimpse_codec_symbols(codec) + 7u) / 8u); /* a codec without contexts leaves it */
    for (uint32_t channel = 0; channel < codec->channels; channel++) {
        changes->centre[channel] = glimpse_reference_centre(codec, channel);
    }
}

typedef struct {
    uint32_t come;  /* symbols near, known to the reference, that the packet has brought */
    uint32_t moved; /* how far they moved, each counted up to 3 */
    uint32_t busy;  /* distance of the reference's symbols from the centre */
    int32_t lean;   /* of those in the same channel: up less down */
} neighbourhood;

static int32_t look(const glimpse_changes *changes, uint32_t at, neighbourhood *near)
{
    if ((changes->around.known[at >> 3] & (1u << (at & 7u))) == 0 || !glimpse_reference_knows(changes->reference, at)) {
        return 0;
    }
    const int32_t rise = changes->around.symbols[at] - changes->reference->symbols[at];
    const uint32_t distance = (uint32_t)(rise < 0 ? -rise : rise);
    near->come++;
    near->moved += distance < 3 ? distance : 3;
    return (rise > 0) - (rise < 0);
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
            near->lean += look(changes, beside[i], near);
            weigh(changes, beside[i], changes->centre[channel], near);
            if (channel > 0) {
                look(changes, beside[i] - 1, near);
            }
        }
    }
}

/* How many of the limits a value reaches. */
static uint32_t bucket(uint32_t value, const uint8_t *limits, uint32_t count)
{
    uint32_t reached = 0;
    while (reached < count && limits[reached] <= value) {
        reached++;
    }
    return reached;
}

glimpse_change_context glimpse_changes_context(const glimpse_changes *changes, uint32_t at)
{
    static const uint8_t busy_limits[3] = {1, 3, 6};
    static const uint8_t come_limits[3] = {2, 5, 9};
    static const uint8_t moved_limits[5] = {1, 2, 3, 5, 9};
    const uint32_t channels = changes->around.codec->channels;
    const uint32_t channel = at % channels;
    neighbourhood near = {0, 0, 0, 0};
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
    const uint32_t moved = bucket(near.moved, moved_limits, 5);
    const uint32_t come = bucket(near.come, come_limits, 3);
    const uint32_t context = moved == 0 && come == 0 ? bucket(near.busy, busy_limits, 3) : 3 + 4 * moved + come;
    const uint32_t lean = near.lean < 0 ? 0 : near.lean == 0 ? 1 : 2;
    return (glimpse_change_context){
        .moved = (uint8_t)(GLIMPSE_CHANGE_MOVED + context),
        .beyond_one = (uint8_t)(GLIMPSE_CHANGE_BEYOND_ONE + moved),
        .beyond_two = (uint8_t)(GLIMPSE_CHANGE_BEYOND_TWO + moved),
        .down = (uint8_t)(GLIMPSE_CHANGE_DOWN + lean),
    };
}
