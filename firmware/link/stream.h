/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to and from whatever is at the other end of a line: a UART, a USB serial port, an emulated modem. */
#ifndef GLIMPSE_LINK_STREAM_H
#define GLIMPSE_LINK_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* Neither function waits. */
typedef struct {
    void *context; /* passed to both */
    /* Copies up to `capacity` bytes that have arrived; returns how many, 0 when none. */
    size_t (*read)(void *context, uint8_t *bytes, size_t capacity);
    /* Takes as many of `count` bytes as there is room for; returns how many. */
    size_t (*write)(void *context, const uint8_t *bytes, size_t count);
} glimpse_stream;

#endif
