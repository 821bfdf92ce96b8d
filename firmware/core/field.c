/* SPDX-License-Identifier: Apache-2.0 */
#include "core/field.h"

#include <string.h>

#include "core/packet.h"
#include "core/status.h"

size_t glimpse_field_room(const glimpse_field_writer *writer)
{
    const size_t left = writer->capacity - writer->count;
    if (left <= GLIMPSE_FIELD_LONG_LENGTH) {
        return left > 0 ? left - 1 : 0;
    }
    /* With one byte more than a short field takes, that byte cannot be used: a longer value needs two. */
    return left == GLIMPSE_FIELD_LONG_LENGTH + 1 ? GLIMPSE_FIELD_LONG_LENGTH - 1 : left - 2;
}

bool glimpse_field_put(glimpse_field_writer *writer, uint8_t type, const uint8_t *value, size_t length)
{
    if (writer->count == writer->capacity || length > glimpse_field_room(writer) || length > GLIMPSE_MAX_PAYLOAD) {
        return false;
    }
    const bool is_long = length >= GLIMPSE_FIELD_LONG_LENGTH;
    writer->bytes[writer->count++] =
        (uint8_t)((uint32_t)type << 3 | (is_long ? (uint32_t)GLIMPSE_FIELD_LONG_LENGTH : (uint32_t)length));
    if (is_long) {
        writer->bytes[writer->count++] = (uint8_t)length;
    }
    if (length > 0) {
        memcpy(writer->bytes + writer->count, value, length);
        writer->count += length;
    }
    return true;
}

bool glimpse_field_put_number(glimpse_field_writer *writer, uint8_t type, uint32_t number, size_t length)
{
    uint8_t value[4];
    for (size_t i = 0; i < length; i++) {
        value[i] = (uint8_t)(number >> (8 * (length - 1 - i)));
    }
    return glimpse_field_put(writer, type, value, length);
}

int glimpse_field_next(glimpse_field_reader *reader, glimpse_field *field)
{
    size_t left = reader->length - reader->next;
    if (left == 0) {
        return 0;
    }
    const uint8_t *at = reader->bytes + reader->next;
    field->type = (uint8_t)(at[0] >> 3);
    field->length = at[0] & 7u;
    at++;
    left--;
    if (field->length == GLIMPSE_FIELD_LONG_LENGTH) {
        if (left == 0 || at[0] < GLIMPSE_FIELD_LONG_LENGTH) {
            return GLIMPSE_ERROR_BODY;
        }
        field->length = at[0];
        at++;
        left--;
    }
    if (field->length > left) {
        return GLIMPSE_ERROR_BODY;
    }
    field->value = at;
    reader->next = reader->length - left + field->length;
    return 1;
}

uint32_t glimpse_field_number(const uint8_t *value, size_t length)
{
    uint32_t number = 0;
    for (size_t i = 0; i < length; i++) {
        number = (number << 8) | value[i];
    }
    return number;
}
