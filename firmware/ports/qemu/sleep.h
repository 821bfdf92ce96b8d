/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_PORTS_QEMU_SLEEP_H
#define GLIMPSE_PORTS_QEMU_SLEEP_H

#include <stdint.h>

/* Ticks of the timer that the core has slept for, since the start; wraps. */
uint32_t sleep_ticks(void);

#endif
