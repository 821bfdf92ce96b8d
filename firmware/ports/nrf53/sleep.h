/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_PORTS_NRF53_SLEEP_H
#define GLIMPSE_PORTS_NRF53_SLEEP_H

#include <stdbool.h>

/* The clock that runs on in sleep, and the button as wake pin, from now on. */
void sleep_start(void);
void wake_interrupt(void);

/* The modem's line: with `on`, a byte that comes is an interrupt. True: one is there. */
bool modem_wakes(bool on);

#endif
