/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_BOARD_H
#define GLIMPSE_BOARD_H

#define BOARD_NAME "qemu_cortex_m33"
#define BOARD_INTERRUPTS 96u /* Arm Musca-B1 */

#define BOARD_SERIAL_PL011 0x40105000u
#define BOARD_SERIAL_INTERRUPT 44u
#define BOARD_MODEM_UART 0x40106000u /* UART 1 */

#define BOARD_TIMER 0x40000000u /* CMSDK timer */
#define BOARD_TIMER_HZ 40000000u

/* -icount shift=7 is 128 ns an instruction: 5.12 ticks of 25 ns. */
#define BOARD_COUNTER_NUMERATOR 25u
#define BOARD_COUNTER_DENOMINATOR 128u

#define BOARD_WATCHDOG 0x50081000u /* CMSDK watchdog of the secure state, 40 MHz */
/* The nRF5340 runs about 128 MHz / 1.26 cycles per instruction; 5.12 ticks each. */
#define BOARD_WATCHDOG_TICKS_PER_MS 520000u

/* Persistent regions as in linker.ld, in the order of port_region: address, bytes. */
#define BOARD_REGIONS {0x40000u, 0x40000u}, {0x80000u, 0x40000u}, {0xF8000u, 0x4000u}, {0xFC000u, 0x4000u}

#endif
