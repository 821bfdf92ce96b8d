/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_BOARD_H
#define GLIMPSE_BOARD_H

#define BOARD_NAME "qemu_cortex_m7"
#define BOARD_INTERRUPTS 32u /* Arm AN500: Cortex-M7 on the MPS2 board */

#define BOARD_SERIAL_CMSDK 0x40004000u
#define BOARD_SERIAL_INTERRUPT 0u
#define BOARD_MODEM_UART 0x40005000u /* UART 1 */

#define BOARD_TIMER 0x40000000u /* CMSDK timer */
#define BOARD_TIMER_HZ 25000000u

/* -icount shift=7 is 128 ns an instruction: 3.2 ticks of 40 ns. */
#define BOARD_COUNTER_NUMERATOR 5u
#define BOARD_COUNTER_DENOMINATOR 16u

#define BOARD_WATCHDOG 0x40008000u /* CMSDK watchdog, 25 MHz */
/* The STM32F746 runs about 216 MHz / 0.87 cycles per instruction; 3.2 ticks each. */
#define BOARD_WATCHDOG_TICKS_PER_MS 794000u

/* Persistent regions as in linker.ld, in the order of port_region: address, bytes. */
#define BOARD_REGIONS {0x00240000u, 0x40000u}, {0x00280000u, 0x40000u}, {0x00220000u, 0x20000u}, {0x002C0000u, 0x40000u}

#endif
