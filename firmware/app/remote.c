/* SPDX-License-Identifier: Apache-2.0 */
#include "app/remote.h"

#include "app/field.h"
#include "app/models.h"
#include "app/trial.h"
#include "core/status.h"
#include "ports/port.h"

/* What one packet asks for, gathered before anything is done. */
typedef struct {
    glimpse_settings wanted;
    bool has_settings;
    bool has_slot; /* one of them is the model's */
    bool reboot;
    bool status;
    bool whole;
    bool answer; /* somebody waits for one */
    glimpse_answer_result result;
    uint8_t command; /* that the result is about */
} request;

/* The first that went wrong is reported; but before all, that settings were refused. */
static void note(request *r, int result, uint8_t command)
{
    const bool refused = result == GLIMPSE_ANSWER_RANGE || result == GLIMPSE_ANSWER_STORAGE;
    const bool was_refused = r->result == GLIMPSE_ANSWER_RANGE || r->result == GLIMPSE_ANSWER_STORAGE;
    if (result != GLIMPSE_ANSWER_DONE && (r->result == GLIMPSE_ANSWER_DONE || (refused && !was_refused))) {
        r->result = (glimpse_answer_result)result;
        r->command = command;
    }
}

static bool is_about_frame(uint8_t type)
{
    return type >= GLIMPSE_COMMAND_HAVE && type <= GLIMPSE_COMMAND_LAST_OF_FRAME;
}

static void gather(request *r, glimpse_downlink downlink)
{
    glimpse_command command;
    while (glimpse_downlink_next(&downlink, &command) > 0) {
        const uint8_t type = command.field.type;
        note(r, command.result, type);
        const bool silent = is_about_frame(type) || type == GLIMPSE_COMMAND_WHOLE; /* the next packets answer */
        r->answer = r->answer || !silent || command.result != GLIMPSE_ANSWER_DONE;
        if (command.result != GLIMPSE_ANSWER_DONE || is_about_frame(type)) {
            continue;
        }
        if (type == GLIMPSE_COMMAND_STATUS) {
            r->status = true;
        } else if (type == GLIMPSE_COMMAND_REBOOT) {
            r->reboot = true;
        } else if (type == GLIMPSE_COMMAND_WHOLE) {
            r->whole = true;
        } else {
            r->has_settings = true;
            r->has_slot = r->has_slot || type == GLIMPSE_SETTING_SLOT;
            if (glimpse_settings_take(&r->wanted, &command.field) < 0) {
                note(r, GLIMPSE_ANSWER_RANGE, type);
            }
        }
    }
}

static bool is_refused(const request *r)
{
    return r->result == GLIMPSE_ANSWER_RANGE || r->result == GLIMPSE_ANSWER_STORAGE;
}

/* Settings, reboot and sequence number in one record: all of them are there after a power cut, or none. */
static void commit(request *r, node_settings *settings, bool *model_changed)
{
    const uint8_t slot = models_slot(); /* not that of the settings when that one went bad */
    const bool other_model = r->has_slot && !is_refused(r) && r->wanted.slot != slot;
    if (other_model && models_use(r->wanted.slot) != GLIMPSE_OK) {
        note(r, GLIMPSE_ANSWER_RANGE, GLIMPSE_SETTING_SLOT);
    }
    if (r->has_settings && !is_refused(r) && !field_has_room(&r->wanted)) {
        note(r, GLIMPSE_ANSWER_RANGE,
             r->wanted.prior > 0    ? GLIMPSE_SETTING_PRIOR
             : r->wanted.parity > 0 ? GLIMPSE_SETTING_PARITY
                                    : GLIMPSE_SETTING_PARITY_FIRST);
        if (models_slot() != slot) {
            (void)models_use(slot);
        }
    }
    node_settings next = *settings;
    next.answer.result = (uint8_t)r->result;
    next.answer.command = r->command;
    if (r->has_settings && !is_refused(r)) {
        next.remote = r->wanted;
        trial_switch(&next, slot, models_slot());
    }
    const bool to_be_kept = r->reboot || (r->has_settings && !is_refused(r));
    if (to_be_kept && !node_settings_save(&next)) {
        if (models_slot() != slot) {
            (void)models_use(slot);
        }
        r->reboot = false;
        note(r, GLIMPSE_ANSWER_STORAGE, 0);
        next.remote = settings->remote;
        next.update = settings->update;
        next.answer.result = (uint8_t)r->result;
        next.answer.command = r->command;
    }
    *settings = next;
    *model_changed = models_slot() != slot; /* not when flash refused and the one before is back */
}

static int have(const remote_frame *frame, const glimpse_field *field)
{
    glimpse_runs_reader runs;
    glimpse_run run;
    if (glimpse_runs_begin(&runs, field->value, field->length, glimpse_codec_symbols(frame->codec)) != GLIMPSE_OK) {
        return GLIMPSE_ANSWER_MALFORMED;
    }
    while (glimpse_runs_next(&runs, &run) > 0) {
        frame->known(frame->context, run.first, run.count);
    }
    return GLIMPSE_ANSWER_DONE;
}

static int more_here(const remote_frame *frame, glimpse_area region)
{
    if (region.top >= frame->codec->height || region.left >= frame->codec->width) {
        return GLIMPSE_ANSWER_MALFORMED;
    }
    region.bottom = region.bottom < frame->codec->height ? region.bottom : frame->codec->height;
    region.right = region.right < frame->codec->width ? region.right : frame->codec->width;
    frame->want(frame->context, &region);
    return GLIMPSE_ANSWER_DONE;
}

/* Returns a glimpse_answer_result. */
static int steer(const remote_frame *frame, const glimpse_command *command)
{
    switch (command->field.type) {
    case GLIMPSE_COMMAND_HAVE:
        return have(frame, &command->field);
    case GLIMPSE_COMMAND_ENOUGH:
        frame->stop(frame->context);
        return GLIMPSE_ANSWER_DONE;
    case GLIMPSE_COMMAND_MORE:
        frame->more(frame->context, command->number);
        return GLIMPSE_ANSWER_DONE;
    case GLIMPSE_COMMAND_MORE_TO:
        if (command->number >= glimpse_codec_symbols(frame->codec)) {
            return GLIMPSE_ANSWER_MALFORMED;
        }
        frame->more_to(frame->context, command->number);
        return GLIMPSE_ANSWER_DONE;
    default:
        return more_here(frame, command->region);
    }
}

static bool is_meant(const remote_frame *frame, const glimpse_downlink_header *header)
{
    return frame != NULL && header->model == frame->codec->model && header->frame == frame->frame &&
           header->revision == (frame->codec->revision & 1u);
}

static void steer_frame(request *r, const remote_frame *frame, glimpse_downlink downlink)
{
    const bool meant = is_meant(frame, &downlink.header);
    glimpse_command command;
    while (glimpse_downlink_next(&downlink, &command) > 0) {
        if (is_about_frame(command.field.type) && command.result == GLIMPSE_ANSWER_DONE) {
            const int result = meant ? steer(frame, &command) : GLIMPSE_ANSWER_FRAME;
            r->answer = r->answer || result == GLIMPSE_ANSWER_MALFORMED;
            note(r, result, command.field.type);
        }
    }
}

/* Of 14 bits, which wrap: after the last one, by less than half of all numbers. */
static bool is_new(const node_settings *settings, uint16_t sequence)
{
    const uint32_t ahead = ((uint32_t)sequence - settings->answer.sequence) & GLIMPSE_MAX_SEQUENCE;
    return !settings->answered || (ahead != 0 && ahead <= GLIMPSE_MAX_SEQUENCE / 2);
}

int remote_take(node_settings *settings, const remote_frame *frame, const uint8_t *packet, size_t length,
                remote_outcome *outcome)
{
    glimpse_downlink downlink;
    const int status = glimpse_downlink_read(packet, length, &downlink);
    *outcome = (remote_outcome){.report = 0};
    if (status != GLIMPSE_OK) {
        return status;
    }
    request r = {.wanted = settings->remote};
    gather(&r, downlink);
    if (is_new(settings, downlink.header.sequence)) {
        settings->answered = true;
        settings->answer.sequence = downlink.header.sequence;
        commit(&r, settings, &outcome->model_changed);
        steer_frame(&r, outcome->model_changed ? NULL : frame, downlink);
        settings->answer.result = (uint8_t)r.result;
        settings->answer.command = r.command;
        outcome->reboot = r.reboot;
        outcome->whole = r.whole;
    } else {
        r.answer = true;
    }
    outcome->report = r.status ? UINT32_MAX : r.answer ? GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_ANSWER) : 0;
    return GLIMPSE_OK;
}

void remote_describe(const node_settings *settings, uint32_t report, glimpse_telemetry *telemetry)
{
    const glimpse_codec *const codec = &models_encoder()->model->codec;
    uint32_t known = GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_NODE) | GLIMPSE_PRESENT_SETTINGS;
    if (settings->answered) {
        known |= GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_ANSWER);
    }
    telemetry->model = codec->model;
    telemetry->revision = codec->revision & 1u;
    telemetry->present |= known & report;
    telemetry->boots = (uint16_t)settings->boots;
    telemetry->whole_revision = codec->revision;
    telemetry->reset_cause = (uint8_t)port_get_reset_cause();
    telemetry->answer = settings->answer;
    telemetry->settings = settings->remote;
    telemetry->settings.slot = models_slot();
}
