/* SPDX-License-Identifier: Apache-2.0 */
#include "app/models.h"

#include <stdalign.h>
#include <string.h>

#include "app/message.h"
#include "app/protocol.h"
#include "core/status.h"
#include "glimpse_builtin_model.h"
#include "monocypher.h"
#include "ports/port.h"

enum { SLOTS = 2, SIZE_AT = 8, CHECK_AT = 12, SIGNATURE_BYTES = 64 }; /* docs/model-blob.md */

static const uint8_t blob_mark[4] = {'G', 'L', 'P', 'M'};
#if NODE_SIGNED_MODELS
static const uint8_t signature_mark[4] = {'G', 'L', 'P', 'S'};
#endif

#ifndef NODE_BUFFER_SECTION
#define NODE_BUFFER_SECTION ".bss.node_buffer"
#endif

#define LARGER(a, b) ((a) > (b) ? (a) : (b))

/* Placed by the linker; `glimpse bench` tells them apart by these names. */
alignas(16) static uint8_t working_buffer[LARGER(NODE_BUFFER_BYTES, GLIMPSE_BUILTIN_BUFFER_BYTES)]
    __attribute__((section(NODE_BUFFER_SECTION)));
alignas(4) static int8_t node_latent[LARGER(NODE_LATENT_BYTES, GLIMPSE_BUILTIN_LATENT_BYTES)];
static int8_t side_output[LARGER(NODE_SIDE_BYTES, GLIMPSE_BUILTIN_SIDE_BYTES)];

static glimpse_model model;
static glimpse_encoder encoder;
static uint8_t slot_in_use = NODE_BUILTIN_MODEL;
static const uint8_t *demanded_key; /* NULL: none */

static const void *blob_of(uint8_t slot, size_t *size)
{
    if (slot == NODE_BUILTIN_MODEL) {
        *size = sizeof glimpse_builtin_model;
        return glimpse_builtin_model;
    }
    const port_region region = (port_region)(PORT_REGION_SLOT0 + slot);
    *size = port_region_size(region);
    return port_region_base(region);
}

static bool is_slot(uint8_t slot)
{
    return slot == NODE_BUILTIN_MODEL || slot < SLOTS;
}

void models_demand(const uint8_t *key)
{
    demanded_key = key;
}

/* The size is read before the signature holds: whatever it says, only bytes of the slot are read. */
int models_check(uint8_t slot)
{
    if (!is_slot(slot)) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
#if NODE_SIGNED_MODELS
    if (demanded_key != NULL && slot != NODE_BUILTIN_MODEL) {
        size_t room;
        const uint8_t *const blob = blob_of(slot, &room);
        const uint32_t size = message_get_u32(blob + SIZE_AT);
        const uint8_t *const seal = blob + size;
        if (size < GLIMPSE_MODEL_ALIGNMENT || size > room - sizeof signature_mark - SIGNATURE_BYTES ||
            memcmp(seal, signature_mark, sizeof signature_mark) != 0 ||
            crypto_eddsa_check(seal + sizeof signature_mark, demanded_key, blob, size) != 0) {
            return GLIMPSE_ERROR_SIGNATURE;
        }
    }
#endif
    return GLIMPSE_OK;
}

bool models_stored(uint8_t slot, uint32_t *check)
{
    size_t size;
    if (!is_slot(slot)) {
        return false;
    }
    const uint8_t *const blob = blob_of(slot, &size);
    *check = message_get_u32(blob + CHECK_AT);
    return memcmp(blob, blob_mark, sizeof blob_mark) == 0;
}

static int load(uint8_t slot)
{
    int status = models_check(slot);
    if (status != GLIMPSE_OK) {
        return status;
    }
    size_t size;
    const void *const blob = blob_of(slot, &size);
    status = glimpse_model_load(&model, blob, size);
    if (status != GLIMPSE_OK) {
        return status;
    }
    if (model.photo_width > NODE_MAX_PHOTO_WIDTH) {
        return GLIMPSE_ERROR_MODEL_LIMIT;
    }
    status = glimpse_encoder_init(&encoder, &model, working_buffer, sizeof working_buffer, node_latent,
                                  sizeof node_latent, side_output, sizeof side_output);
    if (status == GLIMPSE_OK) {
        slot_in_use = slot;
    }
    return status;
}

int models_use(uint8_t slot)
{
    const uint8_t before = slot_in_use;
    const int status = load(slot);
    if (status != GLIMPSE_OK && load(before) != GLIMPSE_OK && load(NODE_BUILTIN_MODEL) != GLIMPSE_OK) {
        port_text("the built-in model does not fit this build\n");
        port_exit(1);
    }
    return status;
}

uint32_t models_buffer_bytes(void)
{
    return sizeof working_buffer;
}

uint32_t models_latent_bytes(void)
{
    return sizeof node_latent;
}

glimpse_encoder *models_encoder(void)
{
    return &encoder;
}

uint8_t models_slot(void)
{
    return slot_in_use;
}

#ifdef GLIMPSE_NN_TFLM /* the interpreter keeps its own things in the buffer */

glimpse_schedule *models_schedule(void)
{
    static glimpse_schedule schedule;
    return &schedule;
}

uint8_t *models_spare(size_t *bytes)
{
    *bytes = 0;
    return NULL;
}

#else

_Static_assert(sizeof(glimpse_schedule) <= sizeof working_buffer, "the schedule fits");

glimpse_schedule *models_schedule(void)
{
    return (glimpse_schedule *)(void *)working_buffer;
}

uint8_t *models_spare(size_t *bytes)
{
    *bytes = sizeof working_buffer - sizeof(glimpse_schedule);
    return working_buffer + sizeof(glimpse_schedule);
}

#endif

static int spare_region(uint8_t slot, port_region *region)
{
    if (slot >= SLOTS || slot == slot_in_use) {
        return GLIMPSE_ERROR_ARGUMENT; /* the network in use is read in place */
    }
    *region = (port_region)(PORT_REGION_SLOT0 + slot);
    return GLIMPSE_OK;
}

int models_erase(uint8_t slot)
{
    port_region region;
    const int status = spare_region(slot, &region);
    if (status != GLIMPSE_OK) {
        return status;
    }
    return port_region_erase(region) ? GLIMPSE_OK : GLIMPSE_ERROR_STORAGE;
}

int models_write(uint8_t slot, uint32_t offset, const uint8_t *bytes, size_t count)
{
    port_region region;
    const int status = spare_region(slot, &region);
    if (status != GLIMPSE_OK) {
        return status;
    }
    return port_region_write(region, offset, bytes, count) ? GLIMPSE_OK : GLIMPSE_ERROR_STORAGE;
}
