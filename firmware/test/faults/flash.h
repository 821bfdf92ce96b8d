/* SPDX-License-Identifier: Apache-2.0 */
/* The settings regions as memory, where power is cut or the flash refuses in the middle of any write or erase. */
#ifndef GLIMPSE_TEST_FAULTS_FLASH_H
#define GLIMPSE_TEST_FAULTS_FLASH_H

#include <setjmp.h>
#include <stdint.h>

/* Where a cut leads: to be set before the first write. */
extern jmp_buf power;
extern unsigned long cuts, erases; /* so far */

/* Erased flash, and how often it fails, both from the seed. */
void flash_begin(uint64_t seed);

/* Plays `script`, which does the same each time, on erased flash that never fails; then for each of its writes and
   erases in turn with the power cut there: before anything of it is done, after each of `parts` equal parts of it (an
   even number), and of every other part with some bytes of the word that follows. Exits with status 1 where the script
   does not come to erase both regions, or a cut does not come. */
void flash_cut_everywhere(uint32_t parts, void (*script)(void));

/* 0 .. below - 1. */
uint32_t chance(uint32_t below);

#endif
