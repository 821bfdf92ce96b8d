/* SPDX-License-Identifier: Apache-2.0 */
#include "core/schedule.h"

#include "core/status.h"

int glimpse_schedule_begin(glimpse_schedule *schedule, const glimpse_codec *codec, const uint8_t *symbols,
                           uint8_t frame, uint8_t coding, uint32_t budget)
{
    schedule->budget = budget == 0 ? UINT32_MAX : budget;
    schedule->remembers = false;
    schedule->reported = false;
    schedule->stopped = false;
    schedule->closed = false;
    schedule->parity = false;
    schedule->done = false;
    schedule->difference = NULL;
    schedule->protection = NULL;
    schedule->resend = GLIMPSE_RESEND_BY_IMPORTANCE;
    schedule->sends = 1;
    schedule->round = 1;
    schedule->tries = 0;
    schedule->turn = (glimpse_run){0, 0};
    schedule->duty = NULL;
    schedule->rate = 0;
    schedule->fopts = 0;
    schedule->repeater = false;
    schedule->band = 0;
    schedule->airtime_us = 0;
    schedule->quiet_until = 0;
    schedule->deadline = GLIMPSE_NEVER;
    schedule->again = 0;
    return glimpse_packer_begin(&schedule->packer, codec, symbols, frame, coding);
}

void glimpse_schedule_steer(glimpse_schedule *schedule, const int8_t *side)
{
    glimpse_packer_steer(&schedule->packer, side);
}

static const glimpse_schedule_changes changes = {
    glimpse_difference_next,    glimpse_difference_pack,      glimpse_difference_want,
    glimpse_difference_changed, glimpse_difference_take_back,
};

int glimpse_schedule_difference(glimpse_schedule *schedule, glimpse_difference_packer *difference)
{
    if (!schedule->remembers) {
        return GLIMPSE_ERROR_STATE;
    }
    schedule->difference = difference;
    schedule->changes = &changes;
    glimpse_difference_follow(difference, &schedule->waiting);
    return GLIMPSE_OK;
}

static const glimpse_schedule_parities parities = {
    glimpse_protection_next, glimpse_protection_room,      glimpse_protection_sent,
    glimpse_protection_end,  glimpse_protection_take_back, glimpse_protection_restart,
};

void glimpse_schedule_protect(glimpse_schedule *schedule, glimpse_protection *protection)
{
    schedule->protection = protection;
    schedule->parities = &parities;
}

/* ---- whichever cuts the packets */

static glimpse_run last_run(const glimpse_schedule *schedule)
{
    return schedule->difference != NULL ? schedule->difference->last : schedule->packer.last;
}

/* What the last packet brings. */
static glimpse_run packet_run(const glimpse_schedule *schedule)
{
    const glimpse_run run = last_run(schedule);
    const uint32_t passed = schedule->difference != NULL ? run.count - schedule->difference->brought : 0;
    return (glimpse_run){run.first + passed, run.count - passed};
}

/* Nothing of the symbols is to be taken back any more. */
static void forget_run(glimpse_schedule *schedule)
{
    schedule->packer.last.count = 0;
    if (schedule->difference != NULL) {
        schedule->difference->last.count = 0;
    }
}

static void changed(glimpse_schedule *schedule)
{
    if (schedule->difference != NULL) {
        schedule->changes->changed(schedule->difference);
    } else {
        glimpse_packer_changed(&schedule->packer);
    }
}

static int cut_next(glimpse_schedule *schedule, size_t limit, uint8_t *packet)
{
    return schedule->difference != NULL ? schedule->changes->next(schedule->difference, limit, packet)
                                        : glimpse_packer_next(&schedule->packer, limit, packet);
}

static int cut_run(glimpse_schedule *schedule, glimpse_run run, size_t limit, uint8_t *packet)
{
    return schedule->difference != NULL ? schedule->changes->pack(schedule->difference, run, limit, packet)
                                        : glimpse_packer_pack(&schedule->packer, run, limit, packet);
}

uint32_t glimpse_schedule_sent(const glimpse_schedule *schedule)
{
    return schedule->difference != NULL ? schedule->difference->sent : schedule->packer.sent;
}

int glimpse_schedule_want(glimpse_schedule *schedule, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right)
{
    return schedule->difference != NULL ? schedule->changes->want(schedule->difference, top, bottom, left, right)
                                        : glimpse_packer_want(&schedule->packer, top, bottom, left, right);
}

/* ---- what has arrived */

size_t glimpse_schedule_memory(const glimpse_codec *codec)
{
    return 2u * glimpse_ranks_bytes(glimpse_codec_symbols(codec));
}

int glimpse_schedule_remember(glimpse_schedule *schedule, uint8_t *memory, size_t bytes)
{
    const uint32_t total = glimpse_codec_symbols(schedule->packer.codec);
    if (bytes < glimpse_schedule_memory(schedule->packer.codec)) {
        return GLIMPSE_ERROR_BUFFER;
    }
    glimpse_ranks_begin(&schedule->waiting, memory, total, true);
    glimpse_ranks_begin(&schedule->known, memory + glimpse_ranks_bytes(total), total, false);
    glimpse_packer_follow(&schedule->packer, &schedule->waiting);
    schedule->remembers = true;
    return GLIMPSE_OK;
}

int glimpse_schedule_resend(glimpse_schedule *schedule, uint8_t resend, uint8_t sends)
{
    if (resend > GLIMPSE_RESEND_AFTERWARDS) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    if (!schedule->remembers) {
        return GLIMPSE_ERROR_STATE;
    }
    schedule->resend = resend;
    schedule->sends = sends;
    return GLIMPSE_OK;
}

int glimpse_schedule_known(glimpse_schedule *schedule, uint32_t first, uint32_t count)
{
    if (!schedule->remembers) {
        return GLIMPSE_ERROR_STATE;
    }
    if (first > schedule->known.total || count > schedule->known.total - first) {
        return GLIMPSE_ERROR_RANGE;
    }
    glimpse_ranks_add(&schedule->known, first, count);
    glimpse_ranks_remove(&schedule->waiting, first, count);
    changed(schedule);
    return GLIMPSE_OK;
}

static void begin_round(glimpse_schedule *schedule)
{
    glimpse_ranks_fill_but(&schedule->waiting, &schedule->known);
    changed(schedule);
    schedule->reported = false;
}

static bool is_empty(const glimpse_ranks *ranks)
{
    return glimpse_ranks_next(ranks, 0) == ranks->total;
}

void glimpse_schedule_lost(glimpse_schedule *schedule)
{
    if (!schedule->remembers) {
        return;
    }
    if (schedule->protection != NULL) {
        schedule->parities->restart(schedule->protection);
        schedule->parity = false;
    }
    if (schedule->resend == GLIMPSE_RESEND_BY_IMPORTANCE || is_empty(&schedule->waiting)) {
        begin_round(schedule);
    } else {
        schedule->reported = true;
    }
}

void glimpse_schedule_stop(glimpse_schedule *schedule)
{
    schedule->stopped = true;
}

/* ---- the link */

int glimpse_schedule_link(glimpse_schedule *schedule, glimpse_budget *duty, uint32_t rate, uint32_t fopts,
                          bool repeater)
{
    if (duty != NULL && (rate >= duty->region->rates || fopts > GLIMPSE_MAX_FOPTS)) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    schedule->duty = duty;
    schedule->rate = (uint8_t)rate;
    schedule->fopts = (uint8_t)fopts;
    schedule->repeater = repeater;
    return GLIMPSE_OK;
}

void glimpse_schedule_deadline(glimpse_schedule *schedule, uint64_t deadline)
{
    schedule->deadline = deadline;
}

/* Takes the last packet back, less what has been acknowledged since. */
static void take_back(glimpse_schedule *schedule)
{
    const glimpse_run last = last_run(schedule);
    if (schedule->parity) {
        schedule->parities->take_back(schedule->protection);
        schedule->parity = false;
        return;
    }
    if (schedule->difference != NULL) {
        schedule->changes->take_back(schedule->difference);
    } else {
        glimpse_packer_take_back(&schedule->packer);
    }
    if (schedule->remembers) {
        for (uint32_t rank = last.first; rank < last.first + last.count; rank++) {
            if (glimpse_ranks_has(&schedule->known, rank)) {
                glimpse_ranks_remove(&schedule->waiting, rank, 1);
            }
        }
        changed(schedule);
    }
}

void glimpse_schedule_failed(glimpse_schedule *schedule)
{
    if (schedule->parity || last_run(schedule).count > 0) {
        take_back(schedule);
    }
}

void glimpse_schedule_ready(glimpse_schedule *schedule)
{
    schedule->quiet_until = 0;
}

/* ---- the next packet */

static int wait_until(glimpse_schedule *schedule, uint64_t when)
{
    schedule->done = false;
    schedule->again = when;
    return 0;
}

static int finish(glimpse_schedule *schedule)
{
    schedule->done = true;
    schedule->again = GLIMPSE_NEVER;
    return 0;
}

static bool may_repeat(const glimpse_schedule *schedule, uint32_t times)
{
    return schedule->sends == 0 || times < schedule->sends;
}

/* At once: the packet before, from its first symbol that is not known; it waits again from there. */
static bool repeat_turn(glimpse_schedule *schedule, glimpse_run *run)
{
    const uint32_t end = schedule->turn.first + schedule->turn.count;
    const uint32_t first = glimpse_ranks_end(&schedule->known, schedule->turn.first);
    if (schedule->resend != GLIMPSE_RESEND_AT_ONCE || schedule->turn.count == 0 || first >= end ||
        !may_repeat(schedule, schedule->tries)) {
        return false;
    }
    for (uint32_t rank = first; rank < end; rank++) {
        if (!glimpse_ranks_has(&schedule->known, rank)) {
            glimpse_ranks_add(&schedule->waiting, rank, 1);
        }
    }
    changed(schedule);
    *run = (glimpse_run){first, glimpse_ranks_end(&schedule->waiting, first) - first};
    return true;
}

/* When everything has been sent: once more what is not known, as long as that is wanted. */
static bool repeat_round(glimpse_schedule *schedule)
{
    if (schedule->reported) {
        begin_round(schedule);
        return true;
    }
    if (schedule->resend != GLIMPSE_RESEND_AT_ONCE && may_repeat(schedule, schedule->round)) {
        schedule->round = (uint8_t)(schedule->round + (schedule->sends != 0));
        begin_round(schedule);
        return true;
    }
    return false;
}

static int pack(glimpse_schedule *schedule, size_t limit, uint8_t *packet)
{
    glimpse_run run;
    if (schedule->closed) {
        return 0;
    }
    if (!schedule->remembers) {
        return cut_next(schedule, limit, packet);
    }
    if (repeat_turn(schedule, &run)) {
        return cut_run(schedule, run, limit, packet);
    }
    schedule->turn.count = 0; /* that one is over */
    schedule->tries = 0;
    /* What waits may be no news: then nothing comes of it. */
    const int length = is_empty(&schedule->waiting) ? 0 : cut_next(schedule, limit, packet);
    return length == 0 && repeat_round(schedule) ? cut_next(schedule, limit, packet) : length;
}

/* A parity packet where one is due, else one of symbols, else the parity of the last ones. */
static int choose(glimpse_schedule *schedule, size_t limit, uint8_t *packet)
{
    glimpse_protection *const protection = schedule->protection;
    if (protection == NULL) {
        return pack(schedule, limit, packet);
    }
    int length = schedule->parities->next(protection, limit, packet);
    schedule->parity = length > 0;
    if (length == 0) {
        length = pack(schedule, schedule->parities->room(protection, limit), packet);
    }
    if (length == 0) {
        schedule->parities->end(protection);
        length = schedule->parities->next(protection, limit, packet);
        schedule->parity = length > 0;
    }
    return length;
}

/* True when the packet may leave now. Else it has been taken back, and the schedule waits or has ended. */
static bool claim_airtime(glimpse_schedule *schedule, uint64_t now, int length)
{
    const glimpse_region *region = schedule->duty->region;
    const uint32_t airtime = glimpse_region_airtime(region, schedule->rate, (uint32_t)length, schedule->fopts);
    const uint64_t when = glimpse_budget_earliest_any(schedule->duty, airtime, now, &schedule->band);
    const uint64_t lasts = (airtime + 999u) / 1000u; /* milliseconds */
    if (when == now && lasts <= schedule->deadline - now) {
        glimpse_budget_spend(schedule->duty, schedule->band, airtime, now);
        schedule->airtime_us = airtime;
        schedule->quiet_until = now + lasts + region->quiet_ms;
        return true;
    }
    take_back(schedule);
    if (when != GLIMPSE_NEVER && (when >= schedule->deadline || lasts > schedule->deadline - when)) {
        finish(schedule);
    } else {
        wait_until(schedule, when);
    }
    return false;
}

int glimpse_schedule_next(glimpse_schedule *schedule, uint64_t now, size_t payload, uint8_t *packet)
{
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    size_t limit = payload < schedule->budget ? payload : schedule->budget;
    if (schedule->stopped || now >= schedule->deadline || limit < GLIMPSE_MIN_PAYLOAD) {
        return finish(schedule);
    }
    if (now < schedule->quiet_until) {
        return schedule->quiet_until < schedule->deadline ? wait_until(schedule, schedule->quiet_until)
                                                          : finish(schedule);
    }
    if (schedule->duty != NULL) {
        const uint32_t room =
            glimpse_region_payload(schedule->duty->region, schedule->rate, schedule->fopts, schedule->repeater);
        limit = limit < room ? limit : room;
        if (limit < GLIMPSE_MIN_PAYLOAD) {
            return wait_until(schedule, GLIMPSE_NEVER);
        }
    }
    const int length = choose(schedule, limit, packet);
    if (length <= 0) {
        return length == 0 ? finish(schedule) : length;
    }
    if (schedule->duty != NULL && !claim_airtime(schedule, now, length)) {
        return 0;
    }
    if (schedule->parity) {
        forget_run(schedule);
    } else {
        schedule->turn = packet_run(schedule);
        schedule->tries = (uint8_t)(schedule->tries + (schedule->tries < UINT8_MAX));
        if (schedule->protection != NULL) {
            (void)schedule->parities->sent(schedule->protection, packet, (size_t)length, limit); /* or it goes bare */
        }
    }
    if (schedule->budget != UINT32_MAX) {
        schedule->budget -= (uint32_t)length;
    }
    return length;
}
