/* SPDX-License-Identifier: Apache-2.0 */
/* Clock tree, flash wait states, caches (RM0385 sections 3 to 5). */
#include "ports/stm32f7/clock.h"

#include "board.h"
#include "ports/cortexm/cortexm.h"
#include "stm32f7xx.h"

static uint32_t core_hz = 16000000u;
static uint32_t apb1_hz = 16000000u;
static uint32_t apb2_hz = 16000000u;

uint32_t clock_core_hz(void)
{
    return core_hz;
}
uint32_t clock_apb1_hz(void)
{
    return apb1_hz;
}
uint32_t clock_apb2_hz(void)
{
    return apb2_hz;
}

/* Counted in turns, not by a timer: it also bounds the waits before any timer runs. A turn is at least four cycles. */
bool clock_wait(const volatile uint32_t *address, uint32_t mask, uint32_t wanted, uint32_t milliseconds)
{
    for (uint32_t ms = 0; ms < milliseconds; ms++) {
        for (uint32_t turn = core_hz / 4000u; turn > 0; turn--) {
            if ((*address & mask) == wanted) {
                return true;
            }
        }
    }
    return (*address & mask) == wanted;
}

bool clock_wait_any(const volatile uint32_t *address, uint32_t bits, uint32_t milliseconds)
{
    for (uint32_t ms = 0; ms < milliseconds; ms++) {
        for (uint32_t turn = core_hz / 4000u; turn > 0; turn--) {
            if ((*address & bits) != 0) {
                return true;
            }
        }
    }
    return (*address & bits) != 0;
}

void clock_pause(uint32_t milliseconds)
{
    cortexm_spin(core_hz / 1000u * milliseconds);
}

/* The crystal's 25 MHz / 25 * 432 / 2 = 216 MHz. Over 180 MHz needs the regulator's over-drive (RM0385 4.1.4). */
static bool start_pll(void)
{
    RCC->CR |= RCC_CR_HSEON;
    if (!clock_wait(&RCC->CR, RCC_CR_HSERDY, RCC_CR_HSERDY, 100)) {
        return false;
    }

    RCC->APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC->APB1ENR; /* the peripheral answers two cycles after its clock is on */
    PWR->CR1 |= PWR_CR1_VOS;
    RCC->PLLCFGR = RCC_PLLCFGR_PLLSRC_HSE | (BOARD_HSE_HZ / 1000000u << RCC_PLLCFGR_PLLM_Pos) |
                   (432u << RCC_PLLCFGR_PLLN_Pos) | (0u << RCC_PLLCFGR_PLLP_Pos) | (9u << RCC_PLLCFGR_PLLQ_Pos);
    RCC->CR |= RCC_CR_PLLON;
    PWR->CR1 |= PWR_CR1_ODEN;
    if (!clock_wait(&PWR->CSR1, PWR_CSR1_ODRDY, PWR_CSR1_ODRDY, 10)) {
        return false;
    }
    PWR->CR1 |= PWR_CR1_ODSWEN;
    if (!clock_wait(&PWR->CSR1, PWR_CSR1_ODSWRDY, PWR_CSR1_ODSWRDY, 10)) {
        return false;
    }
    if (!clock_wait(&RCC->CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY, 100)) {
        return false;
    }

    /* Seven wait states at 216 MHz and 3.3 V (RM0385 table 5), before the clock goes up. */
    const uint32_t flash = FLASH_ACR_LATENCY_7WS | FLASH_ACR_PRFTEN | FLASH_ACR_ARTEN;
    FLASH->ACR = flash;
    if (!clock_wait(&FLASH->ACR, FLASH_ACR_LATENCY, FLASH_ACR_LATENCY_7WS, 1)) {
        return false;
    }
    RCC->CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
    RCC->CFGR |= RCC_CFGR_SW_PLL;
    return clock_wait(&RCC->CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL, 10);
}

void clock_start(void)
{
    SCB_EnableICache();
    SCB_EnableDCache();
    if (!start_pll()) {
        RCC->CFGR = RCC_CFGR_SW_HSI;
        return;
    }
    core_hz = BOARD_CORE_HZ;
    apb1_hz = BOARD_CORE_HZ / 4u;
    apb2_hz = BOARD_CORE_HZ / 2u;
}
