/* SPDX-License-Identifier: Apache-2.0 */
/* Models that are sent to a node over its serial line: signed where a key was installed, on trial until they have made a
   photo, and never at the cost of the one before. At any power cut the node has the old model or the new one. */
#ifndef GLIMPSE_APP_UPDATE_H
#define GLIMPSE_APP_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/settings.h"

enum { NODE_UPDATE_BODY_BYTES = NODE_UPDATE_KEY_BYTES + 64 }; /* of a NODE_MODEL_KEY request */

/* The node has started: counts the start, ends a trial that failed, saves that, and loads the model of the settings, or
   where that one cannot be used the one before, or the built-in one. settings: loaded; used from here on. */
void node_update_start(node_settings *settings);

/* Switches, and remembers it. older: also to an older revision of the model in use. Nothing changes on errors: those of
   models_use, GLIMPSE_ERROR_OLDER, _STORAGE. */
int node_update_select(uint8_t slot, bool older);

/* As models_erase and models_write; GLIMPSE_ERROR_TRIAL: the slot holds the model to go back to. */
int node_update_erase(uint8_t slot);
int node_update_write(uint8_t slot, uint32_t offset, const uint8_t *bytes, size_t count);

/* The model in use has made a photo. */
void node_update_proven(void);

/* Takes the key that models must be signed with from now on. body: NODE_UPDATE_BODY_BYTES; a key that is there already
   is replaced only by one that it has signed (docs/model-blob.md). GLIMPSE_ERROR_SIGNATURE: it has not, or the model in
   use is not signed with the new key; _ARGUMENT: all zeros; _MODEL_LIMIT: this build has no room for signatures;
   _STORAGE: the flash refused. The key before stays then. */
int node_update_install(const uint8_t *body);

#endif
