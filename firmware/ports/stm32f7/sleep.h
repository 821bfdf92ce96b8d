/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_PORTS_STM32F7_SLEEP_H
#define GLIMPSE_PORTS_STM32F7_SLEEP_H

#include <stdbool.h>
#include <stdint.h>

/* Core cycles that passed while the cycle counter stood still; wraps. */
uint32_t sleep_cycles(void);

/* The button is the wake pin from now on. */
void wake_start(void);
void wake_interrupt(void);

/* The modem's line: with `on`, a byte that comes is an interrupt. True: one is there. */
bool modem_wakes(bool on);

#endif
