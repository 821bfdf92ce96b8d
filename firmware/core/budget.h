/* SPDX-License-Identifier: Apache-2.0 */
/* Never more airtime than the duty cycles and quotas allow, in any hour or day however it is laid. */
#ifndef GLIMPSE_CORE_BUDGET_H
#define GLIMPSE_CORE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/region.h"

#define GLIMPSE_NEVER UINT64_MAX

enum {
    GLIMPSE_QUOTA_PARTS = 32,        /* both periods divide by it */
    GLIMPSE_BUDGET_RECORD_GROUPS = 8 /* sums of one quota in a saved record */
};

/* What was spent in the last period. It is kept in sums of a part of the period each, and the part that is leaving the
   period counts whole until all of it has left. So the bound is kept exactly, and at worst a 32nd of the period late.
   */
typedef struct {
    uint32_t period_ms;
    uint32_t limit;                          /* units in any period */
    uint64_t part_began;                     /* milliseconds; of the part that time is in */
    uint32_t part;                           /* its place in spent */
    uint32_t spent[GLIMPSE_QUOTA_PARTS + 1]; /* units, a ring */
} glimpse_quota;

/* limit: units; period_ms: a multiple of GLIMPSE_QUOTA_PARTS. full: as if the limit had been spent just now. */
void glimpse_quota_begin(glimpse_quota *quota, uint32_t period_ms, uint32_t limit, uint64_t now, bool full);

/* Units that may be spent at `now`. Time never runs backwards: an earlier `now` counts as the latest one seen. */
uint32_t glimpse_quota_left(glimpse_quota *quota, uint64_t now);

/* When `units` may be spent at the earliest, `now` or later; GLIMPSE_NEVER when they are more than the limit. */
uint64_t glimpse_quota_earliest(glimpse_quota *quota, uint64_t now, uint32_t units);

/* Counts them whether allowed or not, at `until`: the end of what was spent. A transmission is counted where it ends,
   because it leaves a period only when its last part does. */
void glimpse_quota_spend(glimpse_quota *quota, uint64_t until, uint32_t units);

/* All limits that hold for one node. Milliseconds of any clock that never runs backwards and never wraps. */
typedef struct {
    const glimpse_region *region;
    uint32_t bands; /* a bit for each sub-band of the region that the node uses */
    bool fair_use;
    uint8_t count; /* quotas: of each band with a duty cycle, then airtime a day, uplinks a day, downlinks a day */
    glimpse_quota *quota;
} glimpse_budget;

/* Windows that a budget needs, for the caller's array. bands: as in glimpse_budget; 0: the region's default band.
   fair_use: with the network's fair use policy. */
uint32_t glimpse_budget_quotas(const glimpse_region *region, uint32_t bands, bool fair_use);

/* A node that has never sent. quotas: glimpse_budget_quotas() of them. GLIMPSE_ERROR_ARGUMENT: a band that the region
   has not; GLIMPSE_ERROR_BUFFER: count is too small. */
int glimpse_budget_begin(glimpse_budget *budget, const glimpse_region *region, uint32_t bands, bool fair_use,
                         glimpse_quota *quotas, uint32_t count, uint64_t now);

/* When a transmission of `airtime_us` may begin in a band at the earliest; GLIMPSE_NEVER where it never may: a band
   that is not used, or longer than the limit or the dwell time. */
uint64_t glimpse_budget_earliest(glimpse_budget *budget, uint32_t band, uint32_t airtime_us, uint64_t now);

/* The same in whichever band comes first; *band becomes that one, of equals the one with the most time left. */
uint64_t glimpse_budget_earliest_any(glimpse_budget *budget, uint32_t airtime_us, uint64_t now, uint32_t *band);

/* A transmission that begins at `now`. To be called before the radio starts, and saved before it where power can fail.
   */
void glimpse_budget_spend(glimpse_budget *budget, uint32_t band, uint32_t airtime_us, uint64_t now);

/* Downlinks that the quota leaves today, UINT32_MAX without one; and one that has come or was asked for. */
uint32_t glimpse_budget_downlinks(glimpse_budget *budget, uint64_t now);
void glimpse_budget_downlink(glimpse_budget *budget, uint64_t now);

/* What outlives a loss of power: for each quota GLIMPSE_BUDGET_RECORD_GROUPS sums of units, the youngest first, big
   endian, 4 bytes each. Its owner adds a check. */
size_t glimpse_budget_record_bytes(const glimpse_budget *budget);
void glimpse_budget_save(glimpse_budget *budget, uint64_t now, uint8_t *record);

/* After begin, on a node that does not know how long it was off: as if no time had passed since the record was saved,
   and as if everything had been spent just now when there is no record (NULL). GLIMPSE_ERROR_LENGTH: not a record of
   this budget; everything counts as spent. */
int glimpse_budget_restore(glimpse_budget *budget, uint64_t now, const uint8_t *record, size_t bytes);

#endif
