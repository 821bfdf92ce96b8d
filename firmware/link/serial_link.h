/* SPDX-License-Identifier: Apache-2.0 */
/* A link over a wire: each packet is one serial frame (core/serial.h), in both directions. */
#ifndef GLIMPSE_LINK_SERIAL_LINK_H
#define GLIMPSE_LINK_SERIAL_LINK_H

#include <stdbool.h>

#include "core/packet.h"
#include "core/serial.h"
#include "link/link.h"
#include "link/stream.h"

enum {
    /* COBS: one byte in 254 and the closing zero; glimpse_serial_bound(GLIMPSE_MAX_PAYLOAD) */
    GLIMPSE_SERIAL_LINK_LINE = GLIMPSE_MAX_PAYLOAD + GLIMPSE_SERIAL_CHECK_BYTES + 2,
    GLIMPSE_SERIAL_LINK_PATIENCE = 10000 /* milliseconds in which the line must take a frame */
};

typedef struct {
    glimpse_link link;
    glimpse_stream stream;
    glimpse_serial_reader reader;
    uint8_t incoming[GLIMPSE_MAX_PAYLOAD + GLIMPSE_SERIAL_CHECK_BYTES];
    uint8_t line[GLIMPSE_SERIAL_LINK_LINE];
    size_t written;
    size_t count; /* bytes of the line; 0: no frame is on its way */
    uint32_t began;
    uint32_t broken; /* frames that came damaged */
    uint8_t payload;
    bool told_ready;
    bool more; /* bytes wait that the last poll did not read */
} glimpse_serial_link;

/* payload: most bytes of a packet, GLIMPSE_MIN_PAYLOAD..GLIMPSE_MAX_PAYLOAD, or GLIMPSE_ERROR_ARGUMENT. */
int glimpse_serial_link_begin(glimpse_serial_link *serial, const glimpse_stream *stream, size_t payload);

#endif
