/* SPDX-License-Identifier: Apache-2.0 */
/* A model that was sent is on trial until it has made a photo. When the watchdog bites before that, or the node has
   started a few times without one, the model before is taken again. Nothing here touches flash: what changes belongs to
   the settings, and is in force at the next start when they are saved. */
#ifndef GLIMPSE_APP_TRIAL_H
#define GLIMPSE_APP_TRIAL_H

#include <stdbool.h>

#include "app/settings.h"

enum { NODE_TRIAL_STARTS = 3 };

/* The node goes from one slot's model to another's. The built-in one needs no trial, nor does the one that a trial would
   fall back to. */
void trial_switch(node_settings *settings, uint8_t from, uint8_t to);

/* The node has started; watchdog: because it had stopped working. */
void trial_start(node_settings *settings, bool watchdog);

/* The model on trial cannot be used: the one before is the settings' again. */
void trial_give_up(node_settings *settings);

#endif
