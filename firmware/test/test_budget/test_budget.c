/* SPDX-License-Identifier: Apache-2.0 */
/* Airtime against published figures, the regions' tables, and the budget: no hour and no day ever carries more than it
   may, whatever the node does. */
#include <string.h>

#include "core/airtime.h"
#include "core/budget.h"
#include "core/packet.h"
#include "core/status.h"
#include "test/check.h"
#include "test/random.h"

enum {
    MAX_SENT = 64,
    MAX_QUOTAS = GLIMPSE_MAX_BANDS + 3,
    RECORD_BYTES = MAX_QUOTAS * 4 * GLIMPSE_BUDGET_RECORD_GROUPS
};

/* ---- airtime */

/* Milliseconds of packets of `payload` bytes and LoRaWAN's 13. */
static uint32_t packets_ms(uint8_t spreading, uint16_t khz, uint8_t coding, uint32_t payload, uint32_t packets)
{
    const glimpse_lora radio = {spreading, coding, khz};
    return (glimpse_lora_airtime(&radio, payload + GLIMPSE_LORAWAN_OVERHEAD) * packets + 500u) / 1000u;
}

static void within_a_thousandth(uint32_t expected, uint32_t seen)
{
    CHECK(seen * 1000u >= expected * 999u && seen * 1000u <= expected * 1001u);
}

static void airtimes_are_those_of_starfish_table_1(void)
{
    within_a_thousandth(4396, packets_ms(7, 125, 1, 242, 11));
    within_a_thousandth(2198, packets_ms(7, 250, 1, 242, 11));
    within_a_thousandth(14891, packets_ms(9, 125, 1, 115, 22));
    within_a_thousandth(7778, packets_ms(8, 125, 1, 242, 11));
    within_a_thousandth(160970, packets_ms(12, 125, 2, 51, 50));
    within_a_thousandth(90320, packets_ms(11, 125, 2, 51, 50));
}

static void airtimes_are_exact(void)
{
    CHECK_EQUAL(370688, glimpse_lora_airtime(&(glimpse_lora){10, 1, 125}, 24)); /* US915 DR0: 11 bytes, below 400 ms */
    CHECK_EQUAL(2793472, glimpse_lora_airtime(&(glimpse_lora){12, 1, 125}, 64));
    CHECK_EQUAL(15424, glimpse_lora_airtime(&(glimpse_lora){7, 1, 500}, 24));
    CHECK_EQUAL(0, glimpse_lora_airtime(&(glimpse_lora){6, 1, 125}, 24));
    CHECK_EQUAL(0, glimpse_lora_airtime(&(glimpse_lora){7, 5, 125}, 24));
    CHECK_EQUAL(0, glimpse_lora_airtime(&(glimpse_lora){7, 1, 100}, 24));
    CHECK_EQUAL(0, glimpse_lora_airtime(&(glimpse_lora){7, 1, 125}, 256));
    CHECK_EQUAL(5600, glimpse_fsk_airtime(50000, 24));
}

/* ---- regions */

static void regions_are_found_by_name_and_number(void)
{
    static const char *const names[] = {"EU868", "US915", "Sigfox", "NB-IoT"};
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(glimpse_region_named(names[i]) != NULL);
        CHECK(glimpse_region_named(names[i]) == glimpse_region_numbered(i));
        CHECK(glimpse_region_numbered(i)->bands <= GLIMPSE_MAX_BANDS);
    }
    CHECK(glimpse_region_numbered(4) == NULL);
    CHECK(glimpse_region_named("EU86") == NULL);
}

static void payloads_are_those_of_the_tables(void)
{
    static const uint8_t eu868[8] = {51, 51, 51, 115, 242, 242, 242, 242};
    static const uint8_t us915[5] = {11, 53, 125, 242, 242};
    const glimpse_region *eu = glimpse_region_named("EU868");
    const glimpse_region *us = glimpse_region_named("US915");
    for (uint32_t rate = 0; rate < 8; rate++) {
        CHECK_EQUAL(eu868[rate], glimpse_region_payload(eu, rate, 0, false));
        CHECK_EQUAL(rate < 4 ? eu868[rate] : 222, glimpse_region_payload(eu, rate, 0, true));
    }
    for (uint32_t rate = 0; rate < 5; rate++) {
        const uint32_t payload = glimpse_region_payload(us, rate, 0, false);
        CHECK_EQUAL(us915[rate], payload);
        CHECK(glimpse_region_airtime(us, rate, payload, 0) <= 400000);
    }
    CHECK_EQUAL(36, glimpse_region_payload(eu, 0, 15, false));
    CHECK_EQUAL(0, glimpse_region_payload(us, 0, 11, false));
    CHECK_EQUAL(0, glimpse_region_payload(us, 0, 15, false));
    CHECK_EQUAL(0, glimpse_region_payload(us, 5, 0, false));
    CHECK_EQUAL(0, glimpse_region_airtime(us, 5, 11, 0));
    CHECK_EQUAL(12, glimpse_region_payload(glimpse_region_named("Sigfox"), 0, 0, false));
    CHECK_EQUAL(6240000, glimpse_region_airtime(glimpse_region_named("Sigfox"), 0, 11, 0));
    CHECK_EQUAL(GLIMPSE_MAX_PAYLOAD, glimpse_region_payload(glimpse_region_named("NB-IoT"), 0, 0, false));
}

/* ---- the budget */

static glimpse_quota quotas[MAX_QUOTAS];
static glimpse_budget budget;

/* At SF12 an hour takes 12 packets of 51 bytes and no more. */
static void an_hour_takes_twelve_packets_at_sf12(void)
{
    const glimpse_region *eu = glimpse_region_named("EU868");
    const uint32_t airtime = glimpse_region_airtime(eu, 0, 51, 0);
    uint64_t now = 1000;
    CHECK_EQUAL(1, glimpse_budget_quotas(eu, 0, false));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_budget_begin(&budget, eu, 0, false, quotas, 1, now));
    for (uint32_t i = 0; i < 12; i++) {
        CHECK_EQUAL(now, glimpse_budget_earliest(&budget, 2, airtime, now));
        glimpse_budget_spend(&budget, 2, airtime, now);
        now += 5000;
    }
    const uint64_t next = glimpse_budget_earliest(&budget, 2, airtime, now);
    CHECK(next >= 1000 + GLIMPSE_HOUR_MS && next <= 1000 + GLIMPSE_HOUR_MS + GLIMPSE_HOUR_MS / 32 + 3000);
    CHECK(glimpse_budget_earliest(&budget, 4, airtime, now) == GLIMPSE_NEVER); /* a band that is not used */
    CHECK(glimpse_budget_earliest(&budget, 2, 36000001, now) == GLIMPSE_NEVER);
    CHECK_EQUAL(next, glimpse_budget_earliest(&budget, 2, airtime, next));
}

static void what_cannot_be_is_refused(void)
{
    const glimpse_region *eu = glimpse_region_named("EU868");
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_budget_begin(&budget, eu, 1u << 6, false, quotas, MAX_QUOTAS, 0));
    CHECK_EQUAL(8, glimpse_budget_quotas(eu, 63, true));
    CHECK_EQUAL(GLIMPSE_ERROR_BUFFER, glimpse_budget_begin(&budget, eu, 63, true, quotas, 7, 0));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_budget_begin(&budget, eu, 63, true, quotas, 8, 0));
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_budget_restore(&budget, 0, (const uint8_t *)"", 1));
    CHECK(glimpse_budget_earliest(&budget, 2, 1, 0) > 0); /* and counts as spent */
    const glimpse_region *us = glimpse_region_named("US915");
    CHECK_EQUAL(GLIMPSE_OK, glimpse_budget_begin(&budget, us, 0, false, quotas, 1, 0));
    CHECK_EQUAL(0, glimpse_budget_earliest(&budget, 0, 400000, 0));
    CHECK(glimpse_budget_earliest(&budget, 0, 400001, 0) == GLIMPSE_NEVER); /* dwell time */
}

static void downlinks_have_a_quota_of_their_own(void)
{
    CHECK_EQUAL(GLIMPSE_OK,
                glimpse_budget_begin(&budget, glimpse_region_named("EU868"), 0, true, quotas, MAX_QUOTAS, 0));
    for (uint32_t left = 10; left > 0; left--) {
        CHECK_EQUAL(left, glimpse_budget_downlinks(&budget, 1000));
        glimpse_budget_downlink(&budget, 1000);
    }
    CHECK_EQUAL(0, glimpse_budget_downlinks(&budget, GLIMPSE_DAY_MS));
    CHECK_EQUAL(10, glimpse_budget_downlinks(&budget, GLIMPSE_DAY_MS + GLIMPSE_DAY_MS / 32));
}

/* ---- the property, by brute force: every transmission of a node in true time, whatever its own clock says */

static struct {
    uint64_t start_us, end_us;
    uint32_t band;
} sent[MAX_SENT];
static uint32_t sent_count;
static uint32_t waits; /* packets that the budget made wait */

/* Microseconds on the air in [from, from + period), of one band or of all (UINT32_MAX). */
static uint64_t on_air(uint64_t from, uint64_t period, uint32_t band)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < sent_count; i++) {
        const uint64_t start = sent[i].start_us > from ? sent[i].start_us : from;
        const uint64_t end = sent[i].end_us < from + period ? sent[i].end_us : from + period;
        total += (band == UINT32_MAX || sent[i].band == band) && end > start ? end - start : 0;
    }
    return total;
}

static uint32_t messages(uint64_t from, uint64_t period)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sent_count; i++) {
        count += sent[i].start_us >= from && sent[i].start_us < from + period;
    }
    return count;
}

/* The most is on the air in periods that begin with a transmission or end with one. */
static bool holds(const glimpse_region *region, bool fair_use)
{
    const uint64_t hour = GLIMPSE_HOUR_MS * 1000ull;
    const uint64_t day = GLIMPSE_DAY_MS * 1000ull;
    for (uint32_t i = 0; i < sent_count; i++) {
        const uint64_t limit = region->band[sent[i].band].hour_ms * 1000ull;
        const uint64_t end = sent[i].end_us;
        if (limit != 0 && (on_air(sent[i].start_us, hour, sent[i].band) > limit ||
                           on_air(end > hour ? end - hour : 0, hour, sent[i].band) > limit)) {
            return false;
        }
        if (fair_use && (on_air(sent[i].start_us, day, UINT32_MAX) > 30000000 ||
                         on_air(end > day ? end - day : 0, day, UINT32_MAX) > 30000000)) {
            return false;
        }
        if (region->uplinks_day != 0 && messages(sent[i].start_us, day) > region->uplinks_day) {
            return false;
        }
        if (region->dwell_ms != 0 && end - sent[i].start_us > region->dwell_ms * 1000ull) {
            return false;
        }
    }
    return true;
}

static uint64_t random_gap_ms(void)
{
    static const uint32_t longest[] = {1, 3000, 100000, 1000000, GLIMPSE_HOUR_MS, 8 * GLIMPSE_HOUR_MS};
    return random_below(longest[random_below(6)]);
}

/* One node's life of up to MAX_SENT packets: sizes and data rates change all the time, it sends as early as it may or
   later, and loses power now and then, with its clock, sometimes with its record too. Returns the packets. */
static uint32_t live(const glimpse_region *region, bool fair_use)
{
    static uint8_t record[RECORD_BYTES];
    const uint32_t bands = random_below(1u << region->bands);
    uint64_t boot = random_below(1000000); /* true time when the node's clock was 0 */
    uint64_t now = 0;
    sent_count = 0;
    glimpse_budget_begin(&budget, region, bands, fair_use, quotas, MAX_QUOTAS, now);
    if (random_below(8) == 0) {
        glimpse_budget_restore(&budget, now, NULL, 0);
    }
    const uint32_t packets = 4 + random_below(MAX_SENT - 4);
    const uint32_t slowest = random_below(region->rates);
    for (uint32_t i = 0; i < packets; i++) {
        const uint32_t rate = random_below(4) == 0 ? random_below(region->rates) : slowest;
        const uint32_t fopts = random_below(4) == 0 ? random_below(GLIMPSE_MAX_FOPTS + 1) : 0;
        const uint32_t payload = glimpse_region_payload(region, rate, fopts, false);
        const uint32_t airtime =
            glimpse_region_airtime(region, rate, random_below(2) == 0 ? payload : random_below(payload + 1), fopts);
        uint32_t band;
        now += random_below(2) == 0 ? 0 : random_gap_ms();
        const uint64_t when = glimpse_budget_earliest_any(&budget, airtime, now, &band);
        if (when == GLIMPSE_NEVER) {
            continue;
        }
        waits += when > now;
        now = when;
        CHECK(glimpse_budget_earliest(&budget, band, airtime, now) == now);
        glimpse_budget_spend(&budget, band, airtime, now);
        glimpse_budget_save(&budget, now, record);
        sent[sent_count].start_us = (boot + now) * 1000u;
        sent[sent_count].end_us = sent[sent_count].start_us + airtime;
        sent[sent_count].band = band;
        sent_count++;
        now += (airtime + 999u) / 1000u;
        if (random_below(16) == 0) {
            boot += now + random_gap_ms();
            now = random_below(50);
            glimpse_budget_begin(&budget, region, bands, fair_use, quotas, MAX_QUOTAS, now);
            glimpse_budget_restore(&budget, now, random_below(8) == 0 ? NULL : record,
                                   glimpse_budget_record_bytes(&budget));
        }
    }
    return sent_count;
}

/* 100,000 lives for each region on the host, fewer where each instruction is emulated. */
static void no_hour_and_no_day_carries_more_than_it_may(void)
{
    const uint32_t lives = strcmp(port_get_counter_unit()->unit, "ns") == 0 ? 100000 : 300;
    for (uint32_t number = 0; glimpse_region_numbered(number) != NULL; number++) {
        const glimpse_region *region = glimpse_region_numbered(number);
        uint32_t packets = 0;
        uint32_t broken = 0;
        waits = 0;
        for (uint32_t i = 0; i < lives; i++) {
            const bool fair_use = i % 2 != 0 && region->kind == GLIMPSE_LINK_LORAWAN;
            packets += live(region, fair_use);
            broken += !holds(region, fair_use);
        }
        CHECK_EQUAL(0, broken);
        CHECK(packets > 4 * lives);
        CHECK(waits > lives / 4 || region->kind == GLIMPSE_LINK_NBIOT || region->band[0].hour_ms == 0);
    }
}

/* The checker sees what it should: the same lives break limits that are a little lower. */
static void the_checker_would_see_a_breach(void)
{
    const glimpse_band narrow[] = {{868000, 868600, 32000}};
    const glimpse_region *eu = glimpse_region_named("EU868");
    glimpse_region usual = *eu;
    glimpse_region tight = *eu;
    glimpse_band band = eu->band[2];
    usual.bands = tight.bands = 1;
    usual.default_band = tight.default_band = 0;
    usual.band = &band;
    tight.band = narrow;
    uint32_t broken = 0;
    for (uint32_t i = 0; i < 300; i++) {
        live(&usual, false);
        broken += !holds(&tight, false);
    }
    CHECK(broken > 0);
}

/* Counted messages, in quotas of any size, asked for as early as they may be. */
static void counts_hold_in_any_period(void)
{
    for (uint32_t limit = 1; limit < 40; limit++) {
        static glimpse_quota quota;
        uint64_t times[120];
        uint64_t now = limit;
        glimpse_quota_begin(&quota, 32 * 100, limit, now, false);
        for (uint32_t i = 0; i < 120; i++) {
            now = glimpse_quota_earliest(&quota, now + random_below(random_below(2) == 0 ? 3 : 200), 1);
            glimpse_quota_spend(&quota, now, 1);
            times[i] = now;
            CHECK(i < limit || now - times[i - limit] >= 32 * 100);
        }
    }
}

int main(void)
{
    check_begin();
    CHECK_RUN(airtimes_are_those_of_starfish_table_1);
    CHECK_RUN(airtimes_are_exact);
    CHECK_RUN(regions_are_found_by_name_and_number);
    CHECK_RUN(payloads_are_those_of_the_tables);
    CHECK_RUN(an_hour_takes_twelve_packets_at_sf12);
    CHECK_RUN(what_cannot_be_is_refused);
    CHECK_RUN(downlinks_have_a_quota_of_their_own);
    CHECK_RUN(counts_hold_in_any_period);
    CHECK_RUN(no_hour_and_no_day_carries_more_than_it_may);
    CHECK_RUN(the_checker_would_see_a_breach);
    return check_end();
}
