/* SPDX-License-Identifier: Apache-2.0 */
/* The face of the driver, its bytes and its clock. at_step.c says commands, at_answer.c reads lines. */
#include "link/at_modem.h"

#include "link/at_answer.h"
#include "link/at_step.h"

enum {
    SILENCES_UNTIL_LOST = 3, /* commands in a row without an answer */
    STALLS_UNTIL_RESET = 3,  /* the same of a modem that answers a probe: it has lost its way */
    LONGEST_PROBE_PAUSE = 60000,
    BYTES_AT_ONCE = 2 * GLIMPSE_AT_LINE /* of one poll, so that a line that never ends cannot hold it */
};

/* ---- events */

static bool take_event(glimpse_at_modem *modem, glimpse_link_event *event)
{
    if (modem->event_count == 0) {
        return false;
    }
    *event = modem->events[0];
    modem->event_count--;
    for (uint8_t i = 0; i < modem->event_count; i++) {
        modem->events[i] = modem->events[i + 1];
    }
    return true;
}

/* ---- bytes */

static void write_more(glimpse_at_modem *modem)
{
    if (modem->out_written < modem->out_count) {
        const glimpse_stream *stream = &modem->config.stream;
        modem->out_written += stream->write(stream->context, (const uint8_t *)modem->out + modem->out_written,
                                            modem->out_count - modem->out_written);
    }
}

/* True when this byte ends a line worth reading, which then ends with a zero. */
static bool collect(glimpse_at_modem *modem, uint8_t byte)
{
    if (byte == '\r' || byte == '\n') {
        const bool whole = modem->line_count > 0 && !modem->overlong;
        modem->strange += modem->overlong ? 1u : 0u;
        modem->line[modem->line_count] = 0;
        modem->line_count = 0;
        modem->overlong = false;
        return whole;
    }
    if (modem->line_count + 1 < sizeof modem->line) {
        modem->line[modem->line_count++] = (char)byte;
    } else {
        modem->overlong = true;
    }
    return false;
}

/* ---- time */

static void probe_later(glimpse_at_modem *modem, uint32_t now)
{
    uint32_t time = 1000;
    for (uint8_t i = 0; i < modem->silences && time < LONGEST_PROBE_PAUSE; i++) {
        time *= 2;
    }
    glimpse_at_pause(modem, now, time < LONGEST_PROBE_PAUSE ? time : LONGEST_PROBE_PAUSE, GLIMPSE_AT_PROBING);
}

static void silent(glimpse_at_modem *modem, uint32_t now)
{
    modem->timeouts++;
    if (modem->silences < UINT8_MAX) {
        modem->silences++;
    }
    if (modem->state != GLIMPSE_AT_PROBING) {
        modem->stalls++;
    }
    if (modem->stalls >= STALLS_UNTIL_RESET) {
        glimpse_at_lose(modem, GLIMPSE_LINK_SILENT);
        glimpse_at_reset(modem, now);
        return;
    }
    if (modem->silences >= SILENCES_UNTIL_LOST) {
        glimpse_at_lose(modem, GLIMPSE_LINK_SILENT);
    } else {
        glimpse_at_fail(modem, GLIMPSE_LINK_SILENT, 0);
    }
    if (modem->state == GLIMPSE_AT_JOINING) {
        glimpse_at_join_failed(modem, now);
        modem->after = GLIMPSE_AT_PROBING; /* it may be gone */
    } else {
        probe_later(modem, now);
    }
}

static void time_is_up(glimpse_at_modem *modem, uint32_t now)
{
    if (modem->state == GLIMPSE_AT_PAUSING) {
        glimpse_at_go_on(modem, (glimpse_at_state)modem->after, now);
    } else if (modem->state == GLIMPSE_AT_RESETTING) {
        glimpse_at_probe(modem, now);
    } else {
        silent(modem, now);
    }
}

static bool is_up(const glimpse_at_modem *modem, uint32_t now)
{
    return modem->state != GLIMPSE_AT_READY && now - modem->since >= modem->limit;
}

/* ---- the face */

static size_t payload_now(const glimpse_link *link)
{
    const glimpse_at_modem *modem = (const glimpse_at_modem *)link;
    return modem->state == GLIMPSE_AT_READY ? modem->payload : 0;
}

static int send(glimpse_link *link, uint32_t now, const uint8_t *packet, size_t count)
{
    glimpse_at_modem *modem = (glimpse_at_modem *)link;
    const bool confirmed = modem->config.confirmed;
    if (modem->state != GLIMPSE_AT_READY) {
        return GLIMPSE_ERROR_STATE;
    }
    if (count == 0 || count > modem->payload) {
        return GLIMPSE_ERROR_LENGTH;
    }
    modem->started = modem->acknowledged = false;
    modem->refusal = 0;
    glimpse_at_enter(modem, GLIMPSE_AT_SENDING, now, confirmed ? GLIMPSE_AT_SEND_CONFIRMED_TIME : GLIMPSE_AT_SEND_TIME);
    glimpse_at_say_with(modem, confirmed ? modem->config.dialect->send_confirmed : modem->config.dialect->send, packet,
                        count);
    write_more(modem);
    return GLIMPSE_OK;
}

static int poll(glimpse_link *link, uint32_t now, glimpse_link_event *event)
{
    glimpse_at_modem *modem = (glimpse_at_modem *)link;
    const glimpse_stream *stream = &modem->config.stream;
    uint8_t byte;
    modem->more = false;
    write_more(modem);
    for (size_t count = 0; !take_event(modem, event); count++) {
        if (count < BYTES_AT_ONCE && stream->read(stream->context, &byte, 1) == 1) {
            if (collect(modem, byte) && glimpse_at_understand(modem, now, event)) {
                return 1;
            }
        } else if (is_up(modem, now)) {
            time_is_up(modem, now);
        } else {
            modem->more = count >= BYTES_AT_ONCE;
            write_more(modem);
            return 0;
        }
    }
    return 1;
}

static uint32_t wait(const glimpse_link *link, uint32_t now)
{
    const glimpse_at_modem *modem = (const glimpse_at_modem *)link;
    const uint32_t spent = now - modem->since;
    if (modem->event_count > 0 || modem->more) {
        return 0;
    }
    if (modem->out_written < modem->out_count) {
        return 1; /* the line is full: soon again */
    }
    if (modem->state == GLIMPSE_AT_READY) {
        return GLIMPSE_LINK_FOREVER;
    }
    return spent < modem->limit ? modem->limit - spent : 0;
}

int glimpse_at_modem_begin(glimpse_at_modem *modem, const glimpse_at_config *config, uint32_t now)
{
    static const glimpse_link_operations operations = {payload_now, send, poll, wait};
    if (config->dialect == NULL || config->port < 1 || config->port > 223) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    *modem = (glimpse_at_modem){.link = {&operations}, .config = *config, .random = config->seed, .region = -1};
    if (config->reset) {
        glimpse_at_reset(modem, now);
    } else {
        glimpse_at_probe(modem, now);
    }
    return GLIMPSE_OK;
}
