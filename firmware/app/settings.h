/* SPDX-License-Identifier: Apache-2.0 */
/* What a node remembers without power: a log of small records in two flash regions, so that losing power while
   writing loses at most the newest record. */
#ifndef GLIMPSE_APP_SETTINGS_H
#define GLIMPSE_APP_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/setting.h"
#include "core/telemetry.h"

typedef struct {
    uint32_t boots;
    uint8_t next_frame;      /* 0..GLIMPSE_MAX_FRAME */
    bool answered;           /* a downlink has been taken: `answer` counts */
    glimpse_answer answer;   /* to the last downlink that changed something to be remembered */
    glimpse_settings remote; /* changed by downlinks; its slot also over the serial line */
} node_settings;

/* The newest sound record, or the defaults (built-in model, frame 0) when there is none. Records of firmware that had
   no remote settings are read too. */
void node_settings_load(node_settings *settings);

/* Appends a record; erases the older region when the current one is full. False: the flash refused. */
bool node_settings_save(const node_settings *settings);

#endif
