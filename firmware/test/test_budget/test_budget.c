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

#define ANY_BAND UINT32_MAX

enum {
    MAX_SENT = 160,
    PACES = 6,
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

static void limits_are_those_of_the_law(void)
{
    static const uint32_t eu868_hour_s[] = {3, 36, 36, 3, 360, 36};
    const glimpse_region *eu = glimpse_region_named("EU868");
    const glimpse_region *us = glimpse_region_named("US915");
    const glimpse_region *sigfox = glimpse_region_named("Sigfox");
    const glimpse_region *nbiot = glimpse_region_named("NB-IoT");
    CHECK_EQUAL(6, eu->bands);
    for (uint32_t band = 0; band < eu->bands; band++) {
        CHECK_EQUAL(eu868_hour_s[band], eu->band[band].hour_ms / 1000u);
    }
    CHECK(eu->dwell_ms == 0 && eu->uplinks_day == 0 && eu->downlinks_day == 0);
    CHECK(us->bands == 1 && us->band[0].hour_ms == 0);
    CHECK(us->dwell_ms == 400 && us->uplinks_day == 0 && us->downlinks_day == 0);
    CHECK(sigfox->bands == 1 && sigfox->band[0].hour_ms == 36000);
    CHECK(sigfox->dwell_ms == 0 && sigfox->uplinks_day == 140 && sigfox->downlinks_day == 4);
    CHECK(nbiot->bands == 1 && nbiot->band[0].hour_ms == 0);
    CHECK(nbiot->dwell_ms == 0 && nbiot->uplinks_day == 0 && nbiot->downlinks_day == 0);
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

/* ---- the property: every transmission and downlink of a node in true time, whatever its own clock says, against what
   the law says of any hour and any day. Of budget.c the checker knows nothing. */

typedef enum { HOUR, AIRTIME, UPLINKS, DOWNLINKS, DWELL, RULES } rule;

/* 0: no limit. NB-IoT has none at all. */
typedef struct {
    const glimpse_region *region;
    uint32_t airtime_us; /* in any day */
    uint32_t downlinks;  /* the same */
} law;

static const uint64_t hour_us = GLIMPSE_HOUR_MS * UINT64_C(1000);
static const uint64_t day_us = GLIMPSE_DAY_MS * UINT64_C(1000);

static law law_of(const glimpse_region *region, bool fair_use)
{
    return fair_use ? (law){region, 30000000, 10} : (law){region, 0, region->downlinks_day};
}

static struct {
    uint64_t start_us, end_us;
    uint32_t band;
} sent[MAX_SENT];
static uint64_t heard_us[MAX_SENT];
static uint32_t sent_count, heard_count;
static bool bound[RULES]; /* in this life: without the rule the node would have broken it */

static bool is_of(uint32_t i, uint32_t band)
{
    return band == ANY_BAND || sent[i].band == band;
}

/* Microseconds on the air in [from, from + period), of one band or of all. */
static uint64_t on_air(uint64_t from, uint64_t period, uint32_t band)
{
    uint64_t total = 0;
    for (uint32_t i = sent_count; i > 0 && sent[i - 1].end_us > from; i--) {
        const uint64_t start = sent[i - 1].start_us > from ? sent[i - 1].start_us : from;
        const uint64_t end = sent[i - 1].end_us < from + period ? sent[i - 1].end_us : from + period;
        total += is_of(i - 1, band) && end > start ? end - start : 0;
    }
    return total;
}

/* The most of them in any period. It is in one that ends with a transmission: a period that ends within one gains by
   ending with it what it loses, or more, and one that ends in silence loses nothing by ending earlier. */
static uint64_t most_on_air(uint64_t period, uint32_t band)
{
    uint64_t most = 0;
    uint64_t total = 0; /* of first .. i, whole */
    for (uint32_t i = 0, first = 0; i < sent_count; i++) {
        const uint64_t from = sent[i].end_us > period ? sent[i].end_us - period : 0;
        total += is_of(i, band) ? sent[i].end_us - sent[i].start_us : 0;
        for (; sent[first].end_us <= from; first++) {
            total -= is_of(first, band) ? sent[first].end_us - sent[first].start_us : 0;
        }
        const uint64_t out = is_of(first, band) && sent[first].start_us < from ? from - sent[first].start_us : 0;
        most = total - out > most ? total - out : most;
    }
    return most;
}

static bool holds(const law *law, rule rule)
{
    const glimpse_region *region = law->region;
    bool sound = true;
    switch (rule) {
    case HOUR:
        for (uint32_t band = 0; band < region->bands; band++) {
            const uint32_t limit = region->band[band].hour_ms;
            sound = sound && (limit == 0 || most_on_air(hour_us, band) <= limit * UINT64_C(1000));
        }
        break;
    case AIRTIME:
        return law->airtime_us == 0 || most_on_air(day_us, ANY_BAND) <= law->airtime_us;
    case UPLINKS:
        for (uint32_t i = region->uplinks_day; i < sent_count && region->uplinks_day != 0; i++) {
            sound = sound && sent[i].start_us - sent[i - region->uplinks_day].start_us >= day_us;
        }
        break;
    case DOWNLINKS:
        for (uint32_t i = law->downlinks; i < heard_count && law->downlinks != 0; i++) {
            sound = sound && heard_us[i] - heard_us[i - law->downlinks] >= day_us;
        }
        break;
    default:
        for (uint32_t i = 0; i < sent_count; i++) {
            sound = sound && (region->dwell_ms == 0 || sent[i].end_us - sent[i].start_us <= region->dwell_ms * 1000u);
        }
    }
    return sound;
}

/* The budget did not allow what would begin now: notes the rules that it would break. */
static void note_what_bound(const law *law, uint64_t now_us, uint32_t airtime, uint32_t band)
{
    const glimpse_region *region = law->region;
    const uint64_t end = now_us + airtime;
    const uint32_t uplinks = region->uplinks_day;
    const uint64_t hour = on_air(end > hour_us ? end - hour_us : 0, hour_us, band) + airtime;
    bound[HOUR] |= region->band[band].hour_ms != 0 && hour > region->band[band].hour_ms * UINT64_C(1000);
    bound[AIRTIME] |=
        law->airtime_us != 0 && on_air(end > day_us ? end - day_us : 0, day_us, ANY_BAND) + airtime > law->airtime_us;
    bound[UPLINKS] |= uplinks != 0 && sent_count >= uplinks && now_us - sent[sent_count - uplinks].start_us < day_us;
    bound[DWELL] |= region->dwell_ms != 0 && airtime > region->dwell_ms * 1000u;
}

static void ask_for_downlink(const law *law, uint64_t now, uint64_t now_us)
{
    const uint32_t left = glimpse_budget_downlinks(&budget, now);
    CHECK((left == UINT32_MAX) == (law->downlinks == 0));
    if (left > 0) {
        glimpse_budget_downlink(&budget, now);
        heard_us[heard_count++] = now_us;
    } else {
        bound[DOWNLINKS] |= heard_count >= law->downlinks && now_us - heard_us[heard_count - law->downlinks] < day_us;
    }
}

/* Milliseconds; `pace` 1 is a node in a hurry, PACES one that now and then sleeps for a third of a day. */
static uint64_t random_gap(uint32_t pace)
{
    static const uint32_t longest[PACES] = {1, 3000, 100000, 1000000, GLIMPSE_HOUR_MS, 8 * GLIMPSE_HOUR_MS};
    return random_below(longest[random_below(pace)]);
}

/* One node's life of up to `most` packets: sizes and data rates change all the time, it sends as early as it may or
   later, asks for downlinks, and loses power now and then, with its clock, sometimes with its record too. */
static void live(const law *law, uint32_t most)
{
    static uint8_t record[RECORD_BYTES];
    const glimpse_region *region = law->region;
    const bool fair_use = law->airtime_us != 0;
    const uint32_t bands = random_below(2) == 0 ? 1u << random_below(region->bands) : random_below(1u << region->bands);
    const uint32_t pace = 1 + random_below(PACES);
    uint64_t boot = random_below(1000000); /* true time when the node's clock was 0 */
    uint64_t now = 0;
    sent_count = heard_count = 0;
    memset(bound, 0, sizeof bound);
    glimpse_budget_begin(&budget, region, bands, fair_use, quotas, MAX_QUOTAS, now);
    if (random_below(8) == 0) {
        glimpse_budget_restore(&budget, now, NULL, 0);
    }
    const uint32_t packets = random_below(2) == 0 ? most : 4 + random_below(most - 3);
    const uint32_t slowest = random_below(1 + random_below(region->rates));
    for (uint32_t i = 0; i < packets; i++) {
        const uint32_t rate = random_below(4) == 0 ? random_below(region->rates) : slowest;
        const uint32_t fopts = random_below(4) == 0 ? random_below(GLIMPSE_MAX_FOPTS + 1) : 0;
        const uint32_t payload = glimpse_region_payload(region, rate, fopts, false);
        uint32_t airtime =
            glimpse_region_airtime(region, rate, random_below(2) == 0 ? payload : random_below(payload + 1), fopts);
        uint32_t band;
        airtime *= random_below(32) == 0 ? 2 : 1; /* a radio that is set up wrongly */
        now += random_below(2) == 0 ? 0 : random_gap(pace);
        const uint64_t when = glimpse_budget_earliest_any(&budget, airtime, now, &band);
        if (when > now) {
            note_what_bound(law, (boot + now) * 1000u, airtime, band);
        }
        if (when == GLIMPSE_NEVER) {
            continue;
        }
        now = when;
        CHECK(glimpse_budget_earliest(&budget, band, airtime, now) == now);
        glimpse_budget_spend(&budget, band, airtime, now);
        sent[sent_count].start_us = (boot + now) * 1000u;
        sent[sent_count].end_us = sent[sent_count].start_us + airtime;
        sent[sent_count].band = band;
        sent_count++;
        now += (airtime + 999u) / 1000u;
        if (random_below(2) == 0) {
            ask_for_downlink(law, now, (boot + now) * 1000u);
        }
        if (random_below(16) == 0) {
            glimpse_budget_save(&budget, now, record);
            boot += now + random_gap(PACES);
            now = random_below(50);
            glimpse_budget_begin(&budget, region, bands, fair_use, quotas, MAX_QUOTAS, now);
            glimpse_budget_restore(&budget, now, random_below(8) == 0 ? NULL : record,
                                   glimpse_budget_record_bytes(&budget));
        }
    }
}

/* Fair use leaves US915 some eighty of its short packets a day. */
static uint32_t most_packets(const glimpse_region *region, bool fair_use)
{
    return fair_use && region->dwell_ms != 0 ? MAX_SENT : 64;
}

/* In how many lives, of ten, each rule must have bound; 0: the region has no such rule, and it must not have bound.
   NB-IoT has none. Sigfox's hour never lets 140 messages into a day, so every second node there has a subscription of
   up to 40. */
static const struct {
    const char *name;
    uint8_t bound[RULES];
} expected[] = {
    {"EU868", {2, 2, 0, 2, 0}},
    {"US915", {0, 1, 0, 3, 6}},
    {"Sigfox", {7, 0, 3, 7, 0}},
    {"NB-IoT", {0, 0, 0, 0, 0}},
};

/* 100,000 lives for each region on the host, fewer where each instruction is emulated. */
static void no_hour_and_no_day_carries_more_than_it_may(void)
{
    const uint32_t lives = strcmp(port_get_counter_unit()->unit, "ns") == 0 ? 100000 : 300;
    for (uint32_t number = 0; glimpse_region_numbered(number) != NULL; number++) {
        glimpse_region region = *glimpse_region_numbered(number);
        const uint16_t uplinks = region.uplinks_day;
        uint32_t packets = 0;
        uint32_t broken = 0;
        uint32_t bound_lives[RULES] = {0};
        for (uint32_t i = 0; i < lives; i++) {
            const bool fair_use = i % 2 != 0 && region.kind == GLIMPSE_LINK_LORAWAN;
            const law law = law_of(&region, fair_use);
            region.uplinks_day = uplinks != 0 && i % 2 != 0 ? (uint16_t)(1 + random_below(40)) : uplinks;
            live(&law, most_packets(&region, fair_use));
            packets += sent_count;
            for (uint32_t of = 0; of < RULES; of++) {
                broken += !holds(&law, (rule)of);
                bound_lives[of] += bound[of];
            }
        }
        CHECK_EQUAL(0, broken);
        CHECK(packets > 4 * lives);
        CHECK(strcmp(region.name, expected[number].name) == 0);
        for (uint32_t of = 0; of < RULES; of++) {
            const uint32_t least = expected[number].bound[of] * lives / 10;
            CHECK(least == 0 ? bound_lives[of] == 0 : bound_lives[of] >= least);
        }
    }
}

/* Some lives under the usual law break the tight one, which differs in this rule alone. */
static void check_seen(rule rule, const law *usual, const law *tight)
{
    uint32_t broken = 0;
    for (uint32_t i = 0; i < 200; i++) {
        live(usual, most_packets(usual->region, usual->airtime_us != 0));
        CHECK(holds(usual, rule));
        broken += !holds(tight, rule);
    }
    CHECK(broken > 0);
}

/* The checker sees what it should: the same lives break limits that are a little lower. */
static void the_checker_would_see_a_breach(void)
{
    const glimpse_region *eu868 = glimpse_region_named("EU868");
    const glimpse_band narrow[] = {{868000, 868600, 34000}};
    glimpse_region usual = *eu868;
    glimpse_region tight = *eu868;
    usual.bands = tight.bands = 1;
    usual.default_band = tight.default_band = 0;
    usual.band = &eu868->band[2];
    tight.band = narrow;
    check_seen(HOUR, &(law){&usual, 0, 0}, &(law){&tight, 0, 0});

    const glimpse_region *us915 = glimpse_region_named("US915");
    const law fair = law_of(us915, true);
    check_seen(AIRTIME, &fair, &(law){us915, 29000000, 10});
    check_seen(DOWNLINKS, &fair, &(law){us915, 30000000, 9});
    tight = *us915;
    tight.dwell_ms = 380;
    check_seen(DWELL, &fair, &(law){&tight, 30000000, 10});

    usual = tight = *glimpse_region_named("Sigfox");
    usual.uplinks_day = 20;
    tight.uplinks_day = 19;
    check_seen(UPLINKS, &(law){&usual, 0, 4}, &(law){&tight, 0, 4});
    check_seen(DOWNLINKS, &(law){&usual, 0, 4}, &(law){&usual, 0, 3});
}

/* The sweep of most_on_air finds what adding up each period anew does, those that begin with a transmission too. */
static void the_checker_adds_up(void)
{
    const law law = law_of(glimpse_region_named("EU868"), false);
    for (uint32_t i = 0; i < 100; i++) {
        live(&law, 64);
        for (uint32_t band = 0; band <= law.region->bands; band++) {
            const uint32_t of = band < law.region->bands ? band : ANY_BAND;
            uint64_t most = 0;
            for (uint32_t each = 0; each < sent_count; each++) {
                const uint64_t end = sent[each].end_us;
                const uint64_t before = on_air(end > hour_us ? end - hour_us : 0, hour_us, of);
                const uint64_t after = on_air(sent[each].start_us, hour_us, of);
                most = before > most ? before : most;
                most = after > most ? after : most;
            }
            CHECK(most == most_on_air(hour_us, of));
        }
    }
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
    CHECK_RUN(limits_are_those_of_the_law);
    CHECK_RUN(an_hour_takes_twelve_packets_at_sf12);
    CHECK_RUN(what_cannot_be_is_refused);
    CHECK_RUN(downlinks_have_a_quota_of_their_own);
    CHECK_RUN(counts_hold_in_any_period);
    CHECK_RUN(no_hour_and_no_day_carries_more_than_it_may);
    CHECK_RUN(the_checker_would_see_a_breach);
    CHECK_RUN(the_checker_adds_up);
    return check_end();
}
