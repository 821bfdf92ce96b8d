/* SPDX-License-Identifier: Apache-2.0 */
/* The node's key at work: what it sends is sealed, what it takes is opened, once a key is installed. */
#ifndef GLIMPSE_APP_SEALING_H
#define GLIMPSE_APP_SEALING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/settings.h"
#include "link/seal.h"

/* Of a NODE_KEY request: key, device, mode. */
enum { NODE_KEY_BODY_BYTES = GLIMPSE_KEY_BYTES + GLIMPSE_DEVICE_BYTES + 1 };

/* settings: loaded; the key and the counters in it are used and changed from here on. */
void node_sealing_begin(node_settings *settings);

/* Whether there is a key. Without one packets go as they are. */
bool node_sealing_on(void);

/* body: NODE_KEY_BODY_BYTES. NODE_SEAL_OFF forgets the key. The counter of what is sent goes on under every key until it
   has ended, that of what is taken starts again under a new one. GLIMPSE_ERROR_ARGUMENT: no such mode; _STORAGE: the
   flash refused, the key before stays. */
int node_sealing_install(const uint8_t *body);

/* Seals a packet where it lies; packet: `payload` bytes. Errors as glimpse_seal_close and node_counter_take, and
   GLIMPSE_ERROR_KEY. */
int node_sealing_close(uint8_t *packet, size_t length, size_t payload);

/* Opens a downlink, once; packet: `length` bytes. What it returns may be acted on: that it came is already in flash.
   Errors as glimpse_opener_take and node_counter_heard, and GLIMPSE_ERROR_KEY. */
int node_sealing_open(const uint8_t *sealed, size_t length, uint8_t *packet);

#endif
