/* SPDX-License-Identifier: Apache-2.0 */
/* Telemetry, packets of kind 3: what a node says of itself. docs/wire-format.md is the specification. */
#ifndef GLIMPSE_CORE_TELEMETRY_H
#define GLIMPSE_CORE_TELEMETRY_H

#include <stddef.h>
#include <stdint.h>

#include "core/setting.h"

/* Field types below those of the settings. `first` in the header counts telemetry packets. */
typedef enum {
    GLIMPSE_TELEMETRY_TIME = 1,
    GLIMPSE_TELEMETRY_AGE = 2,
    GLIMPSE_TELEMETRY_BATTERY = 3,
    GLIMPSE_TELEMETRY_TEMPERATURE = 4,
    GLIMPSE_TELEMETRY_TRIGGER = 5,
    GLIMPSE_TELEMETRY_LINK = 6,
    GLIMPSE_TELEMETRY_NODE = 7,
    GLIMPSE_TELEMETRY_ANSWER = 8
} glimpse_telemetry_field;

/* Bits of glimpse_telemetry.present, one for each field type. */
#define GLIMPSE_PRESENT(type) ((uint32_t)1 << (type))
#define GLIMPSE_PRESENT_SETTINGS (GLIMPSE_PRESENT(GLIMPSE_SETTING_END) - GLIMPSE_PRESENT(GLIMPSE_SETTING_FIRST))

/* Why the photo was taken. */
typedef enum {
    GLIMPSE_TRIGGER_SCHEDULE = 0,
    GLIMPSE_TRIGGER_REQUEST = 1,
    GLIMPSE_TRIGGER_BUTTON = 2,
    GLIMPSE_TRIGGER_MOTION = 3,
    GLIMPSE_TRIGGER_CHANGE = 4, /* of the picture */
    GLIMPSE_TRIGGER_START = 5
} glimpse_trigger;

/* What became of a downlink. Of several, the first that is not GLIMPSE_ANSWER_DONE. */
typedef enum {
    GLIMPSE_ANSWER_DONE = 0,
    GLIMPSE_ANSWER_UNKNOWN = 1,   /* a command was skipped, the others were done */
    GLIMPSE_ANSWER_RANGE = 2,     /* a setting is out of range, or the node has no such model: none was changed */
    GLIMPSE_ANSWER_FRAME = 3,     /* a command for a frame that is not being sent was skipped, the others were done */
    GLIMPSE_ANSWER_MALFORMED = 4, /* a command's value makes no sense and was skipped, the others were done */
    GLIMPSE_ANSWER_STORAGE = 5    /* the flash refused: nothing was changed */
} glimpse_answer_result;

typedef struct {
    uint16_t sequence; /* of the last downlink taken, 0..GLIMPSE_MAX_SEQUENCE */
    uint8_t result;    /* glimpse_answer_result */
    uint8_t command;   /* type of the command that the result is about; 0 when done */
} glimpse_answer;

enum { GLIMPSE_MAX_SEQUENCE = 16383 }; /* 14 bits, like a rank */

/* Fields count when their bit of `present` is set. Sizes are those on the air. */
typedef struct {
    uint8_t model;    /* in use */
    uint8_t revision; /* its lowest bit is used */
    uint8_t frame;    /* that TIME, AGE and TRIGGER are about: the last one taken */
    uint16_t number;  /* of the packet, modulo 16384; glimpse_telemetry_write counts on */
    uint32_t present;
    uint32_t time;             /* TIME, 4 bytes: when the photo was taken, seconds since 1970-01-01 UTC */
    uint16_t age;              /* AGE, 2: seconds since the photo was taken; for nodes without a clock */
    uint16_t battery;          /* BATTERY, 2: mV */
    int16_t temperature;       /* TEMPERATURE, 2: 0.1 degrees Celsius */
    uint8_t trigger;           /* TRIGGER, 1: glimpse_trigger */
    uint8_t data_rate;         /* LINK, 3: number of the data rate in use; */
    int16_t rssi;              /*   of the last downlink, dBm, -255..0, one byte without the sign; */
    int8_t snr;                /*   of the last downlink, 0.25 dB */
    uint16_t boots;            /* NODE, 4: starts, modulo 65536; */
    uint8_t whole_revision;    /* of the model in use; */
    uint8_t reset_cause;       /*   0 power on, 1 software, 2 watchdog, 3 other */
    glimpse_answer answer;     /* ANSWER, 4 */
    glimpse_settings settings; /* in force */
} glimpse_telemetry;

/* Writes a packet with as many of the present fields as fit, those with the lowest type first but ANSWER before all,
   and clears their bits; call again for the rest. Returns its length, at most `payload` (GLIMPSE_MIN_PAYLOAD ..
   GLIMPSE_MAX_PAYLOAD: any one field fits); 0 when no field is present; GLIMPSE_ERROR_ARGUMENT for a payload, model,
   frame or number out of range. */
int glimpse_telemetry_write(glimpse_telemetry *telemetry, size_t payload, uint8_t *packet);

/* Fields that are unknown, have another length than here or a value out of range are skipped: returns how many. Or
   GLIMPSE_ERROR_LENGTH, _CHECK, _VERSION, _KIND, _BODY. */
int glimpse_telemetry_read(const uint8_t *packet, size_t length, glimpse_telemetry *telemetry);

#endif
