/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of a node that a downlink changes and telemetry reports: the same fields in both. */
#ifndef GLIMPSE_CORE_SETTING_H
#define GLIMPSE_CORE_SETTING_H

#include <stdint.h>

#include "core/field.h"

/* Field types, of telemetry and downlink alike. Each number is 0 or in the range given. */
typedef enum {
    GLIMPSE_SETTING_PERIOD = 16,   /* 3 bytes: seconds from photo to photo, 10..2592000; 0: only when asked */
    GLIMPSE_SETTING_DEADLINE = 17, /* 3 bytes: seconds that sending a frame may take, 10..2592000; 0: any time */
    GLIMPSE_SETTING_CROP = 18,     /* 4 bytes: see glimpse_crop */
    GLIMPSE_SETTING_BUDGET = 19,   /* 2 bytes: radio bytes of a frame, 11..65535; 0: no limit */
    GLIMPSE_SETTING_PAYLOAD = 20,  /* 1 byte: most bytes of a packet, 11..242; 0: what the link takes */
    GLIMPSE_SETTING_CHANNELS = 21, /* 1 byte: a frame ends after the symbols of so many channels, 1..64; 0: all */
    GLIMPSE_SETTING_SLOT = 22,     /* 1 byte: which stored model the node uses, 0..254; 255: the built-in one */
    GLIMPSE_SETTING_PRIOR = 23, /* 1 byte: at most so many photos in a row are sent as their changes, 1..255; 0: none */
    GLIMPSE_SETTING_PARITY = 24,       /* 1 byte: parity packets for GLIMPSE_PARITY_GROUP packets, 1..8; 0: none */
    GLIMPSE_SETTING_PARITY_FIRST = 25, /* 1 byte: parity packets for the first group of a frame, 1..8; 0: as for all */
    GLIMPSE_SETTING_QUIET = 26,        /* 1 byte: photos that differ by no more grey levels stay, 1..255; 0: none */
    GLIMPSE_SETTING_END = 27           /* the first type that is none */
} glimpse_setting;

enum {
    GLIMPSE_SETTING_FIRST = GLIMPSE_SETTING_PERIOD,
    GLIMPSE_SLOT_BUILTIN = 255,
    GLIMPSE_PARITY_GROUP = 8, /* packets of a frame that share their parity packets */
    GLIMPSE_MIN_CROP = 32     /* of each side, in 1/256 of the camera's picture */
};

/* The part of the camera's picture that is encoded, in 1/256 of its height and width. On the air as these four bytes in
   this order; bottom and right are the last inside. */
typedef struct {
    uint8_t top, bottom, left, right; /* bottom >= top + GLIMPSE_MIN_CROP - 1, and right like it */
} glimpse_crop;

typedef struct {
    uint32_t period;   /* s */
    uint32_t deadline; /* s */
    glimpse_crop crop;
    uint16_t budget; /* bytes */
    uint8_t payload; /* bytes */
    uint8_t channels;
    uint8_t slot;
    uint8_t prior;  /* photos */
    uint8_t parity; /* packets */
    uint8_t parity_first;
    uint8_t quiet; /* grey levels, see core/grid.h */
} glimpse_settings;

/* What a node starts with: only when asked, whole picture, no limits, built-in model, no differences, no parity,
   every photo is sent. */
glimpse_settings glimpse_settings_default(void);

/* Takes a field into the settings. 1: taken. 0: no setting, or not of the length that it has here. GLIMPSE_ERROR_RANGE:
   out of its range, nothing was changed. */
int glimpse_settings_take(glimpse_settings *settings, const glimpse_field *field);

/* Writes one setting, GLIMPSE_SETTING_FIRST .. GLIMPSE_SETTING_END - 1; false when it does not fit. */
bool glimpse_settings_put(const glimpse_settings *settings, uint8_t type, glimpse_field_writer *writer);

#endif
