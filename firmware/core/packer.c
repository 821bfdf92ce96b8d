/* SPDX-License-Identifier: Apache-2.0 */
/* The writing side of packet.h. */
#include <string.h>

#include "core/bits.h"
#include "core/entropy.h"
#include "core/packet.h"
#include "core/status.h"

int glimpse_packer_begin(glimpse_packer *packer, const glimpse_codec *codec, const uint8_t *symbols, uint8_t frame,
                         uint8_t coding)
{
    if (frame > GLIMPSE_MAX_FRAME || coding > GLIMPSE_CODING_RANGE ||
        (coding == GLIMPSE_CODING_RANGE && codec->cumulative == NULL)) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    packer->codec = codec;
    packer->symbols = symbols;
    packer->sent = 0;
    packer->frame = frame;
    packer->coding = coding;
    packer->steered = false;
    packer->stale = false;
    packer->waiting = NULL;
    packer->last = (glimpse_run){0, 0};
    packer->full = packer->before = (glimpse_density){0, 0};
    glimpse_order_seek(&packer->order, codec, 0);
    return GLIMPSE_OK;
}

void glimpse_packer_steer(glimpse_packer *packer, const int8_t *side)
{
    packer->steered = packer->codec->order == GLIMPSE_ORDER_SALIENCY && side != NULL;
    if (packer->steered) {
        glimpse_picker_begin(&packer->picker, packer->codec, side);
        packer->stale = packer->waiting != NULL;
    }
}

void glimpse_packer_follow(glimpse_packer *packer, glimpse_ranks *waiting)
{
    packer->waiting = waiting;
    packer->stale = true;
}

void glimpse_packer_changed(glimpse_packer *packer)
{
    packer->stale = true;
}

int glimpse_packer_want(glimpse_packer *packer, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right)
{
    const glimpse_codec *codec = packer->codec;
    if (top >= bottom || left >= right || bottom > codec->height || right > codec->width) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    if (codec->order != GLIMPSE_ORDER_SALIENCY) {
        return 0;
    }
    if (!packer->steered) { /* until now by rank: everything before the cursor has been sent */
        glimpse_picker_begin(&packer->picker, codec, NULL);
        glimpse_picker_sent(&packer->picker, 0, packer->order.rank);
        packer->steered = true;
        packer->stale = packer->waiting != NULL;
    }
    glimpse_picker_want(&packer->picker, top, bottom, left, right);
    return 1;
}

void glimpse_packer_take_back(glimpse_packer *packer)
{
    packer->sent -= packer->last.count;
    packer->full = packer->before;
    if (packer->waiting != NULL) {
        glimpse_ranks_add(packer->waiting, packer->last.first, packer->last.count);
    } else {
        glimpse_order_seek(&packer->order, packer->codec, packer->last.first);
    }
    if (packer->steered && !packer->stale) {
        glimpse_picker_unsent(&packer->picker, packer->last.first, packer->last.count);
    }
    packer->last.count = 0;
}

typedef struct {
    uint32_t count; /* symbols */
    size_t length;  /* bytes */
} body_size;

/* A symbol that the quantiser did not make must not lead out of a table. */
static uint32_t symbol_at(const glimpse_packer *packer, uint32_t at)
{
    const uint32_t symbol = packer->symbols[at];
    return symbol < packer->codec->levels ? symbol : packer->codec->levels - 1u;
}

static body_size size_raw(const glimpse_packer *packer, uint32_t run, size_t capacity)
{
    const uint32_t bits = glimpse_codec_bits(packer->codec);
    const uint32_t held = (uint32_t)capacity * 8u / bits;
    const uint32_t count = held < run ? held : run;
    return (body_size){count, ((size_t)count * bits + 7) / 8};
}

/* A receiver takes as many symbols as the body holds: where the run ends before the last byte does, symbols already
   sent fill it. */
static void put_raw(glimpse_packer *packer, body_size size, uint8_t *body)
{
    const uint32_t bits = glimpse_codec_bits(packer->codec);
    const uint32_t held = (uint32_t)size.length * 8u / bits;
    const uint32_t rest = glimpse_codec_symbols(packer->codec) - packer->order.rank;
    const uint32_t count = held < rest ? held : rest;
    memset(body, 0, size.length);
    for (uint32_t i = 0; i < count; i++) {
        glimpse_bits_put(body, (size_t)i * bits, symbol_at(packer, glimpse_order_next(&packer->order)), bits);
    }
}

/* The count comes first but is known last: room for one byte of it is kept, and from its 128th symbol on the stream
   leaves room for the second. */
static body_size put_range(glimpse_packer *packer, uint32_t run, uint8_t *body, size_t capacity)
{
    glimpse_range_writer writer;
    glimpse_range_writer_begin(&writer, body + 1, capacity - 1);
    glimpse_surroundings_begin(&packer->around, packer->codec, packer->symbols);
    uint32_t count = 0;
    while (count < run) {
        if (count + 1 == GLIMPSE_COUNT_TWO_BYTES) {
            writer.capacity--;
        }
        const uint32_t at = glimpse_order_next(&packer->order);
        const uint32_t symbol = symbol_at(packer, at);
        if (!glimpse_surroundings_put(&packer->around, at, symbol, &writer)) {
            glimpse_order_seek(&packer->order, packer->codec, packer->order.rank - 1); /* that one waits */
            break;
        }
        count++;
    }
    const size_t stream = glimpse_range_writer_end(&writer);
    if (count < GLIMPSE_COUNT_TWO_BYTES) {
        body[0] = (uint8_t)count;
        return (body_size){count, 1 + stream};
    }
    memmove(body + 2, body + 1, stream);
    body[0] = (uint8_t)(GLIMPSE_COUNT_TWO_BYTES | (count >> 8));
    body[1] = (uint8_t)count;
    return (body_size){count, 2 + stream};
}

/* Range coding where it carries more symbols than raw bits would, or as many in no more bytes. */
static body_size put_body(glimpse_packer *packer, uint32_t run, uint8_t *body, size_t capacity, uint8_t *coding)
{
    const body_size raw = size_raw(packer, run, capacity);
    if (packer->coding == GLIMPSE_CODING_RANGE) {
        const glimpse_order before = packer->order;
        const body_size range = put_range(packer, run, body, capacity);
        if (range.count > raw.count || (range.count == raw.count && range.length <= raw.length)) {
            *coding = GLIMPSE_CODING_RANGE;
            return range;
        }
        packer->order = before;
    }
    *coding = GLIMPSE_CODING_RAW;
    put_raw(packer, raw, body);
    return raw;
}

static bool all_sent(const glimpse_packer *packer)
{
    const uint32_t total = glimpse_codec_symbols(packer->codec);
    return packer->waiting != NULL ? glimpse_ranks_next(packer->waiting, 0) == total : packer->sent == total;
}

/* The symbols that the next packet may bring, where no picker chooses; call while any are left. */
static glimpse_run next_run(const glimpse_packer *packer)
{
    if (packer->waiting == NULL) {
        return (glimpse_run){packer->order.rank, glimpse_codec_symbols(packer->codec) - packer->order.rank};
    }
    const uint32_t first = glimpse_ranks_next(packer->waiting, 0);
    return (glimpse_run){first, glimpse_ranks_end(packer->waiting, first) - first};
}

int glimpse_packer_pack(glimpse_packer *packer, glimpse_run run, size_t payload, uint8_t *packet)
{
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    glimpse_header header = {
        .version = GLIMPSE_WIRE_VERSION,
        .model = packer->codec->model,
        .frame = packer->frame,
        .first = (uint16_t)run.first,
        .kind = GLIMPSE_KIND_IMAGE,
        .revision = packer->codec->revision & 1u,
    };
    if (packer->order.rank != run.first) {
        glimpse_order_seek(&packer->order, packer->codec, run.first);
    }
    const body_size body =
        put_body(packer, run.count, packet + GLIMPSE_HEADER_BYTES, payload - GLIMPSE_OVERHEAD_BYTES, &header.coding);
    packer->sent += body.count;
    packer->last = (glimpse_run){run.first, body.count};
    packer->before = packer->full;
    if (4u * (body.length + GLIMPSE_OVERHEAD_BYTES) >= 3u * payload) {
        packer->full = (glimpse_density){(uint16_t)body.count, (uint16_t)body.length};
    }
    if (packer->waiting != NULL) {
        glimpse_ranks_remove(packer->waiting, run.first, body.count);
    }
    if (packer->steered && !packer->stale) {
        glimpse_picker_sent(&packer->picker, run.first, body.count);
    }
    glimpse_header_write(&header, packet);
    return (int)glimpse_packet_close(packet, body.length);
}

/* Symbols that a packet will hold: as densely as in the last that was nearly full; before, as raw bits, or as a range
   coder can do easily. */
static uint32_t expected_symbols(const glimpse_packer *packer, size_t payload)
{
    const uint32_t room = (uint32_t)payload - GLIMPSE_OVERHEAD_BYTES;
    if (packer->full.bytes > 0) {
        return room * packer->full.symbols / packer->full.bytes;
    }
    return room * (packer->coding == GLIMPSE_CODING_RANGE ? 16u : 8u) / glimpse_codec_bits(packer->codec);
}

static int pack_steered(glimpse_packer *packer, size_t payload, uint8_t *packet)
{
    if (packer->stale) {
        glimpse_picker_follow(&packer->picker, packer->waiting);
        packer->stale = false;
    }
    const uint32_t expected = expected_symbols(packer, payload);
    const glimpse_pick pick = glimpse_picker_next(&packer->picker, expected > 0 ? expected : 1);
    glimpse_run run = pick.run;
    int length = glimpse_packer_pack(packer, run, payload, packet);
    while (pick.to_end && packer->last.count < run.count) {
        const glimpse_run later = glimpse_picker_later(&packer->picker, run, run.count - packer->last.count);
        if (later.first == run.first) {
            break;
        }
        glimpse_packer_take_back(packer);
        run = later;
        length = glimpse_packer_pack(packer, run, payload, packet);
    }
    return length;
}

int glimpse_packer_next(glimpse_packer *packer, size_t payload, uint8_t *packet)
{
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    if (all_sent(packer)) {
        return 0;
    }
    return packer->steered ? pack_steered(packer, payload, packet)
                           : glimpse_packer_pack(packer, next_run(packer), payload, packet);
}
