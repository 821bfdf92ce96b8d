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

/* 0 .. below - 1. */
uint32_t chance(uint32_t below);

#endif
