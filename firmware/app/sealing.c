/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sealing.h"

#include <string.h>

#include "app/counter.h"
#include "app/protocol.h"
#include "core/status.h"

static node_settings *kept;
static glimpse_seal up, down;
static glimpse_opener opener;

static void use_key(void)
{
    const node_security *const security = &kept->security;
    const bool secret = security->mode == NODE_SEAL_SECRET;
    glimpse_seal_begin(&up, security->key, security->device, GLIMPSE_UPLINK, secret);
    glimpse_seal_begin(&down, security->key, security->device, GLIMPSE_DOWNLINK, secret);
    glimpse_opener_begin(&opener, &down, security->heard);
    if (!node_sealing_on()) {
        glimpse_seal_wipe(&up);
        glimpse_seal_wipe(&down);
    }
}

void node_sealing_begin(node_settings *settings)
{
    kept = settings;
    node_counter_begin(settings);
    use_key();
}

bool node_sealing_on(void)
{
    return kept->security.mode != NODE_SEAL_OFF;
}

int node_sealing_install(const uint8_t *body)
{
    const uint8_t mode = body[GLIMPSE_KEY_BYTES + GLIMPSE_DEVICE_BYTES];
    if (mode > NODE_SEAL_SECRET) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    node_security before = kept->security;
    node_security *const security = &kept->security;
    memset(security->key, 0, sizeof security->key);
    memset(security->device, 0, sizeof security->device);
    security->mode = mode;
    if (mode != NODE_SEAL_OFF) {
        memcpy(security->key, body, sizeof security->key);
        memcpy(security->device, body + GLIMPSE_KEY_BYTES, sizeof security->device);
    }
    if (memcmp(security->key, before.key, sizeof before.key) != 0) {
        security->heard = 0;
        /* Only from one key to another: which one was taken away before is not known any more. */
        if (security->reserved == GLIMPSE_SEAL_COUNTER_END && before.mode != NODE_SEAL_OFF && mode != NODE_SEAL_OFF) {
            security->reserved = 0;
        }
    }
    const bool saved = node_settings_save(kept);
    if (!saved) {
        *security = before;
    }
    if (security->reserved < before.reserved) {
        node_counter_begin(kept);
    }
    glimpse_wipe(&before, sizeof before);
    use_key();
    return saved ? GLIMPSE_OK : GLIMPSE_ERROR_STORAGE;
}

int node_sealing_close(uint8_t *packet, size_t length, size_t payload)
{
    uint32_t counter;
    if (!node_sealing_on()) {
        return GLIMPSE_ERROR_KEY;
    }
    const int status = node_counter_take(&counter);
    return status == GLIMPSE_OK ? glimpse_seal_close(&up, counter, packet, length, payload, packet) : status;
}

int node_sealing_open(const uint8_t *sealed, size_t length, uint8_t *packet)
{
    if (!node_sealing_on()) {
        return GLIMPSE_ERROR_KEY;
    }
    const int opened = glimpse_opener_take(&opener, sealed, length, packet);
    if (opened < 0) {
        return opened;
    }
    const int status = node_counter_heard(opener.next);
    return status == GLIMPSE_OK ? opened : status;
}
