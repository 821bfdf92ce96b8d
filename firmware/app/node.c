/* SPDX-License-Identifier: Apache-2.0 */
#include "app/node.h"

#include <stddef.h>
#include <string.h>

#include "app/field.h"
#include "app/frame_job.h"
#include "app/message.h"
#include "app/models.h"
#include "app/protocol.h"
#include "app/remote.h"
#include "app/report.h"
#include "app/sealing.h"
#include "app/settings.h"
#include "app/update.h"
#include "core/serial.h"
#include "core/status.h"

enum { WATCHDOG_MS = 8000 }; /* twice what erasing the largest flash sector takes */

static uint8_t incoming[NODE_MAX_MESSAGE_BYTES + GLIMPSE_SERIAL_CHECK_BYTES];
static uint8_t row_or_packet[3 * NODE_MAX_PHOTO_WIDTH]; /* a photo row until the last is in, then packets */
_Static_assert(sizeof row_or_packet >= GLIMPSE_MAX_PAYLOAD, "every packet fits");
_Static_assert(NODE_MESSAGE_HEADER_BYTES + sizeof row_or_packet <= NODE_MAX_MESSAGE_BYTES, "a row is one message");
static frame_job job;
static glimpse_serial_reader reader;
static node_settings settings;
static uint32_t broken_frames;
static bool silent;      /* nothing came at the last poll */
static uint8_t sequence; /* of the request being answered */

/* ---- answers */

static void answer(uint8_t type, const uint8_t *body, size_t count)
{
    message_send(type, sequence, body, count);
}

static void refuse(int status)
{
    const uint8_t body[1] = {(uint8_t)(int8_t)status};
    answer(NODE_REFUSED, body, sizeof body);
}

static void accept_or_refuse(int status)
{
    if (status == GLIMPSE_OK) {
        answer(NODE_ACCEPTED, NULL, 0);
    } else {
        refuse(status);
    }
}

static void put_model(message_writer *writer, const glimpse_model *model)
{
    const glimpse_codec *const codec = &model->codec;
    message_put_u8(writer, codec->model);
    message_put_u8(writer, codec->revision);
    message_put_text(writer, model->name);
    message_put_u32(writer, model->check);
    message_put_u16(writer, model->photo_width);
    message_put_u16(writer, model->photo_height);
    message_put_u16(writer, codec->width);
    message_put_u16(writer, codec->height);
    message_put_u8(writer, codec->channels);
    message_put_u8(writer, (uint8_t)glimpse_codec_bits(codec));
    message_put_u8(writer, codec->cumulative != NULL);
}

static void put_name(message_writer *writer)
{
    size_t length = 0;
    while (length < sizeof settings.name && settings.name[length] != 0) {
        ++length;
    }
    message_put_characters(writer, settings.name, length);
}

/* As a NODE_MODEM request sets it. */
static void put_modem(message_writer *writer)
{
    const node_link *const link = &settings.link;
    message_put_u8(writer, link->dialect);
    message_put_u8(writer, link->port);
    message_put_u8(writer, link->data_rate);
    message_put_u8(writer, link->flags);
    message_put_u8(writer, link->region);
    message_put_u8(writer, link->source);
}

static void identify(void)
{
    const glimpse_model *const model = models_encoder()->model;
    uint8_t body[256];
    message_writer writer = {body, sizeof body, 0};
    message_put_u8(&writer, NODE_PROTOCOL_VERSION);
    message_put_u8(&writer, GLIMPSE_WIRE_VERSION);
    message_put_u8(&writer, GLIMPSE_MODEL_BLOB_VERSION);
    message_put_u8(&writer, models_slot());
    message_put_text(&writer, GLIMPSE_FIRMWARE_VERSION);
    message_put_text(&writer, port_board());
    message_put_text(&writer, port_get_counter_unit()->unit);
    message_put_u32(&writer, port_core_hz());
    message_put_u16(&writer, NODE_MAX_MESSAGE_BYTES);
    message_put_u16(&writer, NODE_MAX_PHOTO_WIDTH);
    message_put_u32(&writer, models_buffer_bytes());
    message_put_u32(&writer, models_latent_bytes());
    message_put_u32(&writer, (uint32_t)glimpse_encoder_buffer_size(model));
    message_put_u32(&writer, (uint32_t)port_region_size(PORT_REGION_SLOT0));
    put_model(&writer, model);
    put_name(&writer);
    put_modem(&writer);
    answer(NODE_IDENTITY, body, writer.count);
}

static void report_health(void)
{
    uint8_t body[32];
    message_writer writer = {body, sizeof body, 0};
    message_put_u8(&writer, (uint8_t)port_get_reset_cause());
    message_put_u8(&writer, settings.next_frame);
    message_put_u32(&writer, settings.boots);
    message_put_u32(&writer, broken_frames);
    message_put_u32(&writer, port_serial_overruns());
    message_put_u32(&writer, (uint32_t)port_stack_peak());
    message_put_u8(&writer, settings.update.state);
    message_put_u8(&writer, settings.update.demanded);
    answer(NODE_HEALTH, body, writer.count);
}

/* ---- frames */

static void report_done(void)
{
    uint8_t body[64];
    message_writer writer = {body, sizeof body, 0};
    message_put_u8(&writer, job.request.frame);
    message_put_u16(&writer, job.packets);
    message_put_u32(&writer, job.bytes);
    message_put_u32(&writer, job.schedule->packer.sent);
    for (uint32_t stage = 0; stage < NODE_STAGES; ++stage) {
        message_put_u32(&writer, job.counts[stage]);
    }
    message_put_u32(&writer, (uint32_t)port_stack_peak());
    answer(NODE_DONE, body, writer.count);
}

static void finish_frame(void)
{
    int status = frame_job_encode(&job);
    job.active = false;
    while (status >= 0) {
        port_watchdog_feed();
        status = frame_job_packet(&job, row_or_packet);
        if (status == 0) {
            node_update_proven();
            report_done();
            return;
        }
        if (status > 0) {
            answer(NODE_PACKET, row_or_packet, (size_t)status);
        }
    }
    refuse(status);
}

static void ask_for_row(void)
{
    uint8_t body[2];
    message_writer writer = {body, sizeof body, 0};
    message_put_u16(&writer, job.row);
    answer(NODE_NEXT_ROW, body, writer.count);
}

static void capture(const uint8_t *body, size_t count)
{
    if (count != 8) {
        refuse(GLIMPSE_ERROR_LENGTH);
        return;
    }
    const bool counted = body[2] == NODE_NEXT_FRAME;
    frame_request request = {.source = body[0],
                             .coding = body[1],
                             .frame = counted ? settings.next_frame : body[2],
                             .payload = body[3],
                             .budget = message_get_u32(body + 4),
                             .crop = settings.remote.crop};
    if (request.payload == NODE_OWN_SETTINGS) {
        /* A serial line takes any packet. */
        request.payload = settings.remote.payload > 0 ? settings.remote.payload : GLIMPSE_MAX_PAYLOAD;
        request.budget = settings.remote.budget;
        request.channels = settings.remote.channels;
    }
    field_drop_frame();
    int status = frame_job_begin(&job, models_encoder(), &request);
    if (status == GLIMPSE_OK) {
        report_photo(request.frame, GLIMPSE_TRIGGER_REQUEST);
    }
    if (status == GLIMPSE_OK && counted) {
        (void)node_settings_take_frame(&settings);
    }
    if (status == GLIMPSE_OK && request.source == NODE_SOURCE_UPLOAD) {
        ask_for_row();
        return;
    }
    if (status == GLIMPSE_OK) {
        status = frame_job_fetch(&job, row_or_packet);
    }
    if (status == GLIMPSE_OK) {
        finish_frame();
    } else {
        job.active = false;
        refuse(status);
    }
}

static void take_row(const uint8_t *body, size_t count)
{
    if (!job.active || job.request.source != NODE_SOURCE_UPLOAD) {
        refuse(GLIMPSE_ERROR_STATE);
    } else if (count != 3u * (size_t)job.encoder->model->photo_width) {
        refuse(GLIMPSE_ERROR_LENGTH);
    } else {
        const int status = frame_job_row(&job, body);
        if (status != GLIMPSE_OK) {
            job.active = false;
            refuse(status);
        } else if (job.row == job.encoder->model->photo_height) {
            finish_frame();
        } else {
            ask_for_row();
        }
    }
}

/* ---- models sent to the node */

static void erase_model(const uint8_t *body, size_t count)
{
    accept_or_refuse(count == 1 ? node_update_erase(body[0]) : GLIMPSE_ERROR_LENGTH);
}

static void write_model(const uint8_t *body, size_t count)
{
    if (count < 12 || count % 4 != 0) {
        refuse(GLIMPSE_ERROR_LENGTH);
    } else {
        accept_or_refuse(node_update_write(body[0], message_get_u32(body + 4), body + 8, count - 8));
    }
}

static void select_model(const uint8_t *body, size_t count)
{
    if (count != 1 && count != 2) {
        refuse(GLIMPSE_ERROR_LENGTH);
        return;
    }
    job.active = false; /* a frame in progress belongs to the model before */
    field_drop_frame();
    accept_or_refuse(node_update_select(body[0], count == 2 && (body[1] & NODE_SELECT_OLDER) != 0));
}

static void report_stored(const uint8_t *body, size_t count)
{
    if (count != 1) {
        refuse(GLIMPSE_ERROR_LENGTH);
        return;
    }
    uint8_t reply[8];
    uint32_t check = 0;
    message_writer writer = {reply, sizeof reply, 0};
    message_put_u8(&writer, models_stored(body[0], &check));
    message_put_u32(&writer, check);
    answer(NODE_MODEL, reply, writer.count);
}

static void install_model_key(const uint8_t *body, size_t count)
{
    accept_or_refuse(count == NODE_UPDATE_BODY_BYTES ? node_update_install(body) : GLIMPSE_ERROR_LENGTH);
}

static void change_line(const uint8_t *body, size_t count)
{
    if (count != 1) {
        refuse(GLIMPSE_ERROR_LENGTH);
    } else if (body[0] != PORT_SERIAL_POLLED && body[0] != PORT_SERIAL_INTERRUPT) {
        refuse(GLIMPSE_ERROR_ARGUMENT);
    } else {
        /* The answer comes last: opening drops what waits, and a host may send its next request after the answer. */
        port_serial_open((port_serial_mode)body[0]);
        answer(NODE_ACCEPTED, NULL, 0);
    }
}

/* ---- telemetry and downlinks */

/* What a packet may have where the line takes `payload` bytes, sealed or not; or an error. */
static int room_for_packet(uint8_t payload)
{
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    return node_sealing_on() ? glimpse_seal_room(payload) : payload;
}

/* All that `which` names, in as many packets as it takes. */
static void send_telemetry(uint32_t which, uint8_t payload)
{
    const int room = room_for_packet(payload);
    if (room < 0) {
        refuse(room);
        return;
    }
    glimpse_telemetry report;
    report_begin(&report, &settings, which);
    int length;
    while ((length = report_next(&report, (size_t)room, row_or_packet)) > 0) {
        if (node_sealing_on()) {
            length = node_sealing_close(row_or_packet, (size_t)length, payload);
            if (length < 0) {
                break;
            }
        }
        answer(NODE_PACKET, row_or_packet, (size_t)length);
    }
    accept_or_refuse(length);
}

static void report_telemetry(const uint8_t *body, size_t count)
{
    if (count == 1) {
        send_telemetry(UINT32_MAX, body[0]);
    } else {
        refuse(GLIMPSE_ERROR_LENGTH);
    }
}

static void take_downlink(uint8_t *body, size_t count)
{
    remote_outcome outcome;
    if (count < 1) {
        refuse(GLIMPSE_ERROR_LENGTH);
        return;
    }
    if (room_for_packet(body[0]) < 0) {
        refuse(room_for_packet(body[0])); /* before the packet is done: its answer could not be sent */
        return;
    }
    int length = (int)count - 1;
    if (node_sealing_on()) {
        length = node_sealing_open(body + 1, (size_t)length, body + 1);
    }
    /* A frame is sent whole between two requests, so that none is under way here. */
    const int status = length < 0 ? length : remote_take(&settings, NULL, body + 1, (size_t)length, &outcome);
    if (status != GLIMPSE_OK) {
        refuse(status);
        return;
    }
    if (outcome.model_changed) {
        job.active = false;
        field_drop_frame();
    }
    if (outcome.whole) {
        field_send_whole();
    }
    send_telemetry(outcome.report | GLIMPSE_PRESENT(GLIMPSE_TELEMETRY_ANSWER), body[0]);
    if (outcome.reboot) {
        port_reset();
    }
}

static void set_modem(const uint8_t *body, size_t count)
{
    if (count != NODE_MODEM_BODY_BYTES) {
        refuse(GLIMPSE_ERROR_LENGTH);
        return;
    }
    job.active = false;
    accept_or_refuse(field_set_modem(body));
}

static void set_name(const uint8_t *body, size_t count)
{
    char before[NODE_NAME_BYTES];
    if (count > sizeof settings.name) {
        refuse(GLIMPSE_ERROR_LENGTH);
        return;
    }
    memcpy(before, settings.name, sizeof before);
    memset(settings.name, 0, sizeof settings.name);
    memcpy(settings.name, body, count);
    if (memcmp(before, settings.name, sizeof before) == 0 || node_settings_save(&settings)) {
        answer(NODE_ACCEPTED, NULL, 0);
    } else {
        memcpy(settings.name, before, sizeof before);
        refuse(GLIMPSE_ERROR_STORAGE);
    }
}

/* Write only: no request and no fault gives a key back. What came is wiped from the buffer that it came in. */
static void install_key(uint8_t *body, size_t count)
{
    if (count != NODE_KEY_BODY_BYTES) {
        refuse(GLIMPSE_ERROR_LENGTH);
        return;
    }
    job.active = false; /* a frame in progress was promised to be sealed otherwise */
    field_drop_frame();
    accept_or_refuse(node_sealing_install(body));
    glimpse_wipe(body, count);
}

/* ---- the loop */

static void handle(uint8_t *message, size_t count)
{
    if (count < NODE_MESSAGE_HEADER_BYTES) {
        ++broken_frames;
        return;
    }
    uint8_t *const body = message + NODE_MESSAGE_HEADER_BYTES;
    count -= NODE_MESSAGE_HEADER_BYTES;
    sequence = message[1];
    switch (message[0]) {
    case NODE_IDENTIFY:
        identify();
        break;
    case NODE_CAPTURE:
        capture(body, count);
        break;
    case NODE_ROW:
        take_row(body, count);
        break;
    case NODE_STATUS:
        report_health();
        break;
    case NODE_SELECT:
        select_model(body, count);
        break;
    case NODE_MODEL_ERASE:
        erase_model(body, count);
        break;
    case NODE_MODEL_WRITE:
        write_model(body, count);
        break;
    case NODE_LINE:
        change_line(body, count);
        break;
    case NODE_DOWNLINK:
        take_downlink(body, count);
        break;
    case NODE_TELEMETRY:
        report_telemetry(body, count);
        break;
    case NODE_MODEM:
        set_modem(body, count);
        break;
    case NODE_KEY:
        install_key(body, count);
        break;
    case NODE_NAME:
        set_name(body, count);
        break;
    case NODE_STORED:
        report_stored(body, count);
        break;
    case NODE_MODEL_KEY:
        install_model_key(body, count);
        break;
    case NODE_RESET:
        answer(NODE_ACCEPTED, NULL, 0);
        while (count == 1 && body[0] == NODE_RESET_BY_WATCHDOG) {
        }
        port_reset();
    default:
        refuse(GLIMPSE_ERROR_KIND);
        break;
    }
}

void node_start(port_serial_mode mode)
{
    port_serial_open(mode);
    glimpse_serial_reader_begin(&reader, incoming, sizeof incoming);
    node_settings_load(&settings);
    node_sealing_begin(&settings);
    port_watchdog_start(WATCHDOG_MS); /* before the model is loaded: one that hangs the node ends its trial */
    node_update_start(&settings);
    identify();
    field_begin(&(field_parts){&settings, &job, row_or_packet});
}

void node_poll(void)
{
    uint8_t bytes[32];
    port_watchdog_feed();
    const size_t count = port_serial_read(bytes, sizeof bytes);
    silent = count == 0;
    for (size_t i = 0; i < count; ++i) {
        const int length = glimpse_serial_reader_push(&reader, bytes[i]);
        if (length < 0) {
            ++broken_frames; /* no answer: whatever it was, it was not understood as a request */
        } else if (length > 0) {
            handle(incoming, (size_t)length);
        }
    }
    field_poll();
}

void node_rest(void)
{
    const uint64_t idle = silent ? field_idle_until() : 0;
    const uint64_t fed = port_millis() + WATCHDOG_MS / 2;
    port_sleep_until(idle < fed ? idle : fed);
}
