/* SPDX-License-Identifier: Apache-2.0 */
#include "app/message.h"

#include <string.h>

#include "app/protocol.h"
#include "core/packet.h"
#include "core/serial.h"
#include "ports/port.h"

#define MAX_BODY 256u
_Static_assert(MAX_BODY >= GLIMPSE_MAX_PAYLOAD, "every packet is one message");
_Static_assert(NODE_MESSAGE_HEADER_BYTES + MAX_BODY <= NODE_MAX_MESSAGE_BYTES, "hosts expect no more");

static void put(message_writer *writer, uint32_t value, size_t count)
{
    for (size_t i = 0; i < count && writer->count < writer->capacity; ++i) {
        writer->bytes[writer->count++] = (uint8_t)(value >> (8u * i));
    }
}

void message_put_u8(message_writer *writer, uint32_t value)
{
    put(writer, value, 1);
}

void message_put_u16(message_writer *writer, uint32_t value)
{
    put(writer, value, 2);
}

void message_put_u32(message_writer *writer, uint32_t value)
{
    put(writer, value, 4);
}

void message_put_text(message_writer *writer, const char *text)
{
    message_put_characters(writer, text, strlen(text));
}

void message_put_characters(message_writer *writer, const char *text, size_t length)
{
    message_put_u8(writer, (uint32_t)length);
    for (size_t i = 0; i < length; ++i) {
        message_put_u8(writer, (uint8_t)text[i]);
    }
}

uint32_t message_get_u32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void message_send(uint8_t type, uint8_t sequence, const uint8_t *body, size_t count)
{
    /* Static: a caller may be deep in a frame, and the stack is what a small node has least of. */
    static uint8_t payload[NODE_MESSAGE_HEADER_BYTES + MAX_BODY];
    static uint8_t line[NODE_MESSAGE_HEADER_BYTES + MAX_BODY + GLIMPSE_SERIAL_CHECK_BYTES + 8];
    if (count > MAX_BODY) {
        return;
    }
    payload[0] = type;
    payload[1] = sequence;
    if (count > 0) {
        memcpy(payload + NODE_MESSAGE_HEADER_BYTES, body, count);
    }
    const int length = glimpse_serial_encode(payload, NODE_MESSAGE_HEADER_BYTES + count, line, sizeof line);
    if (length > 0) {
        port_serial_write(line, (size_t)length);
    }
}
