/* SPDX-License-Identifier: Apache-2.0 */
#include "core/schedule.h"

#include "core/status.h"

int glimpse_schedule_begin(glimpse_schedule *schedule, const glimpse_codec *codec, const uint8_t *symbols,
                           uint8_t frame, uint8_t coding, uint32_t budget)
{
    schedule->budget = budget == 0 ? UINT32_MAX : budget;
    return glimpse_packer_begin(&schedule->packer, codec, symbols, frame, coding);
}

void glimpse_schedule_steer(glimpse_schedule *schedule, const int8_t *side)
{
    glimpse_packer_steer(&schedule->packer, side);
}

int glimpse_schedule_next(glimpse_schedule *schedule, size_t payload, uint8_t *packet)
{
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    const size_t limit = payload < schedule->budget ? payload : schedule->budget;
    if (limit < GLIMPSE_MIN_PAYLOAD) {
        return 0;
    }
    const int length = glimpse_packer_next(&schedule->packer, limit, packet);
    if (length > 0 && schedule->budget != UINT32_MAX) {
        schedule->budget -= (uint32_t)length;
    }
    return length;
}
