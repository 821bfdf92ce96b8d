/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving side of parity.h. What is lost is solved for by the receiver, which is never a node. */
#include <string.h>

#include "core/bits.h"
#include "core/parity.h"
#include "core/status.h"

/* Bits of a body, with an end. */
typedef struct {
    const uint8_t *body;
    size_t at, end;
} bit_reader;

/* Zeros past the end; the caller looks at `at` when all is read. */
static uint32_t take(bit_reader *bits, uint32_t count)
{
    const uint32_t value = bits->at + count <= bits->end ? glimpse_bits_get(bits->body, bits->at, count) : 0;
    bits->at += count;
    return value;
}

static bool read_places(bit_reader *bits, uint32_t rice, glimpse_parity_view *view)
{
    const uint32_t end = GLIMPSE_MAX_SYMBOLS >> view->shift;
    uint32_t place = (uint32_t)view->header.first >> view->shift;
    view->place[0] = (uint16_t)place;
    for (uint32_t i = 1; i < view->members; i++) {
        uint32_t ones = 0;
        while (take(bits, 1) != 0) {
            ones++;
        }
        place += 1u + (ones << rice) + take(bits, rice);
        if (place >= end || bits->at > bits->end) {
            return false;
        }
        view->place[i] = (uint16_t)place;
    }
    return true;
}

/* The packets' numbers, each once, and not all in order: that is said in a shorter way. */
static bool read_numbers(bit_reader *bits, glimpse_parity_view *view)
{
    uint32_t each = 0;
    while (view->members > 1u << each) {
        each++;
    }
    uint32_t seen = 0;
    bool in_order = true;
    for (uint32_t i = 0; i < view->members; i++) {
        const uint32_t number = view->header.coding != 0 ? take(bits, each) : i;
        if (number >= view->members || (seen >> number & 1u) != 0) {
            return false;
        }
        seen |= 1u << number;
        in_order = in_order && number == i;
        view->number[i] = (uint8_t)number;
    }
    return in_order == (view->header.coding == 0);
}

int glimpse_parity_read(const uint8_t *packet, size_t length, glimpse_parity_view *view)
{
    memset(view, 0, sizeof *view);
    const int body = glimpse_packet_read(packet, length, &view->header);
    if (body < 0) {
        return body;
    }
    if (view->header.kind != GLIMPSE_KIND_PARITY) {
        return GLIMPSE_ERROR_KIND;
    }
    bit_reader bits = {packet + GLIMPSE_HEADER_BYTES, 0, (size_t)body * 8};
    view->index = (uint8_t)take(&bits, 4);
    view->members = (uint8_t)(take(&bits, 5) + 1);
    view->shift = (uint8_t)take(&bits, 4);
    const uint32_t rice = take(&bits, 3);
    if (view->shift > 13 || !read_places(&bits, rice, view) || !read_numbers(&bits, view)) {
        return GLIMPSE_ERROR_BODY;
    }
    const uint32_t spare = (8u - (uint32_t)(bits.at & 7u)) & 7u;
    if (take(&bits, spare) != 0 || bits.at > bits.end || bits.end - bits.at < (size_t)GLIMPSE_PARITY_MIN_WORD * 8) {
        return GLIMPSE_ERROR_BODY;
    }
    view->word_at = (uint16_t)(GLIMPSE_HEADER_BYTES + bits.at / 8);
    view->word_length = (uint16_t)((bits.end - bits.at) / 8);
    return GLIMPSE_OK;
}

int glimpse_parity_packet(const glimpse_parity_view *view, uint32_t place, const uint8_t *word, uint8_t *packet)
{
    const size_t length = word[0];
    if (length < GLIMPSE_OVERHEAD_BYTES + 1 || length > GLIMPSE_MAX_PAYLOAD ||
        length - GLIMPSE_PARITY_SHORTER > view->word_length) {
        return GLIMPSE_ERROR_CHECK;
    }
    for (size_t i = length - GLIMPSE_PARITY_SHORTER; i < view->word_length; i++) {
        if (word[i] != 0) {
            return GLIMPSE_ERROR_CHECK;
        }
    }
    glimpse_header header = view->header;
    header.first = (uint16_t)glimpse_bits_get(word, 8, 14);
    header.kind = (uint8_t)glimpse_bits_get(word, 22, 1);
    header.coding = (uint8_t)glimpse_bits_get(word, 23, 1);
    glimpse_header_write(&header, packet);
    const size_t body = length - GLIMPSE_OVERHEAD_BYTES;
    memcpy(packet + GLIMPSE_HEADER_BYTES, word + 3 + GLIMPSE_CHECK_BYTES, body);
    memcpy(packet + GLIMPSE_HEADER_BYTES + body, word + 3, GLIMPSE_CHECK_BYTES);
    const bool here = (uint32_t)header.first >> view->shift == place;
    return here && glimpse_packet_read(packet, length, &header) >= 0 ? (int)length : GLIMPSE_ERROR_CHECK;
}
