/* SPDX-License-Identifier: Apache-2.0 */
/* Which packet now: airtime, regions, budgets and the schedule. */
#include "core/airtime.h"
#include "core/region.h"
#include "core/budget.h"
#include "core/schedule.h"

typedef struct { uint8_t spreading; uint8_t coding; uint16_t bandwidth_khz; } glimpse_lora;
uint32_t glimpse_lora_airtime(const glimpse_lora *radio, uint32_t bytes);

typedef struct {
    uint8_t spreading; uint8_t payload; uint8_t repeater; uint16_t bandwidth_khz; uint32_t bits_per_second;
    ...;
} glimpse_data_rate;
typedef struct { uint32_t low_khz; uint32_t high_khz; uint32_t hour_ms; ...; } glimpse_band;
typedef struct {
    const char *name;
    uint8_t kind; uint8_t rates; uint8_t bands; uint8_t default_band;
    uint16_t dwell_ms; uint16_t uplinks_day; uint16_t downlinks_day; uint16_t quiet_ms;
    const glimpse_data_rate *rate; const glimpse_band *band;
    ...;
} glimpse_region;
const glimpse_region *glimpse_region_numbered(uint32_t number);
uint32_t glimpse_region_payload(const glimpse_region *region, uint32_t rate, uint32_t fopts, bool repeater);
uint32_t glimpse_region_airtime(const glimpse_region *region, uint32_t rate, uint32_t payload, uint32_t fopts);

typedef struct { ...; } glimpse_quota;
typedef struct { ...; } glimpse_budget;
uint32_t glimpse_budget_quotas(const glimpse_region *region, uint32_t bands, bool fair_use);
int glimpse_budget_begin(glimpse_budget *budget, const glimpse_region *region, uint32_t bands, bool fair_use,
                         glimpse_quota *quotas, uint32_t count, uint64_t now);
uint64_t glimpse_budget_earliest_any(glimpse_budget *budget, uint32_t airtime_us, uint64_t now, uint32_t *band);
void glimpse_budget_spend(glimpse_budget *budget, uint32_t band, uint32_t airtime_us, uint64_t now);
uint32_t glimpse_budget_downlinks(glimpse_budget *budget, uint64_t now);
void glimpse_budget_downlink(glimpse_budget *budget, uint64_t now);
size_t glimpse_budget_record_bytes(const glimpse_budget *budget);
void glimpse_budget_save(glimpse_budget *budget, uint64_t now, uint8_t *record);
int glimpse_budget_restore(glimpse_budget *budget, uint64_t now, const uint8_t *record, size_t bytes);

typedef struct { bool done; uint64_t again; uint32_t band; uint32_t airtime_us; ...; } glimpse_schedule;
int glimpse_schedule_begin(glimpse_schedule *schedule, const glimpse_codec *codec, const uint8_t *symbols,
                           uint8_t frame, uint8_t coding, uint32_t budget);
void glimpse_schedule_steer(glimpse_schedule *schedule, const int8_t *side);
size_t glimpse_schedule_memory(const glimpse_codec *codec);
int glimpse_schedule_remember(glimpse_schedule *schedule, uint8_t *memory, size_t bytes);
int glimpse_schedule_difference(glimpse_schedule *schedule, glimpse_difference_packer *difference);
void glimpse_schedule_protect(glimpse_schedule *schedule, glimpse_protection *protection);
uint32_t glimpse_schedule_sent(const glimpse_schedule *schedule);
int glimpse_schedule_resend(glimpse_schedule *schedule, uint8_t resend, uint8_t sends);
int glimpse_schedule_link(glimpse_schedule *schedule, glimpse_budget *duty, uint32_t rate, uint32_t fopts,
                          bool repeater);
void glimpse_schedule_deadline(glimpse_schedule *schedule, uint64_t deadline);
int glimpse_schedule_known(glimpse_schedule *schedule, uint32_t first, uint32_t count);
void glimpse_schedule_lost(glimpse_schedule *schedule);
int glimpse_schedule_want(glimpse_schedule *schedule, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right);
void glimpse_schedule_stop(glimpse_schedule *schedule);
void glimpse_schedule_failed(glimpse_schedule *schedule);
void glimpse_schedule_ready(glimpse_schedule *schedule);
int glimpse_schedule_next(glimpse_schedule *schedule, uint64_t now, size_t payload, uint8_t *packet);

#define GLIMPSE_NEVER ...
#define GLIMPSE_RESEND_BY_IMPORTANCE ...
#define GLIMPSE_RESEND_AT_ONCE ...
#define GLIMPSE_RESEND_AFTERWARDS ...
#define GLIMPSE_LINK_LORAWAN ...
#define GLIMPSE_LINK_SIGFOX ...
#define GLIMPSE_LINK_NBIOT ...
#define GLIMPSE_FAIR_AIRTIME_MS ...
#define GLIMPSE_FAIR_DOWNLINKS ...
