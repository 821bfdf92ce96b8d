/* SPDX-License-Identifier: Apache-2.0 */
/* What a node remembers without power: a log of small records in two flash regions, so that losing power while
   writing loses at most the newest record. */
#ifndef GLIMPSE_APP_SETTINGS_H
#define GLIMPSE_APP_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

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

typedef struct {
    uint32_t boots;
    uint8_t next_frame;      /* 0..GLIMPSE_MAX_FRAME */
    bool answered;           /* a downlink has been taken: `answer` counts */
    glimpse_answer answer;   /* to the last downlink that changed something to be remembered */
    glimpse_settings remote; /* changed by downlinks; its slot also over the serial line */
    node_security security;
} node_settings;

/* The newest sound record, or the defaults (built-in model, frame 0) when there is none. Records of firmware that had
   no key, or no remote settings, are read too. */
void node_settings_load(node_settings *settings);

/* Appends a record; erases the older region when the current one is full. False: the flash refused. */
bool node_settings_save(const node_settings *settings);

#endif
