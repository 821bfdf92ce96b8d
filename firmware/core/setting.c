/* SPDX-License-Identifier: Apache-2.0 */
#include "core/setting.h"

#include <stddef.h>

#include "core/codec.h"
#include "core/packet.h"
#include "core/status.h"

enum { LONGEST_S = 30 * 24 * 3600, SHORTEST_S = 10 };

#define PLACE(member) offsetof(glimpse_settings, member), sizeof((glimpse_settings){0}.member)

static const struct {
    uint8_t length;    /* bytes on the air */
    uint8_t at, bytes; /* in glimpse_settings */
    uint8_t least;     /* and 0 is always possible */
    uint32_t most;
} formats[GLIMPSE_SETTING_END - GLIMPSE_SETTING_FIRST] = {
    [GLIMPSE_SETTING_PERIOD - GLIMPSE_SETTING_FIRST] = {3, PLACE(period), SHORTEST_S, LONGEST_S},
    [GLIMPSE_SETTING_DEADLINE - GLIMPSE_SETTING_FIRST] = {3, PLACE(deadline), SHORTEST_S, LONGEST_S},
    [GLIMPSE_SETTING_CROP - GLIMPSE_SETTING_FIRST] = {4, PLACE(crop), 0, 0},
    [GLIMPSE_SETTING_BUDGET - GLIMPSE_SETTING_FIRST] = {2, PLACE(budget), GLIMPSE_MIN_PAYLOAD, UINT16_MAX},
    [GLIMPSE_SETTING_PAYLOAD - GLIMPSE_SETTING_FIRST] = {1, PLACE(payload), GLIMPSE_MIN_PAYLOAD, GLIMPSE_MAX_PAYLOAD},
    [GLIMPSE_SETTING_CHANNELS - GLIMPSE_SETTING_FIRST] = {1, PLACE(channels), 1, GLIMPSE_MAX_CHANNELS},
    [GLIMPSE_SETTING_SLOT - GLIMPSE_SETTING_FIRST] = {1, PLACE(slot), 1, GLIMPSE_SLOT_BUILTIN},
    [GLIMPSE_SETTING_PRIOR - GLIMPSE_SETTING_FIRST] = {1, PLACE(prior), 1, UINT8_MAX},
    [GLIMPSE_SETTING_PARITY - GLIMPSE_SETTING_FIRST] = {1, PLACE(parity), 1, GLIMPSE_PARITY_GROUP},
    [GLIMPSE_SETTING_PARITY_FIRST - GLIMPSE_SETTING_FIRST] = {1, PLACE(parity_first), 1, GLIMPSE_PARITY_GROUP},
    [GLIMPSE_SETTING_QUIET - GLIMPSE_SETTING_FIRST] = {1, PLACE(quiet), 1, UINT8_MAX},
};

glimpse_settings glimpse_settings_default(void)
{
    return (glimpse_settings){.crop = {.bottom = 255, .right = 255}, .slot = GLIMPSE_SLOT_BUILTIN};
}

static int take_crop(glimpse_crop *crop, const uint8_t *value)
{
    const glimpse_crop wanted = {value[0], value[1], value[2], value[3]};
    if (wanted.bottom + 1 < wanted.top + GLIMPSE_MIN_CROP || wanted.right + 1 < wanted.left + GLIMPSE_MIN_CROP) {
        return GLIMPSE_ERROR_RANGE;
    }
    *crop = wanted;
    return 1;
}

int glimpse_settings_take(glimpse_settings *settings, const glimpse_field *field)
{
    if (field->type < GLIMPSE_SETTING_FIRST || field->type >= GLIMPSE_SETTING_END) {
        return 0;
    }
    const uint32_t which = field->type - (uint32_t)GLIMPSE_SETTING_FIRST;
    if (field->length != formats[which].length) {
        return 0;
    }
    if (field->type == GLIMPSE_SETTING_CROP) {
        return take_crop(&settings->crop, field->value);
    }
    const uint32_t number = glimpse_field_number(field->value, field->length);
    if (number != 0 && (number < formats[which].least || number > formats[which].most)) {
        return GLIMPSE_ERROR_RANGE;
    }
    void *const place = (uint8_t *)settings + formats[which].at;
    if (formats[which].bytes == 4) {
        *(uint32_t *)place = number;
    } else if (formats[which].bytes == 2) {
        *(uint16_t *)place = (uint16_t)number;
    } else {
        *(uint8_t *)place = (uint8_t)number;
    }
    return 1;
}

static uint32_t number_of(const glimpse_settings *settings, uint32_t which)
{
    const void *const place = (const uint8_t *)settings + formats[which].at;
    if (which == GLIMPSE_SETTING_CROP - GLIMPSE_SETTING_FIRST) {
        return glimpse_field_number(place, sizeof(glimpse_crop));
    }
    return formats[which].bytes == 4   ? *(const uint32_t *)place
           : formats[which].bytes == 2 ? *(const uint16_t *)place
                                       : *(const uint8_t *)place;
}

bool glimpse_settings_put(const glimpse_settings *settings, uint8_t type, glimpse_field_writer *writer)
{
    const uint32_t which = type - (uint32_t)GLIMPSE_SETTING_FIRST;
    return glimpse_field_put_number(writer, type, number_of(settings, which), formats[which].length);
}
