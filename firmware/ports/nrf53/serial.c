/* SPDX-License-Identifier: Apache-2.0 */
/* UARTE0 on the pins of the kit's virtual serial port (product specification, section UARTE).

   EasyDMA says how much it received only when its buffer is full, and a command must be answered when its last byte
   is there. So the buffer is one byte; the UARTE's own FIFO holds what arrives until the next one is started, four
   bytes or 350 us, and ERRORSRC.OVERRUN tells when that was not soon enough. */
#include <stddef.h>
#include <string.h>

#include "board.h"
#include "ports/cortexm/serial_ring.h"
#include "ports/nrf53/registers.h"
#include "ports/nrf53/serial.h"
#include "ports/nrf53/sleep.h"
#include "ports/port.h"

enum { TRANSMIT_BYTES = 64, TURNS = 2000000 };

static serial_ring ring;
static volatile uint32_t lost;
static port_serial_mode opened_mode;
static bool opened;
static bool transmitter_runs;
static volatile uint8_t received;           /* written by EasyDMA */
static uint8_t transmitted[TRANSMIT_BYTES]; /* EasyDMA reads RAM only, and text lies in flash */

static void receive_next(void)
{
    UARTE0_EVENTS_ENDRX = 0;
    UARTE0_RXD_PTR = (uint32_t)(uintptr_t)&received;
    UARTE0_RXD_MAXCNT = 1;
    UARTE0_TASKS_STARTRX = 1;
}

/* Interrupts are masked, or this is one. */
static void drain(void)
{
    if (UARTE0_EVENTS_ERROR != 0) {
        UARTE0_EVENTS_ERROR = 0;
        const uint32_t source = UARTE0_ERRORSRC;
        UARTE0_ERRORSRC = source;
        if ((source & UARTE_ERROR_OVERRUN) != 0) {
            lost++;
        }
    }
    while (UARTE0_EVENTS_ENDRX != 0 && !serial_ring_full(&ring)) {
        const uint8_t byte = received;
        receive_next();
        serial_ring_put(&ring, byte);
    }
    /* With the ring full the byte waits where it is and its interrupt rests; the hardware tells if one is lost. */
    if (opened_mode == PORT_SERIAL_INTERRUPT) {
        if (serial_ring_full(&ring)) {
            UARTE0_INTENCLR = UARTE_INT_ENDRX;
        } else {
            UARTE0_INTENSET = UARTE_INT_ENDRX;
        }
    }
}

void board_interrupt(uint32_t number)
{
    if (number == UARTE0_INTERRUPT) {
        drain();
    } else if (number == GPIOTE_INTERRUPT) {
        wake_interrupt();
    }
}

/* ENDTX says that EasyDMA's last byte was taken; TXSTOPPED, that the transmitter rests. */
void serial_finish(void)
{
    if (UARTE0_ENABLE == 0 || !transmitter_runs) {
        return;
    }
    UARTE0_EVENTS_TXSTOPPED = 0;
    UARTE0_TASKS_STOPTX = 1;
    (void)WAIT_UNTIL(UARTE0_EVENTS_TXSTOPPED, 1u, 1u, TURNS / 100);
    transmitter_runs = false;
}

static void stop(void)
{
    serial_finish();
    cortexm_interrupt_disable(UARTE0_INTERRUPT);
    UARTE0_INTENCLR = UINT32_MAX;
    if (UARTE0_ENABLE == 0) {
        return;
    }
    UARTE0_EVENTS_RXTO = 0;
    UARTE0_TASKS_STOPRX = 1;
    (void)WAIT_UNTIL(UARTE0_EVENTS_RXTO, 1u, 1u, TURNS / 100);
    UARTE0_ENABLE = 0;
}

void port_serial_open(port_serial_mode mode)
{
    stop();
    P0_OUTSET = 1u << BOARD_SERIAL_TX_PIN; /* idle is high */
    P0_DIRSET = 1u << BOARD_SERIAL_TX_PIN;
    P0_PIN_CNF(BOARD_SERIAL_TX_PIN) = PIN_CNF_OUTPUT;
    P0_PIN_CNF(BOARD_SERIAL_RX_PIN) = PIN_CNF_INPUT_PULL_UP;
    UARTE0_PSEL_TXD = BOARD_SERIAL_TX_PIN;
    UARTE0_PSEL_RXD = BOARD_SERIAL_RX_PIN;
    UARTE0_PSEL_RTS = UARTE_DISCONNECTED;
    UARTE0_PSEL_CTS = UARTE_DISCONNECTED;
    UARTE0_BAUDRATE = UARTE_BAUDRATE_115200;
    UARTE0_CONFIG = 0; /* no parity, one stop bit, no flow control */
    UARTE0_ENABLE = UARTE_ENABLED;
    UARTE0_EVENTS_ERROR = 0;
    UARTE0_ERRORSRC = UINT32_MAX;
    serial_ring_clear(&ring);
    lost = 0;
    opened_mode = mode;
    opened = true;
    receive_next();
    if (mode == PORT_SERIAL_INTERRUPT) {
        UARTE0_INTENSET = UARTE_INT_ENDRX;
        cortexm_interrupt_enable(UARTE0_INTERRUPT);
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
    while (count > 0) {
        const size_t now = count < TRANSMIT_BYTES ? count : TRANSMIT_BYTES;
        memcpy(transmitted, bytes, now);
        UARTE0_EVENTS_ENDTX = 0;
        UARTE0_TXD_PTR = (uint32_t)(uintptr_t)transmitted;
        UARTE0_TXD_MAXCNT = now;
        __asm__ volatile("dsb" ::: "memory");
        transmitter_runs = true;
        UARTE0_TASKS_STARTTX = 1;
        /* 64 bytes take 5.6 ms. */
        if (!WAIT_UNTIL(UARTE0_EVENTS_ENDTX, 1u, 1u, TURNS)) {
            return;
        }
        bytes += now;
        count -= now;
    }
}

uint32_t port_serial_overruns(void)
{
    return lost;
}

void port_text(const char *text)
{
    if (!opened) {
        port_serial_open(PORT_SERIAL_POLLED);
    }
    port_serial_write((const uint8_t *)text, strlen(text));
}
