/* SPDX-License-Identifier: Apache-2.0 */
#include "app/update.h"

#include <string.h>

#include "app/models.h"
#include "app/protocol.h"
#include "app/trial.h"
#include "core/status.h"
#include "monocypher.h"
#include "ports/port.h"

/* What the key before signs, so that it says from which key to which one. */
static const uint8_t key_change[8] = {'G', 'L', 'P', 'K', 'E', 'Y', '1', 0};

static node_settings *kept;

static void demand(const node_update *update)
{
    models_demand(update->demanded != 0 ? update->key : NULL);
}

void node_update_start(node_settings *settings)
{
    kept = settings;
    trial_start(settings, port_get_reset_cause() == PORT_RESET_WATCHDOG);
    ++settings->boots;
    (void)node_settings_save(settings); /* before the model is touched: if that hangs, the start has been counted */
    demand(&settings->update);
    const int status = models_use(settings->remote.slot);
    if (status != GLIMPSE_OK && settings->update.state == NODE_MODEL_ON_TRIAL) {
        trial_give_up(settings);
        (void)models_use(settings->remote.slot);
        (void)node_settings_save(settings);
    }
}

/* Revisions count up and wrap nowhere: 255 is the last. */
static bool is_older(const glimpse_codec *before)
{
    const glimpse_codec *const now = &models_encoder()->model->codec;
    return now->model == before->model && now->revision < before->revision;
}

int node_update_select(uint8_t slot, bool older)
{
    const node_settings before = *kept;
    const uint8_t from = models_slot();
    const glimpse_codec codec = models_encoder()->model->codec;
    int status = models_use(slot);
    if (status != GLIMPSE_OK) {
        return status;
    }
    trial_switch(kept, from, slot);
    kept->remote.slot = slot;
    if (!older && is_older(&codec)) {
        status = GLIMPSE_ERROR_OLDER;
    } else if (before.remote.slot != slot && !node_settings_save(kept)) {
        status = GLIMPSE_ERROR_STORAGE;
    }
    if (status != GLIMPSE_OK) {
        *kept = before;
        (void)models_use(from);
    }
    return status;
}

static bool is_kept(uint8_t slot)
{
    return kept->update.state == NODE_MODEL_ON_TRIAL && slot == kept->update.before;
}

int node_update_erase(uint8_t slot)
{
    return is_kept(slot) ? GLIMPSE_ERROR_TRIAL : models_erase(slot);
}

int node_update_write(uint8_t slot, uint32_t offset, const uint8_t *bytes, size_t count)
{
    return is_kept(slot) ? GLIMPSE_ERROR_TRIAL : models_write(slot, offset, bytes, count);
}

void node_update_proven(void)
{
    if (kept->update.state != NODE_MODEL_ON_TRIAL) {
        return;
    }
    kept->update.state = NODE_MODEL_PROVEN;
    if (!node_settings_save(kept)) {
        kept->update.state = NODE_MODEL_ON_TRIAL; /* the next photo tries again */
    }
}

/* By the key that is there, if there is one. */
static bool is_signed(const uint8_t *body)
{
    uint8_t change[sizeof key_change + 2 * NODE_UPDATE_KEY_BYTES];
    memcpy(change, key_change, sizeof key_change);
    memcpy(change + sizeof key_change, kept->update.key, NODE_UPDATE_KEY_BYTES);
    memcpy(change + sizeof key_change + NODE_UPDATE_KEY_BYTES, body, NODE_UPDATE_KEY_BYTES);
    return kept->update.demanded == 0 ||
           crypto_eddsa_check(body + NODE_UPDATE_KEY_BYTES, kept->update.key, change, sizeof change) == 0;
}

int node_update_install(const uint8_t *body)
{
    static const uint8_t none[NODE_UPDATE_KEY_BYTES];
    const node_update before = kept->update;
    if (memcmp(body, none, sizeof none) == 0) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    if (before.demanded != 0 && memcmp(body, before.key, sizeof before.key) == 0) {
        return GLIMPSE_OK;
    }
    if (!is_signed(body)) {
        return GLIMPSE_ERROR_SIGNATURE;
    }
    memcpy(kept->update.key, body, sizeof before.key);
    kept->update.demanded = 1;
    demand(&kept->update);
    int status = models_check(models_slot());
    if (status == GLIMPSE_OK && kept->update.state == NODE_MODEL_ON_TRIAL) {
        status = models_check(kept->update.before);
    }
    if (status == GLIMPSE_OK && !node_settings_save(kept)) {
        status = GLIMPSE_ERROR_STORAGE;
    }
    if (status != GLIMPSE_OK) {
        kept->update = before;
        demand(&kept->update);
    }
    return status;
}
