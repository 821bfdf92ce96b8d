/* SPDX-License-Identifier: Apache-2.0 */
/* SCHEDULE: which packet now. So far: the next packets in order, as far as a frame's byte budget reaches. */
#ifndef GLIMPSE_CORE_SCHEDULE_H
#define GLIMPSE_CORE_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

#include "core/packet.h"

/* What is left to send of one frame. */
typedef struct {
    glimpse_packer packer;
    uint32_t budget; /* radio bytes left; UINT32_MAX: no limit */
} glimpse_schedule;

/* budget: radio bytes for the whole frame, headers included; 0: no limit. Errors as glimpse_packer_begin. */
int glimpse_schedule_begin(glimpse_schedule *schedule, const glimpse_codec *codec, const uint8_t *symbols,
                           uint8_t frame, uint8_t coding, uint32_t budget);

/* As glimpse_packer_steer. */
void glimpse_schedule_steer(glimpse_schedule *schedule, const int8_t *side);

/* Writes the next packet, cut to what the budget leaves; 0 when the frame or the budget has ended. A rest of the
   budget smaller than GLIMPSE_MIN_PAYLOAD stays unused. Errors as glimpse_packer_next. */
int glimpse_schedule_next(glimpse_schedule *schedule, size_t payload, uint8_t *packet);

#endif
