/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a node whose airtime is limited and whose flash fails: app/duty.c over app/settings.c, with the power
   cut or the flash refusing in the middle of any write or erase. In no hour is the radio on for longer than the law
   allows, whatever the node forgot; the time that it was off it does not know.

     duty LIVES SEED      prints how often each thing happened; stops at the first hour with too much in it */
#include "app/duty.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/protocol.h"
#include "core/status.h"
#include "test/faults/flash.h"

enum { STEPS = 400, RATES = 6, LONGEST_PAUSE_MS = 300000, LONGEST_OFF_MS = 2400000 };

static unsigned long sent, waited, refused, starts, off;
static node_settings settings;
static struct {
    uint64_t begins, ends; /* microseconds of a clock that never stops */
} radio[STEPS];

/* The hour that ends with the newest transmission. */
static void check_hour(uint32_t newest, uint32_t limit_ms)
{
    const uint64_t hour = 1000ull * GLIMPSE_HOUR_MS;
    const uint64_t from = radio[newest].ends > hour ? radio[newest].ends - hour : 0;
    uint64_t on = 0;
    for (uint32_t i = 0; i <= newest; i++) {
        if (radio[i].ends > from) {
            on += radio[i].ends - (radio[i].begins > from ? radio[i].begins : from);
        }
    }
    if (on > 1000ull * limit_ms) {
        printf("%llu us in an hour\n", (unsigned long long)on);
        exit(1);
    }
}

static void live(void)
{
    static uint64_t now, started; /* milliseconds; static: they outlive a longjmp */
    static uint32_t steps, count;
    now = started = 0;
    steps = count = 0;
    if (setjmp(power) != 0) {
        now += chance(LONGEST_OFF_MS);
        ++off;
    }
    started = now;
    ++starts;
    node_settings_load(&settings);
    if (settings.link.dialect == NODE_MODEM_NONE) {
        settings.link.dialect = NODE_MODEM_E5; /* region 0: EU868 */
        while (!node_settings_save(&settings)) {
        }
    }
    if (duty_begin(&settings, now - started) != GLIMPSE_OK) {
        exit(1);
    }
    glimpse_budget *const budget = duty_budget();
    while (steps++ < STEPS) {
        const uint32_t rate = chance(RATES);
        const uint32_t airtime = glimpse_region_airtime(budget->region, rate, 11 + chance(40), 0);
        uint32_t band;
        now += chance(4) == 0 ? chance(LONGEST_PAUSE_MS) : chance(3000);
        if (glimpse_budget_earliest_any(budget, airtime, now - started, &band) != now - started) {
            ++waited;
            continue;
        }
        glimpse_budget_spend(budget, band, airtime, now - started);
        if (!duty_keep(band, airtime, now - started)) {
            ++refused;
            continue;
        }
        radio[count].begins = 1000 * now;
        radio[count].ends = 1000 * now + airtime;
        check_hour(count, budget->region->band[band].hour_ms);
        now += airtime / 1000u + 1u;
        ++count;
        ++sent;
        if (chance(50) == 0) {
            cuts++;
            longjmp(power, 1); /* between two writes */
        }
    }
}

int main(int count, char **words)
{
    if (count != 3) {
        return 2;
    }
    for (unsigned long i = 0; i < strtoul(words[1], NULL, 10); i++) {
        flash_begin(strtoull(words[2], NULL, 10) * 1000003u + i);
        live();
    }
    printf("sent %lu\nwaited %lu\nrefused %lu\nstarts %lu\noff %lu\ncuts %lu\nerases %lu\n", sent, waited, refused,
           starts, off, cuts, erases);
    return 0;
}
