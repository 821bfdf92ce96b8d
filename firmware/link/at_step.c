/* SPDX-License-Identifier: Apache-2.0 */
#include "link/at_step.h"

#include "link/at_text.h"

void glimpse_at_tell(glimpse_at_modem *modem, glimpse_link_event_kind kind, glimpse_link_reason reason, uint32_t wait)
{
    if (modem->event_count < GLIMPSE_AT_EVENTS) { /* a line gives three at most, taken before the next is read */
        modem->events[modem->event_count++] =
            (glimpse_link_event){.kind = (uint8_t)kind, .reason = (uint8_t)reason, .wait = wait};
    }
}

void glimpse_at_enter(glimpse_at_modem *modem, glimpse_at_state state, uint32_t now, uint32_t limit)
{
    modem->state = (uint8_t)state;
    modem->since = now;
    modem->limit = limit;
}

void glimpse_at_say_with(glimpse_at_modem *modem, const char *command, const uint8_t *bytes, size_t count)
{
    const glimpse_at_config *config = &modem->config;
    const glimpse_at_values values = {
        bytes, count, config->port, config->data_rate, config->adaptive, config->confirmed};
    modem->out_written = 0;
    modem->out_count = glimpse_at_format(command, &values, modem->out, sizeof modem->out);
}

void glimpse_at_say(glimpse_at_modem *modem, const char *command)
{
    glimpse_at_say_with(modem, command, NULL, 0);
}

void glimpse_at_pause(glimpse_at_modem *modem, uint32_t now, uint32_t time, glimpse_at_state after)
{
    modem->after = (uint8_t)after;
    glimpse_at_enter(modem, GLIMPSE_AT_PAUSING, now, time < GLIMPSE_AT_LONGEST_WAIT ? time : GLIMPSE_AT_LONGEST_WAIT);
}

void glimpse_at_probe(glimpse_at_modem *modem, uint32_t now)
{
    glimpse_at_enter(modem, GLIMPSE_AT_PROBING, now, GLIMPSE_AT_ANSWER_TIME);
    glimpse_at_say(modem, modem->config.dialect->probe);
}

void glimpse_at_ask(glimpse_at_modem *modem, uint32_t now, uint8_t step)
{
    modem->step = step;
    modem->payload = 0;
    glimpse_at_enter(modem, GLIMPSE_AT_ASKING, now, GLIMPSE_AT_ANSWER_TIME);
    glimpse_at_say(modem, modem->config.dialect->limits[step]);
}

void glimpse_at_join(glimpse_at_modem *modem, uint32_t now)
{
    modem->found = false;
    glimpse_at_enter(modem, GLIMPSE_AT_JOINING, now, GLIMPSE_AT_JOIN_TIME);
    glimpse_at_say(modem, modem->config.dialect->join);
}

void glimpse_at_reset(glimpse_at_modem *modem, uint32_t now)
{
    modem->stalls = 0;
    glimpse_at_enter(modem, GLIMPSE_AT_RESETTING, now, GLIMPSE_AT_START_TIME);
    glimpse_at_say(modem, modem->config.dialect->reset);
}

static void check(glimpse_at_modem *modem, uint32_t now)
{
    if (modem->config.dialect->joined == NULL) {
        glimpse_at_join(modem, now);
        return;
    }
    modem->found = false;
    glimpse_at_enter(modem, GLIMPSE_AT_CHECKING, now, GLIMPSE_AT_ANSWER_TIME);
    glimpse_at_say(modem, modem->config.dialect->joined);
}

static bool names_rate(const char *command)
{
    for (; *command != 0; command++) {
        if (command[0] == '%' && command[1] == 'd') {
            return true;
        }
    }
    return false;
}

void glimpse_at_configure(glimpse_at_modem *modem, uint32_t now, uint8_t step)
{
    const glimpse_at_setting *settings = modem->config.dialect->settings;
    if (settings[step].command != NULL && names_rate(settings[step].command) &&
        modem->config.data_rate == GLIMPSE_AT_KEEP_RATE) {
        step++;
    }
    if (settings[step].command == NULL) {
        check(modem, now);
        return;
    }
    modem->step = step;
    glimpse_at_enter(modem, GLIMPSE_AT_SETTING, now, GLIMPSE_AT_ANSWER_TIME);
    glimpse_at_say(modem, settings[step].command);
}

void glimpse_at_go_on(glimpse_at_modem *modem, glimpse_at_state state, uint32_t now)
{
    switch (state) {
    case GLIMPSE_AT_ASKING:
        glimpse_at_ask(modem, now, 0);
        break;
    case GLIMPSE_AT_JOINING:
        glimpse_at_join(modem, now);
        break;
    case GLIMPSE_AT_SETTING:
        glimpse_at_configure(modem, now, 0);
        break;
    default:
        glimpse_at_probe(modem, now);
        break;
    }
}

bool glimpse_at_transmitting(const glimpse_at_modem *modem)
{
    return modem->state == GLIMPSE_AT_SENDING || modem->state == GLIMPSE_AT_FLUSHING;
}

void glimpse_at_fail(glimpse_at_modem *modem, glimpse_link_reason reason, uint32_t wait)
{
    if (modem->state == GLIMPSE_AT_SENDING) {
        glimpse_at_tell(modem, GLIMPSE_LINK_FAILED, reason, wait);
    }
}

void glimpse_at_lose(glimpse_at_modem *modem, glimpse_link_reason reason)
{
    glimpse_at_fail(modem, reason, 0);
    if (modem->joined) {
        glimpse_at_tell(modem, GLIMPSE_LINK_LOST, reason, 0);
    }
    modem->joined = false;
    modem->payload = 0;
}

/* LoRaWAN 1.0.3, section 7 (retransmissions back-off): the join requests of a node that nobody hears stay under 36 s
   of air time in the first hour, 36 s in the ten that follow and 8.7 s a day afterwards. Doubling from 15 s to 5 h
   does that even at SF12, where one lasts 1.5 s. */
void glimpse_at_join_failed(glimpse_at_modem *modem, uint32_t now)
{
    uint32_t time = GLIMPSE_AT_FIRST_REJOIN;
    for (uint8_t i = 0; i < modem->join_tries && time < GLIMPSE_AT_LAST_REJOIN; i++) {
        time *= 2;
    }
    time = time < GLIMPSE_AT_LAST_REJOIN ? time : GLIMPSE_AT_LAST_REJOIN;
    if (modem->join_tries < UINT8_MAX) {
        modem->join_tries++;
    }
    modem->random = modem->random * 1664525u + 1013904223u; /* Numerical Recipes' */
    glimpse_at_pause(modem, now, time + time / 4 * (modem->random >> 24) / 256, GLIMPSE_AT_JOINING);
}

void glimpse_at_found_network(glimpse_at_modem *modem, uint32_t now)
{
    if (!modem->joined) {
        glimpse_at_tell(modem, GLIMPSE_LINK_JOINED, GLIMPSE_LINK_NO_REASON, 0);
    }
    modem->joined = true;
    modem->join_tries = 0;
    glimpse_at_ask(modem, now, 0);
}
