/* SPDX-License-Identifier: Apache-2.0 */
/* The two kinds of UART of QEMU's Arm boards behind one set of names; board.h says which one the board has, and
   each call which of the board's it is: its address.
   Neither loses a byte: the emulator holds the next one back until the last one was read. */
#ifndef GLIMPSE_PORTS_QEMU_UART_H
#define GLIMPSE_PORTS_QEMU_UART_H

#include <stdbool.h>

#include "board.h"
#include "ports/cortexm/cortexm.h"

#if defined(BOARD_SERIAL_CMSDK) /* Arm CMSDK technical reference manual, section 4.3 */

#define UART_SERIAL BOARD_SERIAL_CMSDK
#define UART(offset) REGISTER(uart + (offset))

static inline void uart_open(uint32_t uart)
{
    UART(0x10) = 217u; /* BAUDDIV: 25 MHz / 115200 */
    UART(0x08) = 3u;   /* CTRL: transmitter and receiver on, no interrupts */
}
static inline bool uart_can_write(uint32_t uart)
{
    return (UART(0x04) & 1u) == 0;
}
static inline bool uart_has_sent(uint32_t uart)
{
    return (UART(0x04) & 1u) == 0;
}
static inline bool uart_can_read(uint32_t uart)
{
    return (UART(0x04) & 2u) != 0;
}
static inline void uart_write(uint32_t uart, uint8_t byte)
{
    UART(0x00) = byte;
}
static inline uint8_t uart_read(uint32_t uart)
{
    return (uint8_t)UART(0x00);
}
static inline void uart_clear_interrupt(uint32_t uart)
{
    UART(0x0C) = 2u;
}
static inline void uart_interrupt_on_byte(uint32_t uart, bool on)
{
    UART(0x08) = on ? 3u | 8u : 3u;
}

#elif defined(BOARD_SERIAL_PL011) /* Arm PL011 technical reference manual, section 3.3 */

#define UART_SERIAL BOARD_SERIAL_PL011
#define UART(offset) REGISTER(uart + (offset))

static inline void uart_open(uint32_t uart)
{
    UART(0x30) = 0u;  /* CR: off while it is set up */
    UART(0x24) = 21u; /* IBRD, FBRD: 40 MHz / (16 * 115200) = 21 + 45 / 64 */
    UART(0x28) = 45u;
    UART(0x2C) = 0x60u | 0x10u; /* LCR_H: 8 bits, FIFOs on */
    UART(0x30) = 0x301u;        /* CR: UART, transmitter and receiver on */
}
static inline bool uart_can_write(uint32_t uart)
{
    return (UART(0x18) & 0x20u) == 0;
}
static inline bool uart_has_sent(uint32_t uart)
{
    return (UART(0x18) & 0x88u) == 0x80u; /* nothing left to send, and not sending */
}
static inline bool uart_can_read(uint32_t uart)
{
    return (UART(0x18) & 0x10u) == 0;
}
static inline void uart_write(uint32_t uart, uint8_t byte)
{
    UART(0x00) = byte;
}
static inline uint8_t uart_read(uint32_t uart)
{
    return (uint8_t)UART(0x00);
}
static inline void uart_clear_interrupt(uint32_t uart)
{
    UART(0x44) = 0x7F0u;
}
static inline void uart_interrupt_on_byte(uint32_t uart, bool on)
{
    UART(0x38) = on ? 0x50u : 0u;
} /* receive and its time-out */

#else
#error "board.h names no UART"
#endif

#endif
