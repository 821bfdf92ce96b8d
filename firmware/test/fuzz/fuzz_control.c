/* SPDX-License-Identifier: Apache-2.0 */
/* Telemetry, downlinks and runs of ranks. What must hold: what telemetry is read as is written, and read again, as the
   same; a downlink's fields written again are its bytes; runs rise, do not touch each other and lie inside the frame;
   runs that are written name no symbol that did not come. */
#include "core/downlink.h"
#include "core/telemetry.h"
#include "test/fuzz/fuzz_codecs.h"

/* Runs of any frame; returns how many symbols they name. */
static uint32_t walk_runs(const uint8_t *bytes, size_t length, uint32_t symbols, uint8_t *named)
{
    glimpse_runs_reader reader;
    const int status = glimpse_runs_begin(&reader, bytes, length, symbols);
    MUST(status == GLIMPSE_OK || status == GLIMPSE_ERROR_BODY || status == GLIMPSE_ERROR_RANGE);
    uint32_t end = 0, count = 0, runs = 0;
    glimpse_run run;
    while (status == GLIMPSE_OK && glimpse_runs_next(&reader, &run) > 0) {
        MUST(run.count > 0 && run.first >= end + (runs > 0) && run.first < symbols && run.count <= symbols - run.first);
        memset(named + run.first, 1, run.count);
        end = run.first + run.count;
        count += run.count;
        MUST(++runs <= length * 8);
    }
    MUST(status != GLIMPSE_OK || count > 0);
    return count;
}

static void read_runs(fuzz_input *in)
{
    const uint32_t symbols = 1u + (take_byte(in) << 8 | take_byte(in)) % GLIMPSE_MAX_SYMBOLS;
    uint8_t *const named = exact(symbols, 0);
    uint8_t *const bytes = exact_copy(in->bytes, in->left);
    (void)walk_runs(bytes, in->left, symbols, named);
    free(bytes);
    free(named);
}

static void write_runs(fuzz_input *in)
{
    const glimpse_codec *const codec = codec_numbered(take_byte(in));
    const size_t capacity = take_byte(in) % 64;
    uint8_t *const received = exact(FUZZ_SYMBOLS, 0);
    uint8_t *const bytes = exact(capacity, 0xEE);
    uint8_t *const named = exact(FUZZ_SYMBOLS, 0);
    for (uint32_t at = 0; at < FUZZ_SYMBOLS && in->left > 0; at++) { /* runs as long as the input says */
        const uint32_t byte = take_byte(in);
        for (uint32_t left = byte >> 1 & 31u; left > 0 && at + 1 < FUZZ_SYMBOLS; left--) {
            received[at++] = byte & 1u;
        }
        received[at] = byte & 1u;
    }
    uint32_t claimed = 0;
    const size_t length = glimpse_runs_write(codec, received, bytes, capacity, &claimed);
    MUST(length <= capacity && (length > 0) == (claimed > 0));
    if (length > 0) {
        glimpse_order order;
        MUST(walk_runs(bytes, length, FUZZ_SYMBOLS, named) == claimed);
        glimpse_order_seek(&order, codec, 0);
        for (uint32_t rank = 0; rank < FUZZ_SYMBOLS; rank++) {
            const bool came = received[glimpse_order_next(&order)] != 0;
            MUST(came || named[rank] == 0);
        }
    } else if (capacity >= GLIMPSE_RUNS_MIN_BYTES) {
        for (uint32_t at = 0; at < FUZZ_SYMBOLS; at++) {
            MUST(received[at] == 0);
        }
    }
    free(named);
    free(bytes);
    free(received);
}

/* A packet of fields, of either kind for the most part. */
static size_t take_fields(fuzz_input *in, glimpse_kind kind, uint8_t *packet)
{
    const uint32_t word = take_word(in);
    const glimpse_header header = {.version = (uint8_t)((word & 31u) == 31u ? 2 : GLIMPSE_WIRE_VERSION),
                                   .model = (uint8_t)(word >> 27),
                                   .frame = (uint8_t)(word >> 21 & 63u),
                                   .first = (uint16_t)(word >> 7 & 0x3FFFu),
                                   .kind = (uint8_t)((word & 31u) == 30u ? GLIMPSE_KIND_IMAGE : kind),
                                   .coding = (word & 31u) == 29u,
                                   .revision = (uint8_t)(word >> 6 & 1u)};
    return take_packet(in, &header, packet, GLIMPSE_MAX_PAYLOAD);
}

static bool is_rejection(int status)
{
    return status == GLIMPSE_ERROR_VERSION || status == GLIMPSE_ERROR_KIND || status == GLIMPSE_ERROR_BODY;
}

static void read_telemetry(fuzz_input *in)
{
    uint8_t bytes[GLIMPSE_MAX_PAYLOAD];
    glimpse_telemetry seen, again;
    const size_t length = take_fields(in, GLIMPSE_KIND_TELEMETRY, bytes);
    uint8_t *const packet = exact_copy(bytes, length);
    memset(&seen, 0xEE, sizeof seen);
    const int status = glimpse_telemetry_read(packet, length, &seen);
    MUST(status >= 0 || is_rejection(status));
    free(packet);
    if (status >= 0) {
        glimpse_telemetry writing = seen;
        const int written = glimpse_telemetry_write(&writing, GLIMPSE_MAX_PAYLOAD, bytes);
        MUST(writing.present == 0 && (written > 0) == (seen.present != 0));
        if (written > 0) {
            MUST(glimpse_telemetry_read(bytes, (size_t)written, &again) == 0);
            MUST(again.present == seen.present && again.number == seen.number && again.frame == seen.frame);
            uint8_t twice[GLIMPSE_MAX_PAYLOAD];
            MUST(glimpse_telemetry_write(&again, GLIMPSE_MAX_PAYLOAD, twice) == written);
            MUST(memcmp(bytes, twice, (size_t)written) == 0);
        }
    }
}

static void check_command(const glimpse_command *command, const uint8_t *packet, size_t length)
{
    const glimpse_field *const field = &command->field;
    MUST(field->type <= GLIMPSE_MAX_FIELD_TYPE && field->value >= packet + GLIMPSE_HEADER_BYTES);
    MUST(field->value + field->length <= packet + length - GLIMPSE_CHECK_BYTES);
    MUST(command->result == GLIMPSE_ANSWER_DONE || command->result == GLIMPSE_ANSWER_UNKNOWN ||
         command->result == GLIMPSE_ANSWER_MALFORMED);
    if (command->result == GLIMPSE_ANSWER_DONE && field->type == GLIMPSE_COMMAND_MORE_HERE) {
        MUST(command->region.top < command->region.bottom && command->region.bottom <= 256);
        MUST(command->region.left < command->region.right && command->region.right <= 256);
    }
    if (command->result == GLIMPSE_ANSWER_DONE && field->type == GLIMPSE_COMMAND_MORE_TO) {
        MUST(command->number < GLIMPSE_MAX_SYMBOLS);
    }
    if (field->type == GLIMPSE_COMMAND_HAVE) {
        uint8_t *const named = exact(FUZZ_SYMBOLS, 0);
        (void)walk_runs(field->value, field->length, FUZZ_SYMBOLS, named);
        free(named);
    }
}

static void read_downlink(fuzz_input *in)
{
    uint8_t bytes[GLIMPSE_MAX_PAYLOAD], again[GLIMPSE_MAX_PAYLOAD];
    glimpse_downlink downlink;
    const size_t length = take_fields(in, GLIMPSE_KIND_DOWNLINK, bytes);
    uint8_t *const packet = exact_copy(bytes, length);
    const int status = glimpse_downlink_read(packet, length, &downlink);
    MUST(status == GLIMPSE_OK || is_rejection(status));
    if (status == GLIMPSE_OK) {
        glimpse_downlink_writer writer;
        glimpse_command command;
        const size_t payload = length > GLIMPSE_MIN_PAYLOAD ? length : GLIMPSE_MIN_PAYLOAD;
        MUST(glimpse_downlink_begin(&writer, &downlink.header, again, payload) == GLIMPSE_OK);
        while (glimpse_downlink_next(&downlink, &command) > 0) {
            check_command(&command, packet, length);
            MUST(glimpse_field_put(&writer.fields, command.field.type, command.field.value, command.field.length));
        }
        MUST(glimpse_downlink_end(&writer) == (int)length && memcmp(packet, again, length) == 0);
    }
    free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    switch (take_byte(&in) % 4) {
    case 0:
        read_runs(&in);
        break;
    case 1:
        write_runs(&in);
        break;
    case 2:
        read_telemetry(&in);
        break;
    default:
        read_downlink(&in);
        break;
    }
    return 0;
}
