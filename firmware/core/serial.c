/* SPDX-License-Identifier: Apache-2.0 */
#include "core/serial.h"

#include <stdbool.h>

#include "core/crc.h"
#include "core/status.h"

enum { COBS_FULL = 255 }; /* the code of a block of 254 bytes without a zero after it */

size_t glimpse_serial_bound(size_t payload)
{
    const size_t count = payload + GLIMPSE_SERIAL_CHECK_BYTES;
    return count + (count + COBS_FULL - 2) / (COBS_FULL - 1) + 1;
}

typedef struct {
    uint8_t *line;
    size_t capacity;
    size_t count;
    size_t code_at; /* where the open block's code belongs */
    uint8_t code;
} cobs_writer;

static bool open_block(cobs_writer *writer)
{
    if (writer->count >= writer->capacity) {
        return false;
    }
    writer->code_at = writer->count++;
    writer->code = 1;
    return true;
}

/* Blocks open late, so 254 bytes that end the frame are not followed by an empty block. */
static bool put(cobs_writer *writer, uint8_t byte)
{
    if (writer->code == COBS_FULL) {
        writer->line[writer->code_at] = COBS_FULL;
        if (!open_block(writer)) {
            return false;
        }
    }
    if (byte == 0) {
        writer->line[writer->code_at] = writer->code;
        return open_block(writer);
    }
    if (writer->count >= writer->capacity) {
        return false;
    }
    writer->line[writer->count++] = byte;
    writer->code++;
    return true;
}

int glimpse_serial_encode(const uint8_t *payload, size_t count, uint8_t *line, size_t capacity)
{
    cobs_writer writer = {line, capacity, 0, 0, 0};
    if (count == 0) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    const uint32_t check = glimpse_crc32(0, payload, count);
    bool fits = open_block(&writer);
    for (size_t i = 0; fits && i < count; i++) {
        fits = put(&writer, payload[i]);
    }
    for (uint32_t shift = 0; fits && shift < 32; shift += 8) {
        fits = put(&writer, (uint8_t)(check >> shift));
    }
    if (!fits || writer.count >= capacity) {
        return GLIMPSE_ERROR_BUFFER;
    }
    line[writer.code_at] = writer.code;
    line[writer.count++] = 0;
    return (int)writer.count;
}

void glimpse_serial_reader_begin(glimpse_serial_reader *reader, uint8_t *buffer, size_t capacity)
{
    reader->buffer = buffer;
    reader->capacity = capacity;
    reader->count = 0;
    reader->left = 0;
    reader->implicit = 0;
    reader->skipping = 0;
}

static void append(glimpse_serial_reader *reader, uint8_t byte)
{
    if (reader->count < reader->capacity) {
        reader->buffer[reader->count++] = byte;
    } else {
        reader->skipping = 1;
    }
}

static int finish(const glimpse_serial_reader *reader)
{
    if (reader->skipping) {
        return GLIMPSE_ERROR_LENGTH;
    }
    if (reader->count == 0 && reader->left == 0 && !reader->implicit) {
        return 0;
    }
    if (reader->left > 0) {
        return GLIMPSE_ERROR_ENCODING;
    }
    if (reader->count <= GLIMPSE_SERIAL_CHECK_BYTES) {
        return GLIMPSE_ERROR_LENGTH;
    }
    const size_t count = reader->count - GLIMPSE_SERIAL_CHECK_BYTES;
    uint32_t check = 0;
    for (size_t i = reader->count; i > count; i--) {
        check = (check << 8) | reader->buffer[i - 1];
    }
    return check == glimpse_crc32(0, reader->buffer, count) ? (int)count : GLIMPSE_ERROR_CHECK;
}

int glimpse_serial_reader_push(glimpse_serial_reader *reader, uint8_t byte)
{
    if (byte == 0) {
        const int result = finish(reader);
        glimpse_serial_reader_begin(reader, reader->buffer, reader->capacity);
        return result;
    }
    if (reader->skipping) {
        return 0;
    }
    if (reader->left > 0) {
        reader->left--;
        append(reader, byte);
        return 0;
    }
    if (reader->implicit) {
        append(reader, 0);
    }
    reader->left = (uint8_t)(byte - 1u);
    reader->implicit = byte != COBS_FULL;
    return 0;
}
