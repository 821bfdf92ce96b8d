/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a node whose airtime is limited and whose flash fails: app/duty.c over app/settings.c, with the power
   cut or the flash refusing in the middle of any write or erase. In no hour is the radio on for longer than the law
   allows, in no day for longer than fair use allows, in no day are there more messages than Sigfox takes, whatever the
   node forgot; the time that it was off it does not know.

     duty LIVES SEED      prints how often each thing happened; stops at the first hour or day with too much in it
     duty every           one life under each law, with the power cut at each write and erase in turn */
#include "app/duty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/protocol.h"
#include "core/status.h"
#include "test/faults/flash.h"

enum { STEPS = 400, LONGEST_OFF_MS = 2400000, SCRIPT = 256, SCRIPT_OFF_MS = 1000, PARTS = 8 };

/* US915 without fair use has no limit that a node could forget, NB-IoT none at all. Pauses are such that each limit is
   reached and passes again; Sigfox's hour ends before its day does. */
static const struct {
    const char *region;
    uint32_t longest_pause_ms;
    bool fair_use;
} laws[] = {{"EU868", 300000, false}, {"EU868", 12000000, true}, {"US915", 3000000, true}, {"Sigfox", 2000000, false}};
enum { LAWS = sizeof laws / sizeof laws[0], DAY_AIRTIME_US = 30000000 };

static unsigned long sent, waited, refused, starts, off, reached[LAWS], old_state, new_state;
static uint32_t law;
static node_settings settings;
static struct {
    uint64_t begins, ends; /* microseconds of a clock that never stops */
} radio[STEPS];

static void too_much(const char *what, uint64_t seen)
{
    printf("%s: %llu %s\n", laws[law].region, (unsigned long long)seen, what);
    exit(1);
}

/* Microseconds on the air, and messages, in the period that ends with the newest transmission. */
static uint64_t on_air(uint32_t newest, uint64_t period_ms, uint32_t *messages)
{
    const uint64_t period = 1000 * period_ms;
    const uint64_t from = radio[newest].ends > period ? radio[newest].ends - period : 0;
    uint64_t on = 0;
    *messages = 0;
    for (uint32_t i = newest + 1; i > 0 && radio[i - 1].ends > from; i--) {
        on += radio[i - 1].ends - (radio[i - 1].begins > from ? radio[i - 1].begins : from);
        *messages += radio[i - 1].begins >= from;
    }
    return on;
}

static void check_periods(uint32_t newest, const glimpse_region *region, uint32_t band)
{
    uint32_t messages;
    const uint64_t hour = on_air(newest, GLIMPSE_HOUR_MS, &messages);
    const uint64_t day = on_air(newest, GLIMPSE_DAY_MS, &messages);
    if (region->band[band].hour_ms != 0 && hour > 1000ull * region->band[band].hour_ms) {
        too_much("us in an hour", hour);
    }
    if (laws[law].fair_use && day > DAY_AIRTIME_US) {
        too_much("us in a day", day);
    }
    if (region->uplinks_day != 0 && messages > region->uplinks_day) {
        too_much("messages in a day", messages);
    }
}

/* What a node is told before it sends. */
static void set_up(void)
{
    settings.link.dialect = NODE_MODEM_E5;
    settings.link.flags = laws[law].fair_use ? NODE_MODEM_FAIR_USE : 0;
    while (glimpse_region_numbered(settings.link.region) != glimpse_region_named(laws[law].region)) {
        settings.link.region++;
    }
    while (!node_settings_save(&settings)) {
    }
}

static uint32_t any_airtime(const glimpse_region *region)
{
    const uint32_t rate = chance(region->rates);
    return glimpse_region_airtime(region, rate, chance(glimpse_region_payload(region, rate, 0, false) + 1u), 0);
}

static void note_sent(uint32_t *count, uint64_t now, uint32_t airtime, uint32_t band)
{
    radio[*count].begins = 1000 * now;
    radio[*count].ends = 1000 * now + airtime;
    check_periods(*count, duty_budget()->region, band);
    ++*count;
    ++sent;
}

static void live(void)
{
    static uint64_t now, started; /* milliseconds; static: they outlive a longjmp */
    static uint32_t steps, count;
    now = started = 0;
    steps = count = 0;
    law = chance(LAWS);
    if (setjmp(power) != 0) {
        now += chance(LONGEST_OFF_MS);
        ++off;
    }
    started = now;
    ++starts;
    node_settings_load(&settings);
    if (settings.link.dialect == NODE_MODEM_NONE) {
        set_up();
    }
    if (duty_begin(&settings, now - started) != GLIMPSE_OK) {
        exit(1);
    }
    glimpse_budget *const budget = duty_budget();
    while (steps++ < STEPS) {
        const uint32_t airtime = any_airtime(budget->region);
        uint32_t band;
        now += chance(4) == 0 ? chance(laws[law].longest_pause_ms) : chance(3000);
        if (glimpse_budget_earliest_any(budget, airtime, now - started, &band) != now - started) {
            ++waited;
            ++reached[law];
            continue;
        }
        glimpse_budget_spend(budget, band, airtime, now - started);
        if (!duty_keep(band, airtime, now - started)) {
            ++refused;
            continue;
        }
        note_sent(&count, now, airtime, band);
        now += airtime / 1000u + 1u;
        if (chance(50) == 0) {
            cuts++;
            longjmp(power, 1); /* between two writes */
        }
    }
}

/* ---- one life, the same each time but for where it is cut */

static bool same(const node_settings *a, const node_settings *b)
{
    return memcmp(&a->link, &b->link, sizeof a->link) == 0;
}

/* Each packet as long and as early as it may be, and power that is back at once. What a start finds is what was kept
   last or what was being written. */
static void live_by_script(void)
{
    static uint64_t now, started; /* milliseconds; static: they outlive a longjmp */
    static uint32_t step, count;
    static node_settings before, writing;
    static bool cut;
    now = started = 0;
    step = count = 0;
    cut = false;
    node_settings_load(&settings);
    before = settings;
    if (setjmp(power) != 0) {
        cut = true;
        writing = settings;
        now += SCRIPT_OFF_MS;
    }
    started = now;
    node_settings_load(&settings);
    if (!same(&settings, &before) && !(cut && same(&settings, &writing))) {
        too_much("steps, and neither the old state nor the new one", step);
    }
    old_state += cut && same(&settings, &before);
    new_state += cut && same(&settings, &writing);
    before = settings;
    if (settings.link.dialect == NODE_MODEM_NONE) {
        set_up();
        before = settings;
    }
    if (duty_begin(&settings, 0) != GLIMPSE_OK) {
        exit(1);
    }
    glimpse_budget *const budget = duty_budget();
    for (; step < SCRIPT; step++, before = settings) {
        const uint32_t airtime =
            glimpse_region_airtime(budget->region, 0, glimpse_region_payload(budget->region, 0, 0, false), 0);
        uint32_t band;
        const uint64_t when = glimpse_budget_earliest_any(budget, airtime, now - started, &band);
        waited += when > now - started;
        now = started + when;
        glimpse_budget_spend(budget, band, airtime, when);
        if (!duty_keep(band, airtime, when)) {
            too_much("steps, and flash that is sound refuses", step);
        }
        note_sent(&count, now, airtime, band);
        now += airtime / 1000u + 1u;
    }
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "every") == 0) {
        for (law = 0; law < LAWS; law++) {
            flash_cut_everywhere(PARTS, live_by_script);
        }
        printf("cuts %lu\nerases %lu\nsent %lu\nwaited %lu\nold_state %lu\nnew_state %lu\n", cuts, erases, sent, waited,
               old_state, new_state);
        return 0;
    }
    if (count != 3) {
        return 2;
    }
    for (unsigned long i = 0; i < strtoul(words[1], NULL, 10); i++) {
        flash_begin(strtoull(words[2], NULL, 10) * 1000003u + i);
        live();
    }
    printf("sent %lu\nwaited %lu\nrefused %lu\nstarts %lu\noff %lu\ncuts %lu\nerases %lu\n", sent, waited, refused,
           starts, off, cuts, erases);
    for (law = 0; law < LAWS; law++) {
        printf("reached_%s_%s %lu\n", laws[law].region, laws[law].fair_use ? "fair" : "law", reached[law]);
    }
    return 0;
}
