/* SPDX-License-Identifier: Apache-2.0 */
/* Serial frames: COBS(payload, CRC-32 little endian) and a zero byte. A zero on the line always ends a frame, so a
   reader is in step again after any garbage. */
#ifndef GLIMPSE_CORE_SERIAL_H
#define GLIMPSE_CORE_SERIAL_H

#include <stddef.h>
#include <stdint.h>

enum { GLIMPSE_SERIAL_CHECK_BYTES = 4 };

/* Bytes on the line, at most, of a payload: COBS code bytes, check and the closing zero included. */
size_t glimpse_serial_bound(size_t payload);

/* Returns the bytes written to `line`, closing zero included, GLIMPSE_ERROR_BUFFER, or
   GLIMPSE_ERROR_ARGUMENT for an empty payload. The two must not overlap. */
int glimpse_serial_encode(const uint8_t *payload, size_t count, uint8_t *line, size_t capacity);

/* Decodes byte by byte into the caller's buffer (payload + GLIMPSE_SERIAL_CHECK_BYTES bytes). */
typedef struct {
    uint8_t *buffer;
    size_t capacity;
    size_t count;
    uint8_t left;     /* bytes until the next code byte */
    uint8_t implicit; /* a zero belongs before the next block */
    uint8_t skipping; /* frame too long: wait for the closing zero */
} glimpse_serial_reader;

void glimpse_serial_reader_begin(glimpse_serial_reader *reader, uint8_t *buffer, size_t capacity);

/* Returns the payload's length (at least 1) when this byte completes a frame whose check holds: it lies in the
   buffer until the next call. 0: nothing yet (empty frames, two zeros in a row, are silence). Or
   GLIMPSE_ERROR_LENGTH, _ENCODING, _CHECK when it completes a broken one. */
int glimpse_serial_reader_push(glimpse_serial_reader *reader, uint8_t byte);

#endif
