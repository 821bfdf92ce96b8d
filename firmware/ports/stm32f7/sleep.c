/* SPDX-License-Identifier: Apache-2.0 */
/* Sleep mode of an STM32F746 (RM0385 section 4.3.3): the core's clock stops, everything else goes on. SysTick ends it,
   or a byte, or the button B1 at PI11 (UM1907), which pulls its pin high. */
#include "ports/stm32f7/sleep.h"

#include "board.h"
#include "ports/cortexm/cortexm.h"
#include "ports/port.h"
#include "ports/stm32f7/clock.h"
#include "ports/stm32f7/serial.h"
#include "stm32f7xx.h"

enum { TICK_CYCLES = 8, PORT_I = 8 }; /* SysTick counts HCLK / 8 */

static uint32_t slept;
static volatile bool woken;

uint32_t sleep_cycles(void)
{
    return slept;
}

/* A debugger may keep the cycle counter running: only what it missed is added. */
static void rest(uint32_t ticks)
{
    const uint32_t start = port_counter();
    SysTick->LOAD = ticks - 1u;
    SysTick->VAL = 0;
    SysTick->CTRL = SysTick_CTRL_TICKINT_Msk | SysTick_CTRL_ENABLE_Msk;
    cortexm_wait_for_interrupt();
    const bool whole = (SysTick->CTRL & SysTick_CTRL_COUNTFLAG_Msk) != 0;
    const uint32_t passed = TICK_CYCLES * (whole ? ticks : ticks - 1u - SysTick->VAL);
    SysTick->CTRL = 0;
    SCB->ICSR = SCB_ICSR_PENDSTCLR_Msk;
    const uint32_t counted = port_counter() - start;
    slept += passed > counted ? passed - counted : 0;
}

void port_sleep_until(uint64_t until)
{
    const uint64_t now = port_millis();
    if (until <= now) {
        return;
    }
    const uint32_t ticks_per_ms = clock_core_hz() / (TICK_CYCLES * 1000u);
    const uint32_t most = SysTick_LOAD_RELOAD_Msk / ticks_per_ms;
    const uint32_t ms = until - now < most ? (uint32_t)(until - now) : most;
    const uint32_t before = cortexm_interrupts_mask();
    if (serial_is_silent() && !modem_wakes(true) && !woken) {
        rest(ms * ticks_per_ms);
    }
    (void)modem_wakes(false);
    cortexm_interrupts_restore(before);
}

/* RM0385 sections 7.2.5 and 11.9. */
void wake_start(void)
{
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIOIEN;
    RCC->APB2ENR |= RCC_APB2ENR_SYSCFGEN;
    (void)RCC->APB2ENR;
    const uint32_t shift = 4u * (BOARD_WAKE_PIN % 4u);
    volatile uint32_t *const route = &SYSCFG->EXTICR[BOARD_WAKE_PIN / 4u];
    *route = (*route & ~(15u << shift)) | ((uint32_t)PORT_I << shift);
    EXTI->RTSR |= 1u << BOARD_WAKE_PIN;
    EXTI->IMR |= 1u << BOARD_WAKE_PIN;
    cortexm_interrupt_enable(EXTI15_10_IRQn);
}

void wake_interrupt(void)
{
    if ((EXTI->PR & 1u << BOARD_WAKE_PIN) != 0) {
        EXTI->PR = 1u << BOARD_WAKE_PIN;
        woken = true;
    }
}

bool port_take_wake(void)
{
    const uint32_t before = cortexm_interrupts_mask();
    wake_interrupt();
    const bool was = woken;
    woken = false;
    cortexm_interrupts_restore(before);
    return was;
}
