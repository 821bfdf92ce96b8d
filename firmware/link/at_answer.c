/* SPDX-License-Identifier: Apache-2.0 */
#include "link/at_answer.h"

#include "core/region.h"
#include "link/at_step.h"
#include "link/at_text.h"

static void refuse(glimpse_at_modem *modem, uint32_t now, uint32_t announced)
{
    const uint32_t time = announced < GLIMPSE_AT_LONGEST_WAIT ? announced : GLIMPSE_AT_LONGEST_WAIT;
    if (glimpse_at_transmitting(modem)) {
        glimpse_at_fail(modem, GLIMPSE_LINK_BUSY, time);
        glimpse_at_pause(modem, now, time, GLIMPSE_AT_ASKING);
    } else if (modem->state == GLIMPSE_AT_JOINING) {
        glimpse_at_pause(modem, now, time, GLIMPSE_AT_JOINING);
    } else if (modem->state == GLIMPSE_AT_SETTING) {
        glimpse_at_pause(modem, now, time, GLIMPSE_AT_SETTING);
    } else if (modem->state == GLIMPSE_AT_ASKING) {
        glimpse_at_pause(modem, now, time, GLIMPSE_AT_ASKING);
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
        glimpse_at_enter(modem, GLIMPSE_AT_READY, now, 0);
        glimpse_at_tell(modem, GLIMPSE_LINK_READY, GLIMPSE_LINK_NO_REASON, 0);
    } else if (modem->config.dialect->flush != NULL && !modem->flushed) {
        glimpse_at_enter(modem, GLIMPSE_AT_FLUSHING, now, GLIMPSE_AT_SEND_TIME);
        modem->started = false;
        glimpse_at_say(modem, modem->config.dialect->flush);
    } else { /* no better after flushing: the data rate itself is too slow, until the network changes it */
        modem->flushed = false;
        glimpse_at_pause(modem, now, GLIMPSE_AT_FULL_PAUSE, GLIMPSE_AT_ASKING);
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
    return (uint8_t)(payload > GLIMPSE_MIN_PAYLOAD + GLIMPSE_MAX_FOPTS ? payload - GLIMPSE_MAX_FOPTS
                                                                       : GLIMPSE_MIN_PAYLOAD);
}

static void sent(glimpse_at_modem *modem, uint32_t now)
{
    if (modem->state == GLIMPSE_AT_SENDING) {
        modem->uplinks++;
        glimpse_at_tell(modem, modem->acknowledged ? GLIMPSE_LINK_ACKNOWLEDGED : GLIMPSE_LINK_SENT,
                        GLIMPSE_LINK_NO_REASON, 0);
    }
    modem->stalls = 0;
    modem->crowded = false;
    modem->flushed = modem->state == GLIMPSE_AT_FLUSHING;
    glimpse_at_ask(modem, now, 0);
}

static void refused_as_error(glimpse_at_modem *modem, uint32_t now, glimpse_link_reason reason)
{
    modem->refusals++;
    switch (modem->state) {
    case GLIMPSE_AT_PROBING: /* it is there */
    case GLIMPSE_AT_CHECKING:
        glimpse_at_pause(modem, now, GLIMPSE_AT_BUSY_PAUSE, GLIMPSE_AT_PROBING);
        break;
    case GLIMPSE_AT_SETTING: /* what cannot be set stays as it is */
        glimpse_at_configure(modem, now, (uint8_t)(modem->step + 1));
        break;
    case GLIMPSE_AT_JOINING:
        glimpse_at_join_failed(modem, now);
        break;
    case GLIMPSE_AT_SENDING:
        modem->crowded = reason == GLIMPSE_LINK_TOO_LONG;
        glimpse_at_fail(modem, reason, GLIMPSE_AT_BUSY_PAUSE);
        glimpse_at_pause(modem, now, GLIMPSE_AT_BUSY_PAUSE, GLIMPSE_AT_ASKING);
        break;
    case GLIMPSE_AT_FLUSHING:
    case GLIMPSE_AT_ASKING:
        glimpse_at_pause(modem, now, GLIMPSE_AT_BUSY_PAUSE, GLIMPSE_AT_ASKING);
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
            glimpse_at_ask(modem, now, 0);
        } else {
            glimpse_at_configure(modem, now, 0);
        }
        break;
    case GLIMPSE_AT_CHECKING:
        if (modem->found) {
            glimpse_at_found_network(modem, now);
        } else {
            glimpse_at_join(modem, now);
        }
        break;
    case GLIMPSE_AT_ASKING:
        if (modem->config.dialect->limits[modem->step + 1] != NULL) {
            glimpse_at_ask(modem, now, (uint8_t)(modem->step + 1));
        } else {
            ready(modem, now, modem->payload);
        }
        break;
    default:
        modem->started = glimpse_at_transmitting(modem);
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
    *event = (glimpse_link_event){
        .kind = GLIMPSE_LINK_DOWNLINK, .port = (uint8_t)fields->port, .bytes = fields->bytes, .count = fields->count};
    return true;
}

static void restarted(glimpse_at_modem *modem, uint32_t now)
{
    glimpse_at_lose(modem, GLIMPSE_LINK_RESTARTED);
    glimpse_at_pause(modem, now, GLIMPSE_AT_START_TIME, GLIMPSE_AT_PROBING);
}

static void not_joined(glimpse_at_modem *modem, uint32_t now)
{
    if (glimpse_at_transmitting(modem) || modem->state == GLIMPSE_AT_ASKING) {
        glimpse_at_lose(modem, GLIMPSE_LINK_NOT_JOINED);
        glimpse_at_configure(modem, now, 0);
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
            glimpse_at_found_network(modem, now);
        }
        break;
    case GLIMPSE_AT_GOT_JOINED:
        modem->found = true;
        break;
    case GLIMPSE_AT_JOIN_FAILED:
        if (modem->state == GLIMPSE_AT_JOINING) {
            glimpse_at_join_failed(modem, now);
        }
        break;
    case GLIMPSE_AT_GOT_ACKNOWLEDGED:
        modem->acknowledged = true;
        break;
    case GLIMPSE_AT_DONE_ACKNOWLEDGED:
    case GLIMPSE_AT_DONE:
        if (modem->state == GLIMPSE_AT_JOINING) {
            if (modem->found) {
                glimpse_at_found_network(modem, now);
            } else {
                glimpse_at_join_failed(modem, now);
            }
        } else if (glimpse_at_transmitting(modem) && modem->started) {
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
bool glimpse_at_understand(glimpse_at_modem *modem, uint32_t now, glimpse_link_event *event)
{
    const glimpse_at_dialect *dialect = modem->config.dialect;
    glimpse_at_fields fields = {0};
    /* a refusal starts as a setting that is taken: "+ADR: ERROR(-1)" */
    if (modem->state == GLIMPSE_AT_SETTING && !glimpse_at_scan("+%w: ERROR(", modem->line, &fields) &&
        glimpse_at_scan(dialect->settings[modem->step].taken, modem->line, &fields)) {
        modem->silences = 0;
        glimpse_at_configure(modem, now, (uint8_t)(modem->step + 1));
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
