/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a node whose flash fails: app/settings.c over two small regions, with the power cut or the flash
   refusing in the middle of any write or erase. After each start the newest record that was reported as kept must be
   there, or a later one.

     settings HISTORIES SEED      prints how often each thing happened; stops at the first record lost */
#include "app/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/faults/flash.h"

enum { STEPS = 60 };

static unsigned long saved, refused, later;

/* ---- lives: `boots` counts the records of a life, the other fields follow from it */

static node_settings numbered(uint32_t number)
{
    node_settings settings = {
        .boots = number, .model_slot = (uint8_t)(number * 7u), .next_frame = (uint8_t)(number & 63u)};
    memset(settings.security.key, (int)(number & 255u), sizeof settings.security.key);
    settings.security.reserved = ~number;
    return settings;
}

static void load(uint32_t kept, uint32_t tried)
{
    node_settings seen;
    node_settings_load(&seen);
    const node_settings expected = numbered(seen.boots);
    const bool same =
        seen.boots == 0 || (seen.model_slot == expected.model_slot && seen.next_frame == expected.next_frame &&
                            memcmp(&seen.security, &expected.security, sizeof expected.security) == 0);
    if (seen.boots < kept || seen.boots > tried || !same) {
        printf("lost: kept %u, tried %u, found %u\n", kept, tried, seen.boots);
        exit(1);
    }
    later += seen.boots > kept;
}

static void live(void)
{
    static uint32_t kept, tried, steps; /* static: they outlive a longjmp */
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
        flash_begin(strtoull(words[2], NULL, 10) * 1000003u + i);
        live();
    }
    printf("saved %lu\nrefused %lu\ncuts %lu\nerases %lu\nlater %lu\n", saved, refused, cuts, erases, later);
    return 0;
}
