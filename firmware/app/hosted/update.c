/* SPDX-License-Identifier: Apache-2.0 */
/* app/update.h and app/trial.h answered where the built-in model leaves no room in the flash for signatures and trials:
   a model that was sent is used from the moment on when it is selected. */
#include "app/update.h"
#include "app/models.h"
#include "app/trial.h"
#include "core/status.h"

static node_settings *kept;

void node_update_start(node_settings *settings)
{
    kept = settings;
    ++settings->boots;
    (void)node_settings_save(settings);
    (void)models_use(settings->remote.slot);
}

int node_update_select(uint8_t slot, bool older)
{
    (void)older;
    const uint8_t before = kept->remote.slot;
    const int status = models_use(slot);
    if (status == GLIMPSE_OK && before != slot) {
        kept->remote.slot = slot;
        (void)node_settings_save(kept);
    }
    return status;
}

int node_update_erase(uint8_t slot)
{
    return models_erase(slot);
}

int node_update_write(uint8_t slot, uint32_t offset, const uint8_t *bytes, size_t count)
{
    return models_write(slot, offset, bytes, count);
}

void node_update_proven(void)
{
}

int node_update_install(const uint8_t *body)
{
    (void)body;
    return GLIMPSE_ERROR_MODEL_LIMIT;
}

void trial_switch(node_settings *settings, uint8_t from, uint8_t to)
{
    (void)settings;
    (void)from;
    (void)to;
}
