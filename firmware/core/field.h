/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of fields: type, length, value. Telemetry and downlink packets are made of them; whoever does not know a field
   skips it. */
#ifndef GLIMPSE_CORE_FIELD_H
#define GLIMPSE_CORE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GLIMPSE_MAX_FIELD_TYPE = 31,  /* 5 bits */
    GLIMPSE_FIELD_LONG_LENGTH = 7 /* from here on the length takes a byte of its own */
};

typedef struct {
    uint8_t type;         /* 0..GLIMPSE_MAX_FIELD_TYPE */
    uint8_t length;       /* bytes of the value */
    const uint8_t *value; /* inside the body that was read */
} glimpse_field;

/* The caller owns the bytes. */
typedef struct {
    uint8_t *bytes;
    size_t capacity;
    size_t count;
} glimpse_field_writer;

/* Most bytes of a value that still fits. */
size_t glimpse_field_room(const glimpse_field_writer *writer);

/* Appends a field; false, and nothing changes, when it does not fit. value may be NULL when length is 0. */
bool glimpse_field_put(glimpse_field_writer *writer, uint8_t type, const uint8_t *value, size_t length);

/* The same with the lowest `length` (0..4) bytes of a number, most significant first. */
bool glimpse_field_put_number(glimpse_field_writer *writer, uint8_t type, uint32_t number, size_t length);

typedef struct {
    const uint8_t *bytes;
    size_t length;
    size_t next; /* where the next field starts */
} glimpse_field_reader;

/* 1: here is the next field. 0: the body has ended. GLIMPSE_ERROR_BODY: a field is cut short, or has a short length
   written in the long way. */
int glimpse_field_next(glimpse_field_reader *reader, glimpse_field *field);

/* The first `length` (1..4) bytes as a number, most significant first. */
uint32_t glimpse_field_number(const uint8_t *value, size_t length);

#endif
