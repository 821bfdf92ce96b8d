/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_PORTS_STM32F7_SERIAL_H
#define GLIMPSE_PORTS_STM32F7_SERIAL_H

#include <stdbool.h>

/* Waits until the last byte has left the chip, 2 ms at most; at once when the line is not open. */
void serial_finish(void);

/* Interrupts are masked. Nothing waits, and a byte that comes is an interrupt. */
bool serial_is_silent(void);

#endif
