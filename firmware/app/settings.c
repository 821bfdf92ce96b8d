/* SPDX-License-Identifier: Apache-2.0 */
#include "app/settings.h"

#include <stddef.h>
#include <string.h>

#include "app/protocol.h"
#include "core/crc.h"
#include "ports/port.h"

/* In flash, in places of the length that the first version had; an erased place reads as all ones. */
typedef struct {
    uint32_t sequence; /* counts records over both regions; the highest sound one is the newest */
    uint32_t boots;
    uint8_t model_slot;
    uint8_t next_frame;
    uint8_t version; /* 0 */
    uint8_t reserved;
    uint32_t check; /* CRC-32 of what precedes */
} record_v0;

/* Three places. What comes first is as in version 0. */
typedef struct {
    uint32_t sequence;
    uint32_t boots;
    uint8_t model_slot;
    uint8_t next_frame;
    uint8_t version; /* 1 */
    uint8_t answered;
    uint16_t answer_sequence;
    uint8_t answer_result;
    uint8_t answer_command;
    uint32_t period;
    uint32_t deadline;
    glimpse_crop crop;
    uint16_t budget;
    uint8_t payload;
    uint8_t channels;
    uint32_t reserved[3]; /* RESERVED: neither erased nor, with a word of it erased, a sound record of version 0 */
    uint32_t check;
} record;

enum { PLACE = sizeof(record_v0), PLACES = sizeof(record) / PLACE, RESERVED = 0x5A5A5A5A };
_Static_assert(PLACE == 16 && sizeof(record) == 3 * PLACE, "as in the flash of nodes in the field");
_Static_assert((int)NODE_BUILTIN_MODEL == (int)GLIMPSE_SLOT_BUILTIN, "one number for the built-in model");

static struct {
    uint32_t sequence;  /* the highest so far */
    port_region holder; /* the region of the newest sound record, which must not be erased */
    port_region
        region;  /* the one that the next record goes to; another one than the holder while writing there fails */
    size_t next; /* offset of the first free place in it */
} newest;

static bool is_erased(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        if (bytes[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

static bool is_sound(const void *bytes, size_t check_at)
{
    uint32_t sequence, check;
    memcpy(&sequence, bytes, sizeof sequence);
    memcpy(&check, (const uint8_t *)bytes + check_at, sizeof check);
    /* The CRC-32 of a word of ones and any number of zeros is all ones: half erased flash can read like that. */
    return sequence != UINT32_MAX && check == glimpse_crc32(0, bytes, check_at);
}

/* Reads what lies at `bytes`, of which `left` remain: as the newest version, filled up with defaults. Returns the
   places that it takes, 0 when it is no sound record. */
static size_t read_record(const uint8_t *bytes, size_t left, record *r)
{
    const glimpse_settings defaults = glimpse_settings_default();
    record_v0 old;
    memcpy(&old, bytes, sizeof old);
    if (old.version == 0 && is_sound(&old, offsetof(record_v0, check))) {
        *r = (record){.sequence = old.sequence,
                      .boots = old.boots,
                      .model_slot = old.model_slot,
                      .next_frame = old.next_frame,
                      .crop = defaults.crop};
        return 1;
    }
    if (old.version == 1 && left >= sizeof *r) {
        memcpy(r, bytes, sizeof *r);
        return is_sound(r, offsetof(record, check)) ? PLACES : 0;
    }
    return 0;
}

static node_settings settings_of(const record *r)
{
    return (node_settings){
        .boots = r->boots,
        .next_frame = r->next_frame,
        .answered = r->answered != 0,
        .answer = {r->answer_sequence, r->answer_result, r->answer_command},
        .remote = {.period = r->period,
                   .deadline = r->deadline,
                   .crop = r->crop,
                   .budget = r->budget,
                   .payload = r->payload,
                   .channels = r->channels,
                   .slot = r->model_slot},
    };
}

/* Offset behind the last place that is not erased. A record that was cut off may leave an erased place before it. */
static size_t end_of(port_region region)
{
    const uint8_t *const base = port_region_base(region);
    size_t end = port_region_size(region) / PLACE * PLACE;
    while (end > 0 && is_erased(base + end - PLACE, PLACE)) {
        end -= PLACE;
    }
    return end;
}

static void scan(port_region region, node_settings *settings)
{
    const uint8_t *const base = port_region_base(region);
    const size_t end = end_of(region);
    for (size_t at = 0; at < end;) {
        record r;
        const size_t places = read_record(base + at, end - at, &r);
        at += places > 0 ? places * PLACE : PLACE;
        if (places == 0 || r.sequence < newest.sequence) {
            continue;
        }
        newest.sequence = r.sequence;
        newest.holder = region;
        *settings = settings_of(&r);
    }
}

void node_settings_load(node_settings *settings)
{
    *settings = (node_settings){.remote = glimpse_settings_default()};
    newest.sequence = 0;
    newest.holder = PORT_REGION_SETTINGS_A;
    scan(PORT_REGION_SETTINGS_A, settings);
    scan(PORT_REGION_SETTINGS_B, settings);
    newest.region = newest.holder;
    newest.next = end_of(newest.region);
}

static port_region other_than(port_region region)
{
    return region == PORT_REGION_SETTINGS_A ? PORT_REGION_SETTINGS_B : PORT_REGION_SETTINGS_A;
}

bool node_settings_save(const node_settings *settings)
{
    const glimpse_settings *const remote = &settings->remote;
    record r = {.sequence = newest.sequence + 1u,
                .boots = settings->boots,
                .model_slot = remote->slot,
                .next_frame = settings->next_frame,
                .version = 1,
                .answered = settings->answered,
                .answer_sequence = settings->answer.sequence,
                .answer_result = settings->answer.result,
                .answer_command = settings->answer.command,
                .period = remote->period,
                .deadline = remote->deadline,
                .crop = remote->crop,
                .budget = remote->budget,
                .payload = remote->payload,
                .channels = remote->channels,
                .reserved = {RESERVED, RESERVED, RESERVED}};
    r.check = glimpse_crc32(0, (const uint8_t *)&r, offsetof(record, check));
    if (newest.next + sizeof r > port_region_size(newest.region)) {
        const port_region spare = other_than(newest.holder);
        if (!port_region_erase(spare)) {
            return false;
        }
        newest.region = spare;
        newest.next = 0;
    }
    const uint8_t *const base = port_region_base(newest.region) + newest.next;
    /* Whatever the hardware says, a record that reads whole is the one that the next start finds. */
    const bool written = port_region_write(newest.region, newest.next, &r, sizeof r) || memcmp(base, &r, sizeof r) == 0;
    if (written) {
        newest.holder = newest.region;
    }
    newest.sequence = r.sequence;
    /* Where writing failed half way the place is lost; where nothing was written it is free as before. */
    for (size_t lost = PLACES; lost > 0; --lost) {
        if (!is_erased(base + (lost - 1) * PLACE, PLACE)) {
            newest.next += lost * PLACE;
            break;
        }
    }
    return written;
}
