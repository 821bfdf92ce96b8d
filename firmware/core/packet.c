/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side: header, check, and symbols back to where they belong. packer.c writes. */
#include "core/packet.h"

#include <stdbool.h>

#include "core/bits.h"
#include "core/crc.h"
#include "core/entropy.h"
#include "core/status.h"

void glimpse_header_write(const glimpse_header *header, uint8_t *packet)
{
    const uint32_t word = ((uint32_t)header->version << 30) | ((uint32_t)header->model << 25) |
                          ((uint32_t)header->frame << 19) | ((uint32_t)header->first << 5) |
                          ((uint32_t)header->kind << 2) | ((uint32_t)header->coding << 1) | header->revision;
    for (uint32_t i = 0; i < GLIMPSE_HEADER_BYTES; i++) {
        packet[i] = (uint8_t)(word >> (24 - 8 * i));
    }
}

static void read_header(const uint8_t *packet, glimpse_header *header)
{
    header->version = (uint8_t)glimpse_bits_get(packet, 0, 2);
    header->model = (uint8_t)glimpse_bits_get(packet, 2, 5);
    header->frame = (uint8_t)glimpse_bits_get(packet, 7, 6);
    header->first = (uint16_t)glimpse_bits_get(packet, 13, 14);
    header->kind = (uint8_t)glimpse_bits_get(packet, 27, 3);
    header->coding = (uint8_t)glimpse_bits_get(packet, 30, 1);
    header->revision = (uint8_t)glimpse_bits_get(packet, 31, 1);
}

int glimpse_packet_read(const uint8_t *packet, size_t length, glimpse_header *header)
{
    if (length >= GLIMPSE_HEADER_BYTES) {
        read_header(packet, header);
    }
    if (length < GLIMPSE_OVERHEAD_BYTES || length > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_LENGTH;
    }
    const size_t checked = length - GLIMPSE_CHECK_BYTES;
    if (glimpse_crc16(packet, checked) != glimpse_bits_get(packet, checked * 8, 16)) {
        return GLIMPSE_ERROR_CHECK;
    }
    return header->version == GLIMPSE_WIRE_VERSION ? (int)(length - GLIMPSE_OVERHEAD_BYTES) : GLIMPSE_ERROR_VERSION;
}

static int match_header(const glimpse_codec *codec, int frame, const glimpse_header *header)
{
    if (header->kind != GLIMPSE_KIND_IMAGE) {
        return GLIMPSE_ERROR_KIND;
    }
    if (header->model != codec->model) {
        return GLIMPSE_ERROR_MODEL;
    }
    if (header->revision != (codec->revision & 1u)) {
        return GLIMPSE_ERROR_REVISION;
    }
    if (frame >= 0 && header->frame != frame) {
        return GLIMPSE_ERROR_FRAME;
    }
    return header->first < glimpse_codec_symbols(codec) ? GLIMPSE_OK : GLIMPSE_ERROR_RANGE;
}

static int unpack_raw(const glimpse_codec *codec, uint32_t first, const uint8_t *body, size_t length, uint8_t *symbols,
                      uint8_t *received)
{
    const uint32_t remaining = glimpse_codec_symbols(codec) - first;
    const uint32_t held = (uint32_t)length * 8u / codec->bits;
    const uint32_t count = held < remaining ? held : remaining;
    const size_t used = (size_t)count * codec->bits;
    if (count == 0 || length != (used + 7) / 8 || glimpse_bits_get(body, used, (uint32_t)(length * 8 - used)) != 0) {
        return GLIMPSE_ERROR_BODY;
    }
    glimpse_order order;
    glimpse_order_seek(&order, codec, first);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = glimpse_order_next(&order);
        symbols[at] = (uint8_t)glimpse_bits_get(body, (size_t)i * codec->bits, codec->bits);
        received[at] = 1;
    }
    return (int)count;
}

/* Returns the count's own bytes, 0 when it is cut short, zero, or longer than it need be. */
static size_t read_count(const uint8_t *body, size_t length, uint32_t *count)
{
    if (length == 0) {
        return 0;
    }
    *count = body[0];
    if (*count < GLIMPSE_COUNT_TWO_BYTES) {
        return *count > 0 ? 1 : 0;
    }
    if (length == 1) {
        return 0;
    }
    *count = ((uint32_t)(body[0] & 127u) << 8) | body[1];
    return *count >= GLIMPSE_COUNT_TWO_BYTES ? 2 : 0;
}

/* Reads `count` symbols; keeps them unless symbols is NULL. False: not what a writer makes of any symbols. */
static bool read_range(const glimpse_codec *codec, uint32_t first, uint32_t count, glimpse_range_reader reader,
                       uint8_t *symbols, uint8_t *received)
{
    const uint32_t levels = 1u << codec->bits;
    glimpse_order order;
    glimpse_order_seek(&order, codec, first);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = glimpse_order_next(&order);
        const uint16_t *table = codec->cumulative + at % codec->channels * (levels + 1u);
        const uint32_t symbol = glimpse_range_reader_get(&reader, table, levels);
        if (symbols != NULL) {
            symbols[at] = (uint8_t)symbol;
            received[at] = 1;
        }
    }
    return glimpse_range_reader_end(&reader);
}

static int unpack_range(const glimpse_codec *codec, uint32_t first, const uint8_t *body, size_t length,
                        uint8_t *symbols, uint8_t *received)
{
    uint32_t count = 0;
    const size_t prefix = read_count(body, length, &count);
    if (codec->cumulative == NULL || prefix == 0) {
        return GLIMPSE_ERROR_BODY;
    }
    if (count > glimpse_codec_symbols(codec) - first) {
        return GLIMPSE_ERROR_RANGE;
    }
    glimpse_range_reader reader;
    glimpse_range_reader_begin(&reader, body + prefix, length - prefix);
    /* Once to know that the packet is whole, once to keep it. */
    if (!read_range(codec, first, count, reader, NULL, NULL)) {
        return GLIMPSE_ERROR_BODY;
    }
    read_range(codec, first, count, reader, symbols, received);
    return (int)count;
}

int glimpse_packet_unpack(const glimpse_codec *codec, int frame, const uint8_t *packet, size_t length, uint8_t *symbols,
                          uint8_t *received)
{
    glimpse_header header;
    const int body = glimpse_packet_read(packet, length, &header);
    if (body < 0) {
        return body;
    }
    const int match = match_header(codec, frame, &header);
    if (match != GLIMPSE_OK) {
        return match;
    }
    return (header.coding == GLIMPSE_CODING_RANGE ? unpack_range : unpack_raw)(
        codec, header.first, packet + GLIMPSE_HEADER_BYTES, (size_t)body, symbols, received);
}
