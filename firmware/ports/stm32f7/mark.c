/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/mark.h"

#include "ports/stm32f7/mark.h"
#include "stm32f7xx.h"

enum { FIRST = BOARD_MARK_PIN, SECOND = FIRST + 1 };

void mark_open(void)
{
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIOGEN;
    (void)RCC->AHB1ENR;
    port_mark(PORT_MARK_NONE);
    GPIOG->MODER = (GPIOG->MODER & ~(15u << (2u * FIRST))) | (1u << (2u * FIRST)) | (1u << (2u * SECOND));
}

void port_mark(uint32_t mark)
{
    GPIOG->BSRR = (mark | (~mark & 3u) << 16) << FIRST;
}
