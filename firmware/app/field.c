/* SPDX-License-Identifier: Apache-2.0 */
#include "app/field.h"

#include <string.h>

#include "app/duty.h"
#include "app/field_frame.h"
#include "app/models.h"
#include "app/prior.h"
#include "app/protocol.h"
#include "app/remote.h"
#include "app/report.h"
#include "app/sealing.h"
#include "app/update.h"
#include "core/crc.h"
#include "core/status.h"
#include "link/at_modem.h"
#include "ports/port.h"

enum {
    RETRY_MS = 60000,           /* after what nobody can help: flash that refuses, a payload too small */
    SIGN_OF_LIFE_MS = 86400000, /* class A hears only after it has spoken */
    REBOOT_PATIENCE_MS = 600000,
    PROMPTS = 3 /* until the receiver says something */
};

#define PROMPT                                                                                                         \
    (GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_TRIGGER) | GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_AGE) |                             \
     GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_LINK))

typedef enum { NOTHING, FRAME, REPORT } flight;

static field_parts parts;
static glimpse_at_modem modem;
static bool on;
static bool started;    /* since the modem was set, a photo has been taken or none is wanted */
static uint8_t prompts; /* how often the receiver has been told that all of it was sent */
static bool all_told;   /* the receiver has said what it has */
static uint8_t flying;  /* flight */
static size_t flying_bytes;
static glimpse_telemetry report; /* what is still to be said of it */
static uint32_t report_before;   /* `present` before the packet that flies */
static bool reboot;
static bool woken;  /* by the wake pin: a photo is due */
static bool rested; /* asked for a packet, it had none */
static uint64_t reboot_by, next_photo, last_sent, not_before;
static uint32_t rate, beside; /* of the next packet: data rate, and bytes that go with it */

static const glimpse_at_dialect *dialect_of(uint8_t number)
{
    return number == NODE_MODEM_E5 ? &glimpse_at_lora_e5 : number == NODE_MODEM_RAK3172 ? &glimpse_at_rak3172 : NULL;
}

/* ---- the modem */

static size_t read_line(void *context, uint8_t *bytes, size_t capacity)
{
    (void)context;
    return port_modem_read(bytes, capacity);
}

static size_t write_line(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    return port_modem_write(bytes, count);
}

static int start_modem(uint64_t now)
{
    node_settings *const settings = parts.settings;
    const node_link *const link = &settings->link;
    const node_security *const security = &settings->security;
    const glimpse_at_config config = {
        .dialect = dialect_of(link->dialect),
        .stream = {NULL, read_line, write_line},
        .port = link->port,
        .data_rate = link->data_rate,
        .adaptive = (link->flags & NODE_MODEM_ADAPTIVE) != 0,
        .confirmed = (link->flags & NODE_MODEM_CONFIRMED) != 0,
        .seed = settings->boots ^ glimpse_crc32(0, security->device, sizeof security->device) ^ port_counter(),
    };
    if (!port_modem_open(config.dialect->baud)) {
        return GLIMPSE_ERROR_SOURCE;
    }
    const int status = duty_begin(settings, now);
    return status == GLIMPSE_OK ? glimpse_at_modem_begin(&modem, &config, (uint32_t)now) : status;
}

static void start(void)
{
    const uint64_t now = port_millis();
    on = parts.settings->link.dialect != NODE_MODEM_NONE && start_modem(now) == GLIMPSE_OK;
    started = reboot = false;
    field_frame_end();
    flying = NOTHING;
    next_photo = last_sent = not_before = now;
    report_begin(&report, parts.settings,
                 GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_NODE) | GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_ANSWER));
}

void field_begin(const field_parts *shared)
{
    parts = *shared;
    field_frame_use(&parts);
    start();
}

static bool is_possible(const node_link *link)
{
    const glimpse_region *const region = glimpse_region_numbered(link->region);
    const uint32_t many_downlinks = NODE_MODEM_CONFIRMED | NODE_MODEM_FAIR_USE; /* which has 10 a day */
    const uint32_t flags = NODE_MODEM_ADAPTIVE | many_downlinks;
    return dialect_of(link->dialect) != NULL && link->port >= 1 && link->port <= 223 && region != NULL &&
           region->kind == GLIMPSE_LINK_LORAWAN && (link->flags & ~flags) == 0 &&
           (link->flags & many_downlinks) != many_downlinks &&
           (link->data_rate < region->rates || link->data_rate == GLIMPSE_AT_KEEP_RATE) &&
           (link->source == NODE_SOURCE_CAMERA || link->source == NODE_SOURCE_PATTERN);
}

int field_set_modem(const uint8_t *body)
{
    const node_link before = parts.settings->link;
    node_link link = before;
    link.dialect = body[0];
    link.port = body[1];
    link.data_rate = body[2];
    link.flags = body[3];
    link.region = body[4];
    link.source = body[5];
    if (link.dialect != NODE_MODEM_NONE && !is_possible(&link)) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    if (link.dialect == NODE_MODEM_NONE) { /* the rules of what was sent stay with it */
        link = before;
        link.dialect = NODE_MODEM_NONE;
    } else if (before.known != NODE_DUTY_UNUSED &&
               (link.region != before.region || ((link.flags ^ before.flags) & NODE_MODEM_FAIR_USE) != 0)) {
        link.known = NODE_DUTY_UNKNOWN;
    }
    parts.settings->link = link;
    field_drop_frame();
    start();
    const bool running = on || link.dialect == NODE_MODEM_NONE;
    if (running && node_settings_save(parts.settings)) {
        return GLIMPSE_OK;
    }
    parts.settings->link = before;
    start();
    return running ? GLIMPSE_ERROR_STORAGE : GLIMPSE_ERROR_SOURCE;
}

/* ---- photos */

static bool is_due(uint64_t now)
{
    return woken || (parts.settings->remote.period > 0 && (!started || now >= next_photo));
}

static void take_photo(uint64_t now, size_t room)
{
    const uint64_t period = 1000ull * parts.settings->remote.period;
    const uint8_t trigger = woken                              ? GLIMPSE_TRIGGER_BUTTON
                            : parts.settings->remote.quiet > 0 ? GLIMPSE_TRIGGER_CHANGE
                            : !started                         ? GLIMPSE_TRIGGER_START
                                                               : GLIMPSE_TRIGGER_SCHEDULE;
    next_photo = !started || woken || now - next_photo >= period ? now + period : next_photo + period;
    started = true;
    if (field_frame_take(now, room, woken, trigger)) {
        prompts = 0;
    }
    (void)port_take_wake(); /* the pin may have bounced meanwhile */
    woken = false;
    rested = false;
}

/* ---- downlinks */

/* The first run of a downlink begins another acknowledgement. */
static void is_known(void *context, uint32_t first, uint32_t count)
{
    prior_acknowledge(field_frame_number(), (glimpse_run){first, count}, !all_told);
    all_told = true;
    (void)glimpse_schedule_known(context, first, count);
}

static void is_wanted(void *context, const glimpse_area *area)
{
    (void)glimpse_schedule_want(context, area->top, area->bottom, area->left, area->right);
}

static void is_more(void *context, uint32_t bytes)
{
    glimpse_schedule *const schedule = context;
    uint32_t *const left = parts.job->sealed ? &parts.job->sealed_left : &schedule->budget;
    *left = *left < UINT32_MAX - bytes ? *left + bytes : UINT32_MAX;
}

/* What lies behind the rank is taken for known: it is not wanted. */
static void is_more_to(void *context, uint32_t rank)
{
    glimpse_schedule *const schedule = context;
    schedule->budget = UINT32_MAX;
    parts.job->sealed_left = UINT32_MAX;
    (void)glimpse_schedule_known(schedule, rank + 1u, glimpse_codec_symbols(schedule->packer.codec) - rank - 1u);
}

static void is_enough(void *context)
{
    glimpse_schedule_stop(context);
}

static void take_downlink(const glimpse_link_event *event, uint64_t now)
{
    glimpse_schedule *const schedule = parts.job->schedule;
    const remote_frame target = {.codec = &models_encoder()->model->codec,
                                 .frame = field_frame_number(),
                                 .context = schedule,
                                 .known = is_known,
                                 .want = is_wanted,
                                 .more = is_more,
                                 .more_to = is_more_to,
                                 .stop = is_enough};
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    int length = (int)event->count;
    remote_outcome outcome;
    glimpse_budget_downlink(duty_budget(), now);
    report_signal(rate, modem.rssi, modem.snr);
    if (event->count > sizeof packet) {
        return;
    }
    memcpy(packet, event->bytes, event->count);
    if (node_sealing_on()) {
        length = node_sealing_open(packet, event->count, packet);
    }
    all_told = false;
    if (length < 0 ||
        remote_take(parts.settings, field_frame_is_sending() ? &target : NULL, packet, (size_t)length, &outcome) < 0) {
        return; /* not for this node, or damaged: nobody waits for an answer */
    }
    if (outcome.model_changed) {
        prior_forget();
        field_frame_end();
    } else if (outcome.whole) {
        field_send_whole();
    }
    if (field_frame_is_sending()) {
        if (all_told) {
            glimpse_schedule_lost(schedule);
        }
        prompts = PROMPTS;
        not_before = now; /* what there was to wait for may have changed */
    }
    if (outcome.report != 0) {
        report_begin(&report, parts.settings, outcome.report | report.present);
    }
    if (outcome.reboot) {
        reboot = true;
        reboot_by = now + REBOOT_PATIENCE_MS;
    }
}

/* ---- sending */

/* The data rate by which airtime is counted: the one that was set, as long as the modem offers what that has; else the
   slowest that could offer so much. What the modem keeps free it sends itself, and the seal goes on the air too. */
static void tune(size_t room)
{
    const node_link *const link = &parts.settings->link;
    const glimpse_region *const region = duty_budget()->region;
    const bool fixed = (link->flags & NODE_MODEM_ADAPTIVE) == 0 && link->data_rate != GLIMPSE_AT_KEEP_RATE;
    uint32_t whole = fixed ? glimpse_region_payload(region, link->data_rate, 0, false) : 0;
    rate = link->data_rate;
    if (!fixed || room > whole || whole - room > GLIMPSE_MAX_FOPTS) {
        rate = 0;
        while (rate + 1u < region->rates && glimpse_region_payload(region, rate, 0, false) < room) {
            ++rate;
        }
        whole = glimpse_region_payload(region, rate, 0, false);
    }
    beside = whole > room ? (uint32_t)(whole - room) : 0;
    beside += node_sealing_on() ? GLIMPSE_SEAL_COST_BYTES : 0;
    beside = beside < GLIMPSE_MAX_FOPTS ? beside : GLIMPSE_MAX_FOPTS;
}

static int next_of_report(uint64_t now, size_t room, uint8_t *packet)
{
    const uint8_t most = parts.settings->remote.payload;
    const size_t payload = most > 0 && most < room ? most : room;
    const size_t seal = node_sealing_on() ? GLIMPSE_SEAL_COST_BYTES : 0;
    const size_t least = node_sealing_on() ? GLIMPSE_MIN_SEALED_PAYLOAD : GLIMPSE_MIN_PAYLOAD;
    const uint32_t before = report.present;
    uint32_t band;
    if (payload < least) {
        return GLIMPSE_ERROR_PAYLOAD;
    }
    const int length = report_next(&report, payload - seal, packet);
    if (length <= 0) {
        return length;
    }
    const uint32_t airtime = glimpse_region_airtime(duty_budget()->region, rate, (uint32_t)length, beside);
    const uint64_t when = glimpse_budget_earliest_any(duty_budget(), airtime, now, &band);
    if (when == now) {
        glimpse_budget_spend(duty_budget(), band, airtime, now);
    }
    if (when != now || !duty_keep(band, airtime, now)) {
        report_take_back(&report, before);
        not_before = when > now && when != GLIMPSE_NEVER ? when : now + RETRY_MS;
        return 0;
    }
    const int sealed = seal > 0 ? node_sealing_close(packet, (size_t)length, payload) : length;
    if (sealed < 0) {
        report_take_back(&report, before);
    }
    flying = REPORT;
    report_before = before;
    return sealed;
}

static int next_of_frame(uint64_t now, size_t room, uint8_t *packet)
{
    glimpse_schedule *const schedule = parts.job->schedule;
    const size_t payload = room < parts.job->request.payload ? room : parts.job->request.payload;
    if (parts.job->sealed && payload < GLIMPSE_MIN_SEALED_PAYLOAD) {
        return GLIMPSE_ERROR_PAYLOAD;
    }
    int status = glimpse_schedule_link(schedule, duty_budget(), rate, beside, false);
    if (status == GLIMPSE_OK) {
        status = frame_job_packet_now(parts.job, now, room, packet);
    }
    if (status > 0 && !duty_keep(schedule->band, schedule->airtime_us, now)) {
        frame_job_failed(parts.job, (size_t)status);
        status = GLIMPSE_ERROR_STORAGE;
    }
    if (status == 0 && !schedule->done) {
        not_before = schedule->again < now + RETRY_MS ? schedule->again : now + RETRY_MS;
    } else if (status == 0 && prompts < PROMPTS && glimpse_budget_downlinks(duty_budget(), now) > 0) {
        /* A class A node hears only after it has spoken: the receiver may now say what it lacks, if it may speak. */
        ++prompts;
        report_begin(&report, parts.settings, PROMPT);
    }
    if (status > 0) {
        prompts = 0;
        flying = FRAME;
    }
    return status;
}

static void fly_again(void)
{
    if (flying == FRAME && field_frame_is_sending()) {
        frame_job_failed(parts.job, flying_bytes);
    } else if (flying == REPORT) {
        report_take_back(&report, report_before);
    }
    flying = NOTHING;
}

static void send_next(uint64_t now, size_t room)
{
    uint8_t *const packet = parts.row_or_packet;
    int length = 0;
    tune(room);
    if (report.present != 0) {
        length = next_of_report(now, room, packet);
    } else if (field_frame_is_sending()) {
        length = next_of_frame(now, room, packet);
    }
    if (length < 0) {
        not_before = now + RETRY_MS;
    }
    if (length <= 0) {
        flying = NOTHING;
        rested = length == 0 && report.present == 0 && (!field_frame_is_sending() || parts.job->schedule->done);
        return;
    }
    if (flying == FRAME) {
        node_update_proven();
    }
    flying_bytes = (size_t)length;
    last_sent = now;
    if (glimpse_link_send(&modem.link, (uint32_t)now, packet, flying_bytes) != GLIMPSE_OK) {
        fly_again();
    }
}

static void take_event(const glimpse_link_event *event, uint64_t now)
{
    switch (event->kind) {
    case GLIMPSE_LINK_READY:
        if (field_frame_is_sending()) {
            glimpse_schedule_ready(parts.job->schedule);
        }
        break;
    case GLIMPSE_LINK_SENT:
    case GLIMPSE_LINK_ACKNOWLEDGED:
        flying = NOTHING;
        break;
    case GLIMPSE_LINK_FAILED:
        fly_again();
        not_before = now + event->wait;
        break;
    case GLIMPSE_LINK_DOWNLINK:
        take_downlink(event, now);
        break;
    default:
        break;
    }
}

void field_poll(void)
{
    const uint64_t now = port_millis();
    glimpse_link_event event;
    woken = port_take_wake() || woken;
    if (!on) {
        woken = false;
        return;
    }
    while (glimpse_link_poll(&modem.link, (uint32_t)now, &event) > 0) {
        take_event(&event, now);
        rested = false;
    }
    if (reboot && ((flying == NOTHING && report.present == 0) || now >= reboot_by)) {
        port_reset();
    }
    const size_t room = glimpse_link_payload(&modem.link);
    if (room == 0 || flying != NOTHING) {
        return;
    }
    if (is_due(now)) {
        take_photo(now, room); /* only with a network that could carry it; the modem is silent meanwhile */
        not_before = now;
        return;
    }
    if (now - last_sent >= SIGN_OF_LIFE_MS && report.present == 0) {
        report_begin(&report, parts.settings, GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_NODE));
    }
    if (now >= not_before) {
        send_next(now, room);
    }
}

/* While the modem waits for its next command, or for its own pause to end. */
static uint64_t modem_idle_until(uint64_t now)
{
    if (modem.out_written < modem.out_count || modem.line_count > 0 || modem.event_count > 0 || modem.more) {
        return now;
    }
    if (modem.state == GLIMPSE_AT_PAUSING) {
        const uint32_t passed = (uint32_t)now - modem.since;
        return passed < modem.limit ? now + modem.limit - passed : now;
    }
    return modem.state == GLIMPSE_AT_READY ? UINT64_MAX : now;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t field_idle_until(void)
{
    const uint64_t now = port_millis();
    if (!on) {
        return UINT64_MAX;
    }
    uint64_t until = modem_idle_until(now);
    if (reboot || flying != NOTHING) {
        return now;
    }
    if (glimpse_link_payload(&modem.link) > 0) {
        const uint64_t by_period = parts.settings->remote.period == 0 ? UINT64_MAX : started ? next_photo : now;
        const uint64_t photo = woken ? now : by_period;
        until = earlier(until, earlier(photo, last_sent + SIGN_OF_LIFE_MS));
        until = earlier(until, rested ? UINT64_MAX : not_before);
    }
    return until;
}
