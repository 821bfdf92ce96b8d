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
    node_security security;
    uint32_t check; /* CRC-32 of what precedes */
} record;
_Static_assert(sizeof(record) == 16 + sizeof(node_security) && sizeof(record) % 4 == 0, "no holes, whole words");

static struct {
    uint32_t sequence;  /* the highest so far */
    port_region holder; /* the region of the newest sound record, which must not be erased */
    port_region
        region;  /* the one that the next record goes to; another one than the holder while writing there fails */
    size_t next; /* offset of the first free place in it */
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
        newest.holder = region;
        settings->boots = r.boots;
        settings->model_slot = r.model_slot;
        settings->next_frame = r.next_frame;
        settings->security = r.security;
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
    newest.holder = PORT_REGION_SETTINGS_A;
    scan(PORT_REGION_SETTINGS_A, settings);
    scan(PORT_REGION_SETTINGS_B, settings);
    newest.region = newest.holder;
    newest.next = first_erased(newest.region);
}

static port_region other_than(port_region region)
{
    return region == PORT_REGION_SETTINGS_A ? PORT_REGION_SETTINGS_B : PORT_REGION_SETTINGS_A;
}

bool node_settings_save(const node_settings *settings)
{
    record r = {.sequence = newest.sequence + 1u,
                .boots = settings->boots,
                .model_slot = settings->model_slot,
                .next_frame = settings->next_frame,
                .reserved = {0, 0},
                .security = settings->security};
    r.check = check_of(&r);
    if (newest.next + sizeof r > port_region_size(newest.region)) {
        const port_region spare = other_than(newest.holder);
        if (!port_region_erase(spare)) {
            return false;
        }
        newest.region = spare;
        newest.next = 0;
    }
    const bool written = port_region_write(newest.region, newest.next, &r, sizeof r);
    if (written) {
        newest.holder = newest.region;
    }
    newest.sequence = r.sequence;
    /* Where writing failed half way the place is lost; where nothing was written it must be filled, because a free
       place ends the search for records. */
    if (!is_erased(port_region_base(newest.region) + newest.next, sizeof r)) {
        newest.next += sizeof r;
    }
    return written;
}
