/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed packets: the worked example of docs/wire-format.md, whatever must not be taken, and the receiver's window. */
#include <string.h>

#include "core/status.h"
#include "link/seal.h"
#include "test/check.h"

enum { COUNTER = 0x12345, SEALED_BYTES = 15, PACKET_BYTES = 11 };

static const uint8_t device[8] = {0x70, 0xB3, 0xD5, 0x7E, 0xD0, 0, 0, 1};
static const uint8_t packet[PACKET_BYTES] = {0x4B, 0x08, 0x00, 0x03, 0x12, 0x30, 0x9D, 0x56, 0x5A, 0x9A, 0xD4};
static const uint8_t example[SEALED_BYTES] = {0x8B, 0x08, 0x00, 0x03, 0xFF, 0x2F, 0xDA, 0xFA,
                                              0xB7, 0x23, 0x45, 0xC3, 0xD2, 0x1A, 0x9C};
static uint8_t key[GLIMPSE_KEY_BYTES];
static uint8_t sealed[GLIMPSE_MAX_PAYLOAD + 1];
static uint8_t opened[GLIMPSE_MAX_PAYLOAD + 1];
static glimpse_seal seal;
static glimpse_opener opener;

static void agree(void)
{
    for (uint32_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)i;
    }
    glimpse_seal_begin(&seal, key, device, GLIMPSE_UPLINK, true);
}

static void the_example_is_as_documented(void)
{
    agree();
    CHECK_EQUAL(SEALED_BYTES, glimpse_seal_close(&seal, COUNTER, packet, sizeof packet, 24, sealed));
    CHECK_BYTES(example, sealed, sizeof example);
    CHECK_EQUAL(PACKET_BYTES, glimpse_seal_open(&seal, COUNTER, sealed, SEALED_BYTES, opened));
    CHECK_BYTES(packet, opened, sizeof packet);
}

static void a_packet_can_be_sealed_and_opened_in_place(void)
{
    agree();
    memcpy(sealed, packet, sizeof packet);
    CHECK_EQUAL(SEALED_BYTES, glimpse_seal_close(&seal, COUNTER, sealed, sizeof packet, 51, sealed));
    CHECK_BYTES(example, sealed, sizeof example);
    CHECK_EQUAL(PACKET_BYTES, glimpse_seal_open(&seal, COUNTER, sealed, SEALED_BYTES, sealed));
    CHECK_BYTES(packet, sealed, sizeof packet);
}

/* ---- what cannot be sealed */

static void small_payloads_and_what_is_no_packet_are_refused(void)
{
    agree();
    for (size_t payload = 0; payload < 260; payload++) {
        const int expected = payload < 24    ? GLIMPSE_ERROR_PAYLOAD
                             : payload > 242 ? GLIMPSE_ERROR_ARGUMENT
                                             : (int)payload - 4;
        CHECK_EQUAL(expected, glimpse_seal_room(payload));
        CHECK_EQUAL(expected < 0 ? expected : SEALED_BYTES,
                    glimpse_seal_close(&seal, COUNTER, packet, sizeof packet, payload, sealed));
    }
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_seal_close(&seal, COUNTER, packet, 5, 51, sealed));
    CHECK_EQUAL(GLIMPSE_ERROR_CHECK, glimpse_seal_close(&seal, COUNTER, packet, 10, 51, sealed));
    CHECK_EQUAL(GLIMPSE_ERROR_CHECK, glimpse_seal_close(&seal, COUNTER, example, sizeof example, 51, sealed));
}

static void the_longest_packet_fits_and_no_longer_one(void)
{
    agree();
    static uint8_t longest[GLIMPSE_MAX_PAYLOAD];
    memset(sealed, 0, sizeof sealed);
    static const glimpse_header header = {.version = GLIMPSE_WIRE_VERSION};
    for (size_t payload = 24; payload <= GLIMPSE_MAX_PAYLOAD; payload += 109) {
        const size_t length = payload - 4;
        glimpse_header_write(&header, longest);
        memset(longest + 4, 0x5A, length - 6);
        glimpse_packet_close(longest, length - GLIMPSE_OVERHEAD_BYTES);
        sealed[payload] = 0xEE;
        CHECK_EQUAL((int)payload, glimpse_seal_close(&seal, 9, longest, length, payload, sealed));
        CHECK_EQUAL(0xEE, sealed[payload]);
        CHECK_EQUAL((int)length, glimpse_seal_open(&seal, 9, sealed, payload, opened));
        CHECK_BYTES(longest, opened, length);
        if (payload > 24) {
            CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_seal_close(&seal, 9, longest, length, payload - 1, sealed));
        }
    }
}

static void the_counter_ends_and_does_not_wrap(void)
{
    agree();
    CHECK_EQUAL(GLIMPSE_ERROR_COUNTER, glimpse_seal_close(&seal, UINT32_MAX, packet, sizeof packet, 51, sealed));
    glimpse_opener_begin(&opener, &seal, UINT32_MAX - 2);
    for (uint32_t counter = UINT32_MAX - 2; counter != UINT32_MAX; counter++) {
        CHECK_EQUAL(SEALED_BYTES, glimpse_seal_close(&seal, counter, packet, sizeof packet, 51, sealed));
        CHECK_EQUAL(PACKET_BYTES, glimpse_opener_take(&opener, sealed, SEALED_BYTES, opened));
    }
    CHECK_EQUAL(GLIMPSE_ERROR_REPLAY, glimpse_opener_take(&opener, sealed, SEALED_BYTES, opened));
    for (uint32_t counter = 0; counter < 3; counter++) { /* what a sender that wrapped would send */
        CHECK_EQUAL(SEALED_BYTES, glimpse_seal_close(&seal, counter, packet, sizeof packet, 51, sealed));
        CHECK_EQUAL(GLIMPSE_ERROR_MAC, glimpse_opener_take(&opener, sealed, SEALED_BYTES, opened));
    }
}

/* ---- what must not be taken */

/* The example less nothing, changed by the caller in `sealed`. */
static void is_refused(size_t length, int status)
{
    static const uint8_t untouched[16] = {0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE,
                                          0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE};
    memset(opened, 0xEE, sizeof opened);
    glimpse_opener_begin(&opener, &seal, COUNTER);
    CHECK_EQUAL(status, glimpse_opener_take(&opener, sealed, length, opened));
    CHECK(opener.next == COUNTER && opener.accepted == 0 && opener.failed + opener.replayed + opener.malformed == 1);
    CHECK_EQUAL(status, glimpse_seal_open(&seal, COUNTER, sealed, length, opened));
    CHECK_BYTES(untouched, opened, sizeof untouched);
}

static void every_truncation_is_refused(void)
{
    agree();
    for (size_t length = 0; length < SEALED_BYTES; length++) {
        memcpy(sealed, example, sizeof example);
        is_refused(length, length < GLIMPSE_MIN_SEALED_BYTES ? GLIMPSE_ERROR_LENGTH : GLIMPSE_ERROR_MAC);
    }
    memset(sealed + SEALED_BYTES, 0, sizeof sealed - SEALED_BYTES);
    is_refused(SEALED_BYTES + 1, GLIMPSE_ERROR_MAC);
    is_refused(GLIMPSE_MAX_PAYLOAD + 1, GLIMPSE_ERROR_LENGTH);
}

static void every_bit_flip_is_refused(void)
{
    agree();
    for (uint32_t bit = 0; bit < 8 * SEALED_BYTES; bit++) {
        memcpy(sealed, example, sizeof example);
        sealed[bit / 8] ^= (uint8_t)(0x80u >> (bit % 8));
        is_refused(SEALED_BYTES, bit < 2 ? GLIMPSE_ERROR_VERSION : GLIMPSE_ERROR_MAC);
    }
}

/* Sealed by somebody who has all but one thing right. */
static void is_not_taken_from(const glimpse_seal *other)
{
    const int length = glimpse_seal_close(other, COUNTER, packet, sizeof packet, 51, sealed);
    CHECK_EQUAL(SEALED_BYTES, length);
    is_refused(SEALED_BYTES, GLIMPSE_ERROR_MAC);
}

static void another_key_device_direction_or_secrecy_is_refused(void)
{
    agree();
    glimpse_seal other;
    for (uint32_t bit = 0; bit < 8 * GLIMPSE_KEY_BYTES; bit += 5) {
        key[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        glimpse_seal_begin(&other, key, device, GLIMPSE_UPLINK, true);
        key[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        is_not_taken_from(&other);
    }
    for (uint32_t bit = 0; bit < 64; bit += 3) {
        uint8_t name[8];
        memcpy(name, device, sizeof name);
        name[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        glimpse_seal_begin(&other, key, name, GLIMPSE_UPLINK, true);
        is_not_taken_from(&other);
    }
    glimpse_seal_begin(&other, key, device, GLIMPSE_DOWNLINK, true);
    is_not_taken_from(&other);
    glimpse_seal_begin(&other, key, device, GLIMPSE_UPLINK, false);
    is_not_taken_from(&other);
    other = seal;
    glimpse_seal_wipe(&other);
    static const glimpse_seal nothing;
    CHECK_BYTES(&nothing, &other, sizeof nothing);
}

/* ---- the receiver's window */

static int send(uint32_t counter)
{
    CHECK_EQUAL(SEALED_BYTES, glimpse_seal_close(&seal, counter, packet, sizeof packet, 51, sealed));
    return glimpse_opener_take(&opener, sealed, SEALED_BYTES, opened);
}

static void packets_out_of_order_are_taken_once(void)
{
    agree();
    glimpse_opener_begin(&opener, &seal, 1000);
    static const uint8_t order[] = {5, 3, 4, 0, 63, 1, 2, 62, 6};
    for (uint32_t i = 0; i < sizeof order; i++) {
        CHECK_EQUAL(PACKET_BYTES, send(1000u + order[i]));
        for (uint32_t j = 0; j <= i; j++) {
            CHECK_EQUAL(GLIMPSE_ERROR_REPLAY, send(1000u + order[j]));
        }
    }
    CHECK_EQUAL(GLIMPSE_ERROR_REPLAY, send(999)); /* from before the restart: taken, for all the receiver knows */
    CHECK_EQUAL(PACKET_BYTES, send(1064));
    CHECK_EQUAL(PACKET_BYTES, send(1007)); /* 57 late */
    CHECK_EQUAL(PACKET_BYTES, send(1072));
    CHECK_EQUAL(GLIMPSE_ERROR_REPLAY, send(1008)); /* 64 late */
    CHECK_EQUAL(PACKET_BYTES, send(1009));         /* 63 late */
    CHECK_EQUAL(1073, opener.next);
    CHECK_EQUAL(sizeof order + 4, opener.accepted);
    CHECK_EQUAL(sizeof order * (sizeof order + 1) / 2 + 2, opener.replayed);
    CHECK_EQUAL(0, opener.failed + opener.malformed);
}

static void lost_packets_are_bridged_up_to_a_block(void)
{
    agree();
    glimpse_opener_begin(&opener, &seal, 0);
    CHECK_EQUAL(PACKET_BYTES, send(3));
    CHECK_EQUAL(PACKET_BYTES, send(0)); /* below it, and not taken before */
    CHECK_EQUAL(PACKET_BYTES, send(65535));
    CHECK_EQUAL(PACKET_BYTES, send(65536 + 65471)); /* the highest that is not read as a late one */
    CHECK_EQUAL(GLIMPSE_ERROR_REPLAY, send(65535));
    const uint32_t next = opener.next;
    CHECK_EQUAL(GLIMPSE_ERROR_MAC, send(next + 65472));
    CHECK_EQUAL(next, opener.next);
    glimpse_opener_search(&opener);
    CHECK_EQUAL(PACKET_BYTES, send(next + 65472));
    CHECK_EQUAL(1, opener.blocks);
}

static void first_contact_is_found_far_from_zero(void)
{
    agree();
    glimpse_opener_begin(&opener, &seal, 0);
    CHECK_EQUAL(PACKET_BYTES, send(255u * 65536u + 17u));
    CHECK_EQUAL(1, opener.blocks);
    CHECK_EQUAL(GLIMPSE_ERROR_MAC, send(17));
    glimpse_opener_begin(&opener, &seal, 0);
    CHECK_EQUAL(GLIMPSE_ERROR_MAC, send(256u * 65536u));
}

/* ---- what it costs a node: a packet for 51 bytes, MAC and cipher */

enum { INSTRUCTIONS = 19500 };

static void sealing_costs_no_more_than_documented(void)
{
    agree();
    static uint8_t whole[47];
    static const glimpse_header header = {.version = GLIMPSE_WIRE_VERSION};
    glimpse_header_write(&header, whole);
    glimpse_packet_close(whole, sizeof whole - GLIMPSE_OVERHEAD_BYTES);
    const uint32_t start = port_counter();
    CHECK_EQUAL(51, glimpse_seal_close(&seal, 1, whole, sizeof whole, 51, sealed));
    const uint32_t ticks = port_counter() - start;
    const port_counter_unit *unit = port_get_counter_unit();
    if (unit->unit[0] == 'i') {
        const uint32_t count = (uint32_t)((uint64_t)ticks * unit->numerator / unit->denominator);
        check_note("instructions", count);
        CHECK(count > 0 && count <= INSTRUCTIONS);
    }
}

int main(void)
{
    check_begin();
    CHECK_RUN(the_example_is_as_documented);
    CHECK_RUN(a_packet_can_be_sealed_and_opened_in_place);
    CHECK_RUN(small_payloads_and_what_is_no_packet_are_refused);
    CHECK_RUN(the_longest_packet_fits_and_no_longer_one);
    CHECK_RUN(the_counter_ends_and_does_not_wrap);
    CHECK_RUN(every_truncation_is_refused);
    CHECK_RUN(every_bit_flip_is_refused);
    CHECK_RUN(another_key_device_direction_or_secrecy_is_refused);
    CHECK_RUN(packets_out_of_order_are_taken_once);
    CHECK_RUN(lost_packets_are_bridged_up_to_a_block);
    CHECK_RUN(first_contact_is_found_far_from_zero);
    CHECK_RUN(sealing_costs_no_more_than_documented);
    return check_end();
}
