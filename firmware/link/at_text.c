/* SPDX-License-Identifier: Apache-2.0 */
#include "link/at_text.h"

enum { MAX_DIGITS = 9 }; /* of a number that 32 bits hold for certain */

typedef struct {
    char *line;
    size_t capacity;
    size_t count;
    bool full;
} writer;

static void put(writer *out, char letter)
{
    if (out->count < out->capacity) {
        out->line[out->count++] = letter;
    } else {
        out->full = true;
    }
}

static void put_text(writer *out, const char *text)
{
    while (*text != 0) {
        put(out, *text++);
    }
}

static void put_number(writer *out, uint8_t value)
{
    if (value >= 100) {
        put(out, (char)('0' + value / 100));
    }
    if (value >= 10) {
        put(out, (char)('0' + value / 10 % 10));
    }
    put(out, (char)('0' + value % 10));
}

static void put_hex(writer *out, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < count; i++) {
        put(out, digits[bytes[i] >> 4]);
        put(out, digits[bytes[i] & 15]);
    }
}

static void put_value(writer *out, char name, const glimpse_at_values *values)
{
    switch (name) {
    case 'x':
        put_hex(out, values->bytes, values->count);
        break;
    case 'p':
        put_number(out, values->port);
        break;
    case 'd':
        put_number(out, values->data_rate);
        break;
    case 'a':
        put(out, values->adaptive ? '1' : '0');
        break;
    case 'A':
        put_text(out, values->adaptive ? "ON" : "OFF");
        break;
    default:
        put(out, values->confirmed ? '1' : '0');
        break;
    }
}

size_t glimpse_at_format(const char *command, const glimpse_at_values *values, char *line, size_t capacity)
{
    writer out = {line, capacity, 0, false};
    for (; *command != 0; command++) {
        if (*command == '%') {
            put_value(&out, *++command, values);
        } else {
            put(&out, *command);
        }
    }
    put_text(&out, "\r\n");
    return out.full ? 0 : out.count;
}

/* A decimal number with or without a sign; NULL when there is none or it is too long. */
static char *scan_number(char *at, int32_t *value)
{
    const bool negative = *at == '-';
    int32_t number = 0;
    int digits = 0;
    at += negative ? 1 : 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (++digits > MAX_DIGITS) {
            return NULL;
        }
        number = number * 10 + (*at - '0');
    }
    *value = negative ? -number : number;
    return digits > 0 ? at : NULL;
}

static int nibble(char letter)
{
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    if (letter >= 'A' && letter <= 'F') {
        return letter - 'A' + 10;
    }
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static char *scan_bytes(char *at, glimpse_at_fields *fields)
{
    uint8_t *bytes = (uint8_t *)at;
    size_t count = 0;
    for (const char *check = at; *check != 0 && *check != '"';) {
        if (*check == ' ') {
            check++;
        } else if (nibble(check[0]) >= 0 && nibble(check[1]) >= 0) {
            check += 2;
        } else {
            return NULL;
        }
    }
    while (*at != 0 && *at != '"') {
        if (*at == ' ') {
            at++;
        } else {
            const uint8_t byte = (uint8_t)(nibble(at[0]) * 16 + nibble(at[1]));
            at += 2;
            bytes[count++] = byte; /* never past what has been read */
        }
    }
    fields->bytes = bytes;
    fields->count = count;
    return at;
}

static char *scan_field(char name, char *at, glimpse_at_fields *fields)
{
    switch (name) {
    case 'n':
        return scan_number(at, &fields->number);
    case 'p':
        return scan_number(at, &fields->port);
    case 'r':
        return scan_number(at, &fields->rssi);
    case 's':
        return scan_number(at, &fields->snr);
    case 'x':
        return scan_bytes(at, fields);
    default:
        while (*at != 0 && *at != ':') {
            at++;
        }
        return at;
    }
}

bool glimpse_at_scan(const char *pattern, char *line, glimpse_at_fields *fields)
{
    for (; *pattern != 0; pattern++) {
        if (*pattern == '%') {
            line = scan_field(*++pattern, line, fields);
            if (line == NULL) {
                return false;
            }
        } else if (*line++ != *pattern) {
            return false;
        }
    }
    return true;
}
