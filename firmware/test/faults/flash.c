/* SPDX-License-Identifier: Apache-2.0 */
#include "test/faults/flash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/settings.h"
#include "ports/port.h"

/* Room for a few records of app/settings.c, a different number in each region, and a rest. */
enum {
    RECORD = 44 + sizeof(node_security) + sizeof(node_link) + sizeof(node_update) + NODE_NAME_BYTES,
    BYTES_A = 5 * RECORD + 20,
    BYTES_B = 7 * RECORD + 4
};

static uint8_t flash[2][BYTES_B];
typedef enum { SOUND, CUT, REFUSED } outcome;
jmp_buf power;
unsigned long cuts, erases;
static uint32_t failures_in_100; /* of writes and erases */
static uint64_t state;
static struct {
    bool on; /* one cut at a chosen place, instead of failures by chance */
    unsigned long operation, at;
    uint32_t part, parts;
} turn;
static unsigned long erased[2]; /* times, of each region */

uint32_t chance(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

void flash_begin(uint64_t seed)
{
    state = seed;
    (void)chance(2);
    failures_in_100 = chance(4) * 30u; /* from a sound flash to one that nearly always fails */
    memset(flash, 0xFF, sizeof flash);
}

static outcome draw(void)
{
    if (turn.on) {
        return turn.operation++ == turn.at ? CUT : SOUND;
    }
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
    const uint32_t in_turn = turn.part == 0 ? 0 : turn.part < turn.parts ? 1 : 2;
    const uint32_t share = turn.on ? in_turn : chance(3); /* none, some, all */
    ++erases;
    ++erased[region - PORT_REGION_SETTINGS_A];
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
            abort(); /* flash that is not erased: nobody may try that */
        }
    }
    const outcome how = draw();
    const uint32_t words = (uint32_t)count / 4;
    const size_t whole =
        how == SOUND ? count : 4 * (size_t)(turn.on ? words * turn.part / turn.parts : chance(words + 1));
    const size_t torn = !turn.on ? whole + 4 : turn.part % 2 != 0 ? whole + 1 + chance(4) : whole;
    memcpy(bytes, source, whole);
    for (size_t i = whole; i < count && i < torn && (turn.on || chance(2) == 0); i++) {
        bytes[i] = (uint8_t)(((const uint8_t *)source)[i] | chance(256));
    }
    return end(how);
}

/* ---- each place in turn */

static void play(unsigned long at, uint32_t part, uint32_t parts, void (*script)(void))
{
    flash_begin(at * parts + part);
    turn.on = true;
    turn.operation = 0;
    turn.at = at;
    turn.part = part;
    turn.parts = parts;
    script();
}

void flash_cut_everywhere(uint32_t parts, void (*script)(void))
{
    const unsigned long before = cuts;
    memset(erased, 0, sizeof erased);
    play((unsigned long)-1, 0, parts, script);
    const unsigned long operations = turn.operation;
    if (erased[0] == 0 || erased[1] == 0) {
        printf("erases %lu and %lu\n", erased[0], erased[1]);
        exit(1);
    }
    for (unsigned long at = 0; at < operations; at++) {
        for (uint32_t part = 0; part <= parts; part++) {
            play(at, part, parts, script);
        }
    }
    if (cuts - before != operations * (parts + 1)) {
        printf("cuts %lu of %lu\n", cuts - before, operations * (parts + 1));
        exit(1);
    }
}
