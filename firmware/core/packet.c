/* SPDX-License-Identifier: Apache-2.0 */
/* Header and check, and the reading side: symbols back to where they belong. packer.c writes. */
#include "core/packet.h"

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

size_t glimpse_packet_close(uint8_t *packet, size_t body)
{
    const size_t checked = GLIMPSE_HEADER_BYTES + body;
    const uint16_t check = glimpse_crc16(packet, checked);
    packet[checked] = (uint8_t)(check >> 8);
    packet[checked + 1] = (uint8_t)check;
    return checked + GLIMPSE_CHECK_BYTES;
}

int glimpse_packet_match(const glimpse_codec *codec, int frame, const glimpse_header *header)
{
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

/* Where a body is read to, once whole, and from where it goes. */
typedef struct {
    const glimpse_codec *codec;
    uint32_t first;
    const uint8_t *body;
    size_t length;
    glimpse_workspace *work;
} body_reader;

/* Returns the number of symbols, now in the workspace, or an error. */
static int read_raw(const body_reader *from)
{
    const uint32_t remaining = glimpse_codec_symbols(from->codec) - from->first;
    const uint32_t bits = glimpse_codec_bits(from->codec);
    const uint32_t held = (uint32_t)from->length * 8u / bits;
    const uint32_t count = held < remaining ? held : remaining;
    const size_t used = (size_t)count * bits;
    if (count == 0 || from->length != (used + 7) / 8 ||
        glimpse_bits_get(from->body, used, (uint32_t)(from->length * 8 - used)) != 0) {
        return GLIMPSE_ERROR_BODY;
    }
    glimpse_order order;
    glimpse_order_seek(&order, from->codec, from->first);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t symbol = glimpse_bits_get(from->body, (size_t)i * bits, bits);
        if (symbol >= from->codec->levels) {
            return GLIMPSE_ERROR_BODY;
        }
        from->work->symbols[glimpse_order_next(&order)] = (uint8_t)symbol;
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

/* As read_raw. */
static int read_range(const body_reader *from)
{
    const glimpse_codec *codec = from->codec;
    uint32_t count = 0;
    const size_t prefix = read_count(from->body, from->length, &count);
    if (codec->cumulative == NULL || prefix == 0) {
        return GLIMPSE_ERROR_BODY;
    }
    if (count > glimpse_codec_symbols(codec) - from->first) {
        return GLIMPSE_ERROR_RANGE;
    }
    glimpse_workspace *work = from->work;
    glimpse_range_reader reader;
    glimpse_order order;
    glimpse_range_reader_begin(&reader, from->body + prefix, from->length - prefix);
    glimpse_order_seek(&order, codec, from->first);
    glimpse_surroundings_begin(&work->around, codec, work->symbols);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = glimpse_order_next(&order);
        const glimpse_frequencies frequencies = glimpse_surroundings_frequencies(&work->around, at);
        work->symbols[at] = (uint8_t)glimpse_range_reader_next(&reader, &frequencies);
        glimpse_surroundings_add(&work->around, at);
    }
    /* Not what a writer makes of any symbols? */
    return glimpse_range_reader_end(&reader) ? (int)count : GLIMPSE_ERROR_BODY;
}

static void take(const body_reader *from, int count, uint8_t *symbols, uint8_t *received)
{
    glimpse_order order;
    glimpse_order_seek(&order, from->codec, from->first);
    for (int i = 0; i < count; i++) {
        const uint32_t at = glimpse_order_next(&order);
        symbols[at] = from->work->symbols[at];
        received[at] = 1;
    }
}

int glimpse_packet_unpack(const glimpse_codec *codec, int frame, const uint8_t *packet, size_t length,
                          glimpse_workspace *work, uint8_t *symbols, uint8_t *received)
{
    glimpse_header header;
    const int body = glimpse_packet_read(packet, length, &header);
    if (body < 0) {
        return body;
    }
    if (header.kind != GLIMPSE_KIND_IMAGE) {
        return GLIMPSE_ERROR_KIND;
    }
    const int match = glimpse_packet_match(codec, frame, &header);
    if (match != GLIMPSE_OK) {
        return match;
    }
    const body_reader from = {codec, header.first, packet + GLIMPSE_HEADER_BYTES, (size_t)body, work};
    const int count = header.coding == GLIMPSE_CODING_RANGE ? read_range(&from) : read_raw(&from);
    if (count > 0) {
        take(&from, count, symbols, received);
    }
    return count;
}
