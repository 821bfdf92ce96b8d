/* SPDX-License-Identifier: Apache-2.0 */
/* Sleep of an emulated board. The emulator lets its clock follow the host's while the core rests, so that time counts as
   it is, and none of it as instructions. */
#include "ports/qemu/sleep.h"

#include "board.h"
#include "ports/cortexm/cortexm.h"
#include "ports/port.h"
#include "ports/qemu/serial.h"

/* Armv7-M B3.3: control, reload value, current value; and the bit that takes its interrupt back. */
#define SYSTICK_CTRL REGISTER(0xE000E010u)
#define SYSTICK_LOAD REGISTER(0xE000E014u)
#define SYSTICK_VALUE REGISTER(0xE000E018u)
#define SCB_ICSR REGISTER(0xE000ED04u)

enum { LONGEST_MS = 20 }; /* a modem's byte waits so long: its line is polled */

static uint32_t slept; /* ticks of the timer */

uint32_t sleep_ticks(void)
{
    return slept;
}

void port_sleep_until(uint64_t until)
{
    const uint64_t now = port_millis();
    if (until <= now) {
        return;
    }
    const uint32_t ms = until - now < LONGEST_MS ? (uint32_t)(until - now) : LONGEST_MS;
    const uint32_t before = cortexm_interrupts_mask();
    if (serial_is_silent()) {
        const uint32_t start = port_counter();
        SYSTICK_LOAD = ms * (BOARD_TIMER_HZ / 1000u);
        SYSTICK_VALUE = 0;
        SYSTICK_CTRL = 7u;
        cortexm_wait_for_interrupt();
        SYSTICK_CTRL = 0;
        SCB_ICSR = 1u << 25;
        slept += port_counter() - start;
    }
    cortexm_interrupts_restore(before);
}

bool port_take_wake(void)
{
    return false;
}
