/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_BOARD_H
#define GLIMPSE_BOARD_H

#define BOARD_NAME "stm32f746g_disco"
#define BOARD_INTERRUPTS 98u /* RM0385 table 46 */

#define BOARD_HSE_HZ 25000000u /* X2 on the board */
#define BOARD_CORE_HZ 216000000u

#define BOARD_WAKE_PIN 11u /* of port I: the blue button B1 (UM1907) */
/* D2 and D4 of the Arduino header: the first of two pins of port G, see ports/mark.h. */
#define BOARD_MARK_PIN 6u

/* Persistent regions as in linker.ld, in the order of port_region: address, bytes, flash sector. */
#define BOARD_REGIONS                                                                                                  \
    {0x08040000u, 0x40000u, 5u}, {0x08080000u, 0x40000u, 6u}, {0x08020000u, 0x20000u, 4u}, {0x080C0000u, 0x40000u, 7u}

#endif
