/* SPDX-License-Identifier: Apache-2.0 */
#include "link/serial_link.h"

enum { BYTES_AT_ONCE = 2 * GLIMPSE_SERIAL_LINK_LINE }; /* of one poll, so that a line that never ends cannot hold it */

static size_t payload_now(const glimpse_link *link)
{
    const glimpse_serial_link *serial = (const glimpse_serial_link *)link;
    return serial->count == 0 ? serial->payload : 0;
}

static int send(glimpse_link *link, uint32_t now, const uint8_t *packet, size_t count)
{
    glimpse_serial_link *serial = (glimpse_serial_link *)link;
    if (serial->count > 0) {
        return GLIMPSE_ERROR_STATE;
    }
    if (count == 0 || count > serial->payload) {
        return GLIMPSE_ERROR_LENGTH;
    }
    const int length = glimpse_serial_encode(packet, count, serial->line, sizeof serial->line);
    if (length < 0) {
        return length;
    }
    serial->count = (size_t)length;
    serial->written = 0;
    serial->began = now;
    serial->told_ready = false;
    return GLIMPSE_OK;
}

/* True when the frame's fate is known. */
static bool write_more(glimpse_serial_link *serial, uint32_t now, glimpse_link_event *event)
{
    serial->written +=
        serial->stream.write(serial->stream.context, serial->line + serial->written, serial->count - serial->written);
    if (serial->written >= serial->count) {
        event->kind = GLIMPSE_LINK_SENT;
        serial->count = 0;
        return true;
    }
    if (now - serial->began >= GLIMPSE_SERIAL_LINK_PATIENCE) {
        event->kind = GLIMPSE_LINK_FAILED;
        event->reason = GLIMPSE_LINK_SILENT;
        serial->count = 0;
        return true;
    }
    return false;
}

static int poll(glimpse_link *link, uint32_t now, glimpse_link_event *event)
{
    glimpse_serial_link *serial = (glimpse_serial_link *)link;
    uint8_t byte;
    serial->more = false;
    if (serial->count > 0 && write_more(serial, now, event)) {
        return 1;
    }
    if (serial->count == 0 && !serial->told_ready) {
        serial->told_ready = true;
        event->kind = GLIMPSE_LINK_READY;
        return 1;
    }
    for (size_t count = 0; serial->stream.read(serial->stream.context, &byte, 1) == 1; count++) {
        const int length = glimpse_serial_reader_push(&serial->reader, byte);
        serial->broken += length < 0 ? 1u : 0u;
        if (length > 0) {
            event->kind = GLIMPSE_LINK_DOWNLINK;
            event->bytes = serial->incoming;
            event->count = (size_t)length;
            return 1;
        }
        if (count + 1 == BYTES_AT_ONCE) {
            serial->more = true;
            break;
        }
    }
    return 0;
}

static uint32_t wait(const glimpse_link *link, uint32_t now)
{
    const glimpse_serial_link *serial = (const glimpse_serial_link *)link;
    (void)now;
    if (serial->count > 0) {
        return 1; /* the line is full: soon again */
    }
    return serial->told_ready && !serial->more ? GLIMPSE_LINK_FOREVER : 0;
}

int glimpse_serial_link_begin(glimpse_serial_link *serial, const glimpse_stream *stream, size_t payload)
{
    static const glimpse_link_operations operations = {payload_now, send, poll, wait};
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    *serial = (glimpse_serial_link){.link = {&operations}, .stream = *stream, .payload = (uint8_t)payload};
    glimpse_serial_reader_begin(&serial->reader, serial->incoming, sizeof serial->incoming);
    return GLIMPSE_OK;
}
