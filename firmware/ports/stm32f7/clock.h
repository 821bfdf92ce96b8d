/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_PORTS_STM32F7_CLOCK_H
#define GLIMPSE_PORTS_STM32F7_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Core at BOARD_CORE_HZ from the external oscillator, caches on. Where the oscillator or the PLL does not start the
   core stays on its internal 16 MHz; clock_core_hz and the others say what came of it. */
void clock_start(void);
uint32_t clock_core_hz(void);
uint32_t clock_apb1_hz(void);
uint32_t clock_apb2_hz(void);

/* Waits until (*address & mask) == wanted; false after about `milliseconds`. */
bool clock_wait(const volatile uint32_t *address, uint32_t mask, uint32_t wanted, uint32_t milliseconds);

/* Waits until one of the bits is set; false after about `milliseconds`. */
bool clock_wait_any(const volatile uint32_t *address, uint32_t bits, uint32_t milliseconds);

/* At least so long. */
void clock_pause(uint32_t milliseconds);

#endif
