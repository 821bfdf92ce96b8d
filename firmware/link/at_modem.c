/* SPDX-License-Identifier: Apache-2.0 */
#include "link/at_modem.h"

#include "link/at_text.h"

enum {
    SILENCES_UNTIL_LOST = 3, /* commands in a row without an answer */
    STALLS_UNTIL_RESET = 3,  /* the same of a modem that answers a probe: it has lost its way */
    LONGEST_PROBE_PAUSE = 60000,
    START_TIME = 3000,
    FOPTS = 15, /* bytes of MAC commands that an uplink has room for, LoRaWAN 1.0.3, section 4.3.1 */
    BYTES_AT_ONCE = 2 * GLIMPSE_AT_LINE /* of one poll, so that a line that never ends cannot hold it */
};

/* ---- events */

static void tell(glimpse_at_modem *modem, glimpse_link_event_kind kind, glimpse_link_reason reason, uint32_t wait)
{
    if (modem->event_count < GLIMPSE_AT_EVENTS) { /* a line gives three at most, taken before the next is read */
        modem->events[modem->event_count++] =
            (glimpse_link_event){.kind = (uint8_t)kind, .reason = (uint8_t)reason, .wait = wait};
    }
}

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

/* ---- states */

static void enter(glimpse_at_modem *modem, glimpse_at_state state, uint32_t now, uint32_t limit)
{
    modem->state = (uint8_t)state;
    modem->since = now;
    modem->limit = limit;
}

static void say_with(glimpse_at_modem *modem, const char *command, const uint8_t *bytes, size_t count)
{
    const glimpse_at_config *config = &modem->config;
    const glimpse_at_values values = {bytes,           count, config->port, config->data_rate, config->adaptive,
                                      config->confirmed};
    modem->out_written = 0;
    modem->out_count = glimpse_at_format(command, &values, modem->out, sizeof modem->out);
}

static void say(glimpse_at_modem *modem, const char *command)
{
    say_with(modem, command, NULL, 0);
}

static void pause(glimpse_at_modem *modem, uint32_t now, uint32_t time, glimpse_at_state after)
{
    modem->after = (uint8_t)after;
    enter(modem, GLIMPSE_AT_PAUSING, now, time < GLIMPSE_AT_LONGEST_WAIT ? time : GLIMPSE_AT_LONGEST_WAIT);
}

static void probe(glimpse_at_modem *modem, uint32_t now)
{
    enter(modem, GLIMPSE_AT_PROBING, now, GLIMPSE_AT_ANSWER_TIME);
    say(modem, modem->config.dialect->probe);
}

static void ask(glimpse_at_modem *modem, uint32_t now, uint8_t step)
{
    modem->step = step;
    modem->payload = 0;
    enter(modem, GLIMPSE_AT_ASKING, now, GLIMPSE_AT_ANSWER_TIME);
    say(modem, modem->config.dialect->limits[step]);
}

static void join(glimpse_at_modem *modem, uint32_t now)
{
    modem->found = false;
    enter(modem, GLIMPSE_AT_JOINING, now, GLIMPSE_AT_JOIN_TIME);
    say(modem, modem->config.dialect->join);
}

static void reset(glimpse_at_modem *modem, uint32_t now)
{
    modem->stalls = 0;
    enter(modem, GLIMPSE_AT_RESETTING, now, START_TIME);
    say(modem, modem->config.dialect->reset);
}

static void check(glimpse_at_modem *modem, uint32_t now)
{
    if (modem->config.dialect->joined == NULL) {
        join(modem, now);
        return;
    }
    modem->found = false;
    enter(modem, GLIMPSE_AT_CHECKING, now, GLIMPSE_AT_ANSWER_TIME);
    say(modem, modem->config.dialect->joined);
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

static void set(glimpse_at_modem *modem, uint32_t now, uint8_t step)
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
    enter(modem, GLIMPSE_AT_SETTING, now, GLIMPSE_AT_ANSWER_TIME);
    say(modem, settings[step].command);
}

/* What follows a pause or an end. */
static void go(glimpse_at_modem *modem, glimpse_at_state state, uint32_t now)
{
    switch (state) {
    case GLIMPSE_AT_ASKING:
        ask(modem, now, 0);
        break;
    case GLIMPSE_AT_JOINING:
        join(modem, now);
        break;
    case GLIMPSE_AT_SETTING:
        set(modem, now, 0);
        break;
    default:
        probe(modem, now);
        break;
    }
}

static bool transmitting(const glimpse_at_modem *modem)
{
    return modem->state == GLIMPSE_AT_SENDING || modem->state == GLIMPSE_AT_FLUSHING;
}

/* Ends a transmission that did not happen. */
static void fail(glimpse_at_modem *modem, glimpse_link_reason reason, uint32_t wait)
{
    if (modem->state == GLIMPSE_AT_SENDING) {
        tell(modem, GLIMPSE_LINK_FAILED, reason, wait);
    }
}

static void lose(glimpse_at_modem *modem, glimpse_link_reason reason)
{
    fail(modem, reason, 0);
    if (modem->joined) {
        tell(modem, GLIMPSE_LINK_LOST, reason, 0);
    }
    modem->joined = false;
    modem->payload = 0;
}

/* LoRaWAN 1.0.3, section 7 (retransmissions back-off): the join requests of a node that nobody hears stay under 36 s
   of air time in the first hour, 36 s in the ten that follow and 8.7 s a day afterwards. Doubling from 15 s to 5 h
   does that even at SF12, where one lasts 1.5 s. */
static void join_failed(glimpse_at_modem *modem, uint32_t now)
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
    pause(modem, now, time + time / 4 * (modem->random >> 24) / 256, GLIMPSE_AT_JOINING);
}

static void joined(glimpse_at_modem *modem, uint32_t now)
{
    if (!modem->joined) {
        tell(modem, GLIMPSE_LINK_JOINED, GLIMPSE_LINK_NO_REASON, 0);
    }
    modem->joined = true;
    modem->join_tries = 0;
    ask(modem, now, 0);
}

/* ---- what lines mean, by state */

static void refuse(glimpse_at_modem *modem, uint32_t now, uint32_t announced)
{
    const uint32_t time = announced < GLIMPSE_AT_LONGEST_WAIT ? announced : GLIMPSE_AT_LONGEST_WAIT;
    if (transmitting(modem)) {
        fail(modem, GLIMPSE_LINK_BUSY, time);
        pause(modem, now, time, GLIMPSE_AT_ASKING);
    } else if (modem->state == GLIMPSE_AT_JOINING) {
        pause(modem, now, time, GLIMPSE_AT_JOINING);
    } else if (modem->state == GLIMPSE_AT_SETTING) {
        pause(modem, now, time, GLIMPSE_AT_SETTING);
    } else if (modem->state == GLIMPSE_AT_ASKING) {
        pause(modem, now, time, GLIMPSE_AT_ASKING);
    }
    modem->refusal = 0;
}

static void refuse_for_a_time(glimpse_at_modem *modem, uint32_t now, int32_t time)
{
    refuse(modem, now, time > 0 ? (uint32_t)time : GLIMPSE_AT_BUSY_PAUSE);
}

static void ready(glimpse_at_modem *modem, uint32_t now, int32_t payload)
{
    if (payload >= GLIMPSE_MIN_PAYLOAD) {
        modem->payload = (uint8_t)(payload < GLIMPSE_MAX_PAYLOAD ? payload : GLIMPSE_MAX_PAYLOAD);
        enter(modem, GLIMPSE_AT_READY, now, 0);
        tell(modem, GLIMPSE_LINK_READY, GLIMPSE_LINK_NO_REASON, 0);
    } else if (modem->config.dialect->flush != NULL && !modem->flushed) {
        enter(modem, GLIMPSE_AT_FLUSHING, now, GLIMPSE_AT_SEND_TIME);
        modem->started = false;
        say(modem, modem->config.dialect->flush);
    } else { /* no better after flushing: the data rate itself is too slow, until the network changes it */
        modem->flushed = false;
        pause(modem, now, GLIMPSE_AT_FULL_PAUSE, GLIMPSE_AT_ASKING);
    }
}

/* The payload of a data rate where the modem tells no limit. One that is not known is taken for the smallest. */
static uint8_t payload_at(const glimpse_at_modem *modem, int32_t rate)
{
    const glimpse_at_dialect *dialect = modem->config.dialect;
    for (uint8_t i = 0; i < dialect->region_count; i++) {
        if (dialect->regions[i].number == modem->region && rate >= 0 && rate < GLIMPSE_AT_MAX_RATES) {
            return dialect->regions[i].payload[rate];
        }
    }
    return GLIMPSE_MIN_PAYLOAD;
}

/* The modem's own commands may take room that a table knows nothing of. After a packet was too long by the table, and
   until one has left, that much is kept free; the smallest packet is tried all the same. */
static uint8_t with_margin(const glimpse_at_modem *modem, uint8_t payload)
{
    if (!modem->crowded || payload <= GLIMPSE_MIN_PAYLOAD) {
        return payload;
    }
    return (uint8_t)(payload > GLIMPSE_MIN_PAYLOAD + FOPTS ? payload - FOPTS : GLIMPSE_MIN_PAYLOAD);
}

static void sent(glimpse_at_modem *modem, uint32_t now)
{
    if (modem->state == GLIMPSE_AT_SENDING) {
        modem->uplinks++;
        tell(modem, modem->acknowledged ? GLIMPSE_LINK_ACKNOWLEDGED : GLIMPSE_LINK_SENT, GLIMPSE_LINK_NO_REASON, 0);
    }
    modem->stalls = 0;
    modem->crowded = false;
    modem->flushed = modem->state == GLIMPSE_AT_FLUSHING;
    ask(modem, now, 0);
}

static void refused_as_error(glimpse_at_modem *modem, uint32_t now, glimpse_link_reason reason)
{
    modem->refusals++;
    switch (modem->state) {
    case GLIMPSE_AT_PROBING: /* it is there */
    case GLIMPSE_AT_CHECKING:
        pause(modem, now, GLIMPSE_AT_BUSY_PAUSE, GLIMPSE_AT_PROBING);
        break;
    case GLIMPSE_AT_SETTING: /* what cannot be set stays as it is */
        set(modem, now, (uint8_t)(modem->step + 1));
        break;
    case GLIMPSE_AT_JOINING:
        join_failed(modem, now);
        break;
    case GLIMPSE_AT_SENDING:
        modem->crowded = reason == GLIMPSE_LINK_TOO_LONG;
        fail(modem, reason, GLIMPSE_AT_BUSY_PAUSE);
        pause(modem, now, GLIMPSE_AT_BUSY_PAUSE, GLIMPSE_AT_ASKING);
        break;
    case GLIMPSE_AT_FLUSHING:
    case GLIMPSE_AT_ASKING:
        pause(modem, now, GLIMPSE_AT_BUSY_PAUSE, GLIMPSE_AT_ASKING);
        break;
    default:
        break;
    }
}

static void taken(glimpse_at_modem *modem, uint32_t now)
{
    switch (modem->state) {
    case GLIMPSE_AT_PROBING:
        if (modem->joined) {
            ask(modem, now, 0);
        } else {
            set(modem, now, 0);
        }
        break;
    case GLIMPSE_AT_CHECKING:
        if (modem->found) {
            joined(modem, now);
        } else {
            join(modem, now);
        }
        break;
    case GLIMPSE_AT_ASKING:
        if (modem->config.dialect->limits[modem->step + 1] != NULL) {
            ask(modem, now, (uint8_t)(modem->step + 1));
        } else {
            ready(modem, now, modem->payload);
        }
        break;
    default:
        modem->started = transmitting(modem);
        break;
    }
}

/* A number that was asked for. Where an OK follows it, that is waited for. */
static void told(glimpse_at_modem *modem, uint32_t now, glimpse_at_meaning meaning, int32_t number)
{
    if (modem->state != GLIMPSE_AT_ASKING) {
        return;
    }
    if (meaning == GLIMPSE_AT_LIMIT) {
        ready(modem, now, number);
    } else if (meaning == GLIMPSE_AT_REGION) {
        modem->region = number;
    } else {
        modem->payload = with_margin(modem, payload_at(modem, number));
    }
}

static int8_t narrow(int32_t value)
{
    return (int8_t)(value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value);
}

static void note_signal(glimpse_at_modem *modem, const glimpse_at_fields *fields)
{
    modem->rssi = (int16_t)(fields->rssi < -200 ? -200 : fields->rssi > 100 ? 100 : fields->rssi);
    modem->snr = narrow(fields->snr);
}

/* True when the line is a downlink, which is told at once: its bytes lie in the line. */
static bool downlink(glimpse_at_modem *modem, const glimpse_at_fields *fields, glimpse_link_event *event)
{
    if (fields->port < 1 || fields->port > 223 || fields->count == 0 || fields->count > GLIMPSE_MAX_PAYLOAD) {
        modem->strange++;
        return false;
    }
    if (fields->rssi != 0) {
        note_signal(modem, fields);
    }
    modem->downlinks++;
    *event = (glimpse_link_event){.kind = GLIMPSE_LINK_DOWNLINK,
                                  .port = (uint8_t)fields->port,
                                  .bytes = fields->bytes,
                                  .count = fields->count};
    return true;
}

static void restarted(glimpse_at_modem *modem, uint32_t now)
{
    lose(modem, GLIMPSE_LINK_RESTARTED);
    pause(modem, now, START_TIME, GLIMPSE_AT_PROBING);
}

static void not_joined(glimpse_at_modem *modem, uint32_t now)
{
    if (transmitting(modem) || modem->state == GLIMPSE_AT_ASKING) {
        lose(modem, GLIMPSE_LINK_NOT_JOINED);
        set(modem, now, 0);
    }
}

static void act(glimpse_at_modem *modem, uint32_t now, glimpse_at_meaning meaning, const glimpse_at_fields *fields)
{
    switch (meaning) {
    case GLIMPSE_AT_OK:
    case GLIMPSE_AT_STARTED:
        taken(modem, now);
        break;
    case GLIMPSE_AT_ERROR:
        refused_as_error(modem, now, GLIMPSE_LINK_REFUSED);
        break;
    case GLIMPSE_AT_TOO_LONG:
    case GLIMPSE_AT_RATE_TOO_SLOW:
        refused_as_error(modem, now, GLIMPSE_LINK_TOO_LONG);
        break;
    case GLIMPSE_AT_BUSY:
        refuse(modem, now, modem->refusal > 0 ? modem->refusal : GLIMPSE_AT_BUSY_PAUSE);
        break;
    case GLIMPSE_AT_WAIT:
        refuse_for_a_time(modem, now, fields->number);
        break;
    case GLIMPSE_AT_WAIT_FOLLOWS:
        modem->refusal = fields->number > 0 ? (uint32_t)fields->number : 0;
        break;
    case GLIMPSE_AT_NOT_JOINED:
        not_joined(modem, now);
        break;
    case GLIMPSE_AT_JOINED:
        modem->found = true;
        if (modem->state == GLIMPSE_AT_JOINING) {
            joined(modem, now);
        }
        break;
    case GLIMPSE_AT_GOT_JOINED:
        modem->found = true;
        break;
    case GLIMPSE_AT_JOIN_FAILED:
        if (modem->state == GLIMPSE_AT_JOINING) {
            join_failed(modem, now);
        }
        break;
    case GLIMPSE_AT_GOT_ACKNOWLEDGED:
        modem->acknowledged = true;
        break;
    case GLIMPSE_AT_DONE_ACKNOWLEDGED:
    case GLIMPSE_AT_DONE:
        if (modem->state == GLIMPSE_AT_JOINING) {
            if (modem->found) {
                joined(modem, now);
            } else {
                join_failed(modem, now);
            }
        } else if (transmitting(modem) && modem->started) {
            modem->acknowledged = modem->acknowledged || meaning == GLIMPSE_AT_DONE_ACKNOWLEDGED;
            sent(modem, now);
        }
        break;
    case GLIMPSE_AT_LIMIT:
    case GLIMPSE_AT_REGION:
    case GLIMPSE_AT_RATE:
        told(modem, now, meaning, fields->number);
        break;
    case GLIMPSE_AT_SIGNAL:
        note_signal(modem, fields);
        break;
    case GLIMPSE_AT_RESTARTED:
        restarted(modem, now);
        break;
    default:
        break;
    }
}

/* True when the line is a downlink. */
static bool understand(glimpse_at_modem *modem, uint32_t now, glimpse_link_event *event)
{
    const glimpse_at_dialect *dialect = modem->config.dialect;
    glimpse_at_fields fields = {0};
    /* a refusal starts as a setting that is taken: "+ADR: ERROR(-1)" */
    if (modem->state == GLIMPSE_AT_SETTING && !glimpse_at_scan("+%w: ERROR(", modem->line, &fields) &&
        glimpse_at_scan(dialect->settings[modem->step].taken, modem->line, &fields)) {
        modem->silences = 0;
        set(modem, now, (uint8_t)(modem->step + 1));
        return false;
    }
    for (const glimpse_at_answer *answer = dialect->answers; answer->pattern != NULL; answer++) {
        fields = (glimpse_at_fields){0};
        if (glimpse_at_scan(answer->pattern, modem->line, &fields)) {
            modem->silences = 0;
            if (answer->meaning == GLIMPSE_AT_DOWNLINK) {
                return downlink(modem, &fields, event);
            }
            act(modem, now, (glimpse_at_meaning)answer->meaning, &fields);
            return false;
        }
    }
    return false;
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
    pause(modem, now, time < LONGEST_PROBE_PAUSE ? time : LONGEST_PROBE_PAUSE, GLIMPSE_AT_PROBING);
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
        lose(modem, GLIMPSE_LINK_SILENT);
        reset(modem, now);
        return;
    }
    if (modem->silences >= SILENCES_UNTIL_LOST) {
        lose(modem, GLIMPSE_LINK_SILENT);
    } else {
        fail(modem, GLIMPSE_LINK_SILENT, 0);
    }
    if (modem->state == GLIMPSE_AT_JOINING) {
        join_failed(modem, now);
        modem->after = GLIMPSE_AT_PROBING; /* it may be gone */
    } else {
        probe_later(modem, now);
    }
}

static void time_is_up(glimpse_at_modem *modem, uint32_t now)
{
    if (modem->state == GLIMPSE_AT_PAUSING) {
        go(modem, (glimpse_at_state)modem->after, now);
    } else if (modem->state == GLIMPSE_AT_RESETTING) {
        probe(modem, now);
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
    enter(modem, GLIMPSE_AT_SENDING, now, confirmed ? GLIMPSE_AT_SEND_CONFIRMED_TIME : GLIMPSE_AT_SEND_TIME);
    say_with(modem, confirmed ? modem->config.dialect->send_confirmed : modem->config.dialect->send, packet, count);
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
            if (collect(modem, byte) && understand(modem, now, event)) {
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
        reset(modem, now);
    } else {
        probe(modem, now);
    }
    return GLIMPSE_OK;
}
