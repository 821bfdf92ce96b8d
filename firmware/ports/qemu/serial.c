/* SPDX-License-Identifier: Apache-2.0 */
/* The serial line of an emulated board: the emulator's standard input and output. */
#include <string.h>

#include "ports/cortexm/serial_ring.h"
#include "ports/port.h"
#include "ports/qemu/serial.h"
#include "ports/qemu/uart.h"

static serial_ring ring;
static port_serial_mode opened_mode;
static bool opened;

/* Interrupts are masked, or this is one. A byte that finds the ring full stays in the UART, whose interrupt
   rests until there is room: the emulator waits with the next byte, so nothing is lost. */
static void drain(void)
{
    while (uart_can_read(UART_SERIAL) && !serial_ring_full(&ring)) {
        serial_ring_put(&ring, uart_read(UART_SERIAL));
    }
    uart_clear_interrupt(UART_SERIAL);
    uart_interrupt_on_byte(UART_SERIAL, opened_mode == PORT_SERIAL_INTERRUPT && !serial_ring_full(&ring));
}

void board_interrupt(uint32_t number)
{
    if (number == BOARD_SERIAL_INTERRUPT) {
        drain();
    }
}

/* A busy reader holds the last byte up as it does any other. */
void serial_finish(void)
{
    while (!uart_has_sent(UART_SERIAL)) {
        port_watchdog_feed();
    }
}

void port_serial_open(port_serial_mode mode)
{
    serial_finish();
    cortexm_interrupt_disable(BOARD_SERIAL_INTERRUPT);
    uart_open(UART_SERIAL);
    uart_interrupt_on_byte(UART_SERIAL, false);
    while (uart_can_read(UART_SERIAL)) {
        (void)uart_read(UART_SERIAL);
    }
    serial_ring_clear(&ring);
    opened_mode = mode;
    opened = true;
    if (mode == PORT_SERIAL_INTERRUPT) {
        cortexm_interrupt_enable(BOARD_SERIAL_INTERRUPT);
        uart_interrupt_on_byte(UART_SERIAL, true);
    }
}

bool serial_is_silent(void)
{
    drain();
    return opened && opened_mode == PORT_SERIAL_INTERRUPT && serial_ring_empty(&ring);
}

size_t port_serial_read(uint8_t *bytes, size_t capacity)
{
    const uint32_t before = cortexm_interrupts_mask();
    drain();
    cortexm_interrupts_restore(before);
    return serial_ring_take(&ring, bytes, capacity);
}

void port_serial_write(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* A reader that is busy stops the line for as long as it likes: no byte is lost, and it is not a hang. */
        while (!uart_can_write(UART_SERIAL)) {
            port_watchdog_feed();
        }
        uart_write(UART_SERIAL, bytes[i]);
    }
}

uint32_t port_serial_overruns(void)
{
    return 0;
}

void port_text(const char *text)
{
    if (!opened) {
        port_serial_open(PORT_SERIAL_POLLED);
    }
    port_serial_write((const uint8_t *)text, strlen(text));
}
