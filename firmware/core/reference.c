/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reference.h"

#include <string.h>

#include "core/order.h"
#include "core/status.h"

enum { NONE = GLIMPSE_MAX_FRAME + 1 };

static size_t bitmap_bytes(const glimpse_keeper *keeper)
{
    return glimpse_ranks_bytes(glimpse_codec_symbols(keeper->codec));
}

void glimpse_keeper_begin(glimpse_keeper *keeper, const glimpse_codec *codec, uint8_t *symbols, uint8_t *known,
                          uint8_t patience, uint8_t refresh)
{
    *keeper = (glimpse_keeper){.codec = codec,
                               .reference = {.symbols = symbols, .known = known},
                               .symbols = symbols,
                               .known = known,
                               .frame = NONE,
                               .patience = patience,
                               .refresh = refresh};
    memset(known, 0, bitmap_bytes(keeper));
}

void glimpse_keeper_update(glimpse_keeper *keeper, const uint8_t *sent)
{
    if (keeper->answered) {
        const uint32_t count = glimpse_codec_symbols(keeper->codec);
        if (keeper->kind == GLIMPSE_KIND_IMAGE) {
            memset(keeper->known, 0, bitmap_bytes(keeper));
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

bool glimpse_keeper_may_differ(const glimpse_keeper *keeper)
{
    return keeper->valid && keeper->silent <= keeper->patience &&
           (keeper->refresh == 0 || keeper->differences < keeper->refresh);
}

int glimpse_keeper_choose(glimpse_keeper *keeper, uint8_t frame, const uint8_t *symbols, size_t payload,
                          const glimpse_keeper_work *work)
{
    const uint8_t coding = keeper->codec->cumulative != NULL ? GLIMPSE_CODING_RANGE : GLIMPSE_CODING_RAW;
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD ||
        glimpse_packer_begin(work->image, keeper->codec, symbols, frame, coding) < 0) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    bool sends = true;
    keeper->kind = GLIMPSE_KIND_IMAGE;
    if (glimpse_keeper_may_differ(keeper)) {
        const uint32_t most = image_bytes(work->image, payload);
        (void)glimpse_difference_begin(work->difference, keeper->codec, &keeper->reference, symbols, frame);
        const uint32_t bytes = difference_bytes(work->difference, payload, most + most / 8);
        if (bytes <= most + most / 8) {
            keeper->kind = GLIMPSE_KIND_DIFFERENCE;
            sends = bytes > 0; /* there is no answer to nothing */
        }
    }
    if (sends && keeper->silent < UINT8_MAX) {
        keeper->silent++;
    }
    if (keeper->kind == GLIMPSE_KIND_IMAGE) {
        keeper->differences = 0;
    } else if (keeper->differences < UINT8_MAX) {
        keeper->differences++;
    }
    keeper->acknowledged = work->acknowledged;
    keeper->answered = false;
    keeper->frame = frame;
    return keeper->kind;
}

static int check_run(const glimpse_keeper *keeper, uint8_t frame, glimpse_run run)
{
    const uint32_t symbols = glimpse_codec_symbols(keeper->codec);
    if (frame != keeper->frame || frame > GLIMPSE_MAX_FRAME) {
        return GLIMPSE_ERROR_FRAME;
    }
    return run.first <= symbols && run.count <= symbols - run.first ? GLIMPSE_OK : GLIMPSE_ERROR_RANGE;
}

static void take_run(glimpse_keeper *keeper, glimpse_run run)
{
    glimpse_order order;
    glimpse_order_seek(&order, keeper->codec, run.first);
    for (uint32_t k = 0; k < run.count; k++) {
        const uint32_t at = glimpse_order_next(&order);
        keeper->acknowledged[at >> 3] = (uint8_t)(keeper->acknowledged[at >> 3] | (1u << (at & 7u)));
    }
}

int glimpse_keeper_acknowledge(glimpse_keeper *keeper, uint8_t frame, const glimpse_run *runs, uint32_t count)
{
    if (frame != keeper->frame || frame > GLIMPSE_MAX_FRAME) {
        return GLIMPSE_ERROR_FRAME;
    }
    bool some = false;
    for (uint32_t i = 0; i < count; i++) {
        const int status = check_run(keeper, frame, runs[i]);
        if (status != GLIMPSE_OK) {
            return status;
        }
        some = some || runs[i].count > 0;
    }
    if (!some) {
        return GLIMPSE_OK; /* whoever has nothing of a frame may be without its reference: that stays silence */
    }
    memset(keeper->acknowledged, 0, bitmap_bytes(keeper));
    for (uint32_t i = 0; i < count; i++) {
        take_run(keeper, runs[i]);
    }
    keeper->answered = true;
    keeper->silent = 0;
    return GLIMPSE_OK;
}

int glimpse_keeper_acknowledge_too(glimpse_keeper *keeper, uint8_t frame, glimpse_run run)
{
    if (!keeper->answered) {
        return glimpse_keeper_acknowledge(keeper, frame, &run, 1);
    }
    const int status = check_run(keeper, frame, run);
    if (status == GLIMPSE_OK) {
        take_run(keeper, run);
    }
    return status;
}

void glimpse_keeper_forget(glimpse_keeper *keeper)
{
    keeper->valid = false;
    keeper->answered = false;
    keeper->frame = NONE;
}

void glimpse_keeper_again(glimpse_keeper *keeper)
{
    keeper->valid = false;
    keeper->answered = false;
    keeper->kind = GLIMPSE_KIND_IMAGE;
    keeper->differences = 0;
}
