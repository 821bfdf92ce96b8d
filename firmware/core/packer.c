/* SPDX-License-Identifier: Apache-2.0 */
/* The writing side of packet.h. */
#include <string.h>

#include "core/bits.h"
#include "core/crc.h"
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
    packer->frame = frame;
    packer->coding = coding;
    glimpse_order_seek(&packer->order, codec, 0);
    return GLIMPSE_OK;
}

typedef struct {
    uint32_t count; /* symbols */
    size_t length;  /* bytes */
} body_size;

static uint32_t remaining(const glimpse_packer *packer)
{
    return glimpse_codec_symbols(packer->codec) - packer->order.rank;
}

static body_size size_raw(const glimpse_packer *packer, size_t capacity)
{
    const uint32_t held = (uint32_t)capacity * 8u / packer->codec->bits;
    const uint32_t left = remaining(packer);
    const uint32_t count = held < left ? held : left;
    return (body_size){count, ((size_t)count * packer->codec->bits + 7) / 8};
}

static void put_raw(glimpse_packer *packer, body_size size, uint8_t *body)
{
    const uint32_t bits = packer->codec->bits;
    memset(body, 0, size.length);
    for (uint32_t i = 0; i < size.count; i++) {
        const uint32_t symbol = packer->symbols[glimpse_order_next(&packer->order)];
        glimpse_bits_put(body, (size_t)i * bits, symbol, bits);
    }
}

/* The count comes first but is known last: room for one byte of it is kept, and from its 128th symbol on the stream
   leaves room for the second. */
static body_size put_range(glimpse_packer *packer, uint8_t *body, size_t capacity)
{
    const uint32_t levels = 1u << packer->codec->bits;
    const uint32_t left = remaining(packer);
    glimpse_range_writer writer;
    glimpse_range_writer_begin(&writer, body + 1, capacity - 1);
    uint32_t count = 0;
    while (count < left) {
        if (count + 1 == GLIMPSE_COUNT_TWO_BYTES) {
            writer.capacity--;
        }
        const uint32_t at = glimpse_order_next(&packer->order);
        const uint32_t symbol = packer->symbols[at] & (levels - 1u);
        const uint16_t *table = packer->codec->cumulative + at % packer->codec->channels * (levels + 1u);
        if (!glimpse_range_writer_put(&writer, table[symbol], table[symbol + 1])) {
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
static size_t put_body(glimpse_packer *packer, uint8_t *body, size_t capacity, uint8_t *coding)
{
    const body_size raw = size_raw(packer, capacity);
    if (packer->coding == GLIMPSE_CODING_RANGE) {
        const glimpse_order before = packer->order;
        const body_size range = put_range(packer, body, capacity);
        if (range.count > raw.count || (range.count == raw.count && range.length <= raw.length)) {
            *coding = GLIMPSE_CODING_RANGE;
            return range.length;
        }
        packer->order = before;
    }
    *coding = GLIMPSE_CODING_RAW;
    put_raw(packer, raw, body);
    return raw.length;
}

int glimpse_packer_next(glimpse_packer *packer, size_t payload, uint8_t *packet)
{
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    if (remaining(packer) == 0) {
        return 0;
    }
    glimpse_header header = {
        .version = GLIMPSE_WIRE_VERSION,
        .model = packer->codec->model,
        .frame = packer->frame,
        .first = (uint16_t)packer->order.rank,
        .kind = GLIMPSE_KIND_IMAGE,
        .revision = packer->codec->revision & 1u,
    };
    const size_t body =
        put_body(packer, packet + GLIMPSE_HEADER_BYTES, payload - GLIMPSE_OVERHEAD_BYTES, &header.coding);
    glimpse_header_write(&header, packet);
    const size_t checked = GLIMPSE_HEADER_BYTES + body;
    const uint16_t check = glimpse_crc16(packet, checked);
    packet[checked] = (uint8_t)(check >> 8);
    packet[checked + 1] = (uint8_t)check;
    return (int)(checked + GLIMPSE_CHECK_BYTES);
}
