/* SPDX-License-Identifier: Apache-2.0 */
/* What a node remembers without power: a log of small records in two flash regions, so that losing power while
   writing loses at most the newest record. */
#ifndef GLIMPSE_APP_SETTINGS_H
#define GLIMPSE_APP_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "app/protocol.h"
#include "core/budget.h"
#include "core/setting.h"
#include "core/telemetry.h"
#include "link/seal.h"

/* Key and counters are one record: where one is lost, so is the other, and no counter starts again under its key. */
typedef struct {
    uint8_t key[GLIMPSE_KEY_BYTES];
    uint8_t device[GLIMPSE_DEVICE_BYTES];
    uint32_t reserved; /* counters of sealed uplinks below this may have been used */
    uint32_t heard;    /* counters of sealed downlinks below this have been used */
    uint8_t mode;      /* NODE_SEAL_... */
    uint8_t zero[3];
} node_security;

enum { NODE_UPDATE_KEY_BYTES = 32 };
enum { NODE_QUOTAS = 3, NODE_DUTY_BYTES = NODE_QUOTAS * GLIMPSE_BUDGET_RECORD_GROUPS * 4 };

/* What of the duty budget is known after a start. */
typedef enum {
    NODE_DUTY_UNUSED = 0, /* nothing was ever sent */
    NODE_DUTY_KEPT = 1,   /* `duty` is a record of the budget, written before what it counts was sent */
    NODE_DUTY_UNKNOWN = 2 /* something was sent, under other rules */
} node_duty;

/* The modem of a node that is on its own, and what has been sent through it. */
typedef struct {
    uint8_t dialect;   /* NODE_MODEM_... */
    uint8_t port;      /* LoRaWAN's, 1..223 */
    uint8_t data_rate; /* 0..15, or GLIMPSE_AT_KEEP_RATE */
    uint8_t flags;     /* NODE_MODEM_ADAPTIVE, ... */
    uint8_t region;    /* glimpse_region_numbered */
    uint8_t source;    /* NODE_SOURCE_CAMERA or _PATTERN */
    uint8_t known;     /* node_duty */
    uint8_t zero;
    uint8_t duty[NODE_DUTY_BYTES];
} node_link;

/* Models that are sent to the node: who may send them, and what becomes of one that does not work. */
typedef struct {
    uint8_t key[NODE_UPDATE_KEY_BYTES]; /* public; models in slots must be signed by its owner */
    uint8_t demanded;                   /* there is a key */
    uint8_t state;                      /* NODE_MODEL_... */
    uint8_t before;                     /* slot of the model to go back to while one is on trial */
    uint8_t starts;                     /* that are left to the one on trial */
} node_update;

typedef struct {
    uint32_t boots;
    uint8_t next_frame;      /* 0..GLIMPSE_MAX_FRAME */
    bool answered;           /* a downlink has been taken: `answer` counts */
    glimpse_answer answer;   /* to the last downlink that changed something to be remembered */
    glimpse_settings remote; /* changed by downlinks; its slot also over the serial line */
    node_security security;
    node_link link;
    node_update update;
    char name[NODE_NAME_BYTES]; /* UTF-8, zeros behind it; all zeros: none was given */
} node_settings;

/* The newest sound record, or the defaults (built-in model, frame 0) when there is none. Records of firmware that had
   no key, or no remote settings, are read too. */
void node_settings_load(node_settings *settings);

/* Appends a record; erases the older region when the current one is full. False: the flash refused. */
bool node_settings_save(const node_settings *settings);

/* The number of the next frame, which is used up. A full or worn flash must not stop the pictures: the number then
   repeats after the next start, no more. */
uint8_t node_settings_take_frame(node_settings *settings);

#endif
