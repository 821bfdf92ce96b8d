/* SPDX-License-Identifier: Apache-2.0 */
/* nRF5340, application core: start of the chip, cycle counter, reset cause, watchdog. */
#include "ports/port.h"

#include "board.h"
#include "ports/nrf53/registers.h"
#include "ports/nrf53/serial.h"
#include "ports/nrf53/sleep.h"

#define DEMCR REGISTER(0xE000EDFCu)
#define DWT_CTRL REGISTER(0xE0001000u)
#define DWT_CYCCNT REGISTER(0xE0001004u)

enum { OSCILLATOR_TURNS = 100000 };

static port_reset_cause reset_cause;
static bool watchdog_runs;

/* Product specification, section RESET: no flag at all after power-on; a flag stays until it is written. */
static port_reset_cause read_reset_cause(void)
{
    const uint32_t flags = RESET_RESETREAS;
    RESET_RESETREAS = flags;
    if ((flags & (RESETREAS_DOG0 | RESETREAS_DOG1)) != 0) {
        return PORT_RESET_WATCHDOG;
    }
    if ((flags & (RESETREAS_SREQ | RESETREAS_LOCKUP)) != 0) {
        return PORT_RESET_SOFTWARE;
    }
    return flags == 0 ? PORT_RESET_POWER_ON : PORT_RESET_OTHER;
}

/* Product specification, section FICR: up to the first entry that the factory left empty. */
static void copy_trim_values(void)
{
    for (uint32_t i = 0; i < 32; i++) {
        const uint32_t address = FICR_TRIM_ADDRESS(i);
        if (address == UINT32_MAX || address == 0) {
            return;
        }
        REGISTER(address) = FICR_TRIM_DATA(i);
    }
}

void port_init(void)
{
    reset_cause = read_reset_cause();
    copy_trim_values();
    CTRLAP_APPROTECT_DISABLE = UICR_APPROTECT;
    CTRLAP_SECUREAPPROTECT_DISABLE = UICR_SECUREAPPROTECT;
    CLOCK_HFCLKCTRL = 0;
    CLOCK_EVENTS_HFCLKSTARTED = 0;
    CLOCK_TASKS_HFCLKSTART = 1; /* the crystal: the internal oscillator is too coarse for the serial line when hot */
    (void)WAIT_UNTIL(CLOCK_EVENTS_HFCLKSTARTED, 1u, 1u, OSCILLATOR_TURNS);
    CACHE_ENABLE = 1;
    DEMCR |= 1u << 24;
    DWT_CYCCNT = 0;
    DWT_CTRL |= 1u;
    sleep_start();
    cortexm_interrupts_restore(0);
}

const char *port_board(void)
{
    return BOARD_NAME;
}
uint32_t port_core_hz(void)
{
    return BOARD_CORE_HZ;
}
port_reset_cause port_get_reset_cause(void)
{
    return reset_cause;
}
uint32_t port_counter(void)
{
    return DWT_CYCCNT;
}

const port_counter_unit *port_get_counter_unit(void)
{
    static const port_counter_unit unit = {"cycles", 1, 1};
    return &unit;
}

/* Product specification, section WDT: counts 32768 Hz. */
void port_watchdog_start(uint32_t ms)
{
    if (watchdog_runs || ms == 0) {
        return;
    }
    WDT0_CONFIG = 1u; /* also while the core sleeps, not while a debugger holds it */
    WDT0_CRV = (uint32_t)((uint64_t)ms * 32768u / 1000u);
    WDT0_RREN = 1u;
    WDT0_TASKS_START = 1u;
    watchdog_runs = true;
}

void port_watchdog_feed(void)
{
    if (watchdog_runs) {
        WDT0_RR0 = WDT_RELOAD;
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
