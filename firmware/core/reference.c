/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reference.h"

#include <string.h>

#include "core/order.h"
#include "core/status.h"

enum { NONE = GLIMPSE_MAX_FRAME + 1 };

void glimpse_keeper_begin(glimpse_keeper *keeper, const glimpse_codec *codec, uint8_t *symbols, uint8_t patience)
{
    memset(keeper, 0, sizeof *keeper);
    keeper->codec = codec;
    keeper->symbols = symbols;
    keeper->reference.symbols = symbols;
    keeper->reference.known = keeper->known;
    keeper->frame = NONE;
    keeper->patience = patience;
}

void glimpse_keeper_update(glimpse_keeper *keeper, const uint8_t *sent)
{
    if (keeper->answered) {
        const uint32_t count = glimpse_codec_symbols(keeper->codec);
        if (keeper->kind == GLIMPSE_KIND_IMAGE) {
            memset(keeper->known, 0, sizeof keeper->known);
        }
        for (uint32_t at = 0; at < count; at++) {
            const uint8_t bit = (uint8_t)(keeper->acknowledged[at >> 3] & (1u << (at & 7u)));
            if (bit != 0) {
                keeper->symbols[at] = sent[at];
                keeper->known[at >> 3] |= bit;
            }
        }
        keeper->reference.frame = keeper->frame;
        keeper->reference.check = glimpse_reference_check(keeper->codec, keeper->symbols, keeper->known);
        keeper->valid = true;
    }
    keeper->answered = false;
    keeper->frame = NONE;
}

/* Bytes of all packets. */
static uint32_t image_bytes(glimpse_packer *packer, size_t payload)
{
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    uint32_t bytes = 0;
    int length = glimpse_packer_next(packer, payload, packet);
    for (; length > 0; length = glimpse_packer_next(packer, payload, packet)) {
        bytes += (uint32_t)length;
    }
    return bytes;
}

/* The same, or the first sum above `most`. */
static uint32_t difference_bytes(glimpse_difference_packer *packer, size_t payload, uint32_t most)
{
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    uint32_t bytes = 0;
    int length = glimpse_difference_next(packer, payload, packet);
    for (; length > 0 && bytes <= most; length = glimpse_difference_next(packer, payload, packet)) {
        bytes += (uint32_t)length;
    }
    return bytes;
}

int glimpse_keeper_choose(glimpse_keeper *keeper, uint8_t frame, const uint8_t *symbols, size_t payload,
                          glimpse_packer *image, glimpse_difference_packer *difference)
{
    const uint8_t coding = keeper->codec->cumulative != NULL ? GLIMPSE_CODING_RANGE : GLIMPSE_CODING_RAW;
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD ||
        glimpse_packer_begin(image, keeper->codec, symbols, frame, coding) < 0) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    bool sends = true;
    keeper->kind = GLIMPSE_KIND_IMAGE;
    if (keeper->valid && keeper->silent <= keeper->patience) {
        const uint32_t most = image_bytes(image, payload);
        (void)glimpse_difference_begin(difference, keeper->codec, &keeper->reference, symbols, frame);
        const uint32_t bytes = difference_bytes(difference, payload, most + most / 8);
        if (bytes <= most + most / 8) {
            keeper->kind = GLIMPSE_KIND_DIFFERENCE;
            sends = bytes > 0; /* there is no answer to nothing */
        }
    }
    if (sends && keeper->silent < UINT8_MAX) {
        keeper->silent++;
    }
    memset(keeper->acknowledged, 0, sizeof keeper->acknowledged);
    keeper->answered = false;
    keeper->frame = frame;
    return keeper->kind;
}

int glimpse_keeper_acknowledge(glimpse_keeper *keeper, uint8_t frame, const glimpse_run *runs, uint32_t count)
{
    const uint32_t symbols = glimpse_codec_symbols(keeper->codec);
    if (frame != keeper->frame || frame > GLIMPSE_MAX_FRAME) {
        return GLIMPSE_ERROR_FRAME;
    }
    bool some = false;
    for (uint32_t i = 0; i < count; i++) {
        if (runs[i].first > symbols || runs[i].count > symbols - runs[i].first) {
            return GLIMPSE_ERROR_RANGE;
        }
        some = some || runs[i].count > 0;
    }
    if (!some) {
        return GLIMPSE_OK; /* whoever has nothing of a frame may be without its reference: that stays silence */
    }
    memset(keeper->acknowledged, 0, sizeof keeper->acknowledged);
    for (uint32_t i = 0; i < count; i++) {
        glimpse_order order;
        glimpse_order_seek(&order, keeper->codec, runs[i].first);
        for (uint32_t k = 0; k < runs[i].count; k++) {
            const uint32_t at = glimpse_order_next(&order);
            keeper->acknowledged[at >> 3] = (uint8_t)(keeper->acknowledged[at >> 3] | (1u << (at & 7u)));
        }
    }
    keeper->answered = true;
    keeper->silent = 0;
    return GLIMPSE_OK;
}

void glimpse_keeper_forget(glimpse_keeper *keeper)
{
    keeper->valid = false;
    keeper->answered = false;
    keeper->frame = NONE;
}
