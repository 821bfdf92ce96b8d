/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_PORTS_NRF53_SERIAL_H
#define GLIMPSE_PORTS_NRF53_SERIAL_H

#include <stdbool.h>

/* Stops the transmitter once its last byte has left the chip; waits a few milliseconds at most. */
void serial_finish(void);

/* Interrupts are masked. Nothing waits, and a byte that comes is an interrupt. */
bool serial_is_silent(void);

#endif
