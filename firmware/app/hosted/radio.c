/* SPDX-License-Identifier: Apache-2.0 */
/* What core/schedule.c asks of core/budget.h and core/region.h, for a node that has no radio: schedules there have no
   budget, so nothing of this is ever called. */
#include "core/budget.h"
#include "core/schedule.h"

uint64_t glimpse_budget_earliest_any(glimpse_budget *budget, uint32_t airtime_us, uint64_t now, uint32_t *band)
{
    (void)budget;
    (void)airtime_us;
    (void)now;
    *band = 0;
    return GLIMPSE_NEVER;
}

void glimpse_budget_spend(glimpse_budget *budget, uint32_t band, uint32_t airtime_us, uint64_t now)
{
    (void)budget;
    (void)band;
    (void)airtime_us;
    (void)now;
}

uint32_t glimpse_region_airtime(const glimpse_region *region, uint32_t rate, uint32_t payload, uint32_t fopts)
{
    (void)region;
    (void)rate;
    (void)payload;
    (void)fopts;
    return UINT32_MAX;
}

uint32_t glimpse_region_payload(const glimpse_region *region, uint32_t rate, uint32_t fopts, bool repeater)
{
    (void)region;
    (void)rate;
    (void)fopts;
    (void)repeater;
    return 0;
}
