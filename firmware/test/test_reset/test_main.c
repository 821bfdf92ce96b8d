/* SPDX-License-Identifier: Apache-2.0 */
/* What a node keeps over resets: this program starts three times, and each start tests what the last one left. */
#include "ports/port.h"
#include "test/check.h"

static const uint8_t kept[4] = {0x47, 0x4C, 0x50, 0x31};
static const port_region region = PORT_REGION_SETTINGS_B;

static void first_start_is_power_on(void)
{
    CHECK_EQUAL(PORT_RESET_POWER_ON, port_get_reset_cause());
    CHECK(port_region_erase(region));
    CHECK(port_region_write(region, 8, kept, sizeof kept));
}

static void software_reset_is_told_and_keeps_the_region(void)
{
    CHECK_EQUAL(PORT_RESET_SOFTWARE, port_get_reset_cause());
    CHECK_BYTES(kept, port_region_base(region) + 8, sizeof kept);
}

static uint64_t elapsed(uint32_t since)
{
    const port_counter_unit *unit = port_get_counter_unit();
    return (uint64_t)(port_counter() - since) * unit->numerator / unit->denominator;
}

static void watchdog_spares_who_feeds_it(void)
{
    port_watchdog_start(200);
    /* Ten times less than the watchdog's time, together more: 100 ms, or on emulated boards 10 million instructions,
       which are 40 ms of an STM32F746 and 98 ms of an nRF5340. */
    const uint64_t pause = port_get_counter_unit()->unit[0] == 'n' ? 100000000u : 10000000u;
    for (int i = 0; i < 10; i++) {
        const uint32_t start = port_counter();
        while (elapsed(start) < pause) {
        }
        port_watchdog_feed();
    }
}

static void watchdog_reset_is_told_and_keeps_the_region(void)
{
    CHECK_EQUAL(PORT_RESET_WATCHDOG, port_get_reset_cause());
    CHECK_BYTES(kept, port_region_base(region) + 8, sizeof kept);
}

int main(void)
{
    check_begin();
    switch (port_get_reset_cause()) {
    case PORT_RESET_SOFTWARE:
        CHECK_RUN(software_reset_is_told_and_keeps_the_region);
        CHECK_RUN(watchdog_spares_who_feeds_it);
        for (;;) {
        }
    case PORT_RESET_WATCHDOG:
        CHECK_RUN(watchdog_reset_is_told_and_keeps_the_region);
        return check_end();
    default:
        CHECK_RUN(first_start_is_power_on);
        port_reset();
    }
}
