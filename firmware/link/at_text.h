/* SPDX-License-Identifier: Apache-2.0 */
/* The text of AT commands and of what modems answer, by patterns that are data. */
#ifndef GLIMPSE_LINK_AT_TEXT_H
#define GLIMPSE_LINK_AT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a command can name. */
typedef struct {
    const uint8_t *bytes; /* %x: as hexadecimal digits */
    size_t count;
    uint8_t port;      /* %p */
    uint8_t data_rate; /* %d */
    bool adaptive;     /* %a: 1 or 0; %A: ON or OFF */
    bool confirmed;    /* %c: 1 or 0 */
} glimpse_at_values;

/* Writes a command and its end, CR LF. Returns its length, or 0 when it does not fit. */
size_t glimpse_at_format(const char *command, const glimpse_at_values *values, char *line, size_t capacity);

/* What a line can tell; what its pattern does not name stays as it was. */
typedef struct {
    int32_t number; /* %n */
    int32_t port;   /* %p */
    int32_t rssi;   /* %r, dBm */
    int32_t snr;    /* %s, dB, its fraction dropped */
    uint8_t *bytes; /* %x: pairs of hexadecimal digits, spaces between them or not, up to a quotation mark or the end */
    size_t count;
} glimpse_at_fields;

/* True when the line, ended by a zero, starts as the pattern says; %w stands for any characters up to a colon. The
   bytes of %x are put in the place of their digits, so the line can be scanned with no other pattern afterwards. */
bool glimpse_at_scan(const char *pattern, char *line, glimpse_at_fields *fields);

#endif
