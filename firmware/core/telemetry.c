/* SPDX-License-Identifier: Apache-2.0 */
#include "core/telemetry.h"

#include "core/packet.h"
#include "core/status.h"

/* ---- writing */

static uint8_t clamped_rssi(int16_t rssi)
{
    return (uint8_t)(rssi > 0 ? 0 : rssi < -255 ? 255 : -rssi);
}

static bool put_field(const glimpse_telemetry *t, uint8_t type, glimpse_field_writer *writer)
{
    switch (type) {
    case GLIMPSE_TELEMETRY_TIME:
        return glimpse_field_put_number(writer, type, t->time, 4);
    case GLIMPSE_TELEMETRY_AGE:
        return glimpse_field_put_number(writer, type, t->age, 2);
    case GLIMPSE_TELEMETRY_BATTERY:
        return glimpse_field_put_number(writer, type, t->battery, 2);
    case GLIMPSE_TELEMETRY_TEMPERATURE:
        return glimpse_field_put_number(writer, type, (uint16_t)t->temperature, 2);
    case GLIMPSE_TELEMETRY_TRIGGER:
        return glimpse_field_put_number(writer, type, t->trigger, 1);
    case GLIMPSE_TELEMETRY_LINK: {
        const uint8_t value[3] = {t->data_rate, clamped_rssi(t->rssi), (uint8_t)t->snr};
        return glimpse_field_put(writer, type, value, sizeof value);
    }
    case GLIMPSE_TELEMETRY_NODE: {
        const uint8_t value[4] = {(uint8_t)(t->boots >> 8), (uint8_t)t->boots, t->whole_revision, t->reset_cause};
        return glimpse_field_put(writer, type, value, sizeof value);
    }
    default: {
        const glimpse_answer *a = &t->answer;
        const uint8_t value[4] = {(uint8_t)(a->sequence >> 8), (uint8_t)a->sequence, a->result, a->command};
        return glimpse_field_put(writer, type, value, sizeof value);
    }
    }
}

/* Writes the field and clears its bit when it is present and fits. */
static void write_field(glimpse_telemetry *t, uint8_t type, glimpse_field_writer *writer)
{
    if ((t->present & GLIMPSE_PRESENT(type)) == 0) {
        return;
    }
    const bool written =
        type >= GLIMPSE_SETTING_FIRST ? glimpse_settings_put(&t->settings, type, writer) : put_field(t, type, writer);
    if (written) {
        t->present &= ~GLIMPSE_PRESENT(type);
    }
}

int glimpse_telemetry_write(glimpse_telemetry *telemetry, size_t payload, uint8_t *packet)
{
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD || telemetry->model > GLIMPSE_MAX_MODEL ||
        telemetry->frame > GLIMPSE_MAX_FRAME || telemetry->number > GLIMPSE_MAX_SEQUENCE ||
        telemetry->answer.sequence > GLIMPSE_MAX_SEQUENCE) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    glimpse_field_writer writer = {packet + GLIMPSE_HEADER_BYTES, payload - GLIMPSE_OVERHEAD_BYTES, 0};
    write_field(telemetry, GLIMPSE_TELEMETRY_ANSWER, &writer);
    for (uint8_t type = GLIMPSE_TELEMETRY_TIME; type < GLIMPSE_TELEMETRY_ANSWER; type++) {
        write_field(telemetry, type, &writer);
    }
    for (uint8_t type = GLIMPSE_SETTING_FIRST; type < GLIMPSE_SETTING_END; type++) {
        write_field(telemetry, type, &writer);
    }
    if (writer.count == 0) {
        return 0;
    }
    const glimpse_header header = {.version = GLIMPSE_WIRE_VERSION,
                                   .model = telemetry->model,
                                   .frame = telemetry->frame,
                                   .first = telemetry->number,
                                   .kind = GLIMPSE_KIND_TELEMETRY,
                                   .revision = telemetry->revision & 1u};
    telemetry->number = (telemetry->number + 1u) & GLIMPSE_MAX_SEQUENCE;
    glimpse_header_write(&header, packet);
    return (int)glimpse_packet_close(packet, writer.count);
}

/* ---- reading */

static bool take_field(glimpse_telemetry *t, const glimpse_field *field)
{
    static const uint8_t lengths[GLIMPSE_TELEMETRY_ANSWER + 1] = {
        [GLIMPSE_TELEMETRY_TIME] = 4,        [GLIMPSE_TELEMETRY_AGE] = 2,     [GLIMPSE_TELEMETRY_BATTERY] = 2,
        [GLIMPSE_TELEMETRY_TEMPERATURE] = 2, [GLIMPSE_TELEMETRY_TRIGGER] = 1, [GLIMPSE_TELEMETRY_LINK] = 3,
        [GLIMPSE_TELEMETRY_NODE] = 4,        [GLIMPSE_TELEMETRY_ANSWER] = 4,
    };
    const uint8_t *v = field->value;
    if (field->type == 0 || field->type > GLIMPSE_TELEMETRY_ANSWER || field->length != lengths[field->type]) {
        return glimpse_settings_take(&t->settings, field) > 0;
    }
    switch (field->type) {
    case GLIMPSE_TELEMETRY_TIME:
        t->time = glimpse_field_number(v, 4);
        break;
    case GLIMPSE_TELEMETRY_AGE:
        t->age = (uint16_t)glimpse_field_number(v, 2);
        break;
    case GLIMPSE_TELEMETRY_BATTERY:
        t->battery = (uint16_t)glimpse_field_number(v, 2);
        break;
    case GLIMPSE_TELEMETRY_TEMPERATURE:
        t->temperature = (int16_t)glimpse_field_number(v, 2);
        break;
    case GLIMPSE_TELEMETRY_TRIGGER:
        t->trigger = v[0];
        break;
    case GLIMPSE_TELEMETRY_LINK:
        t->data_rate = v[0];
        t->rssi = (int16_t)-v[1];
        t->snr = (int8_t)v[2];
        break;
    case GLIMPSE_TELEMETRY_NODE:
        t->boots = (uint16_t)glimpse_field_number(v, 2);
        t->whole_revision = v[2];
        t->reset_cause = v[3];
        break;
    default: {
        const uint32_t sequence = glimpse_field_number(v, 2);
        if (sequence > GLIMPSE_MAX_SEQUENCE) {
            return false;
        }
        t->answer = (glimpse_answer){(uint16_t)sequence, v[2], v[3]};
        break;
    }
    }
    return true;
}

int glimpse_telemetry_read(const uint8_t *packet, size_t length, glimpse_telemetry *telemetry)
{
    glimpse_header header;
    const int body = glimpse_packet_read(packet, length, &header);
    if (body < 0) {
        return body;
    }
    if (header.kind != GLIMPSE_KIND_TELEMETRY) {
        return GLIMPSE_ERROR_KIND;
    }
    if (header.coding != 0) {
        return GLIMPSE_ERROR_BODY;
    }
    *telemetry = (glimpse_telemetry){.model = header.model,
                                     .revision = header.revision,
                                     .frame = header.frame,
                                     .number = header.first,
                                     .settings = glimpse_settings_default()};
    glimpse_field_reader reader = {packet + GLIMPSE_HEADER_BYTES, (size_t)body, 0};
    glimpse_field field;
    int skipped = 0;
    int status;
    while ((status = glimpse_field_next(&reader, &field)) > 0) {
        if (take_field(telemetry, &field)) {
            telemetry->present |= GLIMPSE_PRESENT(field.type);
        } else {
            skipped++;
        }
    }
    return status < 0 ? status : skipped;
}
