/* SPDX-License-Identifier: Apache-2.0 */
/* Packets: the worked example of docs/wire-format.md, frames of every kind there and back, and what is rejected. */
#include <string.h>

#include "core/packet.h"
#include "core/status.h"
#include "core/symbols.h"
#include "test/check.h"
#include "test/example_codec.h"

enum { PHOTO_SYMBOLS = 28 * 28 * 12 };

static const uint8_t raw_packets[2][11] = {
    {0x4B, 0x08, 0x00, 0x01, 0x69, 0xC6, 0xDB, 0x6D, 0xBA, 0xD3, 0x75},
    {0x4B, 0x08, 0x01, 0xA1, 0x6F, 0xC4, 0xE3, 0x6E, 0x00, 0x95, 0x17},
};
static const uint8_t range_packets[2][11] = {
    {0x4B, 0x08, 0x00, 0x03, 0x12, 0x30, 0x9D, 0x56, 0x5A, 0x9A, 0xD4},
    {0x4B, 0x08, 0x02, 0x43, 0x06, 0xAD, 0xC2, 0xFB},
};

static uint8_t symbols[GLIMPSE_MAX_SYMBOLS];
static uint8_t decoded[GLIMPSE_MAX_SYMBOLS];
static uint8_t received[GLIMPSE_MAX_SYMBOLS];
static uint8_t packet[GLIMPSE_MAX_PAYLOAD + 1];
static glimpse_workspace work;
static glimpse_packer packer;

static void the_example_is_as_documented(void)
{
    glimpse_symbols_quantise(&example, example_latent, symbols);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_packer_begin(&packer, &example, symbols, 33, GLIMPSE_CODING_RAW));
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQUAL(11, glimpse_packer_next(&packer, 11, packet));
        CHECK_BYTES(raw_packets[i], packet, 11);
    }
    CHECK_EQUAL(0, glimpse_packer_next(&packer, 11, packet));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_packer_begin(&packer, &example, symbols, 33, GLIMPSE_CODING_RANGE));
    CHECK_EQUAL(11, glimpse_packer_next(&packer, 11, packet));
    CHECK_BYTES(range_packets[0], packet, 11);
    CHECK_EQUAL(8, glimpse_packer_next(&packer, 11, packet));
    CHECK_BYTES(range_packets[1], packet, 8);
    CHECK_EQUAL(0, glimpse_packer_next(&packer, 11, packet));
}

static void header_fields_come_back(void)
{
    const glimpse_header written = {1, 31, 63, 16383, 7, 1, 1};
    glimpse_header header = {0};
    glimpse_header_write(&written, packet);
    static const uint8_t all_ones[4] = {0x7F, 0xFF, 0xFF, 0xFF};
    CHECK_BYTES(all_ones, packet, 4);
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_packet_read(packet, 4, &header)); /* filled all the same */
    CHECK(header.version == 1 && header.model == 31 && header.frame == 63 && header.first == 16383 &&
          header.kind == 7 && header.coding == 1 && header.revision == 1);
    CHECK_EQUAL(5, glimpse_packet_read(range_packets[0], 11, &header));
    CHECK(header.version == 1 && header.model == 5 && header.frame == 33 && header.first == 0 &&
          header.kind == GLIMPSE_KIND_IMAGE && header.coding == GLIMPSE_CODING_RANGE && header.revision == 1);
    CHECK_EQUAL(2, glimpse_packet_read(range_packets[1], 8, &header));
    CHECK_EQUAL(18, header.first);
}

static void forget(size_t count)
{
    memset(decoded, 0xEE, count);
    memset(received, 0, count);
}

static void packets_are_welcome_in_any_order_and_twice(void)
{
    glimpse_symbols_quantise(&example, example_latent, symbols);
    forget(EXAMPLE_SYMBOLS);
    CHECK_EQUAL(6, glimpse_packet_unpack(&example, 33, range_packets[1], 8, &work, decoded, received));
    CHECK_EQUAL(11, glimpse_packet_unpack(&example, -1, raw_packets[1], 11, &work, decoded, received));
    CHECK_EQUAL(6, glimpse_packet_unpack(&example, 33, range_packets[1], 8, &work, decoded, received));
    CHECK_EQUAL(18, glimpse_packet_unpack(&example, 33, range_packets[0], 11, &work, decoded, received));
    CHECK_BYTES(symbols, decoded, EXAMPLE_SYMBOLS);
    for (uint32_t i = 0; i < EXAMPLE_SYMBOLS; i++) {
        CHECK_EQUAL(1, received[i]);
    }
}

/* Closes a message of `length` bytes in packet with its check and expects the example's codec to answer `status`. */
static void rejects(size_t length, int status)
{
    glimpse_packet_close(packet, length - GLIMPSE_HEADER_BYTES);
    forget(EXAMPLE_SYMBOLS);
    CHECK_EQUAL(status, glimpse_packet_unpack(&example, 33, packet, length + 2, &work, decoded, received));
    for (uint32_t i = 0; i < EXAMPLE_SYMBOLS; i++) {
        CHECK(received[i] == 0 && decoded[i] == 0xEE);
    }
}

static void rejects_header(glimpse_header header, int status)
{
    memcpy(packet, raw_packets[0], 11);
    glimpse_header_write(&header, packet);
    rejects(9, status);
}

static void strange_headers_are_named(void)
{
    rejects_header((glimpse_header){2, 5, 33, 0, 0, 0, 1}, GLIMPSE_ERROR_VERSION);
    rejects_header((glimpse_header){0, 5, 33, 0, 0, 0, 1}, GLIMPSE_ERROR_VERSION);
    rejects_header((glimpse_header){1, 5, 33, 0, GLIMPSE_KIND_PARITY, 0, 1}, GLIMPSE_ERROR_KIND);
    rejects_header((glimpse_header){1, 5, 33, 0, 7, 0, 1}, GLIMPSE_ERROR_KIND);
    rejects_header((glimpse_header){1, 6, 33, 0, 0, 0, 1}, GLIMPSE_ERROR_MODEL);
    rejects_header((glimpse_header){1, 5, 33, 0, 0, 0, 0}, GLIMPSE_ERROR_REVISION);
    rejects_header((glimpse_header){1, 5, 34, 0, 0, 0, 1}, GLIMPSE_ERROR_FRAME);
    rejects_header((glimpse_header){1, 5, 33, 24, 0, 0, 1}, GLIMPSE_ERROR_RANGE);
    rejects_header((glimpse_header){1, 5, 33, 16383, 0, 1, 1}, GLIMPSE_ERROR_RANGE);
}

static void damage_is_noticed(void)
{
    for (uint32_t bit = 0; bit < 88; bit++) {
        memcpy(packet, range_packets[0], 11);
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_EQUAL(GLIMPSE_ERROR_CHECK, glimpse_packet_unpack(&example, -1, packet, 11, &work, decoded, received));
    }
    for (size_t length = 0; length < 6; length++) {
        CHECK_EQUAL(GLIMPSE_ERROR_LENGTH,
                    glimpse_packet_unpack(&example, -1, packet, length, &work, decoded, received));
    }
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_packet_unpack(&example, -1, packet, 243, &work, decoded, received));
}

static void malformed_raw_bodies_are_rejected(void)
{
    memcpy(packet, raw_packets[0], 11);
    rejects(4, GLIMPSE_ERROR_BODY); /* no symbols */
    memcpy(packet, raw_packets[0], 11);
    packet[8] |= 1; /* 13 symbols leave one bit over */
    rejects(9, GLIMPSE_ERROR_BODY);
    memcpy(packet, raw_packets[1], 11);
    packet[9] = 0; /* 11 symbols need 5 bytes */
    rejects(10, GLIMPSE_ERROR_BODY);
}

static void rejects_range_body(uint16_t first, const char *body, size_t length, int status)
{
    glimpse_header_write(&(glimpse_header){1, 5, 33, first, 0, GLIMPSE_CODING_RANGE, 1}, packet);
    memcpy(packet + 4, body, length);
    rejects(4 + length, status);
}

static void malformed_range_bodies_are_rejected(void)
{
    rejects_range_body(0, "", 0, GLIMPSE_ERROR_BODY);
    rejects_range_body(0, "\0\x30\x9D\x56\x5A", 5, GLIMPSE_ERROR_BODY);       /* no symbols */
    rejects_range_body(0, "\x80", 1, GLIMPSE_ERROR_BODY);                     /* half a count */
    rejects_range_body(0, "\x80\x12\x30\x9D\x56\x5A", 6, GLIMPSE_ERROR_BODY); /* one byte would do for 18 */
    rejects_range_body(0, "\x19\x30\x9D\x56\x5A", 5, GLIMPSE_ERROR_RANGE);    /* 25 of 24 symbols */
    rejects_range_body(7, "\x12\x30\x9D\x56\x5A", 5, GLIMPSE_ERROR_RANGE);    /* 18 where 17 remain */
    rejects_range_body(0, "\xFF\xFF\x30\x9D", 4, GLIMPSE_ERROR_RANGE);
    rejects_range_body(0, "\x12\x30\x9D\x56\x5A\0", 6, GLIMPSE_ERROR_BODY);   /* a zero that is never sent */
    rejects_range_body(0, "\x12\x30\x9D\x56\x5A\x01", 6, GLIMPSE_ERROR_BODY); /* longer than need be */
    rejects_range_body(0, "\x0C\x30\x8B", 3, GLIMPSE_ERROR_BODY);             /* inside, but 30 8A is what is sent */
    rejects_range_body(0, "\x01\xFF\xFF\xFF\xFF", 5, GLIMPSE_ERROR_BODY);     /* outside every symbol */
}

static void a_codec_without_tables_takes_raw_packets_only(void)
{
    glimpse_codec codec = example;
    codec.cumulative = NULL;
    forget(EXAMPLE_SYMBOLS);
    CHECK_EQUAL(13, glimpse_packet_unpack(&codec, 33, raw_packets[0], 11, &work, decoded, received));
    CHECK_EQUAL(GLIMPSE_ERROR_BODY, glimpse_packet_unpack(&codec, 33, range_packets[0], 11, &work, decoded, received));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_packer_begin(&packer, &codec, symbols, 33, GLIMPSE_CODING_RANGE));
}

static void a_raw_symbol_that_is_no_level_is_rejected(void)
{
    glimpse_codec codec = example;
    codec.levels = 6;
    codec.cumulative = NULL;
    forget(EXAMPLE_SYMBOLS);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    CHECK_EQUAL(GLIMPSE_ERROR_BODY, glimpse_packet_unpack(&codec, 33, raw_packets[1], 11, &work, decoded, received));
    CHECK_EQUAL(13, glimpse_packet_unpack(&codec, 33, raw_packets[0], 11, &work, decoded, received)); /* 5 at most */
    for (uint32_t i = 0; i < EXAMPLE_SYMBOLS; i++) {
        CHECK(received[i] == (decoded[i] != 0xEE) && (decoded[i] < 6 || decoded[i] == 0xEE));
    }
}

static void parameters_out_of_range_are_refused(void)
{
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_packer_begin(&packer, &example, symbols, 64, GLIMPSE_CODING_RAW));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_packer_begin(&packer, &example, symbols, 0, 2));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_packer_begin(&packer, &example, symbols, 63, GLIMPSE_CODING_RANGE));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_packer_next(&packer, 10, packet));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_packer_next(&packer, 243, packet));
}

/* Sends symbols with packets of sizes that change all the time, steered by a side output unless that is NULL; returns
   the packets' bytes. */
static size_t send_steered(const glimpse_codec *codec, uint8_t coding, size_t smallest, size_t largest,
                           const int8_t *side)
{
    size_t total = 0;
    uint32_t taken = 0;
    size_t payload = smallest;
    forget(glimpse_codec_symbols(codec));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_packer_begin(&packer, codec, symbols, 7, coding));
    glimpse_packer_steer(&packer, side);
    for (;;) {
        packet[payload] = 0xA5;
        const int length = glimpse_packer_next(&packer, payload, packet);
        CHECK(length >= 0 && (size_t)length <= payload);
        CHECK_EQUAL(0xA5, packet[payload]);
        if (length <= 0) {
            break;
        }
        const int count = glimpse_packet_unpack(codec, 7, packet, (size_t)length, &work, decoded, received);
        CHECK(count > 0);
        total += (size_t)length;
        taken += (uint32_t)(count > 0 ? count : 0);
        payload = payload + 17 <= largest ? payload + 17 : smallest;
    }
    CHECK_EQUAL(glimpse_codec_symbols(codec), packer.sent);
    CHECK(side != NULL ? taken >= packer.sent : taken == packer.sent);
    CHECK_BYTES(symbols, decoded, glimpse_codec_symbols(codec));
    return total;
}

static size_t send(const glimpse_codec *codec, uint8_t coding, size_t smallest, size_t largest)
{
    return send_steered(codec, coding, smallest, largest, NULL);
}

static void frames_of_every_number_of_levels_come_back(void)
{
    static uint16_t table[GLIMPSE_MAX_LEVELS + 1];
    const int32_t lowest = 0;
    const uint16_t unit = 1;
    for (uint32_t levels = 2; levels <= GLIMPSE_MAX_LEVELS; levels += levels < 12 ? 1 : levels / 4) {
        for (uint32_t i = 0; i < levels; i++) { /* the last symbol has what the others spare */
            table[i] = (uint16_t)i;
        }
        table[levels] = 1u << GLIMPSE_FREQUENCY_BITS;
        const glimpse_codec codec = {.model = 1,
                                     .height = 7,
                                     .width = 9,
                                     .channels = 1,
                                     .levels = (uint16_t)levels,
                                     .stride = 32,
                                     .offset = 5,
                                     .minimum = &lowest,
                                     .step = &unit,
                                     .cumulative = table};
        CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
        for (uint32_t i = 0; i < 63; i++) {
            symbols[i] = (uint8_t)(i * 37u % levels);
        }
        const size_t raw = send(&codec, GLIMPSE_CODING_RAW, 11, 40);
        CHECK(send(&codec, GLIMPSE_CODING_RANGE, 11, 40) <= raw + 12); /* rare symbols: raw packets carry them */
        memset(symbols, (int)levels - 1, 63);
        CHECK(send(&codec, GLIMPSE_CODING_RANGE, 11, 40) <= 11);
    }
}

/* The latent of a 224 x 224 photo: 28 x 28 x 12 symbols of 5 bits, most of them near the middle. */
static glimpse_codec photo_codec(void)
{
    static int32_t minima[12];
    static uint16_t steps[12];
    static uint16_t table[12][33];
    for (uint32_t channel = 0; channel < 12; channel++) {
        minima[channel] = -16 * 1024;
        steps[channel] = 1024;
        for (uint32_t i = 0; i <= 32; i++) {
            table[channel][i] = (uint16_t)(8 * (i * 16 + (i > 12 ? (i < 20 ? (i - 12) * 448 : 3584) : 0)));
        }
    }
    for (uint32_t i = 0; i < PHOTO_SYMBOLS; i++) { /* an int8 latent that becomes these symbols */
        const uint32_t spread = i % 16 == 0 ? 16 : 4;
        const uint32_t symbol = 16 - spread + (i * 2654435761u >> 16) % (2 * spread);
        symbols[i] = (uint8_t)(symbol * 4 - 64);
    }
    return (glimpse_codec){.model = 1,
                           .height = 28,
                           .width = 28,
                           .channels = 12,
                           .levels = 32,
                           .order = GLIMPSE_ORDER_CHANNEL,
                           .stride = 305,
                           .offset = 101,
                           .minimum = minima,
                           .step = steps,
                           .cumulative = table[0]};
}

static void a_whole_photo_comes_back(void)
{
    glimpse_codec codec = photo_codec();
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    glimpse_symbols_quantise(&codec, (const int8_t *)symbols, symbols);
    const size_t raw = send(&codec, GLIMPSE_CODING_RAW, 51, 51);
    const size_t coded = send(&codec, GLIMPSE_CODING_RANGE, 51, 51);
    CHECK_EQUAL(PHOTO_SYMBOLS / 72 * 51 + 6 + 48 * 5 / 8, raw);
    CHECK(coded < raw * 8 / 10);
    codec.order = GLIMPSE_ORDER_INTERLEAVED;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    CHECK(send(&codec, GLIMPSE_CODING_RANGE, 11, 242) < raw);
}

/* Contexts that tell symbols after large ones from symbols after small ones, with twelve taps each. */
static void add_contexts(glimpse_codec *codec)
{
    static glimpse_context contexts[12];
    static uint16_t tables[24][33];
    for (uint32_t channel = 0; channel < 12; channel++) {
        glimpse_context *context = &contexts[channel];
        *context = (glimpse_context){
            .first_table = (uint16_t)(2 * channel), .typical = 48, .centre = 16, .classes = 2, .taps = 12};
        for (uint32_t i = 0; i < 12; i++) {
            context->tap[i] = (glimpse_tap){(uint8_t)(i < 8 ? channel : channel * i / 12), (int8_t)(i % 3 - 1),
                                            (int8_t)(i / 3 - 1), 20, 30};
        }
        for (uint32_t i = 0; i < 7; i++) {
            context->value_limit[i] = (int32_t)i * 200 - 600;
            context->activity_limit[i] = (int32_t)i * 1000 - 3000;
        }
        for (uint32_t i = 0; i < 64; i++) {
            context->class_of[i] = i % 8 > 3;
        }
        memcpy(tables[2 * channel], codec->cumulative + channel * 33u, sizeof tables[0]);
        for (uint32_t i = 0; i <= 32; i++) {
            tables[2 * channel + 1][i] = (uint16_t)(i * 1024);
        }
    }
    codec->contexts = contexts;
    codec->cumulative = tables[0];
}

static void order_by_saliency(glimpse_codec *codec)
{
    static uint8_t curve[256];
    for (uint32_t i = 0; i < 256; i++) {
        curve[i] = (uint8_t)i;
    }
    codec->order = GLIMPSE_ORDER_SALIENCY;
    codec->stride = 0;
    codec->offset = 0;
    codec->saliency = (glimpse_saliency){
        .rows = 8, .columns = 8, .bits = 5, .block = 3, .gain = 1587, .tolerance = 1024, .curve = curve};
}

static const int8_t *photo_side(void)
{
    static int8_t side[28 * 28];
    for (uint32_t i = 0; i < sizeof side; i++) {
        side[i] = (int8_t)(i * 2654435761u >> 24);
    }
    return side;
}

static void a_whole_photo_comes_back_with_contexts(void)
{
    glimpse_codec codec = photo_codec();
    glimpse_symbols_quantise(&codec, (const int8_t *)symbols, symbols);
    const size_t plain = send(&codec, GLIMPSE_CODING_RANGE, 51, 51);
    add_contexts(&codec);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    CHECK(send(&codec, GLIMPSE_CODING_RANGE, 51, 51) != plain);
    CHECK(send(&codec, GLIMPSE_CODING_RANGE, 11, 242) > 0);
    codec.order = GLIMPSE_ORDER_INTERLEAVED;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    CHECK(send(&codec, GLIMPSE_CODING_RANGE, 11, 242) > 0);
}

static void a_whole_photo_comes_back_by_saliency(void)
{
    glimpse_codec codec = photo_codec();
    glimpse_symbols_quantise(&codec, (const int8_t *)symbols, symbols);
    order_by_saliency(&codec);
    add_contexts(&codec);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    CHECK(send(&codec, GLIMPSE_CODING_RAW, 51, 51) > 0);
    CHECK(send_steered(&codec, GLIMPSE_CODING_RAW, 11, 242, photo_side()) > 0);
    CHECK(send_steered(&codec, GLIMPSE_CODING_RANGE, 11, 242, photo_side()) > 0);
    CHECK(send_steered(&codec, GLIMPSE_CODING_RANGE, 11, 11, photo_side()) > 0);
}

/* A codec of another order, or no side output, is not steered. */
static void without_a_map_packets_follow_the_ranks(void)
{
    glimpse_codec codec = photo_codec();
    glimpse_symbols_quantise(&codec, (const int8_t *)symbols, symbols);
    for (uint32_t way = 0; way < 2; way++) {
        glimpse_header header;
        uint32_t first = 0;
        CHECK_EQUAL(GLIMPSE_OK, glimpse_packer_begin(&packer, &codec, symbols, 0, GLIMPSE_CODING_RAW));
        glimpse_packer_steer(&packer, way == 0 ? photo_side() : NULL);
        for (int length = glimpse_packer_next(&packer, 51, packet); length > 0;
             length = glimpse_packer_next(&packer, 51, packet)) {
            CHECK(glimpse_packet_read(packet, (size_t)length, &header) > 0);
            CHECK_EQUAL(first, header.first);
            first = packer.sent;
        }
        order_by_saliency(&codec);
    }
}

/* Instructions from latent to last packet; 0 where the core does not count them. */
static uint32_t instructions(const glimpse_codec *codec, uint8_t coding, const int8_t *side)
{
    const port_counter_unit *unit = port_get_counter_unit();
    const uint32_t start = port_counter();
    glimpse_symbols_quantise(codec, (const int8_t *)symbols, symbols);
    glimpse_packer_begin(&packer, codec, symbols, 0, coding);
    glimpse_packer_steer(&packer, side);
    while (glimpse_packer_next(&packer, 51, packet) > 0) {
    }
    const uint64_t counts = port_counter() - start;
    return strcmp(unit->unit, "instructions") == 0 ? (uint32_t)(counts * unit->numerator / unit->denominator) : 0;
}

static void a_whole_photo_stays_within_its_instructions(void)
{
    glimpse_codec codec = photo_codec();
    CHECK(instructions(&codec, GLIMPSE_CODING_RAW, NULL) < 1500000);
    codec = photo_codec();
    CHECK(instructions(&codec, GLIMPSE_CODING_RANGE, NULL) < 3000000);
    codec = photo_codec();
    add_contexts(&codec);
    CHECK(instructions(&codec, GLIMPSE_CODING_RANGE, NULL) < 5500000);
    codec = photo_codec();
    order_by_saliency(&codec);
    CHECK(instructions(&codec, GLIMPSE_CODING_RANGE, photo_side()) < 2500000);
}

int main(void)
{
    check_begin();
    CHECK_RUN(the_example_is_as_documented);
    CHECK_RUN(header_fields_come_back);
    CHECK_RUN(packets_are_welcome_in_any_order_and_twice);
    CHECK_RUN(strange_headers_are_named);
    CHECK_RUN(damage_is_noticed);
    CHECK_RUN(malformed_raw_bodies_are_rejected);
    CHECK_RUN(malformed_range_bodies_are_rejected);
    CHECK_RUN(a_codec_without_tables_takes_raw_packets_only);
    CHECK_RUN(a_raw_symbol_that_is_no_level_is_rejected);
    CHECK_RUN(parameters_out_of_range_are_refused);
    CHECK_RUN(frames_of_every_number_of_levels_come_back);
    CHECK_RUN(a_whole_photo_comes_back);
    CHECK_RUN(a_whole_photo_comes_back_with_contexts);
    CHECK_RUN(a_whole_photo_comes_back_by_saliency);
    CHECK_RUN(without_a_map_packets_follow_the_ranks);
    CHECK_RUN(a_whole_photo_stays_within_its_instructions);
    return check_end();
}
