/* SPDX-License-Identifier: Apache-2.0 */
/* Writing messages: little-endian fields into a caller's body, and a body onto the serial line. */
#ifndef GLIMPSE_APP_MESSAGE_H
#define GLIMPSE_APP_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define GLIMPSE_FIRMWARE_VERSION "0.1.0"

typedef struct {
    uint8_t *bytes;
    size_t capacity; /* what does not fit is left out: bodies are sized for the most they can hold */
    size_t count;
} message_writer;

void message_put_u8(message_writer *writer, uint32_t value);
void message_put_u16(message_writer *writer, uint32_t value);
void message_put_u32(message_writer *writer, uint32_t value);
void message_put_text(message_writer *writer, const char *text); /* length u8, bytes */
void message_put_characters(message_writer *writer, const char *text, size_t length);

uint32_t message_get_u32(const uint8_t *bytes);

/* Puts one message on the serial line; body at most 256 bytes, not NULL unless count is 0. */
void message_send(uint8_t type, uint8_t sequence, const uint8_t *body, size_t count);

#endif
