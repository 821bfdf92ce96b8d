/* SPDX-License-Identifier: Apache-2.0 */
/* Telemetry and downlink packets: fields, runs of ranks, settings, and what becomes of packets that are damaged. */
#include <string.h>

#include "app/remote.h"
#include "core/downlink.h"
#include "core/field.h"
#include "core/order.h"
#include "core/packet.h"
#include "core/runs.h"
#include "core/status.h"
#include "core/telemetry.h"
#include "test/check.h"
#include "test/random.h"

enum { SYMBOLS = 240 };

static int32_t minimum[3];
static uint16_t step[3] = {1, 1, 1};
static uint8_t received[SYMBOLS];
static uint8_t packet[GLIMPSE_MAX_PAYLOAD];

/* 8 x 10 positions, 3 channels, by channel. */
static const glimpse_codec codec = {
    .model = 5,
    .revision = 3,
    .height = 8,
    .width = 10,
    .channels = 3,
    .order = GLIMPSE_ORDER_CHANNEL,
    .levels = 4,
    .stride = 7,
    .offset = 19,
    .minimum = minimum,
    .step = step,
};

static void reseal(uint8_t *bytes, size_t length)
{
    glimpse_packet_close(bytes, length - GLIMPSE_OVERHEAD_BYTES);
}

/* ---- fields */

static void fields_are_read_as_they_were_written(void)
{
    uint8_t body[300];
    uint8_t value[242];
    for (size_t length = 0; length <= 242; length++) {
        for (size_t i = 0; i < length; i++) {
            value[i] = (uint8_t)(i + length);
        }
        glimpse_field_writer writer = {body, length + (length < 7 ? 1 : 2), 0};
        CHECK_EQUAL(length, glimpse_field_room(&writer));
        CHECK(glimpse_field_put(&writer, 31, value, length));
        CHECK_EQUAL(writer.capacity, writer.count);
        CHECK_EQUAL(0, glimpse_field_room(&writer));
        CHECK(!glimpse_field_put(&writer, 1, NULL, 0));
        glimpse_field_reader reader = {body, writer.count, 0};
        glimpse_field field;
        CHECK_EQUAL(1, glimpse_field_next(&reader, &field));
        CHECK_EQUAL(31, field.type);
        CHECK_EQUAL(length, field.length);
        CHECK_BYTES(value, field.value, length);
        CHECK_EQUAL(0, glimpse_field_next(&reader, &field));
    }
}

static void what_does_not_fit_is_not_written(void)
{
    uint8_t body[9];
    glimpse_field_writer writer = {body, 8, 0};
    CHECK_EQUAL(6, glimpse_field_room(&writer)); /* 7 would need two bytes before them */
    CHECK(!glimpse_field_put(&writer, 1, body, 7));
    CHECK_EQUAL(0, writer.count);
    CHECK(glimpse_field_put_number(&writer, 2, 0x10203u, 3));
    CHECK(!glimpse_field_put_number(&writer, 2, 1, 4));
    CHECK_EQUAL(4, writer.count);
    CHECK_EQUAL(0x10203, glimpse_field_number(body + 1, 3));
}

static void fields_cut_short_are_malformed(void)
{
    static const uint8_t bodies[][4] = {{1 << 3 | 3, 1, 2}, {1 << 3 | 7}, {1 << 3 | 7, 6, 0}, {1 << 3 | 7, 7, 0}};
    static const size_t lengths[] = {3, 1, 3, 3};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        glimpse_field_reader reader = {bodies[i], lengths[i], 0};
        glimpse_field field;
        CHECK_EQUAL(GLIMPSE_ERROR_BODY, glimpse_field_next(&reader, &field));
    }
}

/* ---- runs */

static void mark(uint32_t first, uint32_t count)
{
    glimpse_order order;
    glimpse_order_seek(&order, &codec, first);
    for (uint32_t i = 0; i < count; i++) {
        received[glimpse_order_next(&order)] = 1;
    }
}

/* Symbols that the runs name; fails when one of them did not come, or when runs are not in order. */
static uint32_t named(const uint8_t *bytes, size_t length)
{
    glimpse_runs_reader reader;
    glimpse_run run;
    uint32_t count = 0, end = 0;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_runs_begin(&reader, bytes, length, SYMBOLS));
    while (glimpse_runs_next(&reader, &run) > 0) {
        glimpse_order order;
        CHECK(count == 0 || run.first > end);
        end = run.first + run.count;
        glimpse_order_seek(&order, &codec, run.first);
        for (uint32_t i = 0; i < run.count; i++) {
            CHECK(received[glimpse_order_next(&order)] != 0);
        }
        count += run.count;
    }
    return count;
}

static void runs_say_all_when_they_fit(void)
{
    uint8_t bytes[242];
    uint32_t claimed;
    memset(received, 0, sizeof received);
    CHECK_EQUAL(0, glimpse_runs_write(&codec, received, bytes, sizeof bytes, &claimed));
    mark(0, 100);
    mark(120, 3);
    mark(239, 1);
    const size_t length = glimpse_runs_write(&codec, received, bytes, sizeof bytes, &claimed);
    CHECK_EQUAL(104, claimed);
    CHECK_EQUAL(104, named(bytes, length));
    memset(received, 1, sizeof received);
    CHECK_EQUAL(3, glimpse_runs_write(&codec, received, bytes, sizeof bytes, &claimed));
    CHECK_EQUAL(SYMBOLS, named(bytes, 3));
}

static void runs_never_say_more_than_came(void)
{
    uint8_t bytes[51];
    for (uint32_t trial = 0; trial < 40; trial++) {
        const uint32_t chance = 1 + random_below(100);
        uint32_t value = 0, came = 0;
        for (uint32_t rank = 0; rank < SYMBOLS; rank++) {
            value = random_below(100) < chance ? random_below(2) : value;
            received[rank] = (uint8_t)value;
            came += value;
        }
        for (size_t capacity = 0; capacity <= sizeof bytes; capacity += 1 + random_below(3)) {
            uint32_t claimed;
            const size_t length = glimpse_runs_write(&codec, received, bytes, capacity, &claimed);
            CHECK(length <= capacity && claimed <= came);
            CHECK(capacity < GLIMPSE_RUNS_MIN_BYTES || came == 0 || claimed > 0);
            CHECK_EQUAL(claimed, length > 0 ? named(bytes, length) : 0);
        }
    }
}

static void the_longest_run_is_the_last_to_be_left_out(void)
{
    uint8_t bytes[4];
    uint32_t claimed;
    memset(received, 0, sizeof received);
    for (uint32_t rank = 0; rank < 200; rank += 2) {
        mark(rank, 1);
    }
    mark(220, 17);
    CHECK(glimpse_runs_write(&codec, received, bytes, sizeof bytes, &claimed) > 0);
    CHECK(claimed >= 17);
}

static void hostile_runs_stay_inside_the_frame(void)
{
    uint8_t bytes[12];
    for (uint32_t trial = 0; trial < 4000; trial++) {
        const size_t length = random_below(sizeof bytes + 1);
        for (size_t i = 0; i < length; i++) {
            bytes[i] = (uint8_t)(random_below(3) == 0 ? 0 : random_below(256));
        }
        glimpse_runs_reader reader;
        glimpse_run run;
        uint32_t end = 0;
        if (glimpse_runs_begin(&reader, bytes, length, SYMBOLS) == GLIMPSE_OK) {
            while (glimpse_runs_next(&reader, &run) > 0) {
                CHECK(run.count > 0 && run.first >= end && run.first + run.count <= SYMBOLS);
                end = run.first + run.count;
            }
            CHECK(end > 0);
        }
    }
    glimpse_runs_reader reader;
    static const uint8_t none[2] = {0, 0}, unknown_order[2] = {0xF8, 0}, too_far[4] = {0xE0, 0x3C, 0, 0};
    CHECK_EQUAL(GLIMPSE_ERROR_BODY, glimpse_runs_begin(&reader, none, 2, SYMBOLS));
    CHECK_EQUAL(GLIMPSE_ERROR_BODY, glimpse_runs_begin(&reader, none, 0, SYMBOLS));
    CHECK_EQUAL(GLIMPSE_ERROR_BODY, glimpse_runs_begin(&reader, unknown_order, 2, SYMBOLS));
    CHECK_EQUAL(GLIMPSE_ERROR_RANGE, glimpse_runs_begin(&reader, too_far, 4, SYMBOLS));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_runs_begin(&reader, too_far, 4, SYMBOLS + 1)); /* rank 240 */
}

/* ---- settings */

static int take(glimpse_settings *settings, uint8_t type, uint32_t number, uint8_t length)
{
    uint8_t value[4];
    for (uint32_t i = 0; i < length; i++) {
        value[i] = (uint8_t)(number >> (8u * (length - 1u - i)));
    }
    const glimpse_field field = {type, length, value};
    return glimpse_settings_take(settings, &field);
}

static void settings_have_ranges(void)
{
    static const struct {
        uint8_t type, length;
        uint32_t good[3], bad[2];
    } cases[] = {
        {GLIMPSE_SETTING_PERIOD, 3, {0, 10, 2592000}, {9, 2592001}},
        {GLIMPSE_SETTING_DEADLINE, 3, {0, 10, 2592000}, {1, 0xFFFFFF}},
        {GLIMPSE_SETTING_CROP, 4, {0x00FF00FF, 0x001F001F, 0xE0FFE0FF}, {0x001E00FF, 0x00FFFF00}},
        {GLIMPSE_SETTING_BUDGET, 2, {0, 11, 65535}, {10, 1}},
        {GLIMPSE_SETTING_PAYLOAD, 1, {0, 11, 242}, {10, 243}},
        {GLIMPSE_SETTING_CHANNELS, 1, {0, 1, 64}, {65, 255}},
        {GLIMPSE_SETTING_PARITY, 1, {0, 1, 8}, {9, 255}},
        {GLIMPSE_SETTING_PARITY_FIRST, 1, {0, 1, 8}, {9, 255}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        glimpse_settings settings = glimpse_settings_default();
        for (size_t j = 0; j < 2; j++) {
            CHECK_EQUAL(GLIMPSE_ERROR_RANGE, take(&settings, cases[i].type, cases[i].bad[j], cases[i].length));
        }
        const glimpse_settings defaults = glimpse_settings_default();
        CHECK_BYTES(&defaults.crop, &settings.crop, sizeof defaults.crop);
        CHECK_EQUAL(0, settings.period + settings.deadline + settings.budget + settings.payload + settings.channels);
        for (size_t j = 0; j < 3; j++) {
            CHECK_EQUAL(1, take(&settings, cases[i].type, cases[i].good[j], cases[i].length));
            glimpse_field_writer writer = {packet, 5, 0};
            CHECK(glimpse_settings_put(&settings, cases[i].type, &writer));
            CHECK_EQUAL(cases[i].good[j], glimpse_field_number(packet + 1, cases[i].length));
        }
        CHECK_EQUAL(0, take(&settings, cases[i].type, 0, (uint8_t)(cases[i].length - 1)));
    }
    glimpse_settings settings = glimpse_settings_default();
    CHECK_EQUAL(GLIMPSE_SLOT_BUILTIN, settings.slot);
    CHECK_EQUAL(1, take(&settings, GLIMPSE_SETTING_SLOT, 1, 1));
    CHECK_EQUAL(1, take(&settings, GLIMPSE_SETTING_QUIET, 255, 1));
    CHECK_EQUAL(255, settings.quiet);
    CHECK_EQUAL(0, take(&settings, GLIMPSE_SETTING_END, 1, 1));
    CHECK_EQUAL(0, take(&settings, GLIMPSE_SETTING_FIRST - 1, 1, 1));
}

/* ---- telemetry */

static glimpse_telemetry everything(void)
{
    glimpse_telemetry t = {.model = 31,
                           .revision = 1,
                           .frame = 63,
                           .number = 16383,
                           .time = 4000000000u,
                           .age = 65535,
                           .battery = 3300,
                           .temperature = -405,
                           .trigger = GLIMPSE_TRIGGER_MOTION,
                           .data_rate = 5,
                           .rssi = -120,
                           .snr = -30,
                           .boots = 513,
                           .whole_revision = 7,
                           .reset_cause = 2,
                           .answer = {16000, GLIMPSE_ANSWER_RANGE, 20},
                           .settings = glimpse_settings_default()};
    t.settings.period = 600;
    t.settings.slot = 1;
    t.present = GLIMPSE_PRESENT_SETTINGS | (GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_ANSWER + 1) - 2);
    return t;
}

static void telemetry_comes_back_whatever_the_payload(void)
{
    for (size_t payload = GLIMPSE_MIN_PAYLOAD; payload <= GLIMPSE_MAX_PAYLOAD; payload += 11) {
        const glimpse_telemetry sent = everything();
        glimpse_telemetry writing = sent, seen = {0};
        uint32_t present = 0;
        int length;
        while ((length = glimpse_telemetry_write(&writing, payload, packet)) > 0) {
            CHECK(length <= (int)payload);
            CHECK_EQUAL(0, glimpse_telemetry_read(packet, (size_t)length, &seen));
            CHECK((present & seen.present) == 0);
            CHECK_EQUAL(present == 0, (seen.present & GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_ANSWER)) != 0);
            CHECK_EQUAL(sent.model, seen.model);
            CHECK_EQUAL(sent.frame, seen.frame);
            CHECK_EQUAL(1, seen.revision);
            present |= seen.present;
            if (seen.present & GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_LINK)) {
                CHECK_EQUAL(-120, seen.rssi);
                CHECK_EQUAL(-30, seen.snr);
            }
            if (seen.present & GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_TEMPERATURE)) {
                CHECK_EQUAL(-405, seen.temperature);
            }
            if (seen.present & GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_ANSWER)) {
                CHECK_EQUAL(16000, seen.answer.sequence);
                CHECK_EQUAL(16383, seen.number);
            }
        }
        CHECK_EQUAL(0, length);
        CHECK_EQUAL(sent.present, present);
    }
}

static void telemetry_out_of_range_is_not_written(void)
{
    glimpse_telemetry t = everything();
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_telemetry_write(&t, 10, packet));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_telemetry_write(&t, 243, packet));
    t.model = 32;
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_telemetry_write(&t, 51, packet));
    t = everything();
    t.answer.sequence = 16384;
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_telemetry_write(&t, 51, packet));
    t.present = 0;
    t.answer.sequence = 0;
    CHECK_EQUAL(0, glimpse_telemetry_write(&t, 51, packet));
}

/* Damage is found by its check; a damaged body with its check made right is read or refused, in bounds either way. */
static void damaged_telemetry_is_rejected_or_read(void)
{
    glimpse_telemetry t = everything(), seen;
    const int length = glimpse_telemetry_write(&t, GLIMPSE_MAX_PAYLOAD, packet);
    for (int cut = 0; cut < length; cut++) {
        CHECK(glimpse_telemetry_read(packet, (size_t)cut, &seen) < 0);
    }
    for (int bit = 0; bit < length * 8; bit++) {
        uint8_t copy[GLIMPSE_MAX_PAYLOAD];
        memcpy(copy, packet, sizeof copy);
        copy[bit / 8] = (uint8_t)(copy[bit / 8] ^ (128u >> (bit % 8)));
        CHECK_EQUAL(GLIMPSE_ERROR_CHECK, glimpse_telemetry_read(copy, (size_t)length, &seen));
        reseal(copy, (size_t)length);
        const int result = glimpse_telemetry_read(copy, (size_t)length, &seen);
        CHECK(result >= 0 || result == GLIMPSE_ERROR_VERSION || result == GLIMPSE_ERROR_KIND ||
              result == GLIMPSE_ERROR_BODY);
    }
}

/* ---- downlinks */

static int every_command(void)
{
    static const glimpse_downlink_header header = {5, 3, 40, 16383};
    static const glimpse_area region = {0, 256, 3, 4};
    glimpse_settings settings = glimpse_settings_default();
    glimpse_downlink_writer writer;
    settings.budget = 500;
    memset(received, 0, sizeof received);
    mark(10, 30);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_downlink_begin(&writer, &header, packet, 51));
    CHECK(glimpse_downlink_put(&writer, GLIMPSE_COMMAND_ENOUGH, 0));
    CHECK(glimpse_downlink_put(&writer, GLIMPSE_COMMAND_MORE, 65535));
    CHECK(glimpse_downlink_put(&writer, GLIMPSE_COMMAND_MORE_TO, 16383));
    CHECK(glimpse_downlink_here(&writer, &region));
    CHECK(glimpse_downlink_put(&writer, GLIMPSE_COMMAND_STATUS, 0));
    CHECK(glimpse_downlink_put(&writer, GLIMPSE_COMMAND_REBOOT, 0));
    CHECK(glimpse_downlink_put(&writer, GLIMPSE_COMMAND_WHOLE, 0));
    CHECK(glimpse_settings_put(&settings, GLIMPSE_SETTING_BUDGET, &writer.fields));
    CHECK_EQUAL(30, glimpse_downlink_have(&writer, &codec, received));
    return glimpse_downlink_end(&writer);
}

static void commands_are_read_in_the_order_written(void)
{
    static const uint8_t types[] = {GLIMPSE_COMMAND_ENOUGH,    GLIMPSE_COMMAND_MORE,   GLIMPSE_COMMAND_MORE_TO,
                                    GLIMPSE_COMMAND_MORE_HERE, GLIMPSE_COMMAND_STATUS, GLIMPSE_COMMAND_REBOOT,
                                    GLIMPSE_COMMAND_WHOLE,     GLIMPSE_SETTING_BUDGET, GLIMPSE_COMMAND_HAVE};
    const int length = every_command();
    glimpse_downlink downlink;
    glimpse_command command;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_downlink_read(packet, (size_t)length, &downlink));
    CHECK_EQUAL(5, downlink.header.model);
    CHECK_EQUAL(1, downlink.header.revision);
    CHECK_EQUAL(40, downlink.header.frame);
    CHECK_EQUAL(16383, downlink.header.sequence);
    for (size_t i = 0; i < sizeof types; i++) {
        CHECK_EQUAL(1, glimpse_downlink_next(&downlink, &command));
        CHECK_EQUAL(types[i], command.field.type);
        CHECK_EQUAL(GLIMPSE_ANSWER_DONE, command.result);
        if (command.field.type == GLIMPSE_COMMAND_MORE_HERE) {
            CHECK_EQUAL(256, command.region.bottom);
            CHECK_EQUAL(4, command.region.right);
        }
        if (command.field.type == GLIMPSE_COMMAND_MORE) {
            CHECK_EQUAL(65535, command.number);
        }
    }
    CHECK_EQUAL(30, named(command.field.value, command.field.length));
    CHECK_EQUAL(0, glimpse_downlink_next(&downlink, &command));
}

static void what_cannot_be_said_is_not_written(void)
{
    glimpse_downlink_header header = {5, 3, 64, 0};
    static const glimpse_area empty = {3, 3, 0, 1}, far = {0, 257, 0, 1}, sound = {0, 1, 0, 1};
    glimpse_downlink_writer writer;
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_downlink_begin(&writer, &header, packet, 11));
    header.frame = 63;
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_downlink_begin(&writer, &header, packet, 10));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_downlink_begin(&writer, &header, packet, 11));
    CHECK_EQUAL(0, glimpse_downlink_end(&writer));
    CHECK(!glimpse_downlink_put(&writer, GLIMPSE_COMMAND_HAVE, 0));
    CHECK(!glimpse_downlink_put(&writer, GLIMPSE_COMMAND_MORE, 65536));
    CHECK(!glimpse_downlink_put(&writer, GLIMPSE_COMMAND_MORE_TO, 16384));
    CHECK(!glimpse_downlink_here(&writer, &empty));
    CHECK(!glimpse_downlink_here(&writer, &far));
    CHECK(glimpse_downlink_here(&writer, &sound));
    CHECK(!glimpse_downlink_put(&writer, GLIMPSE_COMMAND_STATUS, 0)); /* full */
    CHECK_EQUAL(11, glimpse_downlink_end(&writer));
}

static void damaged_downlinks_are_rejected_or_read(void)
{
    const int length = every_command();
    glimpse_downlink downlink;
    for (int cut = 0; cut < length; cut++) {
        CHECK(glimpse_downlink_read(packet, (size_t)cut, &downlink) < 0);
    }
    for (int bit = 0; bit < length * 8; bit++) {
        uint8_t copy[GLIMPSE_MAX_PAYLOAD];
        memcpy(copy, packet, sizeof copy);
        copy[bit / 8] = (uint8_t)(copy[bit / 8] ^ (128u >> (bit % 8)));
        CHECK_EQUAL(GLIMPSE_ERROR_CHECK, glimpse_downlink_read(copy, (size_t)length, &downlink));
        reseal(copy, (size_t)length);
        glimpse_command command;
        const int result = glimpse_downlink_read(copy, (size_t)length, &downlink);
        CHECK(result == GLIMPSE_OK || result == GLIMPSE_ERROR_VERSION || result == GLIMPSE_ERROR_KIND ||
              result == GLIMPSE_ERROR_BODY);
        while (result == GLIMPSE_OK && glimpse_downlink_next(&downlink, &command) > 0) {
            CHECK(command.field.value + command.field.length <= copy + length - 2);
        }
    }
}

static void other_kinds_are_refused(void)
{
    glimpse_telemetry t = everything(), seen;
    glimpse_downlink downlink;
    int length = glimpse_telemetry_write(&t, 51, packet);
    CHECK_EQUAL(GLIMPSE_ERROR_KIND, glimpse_downlink_read(packet, (size_t)length, &downlink));
    packet[3] |= 2; /* coding */
    reseal(packet, (size_t)length);
    CHECK_EQUAL(GLIMPSE_ERROR_BODY, glimpse_telemetry_read(packet, (size_t)length, &seen));
    length = every_command();
    CHECK_EQUAL(GLIMPSE_ERROR_KIND, glimpse_telemetry_read(packet, (size_t)length, &seen));
    packet[3] |= 2;
    reseal(packet, (size_t)length);
    CHECK_EQUAL(GLIMPSE_ERROR_BODY, glimpse_downlink_read(packet, (size_t)length, &downlink));
}

/* ---- commands on their way to the frame that is being sent */

static struct {
    uint32_t known, more, more_to, stopped;
    glimpse_area wanted;
} told;

static void tell_known(void *context, uint32_t first, uint32_t count)
{
    CHECK(context == &told && first + count <= SYMBOLS);
    told.known += count;
}

static void tell_want(void *context, const glimpse_area *region)
{
    CHECK(context == &told);
    told.wanted = *region;
}

static void tell_more(void *context, uint32_t bytes)
{
    CHECK(context == &told);
    told.more += bytes;
}

static void tell_more_to(void *context, uint32_t rank)
{
    CHECK(context == &told);
    told.more_to = rank;
}

static void tell_stop(void *context)
{
    CHECK(context == &told);
    told.stopped++;
}

static const remote_frame sending = {&codec, 40, &told, tell_known, tell_want, tell_more, tell_more_to, tell_stop};

static void commands_reach_the_frame_they_name(void)
{
    static const glimpse_downlink_header header = {5, 3, 40, 100};
    static const glimpse_area region = {6, 256, 3, 4};
    node_settings settings = {.answered = true, .answer = {.sequence = 99}};
    glimpse_downlink_writer writer;
    remote_outcome outcome;
    memset(&told, 0, sizeof told);
    memset(received, 0, sizeof received);
    mark(10, 30);
    mark(50, 2);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_downlink_begin(&writer, &header, packet, 51));
    CHECK(glimpse_downlink_put(&writer, GLIMPSE_COMMAND_MORE, 700));
    CHECK(glimpse_downlink_put(&writer, GLIMPSE_COMMAND_MORE_TO, SYMBOLS - 1));
    CHECK(glimpse_downlink_here(&writer, &region));
    CHECK(glimpse_downlink_put(&writer, GLIMPSE_COMMAND_ENOUGH, 0));
    CHECK_EQUAL(32, glimpse_downlink_have(&writer, &codec, received));
    const size_t length = (size_t)glimpse_downlink_end(&writer);
    CHECK_EQUAL(GLIMPSE_OK, remote_take(&settings, &sending, packet, length, &outcome));
    CHECK_EQUAL(32, told.known);
    CHECK_EQUAL(700, told.more);
    CHECK_EQUAL(SYMBOLS - 1, told.more_to);
    CHECK_EQUAL(1, told.stopped);
    CHECK_EQUAL(8, told.wanted.bottom); /* cut to the latent */
    CHECK_EQUAL(4, told.wanted.right);
    CHECK_EQUAL(0, outcome.report); /* what it does is answer enough */
    CHECK_EQUAL(100, settings.answer.sequence);
    CHECK_EQUAL(GLIMPSE_ANSWER_DONE, settings.answer.result);

    CHECK_EQUAL(GLIMPSE_OK, remote_take(&settings, &sending, packet, length, &outcome));
    CHECK_EQUAL(700, told.more); /* once */
    CHECK_EQUAL(GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_ANSWER), outcome.report);
}

static int take_one(glimpse_downlink_header header, uint8_t type, uint32_t number)
{
    node_settings settings = {.answered = false};
    glimpse_downlink_writer writer;
    remote_outcome outcome;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_downlink_begin(&writer, &header, packet, 11));
    CHECK(glimpse_downlink_put(&writer, type, number));
    CHECK_EQUAL(GLIMPSE_OK, remote_take(&settings, &sending, packet, (size_t)glimpse_downlink_end(&writer), &outcome));
    return settings.answer.result;
}

static void commands_for_another_frame_are_skipped(void)
{
    static const glimpse_downlink_header others[] = {{5, 3, 41, 1}, {4, 3, 40, 1}, {5, 2, 40, 1}};
    static const glimpse_downlink_header meant = {5, 3, 40, 1};
    memset(&told, 0, sizeof told);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        CHECK_EQUAL(GLIMPSE_ANSWER_FRAME, take_one(others[i], GLIMPSE_COMMAND_ENOUGH, 0));
    }
    CHECK_EQUAL(GLIMPSE_ANSWER_MALFORMED, take_one(meant, GLIMPSE_COMMAND_MORE_TO, SYMBOLS));
    CHECK_EQUAL(0, told.stopped + told.more_to);
    CHECK_EQUAL(GLIMPSE_ANSWER_DONE, take_one(meant, GLIMPSE_COMMAND_ENOUGH, 0));
    CHECK_EQUAL(1, told.stopped);
}

int main(void)
{
    check_begin();
    CHECK_RUN(fields_are_read_as_they_were_written);
    CHECK_RUN(what_does_not_fit_is_not_written);
    CHECK_RUN(fields_cut_short_are_malformed);
    CHECK_RUN(runs_say_all_when_they_fit);
    CHECK_RUN(runs_never_say_more_than_came);
    CHECK_RUN(the_longest_run_is_the_last_to_be_left_out);
    CHECK_RUN(hostile_runs_stay_inside_the_frame);
    CHECK_RUN(settings_have_ranges);
    CHECK_RUN(telemetry_comes_back_whatever_the_payload);
    CHECK_RUN(telemetry_out_of_range_is_not_written);
    CHECK_RUN(damaged_telemetry_is_rejected_or_read);
    CHECK_RUN(commands_are_read_in_the_order_written);
    CHECK_RUN(what_cannot_be_said_is_not_written);
    CHECK_RUN(damaged_downlinks_are_rejected_or_read);
    CHECK_RUN(other_kinds_are_refused);
    CHECK_RUN(commands_reach_the_frame_they_name);
    CHECK_RUN(commands_for_another_frame_are_skipped);
    return check_end();
}
