/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a node that seals, and whose flash fails: app/counter.c and app/sealing.c over app/settings.c, with
   the power cut or the flash refusing in the middle of any write or erase. No counter of an uplink is ever given out
   twice under one key, and no downlink is ever taken twice.

     counter HISTORIES SEED      prints how often each thing happened; stops at the first number given out twice
     counter every               one life, with the power cut at each write and erase in turn */
#include "app/counter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/protocol.h"
#include "app/sealing.h"
#include "core/status.h"
#include "test/faults/flash.h"

enum { STEPS = 100, NEAR_THE_END = 3000, SCRIPT = 80, PARTS = 16 };

static unsigned long given, refused, heard, replayed, ended, starts, old_state, new_state;

static const uint8_t packet[11] = {0x4B, 0x08, 0x00, 0x03, 0x12, 0x30, 0x9D, 0x56, 0x5A, 0x9A, 0xD4};
static uint8_t key_body[NODE_KEY_BODY_BYTES];
static node_settings settings;
static glimpse_seal gateway; /* seals downlinks */

static void broken(const char *what, uint32_t number)
{
    printf("%s %u\n", what, number);
    exit(1);
}

static void send(uint64_t *next_new, uint32_t count)
{
    for (; count > 0; count--) {
        uint32_t counter;
        const int status = node_counter_take(&counter);
        if (status != GLIMPSE_OK) {
            refused += status == GLIMPSE_ERROR_STORAGE;
            ended += status == GLIMPSE_ERROR_COUNTER;
            return;
        }
        /* Rising: a number not above all before it was given out already, or could have been. */
        if (counter < *next_new || counter == GLIMPSE_SEAL_COUNTER_END) {
            broken("given out twice:", counter);
        }
        *next_new = (uint64_t)counter + 1;
        ++given;
    }
}

static void hear(uint8_t *taken, uint32_t counter)
{
    uint8_t sealed[24];
    const int length = glimpse_seal_close(&gateway, counter, packet, sizeof packet, sizeof sealed, sealed);
    const int opened = node_sealing_open(sealed, (size_t)length, sealed);
    if (opened > 0) {
        if (taken[counter]++ != 0) {
            broken("taken twice:", counter);
        }
        if (settings.security.heard <= counter) {
            broken("acted on before it was kept:", counter);
        }
        ++heard;
    } else {
        replayed += opened == GLIMPSE_ERROR_REPLAY;
    }
}

static void live(void)
{
    static uint8_t taken[STEPS + 1]; /* static: they outlive a longjmp */
    static uint64_t next_new;
    static uint32_t next_down, steps;
    memset(taken, 0, sizeof taken);
    next_new = 0;
    next_down = steps = 0;
    (void)setjmp(power);
    ++starts;
    node_settings_load(&settings);
    node_sealing_begin(&settings);
    if (!node_sealing_on()) {
        if (steps == 0 && chance(3) == 0) {
            settings.security.reserved = GLIMPSE_SEAL_COUNTER_END - chance(NEAR_THE_END);
            node_counter_begin(&settings);
        }
        while (steps++ < STEPS && node_sealing_install(key_body) != GLIMPSE_OK) {
        }
    }
    while (steps++ < STEPS) {
        switch (chance(4)) {
        case 0: /* up to a few blocks, so that lives cross their ends, and some start close to the counter's end */
            send(&next_new, chance(2 * NODE_COUNTERS_RESERVED));
            break;
        case 1:
            settings.next_frame = (uint8_t)(steps & 63u); /* others save these settings too */
            (void)node_settings_save(&settings);
            break;
        case 2:
            if (node_sealing_on()) { /* a downlink: new, late, or one that was taken before */
                const uint32_t counter = chance(3) == 0 && next_down > 0 ? chance(next_down) : next_down;
                next_down += counter == next_down;
                hear(taken, counter);
            }
            break;
        default:
            if (chance(8) == 0) {
                node_settings_load(&settings); /* power lost between two writes */
                node_sealing_begin(&settings);
                ++starts;
            }
        }
    }
}

/* ---- one life, the same each time but for where it is cut */

static bool same(const node_settings *a, const node_settings *b)
{
    return a->next_frame == b->next_frame && memcmp(&a->security, &b->security, sizeof a->security) == 0;
}

/* A key, then packets, downlinks and settings in turns. A downlink that was cut off comes again, and each comes again
   once it was taken; after each start come all. What a start finds is what was kept last or what was being written. */
static void live_by_script(void)
{
    static uint8_t taken[SCRIPT]; /* static: they outlive a longjmp */
    static node_settings before, writing;
    static uint64_t next_new;
    static uint32_t step;
    static bool cut;
    memset(taken, 0, sizeof taken);
    next_new = step = 0;
    cut = false;
    node_settings_load(&settings);
    before = settings;
    if (setjmp(power) != 0) {
        cut = true;
        writing = settings;
    }
    node_settings_load(&settings);
    if (!same(&settings, &before) && !(cut && same(&settings, &writing))) {
        broken("neither the old state nor the new one in step", step);
    }
    old_state += cut && same(&settings, &before);
    new_state += cut && same(&settings, &writing);
    before = settings;
    node_sealing_begin(&settings);
    for (uint32_t counter = 0; node_sealing_on() && counter < settings.security.heard; counter++) {
        taken[counter] = 1; /* kept, and the power went before it was acted on */
        hear(taken, counter);
    }
    for (; step < SCRIPT; step++, before = settings) {
        if (step == 0) {
            if (!node_sealing_on() && node_sealing_install(key_body) != GLIMPSE_OK) {
                broken("not installed in step", step);
            }
        } else if (step % 4 == 1) {
            send(&next_new, NODE_COUNTERS_RESERVED - 1);
        } else if (step % 4 == 2) {
            settings.next_frame = (uint8_t)(step & 63u);
            (void)node_settings_save(&settings);
        } else {
            const uint32_t counter = step / 2;
            hear(taken, counter);
            if (taken[counter] == 0) {
                broken("not taken:", counter);
            }
            hear(taken, counter);
        }
    }
}

int main(int count, char **words)
{
    memset(key_body, 0xA5, sizeof key_body);
    key_body[sizeof key_body - 1] = NODE_SEAL_SECRET;
    glimpse_seal_begin(&gateway, key_body, key_body + GLIMPSE_KEY_BYTES, GLIMPSE_DOWNLINK, true);
    if (count == 2 && strcmp(words[1], "every") == 0) {
        flash_cut_everywhere(PARTS, live_by_script);
        printf("cuts %lu\nerases %lu\ngiven %lu\nheard %lu\nreplayed %lu\nold_state %lu\nnew_state %lu\n", cuts, erases,
               given, heard, replayed, old_state, new_state);
        return 0;
    }
    if (count != 3) {
        return 2;
    }
    for (unsigned long i = 0; i < strtoul(words[1], NULL, 10); i++) {
        flash_begin(strtoull(words[2], NULL, 10) * 1000003u + i);
        live();
    }
    printf("given %lu\nrefused %lu\nheard %lu\nreplayed %lu\nended %lu\nstarts %lu\ncuts %lu\nerases %lu\n", given,
           refused, heard, replayed, ended, starts, cuts, erases);
    return 0;
}
