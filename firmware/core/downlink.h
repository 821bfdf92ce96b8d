/* SPDX-License-Identifier: Apache-2.0 */
/* Downlink, packets of kind 4: what a receiver tells a node. docs/wire-format.md is the specification. */
#ifndef GLIMPSE_CORE_DOWNLINK_H
#define GLIMPSE_CORE_DOWNLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/runs.h"
#include "core/setting.h"
#include "core/telemetry.h"

/* Field types below those of the settings. The first five are about the frame that the header names. */
typedef enum {
    GLIMPSE_COMMAND_HAVE = 1,    /* runs of ranks (core/runs.h): what the receiver has, nothing of it need come again */
    GLIMPSE_COMMAND_ENOUGH = 2,  /* no value: send no more of this frame */
    GLIMPSE_COMMAND_MORE = 3,    /* 2 bytes: so many radio bytes more */
    GLIMPSE_COMMAND_MORE_TO = 4, /* 2 bytes: all up to this rank, which is the last */
    GLIMPSE_COMMAND_MORE_HERE = 5, /* 4 bytes: a region of the latent before the rest, see glimpse_area */
    GLIMPSE_COMMAND_STATUS = 6,    /* no value: telemetry please */
    GLIMPSE_COMMAND_REBOOT = 7,    /* no value: after the answer */
    GLIMPSE_COMMAND_WHOLE = 8      /* no value: the receiver lacks what differences refer to; image packets please */
} glimpse_command_type;

enum { GLIMPSE_COMMAND_LAST_OF_FRAME = GLIMPSE_COMMAND_MORE_HERE };

/* Positions of a latent; bottom and right are the first outside. On the air top, bottom - 1, left, right - 1 as bytes:
   of a larger latent only the first 256 rows and columns can be named. */
typedef struct {
    uint16_t top, bottom, left, right;
} glimpse_area;

typedef struct {
    uint8_t model;     /* whose frame it is; of no meaning when no command is about a frame */
    uint8_t revision;  /* its lowest bit is used */
    uint8_t frame;     /* 0..GLIMPSE_MAX_FRAME */
    uint16_t sequence; /* number of the downlink, 0..GLIMPSE_MAX_SEQUENCE */
} glimpse_downlink_header;

/* ---- writing: begin, then commands in the order in which they are to be done, then end */

typedef struct {
    glimpse_downlink_header header;
    uint8_t *packet;
    glimpse_field_writer fields;
} glimpse_downlink_writer;

/* packet: `payload` bytes, GLIMPSE_MIN_PAYLOAD .. GLIMPSE_MAX_PAYLOAD. GLIMPSE_ERROR_ARGUMENT: that or the header out
   of range. */
int glimpse_downlink_begin(glimpse_downlink_writer *writer, const glimpse_downlink_header *header, uint8_t *packet,
                           size_t payload);

/* What came of the header's frame, in the bytes that are left: as glimpse_runs_write. Returns the number of symbols
   that it names, 0 when nothing could be said. */
uint32_t glimpse_downlink_have(glimpse_downlink_writer *writer, const glimpse_codec *codec, const uint8_t *received);

/* False, and nothing changes: the packet is full, or a number is out of range. type: one of the commands without a
   value or with a number; settings go with glimpse_settings_put(&settings, type, &writer->fields). */
bool glimpse_downlink_put(glimpse_downlink_writer *writer, uint8_t type, uint32_t number);
bool glimpse_downlink_here(glimpse_downlink_writer *writer, const glimpse_area *region);

/* The packet's length; 0 when it holds no command. */
int glimpse_downlink_end(glimpse_downlink_writer *writer);

/* ---- reading */

typedef struct {
    glimpse_downlink_header header;
    glimpse_field_reader fields;
} glimpse_downlink;

/* Checks the packet and every field's place in it, so that reading the commands cannot fail half way.
   GLIMPSE_OK, or GLIMPSE_ERROR_LENGTH, _CHECK, _VERSION, _KIND, _BODY (no command at all is malformed too). */
int glimpse_downlink_read(const uint8_t *packet, size_t length, glimpse_downlink *downlink);

typedef struct {
    glimpse_field field; /* as it came: settings go with glimpse_settings_take */
    int result;          /* glimpse_answer_result: DONE when the rest of this is to be trusted, UNKNOWN or MALFORMED */
    uint32_t number;     /* MORE, MORE_TO */
    glimpse_area region; /* MORE_HERE */
} glimpse_command;

/* 1: here is the next command; 0: that was all. A setting's range is not looked at. */
int glimpse_downlink_next(glimpse_downlink *downlink, glimpse_command *command);

#endif
