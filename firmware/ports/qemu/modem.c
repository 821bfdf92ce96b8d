/* SPDX-License-Identifier: Apache-2.0 */
/* The second serial line of an emulated board, polled: the emulator holds each byte back until it is read. */
#include "board.h"
#include "ports/port.h"
#include "ports/qemu/uart.h"

bool port_modem_open(uint32_t baud)
{
    (void)baud; /* the emulator's lines have none */
    uart_open(BOARD_MODEM_UART);
    uart_interrupt_on_byte(BOARD_MODEM_UART, false);
    while (uart_can_read(BOARD_MODEM_UART)) {
        (void)uart_read(BOARD_MODEM_UART);
    }
    return true;
}

size_t port_modem_read(uint8_t *bytes, size_t capacity)
{
    size_t count = 0;
    while (count < capacity && uart_can_read(BOARD_MODEM_UART)) {
        bytes[count++] = uart_read(BOARD_MODEM_UART);
    }
    return count;
}

size_t port_modem_write(const uint8_t *bytes, size_t count)
{
    size_t written = 0;
    while (written < count && uart_can_write(BOARD_MODEM_UART)) {
        uart_write(BOARD_MODEM_UART, bytes[written++]);
    }
    return written;
}
