/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a node whose flash fails: app/settings.c over two small regions, with the power cut or the flash
   refusing in the middle of any write or erase. After each start the newest record that was reported as kept must be
   there, or a later one, whole. Some lives begin with the records of older firmware.

     settings HISTORIES SEED      prints how often each thing happened; stops at the first record lost
     settings every               one life, with the power cut at each write and erase in turn, in each word of it */
#include "app/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crc.h"
#include "ports/port.h"
#include "test/faults/flash.h"

/* Records of older firmware, in bytes: without and with a key, with all settings but the last ones, with all of them. */
enum {
    STEPS = 80,
    FIRST = 16,
    SEALING = 16 + sizeof(node_security),
    SECOND = 40 + sizeof(node_security) + sizeof(node_link),
    THIRD = SECOND + 4,
    MOST_OLD = 5,
    OLD_IN_SCRIPT = 2,
    SCRIPT = 28, /* records */
    WORDS = (THIRD + sizeof(node_update) + NODE_NAME_BYTES) / 4
};

static unsigned long saved, refused, later, old;

/* ---- lives: `boots` counts the records of a life, the other fields follow from it */

static node_settings numbered(uint32_t number)
{
    const uint8_t byte = (uint8_t)(number * 7u);
    node_settings settings = {
        .boots = number,
        .next_frame = (uint8_t)(number & 63u),
        .answered = true,
        .answer = {(uint16_t)(number * 3u & GLIMPSE_MAX_SEQUENCE), byte, (uint8_t)~byte},
        .remote = {.period = 10u + number * 11u,
                   .deadline = 2592000u - number,
                   .crop = {(uint8_t)(byte / 4u), (uint8_t)(byte / 4u + 40u), (uint8_t)(byte / 5u),
                            (uint8_t)(byte / 5u + 50u)},
                   .budget = (uint16_t)(11u + number * 5u),
                   .payload = (uint8_t)(11u + byte % 200u),
                   .channels = (uint8_t)(1u + byte % 64u),
                   .slot = byte,
                   .prior = byte,
                   .parity = (uint8_t)(byte % 9u),
                   .parity_first = (uint8_t)(byte / 2u % 9u),
                   .quiet = (uint8_t)~byte},
    };
    memset(settings.security.key, (int)(number & 255u), sizeof settings.security.key);
    settings.security.reserved = ~number;
    settings.link.known = NODE_DUTY_KEPT;
    memset(settings.link.duty, byte, sizeof settings.link.duty);
    memset(settings.update.key, byte / 2, sizeof settings.update.key);
    settings.update.before = byte;
    memset(settings.name, byte, sizeof settings.name);
    return settings;
}

static bool same(const node_settings *a, const node_settings *b)
{
    return a->next_frame == b->next_frame && a->answered == b->answered && a->remote.slot == b->remote.slot &&
           memcmp(&a->answer, &b->answer, sizeof a->answer) == 0 && a->remote.period == b->remote.period &&
           a->remote.deadline == b->remote.deadline &&
           memcmp(&a->remote.crop, &b->remote.crop, sizeof a->remote.crop) == 0 &&
           a->remote.budget == b->remote.budget && a->remote.payload == b->remote.payload &&
           a->remote.channels == b->remote.channels && a->remote.prior == b->remote.prior &&
           a->remote.parity == b->remote.parity && a->remote.parity_first == b->remote.parity_first &&
           a->remote.quiet == b->remote.quiet && memcmp(&a->security, &b->security, sizeof a->security) == 0 &&
           memcmp(&a->link, &b->link, sizeof a->link) == 0 && memcmp(&a->update, &b->update, sizeof a->update) == 0 &&
           memcmp(a->name, b->name, sizeof a->name) == 0;
}

/* Sequence, boots, slot, frame, zeros, then what there was of a key, check. */
static void write_old(size_t bytes, uint32_t number)
{
    uint8_t *const place = (uint8_t *)(uintptr_t)port_region_base(PORT_REGION_SETTINGS_A) + bytes * (number - 1);
    const node_settings settings = numbered(number);
    const uint8_t few[4] = {settings.remote.slot, settings.next_frame, 0, 0};
    memcpy(place, &number, 4);
    memcpy(place + 4, &number, 4);
    memcpy(place + 8, few, 4);
    memcpy(place + 12, &settings.security, bytes - FIRST);
    const uint32_t check = glimpse_crc32(0, place, bytes - 4);
    memcpy(place + bytes - 4, &check, 4);
}

/* Of versions 2 and 3: as it stands in flash, part after part. */
static void write_ended(size_t bytes, uint32_t number)
{
    const node_settings settings = numbered(number);
    const uint8_t version = bytes == SECOND ? 2 : 3;
    const glimpse_settings *const remote = &settings.remote;
    const uint8_t few[4] = {remote->slot, settings.next_frame, version, 1};
    const uint8_t last[4] = {remote->prior, remote->parity, remote->parity_first, remote->quiet};
    const uint8_t answer[4] = {(uint8_t)settings.answer.sequence, (uint8_t)(settings.answer.sequence >> 8),
                               settings.answer.result, settings.answer.command};
    const uint8_t limits[4] = {(uint8_t)remote->budget, (uint8_t)(remote->budget >> 8), remote->payload,
                               remote->channels};
    const uint32_t end = 0x5A5A5A5A;
    const struct {
        const void *bytes;
        size_t count;
    } parts[] = {{&number, 4},
                 {&number, 4},
                 {few, 4},
                 {answer, 4},
                 {&remote->period, 4},
                 {&remote->deadline, 4},
                 {&remote->crop, 4},
                 {limits, 4},
                 {&settings.security, sizeof settings.security},
                 {&settings.link, sizeof settings.link},
                 {last, bytes - SECOND}};
    uint8_t *const place = (uint8_t *)(uintptr_t)port_region_base(PORT_REGION_SETTINGS_A) + bytes * (number - 1);
    size_t at = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(place + at, parts[i].bytes, parts[i].count);
        at += parts[i].count;
    }
    const uint32_t check = glimpse_crc32(0, place, at);
    memcpy(place + at, &check, 4);
    memcpy(place + at + 4, &end, 4);
}

static void load(uint32_t kept, uint32_t tried, uint32_t olds, size_t old_bytes)
{
    node_settings seen;
    node_settings_load(&seen);
    node_settings expected = numbered(seen.boots);
    if (seen.boots <= olds) {
        expected.update = (node_update){.demanded = 0};
        memset(expected.name, 0, sizeof expected.name);
    }
    if (seen.boots > 0 && seen.boots <= olds && old_bytes >= SECOND) {
        if (old_bytes == SECOND) {
            expected.remote.prior = expected.remote.parity = expected.remote.parity_first = 0;
            expected.remote.quiet = 0;
        }
        ++old;
    } else if (seen.boots <= olds) {
        expected.answered = false;
        expected.answer = (glimpse_answer){0, 0, 0};
        const uint8_t slot = expected.remote.slot;
        expected.remote = glimpse_settings_default();
        expected.link = (node_link){.dialect = 0};
        expected.remote.slot = seen.boots == 0 ? GLIMPSE_SLOT_BUILTIN : slot;
        if (seen.boots == 0 || old_bytes == FIRST) {
            expected.security = (node_security){.mode = 0};
        }
        old += seen.boots > 0;
    }
    if (seen.boots < kept || seen.boots > tried || !same(&seen, &expected)) {
        printf("lost: kept %u, tried %u, found %u\n", kept, tried, seen.boots);
        exit(1);
    }
    later += seen.boots > kept;
}

static void live(void)
{
    static uint32_t kept, tried, steps, olds; /* static: they outlive a longjmp */
    static size_t old_bytes;
    static const size_t sizes[4] = {FIRST, SEALING, SECOND, THIRD};
    olds = chance(2) * (1 + chance(MOST_OLD));
    old_bytes = sizes[chance(4)];
    for (uint32_t i = 1; i <= olds; i++) {
        if (old_bytes >= SECOND) {
            write_ended(old_bytes, i);
        } else {
            write_old(old_bytes, i);
        }
    }
    kept = tried = olds;
    steps = 0;
    (void)setjmp(power);
    load(kept, tried, olds, old_bytes);
    while (steps++ < STEPS) {
        const node_settings settings = numbered(++tried);
        if (node_settings_save(&settings)) {
            kept = tried;
            ++saved;
        } else {
            ++refused;
        }
        if (chance(8) == 0) {
            load(kept, tried, olds, old_bytes);
        }
    }
    load(kept, tried, olds, old_bytes);
}

/* Records one after the other, until both regions have been erased twice. What was being written when the power went is
   there whole or not at all, and each later record is found at once. */
static void live_by_script(void)
{
    static uint32_t kept, tried; /* static: they outlive a longjmp */
    static bool cut;
    kept = tried = OLD_IN_SCRIPT;
    cut = false;
    for (uint32_t i = 1; i <= OLD_IN_SCRIPT; i++) {
        write_ended(THIRD, i);
    }
    if (setjmp(power) != 0) {
        cut = true;
    }
    load(kept, tried, OLD_IN_SCRIPT, THIRD);
    while (tried < SCRIPT) {
        const node_settings settings = numbered(++tried);
        if (!node_settings_save(&settings)) {
            printf("not saved: %u\n", tried);
            exit(1);
        }
        kept = tried;
        if (cut) {
            load(kept, tried, OLD_IN_SCRIPT, THIRD);
        }
    }
    load(kept, tried, OLD_IN_SCRIPT, THIRD);
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "every") == 0) {
        flash_cut_everywhere(2 * WORDS, live_by_script);
        printf("cuts %lu\nerases %lu\nlater %lu\nold %lu\n", cuts, erases, later, old);
        return 0;
    }
    if (count != 3) {
        return 2;
    }
    for (unsigned long i = 0; i < strtoul(words[1], NULL, 10); i++) {
        flash_begin(strtoull(words[2], NULL, 10) * 1000003u + i);
        live();
    }
    printf("saved %lu\nrefused %lu\ncuts %lu\nerases %lu\nlater %lu\nold %lu\n", saved, refused, cuts, erases, later,
           old);
    return 0;
}
