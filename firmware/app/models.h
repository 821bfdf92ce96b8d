/* SPDX-License-Identifier: Apache-2.0 */
/* Which network a node runs: the built-in one, or one in a model slot of the flash. One is always ready. */
#ifndef GLIMPSE_APP_MODELS_H
#define GLIMPSE_APP_MODELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/schedule.h"
#include "nn/encoder.h"

/* What a build offers to any model, in bytes; to its built-in one always as much as that needs. A board with little RAM
   may lower it, TFLM needs more. */
#ifndef NODE_BUFFER_BYTES
#define NODE_BUFFER_BYTES 20480 /* row windows and kernel scratch, or TFLM's arena */
#endif
#ifndef NODE_LATENT_BYTES
#define NODE_LATENT_BYTES 9408 /* 28 x 28 x 12 */
#endif
#ifndef NODE_SIDE_BYTES
#define NODE_SIDE_BYTES 784 /* 28 x 28 x 1 */
#endif
#ifndef NODE_REFERENCE_BYTES
#define NODE_REFERENCE_BYTES NODE_LATENT_BYTES /* symbols that the receiver has; 0: no photo leaves as its changes */
#endif
#ifndef NODE_MAX_PHOTO_WIDTH
#define NODE_MAX_PHOTO_WIDTH 320
#endif

#ifndef NODE_SIGNED_MODELS
#define NODE_SIGNED_MODELS 1 /* 0: no room for signatures, 8 kB of flash */
#endif

/* Loads the model of a slot (or NODE_BUILTIN_MODEL). When it cannot be used, the one before stays; a damaged slot
   never leaves a node without a network. Errors as glimpse_model_load and glimpse_encoder_init, and
   GLIMPSE_ERROR_ARGUMENT for a slot that there is not, GLIMPSE_ERROR_SIGNATURE. */
int models_use(uint8_t slot);

/* From now on a slot's model counts only with a signature behind it by the owner of this key (docs/model-blob.md); NULL:
   with or without. The key stays where it is. */
void models_demand(const uint8_t *key);

/* Whether the bytes of a slot are signed as demanded; the built-in model always is. GLIMPSE_ERROR_SIGNATURE: they are
   not. */
int models_check(uint8_t slot);

/* The check that the blob in a slot states, whole or not; false: there is no blob, or no such slot. */
bool models_stored(uint8_t slot, uint32_t *check);

/* Of the model in use; valid until the next models_use. */
glimpse_encoder *models_encoder(void);
uint8_t models_slot(void);

/* What this build offers to a model, in bytes: row windows and kernel scratch, and the latent. */
uint32_t models_buffer_bytes(void);
uint32_t models_latent_bytes(void);

/* Of the frame that is being sent; shares memory with the encoder. */
glimpse_schedule *models_schedule(void);

/* Memory behind it that no one needs between a frame's last row and the next frame's first; NULL, 0 bytes where there is none. */
uint8_t *models_spare(size_t *bytes);

/* Flash of a slot that is not in use. GLIMPSE_ERROR_ARGUMENT: in use or no such slot; _STORAGE: the flash refused. */
int models_erase(uint8_t slot);
int models_write(uint8_t slot, uint32_t offset, const uint8_t *bytes, size_t count);

#endif
