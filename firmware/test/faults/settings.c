/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a node whose flash fails: app/settings.c over two small regions, with the power cut or the flash
   refusing in the middle of any write or erase. After each start the newest record that was reported as kept must be
   there, or a later one.

     settings HISTORIES SEED      prints how often each thing happened; stops at the first record lost */
#include "app/settings.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ports/port.h"

enum { BYTES_A = 80, BYTES_B = 112, STEPS = 60 };

static uint8_t flash[2][BYTES_B];
static jmp_buf power;
typedef enum { SOUND, CUT, REFUSED } outcome;
static uint32_t failures_in_100; /* of writes and erases */
static unsigned long saved, refused, cuts, erases, later;
static uint64_t state;

static uint32_t chance(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

static outcome draw(void)
{
    return chance(100) >= failures_in_100 ? SOUND : chance(2) == 0 ? CUT : REFUSED;
}

/* ---- the regions */

static uint8_t *memory(port_region region)
{
    return flash[region - PORT_REGION_SETTINGS_A];
}

const uint8_t *port_region_base(port_region region)
{
    return memory(region);
}

size_t port_region_size(port_region region)
{
    return region == PORT_REGION_SETTINGS_A ? BYTES_A : BYTES_B;
}

static bool end(outcome how)
{
    if (how == CUT) {
        ++cuts;
        longjmp(power, 1);
    }
    return how == SOUND;
}

/* Cut or refused, any of the words may be erased already, and others hold anything between what they were and ones. */
bool port_region_erase(port_region region)
{
    uint8_t *const bytes = memory(region);
    const outcome how = draw();
    const uint32_t share = chance(3); /* none, some, all */
    ++erases;
    for (size_t i = 0; i < port_region_size(region); i += 4) {
        if (how == SOUND || share == 2 || (share == 1 && chance(2) == 0)) {
            memset(bytes + i, 0xFF, 4);
        } else if (share == 1 && chance(4) == 0) {
            bytes[i + chance(4)] |= (uint8_t)chance(256);
        }
    }
    return end(how);
}

/* Cut or refused, some words from the first on are whole and one more has only some of its zeros. */
bool port_region_write(port_region region, size_t offset, const void *source, size_t count)
{
    uint8_t *const bytes = memory(region) + offset;
    if (offset % 4 != 0 || count % 4 != 0 || offset + count > port_region_size(region)) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0xFF) {
            abort(); /* flash that is not erased: nothing in settings.c may try that */
        }
    }
    const outcome how = draw();
    const size_t whole = how == SOUND ? count : 4 * (size_t)chance((uint32_t)count / 4 + 1);
    memcpy(bytes, source, whole);
    for (size_t i = whole; i < count && i < whole + 4 && chance(2) == 0; i++) {
        bytes[i] = (uint8_t)(((const uint8_t *)source)[i] | chance(256));
    }
    return end(how);
}

/* ---- lives: `boots` counts the records of a life, the other fields follow from it */

static node_settings numbered(uint32_t number)
{
    return (node_settings){
        .boots = number, .model_slot = (uint8_t)(number * 7u), .next_frame = (uint8_t)(number & 63u)};
}

static void load(uint32_t kept, uint32_t tried)
{
    node_settings seen;
    node_settings_load(&seen);
    const node_settings expected = numbered(seen.boots);
    const bool same =
        seen.boots == 0 || (seen.model_slot == expected.model_slot && seen.next_frame == expected.next_frame);
    if (seen.boots < kept || seen.boots > tried || !same) {
        printf("lost: kept %u, tried %u, found %u\n", kept, tried, seen.boots);
        exit(1);
    }
    later += seen.boots > kept;
}

static void live(void)
{
    static uint32_t kept, tried, steps; /* static: they outlive a longjmp */
    memset(flash, 0xFF, sizeof flash);
    kept = tried = steps = 0;
    (void)setjmp(power);
    load(kept, tried);
    while (steps++ < STEPS) {
        const node_settings settings = numbered(++tried);
        if (node_settings_save(&settings)) {
            kept = tried;
            ++saved;
        } else {
            ++refused;
        }
        if (chance(8) == 0) {
            load(kept, tried);
        }
    }
    load(kept, tried);
}

int main(int count, char **words)
{
    if (count != 3) {
        return 2;
    }
    for (unsigned long i = 0; i < strtoul(words[1], NULL, 10); i++) {
        state = strtoull(words[2], NULL, 10) * 1000003u + i;
        (void)chance(2);
        failures_in_100 = chance(4) * 30u; /* from a sound flash to one that nearly always fails */
        live();
    }
    printf("saved %lu\nrefused %lu\ncuts %lu\nerases %lu\nlater %lu\n", saved, refused, cuts, erases, later);
    return 0;
}
