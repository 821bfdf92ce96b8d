/* SPDX-License-Identifier: Apache-2.0 */
/* Emulated boards: instruction counter, watchdog, reset cause, exit. */
#include "ports/port.h"

#include "board.h"
#include "ports/cortexm/cortexm.h"
#include "ports/millis.h"
#include "ports/qemu/semihosting.h"
#include "ports/qemu/serial.h"
#include "ports/qemu/sleep.h"

/* CMSDK timer: CTRL, VALUE (counts down), RELOAD. */
#define TIMER(offset) REGISTER(BOARD_TIMER + (offset))
/* CMSDK watchdog: LOAD, VALUE, CONTROL, INTCLR, ..., LOCK. At zero it raises the non-maskable interrupt and
   starts again; at zero once more without INTCLR in between it resets the machine. */
#define WATCHDOG(offset) REGISTER(BOARD_WATCHDOG + (offset))

enum { EXIT_STATUS_OF_FAULT = 70 };

/* The machines have no register that tells why they started, but their RAM survives a reset. */
static const uint32_t reset_magic = 0x676C6D00u;
__attribute__((section(".noinit"))) static volatile uint32_t remembered_reset;
static port_reset_cause reset_cause;

static uint32_t watchdog_periods; /* 0: not started */
static volatile uint32_t watchdog_periods_left;

static void remember_reset(uint32_t cause)
{
    remembered_reset = reset_magic | cause;
}

void board_before_reset(uint32_t cause)
{
    remember_reset(cause);
    serial_finish();
}

void port_init(void)
{
    reset_cause =
        (remembered_reset & ~0xFFu) == reset_magic ? (port_reset_cause)(remembered_reset & 0xFFu) : PORT_RESET_POWER_ON;
    remembered_reset = 0;
    TIMER(0x00) = 0u;
    TIMER(0x08) = UINT32_MAX;
    TIMER(0x04) = UINT32_MAX;
    TIMER(0x00) = 1u;
    cortexm_interrupts_restore(0);
}

const char *port_board(void)
{
    return BOARD_NAME;
}
uint32_t port_core_hz(void)
{
    return 0;
}
port_reset_cause port_get_reset_cause(void)
{
    return reset_cause;
}

uint32_t port_counter(void)
{
    return ~TIMER(0x04) - sleep_ticks();
}

const port_counter_unit *port_get_counter_unit(void)
{
    static const port_counter_unit unit = {"instructions", BOARD_COUNTER_NUMERATOR, BOARD_COUNTER_DENOMINATOR};
    return &unit;
}

uint64_t port_millis(void)
{
    static millis_clock awake, asleep;
    return millis_at(&awake, port_counter(), BOARD_WATCHDOG_TICKS_PER_MS) +
           millis_at(&asleep, sleep_ticks(), BOARD_TIMER_HZ / 1000u);
}

void port_watchdog_start(uint32_t ms)
{
    if (watchdog_periods != 0 || ms == 0) {
        return;
    }
    /* One load holds about five seconds: longer times are several periods, counted by the interrupt. */
    const uint64_t ticks = (uint64_t)ms * BOARD_WATCHDOG_TICKS_PER_MS;
    watchdog_periods = (uint32_t)(ticks >> 31) + 1u;
    watchdog_periods_left = watchdog_periods;
    WATCHDOG(0xC00) = 0x1ACCE551u;
    WATCHDOG(0x000) = (uint32_t)(ticks / watchdog_periods);
    WATCHDOG(0x008) = 3u;
}

void port_watchdog_feed(void)
{
    if (watchdog_periods == 0) {
        return;
    }
    watchdog_periods_left = watchdog_periods;
    WATCHDOG(0x00C) = 1u;
}

void board_non_maskable_interrupt(void)
{
    watchdog_periods_left--;
    if (watchdog_periods_left != 0) {
        WATCHDOG(0x00C) = 1u;
        return;
    }
    remember_reset(PORT_RESET_WATCHDOG);
    cortexm_system_reset();
}

_Noreturn void board_after_fault(void)
{
    port_exit(EXIT_STATUS_OF_FAULT);
}

_Noreturn void port_exit(int code)
{
    serial_finish();
    semihosting_exit(code);
}
