/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of AT modems against a modem that says anything at any time. What must hold: every packet that is taken
   ends in exactly one event; a packet may be sent only when nothing is on its way; downlinks lie inside the line; every
   state ends by itself, and after a silence the driver asks whether the modem is there. */
#include "link/at_modem.h"
#include "link/at_text.h"
#include "test/fuzz/fuzz.h"

enum { STEPS = 300, EVENTS_AT_ONCE = 32, WAITS_UNTIL_PROBED = 40 };

static glimpse_at_modem modem;
static uint32_t now;
static bool under_way; /* a packet */

/* ---- the line */

static uint8_t coming[1024]; /* towards the driver */
static size_t coming_count, coming_read;
static size_t room;  /* bytes that a write takes */
static char said[8]; /* the end of what the driver has written */

static size_t line_read(void *context, uint8_t *bytes, size_t capacity)
{
    (void)context;
    size_t count = coming_count - coming_read;
    count = count < capacity ? count : capacity;
    memcpy(bytes, coming + coming_read, count);
    coming_read += count;
    return count;
}

static size_t line_write(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    count = count < room ? count : room;
    for (size_t i = 0; i < count; i++) {
        memmove(said, said + 1, sizeof said - 1);
        said[sizeof said - 1] = (char)bytes[i];
    }
    return count;
}

static bool said_probe(void)
{
    return memcmp(said + sizeof said - 4, "AT\r\n", 4) == 0;
}

/* ---- events */

static void check_event(const glimpse_link_event *event)
{
    switch (event->kind) {
    case GLIMPSE_LINK_SENT:
    case GLIMPSE_LINK_ACKNOWLEDGED:
    case GLIMPSE_LINK_FAILED:
        MUST(under_way);
        MUST(event->kind != GLIMPSE_LINK_FAILED || event->reason != GLIMPSE_LINK_NO_REASON);
        MUST(event->wait <= GLIMPSE_AT_LONGEST_WAIT);
        under_way = false;
        break;
    case GLIMPSE_LINK_READY:
        MUST(!under_way);
        break;
    case GLIMPSE_LINK_DOWNLINK: {
        MUST(event->port >= 1 && event->port <= 223 && event->count >= 1 && event->count <= GLIMPSE_MAX_PAYLOAD);
        const char *const at = (const char *)event->bytes;
        MUST(at >= modem.line && at + event->count <= modem.line + sizeof modem.line);
        break;
    }
    default:
        MUST(event->kind == GLIMPSE_LINK_JOINED || event->kind == GLIMPSE_LINK_LOST);
        break;
    }
}

static void check_state(void)
{
    const size_t payload = glimpse_link_payload(&modem.link);
    const uint32_t wait = glimpse_link_wait(&modem.link, now);
    MUST(modem.state <= GLIMPSE_AT_PAUSING && modem.event_count == 0);
    MUST(wait <= GLIMPSE_LINK_FOREVER && (wait < GLIMPSE_LINK_FOREVER || modem.state == GLIMPSE_AT_READY));
    MUST(payload == 0 ||
         (modem.state == GLIMPSE_AT_READY && payload >= GLIMPSE_MIN_PAYLOAD && payload <= GLIMPSE_MAX_PAYLOAD));
    MUST(under_way == (modem.state == GLIMPSE_AT_SENDING));
    MUST(modem.out_written <= modem.out_count && modem.out_count <= sizeof modem.out &&
         modem.line_count < sizeof modem.line);
}

static void poll(void)
{
    for (uint32_t polls = 0;; polls++) {
        glimpse_link_event event;
        MUST(polls < EVENTS_AT_ONCE + sizeof coming);
        const int told = glimpse_link_poll(&modem.link, now, &event);
        if (told == 0) {
            if (modem.more) {
                continue;
            }
            break;
        }
        check_event(&event);
    }
    check_state();
}

/* ---- what happens */

static void come(const char *text)
{
    const size_t count = strlen(text);
    if (coming_read == coming_count) {
        coming_read = coming_count = 0;
    }
    if (count <= sizeof coming - coming_count) {
        memcpy(coming + coming_count, text, count);
        coming_count += count;
    }
}

static void come_byte(uint8_t byte)
{
    if (coming_read == coming_count) {
        coming_read = coming_count = 0;
    }
    if (coming_count < sizeof coming) {
        coming[coming_count++] = byte;
    }
}

/* A line of the dialect: a fuzzer would take long to guess one. */
static void answer(fuzz_input *in)
{
    const glimpse_at_answer *answers = modem.config.dialect->answers;
    const glimpse_at_setting *settings = modem.config.dialect->settings;
    uint32_t count = 0;
    while (answers[count].pattern != NULL) {
        count++;
    }
    const uint32_t chosen = take_byte(in) % (count + 1u);
    const char *pattern = chosen == count ? settings[modem.step % 5].taken : answers[chosen].pattern;
    for (; *pattern != 0; pattern++) {
        char number[16] = "word";
        if (*pattern != '%') {
            come_byte((uint8_t)*pattern);
            continue;
        }
        switch (*++pattern) {
        case 'w':
            break;
        case 'x':
            for (uint32_t left = take_byte(in); left > 0; left--) {
                come("A5");
            }
            continue;
        default:
            (void)snprintf(number, sizeof number, "%d", (int)take_number(in));
            break;
        }
        come(number);
    }
    come("\r\n");
}

static void send(fuzz_input *in)
{
    const size_t count = take_byte(in);
    const size_t payload = glimpse_link_payload(&modem.link);
    uint8_t *const packet = exact(count, 0xC3);
    const int status = glimpse_link_send(&modem.link, now, packet, count);
    MUST(status == (payload == 0                    ? GLIMPSE_ERROR_STATE
                    : count == 0 || count > payload ? GLIMPSE_ERROR_LENGTH
                                                    : GLIMPSE_OK));
    MUST(status != GLIMPSE_OK || modem.out_count > 0);
    under_way = under_way || status == GLIMPSE_OK;
    free(packet);
}

static void step(fuzz_input *in)
{
    const uint32_t what = take_byte(in);
    switch (what) {
    case 0:
        now += 1u << (take_byte(in) % 27);
        break;
    case 1:
        now += glimpse_link_wait(&modem.link, now);
        break;
    case 2:
        send(in);
        break;
    case 3:
        room = take_byte(in);
        break;
    case 4:
    case 5:
    case 6:
        answer(in);
        break;
    case 7:
        come("\r\n");
        break;
    default:
        come_byte((uint8_t)what);
        break;
    }
    if (what < 8) {
        poll();
    }
}

/* Nothing comes any more. */
static void be_silent(void)
{
    room = sizeof modem.out;
    poll();
    if (modem.state == GLIMPSE_AT_READY) {
        static const uint8_t packet[GLIMPSE_MIN_PAYLOAD] = {0};
        MUST(glimpse_link_send(&modem.link, now, packet, sizeof packet) == GLIMPSE_OK);
        under_way = true;
        poll();
    }
    memset(said, 0, sizeof said);
    for (uint32_t waits = 0; !said_probe(); waits++) {
        MUST(waits < WAITS_UNTIL_PROBED);
        now += glimpse_link_wait(&modem.link, now);
        poll();
    }
    MUST(!under_way);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    const uint32_t flags = take_byte(&in);
    const glimpse_at_config config = {.dialect = (flags & 1u) != 0 ? &glimpse_at_rak3172 : &glimpse_at_lora_e5,
                                      .stream = {NULL, line_read, line_write},
                                      .port = 8,
                                      .data_rate = (flags & 2u) != 0 ? GLIMPSE_AT_KEEP_RATE : 3,
                                      .adaptive = (flags & 4u) != 0,
                                      .confirmed = (flags & 8u) != 0,
                                      .reset = (flags & 16u) != 0,
                                      .seed = 7};
    now = (flags & 32u) != 0 ? UINT32_MAX - 5000u : 0;
    room = sizeof modem.out;
    coming_count = coming_read = 0;
    under_way = false;
    MUST(glimpse_at_modem_begin(&modem, &config, now) == GLIMPSE_OK);
    for (uint32_t i = 0; i < STEPS && in.left > 0; i++) {
        step(&in);
    }
    be_silent();
    return 0;
}
