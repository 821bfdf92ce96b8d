/* SPDX-License-Identifier: Apache-2.0 */
#include "core/budget.h"

#include "core/status.h"

enum { PARTS = GLIMPSE_QUOTA_PARTS, RING = GLIMPSE_QUOTA_PARTS + 1, GROUPS = GLIMPSE_BUDGET_RECORD_GROUPS };

static uint32_t add_saturated(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static uint32_t part_ms(const glimpse_quota *quota)
{
    return quota->period_ms / PARTS;
}

/* The part with an age: 0 is the one that time is in, PARTS the oldest that still counts. */
static uint32_t *part_aged(glimpse_quota *quota, uint32_t age)
{
    return &quota->spent[(quota->part + RING - age) % RING];
}

static void empty(glimpse_quota *quota)
{
    for (uint32_t i = 0; i < RING; i++) {
        quota->spent[i] = 0;
    }
}

static void advance(glimpse_quota *quota, uint64_t now)
{
    if (now < quota->part_began) {
        return;
    }
    uint64_t parts = (now - quota->part_began) / part_ms(quota);
    quota->part_began += parts * part_ms(quota);
    if (parts > RING) {
        parts = RING; /* all are empty by then */
    }
    for (; parts > 0; parts--) {
        quota->part = (quota->part + 1u) % RING;
        quota->spent[quota->part] = 0;
    }
}

static uint64_t sum(const glimpse_quota *quota)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < RING; i++) {
        total += quota->spent[i];
    }
    return total;
}

void glimpse_quota_begin(glimpse_quota *quota, uint32_t period_ms, uint32_t limit, uint64_t now, bool full)
{
    quota->period_ms = period_ms;
    quota->limit = limit;
    quota->part_began = now;
    quota->part = 0;
    empty(quota);
    quota->spent[0] = full ? limit : 0;
}

uint32_t glimpse_quota_left(glimpse_quota *quota, uint64_t now)
{
    advance(quota, now);
    const uint64_t spent = sum(quota);
    return spent < quota->limit ? (uint32_t)(quota->limit - spent) : 0;
}

uint64_t glimpse_quota_earliest(glimpse_quota *quota, uint64_t now, uint32_t units)
{
    if (units > quota->limit) {
        return GLIMPSE_NEVER;
    }
    if (glimpse_quota_left(quota, now) >= units) {
        return now > quota->part_began ? now : quota->part_began;
    }
    /* The parts leave one after another, the oldest when the next one begins. */
    uint64_t spent = sum(quota);
    uint64_t at = quota->part_began;
    for (uint32_t age = PARTS;; age--) {
        spent -= *part_aged(quota, age);
        at += part_ms(quota);
        if (age == 0 || (spent + units <= quota->limit)) {
            return at;
        }
    }
}

void glimpse_quota_spend(glimpse_quota *quota, uint64_t until, uint32_t units)
{
    advance(quota, until);
    quota->spent[quota->part] = add_saturated(quota->spent[quota->part], units);
}

/* ---- the quotas of a budget */

static bool is_used(const glimpse_budget *budget, uint32_t band)
{
    return band < budget->region->bands && (budget->bands >> band & 1u) != 0;
}

static bool has_airtime_quota(const glimpse_budget *budget)
{
    return budget->fair_use && budget->region->kind == GLIMPSE_LINK_LORAWAN;
}

static uint32_t downlink_quota(const glimpse_budget *budget)
{
    if (has_airtime_quota(budget)) {
        return GLIMPSE_FAIR_DOWNLINKS;
    }
    return budget->region->downlinks_day;
}

/* They lie one after another, each only if there is such a limit. */
typedef struct {
    uint32_t airtime, uplinks, downlinks, count;
} layout;

static uint32_t quotas_before(const glimpse_budget *budget, uint32_t band)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < band; i++) {
        count += is_used(budget, i) && budget->region->band[i].hour_ms != 0;
    }
    return count;
}

static layout lay_out(const glimpse_budget *budget)
{
    layout at;
    at.airtime = quotas_before(budget, budget->region->bands);
    at.uplinks = at.airtime + has_airtime_quota(budget);
    at.downlinks = at.uplinks + (budget->region->uplinks_day != 0);
    at.count = at.downlinks + (downlink_quota(budget) != 0);
    return at;
}

static glimpse_budget describe(const glimpse_region *region, uint32_t bands, bool fair_use)
{
    return (glimpse_budget){
        .region = region, .bands = bands == 0 ? 1u << region->default_band : bands, .fair_use = fair_use};
}

uint32_t glimpse_budget_quotas(const glimpse_region *region, uint32_t bands, bool fair_use)
{
    const glimpse_budget budget = describe(region, bands, fair_use);
    return lay_out(&budget).count;
}

int glimpse_budget_begin(glimpse_budget *budget, const glimpse_region *region, uint32_t bands, bool fair_use,
                         glimpse_quota *quotas, uint32_t count, uint64_t now)
{
    if (bands >> region->bands != 0) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    *budget = describe(region, bands, fair_use);
    const layout at = lay_out(budget);
    if (count < at.count) {
        return GLIMPSE_ERROR_BUFFER;
    }
    budget->count = (uint8_t)at.count;
    budget->quota = quotas;
    for (uint32_t band = 0; band < region->bands; band++) {
        if (is_used(budget, band) && region->band[band].hour_ms != 0) {
            glimpse_quota_begin(&quotas[quotas_before(budget, band)], GLIMPSE_HOUR_MS,
                                region->band[band].hour_ms * 1000u, now, false);
        }
    }
    if (has_airtime_quota(budget)) {
        glimpse_quota_begin(&quotas[at.airtime], GLIMPSE_DAY_MS, GLIMPSE_FAIR_AIRTIME_MS * 1000u, now, false);
    }
    if (region->uplinks_day != 0) {
        glimpse_quota_begin(&quotas[at.uplinks], GLIMPSE_DAY_MS, region->uplinks_day, now, false);
    }
    if (downlink_quota(budget) != 0) {
        glimpse_quota_begin(&quotas[at.downlinks], GLIMPSE_DAY_MS, downlink_quota(budget), now, false);
    }
    return GLIMPSE_OK;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t glimpse_budget_earliest(glimpse_budget *budget, uint32_t band, uint32_t airtime_us, uint64_t now)
{
    const glimpse_region *region = budget->region;
    if (!is_used(budget, band) || (region->dwell_ms != 0 && airtime_us > region->dwell_ms * 1000u)) {
        return GLIMPSE_NEVER;
    }
    const layout at = lay_out(budget);
    uint64_t when = now;
    if (region->band[band].hour_ms != 0) {
        when = later(when, glimpse_quota_earliest(&budget->quota[quotas_before(budget, band)], now, airtime_us));
    }
    if (has_airtime_quota(budget)) {
        when = later(when, glimpse_quota_earliest(&budget->quota[at.airtime], now, airtime_us));
    }
    if (region->uplinks_day != 0) {
        when = later(when, glimpse_quota_earliest(&budget->quota[at.uplinks], now, 1));
    }
    return when;
}

static uint32_t time_left(glimpse_budget *budget, uint32_t band, uint64_t now)
{
    return budget->region->band[band].hour_ms == 0
               ? UINT32_MAX
               : glimpse_quota_left(&budget->quota[quotas_before(budget, band)], now);
}

uint64_t glimpse_budget_earliest_any(glimpse_budget *budget, uint32_t airtime_us, uint64_t now, uint32_t *band)
{
    uint64_t first = GLIMPSE_NEVER;
    uint32_t most = 0;
    *band = budget->region->default_band;
    for (uint32_t i = 0; i < budget->region->bands; i++) {
        const uint64_t when = glimpse_budget_earliest(budget, i, airtime_us, now);
        if (when == GLIMPSE_NEVER || when > first) {
            continue;
        }
        const uint32_t left = time_left(budget, i, now);
        if (when < first || left > most) {
            first = when;
            most = left;
            *band = i;
        }
    }
    return first;
}

void glimpse_budget_spend(glimpse_budget *budget, uint32_t band, uint32_t airtime_us, uint64_t now)
{
    const layout at = lay_out(budget);
    const uint64_t until = now + (airtime_us + 999u) / 1000u;
    if (is_used(budget, band) && budget->region->band[band].hour_ms != 0) {
        glimpse_quota_spend(&budget->quota[quotas_before(budget, band)], until, airtime_us);
    }
    if (has_airtime_quota(budget)) {
        glimpse_quota_spend(&budget->quota[at.airtime], until, airtime_us);
    }
    if (budget->region->uplinks_day != 0) {
        glimpse_quota_spend(&budget->quota[at.uplinks], until, 1);
    }
}

uint32_t glimpse_budget_downlinks(glimpse_budget *budget, uint64_t now)
{
    return downlink_quota(budget) == 0 ? UINT32_MAX
                                       : glimpse_quota_left(&budget->quota[lay_out(budget).downlinks], now);
}

void glimpse_budget_downlink(glimpse_budget *budget, uint64_t now)
{
    if (downlink_quota(budget) != 0) {
        glimpse_quota_spend(&budget->quota[lay_out(budget).downlinks], now, 1);
    }
}

/* ---- across a loss of power */

size_t glimpse_budget_record_bytes(const glimpse_budget *budget)
{
    return (size_t)budget->count * GROUPS * 4u;
}

/* A group has the ages first_age(group) up to that of the next one. All of it is restored as its youngest. */
static uint32_t first_age(uint32_t group)
{
    return group * RING / GROUPS;
}

void glimpse_budget_save(glimpse_budget *budget, uint64_t now, uint8_t *record)
{
    for (uint32_t i = 0; i < budget->count; i++) {
        advance(&budget->quota[i], now);
        for (uint32_t group = 0; group < GROUPS; group++, record += 4) {
            uint32_t units = 0;
            for (uint32_t age = first_age(group); age < first_age(group + 1u); age++) {
                units = add_saturated(units, *part_aged(&budget->quota[i], age));
            }
            for (uint32_t byte = 0; byte < 4; byte++) {
                record[byte] = (uint8_t)(units >> (24u - 8u * byte));
            }
        }
    }
}

static void spend_all(glimpse_budget *budget, uint64_t now)
{
    for (uint32_t i = 0; i < budget->count; i++) {
        glimpse_quota *quota = &budget->quota[i];
        glimpse_quota_begin(quota, quota->period_ms, quota->limit, now, true);
    }
}

int glimpse_budget_restore(glimpse_budget *budget, uint64_t now, const uint8_t *record, size_t bytes)
{
    spend_all(budget, now);
    if (record == NULL) {
        return GLIMPSE_OK;
    }
    if (bytes != glimpse_budget_record_bytes(budget)) {
        return GLIMPSE_ERROR_LENGTH;
    }
    for (uint32_t i = 0; i < budget->count; i++) {
        glimpse_quota *quota = &budget->quota[i];
        empty(quota);
        for (uint32_t group = 0; group < GROUPS; group++, record += 4) {
            *part_aged(quota, first_age(group)) =
                (uint32_t)record[0] << 24 | (uint32_t)record[1] << 16 | (uint32_t)record[2] << 8 | record[3];
        }
    }
    return GLIMPSE_OK;
}
