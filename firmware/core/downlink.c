/* SPDX-License-Identifier: Apache-2.0 */
#include "core/downlink.h"

#include "core/packet.h"
#include "core/status.h"

/* ---- writing */

int glimpse_downlink_begin(glimpse_downlink_writer *writer, const glimpse_downlink_header *header, uint8_t *packet,
                           size_t payload)
{
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD || header->model > GLIMPSE_MAX_MODEL ||
        header->frame > GLIMPSE_MAX_FRAME || header->sequence > GLIMPSE_MAX_SEQUENCE) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    *writer = (glimpse_downlink_writer){
        .header = *header,
        .packet = packet,
        .fields = {packet + GLIMPSE_HEADER_BYTES, payload - GLIMPSE_OVERHEAD_BYTES, 0},
    };
    return GLIMPSE_OK;
}

uint32_t glimpse_downlink_have(glimpse_downlink_writer *writer, const glimpse_codec *codec, const uint8_t *received)
{
    uint8_t runs[GLIMPSE_MAX_PAYLOAD];
    uint32_t claimed = 0;
    const size_t length = glimpse_runs_write(codec, received, runs, glimpse_field_room(&writer->fields), &claimed);
    const bool said = length > 0 && glimpse_field_put(&writer->fields, GLIMPSE_COMMAND_HAVE, runs, length);
    return said ? claimed : 0;
}

bool glimpse_downlink_put(glimpse_downlink_writer *writer, uint8_t type, uint32_t number)
{
    switch (type) {
    case GLIMPSE_COMMAND_ENOUGH:
    case GLIMPSE_COMMAND_STATUS:
    case GLIMPSE_COMMAND_REBOOT:
    case GLIMPSE_COMMAND_WHOLE:
        return number == 0 && glimpse_field_put(&writer->fields, type, NULL, 0);
    case GLIMPSE_COMMAND_MORE:
        return number <= UINT16_MAX && glimpse_field_put_number(&writer->fields, type, number, 2);
    case GLIMPSE_COMMAND_MORE_TO:
        return number < GLIMPSE_MAX_SYMBOLS && glimpse_field_put_number(&writer->fields, type, number, 2);
    default:
        return false;
    }
}

bool glimpse_downlink_here(glimpse_downlink_writer *writer, const glimpse_area *region)
{
    if (region->bottom <= region->top || region->right <= region->left || region->bottom > 256 || region->right > 256) {
        return false;
    }
    const uint8_t value[4] = {(uint8_t)region->top, (uint8_t)(region->bottom - 1), (uint8_t)region->left,
                              (uint8_t)(region->right - 1)};
    return glimpse_field_put(&writer->fields, GLIMPSE_COMMAND_MORE_HERE, value, sizeof value);
}

int glimpse_downlink_end(glimpse_downlink_writer *writer)
{
    if (writer->fields.count == 0) {
        return 0;
    }
    const glimpse_header header = {.version = GLIMPSE_WIRE_VERSION,
                                   .model = writer->header.model,
                                   .frame = writer->header.frame,
                                   .first = writer->header.sequence,
                                   .kind = GLIMPSE_KIND_DOWNLINK,
                                   .revision = writer->header.revision & 1u};
    glimpse_header_write(&header, writer->packet);
    return (int)glimpse_packet_close(writer->packet, writer->fields.count);
}

/* ---- reading */

int glimpse_downlink_read(const uint8_t *packet, size_t length, glimpse_downlink *downlink)
{
    glimpse_header header;
    const int body = glimpse_packet_read(packet, length, &header);
    if (body < 0) {
        return body;
    }
    if (header.kind != GLIMPSE_KIND_DOWNLINK) {
        return GLIMPSE_ERROR_KIND;
    }
    if (header.coding != 0 || body == 0) {
        return GLIMPSE_ERROR_BODY;
    }
    *downlink = (glimpse_downlink){.header = {header.model, header.revision, header.frame, header.first},
                                   .fields = {packet + GLIMPSE_HEADER_BYTES, (size_t)body, 0}};
    glimpse_field_reader fields = downlink->fields;
    glimpse_field field;
    int status = 1;
    while (status > 0) {
        status = glimpse_field_next(&fields, &field);
    }
    return status;
}

static int read_area(const uint8_t *value, glimpse_area *region)
{
    *region = (glimpse_area){value[0], (uint16_t)(value[1] + 1u), value[2], (uint16_t)(value[3] + 1u)};
    const bool sound = region->bottom > region->top && region->right > region->left;
    return sound ? GLIMPSE_ANSWER_DONE : GLIMPSE_ANSWER_MALFORMED;
}

static int read_command(glimpse_command *command)
{
    const glimpse_field *field = &command->field;
    switch (field->type) {
    case GLIMPSE_COMMAND_HAVE:
        return GLIMPSE_ANSWER_DONE; /* whoever knows the number of symbols reads the runs */
    case GLIMPSE_COMMAND_ENOUGH:
    case GLIMPSE_COMMAND_STATUS:
    case GLIMPSE_COMMAND_REBOOT:
    case GLIMPSE_COMMAND_WHOLE:
        return field->length == 0 ? GLIMPSE_ANSWER_DONE : GLIMPSE_ANSWER_UNKNOWN;
    case GLIMPSE_COMMAND_MORE:
    case GLIMPSE_COMMAND_MORE_TO:
        if (field->length != 2) {
            return GLIMPSE_ANSWER_UNKNOWN;
        }
        command->number = glimpse_field_number(field->value, 2);
        return field->type == GLIMPSE_COMMAND_MORE_TO && command->number >= GLIMPSE_MAX_SYMBOLS
                   ? GLIMPSE_ANSWER_MALFORMED
                   : GLIMPSE_ANSWER_DONE;
    case GLIMPSE_COMMAND_MORE_HERE:
        return field->length == 4 ? read_area(field->value, &command->region) : GLIMPSE_ANSWER_UNKNOWN;
    default: {
        glimpse_settings ignored = glimpse_settings_default();
        return glimpse_settings_take(&ignored, field) == 0 ? GLIMPSE_ANSWER_UNKNOWN : GLIMPSE_ANSWER_DONE;
    }
    }
}

int glimpse_downlink_next(glimpse_downlink *downlink, glimpse_command *command)
{
    *command = (glimpse_command){.result = GLIMPSE_ANSWER_DONE};
    if (glimpse_field_next(&downlink->fields, &command->field) <= 0) {
        return 0;
    }
    command->result = read_command(command);
    return 1;
}
