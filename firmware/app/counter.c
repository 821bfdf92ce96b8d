/* SPDX-License-Identifier: Apache-2.0 */
#include "app/counter.h"

#include "core/status.h"
#include "link/seal.h"

static node_settings *kept;
static uint32_t next; /* below kept->security.reserved while there is one to give */

void node_counter_begin(node_settings *settings)
{
    kept = settings;
    next = settings->security.reserved;
}

static int reserve(void)
{
    const uint32_t before = kept->security.reserved;
    const uint32_t left = GLIMPSE_SEAL_COUNTER_END - before;
    if (left == 0) {
        return GLIMPSE_ERROR_COUNTER;
    }
    kept->security.reserved = before + (left < NODE_COUNTERS_RESERVED ? left : NODE_COUNTERS_RESERVED);
    if (!node_settings_save(kept)) {
        kept->security.reserved = before; /* none of them was used */
        return GLIMPSE_ERROR_STORAGE;
    }
    return GLIMPSE_OK;
}

int node_counter_take(uint32_t *counter)
{
    if (next == kept->security.reserved) {
        const int status = reserve();
        if (status != GLIMPSE_OK) {
            return status;
        }
    }
    *counter = next++;
    return GLIMPSE_OK;
}

int node_counter_heard(uint32_t heard)
{
    const uint32_t before = kept->security.heard;
    if (heard <= before) {
        return GLIMPSE_OK; /* a late one: the highest is kept already */
    }
    kept->security.heard = heard;
    if (!node_settings_save(kept)) {
        kept->security.heard = before;
        return GLIMPSE_ERROR_STORAGE;
    }
    return GLIMPSE_OK;
}
