/* SPDX-License-Identifier: Apache-2.0 */
#include "app/node.h"

#include <stdalign.h>
#include <string.h>

#include "app/frame_job.h"
#include "app/message.h"
#include "app/protocol.h"
#include "app/settings.h"
#include "core/serial.h"
#include "core/status.h"
#include "glimpse_builtin_model.h"
#include "nn/encoder.h"

enum {
    WATCHDOG_MS = 8000, /* twice what erasing the largest flash sector takes */
    ROW_BYTES = 3 * NODE_MAX_PHOTO_WIDTH,
    SLOTS = 2
};

#ifndef NODE_BUFFER_SECTION
#define NODE_BUFFER_SECTION ".bss.node_buffer"
#endif

/* Everything a node needs, placed by the linker. The latent has a name of its own so that it can be told apart. */
alignas(16) static uint8_t working_buffer[NODE_BUFFER_BYTES] __attribute__((section(NODE_BUFFER_SECTION)));
alignas(4) int8_t node_latent[NODE_LATENT_BYTES];
static int8_t side_output[NODE_SIDE_BYTES];
static uint8_t incoming[NODE_MAX_MESSAGE_BYTES + GLIMPSE_SERIAL_CHECK_BYTES];
static uint8_t row_or_packet[ROW_BYTES]; /* a photo row until the last one is in, then the packet in the making */

static glimpse_model model;
static glimpse_encoder encoder;
static frame_job job;
static glimpse_serial_reader reader;
static node_settings settings;
static uint8_t slot_in_use = NODE_BUILTIN_MODEL;
static uint32_t broken_frames;
static uint8_t sequence; /* of the request being answered */

/* ---- models */

static const void *blob_of(uint8_t slot, size_t *size)
{
    if (slot == NODE_BUILTIN_MODEL) {
        *size = sizeof glimpse_builtin_model;
        return glimpse_builtin_model;
    }
    *size = port_region_size((port_region)(PORT_REGION_SLOT0 + slot));
    return port_region_base((port_region)(PORT_REGION_SLOT0 + slot));
}

static int load(uint8_t slot)
{
    if (slot != NODE_BUILTIN_MODEL && slot >= SLOTS) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    size_t size;
    const void *const blob = blob_of(slot, &size);
    int status = glimpse_model_load(&model, blob, size);
    if (status != GLIMPSE_OK) {
        return status;
    }
    if (3u * model.photo_width > ROW_BYTES) {
        return GLIMPSE_ERROR_MODEL_LIMIT;
    }
    status = glimpse_encoder_init(&encoder, &model, working_buffer, sizeof working_buffer, node_latent,
                                  sizeof node_latent, side_output, sizeof side_output);
    if (status == GLIMPSE_OK) {
        slot_in_use = slot;
    }
    return status;
}

/* A node without a usable model would be a brick: whatever a slot holds, the built-in one is there. */
static int load_or_keep(uint8_t slot)
{
    const uint8_t before = slot_in_use;
    job.active = false;
    const int status = load(slot);
    if (status != GLIMPSE_OK && load(before) != GLIMPSE_OK && load(NODE_BUILTIN_MODEL) != GLIMPSE_OK) {
        port_exit(1); /* the build's own model does not fit the build */
    }
    return status;
}

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

static void put_model(message_writer *writer, uint8_t slot, const glimpse_model *m, int status)
{
    message_put_u8(writer, slot);
    message_put_u8(writer, (uint8_t)(int8_t)status);
    if (status != GLIMPSE_OK) {
        return;
    }
    message_put_u8(writer, m->codec.model);
    message_put_u8(writer, m->codec.revision);
    message_put_text(writer, m->name);
    message_put_u32(writer, m->check);
    message_put_u16(writer, m->photo_width);
    message_put_u16(writer, m->photo_height);
    message_put_u16(writer, m->codec.width);
    message_put_u16(writer, m->codec.height);
    message_put_u8(writer, m->codec.channels);
    message_put_u8(writer, m->codec.bits);
    message_put_u8(writer, m->codec.cumulative != NULL);
}

static void identify(void)
{
    uint8_t body[256];
    message_writer writer = {body, sizeof body, 0};
    message_put_u8(&writer, NODE_PROTOCOL_VERSION);
    message_put_u8(&writer, GLIMPSE_WIRE_VERSION);
    message_put_u8(&writer, GLIMPSE_MODEL_BLOB_VERSION);
    message_put_u8(&writer, slot_in_use);
    message_put_text(&writer, GLIMPSE_FIRMWARE_VERSION);
    message_put_text(&writer, port_board());
    message_put_text(&writer, port_get_counter_unit()->unit);
    message_put_u32(&writer, port_core_hz());
    message_put_u16(&writer, NODE_MAX_MESSAGE_BYTES);
    message_put_u16(&writer, NODE_MAX_PHOTO_WIDTH);
    message_put_u32(&writer, NODE_BUFFER_BYTES);
    message_put_u32(&writer, NODE_LATENT_BYTES);
    message_put_u32(&writer, (uint32_t)glimpse_encoder_buffer_size(&model));
    message_put_u32(&writer, (uint32_t)port_region_size(PORT_REGION_SLOT0));
    put_model(&writer, slot_in_use, &model, GLIMPSE_OK);
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
    message_put_u32(&writer, job.schedule.packer.order.rank);
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

static uint8_t take_frame_number(uint8_t asked)
{
    if (asked != NODE_NEXT_FRAME) {
        return asked;
    }
    const uint8_t frame = settings.next_frame;
    settings.next_frame = (uint8_t)((frame + 1u) & GLIMPSE_MAX_FRAME);
    /* A full or worn flash must not stop the pictures: the number then repeats after the next start, no more. */
    (void)node_settings_save(&settings);
    return frame;
}

static void capture(const uint8_t *body, size_t count)
{
    if (count != 8) {
        refuse(GLIMPSE_ERROR_LENGTH);
        return;
    }
    const frame_request request = {.source = body[0],
                                   .coding = body[1],
                                   .frame = take_frame_number(body[2]),
                                   .payload = body[3],
                                   .budget = message_get_u32(body + 4)};
    int status = frame_job_begin(&job, &encoder, &request);
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
    } else if (count != 3u * (size_t)model.photo_width) {
        refuse(GLIMPSE_ERROR_LENGTH);
    } else {
        const int status = frame_job_row(&job, body);
        if (status != GLIMPSE_OK) {
            job.active = false;
            refuse(status);
        } else if (job.row == model.photo_height) {
            finish_frame();
        } else {
            ask_for_row();
        }
    }
}

/* ---- models sent to the node */

static void erase_model(const uint8_t *body, size_t count)
{
    if (count != 1) {
        refuse(GLIMPSE_ERROR_LENGTH);
    } else if (body[0] >= SLOTS || body[0] == slot_in_use) {
        refuse(GLIMPSE_ERROR_ARGUMENT); /* the network in use is read in place */
    } else {
        accept_or_refuse(port_region_erase((port_region)(PORT_REGION_SLOT0 + body[0])) ? GLIMPSE_OK
                                                                                       : GLIMPSE_ERROR_STATE);
    }
}

static void write_model(const uint8_t *body, size_t count)
{
    if (count < 12 || count % 4 != 0) {
        refuse(GLIMPSE_ERROR_LENGTH);
    } else if (body[0] >= SLOTS || body[0] == slot_in_use) {
        refuse(GLIMPSE_ERROR_ARGUMENT);
    } else {
        const bool done = port_region_write((port_region)(PORT_REGION_SLOT0 + body[0]), message_get_u32(body + 4),
                                            body + 8, count - 8);
        accept_or_refuse(done ? GLIMPSE_OK : GLIMPSE_ERROR_STATE);
    }
}

static void select_model(const uint8_t *body, size_t count)
{
    if (count != 1) {
        refuse(GLIMPSE_ERROR_LENGTH);
        return;
    }
    const int status = load_or_keep(body[0]);
    if (status == GLIMPSE_OK && settings.model_slot != body[0]) {
        settings.model_slot = body[0];
        (void)node_settings_save(&settings);
    }
    accept_or_refuse(status);
}

/* ---- the loop */

static void handle(const uint8_t *message, size_t count)
{
    if (count < NODE_MESSAGE_HEADER_BYTES) {
        ++broken_frames;
        return;
    }
    const uint8_t *const body = message + NODE_MESSAGE_HEADER_BYTES;
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
    case NODE_RESET:
        answer(NODE_ACCEPTED, NULL, 0);
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
    ++settings.boots;
    (void)node_settings_save(&settings);
    (void)load_or_keep(settings.model_slot);
    port_watchdog_start(WATCHDOG_MS);
    identify();
}

void node_poll(void)
{
    uint8_t bytes[32];
    port_watchdog_feed();
    const size_t count = port_serial_read(bytes, sizeof bytes);
    for (size_t i = 0; i < count; ++i) {
        const int length = glimpse_serial_reader_push(&reader, bytes[i]);
        if (length < 0) {
            ++broken_frames; /* no answer: whatever it was, it was not understood as a request */
        } else if (length > 0) {
            handle(incoming, (size_t)length);
        }
    }
}
