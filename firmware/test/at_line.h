/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of links: a line whose other end is the test, and a modem driven over it step by step. */
#ifndef GLIMPSE_TEST_AT_LINE_H
#define GLIMPSE_TEST_AT_LINE_H

#include <string.h>

#include "link/at_modem.h"
#include "test/check.h"

enum { LINE = 4096 };

static struct {
    uint8_t in[LINE]; /* towards the driver */
    size_t in_count;
    size_t in_read;
    char out[LINE]; /* from the driver */
    size_t out_count;
    size_t room;  /* bytes that one write takes at most */
    bool endless; /* there is always one more byte */
} line;

static inline size_t line_read(void *context, uint8_t *bytes, size_t capacity)
{
    size_t count = 0;
    (void)context;
    if (line.endless) {
        memset(bytes, 'x', capacity);
        return capacity;
    }
    while (count < capacity && line.in_read < line.in_count) {
        bytes[count++] = line.in[line.in_read++];
    }
    return count;
}

static inline size_t line_write(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    count = count < line.room ? count : line.room;
    count = count < LINE - line.out_count ? count : LINE - line.out_count;
    memcpy(line.out + line.out_count, bytes, count);
    line.out_count += count;
    return count;
}

static const glimpse_stream line_stream = {NULL, line_read, line_write};

static inline void clear_line(void)
{
    memset(&line, 0, sizeof line);
    line.room = LINE;
}

static inline void comes(const char *text)
{
    if (line.in_read == line.in_count) {
        line.in_read = line.in_count = 0;
    }
    const size_t count = strlen(text);
    CHECK(line.in_count + count <= LINE);
    memcpy(line.in + line.in_count, text, count);
    line.in_count += count;
}

/* ---- a modem driven step by step */

static glimpse_at_modem modem;
#define LINK_OF_MODEM (&modem.link)
static uint32_t now;
static glimpse_link_event event;

static inline void begin(const glimpse_at_dialect *dialect, bool confirmed)
{
    const glimpse_at_config config = {.dialect = dialect,
                                      .stream = line_stream,
                                      .port = 8,
                                      .data_rate = 3,
                                      .adaptive = true,
                                      .confirmed = confirmed,
                                      .seed = 7};
    clear_line();
    CHECK_EQUAL(GLIMPSE_OK, glimpse_at_modem_begin(&modem, &config, now));
}

/* The next event's kind. */
static inline int polled(void)
{
    return glimpse_link_poll(LINK_OF_MODEM, now, &event) ? event.kind : GLIMPSE_LINK_NOTHING;
}

/* Nothing happens, and exactly this has been written since the last time. */
static inline void asks(const char *command)
{
    CHECK_EQUAL(GLIMPSE_LINK_NOTHING, polled());
    const size_t count = strlen(command);
    CHECK_EQUAL(count + 2, line.out_count);
    CHECK(line.out_count == count + 2 && memcmp(command, line.out, count) == 0);
    CHECK(line.out_count == count + 2 && memcmp("\r\n", line.out + count, 2) == 0);
    line.out_count = 0;
}

static inline void answers(const char *command, const char *answer)
{
    asks(command);
    comes(answer);
}

static inline void is_ready(size_t payload)
{
    CHECK_EQUAL(GLIMPSE_LINK_READY, polled());
    CHECK_EQUAL(payload, glimpse_link_payload(LINK_OF_MODEM));
    CHECK_EQUAL(GLIMPSE_LINK_FOREVER, glimpse_link_wait(LINK_OF_MODEM, now));
}

static inline void later(uint32_t time)
{
    now += time;
}

static const uint8_t packet[] = {0x4B, 0x08, 0x00, 0x01, 0x69, 0xC6, 0xDB, 0x6D, 0xBA, 0xD3, 0x75};

static inline void sends(void)
{
    CHECK_EQUAL(GLIMPSE_OK, glimpse_link_send(LINK_OF_MODEM, now, packet, sizeof packet));
    CHECK_EQUAL(0, glimpse_link_payload(LINK_OF_MODEM));
}

#endif
