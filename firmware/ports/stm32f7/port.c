/* SPDX-License-Identifier: Apache-2.0 */
/* STM32F746: cycle counter, reset cause, watchdog. */
#include "ports/port.h"

#include "board.h"
#include "ports/cortexm/cortexm.h"
#include "ports/millis.h"
#include "ports/stm32f7/clock.h"
#include "ports/stm32f7/sdram.h"
#include "ports/stm32f7/serial.h"
#include "ports/stm32f7/sleep.h"
#include "stm32f7xx.h"

static port_reset_cause reset_cause;
static bool watchdog_runs;

/* RM0385 5.3.21. The pin's flag is set by every reset, so it is asked last. */
static port_reset_cause read_reset_cause(void)
{
    const uint32_t flags = RCC->CSR;
    RCC->CSR |= RCC_CSR_RMVF;
    if ((flags & (RCC_CSR_IWDGRSTF | RCC_CSR_WWDGRSTF)) != 0) {
        return PORT_RESET_WATCHDOG;
    }
    if ((flags & RCC_CSR_SFTRSTF) != 0) {
        return PORT_RESET_SOFTWARE;
    }
    if ((flags & (RCC_CSR_PORRSTF | RCC_CSR_BORRSTF)) != 0) {
        return PORT_RESET_POWER_ON;
    }
    return PORT_RESET_OTHER;
}

void port_init(void)
{
    reset_cause = read_reset_cause();
    clock_start();
    if (!sdram_start()) {
        port_text("the SDRAM does not start\n");
        port_exit(1);
    }
    CoreDebug->DEMCR |= CoreDebug_DEMCR_TRCENA_Msk;
    DWT->LAR = 0xC5ACCE55u; /* a Cortex-M7 without a debugger attached keeps the DWT locked */
    DWT->CYCCNT = 0;
    DWT->CTRL |= DWT_CTRL_CYCCNTENA_Msk;
    wake_start();
    cortexm_interrupts_restore(0);
}

const char *port_board(void)
{
    return BOARD_NAME;
}
uint32_t port_core_hz(void)
{
    return clock_core_hz();
}
port_reset_cause port_get_reset_cause(void)
{
    return reset_cause;
}
uint32_t port_counter(void)
{
    return DWT->CYCCNT;
}

const port_counter_unit *port_get_counter_unit(void)
{
    static const port_counter_unit unit = {"cycles", 1, 1};
    return &unit;
}

uint64_t port_millis(void)
{
    static millis_clock clock;
    return millis_at(&clock, port_counter() + sleep_cycles(), clock_core_hz() / 1000u);
}

/* RM0385 section 27: 32 kHz / 256 is 8 ms a step, 4096 steps at most. */
void port_watchdog_start(uint32_t ms)
{
    if (watchdog_runs || ms == 0) {
        return;
    }
    uint32_t steps = (ms + 7u) / 8u;
    if (steps > 4096u) {
        steps = 4096u;
    }
    IWDG->KR = 0xCCCCu;
    IWDG->KR = 0x5555u;
    IWDG->PR = 6u;
    IWDG->RLR = steps - 1u;
    (void)clock_wait(&IWDG->SR, IWDG_SR_PVU | IWDG_SR_RVU, 0, 50);
    watchdog_runs = true;
    port_watchdog_feed();
}

void port_watchdog_feed(void)
{
    if (watchdog_runs) {
        IWDG->KR = 0xAAAAu;
    }
}

void board_before_reset(uint32_t cause)
{
    (void)cause; /* the hardware remembers it */
    serial_finish();
}

void board_non_maskable_interrupt(void)
{
    port_reset();
}

_Noreturn void board_after_fault(void)
{
    port_reset();
}

_Noreturn void port_exit(int code)
{
    (void)code;
    for (;;) {
    }
}
