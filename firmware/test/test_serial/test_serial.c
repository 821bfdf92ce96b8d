/* SPDX-License-Identifier: Apache-2.0 */
/* The two checks, and frames on a serial line. */
#include <string.h>

#include "core/crc.h"
#include "core/serial.h"
#include "core/status.h"
#include "test/check.h"

enum { PAYLOAD = 600 };

static uint8_t payload[PAYLOAD];
static uint8_t line[PAYLOAD + 16];
static uint8_t buffer[PAYLOAD + GLIMPSE_SERIAL_CHECK_BYTES];
static glimpse_serial_reader reader;

static void checks_have_their_catalogued_values(void)
{
    static const uint8_t digits[] = "123456789";
    CHECK_EQUAL(0x29B1, glimpse_crc16(digits, 9));
    CHECK_EQUAL(0xFFFF, glimpse_crc16(digits, 0));
    CHECK_EQUAL(0xCBF43926, glimpse_crc32(0, digits, 9));
    CHECK_EQUAL(0xCBF43926, glimpse_crc32(glimpse_crc32(0, digits, 4), digits + 4, 5));
}

static void begin(void)
{
    glimpse_serial_reader_begin(&reader, buffer, sizeof buffer);
}

/* The first result that is not 0; bytes after it must not give another. */
static int push(const uint8_t *bytes, size_t count)
{
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        const int one = glimpse_serial_reader_push(&reader, bytes[i]);
        CHECK(one == 0 || result == 0);
        result = one != 0 ? one : result;
    }
    return result;
}

static void a_frame_has_the_documented_bytes(void)
{
    /* docs/serial-protocol.md, Frames: the payload 11 00 22 */
    static const uint8_t expected[] = {0x02, 0x11, 0x06, 0x22, 0xB1, 0x51, 0xC5, 0x37, 0x00};
    static const uint8_t bytes[] = {0x11, 0x00, 0x22};
    CHECK_EQUAL(sizeof expected, glimpse_serial_encode(bytes, sizeof bytes, line, sizeof line));
    CHECK_BYTES(expected, line, sizeof expected);
    begin();
    CHECK_EQUAL(3, push(expected, sizeof expected));
    CHECK_BYTES(bytes, buffer, sizeof bytes);
}

static void round_trip(size_t count)
{
    const int length = glimpse_serial_encode(payload, count, line, sizeof line);
    CHECK(length > 0 && (size_t)length <= glimpse_serial_bound(count));
    CHECK(memchr(line, 0, (size_t)length) == line + length - 1);
    CHECK_EQUAL(count, push(line, (size_t)length));
    CHECK_BYTES(payload, buffer, count);
}

static void payloads_of_every_length_come_back(void)
{
    begin();
    for (size_t count = 1; count <= PAYLOAD; count++) {
        for (size_t i = 0; i < count; i++) {
            payload[i] = (uint8_t)(i * 7 + count);
        }
        round_trip(count);
    }
}

static void zeros_and_full_blocks_come_back(void)
{
    begin();
    for (size_t count = 240; count < 270; count++) {
        memset(payload, 0, count);
        round_trip(count);
        memset(payload, 0xFF, count);
        round_trip(count);
        payload[count - 1] = 0;
        round_trip(count);
    }
}

static void bound_is_reached_without_zeros(void)
{
    /* The check of these 250 bytes has no zero either, so one block of 254 holds both. */
    memset(payload, 0x55, 250);
    CHECK_EQUAL(256, glimpse_serial_encode(payload, 250, line, sizeof line));
    CHECK_EQUAL(256, glimpse_serial_bound(250));
    CHECK_EQUAL(258, glimpse_serial_bound(251));
}

static void writer_stays_inside_its_line(void)
{
    memset(payload, 0x55, 300);
    const int length = glimpse_serial_encode(payload, 300, line, sizeof line);
    for (size_t capacity = 0; capacity < (size_t)length; capacity++) {
        memset(line, 0xA5, sizeof line);
        CHECK_EQUAL(GLIMPSE_ERROR_BUFFER, glimpse_serial_encode(payload, 300, line, capacity));
        CHECK_EQUAL(0xA5, line[capacity]);
    }
    CHECK_EQUAL(length, glimpse_serial_encode(payload, 300, line, (size_t)length));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_serial_encode(payload, 0, line, sizeof line));
}

static void reader_is_in_step_after_garbage(void)
{
    static const uint8_t text[] = "booting...\r\n"; /* and its closing zero */
    begin();
    memset(payload, 0x11, 20);
    CHECK(push(text, sizeof text) < 0);
    round_trip(20);
    static const uint8_t zeros[] = {0, 0, 0, 0};
    CHECK_EQUAL(0, push(zeros, sizeof zeros));
    round_trip(20);
}

static void broken_frames_are_named(void)
{
    static const uint8_t truncated[] = {0x05, 0x11, 0x22, 0x00};
    static const uint8_t only_a_zero[] = {0x01, 0x01, 0x00};
    static const uint8_t empty_payload[] = {0x01, 0x01, 0x01, 0x01, 0x01, 0x00}; /* with its right check */
    begin();
    CHECK_EQUAL(GLIMPSE_ERROR_ENCODING, push(truncated, sizeof truncated));
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, push(only_a_zero, sizeof only_a_zero));
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, push(empty_payload, sizeof empty_payload));
    memset(payload, 0x33, 40);
    const int length = glimpse_serial_encode(payload, 40, line, sizeof line);
    line[20] ^= 0x40;
    CHECK_EQUAL(GLIMPSE_ERROR_CHECK, push(line, (size_t)length));
    round_trip(40);
}

static void frames_too_long_are_skipped_whole(void)
{
    uint8_t small[20 + GLIMPSE_SERIAL_CHECK_BYTES + 1];
    glimpse_serial_reader_begin(&reader, small, sizeof small - 1);
    small[sizeof small - 1] = 0xA5;
    memset(payload, 0x44, PAYLOAD);
    for (size_t count = 19; count < 24; count++) {
        const int length = glimpse_serial_encode(payload, count, line, sizeof line);
        CHECK_EQUAL(count <= 20 ? (int)count : GLIMPSE_ERROR_LENGTH, push(line, (size_t)length));
    }
    const int length = glimpse_serial_encode(payload, PAYLOAD, line, sizeof line);
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, push(line, (size_t)length));
    CHECK_EQUAL(0xA5, small[sizeof small - 1]);
}

int main(void)
{
    check_begin();
    CHECK_RUN(checks_have_their_catalogued_values);
    CHECK_RUN(a_frame_has_the_documented_bytes);
    CHECK_RUN(payloads_of_every_length_come_back);
    CHECK_RUN(zeros_and_full_blocks_come_back);
    CHECK_RUN(bound_is_reached_without_zeros);
    CHECK_RUN(writer_stays_inside_its_line);
    CHECK_RUN(reader_is_in_step_after_garbage);
    CHECK_RUN(broken_frames_are_named);
    CHECK_RUN(frames_too_long_are_skipped_whole);
    return check_end();
}
