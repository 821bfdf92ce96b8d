/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule: what goes first, what is sent again, when it waits and when it ends. */
#include <string.h>

#include "core/schedule.h"
#include "core/status.h"
#include "test/check.h"
#include "test/random.h"

enum { ROWS = 14, COLUMNS = 14, CHANNELS = 4, SYMBOLS = ROWS * COLUMNS * CHANNELS, LEVELS = 16 };

static const int32_t minimum[CHANNELS];
static const uint16_t step[CHANNELS] = {256, 256, 256, 256};
static uint16_t tables[CHANNELS][LEVELS + 1];
static uint8_t curve[256];
static int8_t side[ROWS * COLUMNS];
static uint8_t symbols[SYMBOLS], decoded[SYMBOLS], received[SYMBOLS];
static uint8_t memory[2 * SYMBOLS / 8];
static uint8_t packet[GLIMPSE_MAX_PAYLOAD];
static glimpse_workspace work;
static glimpse_schedule schedule;
static glimpse_budget budget;
static glimpse_quota quotas[GLIMPSE_MAX_BANDS + 3];

static glimpse_codec codec_of(uint8_t order)
{
    for (uint32_t channel = 0; channel < CHANNELS; channel++) {
        for (uint32_t i = 0; i <= LEVELS; i++) {
            tables[channel][i] = (uint16_t)(i * (1u << GLIMPSE_FREQUENCY_BITS) / LEVELS);
        }
    }
    for (uint32_t i = 0; i < 256; i++) {
        curve[i] = (uint8_t)i;
    }
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        symbols[i] = (uint8_t)random_below(LEVELS);
    }
    for (uint32_t i = 0; i < ROWS * COLUMNS; i++) {
        side[i] = (int8_t)random_below(256);
    }
    glimpse_codec codec = {.model = 9,
                           .revision = 1,
                           .height = ROWS,
                           .width = COLUMNS,
                           .channels = CHANNELS,
                           .order = order,
                           .levels = LEVELS,
                           .stride = 37,
                           .offset = 11,
                           .minimum = minimum,
                           .step = step,
                           .cumulative = tables[0]};
    if (order == GLIMPSE_ORDER_SALIENCY) {
        codec.stride = 0;
        codec.offset = 0;
        codec.saliency = (glimpse_saliency){
            .rows = 7, .columns = 7, .bits = 5, .block = 2, .gain = 1587, .tolerance = 800, .curve = curve};
    }
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    return codec;
}

static void begin(const glimpse_codec *codec, uint8_t coding, uint32_t bytes)
{
    memset(received, 0, sizeof received);
    memset(decoded, 0xEE, sizeof decoded);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_begin(&schedule, codec, symbols, 5, coding, bytes));
    glimpse_schedule_steer(&schedule, side);
}

static void remember(const glimpse_codec *codec, uint8_t resend, uint8_t sends)
{
    CHECK_EQUAL(GLIMPSE_ERROR_STATE, glimpse_schedule_resend(&schedule, resend, sends));
    CHECK_EQUAL(GLIMPSE_ERROR_STATE, glimpse_schedule_known(&schedule, 0, 1));
    CHECK_EQUAL(GLIMPSE_ERROR_BUFFER, glimpse_schedule_remember(&schedule, memory, glimpse_schedule_memory(codec) - 1));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_remember(&schedule, memory, sizeof memory));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_resend(&schedule, resend, sends));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_schedule_resend(&schedule, 3, sends));
}

/* The next packet arrives; its symbols. */
static uint32_t arrives(const glimpse_codec *codec, int length)
{
    const int count = glimpse_packet_unpack(codec, 5, packet, (size_t)length, &work, decoded, received);
    CHECK(count > 0);
    return count > 0 ? (uint32_t)count : 0;
}

static bool has(const glimpse_codec *codec, uint32_t rank)
{
    glimpse_order order;
    glimpse_order_seek(&order, codec, rank);
    return received[glimpse_order_next(&order)] != 0;
}

/* Tells the schedule all that has been received, as runs of ranks. Returns the number of symbols. */
static uint32_t acknowledge(const glimpse_codec *codec)
{
    uint32_t total = 0;
    for (uint32_t first = 0; first < SYMBOLS;) {
        uint32_t count = 0;
        while (first + count < SYMBOLS && has(codec, first + count)) {
            count++;
        }
        CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_known(&schedule, first, count));
        total += count;
        first += count + 1;
    }
    glimpse_schedule_lost(&schedule);
    return total;
}

static uint16_t first_rank(void)
{
    return (uint16_t)((packet[1] & 7u) << 11 | (uint32_t)packet[2] << 3 | packet[3] >> 5);
}

/* With memory and without losses the packets are the bytes that they are without memory. */
static void memory_changes_no_packet(void)
{
    static uint8_t plain[200][64];
    static int lengths[200];
    for (uint8_t order = 0; order < 3; order++) {
        for (uint8_t coding = 0; coding < 2; coding++) {
            const glimpse_codec codec = codec_of(order);
            uint32_t count = 0;
            begin(&codec, coding, 0);
            do {
                lengths[count] = glimpse_schedule_next(&schedule, 0, 11 + count * 7 % 41, plain[count]);
            } while (lengths[count++] > 0 && count < 200);
            CHECK(count > 10 && count < 200 && schedule.done);
            begin(&codec, coding, 0);
            remember(&codec, GLIMPSE_RESEND_BY_IMPORTANCE, 1);
            for (uint32_t i = 0; i < count; i++) {
                CHECK_EQUAL(lengths[i], glimpse_schedule_next(&schedule, 0, 11 + i * 7 % 41, packet));
                CHECK_BYTES(plain[i], packet, (size_t)lengths[i]);
            }
        }
    }
}

/* Any losses, acknowledgements now and then, sizes that change, packets taken back: in the end everything is there, and
   no packet starts with what the receiver is known to have. */
static void what_is_lost_comes_again(void)
{
    for (uint32_t trial = 0; trial < 36; trial++) {
        const glimpse_codec codec = codec_of((uint8_t)(trial % 3));
        const uint8_t resend = (uint8_t)(trial / 3 % 3);
        uint32_t packets = 0;
        uint32_t known = 0;
        begin(&codec, (uint8_t)(trial / 9 % 2), 0);
        remember(&codec, resend, 0);
        for (;;) {
            const int length = glimpse_schedule_next(&schedule, 0, 11 + random_below(60), packet);
            CHECK(length >= 0);
            if (length <= 0 || packets > 3000) {
                break;
            }
            packets++;
            CHECK(!glimpse_ranks_has(&schedule.known, first_rank()));
            if (random_below(8) == 0) {
                glimpse_schedule_failed(&schedule);
            } else if (random_below(10) >= 4) {
                arrives(&codec, length);
            }
            if (resend == GLIMPSE_RESEND_AT_ONCE || random_below(3) == 0) {
                known = acknowledge(&codec);
            }
        }
        CHECK(packets <= 3000);
        CHECK(schedule.done);
        CHECK_EQUAL(SYMBOLS, known);
        CHECK_BYTES(symbols, decoded, SYMBOLS);
    }
}

/* Nobody says anything: each symbol goes out as often as was asked, the important ones first each time. */
static void without_acknowledgements_rounds_repeat(void)
{
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_CHANNEL);
    for (uint8_t sends = 1; sends <= 3; sends++) {
        uint32_t starts = 0;
        begin(&codec, GLIMPSE_CODING_RAW, 0);
        remember(&codec, GLIMPSE_RESEND_BY_IMPORTANCE, sends);
        while (glimpse_schedule_next(&schedule, 0, 51, packet) > 0) {
            starts += first_rank() == 0;
        }
        CHECK_EQUAL(sends, starts);
        CHECK_EQUAL(sends * SYMBOLS, schedule.packer.sent);
    }
    begin(&codec, GLIMPSE_CODING_RAW, 2000); /* until the byte budget ends */
    remember(&codec, GLIMPSE_RESEND_BY_IMPORTANCE, 0);
    uint32_t bytes = 0;
    for (int length = 1; length > 0; bytes += (uint32_t)length) {
        length = glimpse_schedule_next(&schedule, 0, 51, packet);
    }
    CHECK(bytes > 2000 - GLIMPSE_MIN_PAYLOAD && bytes <= 2000);
}

/* Packets 0 and 1 are sent, 0 is lost. */
static uint16_t third_packet(uint8_t resend)
{
    static glimpse_codec codec; /* the schedule goes on with it */
    codec = codec_of(GLIMPSE_ORDER_CHANNEL);
    begin(&codec, GLIMPSE_CODING_RAW, 0);
    remember(&codec, resend, 4);
    CHECK(glimpse_schedule_next(&schedule, 0, 51, packet) == 51); /* 90 symbols of 4 bits */
    CHECK(glimpse_schedule_next(&schedule, 0, 51, packet) == 51);
    if (resend == GLIMPSE_RESEND_AT_ONCE) {
        CHECK_EQUAL(0, first_rank());
    } else {
        CHECK_EQUAL(90, first_rank());
        CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_known(&schedule, 90, 90));
    }
    glimpse_schedule_lost(&schedule);
    CHECK(glimpse_schedule_next(&schedule, 0, 51, packet) == 51);
    return first_rank();
}

static void policies_differ_in_what_follows_a_loss(void)
{
    CHECK_EQUAL(0, third_packet(GLIMPSE_RESEND_BY_IMPORTANCE));
    CHECK_EQUAL(180, third_packet(GLIMPSE_RESEND_AFTERWARDS));
    CHECK_EQUAL(0, third_packet(GLIMPSE_RESEND_AT_ONCE));
    /* Three of four tries are gone: after the last one the next packet follows, though nothing is known of this one. */
    CHECK(glimpse_schedule_next(&schedule, 0, 51, packet) == 51 && first_rank() == 0);
    CHECK(glimpse_schedule_next(&schedule, 0, 51, packet) == 51 && first_rank() == 90);
}

static void a_run_ends_where_known_symbols_begin(void)
{
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_INTERLEAVED);
    begin(&codec, GLIMPSE_CODING_RANGE, 0);
    remember(&codec, GLIMPSE_RESEND_BY_IMPORTANCE, 1);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_known(&schedule, 10, 20));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_known(&schedule, 0, 3));
    CHECK_EQUAL(8, arrives(&codec, glimpse_schedule_next(&schedule, 0, 51, packet))); /* 7, and one to fill the byte */
    CHECK_EQUAL(3, first_rank());
    CHECK(glimpse_schedule_next(&schedule, 0, 51, packet) > 0);
    CHECK_EQUAL(30, first_rank());
    CHECK_EQUAL(GLIMPSE_ERROR_RANGE, glimpse_schedule_known(&schedule, SYMBOLS + 1, 0));
    CHECK_EQUAL(GLIMPSE_ERROR_RANGE, glimpse_schedule_known(&schedule, 1, SYMBOLS));
    CHECK_EQUAL(GLIMPSE_ERROR_RANGE, glimpse_schedule_known(&schedule, UINT32_MAX, UINT32_MAX));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_known(&schedule, 0, SYMBOLS));
    CHECK_EQUAL(0, glimpse_schedule_next(&schedule, 0, 51, packet));
    CHECK(schedule.done);
}

/* "More here": after the call nothing outside the region is begun while something inside it waits. */
static void a_region_that_is_wanted_comes_first(void)
{
    for (uint32_t way = 0; way < 4; way++) {
        const glimpse_codec codec = codec_of(GLIMPSE_ORDER_SALIENCY);
        begin(&codec, GLIMPSE_CODING_RAW, 0);
        if (way & 1u) {
            glimpse_schedule_steer(&schedule, NULL);
        }
        if (way & 2u) {
            remember(&codec, GLIMPSE_RESEND_BY_IMPORTANCE, 1);
        }
        for (uint32_t i = 0; i < 3; i++) {
            arrives(&codec, glimpse_schedule_next(&schedule, 0, 21, packet));
        }
        CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_schedule_want(&schedule, 4, 4, 0, 14));
        CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_schedule_want(&schedule, 0, 15, 0, 14));
        CHECK_EQUAL(1, glimpse_schedule_want(&schedule, 5, 8, 9, 12)); /* cells 2..3, 4..5 */
        uint32_t missing = 1;
        while (missing > 0) {
            missing = 0;
            for (uint32_t y = 4; y < 8; y++) {
                for (uint32_t x = 8; x < 12; x++) {
                    for (uint32_t c = 0; c < CHANNELS; c++) {
                        missing += received[(y * COLUMNS + x) * CHANNELS + c] == 0;
                    }
                }
            }
            const int length = glimpse_schedule_next(&schedule, 0, 21, packet);
            CHECK(length > 0);
            if (length <= 0) {
                return;
            }
            const glimpse_segment segment = glimpse_segment_of(&codec, first_rank());
            const bool inside = segment.top < 8 && segment.bottom > 4 && segment.left < 12 && segment.right > 8;
            CHECK(missing == 0 || inside);
            CHECK(missing > 0 || !inside);
            arrives(&codec, length);
        }
        for (int length = glimpse_schedule_next(&schedule, 0, 51, packet); length > 0;
             length = glimpse_schedule_next(&schedule, 0, 51, packet)) {
            arrives(&codec, length);
        }
        CHECK_BYTES(symbols, decoded, SYMBOLS);
    }
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_INTERLEAVED);
    begin(&codec, GLIMPSE_CODING_RAW, 0);
    CHECK_EQUAL(0, glimpse_schedule_want(&schedule, 5, 8, 9, 12)); /* its packets lie all over the picture */
}

static void enough_is_enough(void)
{
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_CHANNEL);
    begin(&codec, GLIMPSE_CODING_RAW, 0);
    CHECK(glimpse_schedule_next(&schedule, 0, 51, packet) > 0);
    glimpse_schedule_stop(&schedule);
    CHECK_EQUAL(0, glimpse_schedule_next(&schedule, 0, 51, packet));
    CHECK(schedule.done && schedule.again == GLIMPSE_NEVER);
}

/* ---- with a link */

static void join(const char *name, bool fair_use)
{
    CHECK_EQUAL(GLIMPSE_OK, glimpse_budget_begin(&budget, glimpse_region_named(name), 0, fair_use, quotas,
                                                 sizeof quotas / sizeof quotas[0], 0));
}

/* EU868 at SF12: receive windows after each packet, then the hour's end, and nothing but a full packet too early. */
static void it_waits_for_windows_and_duty_cycle(void)
{
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_CHANNEL);
    uint64_t now = 0;
    uint64_t first_end = 0;
    uint32_t in_first_hour = 0; /* microseconds */
    begin(&codec, GLIMPSE_CODING_RAW, 0);
    remember(&codec, GLIMPSE_RESEND_BY_IMPORTANCE, 3);
    join("EU868", false);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_link(&schedule, &budget, 0, 0, false));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_schedule_link(&schedule, &budget, 8, 0, false));
    for (uint32_t packets = 0; packets < 20;) {
        const int length = glimpse_schedule_next(&schedule, now, 242, packet);
        if (length > 0) {
            CHECK(length <= 51);
            CHECK_EQUAL(2, schedule.band);
            CHECK(now == 0 || now >= first_end + 2000);
            first_end = now + schedule.airtime_us / 1000;
            in_first_hour += now < GLIMPSE_HOUR_MS ? schedule.airtime_us : 0;
            packets++;
        } else {
            CHECK(schedule.again > now && schedule.again != GLIMPSE_NEVER);
            now = schedule.again;
        }
        if (check_state.failing) {
            return;
        }
    }
    CHECK(in_first_hour > 33000000 && in_first_hour <= 36000000);
    CHECK(glimpse_schedule_next(&schedule, now, 242, packet) == 0);
    glimpse_schedule_ready(&schedule); /* a downlink came in the first window */
    CHECK(glimpse_schedule_next(&schedule, now + 1200, 242, packet) > 0);
}

static void the_data_rate_changes_in_the_middle(void)
{
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_SALIENCY);
    uint64_t now = 0;
    begin(&codec, GLIMPSE_CODING_RANGE, 0);
    join("US915", false);
    for (uint32_t i = 0; i < 2000; i++) {
        CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_link(&schedule, &budget, random_below(5), random_below(3), false));
        const int length = glimpse_schedule_next(&schedule, now, 242, packet);
        if (length > 0) {
            CHECK(schedule.airtime_us <= 400000);
            arrives(&codec, length);
        } else if (schedule.done) {
            CHECK_BYTES(symbols, decoded, SYMBOLS);
            return;
        } else if (schedule.again != GLIMPSE_NEVER) { /* else no payload is left at DR0: another rate may do */
            now = schedule.again;
        }
    }
    CHECK(false);
}

static void a_payload_that_fopts_have_eaten_waits_for_another_rate(void)
{
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_CHANNEL);
    begin(&codec, GLIMPSE_CODING_RAW, 0);
    join("US915", false);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_link(&schedule, &budget, 0, 1, false));
    CHECK_EQUAL(0, glimpse_schedule_next(&schedule, 0, 11, packet));
    CHECK(!schedule.done && schedule.again == GLIMPSE_NEVER);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_link(&schedule, &budget, 0, 0, false));
    CHECK_EQUAL(11, glimpse_schedule_next(&schedule, 0, 11, packet));
}

/* No packet ends after the deadline, whether the windows, the duty cycle or its own airtime is in the way. */
static void nothing_ends_after_the_deadline(void)
{
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_CHANNEL);
    for (uint64_t deadline = 1; deadline < 70000; deadline += 1777) {
        uint64_t now = 0;
        join("EU868", true);
        begin(&codec, GLIMPSE_CODING_RAW, 0);
        remember(&codec, GLIMPSE_RESEND_BY_IMPORTANCE, 0);
        CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_link(&schedule, &budget, 0, 0, false));
        glimpse_schedule_deadline(&schedule, deadline);
        while (!schedule.done) {
            if (glimpse_schedule_next(&schedule, now, 51, packet) > 0) {
                CHECK(now * 1000 + schedule.airtime_us <= deadline * 1000);
            } else {
                now = schedule.again;
            }
        }
    }
}

static void a_packet_that_did_not_leave_comes_again(void)
{
    for (uint32_t way = 0; way < 2; way++) {
        for (uint8_t order = 0; order < 3; order++) {
            uint8_t before[51];
            const glimpse_codec codec = codec_of(order);
            begin(&codec, GLIMPSE_CODING_RANGE, 0);
            if (way == 1) {
                remember(&codec, GLIMPSE_RESEND_BY_IMPORTANCE, 1);
            }
            CHECK(glimpse_schedule_next(&schedule, 0, 33, packet) > 0);
            const int length = glimpse_schedule_next(&schedule, 0, 51, before);
            glimpse_schedule_failed(&schedule);
            glimpse_schedule_failed(&schedule); /* once is enough */
            CHECK_EQUAL(length, glimpse_schedule_next(&schedule, 0, 51, packet));
            CHECK_BYTES(before, packet, (size_t)length);
        }
    }
}

/* ---- differences and parity */

static uint8_t old[SYMBOLS];
static uint8_t known_bits[SYMBOLS / 8 + 1];
static glimpse_difference_packer difference;
static glimpse_difference_workspace difference_work;
static glimpse_protection protection;
static const glimpse_protection_rule two_for_eight = {8, 2};
static uint8_t words[2 * GLIMPSE_PARITY_MAX_WORD];

/* Something came into the picture, and a twentieth of the symbols is not known to the receiver. */
static glimpse_reference begin_difference(const glimpse_codec *codec, uint8_t resend, uint8_t sends)
{
    memcpy(old, symbols, sizeof old);
    memset(known_bits, 0xFF, sizeof known_bits);
    for (uint32_t i = 0; i < 200; i++) {
        symbols[random_below(SYMBOLS)] = (uint8_t)random_below(LEVELS);
    }
    for (uint32_t i = 0; i < SYMBOLS / 20; i++) {
        known_bits[random_below(SYMBOLS) / 8] &= (uint8_t) ~(1u << random_below(8));
    }
    begin(codec, GLIMPSE_CODING_RANGE, 0);
    CHECK_EQUAL(GLIMPSE_ERROR_STATE, glimpse_schedule_difference(&schedule, &difference));
    remember(codec, resend, sends);
    memcpy(decoded, old, sizeof decoded);
    return (glimpse_reference){old, known_bits, 4, glimpse_reference_check(codec, old, known_bits)};
}

static void begin_packer(const glimpse_codec *codec, const glimpse_reference *reference)
{
    CHECK_EQUAL(GLIMPSE_OK, glimpse_difference_begin(&difference, codec, reference, symbols, 5));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_difference(&schedule, &difference));
}

static void changes_that_are_lost_come_again(void)
{
    for (uint8_t resend = 0; resend < 3; resend++) {
        for (uint8_t order = 0; order < 3; order++) {
            const glimpse_codec codec = codec_of(order);
            const glimpse_reference reference = begin_difference(&codec, resend, 0);
            begin_packer(&codec, &reference);
            int length = 0;
            uint32_t packets = 0;
            uint32_t came = 0;
            while ((length = glimpse_schedule_next(&schedule, 0, 11 + packets * 7 % 60, packet)) > 0 &&
                   packets < 2000) {
                packets++;
                if (random_below(3) > 0) {
                    const int count = glimpse_difference_unpack(&codec, 5, &reference, packet, (size_t)length,
                                                                &difference_work, decoded, received);
                    CHECK(count > 0);
                    came += acknowledge(&codec) > 0;
                }
            }
            CHECK(schedule.done && came > 5 && packets > came);
            for (uint32_t at = 0; at < SYMBOLS; at++) {
                CHECK(decoded[at] == symbols[at]);
                CHECK(received[at] != 0 || glimpse_reference_knows(&reference, at));
            }
        }
    }
}

/* Without losses the packets are those of the packer alone; one that did not leave comes again. */
static void a_schedule_changes_no_difference_packet(void)
{
    static glimpse_difference_packer alone;
    for (uint8_t order = 0; order < 3; order++) {
        const glimpse_codec codec = codec_of(order);
        const glimpse_reference reference = begin_difference(&codec, GLIMPSE_RESEND_BY_IMPORTANCE, 1);
        begin_packer(&codec, &reference);
        CHECK_EQUAL(GLIMPSE_OK, glimpse_difference_begin(&alone, &codec, &reference, symbols, 5));
        uint8_t expected[51];
        int length = 0;
        do {
            length = glimpse_difference_next(&alone, 51, expected);
            CHECK_EQUAL(length, glimpse_schedule_next(&schedule, 0, 51, packet));
            CHECK_BYTES(expected, packet, (size_t)length);
            if (length > 0) {
                glimpse_schedule_failed(&schedule);
                glimpse_schedule_failed(&schedule); /* once is enough */
                CHECK_EQUAL(length, glimpse_schedule_next(&schedule, 0, 51, packet));
                CHECK_BYTES(expected, packet, (size_t)length);
            }
        } while (length > 0);
        CHECK_EQUAL(alone.sent, glimpse_schedule_sent(&schedule));
        CHECK_EQUAL(order == GLIMPSE_ORDER_SALIENCY, glimpse_schedule_want(&schedule, 0, 2, 0, 2));
        CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_schedule_want(&schedule, 0, ROWS + 1, 0, 2));
    }
}

static uint32_t kind_of(void)
{
    return packet[3] >> 2 & 7u;
}

static void begin_protected(const glimpse_codec *codec)
{
    begin(codec, GLIMPSE_CODING_RAW, 0);
    remember(codec, GLIMPSE_RESEND_BY_IMPORTANCE, 1);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_protection_begin(&protection, &two_for_eight, 1, false, words, sizeof words));
    glimpse_schedule_protect(&schedule, &protection);
}

static void parity_follows_each_group_and_the_last_packets(void)
{
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_CHANNEL);
    uint32_t run = 0;
    uint32_t kinds[3] = {0, 0, 0};
    begin_protected(&codec);
    while (glimpse_schedule_next(&schedule, 0, 40, packet) > 0) {
        const uint32_t kind = kind_of();
        kinds[kind]++;
        run = kind == GLIMPSE_KIND_IMAGE ? run + 1 : 0;
        CHECK(run <= 8);
        CHECK(kind == GLIMPSE_KIND_IMAGE || kinds[0] % 8 == 0 || schedule.packer.sent == SYMBOLS);
    }
    CHECK(schedule.done && kind_of() == GLIMPSE_KIND_PARITY && kinds[0] % 8 != 0);
    CHECK_EQUAL(2 * (kinds[0] / 8) + (2 * (kinds[0] % 8) + 7) / 8, kinds[2]);
}

static void parity_packets_wait_and_come_again_like_others(void)
{
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_CHANNEL);
    uint8_t before[51];
    uint64_t now = 0;
    join("EU868", false);
    begin_protected(&codec);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_link(&schedule, &budget, 0, 0, false));
    for (uint32_t i = 0; i < 8; now = schedule.quiet_until) {
        const int length = glimpse_schedule_next(&schedule, now, 51, packet);
        i += length > 0;
        schedule.quiet_until = length > 0 ? schedule.quiet_until : schedule.again;
    }
    const uint32_t sent = glimpse_schedule_sent(&schedule);
    int length = 0;
    while ((length = glimpse_schedule_next(&schedule, now, 51, before)) == 0 && !schedule.done) {
        now = schedule.again; /* the hour's airtime is used up: the parity packet waits */
    }
    CHECK(length > 0);
    memcpy(packet, before, sizeof packet < sizeof before ? sizeof packet : sizeof before);
    CHECK_EQUAL(GLIMPSE_KIND_PARITY, kind_of());
    glimpse_schedule_failed(&schedule);
    glimpse_schedule_failed(&schedule);
    glimpse_schedule_ready(&schedule);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_schedule_link(&schedule, NULL, 0, 0, false));
    CHECK_EQUAL(length, glimpse_schedule_next(&schedule, now, 51, packet));
    CHECK_BYTES(before, packet, (size_t)length);
    CHECK_EQUAL(sent, glimpse_schedule_sent(&schedule));
    glimpse_schedule_lost(&schedule); /* what became of all is known: its other parity packet is worth nothing */
    glimpse_schedule_failed(&schedule);
    CHECK_EQUAL(sent, glimpse_schedule_sent(&schedule));
    CHECK(glimpse_schedule_next(&schedule, now, 51, packet) > 0);
    CHECK_EQUAL(GLIMPSE_KIND_IMAGE, kind_of());
}

static void a_closed_frame_still_gets_its_parity(void)
{
    const glimpse_codec codec = codec_of(GLIMPSE_ORDER_CHANNEL);
    begin_protected(&codec);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(glimpse_schedule_next(&schedule, 0, 40, packet) > 0);
    }
    schedule.closed = true;
    CHECK(glimpse_schedule_next(&schedule, 0, 40, packet) > 0 && kind_of() == GLIMPSE_KIND_PARITY);
    CHECK_EQUAL(0, glimpse_schedule_next(&schedule, 0, 40, packet)); /* a quarter of three is one */
    CHECK(schedule.done);
}

int main(void)
{
    check_begin();
    CHECK_RUN(memory_changes_no_packet);
    CHECK_RUN(what_is_lost_comes_again);
    CHECK_RUN(without_acknowledgements_rounds_repeat);
    CHECK_RUN(policies_differ_in_what_follows_a_loss);
    CHECK_RUN(a_run_ends_where_known_symbols_begin);
    CHECK_RUN(a_region_that_is_wanted_comes_first);
    CHECK_RUN(enough_is_enough);
    CHECK_RUN(it_waits_for_windows_and_duty_cycle);
    CHECK_RUN(the_data_rate_changes_in_the_middle);
    CHECK_RUN(a_payload_that_fopts_have_eaten_waits_for_another_rate);
    CHECK_RUN(nothing_ends_after_the_deadline);
    CHECK_RUN(a_packet_that_did_not_leave_comes_again);
    CHECK_RUN(changes_that_are_lost_come_again);
    CHECK_RUN(a_schedule_changes_no_difference_packet);
    CHECK_RUN(parity_follows_each_group_and_the_last_packets);
    CHECK_RUN(parity_packets_wait_and_come_again_like_others);
    CHECK_RUN(a_closed_frame_still_gets_its_parity);
    return check_end();
}
