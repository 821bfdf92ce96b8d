/* SPDX-License-Identifier: Apache-2.0 */
#include "app/duty.h"

#include <string.h>

#include "app/protocol.h"
#include "core/status.h"

static node_settings *kept;
static glimpse_quota quotas[NODE_QUOTAS];
static glimpse_budget budget;
static uint32_t ahead_us; /* of airtime, in the record already */

int duty_begin(node_settings *settings, uint64_t now)
{
    const node_link *const link = &settings->link;
    const bool fair = (link->flags & NODE_MODEM_FAIR_USE) != 0;
    const glimpse_region *const region = glimpse_region_numbered(link->region);
    kept = settings;
    ahead_us = 0;
    if (glimpse_budget_begin(&budget, region, 0, fair, quotas, NODE_QUOTAS, now) != GLIMPSE_OK) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    if (link->known != NODE_DUTY_UNUSED) {
        (void)glimpse_budget_restore(&budget, now, link->known == NODE_DUTY_KEPT ? link->duty : NULL,
                                     glimpse_budget_record_bytes(&budget));
    }
    return GLIMPSE_OK;
}

glimpse_budget *duty_budget(void)
{
    return &budget;
}

bool duty_keep(uint32_t band, uint32_t airtime_us, uint64_t now)
{
    if (airtime_us <= ahead_us) {
        ahead_us -= airtime_us;
        return true;
    }
    const uint32_t more = (NODE_PACKETS_AHEAD - 1) * airtime_us;
    glimpse_quota later[NODE_QUOTAS];
    glimpse_budget all = budget;
    memcpy(later, quotas, sizeof later);
    all.quota = later;
    glimpse_budget_spend(&all, band, more, now);
    const node_link before = kept->link;
    glimpse_budget_save(&all, now, kept->link.duty);
    kept->link.known = NODE_DUTY_KEPT;
    if (!node_settings_save(kept)) {
        kept->link = before;
        return false;
    }
    ahead_us = more;
    return true;
}
