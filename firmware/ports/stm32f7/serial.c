/* SPDX-License-Identifier: Apache-2.0 */
/* USART1 on PA9 and PB7: the virtual serial port of the board's ST-LINK (UM1907; RM0385 section 31). */
#include <string.h>

#include "ports/cortexm/cortexm.h"
#include "ports/cortexm/serial_ring.h"
#include "ports/port.h"
#include "ports/stm32f7/clock.h"
#include "ports/stm32f7/pins.h"
#include "ports/stm32f7/serial.h"
#include "ports/stm32f7/sleep.h"
#include "stm32f7xx.h"

enum { ALTERNATE_FUNCTION = 7 }; /* of both pins: USART1 */

static serial_ring ring;
static port_serial_mode opened_mode;
static volatile uint32_t lost;
static bool opened;

/* Interrupts are masked, or this is one. */
static void drain(void)
{
    const uint32_t status = USART1->ISR;
    if ((status & (USART_ISR_ORE | USART_ISR_FE | USART_ISR_NE | USART_ISR_PE)) != 0) {
        if ((status & USART_ISR_ORE) != 0) {
            lost++;
        }
        USART1->ICR = USART_ICR_ORECF | USART_ICR_FECF | USART_ICR_NCF | USART_ICR_PECF;
    }
    if ((status & USART_ISR_RXNE) == 0) {
        return;
    }
    const uint8_t byte = (uint8_t)USART1->RDR;
    if (serial_ring_full(&ring)) {
        lost++;
    } else {
        serial_ring_put(&ring, byte);
    }
}

void board_interrupt(uint32_t number)
{
    if (number == USART1_IRQn) {
        drain();
    } else if (number == EXTI15_10_IRQn) {
        wake_interrupt();
    }
}

/* One byte may be in the shift register and one behind it: 174 us. Without its clock the USART reads as off. */
void serial_finish(void)
{
    if ((USART1->CR1 & USART_CR1_UE) != 0) {
        (void)clock_wait(&USART1->ISR, USART_ISR_TC, USART_ISR_TC, 2);
    }
}

void port_serial_open(port_serial_mode mode)
{
    serial_finish();
    cortexm_interrupt_disable(USART1_IRQn);
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIOAEN | RCC_AHB1ENR_GPIOBEN;
    RCC->APB2ENR |= RCC_APB2ENR_USART1EN;
    (void)RCC->APB2ENR;
    pin_connect(GPIOA, 9, ALTERNATE_FUNCTION);
    pin_connect(GPIOB, 7, ALTERNATE_FUNCTION);
    USART1->CR1 = 0;
    USART1->BRR = (clock_apb2_hz() + 57600u) / 115200u;
    USART1->CR1 = USART_CR1_TE | USART_CR1_RE | USART_CR1_UE;
    USART1->RQR = USART_RQR_RXFRQ;
    serial_ring_clear(&ring);
    lost = 0;
    opened_mode = mode;
    opened = true;
    if (opened_mode == PORT_SERIAL_INTERRUPT) {
        USART1->CR1 |= USART_CR1_RXNEIE;
        cortexm_interrupt_enable(USART1_IRQn);
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
        if (!clock_wait(&USART1->ISR, USART_ISR_TXE, USART_ISR_TXE, 2)) {
            return;
        }
        USART1->TDR = bytes[i];
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
