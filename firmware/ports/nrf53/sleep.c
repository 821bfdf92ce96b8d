/* SPDX-License-Identifier: Apache-2.0 */
/* Sleep of an nRF5340 (product specification, section POWER, System ON): the core rests, RTC0 counts on and ends it, or a
   byte, or button 1 of the kit, which pulls its pin low. The 32768 Hz come from the same crystal as the serial line's
   clock, which runs as long as that line listens. */
#include "ports/nrf53/sleep.h"

#include "board.h"
#include "ports/millis.h"
#include "ports/nrf53/registers.h"
#include "ports/nrf53/serial.h"
#include "ports/port.h"

enum { COUNTER_MASK = 0xFFFFFF, LONGEST_MS = 60000, LEAST_TICKS = 3 /* ahead of the counter, or it is missed */ };

/* Counter of 24 bits as one of 32: 8388.608 ticks a millisecond. Rounded up the clock is late by 47 ppm, never early. */
enum { TICKS_PER_MS = 8389 };

static volatile bool woken;

void sleep_start(void)
{
    CLOCK_LFCLKSRC = LFCLKSRC_SYNTHESIZED;
    CLOCK_TASKS_LFCLKSTART = 1;
    RTC_PRESCALER = 0;
    RTC_TASKS_START = 1;
    cortexm_interrupt_enable(RTC_INTERRUPT);
    P0_PIN_CNF(BOARD_WAKE_PIN) = PIN_CNF_INPUT_PULL_UP;
    GPIOTE_CONFIG0 = GPIOTE_EVENT_FALLING(BOARD_WAKE_PIN);
    GPIOTE_EVENTS_IN0 = 0;
    GPIOTE_INTENSET = 1u;
    cortexm_interrupt_enable(GPIOTE_INTERRUPT);
}

uint64_t port_millis(void)
{
    static millis_clock clock;
    return millis_at(&clock, RTC_COUNTER << 8, TICKS_PER_MS);
}

void port_sleep_until(uint64_t until)
{
    const uint64_t now = port_millis();
    if (until <= now) {
        return;
    }
    const uint32_t ms = until - now < LONGEST_MS ? (uint32_t)(until - now) : LONGEST_MS;
    const uint32_t before = cortexm_interrupts_mask();
    if (serial_is_silent() && !modem_wakes(true) && !woken) {
        RTC_EVENTS_COMPARE0 = 0;
        RTC_CC0 = (RTC_COUNTER + ms * 33u + LEAST_TICKS) & COUNTER_MASK;
        RTC_INTENSET = RTC_INT_COMPARE0;
        cortexm_wait_for_interrupt();
        RTC_INTENCLR = RTC_INT_COMPARE0;
        RTC_EVENTS_COMPARE0 = 0;
    }
    (void)modem_wakes(false);
    cortexm_interrupts_restore(before);
}

void wake_interrupt(void)
{
    if (GPIOTE_EVENTS_IN0 != 0) {
        GPIOTE_EVENTS_IN0 = 0;
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
