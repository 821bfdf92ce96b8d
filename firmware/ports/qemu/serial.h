/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_PORTS_QEMU_SERIAL_H
#define GLIMPSE_PORTS_QEMU_SERIAL_H

#include <stdbool.h>

/* Waits until the emulator has taken the last byte. */
void serial_finish(void);

/* Interrupts are masked. Nothing waits, and a byte that comes is an interrupt. */
bool serial_is_silent(void);

#endif
