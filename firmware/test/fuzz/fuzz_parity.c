/* SPDX-License-Identifier: Apache-2.0 */
/* Parity packets. What must hold: one that is read lists rising places and each number once, and its word lies inside
   it; a word that is taken for a packet is one, of that place; whatever packets make a group, its parity packets are
   read, name them, and give any one of them back byte for byte. */
#include "core/galois.h"
#include "core/parity.h"
#include "test/fuzz/fuzz.h"

static void check_view(const glimpse_parity_view *view, size_t length)
{
    uint32_t seen = 0;
    MUST(view->members >= 1 && view->members <= GLIMPSE_PARITY_MEMBERS && view->index < GLIMPSE_PARITY_PACKETS);
    MUST(view->header.kind == GLIMPSE_KIND_PARITY && view->shift <= 13);
    for (uint32_t i = 0; i < view->members; i++) {
        MUST((uint32_t)view->place[i] << view->shift < GLIMPSE_MAX_SYMBOLS);
        MUST(i == 0 || view->place[i] > view->place[i - 1]);
        MUST(view->number[i] < view->members);
        seen |= 1u << view->number[i];
    }
    MUST(seen == (view->members == 32 ? UINT32_MAX : (1u << view->members) - 1u));
    MUST(view->word_length >= GLIMPSE_PARITY_MIN_WORD &&
         (size_t)view->word_at + view->word_length + GLIMPSE_CHECK_BYTES == length);
}

/* Any word at any place of a group. */
static void take_word_for_packet(const glimpse_parity_view *view, fuzz_input *in)
{
    uint8_t *const word = exact(view->word_length, 0);
    uint8_t *const packet = exact(GLIMPSE_MAX_PAYLOAD, 0);
    const uint32_t place = view->place[take_byte(in) % view->members];
    if ((take_byte(in) & 1u) != 0) { /* that of a packet, which may lie elsewhere or be too long */
        const glimpse_header header = {.version = GLIMPSE_WIRE_VERSION,
                                       .model = view->header.model,
                                       .frame = view->header.frame,
                                       .first = (uint16_t)(take_word(in) % GLIMPSE_MAX_SYMBOLS),
                                       .kind = (uint8_t)(take_byte(in) & 1u),
                                       .coding = (uint8_t)(take_byte(in) & 1u),
                                       .revision = view->header.revision};
        uint8_t whole[GLIMPSE_MAX_PAYLOAD];
        const size_t length = take_packet(in, &header, packet, GLIMPSE_MAX_PAYLOAD);
        const int made = glimpse_parity_word(packet, length, whole);
        MUST(made == (length > GLIMPSE_OVERHEAD_BYTES ? (int)length - GLIMPSE_PARITY_SHORTER : GLIMPSE_ERROR_BODY));
        memcpy(word, whole, made < 0 ? 0 : (size_t)made < view->word_length ? (size_t)made : view->word_length);
    } else {
        take_bytes(in, word, view->word_length);
    }
    const int length = glimpse_parity_packet(view, place, word, packet);
    MUST(length == GLIMPSE_ERROR_CHECK || length > GLIMPSE_OVERHEAD_BYTES);
    if (length > 0) {
        glimpse_header header;
        uint8_t again[GLIMPSE_MAX_PAYLOAD];
        MUST(glimpse_packet_read(packet, (size_t)length, &header) > 0);
        MUST((uint32_t)header.first >> view->shift == place && header.kind <= GLIMPSE_KIND_DIFFERENCE);
        MUST(glimpse_parity_word(packet, (size_t)length, again) == length - GLIMPSE_PARITY_SHORTER);
        MUST(memcmp(word, again, (size_t)length - GLIMPSE_PARITY_SHORTER) == 0);
    }
    free(packet);
    free(word);
}

static void read_any(fuzz_input *in)
{
    const uint32_t flags = take_byte(in);
    const uint32_t word = take_word(in);
    glimpse_header header = {.version = (uint8_t)((flags & 2u) != 0 ? flags >> 6 : GLIMPSE_WIRE_VERSION),
                             .model = (uint8_t)(word >> 27),
                             .frame = (uint8_t)(word >> 21 & 63u),
                             .first = (uint16_t)(word & (GLIMPSE_MAX_SYMBOLS - 1u)),
                             .kind = (uint8_t)((flags & 4u) != 0 ? flags >> 3 & 7u : GLIMPSE_KIND_PARITY),
                             .coding = (uint8_t)(flags & 1u),
                             .revision = (uint8_t)(word >> 14 & 1u)};
    uint8_t bytes[GLIMPSE_MAX_PAYLOAD + 2];
    const size_t length = take_packet(in, &header, bytes, sizeof bytes);
    uint8_t *const packet = exact_copy(bytes, length);
    glimpse_parity_view view;
    const int status = glimpse_parity_read(packet, length, &view);
    MUST(status == GLIMPSE_OK || status == GLIMPSE_ERROR_LENGTH || status == GLIMPSE_ERROR_VERSION ||
         status == GLIMPSE_ERROR_KIND || status == GLIMPSE_ERROR_BODY);
    free(packet);
    if (status == GLIMPSE_OK) {
        check_view(&view, length);
        take_word_for_packet(&view, in);
    }
}

/* A group as it was sent. */
typedef struct {
    uint8_t packet[GLIMPSE_PARITY_MEMBERS][GLIMPSE_MAX_PAYLOAD];
    size_t length[GLIMPSE_PARITY_MEMBERS];
    uint32_t members;
} sent_group;

static void add_some(glimpse_parity *group, sent_group *sent, size_t payload, fuzz_input *in)
{
    uint32_t first = 0;
    for (uint32_t i = 0; i < 40 && in->left > 0; i++) {
        const uint32_t flags = take_byte(in);
        first = (flags & 0x80u) != 0 ? take_word(in) : first + take_byte(in) * (1u << (flags >> 4 & 7u));
        const glimpse_header header = {.version = GLIMPSE_WIRE_VERSION,
                                       .model = 9,
                                       .frame = (uint8_t)((flags & 15u) == 15u),
                                       .first = (uint16_t)(first % GLIMPSE_MAX_SYMBOLS),
                                       .kind = (uint8_t)(flags & 1u),
                                       .coding = (uint8_t)(flags >> 1 & 1u)};
        uint8_t bytes[GLIMPSE_MAX_PAYLOAD];
        const size_t length = take_packet(in, &header, bytes, sizeof bytes);
        uint8_t *const packet = exact_copy(bytes, length);
        const int added = glimpse_parity_add(group, packet, length, payload);
        MUST(added == 1 || added == 0 || added == GLIMPSE_ERROR_BODY || added == GLIMPSE_ERROR_BUFFER);
        if (added == 1) {
            MUST(sent->members < GLIMPSE_PARITY_MEMBERS);
            memcpy(sent->packet[sent->members], packet, length);
            sent->length[sent->members++] = length;
        }
        free(packet);
    }
}

/* The packet with one number, from all others and one parity packet. */
static void recover(const glimpse_parity_view *view, const uint8_t *parity, const sent_group *sent, uint32_t lost)
{
    uint8_t *const word = exact_copy(parity + view->word_at, view->word_length);
    uint8_t *const solved = exact(view->word_length, 0);
    uint8_t *const packet = exact(GLIMPSE_MAX_PAYLOAD, 0);
    uint32_t place = 0;
    for (uint32_t i = 0; i < view->members; i++) {
        const uint32_t number = view->number[i];
        uint8_t other[GLIMPSE_MAX_PAYLOAD];
        const int size = glimpse_parity_word(sent->packet[number], sent->length[number], other);
        MUST(size > 0 && (size_t)size <= view->word_length);
        if (number == lost) {
            place = view->place[i];
        } else {
            glimpse_galois_add(glimpse_parity_factor(view->index, number), other, (size_t)size, word);
        }
    }
    glimpse_galois_add(glimpse_galois_inverse(glimpse_parity_factor(view->index, lost)), word, view->word_length,
                       solved);
    const int length = glimpse_parity_packet(view, place, solved, packet);
    MUST(length > 0 && (size_t)length == sent->length[lost] && memcmp(packet, sent->packet[lost], (size_t)length) == 0);
    free(packet);
    free(solved);
    free(word);
}

static void write_group(fuzz_input *in)
{
    static sent_group sent;
    const uint32_t packets = take_byte(in) % 18;
    const size_t size = take_number(in) % 4096;
    const size_t payload = GLIMPSE_MIN_PAYLOAD + take_byte(in) % (GLIMPSE_MAX_PAYLOAD - GLIMPSE_MIN_PAYLOAD + 1);
    uint8_t *const words = exact(size, 0xEE);
    glimpse_parity group;
    sent.members = 0;
    if (glimpse_parity_begin(&group, packets, words, size) == GLIMPSE_OK) {
        add_some(&group, &sent, payload, in);
        uint8_t *const packet = exact(payload, 0xEE);
        uint32_t written = 0;
        int length = glimpse_parity_next(&group, payload, packet);
        for (; length > 0; length = glimpse_parity_next(&group, payload, packet)) {
            glimpse_parity_view view;
            MUST((size_t)length <= payload && glimpse_parity_read(packet, (size_t)length, &view) == GLIMPSE_OK);
            check_view(&view, (size_t)length);
            MUST(view.index == written++ && view.members == sent.members);
            recover(&view, packet, &sent, view.index % sent.members);
        }
        MUST(length == 0 && written == (sent.members > 0 ? packets : 0));
        free(packet);
    }
    free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    if ((take_byte(&in) & 1u) != 0) {
        write_group(&in);
    } else {
        read_any(&in);
    }
    return 0;
}
