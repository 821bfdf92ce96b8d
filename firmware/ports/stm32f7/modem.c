/* SPDX-License-Identifier: Apache-2.0 */
/* USART6 on PC6 (D1, to the modem) and PC7 (D0, from it) of the Arduino header (UM1907; RM0385 section 31). Polled: the
   hardware holds one byte, so an unasked line that comes while a picture is encoded may be lost. A modem answers only
   what it was asked, and then the node waits for it. */
#include "ports/cortexm/cortexm.h"
#include "ports/port.h"
#include "ports/stm32f7/clock.h"
#include "ports/stm32f7/pins.h"
#include "ports/stm32f7/sleep.h"
#include "stm32f7xx.h"

enum { ALTERNATE_FUNCTION = 8 }; /* of both pins: USART6 */

static bool opened;

bool port_modem_open(uint32_t baud)
{
    if (baud < 1200 || baud > 921600) {
        return false;
    }
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIOCEN;
    RCC->APB2ENR |= RCC_APB2ENR_USART6EN;
    (void)RCC->APB2ENR;
    pin_connect(GPIOC, 6, ALTERNATE_FUNCTION);
    pin_connect(GPIOC, 7, ALTERNATE_FUNCTION);
    USART6->CR1 = 0;
    USART6->BRR = (clock_apb2_hz() + baud / 2u) / baud;
    USART6->CR1 = USART_CR1_TE | USART_CR1_RE | USART_CR1_UE;
    USART6->RQR = USART_RQR_RXFRQ;
    opened = true;
    return true;
}

bool modem_wakes(bool on)
{
    if (!opened) {
        return false;
    }
    if (on) {
        cortexm_interrupt_enable(USART6_IRQn);
        USART6->CR1 |= USART_CR1_RXNEIE;
    } else {
        USART6->CR1 &= ~USART_CR1_RXNEIE;
        cortexm_interrupt_disable(USART6_IRQn);
    }
    return (USART6->ISR & USART_ISR_RXNE) != 0;
}

size_t port_modem_read(uint8_t *bytes, size_t capacity)
{
    size_t count = 0;
    USART6->ICR = USART_ICR_ORECF | USART_ICR_FECF | USART_ICR_NCF | USART_ICR_PECF;
    while (count < capacity && (USART6->ISR & USART_ISR_RXNE) != 0) {
        bytes[count++] = (uint8_t)USART6->RDR;
    }
    return count;
}

size_t port_modem_write(const uint8_t *bytes, size_t count)
{
    size_t written = 0;
    while (written < count && (USART6->ISR & USART_ISR_TXE) != 0) {
        USART6->TDR = bytes[written++];
    }
    return written;
}
