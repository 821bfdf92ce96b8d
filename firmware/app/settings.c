/* SPDX-License-Identifier: Apache-2.0 */
#include "app/settings.h"

#include <stddef.h>
#include <string.h>

#include "core/crc.h"
#include "core/packet.h"
#include "ports/port.h"

/* In flash, one after the other; an erased word reads as all ones. The older records are read and never written. */
typedef struct {
    uint32_t sequence; /* counts records over both regions; the highest sound one is the newest */
    uint32_t boots;
    uint8_t model_slot;
    uint8_t next_frame;
    uint8_t version; /* 0 */
    uint8_t reserved;
    uint32_t check; /* CRC-32 of what precedes */
} first_record;

/* What comes first is the same in all of them. */
typedef struct {
    uint32_t sequence;
    uint32_t boots;
    uint8_t model_slot;
    uint8_t next_frame;
    uint8_t version; /* 0 */
    uint8_t reserved;
    node_security security;
    uint32_t check;
} sealing_record;

typedef struct {
    uint32_t sequence;
    uint32_t boots;
    uint8_t model_slot;
    uint8_t next_frame;
    uint8_t version; /* 5; 4: anywhere in its region; 3 and 2: without the lines that say so */
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
    node_security security;
    node_link link;
    uint8_t prior, parity, parity_first, quiet; /* not in version 2; the last was 0 before there was such a setting */
    node_update update;                         /* this and what follows not in versions 2 and 3 */
    char name[NODE_NAME_BYTES];
    uint32_t check;
    uint32_t end; /* END: so that a whole record never seems to end in erased words */
} record;

enum { WORD = 4, VERSION = 5, OLDEST_ENDED = 2, VERSION_AT = offsetof(record, version), END = 0x5A5A5A5A };
_Static_assert(sizeof(first_record) == 16 && sizeof(sealing_record) == 16 + sizeof(node_security), "no holes");
_Static_assert(sizeof(record) == 44 + sizeof(node_security) + sizeof(node_link) + sizeof(node_update) + NODE_NAME_BYTES,
               "no holes");
_Static_assert(sizeof(record) % WORD == 0, "whole words");
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

/* The versions before lack only what stands before their check. */
static size_t read_ended(const uint8_t *bytes, size_t left, record *r)
{
    static const uint16_t check_at[] = {offsetof(record, prior), offsetof(record, update), offsetof(record, check),
                                        offsetof(record, check)};
    const size_t at = check_at[bytes[VERSION_AT] - OLDEST_ENDED];
    uint32_t end;
    if (left < at + 8 || !is_sound(bytes, at)) {
        return 0;
    }
    memcpy(&end, bytes + at + 4, sizeof end);
    *r = (record){.sequence = 0};
    memcpy(r, bytes, at);
    return end == END ? at + 8 : 0;
}

/* Reads what lies at `bytes`, of which `left` remain: as the newest version, filled up with defaults. Returns the
   bytes that it takes, 0 when it is no sound record. */
static size_t read_record(const uint8_t *bytes, size_t left, record *r)
{
    sealing_record old = {.version = UINT8_MAX};
    size_t taken = 0;
    const uint8_t version = left > VERSION_AT ? bytes[VERSION_AT] : 0;
    if (version >= OLDEST_ENDED && version <= VERSION) {
        return read_ended(bytes, left, r);
    }
    if (left >= sizeof old && is_sound(bytes, offsetof(sealing_record, check))) {
        taken = sizeof old;
        memcpy(&old, bytes, sizeof old);
    } else if (left >= sizeof(first_record) && is_sound(bytes, offsetof(first_record, check))) {
        taken = sizeof(first_record);
        memcpy(&old, bytes, offsetof(first_record, check));
    }
    *r = (record){.sequence = old.sequence,
                  .boots = old.boots,
                  .model_slot = old.model_slot,
                  .next_frame = old.next_frame,
                  .crop = glimpse_settings_default().crop,
                  .security = old.security};
    return old.version == 0 ? taken : 0;
}

/* Those of the settings that are in their ranges; the others as a node starts with them. */
static glimpse_settings sound_settings(const glimpse_settings *read)
{
    glimpse_settings sound = glimpse_settings_default();
    for (uint8_t type = GLIMPSE_SETTING_FIRST; type < GLIMPSE_SETTING_END; type++) {
        uint8_t bytes[8];
        glimpse_field field;
        glimpse_field_writer writer = {bytes, sizeof bytes, 0};
        if (glimpse_settings_put(read, type, &writer)) {
            glimpse_field_reader reader = {bytes, writer.count, 0};
            (void)glimpse_field_next(&reader, &field);
            (void)glimpse_settings_take(&sound, &field);
        }
    }
    return sound;
}

/* A check that holds says that nothing was damaged, not that every number is one that this firmware writes. */
static node_settings settings_of(const record *r)
{
    node_settings read = {
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
                   .slot = r->model_slot,
                   .prior = r->prior,
                   .parity = r->parity,
                   .parity_first = r->parity_first,
                   .quiet = r->quiet},
        .security = r->security,
        .link = r->link,
        .update = r->update,
    };
    memcpy(read.name, r->name, sizeof read.name);
    read.remote = sound_settings(&read.remote);
    read.next_frame &= GLIMPSE_MAX_FRAME;
    if (read.answer.sequence > GLIMPSE_MAX_SEQUENCE) {
        read.answered = false;
        read.answer = (glimpse_answer){0};
    }
    return read;
}

/* Offset behind the last word that is not erased. A record that was cut off may leave erased words before it. */
static size_t end_of(port_region region)
{
    const uint8_t *const base = port_region_base(region);
    size_t end = port_region_size(region) / WORD * WORD;
    while (end > 0 && is_erased(base + end - WORD, WORD)) {
        end -= WORD;
    }
    return end;
}

/* Older firmware wrote records one behind the other, of several lengths, and behind one that was cut off at its last
   word: all words must be looked at. What one that was cut off brings might read as a record of its own, if it were
   made so. That is why this firmware's lie at multiples of their length, and nothing is looked for in between. */
static size_t stride_in(port_region region)
{
    const uint8_t version = port_region_base(region)[VERSION_AT];
    return version < VERSION ? WORD : sizeof(record);
}

static void scan(port_region region, node_settings *settings)
{
    const uint8_t *const base = port_region_base(region);
    const size_t end = end_of(region), stride = stride_in(region);
    for (size_t at = 0; at < end;) {
        record r;
        const size_t taken = read_record(base + at, end - at, &r);
        at += taken > stride ? taken : stride;
        if (taken > 0 && r.sequence > newest.sequence) { /* they are numbered from 1 */
            newest.sequence = r.sequence;
            newest.holder = region;
            *settings = settings_of(&r);
        }
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
    /* Behind records of older firmware nothing is written. */
    newest.next = stride_in(newest.region) == WORD ? port_region_size(newest.region) : end_of(newest.region);
    newest.next = (newest.next + sizeof(record) - 1) / sizeof(record) * sizeof(record);
}

static port_region other_than(port_region region)
{
    return region == PORT_REGION_SETTINGS_A ? PORT_REGION_SETTINGS_B : PORT_REGION_SETTINGS_A;
}

bool node_settings_save(const node_settings *settings)
{
    const glimpse_settings *const remote = &settings->remote;
    if (newest.sequence + 1u == UINT32_MAX) {
        return false; /* no record with that number would be found again */
    }
    record r = {.sequence = newest.sequence + 1u,
                .boots = settings->boots,
                .model_slot = remote->slot,
                .next_frame = settings->next_frame,
                .version = VERSION,
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
                .security = settings->security,
                .link = settings->link,
                .prior = remote->prior,
                .parity = remote->parity,
                .parity_first = remote->parity_first,
                .quiet = remote->quiet,
                .update = settings->update,
                .end = END};
    memcpy(r.name, settings->name, sizeof r.name);
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
    if (!is_erased(base, sizeof r)) {
        newest.next += sizeof r;
    }
    return written;
}

uint8_t node_settings_take_frame(node_settings *settings)
{
    const uint8_t frame = settings->next_frame;
    settings->next_frame = (uint8_t)((frame + 1u) & GLIMPSE_MAX_FRAME);
    (void)node_settings_save(settings);
    return frame;
}
