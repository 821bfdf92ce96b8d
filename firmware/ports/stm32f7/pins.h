/* SPDX-License-Identifier: Apache-2.0 */
/* A pin in the hands of a peripheral (RM0385 section 6.4). */
#ifndef GLIMPSE_PORTS_STM32F7_PINS_H
#define GLIMPSE_PORTS_STM32F7_PINS_H

#include "stm32f7xx.h"

/* Pulled up, so that nothing plugged in reads as idle. function: number of the alternate function. */
static inline void pin_connect(GPIO_TypeDef *port, uint32_t pin, uint32_t function)
{
    port->AFR[pin / 8u] = (port->AFR[pin / 8u] & ~(15u << (4u * (pin % 8u)))) | (function << (4u * (pin % 8u)));
    port->PUPDR = (port->PUPDR & ~(3u << (2u * pin))) | (1u << (2u * pin));
    port->OSPEEDR |= 2u << (2u * pin);
    port->MODER = (port->MODER & ~(3u << (2u * pin))) | (2u << (2u * pin));
}

#endif
