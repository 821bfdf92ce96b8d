/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_PORTS_STM32F7_SDRAM_H
#define GLIMPSE_PORTS_STM32F7_SDRAM_H

#include <stdbool.h>

/* The board's SDRAM at the linker script's EXTERNAL, when something was put there; to be called before that is used,
   with the clocks at their speed. False: it does not start. */
bool sdram_start(void);

#endif
