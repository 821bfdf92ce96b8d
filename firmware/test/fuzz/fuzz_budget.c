/* SPDX-License-Identifier: Apache-2.0 */
/* The budget of airtime, after a hostile record, with any transmissions at the times that it allows. What must hold: no
   hour and no day has more airtime than its limit, and no record keeps a node silent for more than two periods. */
#include "core/budget.h"
#include "test/fuzz/fuzz.h"

enum { QUOTAS = GLIMPSE_MAX_BANDS + 3, SENDS = 64, BOOT = 1000 };

typedef struct {
    uint64_t from, to; /* milliseconds */
    uint32_t airtime, band;
} transmission;

static transmission sent[SENDS];
static uint32_t sends;

/* Of everything that lies wholly in the period that ends with the last transmission; the part of one at its beginning
   counts as nothing. */
static void check_period(const glimpse_budget *budget, uint32_t band, uint64_t period, uint64_t limit_us)
{
    const transmission *const last = &sent[sends - 1];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < sends; i++) {
        if ((band >= budget->region->bands || sent[i].band == band) && sent[i].from + period >= last->to) {
            sum += sent[i].airtime;
        }
    }
    MUST(sum <= limit_us);
}

static void send(glimpse_budget *budget, uint64_t *now, uint32_t airtime)
{
    uint32_t band = 0;
    const uint64_t when = glimpse_budget_earliest_any(budget, airtime, *now, &band);
    MUST(when >= *now && band < budget->region->bands);
    if (when == GLIMPSE_NEVER) {
        return;
    }
    *now = when;
    MUST(glimpse_budget_earliest(budget, band, airtime, *now) == *now); /* what was promised holds */
    glimpse_budget_spend(budget, band, airtime, *now);
    sent[sends++] = (transmission){*now, *now + (airtime + 999u) / 1000u, airtime, band};
    for (uint32_t i = 0; i < budget->region->bands; i++) {
        if (budget->region->band[i].hour_ms != 0) {
            check_period(budget, i, GLIMPSE_HOUR_MS, budget->region->band[i].hour_ms * UINT64_C(1000));
        }
    }
    if (budget->fair_use && budget->region->kind == GLIMPSE_LINK_LORAWAN) {
        check_period(budget, GLIMPSE_MAX_BANDS, GLIMPSE_DAY_MS, GLIMPSE_FAIR_AIRTIME_MS * UINT64_C(1000));
    }
}

static void restore(glimpse_budget *budget, uint64_t now, fuzz_input *in)
{
    const size_t size = glimpse_budget_record_bytes(budget);
    const uint32_t how = take_byte(in);
    const size_t given = how % 8 == 0 ? take_byte(in) : size;
    uint8_t *const record = exact(given, 0);
    for (size_t i = 0; i < given; i++) {
        record[i] = (uint8_t)take_byte(in);
    }
    const int status = glimpse_budget_restore(budget, now, how % 8 == 1 ? NULL : record, given);
    MUST(status == (how % 8 == 1 || given == size ? GLIMPSE_OK : GLIMPSE_ERROR_LENGTH));
    free(record);
}

/* A node starts again only after its transmissions have ended, if only with its power. */
static void save_and_restore(glimpse_budget *budget, uint64_t *clock)
{
    uint64_t now = *clock;
    for (uint32_t i = 0; i < sends; i++) {
        now = sent[i].to > now ? sent[i].to : now;
    }
    *clock = now;
    const size_t size = glimpse_budget_record_bytes(budget);
    uint8_t *const record = exact(size, 0);
    uint32_t band;
    const uint64_t before = glimpse_budget_earliest_any(budget, 1000, now, &band);
    glimpse_budget_save(budget, now, record);
    MUST(glimpse_budget_restore(budget, now, record, size) == GLIMPSE_OK);
    MUST(glimpse_budget_earliest_any(budget, 1000, now, &band) >= before); /* never sooner */
    free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    glimpse_budget budget;
    const glimpse_region *const region = glimpse_region_numbered(take_byte(&in) & 3u);
    const uint32_t bands = take_byte(&in);
    const bool fair = (take_byte(&in) & 1u) != 0;
    const uint32_t count = glimpse_budget_quotas(region, bands & ((1u << region->bands) - 1u), fair);
    glimpse_quota *const quotas = (glimpse_quota *)exact(count * sizeof *quotas, 0xEE);
    uint64_t now = BOOT + (uint64_t)take_number(&in);
    sends = 0;
    const int status = glimpse_budget_begin(&budget, region, bands, fair, quotas, count, now);
    MUST(status == (bands >> region->bands == 0 ? GLIMPSE_OK : GLIMPSE_ERROR_ARGUMENT));
    if (status == GLIMPSE_OK) {
        restore(&budget, now, &in);
        for (uint32_t steps = 0; steps < SENDS && in.left > 0; steps++) {
            switch (take_byte(&in) % 4) {
            case 0:
                now += take_number(&in);
                break;
            case 1:
                save_and_restore(&budget, &now);
                break;
            default: /* a downlink's record is counted, too */
                glimpse_budget_downlink(&budget, now);
                send(&budget, &now, take_number(&in));
                break;
            }
        }
        uint32_t band;
        MUST(glimpse_budget_earliest_any(&budget, 1000, now, &band) <= now + 2u * (uint64_t)GLIMPSE_DAY_MS);
    }
    free(quotas);
    return 0;
}
