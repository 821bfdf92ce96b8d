/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side: which reference a packet needs, and its symbols. difference_packer.c writes. */
#include "core/difference.h"

#include "core/bits.h"
#include "core/entropy.h"
#include "core/order.h"
#include "core/status.h"

static int needs(const uint8_t *packet, size_t length, glimpse_header *header, uint8_t *frame, uint16_t *check)
{
    const int body = glimpse_packet_read(packet, length, header);
    if (body < 0) {
        return body;
    }
    if (header->kind != GLIMPSE_KIND_DIFFERENCE) {
        return GLIMPSE_ERROR_KIND;
    }
    if (body < GLIMPSE_REFERENCE_BYTES || header->coding != GLIMPSE_CODING_RANGE) {
        return GLIMPSE_ERROR_BODY;
    }
    *frame = (uint8_t)glimpse_bits_get(packet + GLIMPSE_HEADER_BYTES, 0, 6);
    *check = (uint16_t)glimpse_bits_get(packet + GLIMPSE_HEADER_BYTES, 6, GLIMPSE_REFERENCE_CHECK_BITS);
    return body - GLIMPSE_REFERENCE_BYTES;
}

int glimpse_difference_needs(const uint8_t *packet, size_t length, uint8_t *frame, uint16_t *check)
{
    glimpse_header header;
    const int body = needs(packet, length, &header, frame, check);
    return body < 0 ? body : GLIMPSE_OK;
}

typedef struct {
    const glimpse_codec *codec;
    glimpse_range_reader reader;
    glimpse_difference_workspace *work;
    bool broken; /* it said what no writer says */
} body_reader;

static bool get_answer(body_reader *from, uint16_t *odds)
{
    const uint16_t table[3] = {0, *odds, 1u << GLIMPSE_FREQUENCY_BITS};
    const bool yes = glimpse_range_reader_get(&from->reader, table, 2) != 0;
    glimpse_change_learn(odds, yes);
    return yes;
}

static uint32_t get_anew(body_reader *from, uint32_t at)
{
    const glimpse_codec *codec = from->codec;
    if (codec->cumulative != NULL) {
        const glimpse_frequencies frequencies = glimpse_surroundings_frequencies(&from->work->changes.around, at);
        return glimpse_range_reader_next(&from->reader, &frequencies);
    }
    static const uint16_t halves[3] = {0, 1u << (GLIMPSE_FREQUENCY_BITS - 1), 1u << GLIMPSE_FREQUENCY_BITS};
    uint32_t symbol = 0;
    for (uint32_t bit = glimpse_codec_bits(codec); bit > 0; bit--) {
        symbol = symbol << 1 | glimpse_range_reader_get(&from->reader, halves, 2);
    }
    if (symbol >= codec->levels) {
        from->broken = true;
        return codec->levels - 1u;
    }
    return symbol;
}

static uint32_t get_move(body_reader *from, uint32_t at, glimpse_change_context context)
{
    uint16_t *odds = from->work->changes.odds;
    const uint32_t expected = glimpse_changes_expected(&from->work->changes, at);
    uint32_t distance = 1;
    if (get_answer(from, &odds[context.beyond_one])) {
        distance = 2;
        if (get_answer(from, &odds[context.beyond_two])) {
            const uint32_t symbol = get_anew(from, at);
            from->broken |= symbol <= expected + 2 && symbol + 2 >= expected; /* there is a shorter way to say it */
            return symbol;
        }
    }
    const bool can_fall = expected >= distance;
    const bool can_rise = expected + distance < from->codec->levels;
    if (!can_fall && !can_rise) {
        from->broken = true;
        return expected;
    }
    const bool falls = can_fall && can_rise ? get_answer(from, &odds[context.down]) : can_fall;
    return falls ? expected - distance : expected + distance;
}

static uint32_t get_symbol(body_reader *from, uint32_t at, bool must_move)
{
    glimpse_changes *changes = &from->work->changes;
    if (!glimpse_reference_knows(changes->reference, at)) {
        return get_anew(from, at);
    }
    const glimpse_change_context context = glimpse_changes_context(changes, at);
    if (!must_move && !get_answer(from, &changes->odds[context.moved])) {
        return glimpse_changes_expected(changes, at);
    }
    return get_move(from, at, context);
}

/* Returns the number of symbols, now in the workspace, or an error. */
static int read_body(body_reader *from, uint32_t first)
{
    glimpse_difference_workspace *work = from->work;
    const uint32_t remaining = glimpse_codec_symbols(from->codec) - first;
    glimpse_order order;
    glimpse_order_seek(&order, from->codec, first);
    for (uint32_t i = 0; i < remaining && !from->broken && !from->reader.broken; i++) {
        const uint32_t at = glimpse_order_next(&order);
        const uint32_t symbol = get_symbol(from, at, i == 0);
        work->symbols[at] = (uint8_t)symbol;
        glimpse_surroundings_add(&work->changes.around, at);
        const glimpse_reference *reference = work->changes.reference;
        const bool is_news = !glimpse_reference_knows(reference, at) || symbol != reference->symbols[at];
        if (is_news && get_answer(from, &work->changes.odds[GLIMPSE_CHANGE_LAST])) {
            return !from->broken && glimpse_range_reader_end(&from->reader) ? (int)(i + 1) : GLIMPSE_ERROR_BODY;
        }
    }
    return GLIMPSE_ERROR_BODY; /* no last one, or nonsense on the way to it */
}

int glimpse_difference_unpack(const glimpse_codec *codec, int frame, const glimpse_reference *reference,
                              const uint8_t *packet, size_t length, glimpse_difference_workspace *work,
                              uint8_t *symbols, uint8_t *received)
{
    glimpse_header header;
    uint8_t reference_frame = 0;
    uint16_t check = 0;
    const int body = needs(packet, length, &header, &reference_frame, &check);
    if (body == GLIMPSE_ERROR_LENGTH || body == GLIMPSE_ERROR_CHECK || body == GLIMPSE_ERROR_VERSION ||
        body == GLIMPSE_ERROR_KIND) {
        return body;
    }
    const int match = glimpse_packet_match(codec, frame, &header);
    if (match != GLIMPSE_OK) {
        return match;
    }
    if (body < 0) {
        return body;
    }
    if (reference == NULL || reference->frame != reference_frame || reference->check != check) {
        return GLIMPSE_ERROR_REFERENCE;
    }
    body_reader from = {.codec = codec, .work = work, .broken = false};
    glimpse_range_reader_begin(&from.reader, packet + GLIMPSE_HEADER_BYTES + GLIMPSE_REFERENCE_BYTES, (size_t)body);
    glimpse_changes_begin(&work->changes, codec, reference, work->symbols);
    const int count = read_body(&from, header.first);
    glimpse_order order;
    glimpse_order_seek(&order, codec, header.first);
    for (int i = 0; i < count; i++) {
        const uint32_t at = glimpse_order_next(&order);
        symbols[at] = work->symbols[at];
        received[at] = 1;
    }
    return count;
}
