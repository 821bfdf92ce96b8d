/* SPDX-License-Identifier: Apache-2.0 */
/* Parity packets: the field, the code, the list of a group's packets, hostile bodies, and who gets how much. */
#include <string.h>

#include "core/galois.h"
#include "core/parity.h"
#include "core/protection.h"
#include "core/status.h"
#include "test/check.h"
#include "test/random.h"

enum { PAYLOAD = 60, PACKETS = 12 };

static uint8_t words[GLIMPSE_PARITY_PACKETS * 64];
static glimpse_parity group;
static glimpse_protection protection;

static size_t seal(uint8_t *packet, const glimpse_header *header, size_t body)
{
    glimpse_header_write(header, packet);
    return glimpse_packet_close(packet, body);
}

/* An image packet of frame 9 whose body follows from its first rank. */
static size_t make(uint8_t *packet, uint32_t first, size_t body)
{
    for (size_t i = 0; i < body; i++) {
        packet[GLIMPSE_HEADER_BYTES + i] = (uint8_t)(first * 31u + i * i * 7u + 1u);
    }
    const glimpse_header header = {.version = GLIMPSE_WIRE_VERSION, .model = 3, .frame = 9, .first = (uint16_t)first};
    return seal(packet, &header, body);
}

static void field_is_one(void)
{
    for (uint32_t a = 1; a < 256; a++) {
        CHECK_EQUAL(1, glimpse_galois_multiply((uint8_t)a, glimpse_galois_inverse((uint8_t)a)));
        CHECK_EQUAL(a, glimpse_galois_multiply(1, (uint8_t)a));
        CHECK_EQUAL(0, glimpse_galois_multiply((uint8_t)a, 0));
        uint8_t to = 0x5A;
        const uint8_t from = (uint8_t)(a * 5u);
        glimpse_galois_add((uint8_t)a, &from, 1, &to);
        CHECK_EQUAL(0x5A ^ glimpse_galois_multiply((uint8_t)a, from), to);
    }
    CHECK_EQUAL(0x1D, glimpse_galois_multiply(0x80, 2));
    CHECK_EQUAL(0, glimpse_galois_inverse(0));
}

/* Any two lost packets can be solved for with any two parity packets; one parity packet never adds two alike. */
static void factors_are_independent(void)
{
    for (uint32_t member = 0; member < GLIMPSE_PARITY_MEMBERS; member++) {
        for (uint32_t other = 0; other < member; other++) {
            for (uint32_t i = 0; i < GLIMPSE_PARITY_PACKETS; i++) {
                CHECK(glimpse_parity_factor(i, member) != glimpse_parity_factor(i, other));
                const uint32_t j = (i + 1u) % GLIMPSE_PARITY_PACKETS;
                CHECK(glimpse_galois_multiply(glimpse_parity_factor(i, member), glimpse_parity_factor(j, other)) !=
                      glimpse_galois_multiply(glimpse_parity_factor(j, member), glimpse_parity_factor(i, other)));
            }
        }
    }
}

/* One lost packet of four comes back from the first parity packet, byte for byte. */
static void lost_packet_comes_back(void)
{
    static const uint16_t firsts[4] = {100, 220, 350, 400};
    static const uint8_t bodies[4] = {40, 33, 12, 25};
    uint8_t packet[GLIMPSE_MAX_PAYLOAD], parity[GLIMPSE_MAX_PAYLOAD], word[GLIMPSE_MAX_PAYLOAD];
    glimpse_parity_view view;
    for (uint32_t lost = 0; lost < 4; lost++) {
        CHECK_EQUAL(GLIMPSE_OK, glimpse_parity_begin(&group, 2, words, sizeof words));
        for (uint32_t i = 0; i < 4; i++) {
            CHECK_EQUAL(1, glimpse_parity_add(&group, packet, make(packet, firsts[i], bodies[i]), PAYLOAD));
        }
        const int length = glimpse_parity_next(&group, PAYLOAD, parity);
        CHECK(length > 0 && length <= PAYLOAD);
        CHECK_EQUAL(GLIMPSE_OK, glimpse_parity_read(parity, (size_t)length, &view));
        CHECK_EQUAL(4, view.members);
        CHECK_EQUAL(100, view.header.first);
        uint8_t sum[64] = {0};
        memcpy(sum, parity + view.word_at, view.word_length);
        for (uint32_t i = 0; i < 4; i++) {
            const int size = glimpse_parity_word(packet, make(packet, firsts[i], bodies[i]), word);
            CHECK_EQUAL(firsts[i] >> view.shift, view.place[i]);
            if (i != lost) {
                glimpse_galois_add(glimpse_parity_factor(view.index, view.number[i]), word, (size_t)size, sum);
            }
        }
        const uint8_t back = glimpse_galois_inverse(glimpse_parity_factor(view.index, view.number[lost]));
        for (size_t i = 0; i < view.word_length; i++) {
            sum[i] = glimpse_galois_multiply(back, sum[i]);
        }
        const int got = glimpse_parity_packet(&view, view.place[lost], sum, packet);
        CHECK_EQUAL(bodies[lost] + GLIMPSE_OVERHEAD_BYTES, got);
        uint8_t again[GLIMPSE_MAX_PAYLOAD];
        make(again, firsts[lost], bodies[lost]);
        CHECK_BYTES(again, packet, (size_t)got);
        sum[0] ^= 1u;
        CHECK_EQUAL(GLIMPSE_ERROR_CHECK, glimpse_parity_packet(&view, view.place[lost], sum, packet));
        sum[0] ^= 1u;
        CHECK_EQUAL(GLIMPSE_ERROR_CHECK, glimpse_parity_packet(&view, view.place[lost] + 1u, sum, packet));
        CHECK(glimpse_parity_next(&group, PAYLOAD, parity) > 0);
        CHECK_EQUAL(0, glimpse_parity_next(&group, PAYLOAD, parity));
    }
}

static void scattered_packets_are_listed(void)
{
    static const uint16_t firsts[5] = {9000, 40, 16383, 2000, 41 + 64};
    static const uint8_t numbers[5] = {1, 4, 3, 0, 2};
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    glimpse_parity_view view;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_parity_begin(&group, 1, words, 64));
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQUAL(1, glimpse_parity_add(&group, packet, make(packet, firsts[i], 40), 242));
    }
    CHECK_EQUAL(0, glimpse_parity_add(&group, packet, make(packet, 42, 40), 242)); /* the place of 40 */
    const int length = glimpse_parity_next(&group, 242, packet);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_parity_read(packet, (size_t)length, &view));
    CHECK_EQUAL(5, view.members);
    CHECK_EQUAL(40, view.header.first);
    CHECK_EQUAL(1, view.header.coding);
    CHECK_EQUAL(5, view.shift); /* 40 bytes of raw symbols are 40 symbols at least */
    CHECK_BYTES(numbers, view.number, 5);
    CHECK_EQUAL(16383 >> 5, view.place[4]);
}

static void what_has_no_place_is_refused(void)
{
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_parity_begin(&group, 0, words, sizeof words));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_parity_begin(&group, 17, words, sizeof words));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_parity_begin(&group, 3, words, 17));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_parity_begin(&group, 3, words, 18));
    CHECK_EQUAL(GLIMPSE_ERROR_BUFFER, glimpse_parity_add(&group, packet, make(packet, 0, 2), PAYLOAD));
    CHECK_EQUAL(1, glimpse_parity_add(&group, packet, make(packet, 0, 1), PAYLOAD));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_parity_begin(&group, 1, words, sizeof words));
    CHECK_EQUAL(0, glimpse_parity_next(&group, PAYLOAD, packet));
    CHECK_EQUAL(GLIMPSE_ERROR_BUFFER, glimpse_parity_add(&group, packet, make(packet, 0, 48), PAYLOAD));
    CHECK_EQUAL(1, glimpse_parity_add(&group, packet, make(packet, 0, 47), PAYLOAD));
    CHECK_EQUAL(0, glimpse_parity_add(&group, packet, make(packet, 100, 47), PAYLOAD)); /* no byte for the list */
    glimpse_header header = {.version = 1, .model = 3, .frame = 10, .first = 500};
    CHECK_EQUAL(0, glimpse_parity_add(&group, packet, seal(packet, &header, 20), PAYLOAD));
    header.kind = GLIMPSE_KIND_PARITY;
    CHECK_EQUAL(GLIMPSE_ERROR_KIND, glimpse_parity_add(&group, packet, seal(packet, &header, 20), PAYLOAD));
    packet[7] ^= 1u;
    CHECK_EQUAL(GLIMPSE_ERROR_CHECK, glimpse_parity_add(&group, packet, 26, PAYLOAD));
    CHECK_EQUAL(GLIMPSE_ERROR_BUFFER, glimpse_parity_next(&group, PAYLOAD - 1, packet));
    CHECK_EQUAL(0, glimpse_parity_room(11, 1, false));
    CHECK_EQUAL(11, glimpse_parity_room(18, 1, false));
    CHECK_EQUAL(41, glimpse_parity_room(51, 8, false));
    CHECK_EQUAL(35, glimpse_parity_room(51, 8, true));
    CHECK_EQUAL(212, glimpse_parity_room(222, 8, false));
}

/* Every truncation, made sound again by a check of its own, and random bodies: an answer, and nothing out of bounds. */
static void hostile_bodies_are_answered(void)
{
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    glimpse_parity_view view;
    uint32_t accepted = 0;
    for (uint32_t round = 0; round < 4000; round++) {
        glimpse_header header = {.version = 1, .first = (uint16_t)(round * 37u & 16383u), .kind = GLIMPSE_KIND_PARITY};
        header.coding = (uint8_t)(round & 1u);
        const size_t body = round % (GLIMPSE_MAX_PAYLOAD - GLIMPSE_OVERHEAD_BYTES + 1);
        for (size_t i = 0; i < body; i++) {
            packet[GLIMPSE_HEADER_BYTES + i] =
                (uint8_t)(random_below(256) & (round % 3 == 0 ? random_below(256) : 255u));
        }
        const int result = glimpse_parity_read(packet, seal(packet, &header, body), &view);
        CHECK(result == GLIMPSE_OK || result == GLIMPSE_ERROR_BODY);
        if (result == GLIMPSE_OK) {
            accepted++;
            CHECK(view.members >= 1 && view.members <= GLIMPSE_PARITY_MEMBERS);
            CHECK_EQUAL(body + GLIMPSE_HEADER_BYTES, view.word_at + view.word_length);
            CHECK(view.word_length >= GLIMPSE_PARITY_MIN_WORD && view.word_length <= GLIMPSE_PARITY_MAX_WORD);
        }
    }
    CHECK(accepted > 100);
    glimpse_header header = {.version = 1, .kind = GLIMPSE_KIND_IMAGE};
    CHECK_EQUAL(GLIMPSE_ERROR_KIND, glimpse_parity_read(packet, seal(packet, &header, 20), &view));
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_parity_read(packet, 5, &view));
}

/* 'd' for each packet, 'p' for each parity packet. */
static void send(const glimpse_protection_rule *rules, uint32_t count, uint32_t step, const char *expected)
{
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    char seen[64] = {0};
    size_t at = 0;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_protection_begin(&protection, rules, count, false, words, sizeof words));
    for (uint32_t sent = 0; at < sizeof seen - 1;) {
        int length = glimpse_protection_next(&protection, PAYLOAD, packet);
        if (length > 0) {
            seen[at++] = 'p';
        } else if (sent < PACKETS) {
            const size_t room = glimpse_protection_room(&protection, PAYLOAD);
            length = (int)make(packet, sent * step, room - GLIMPSE_OVERHEAD_BYTES);
            CHECK_EQUAL(GLIMPSE_OK, glimpse_protection_sent(&protection, packet, (size_t)length, PAYLOAD));
            seen[at++] = 'd';
            sent++;
        } else if (sent == PACKETS) {
            glimpse_protection_end(&protection);
            sent++;
        } else {
            break;
        }
        CHECK(length <= PAYLOAD);
    }
    CHECK_EQUAL(strlen(expected), at);
    CHECK_BYTES(expected, seen, at);
}

static void rules_say_who_gets_parity(void)
{
    static const glimpse_protection_rule uniform[] = {{5, 2}};
    static const glimpse_protection_rule weighted[] = {{2, 3}, {4, 2}, {1, 0}};
    static const glimpse_protection_rule bare[] = {{1, 0}};
    static const glimpse_protection_rule wrong[] = {{1, 0}, {0, 1}};
    send(uniform, 1, 60, "dddddppdddddppddp");
    send(weighted, 3, 60, "ddpppddddppdddddd");
    send(bare, 1, 60, "dddddddddddd");
    send(uniform, 1, 1400, "ddddppdpddddppdpddp"); /* far apart: the list is longer, so groups end before their time */
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_protection_begin(&protection, wrong, 2, false, words, sizeof words));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_protection_begin(&protection, weighted, 0, false, words, sizeof words));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_protection_begin(&protection, weighted, 3, false, words, 29));
}

/* Their bodies start with the name of the reference, which is no count of symbols. */
static void differences_make_a_group(void)
{
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    glimpse_parity_view view;
    glimpse_parity_begin(&group, 1, words, sizeof words);
    for (uint32_t i = 0; i < 4; i++) {
        memset(packet + GLIMPSE_HEADER_BYTES, 0xFF, 40);
        const glimpse_header header = {.version = GLIMPSE_WIRE_VERSION,
                                       .model = 3,
                                       .frame = 9,
                                       .first = (uint16_t)(100u * i),
                                       .kind = GLIMPSE_KIND_DIFFERENCE,
                                       .coding = GLIMPSE_CODING_RANGE};
        CHECK_EQUAL(1, glimpse_parity_add(&group, packet, seal(packet, &header, 40), GLIMPSE_MAX_PAYLOAD));
    }
    const int length = glimpse_parity_next(&group, GLIMPSE_MAX_PAYLOAD, packet);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_parity_read(packet, (size_t)length, &view));
    CHECK_EQUAL(4, view.members);
    CHECK_EQUAL(2, view.shift); /* 5 symbols at least in 40 bytes */
}

int main(void)
{
    check_begin();
    CHECK_RUN(field_is_one);
    CHECK_RUN(factors_are_independent);
    CHECK_RUN(lost_packet_comes_back);
    CHECK_RUN(scattered_packets_are_listed);
    CHECK_RUN(what_has_no_place_is_refused);
    CHECK_RUN(differences_make_a_group);
    CHECK_RUN(hostile_bodies_are_answered);
    CHECK_RUN(rules_say_who_gets_parity);
    return check_end();
}
