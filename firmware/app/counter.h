/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of sealed packets, which go on over power loss. Of those that a node sends, blocks are reserved in flash
   before the first of a block is used: after a start it goes on above everything that may ever have been sent, and
   flash is written once for NODE_COUNTERS_RESERVED packets. Of those that it takes, each is written before it is used. */
#ifndef GLIMPSE_APP_COUNTER_H
#define GLIMPSE_APP_COUNTER_H

#include <stdint.h>

#include "app/settings.h"

enum { NODE_COUNTERS_RESERVED = 256 };

/* settings: loaded, and the only copy: whoever saves them saves the counters. */
void node_counter_begin(node_settings *settings);

/* A number that was never given out before and never will be again. GLIMPSE_ERROR_COUNTER: all are used up;
   GLIMPSE_ERROR_STORAGE: the flash refused, nothing may be sealed. */
int node_counter_take(uint32_t *counter);

/* next: one more than the highest counter of a downlink taken. GLIMPSE_ERROR_STORAGE: the flash refused; what came must
   not be acted on, because after a start it could come again. */
int node_counter_heard(uint32_t next);

#endif
