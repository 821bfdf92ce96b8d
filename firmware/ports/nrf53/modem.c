/* SPDX-License-Identifier: Apache-2.0 */
/* UARTE1 on D1 and D0 of the Arduino header (product specification, section UARTE). Polled, a byte at a time as in
   serial.c: the UARTE's own FIFO holds four more, so an unasked line that comes while a picture is encoded may be lost.
   A modem answers only what it was asked, and then the node waits for it. */
#include <string.h>

#include "board.h"
#include "ports/nrf53/registers.h"
#include "ports/nrf53/sleep.h"
#include "ports/port.h"

enum { TRANSMIT_BYTES = 64, STOP_TURNS = 20000 };

static volatile uint8_t received;           /* written by EasyDMA */
static uint8_t transmitted[TRANSMIT_BYTES]; /* EasyDMA reads RAM only */
static bool transmitting;
static bool opened;

static void receive_next(void)
{
    UARTE1_EVENTS_ENDRX = 0;
    UARTE1_RXD_PTR = (uint32_t)(uintptr_t)&received;
    UARTE1_RXD_MAXCNT = 1;
    UARTE1_TASKS_STARTRX = 1;
}

static void stop(void)
{
    if (UARTE1_ENABLE != 0) {
        UARTE1_EVENTS_RXTO = 0;
        UARTE1_TASKS_STOPRX = 1;
        (void)WAIT_UNTIL(UARTE1_EVENTS_RXTO, 1u, 1u, STOP_TURNS);
        UARTE1_ENABLE = 0;
    }
}

bool port_modem_open(uint32_t baud)
{
    if (baud != 9600 && baud != 115200) {
        return false;
    }
    stop();
    P1_OUTSET = 1u << BOARD_MODEM_TX_PIN; /* idle is high */
    P1_DIRSET = 1u << BOARD_MODEM_TX_PIN;
    P1_PIN_CNF(BOARD_MODEM_TX_PIN) = PIN_CNF_OUTPUT;
    P1_PIN_CNF(BOARD_MODEM_RX_PIN) = PIN_CNF_INPUT_PULL_UP;
    UARTE1_PSEL_TXD = UARTE_PORT_1 | BOARD_MODEM_TX_PIN;
    UARTE1_PSEL_RXD = UARTE_PORT_1 | BOARD_MODEM_RX_PIN;
    UARTE1_PSEL_RTS = UARTE_DISCONNECTED;
    UARTE1_PSEL_CTS = UARTE_DISCONNECTED;
    UARTE1_BAUDRATE = baud == 9600 ? UARTE_BAUDRATE_9600 : UARTE_BAUDRATE_115200;
    UARTE1_CONFIG = 0; /* no parity, one stop bit, no flow control */
    UARTE1_ENABLE = UARTE_ENABLED;
    UARTE1_ERRORSRC = UINT32_MAX;
    transmitting = false;
    receive_next();
    opened = true;
    return true;
}

bool modem_wakes(bool on)
{
    if (!opened) {
        return false;
    }
    if (on) {
        cortexm_interrupt_enable(UARTE1_INTERRUPT);
        UARTE1_INTENSET = UARTE_INT_ENDRX;
    } else {
        UARTE1_INTENCLR = UARTE_INT_ENDRX;
        cortexm_interrupt_disable(UARTE1_INTERRUPT);
    }
    return UARTE1_EVENTS_ENDRX != 0;
}

size_t port_modem_read(uint8_t *bytes, size_t capacity)
{
    size_t count = 0;
    while (count < capacity && UARTE1_EVENTS_ENDRX != 0) {
        bytes[count++] = received;
        receive_next();
    }
    return count;
}

size_t port_modem_write(const uint8_t *bytes, size_t count)
{
    const size_t now = count < TRANSMIT_BYTES ? count : TRANSMIT_BYTES;
    if (now == 0 || (transmitting && UARTE1_EVENTS_ENDTX == 0)) {
        return 0;
    }
    memcpy(transmitted, bytes, now);
    UARTE1_EVENTS_ENDTX = 0;
    UARTE1_TXD_PTR = (uint32_t)(uintptr_t)transmitted;
    UARTE1_TXD_MAXCNT = now;
    __asm__ volatile("dsb" ::: "memory");
    transmitting = true;
    UARTE1_TASKS_STARTTX = 1;
    return now;
}
