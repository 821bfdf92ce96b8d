/* SPDX-License-Identifier: Apache-2.0 */
#include "app/settings.h"

#include <stddef.h>
#include <string.h>

#include "app/protocol.h"
#include "core/crc.h"
#include "ports/port.h"

/* In flash; an erased record reads as all ones, whose check does not hold. */
typedef struct {
    uint32_t sequence; /* counts records over both regions; the highest sound one is the newest */
    uint32_t boots;
    uint8_t model_slot;
    uint8_t next_frame;
    uint8_t reserved[2];
    uint32_t check; /* CRC-32 of what precedes */
} record;

static struct {
    uint32_t sequence;
    port_region region; /* that holds the newest record */
    size_t next;        /* offset of the first place behind it */
} newest;

static uint32_t check_of(const record *r)
{
    return glimpse_crc32(0, (const uint8_t *)r, offsetof(record, check));
}

static bool is_erased(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        if (bytes[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

static void scan(port_region region, node_settings *settings)
{
    const uint8_t *const base = port_region_base(region);
    for (size_t at = 0; at + sizeof(record) <= port_region_size(region); at += sizeof(record)) {
        record r;
        memcpy(&r, base + at, sizeof r);
        if (is_erased(base + at, sizeof r)) {
            return;
        }
        if (r.check != check_of(&r) || r.sequence < newest.sequence) {
            continue;
        }
        newest.sequence = r.sequence;
        newest.region = region;
        settings->boots = r.boots;
        settings->model_slot = r.model_slot;
        settings->next_frame = r.next_frame;
    }
}

static size_t first_erased(port_region region)
{
    const uint8_t *const base = port_region_base(region);
    size_t at = 0;
    while (at + sizeof(record) <= port_region_size(region) && !is_erased(base + at, sizeof(record))) {
        at += sizeof(record);
    }
    return at;
}

void node_settings_load(node_settings *settings)
{
    *settings = (node_settings){.boots = 0, .model_slot = NODE_BUILTIN_MODEL, .next_frame = 0};
    newest.sequence = 0;
    newest.region = PORT_REGION_SETTINGS_A;
    scan(PORT_REGION_SETTINGS_A, settings);
    scan(PORT_REGION_SETTINGS_B, settings);
    newest.next = first_erased(newest.region);
}

bool node_settings_save(const node_settings *settings)
{
    record r = {.sequence = newest.sequence + 1u,
                .boots = settings->boots,
                .model_slot = settings->model_slot,
                .next_frame = settings->next_frame,
                .reserved = {0, 0}};
    r.check = check_of(&r);
    if (newest.next + sizeof r > port_region_size(newest.region)) {
        /* The full region keeps the newest record until the other one holds a newer. */
        newest.region = newest.region == PORT_REGION_SETTINGS_A ? PORT_REGION_SETTINGS_B : PORT_REGION_SETTINGS_A;
        newest.next = 0;
        if (!port_region_erase(newest.region)) {
            return false;
        }
    }
    const size_t at = newest.next;
    newest.next += sizeof r; /* even if writing fails: those bytes are no longer erased */
    newest.sequence = r.sequence;
    return port_region_write(newest.region, at, &r, sizeof r);
}
