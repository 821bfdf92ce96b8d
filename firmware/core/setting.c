/* SPDX-License-Identifier: Apache-2.0 */
#include "core/setting.h"

#include <stddef.h>
#include <string.h>

#include "core/codec.h"
#include "core/packet.h"
#include "core/status.h"

enum { LONGEST_S = 30 * 24 * 3600, SHORTEST_S = 10 };

#define PLACE(name) sizeof(((glimpse_settings *)0)->name), offsetof(glimpse_settings, name)

static const struct {
    uint8_t size, at;     /* in glimpse_settings */
    uint8_t length;       /* bytes on the air */
    uint32_t least, most; /* 0 is always possible */
} formats[GLIMPSE_SETTING_END - GLIMPSE_SETTING_FIRST] = {
    [GLIMPSE_SETTING_PERIOD - GLIMPSE_SETTING_FIRST] = {PLACE(period), 3, SHORTEST_S, LONGEST_S},
    [GLIMPSE_SETTING_DEADLINE - GLIMPSE_SETTING_FIRST] = {PLACE(deadline), 3, SHORTEST_S, LONGEST_S},
    [GLIMPSE_SETTING_CROP - GLIMPSE_SETTING_FIRST] = {PLACE(crop), 4, 0, 0},
    [GLIMPSE_SETTING_BUDGET - GLIMPSE_SETTING_FIRST] = {PLACE(budget), 2, GLIMPSE_MIN_PAYLOAD, UINT16_MAX},
    [GLIMPSE_SETTING_PAYLOAD - GLIMPSE_SETTING_FIRST] = {PLACE(payload), 1, GLIMPSE_MIN_PAYLOAD, GLIMPSE_MAX_PAYLOAD},
    [GLIMPSE_SETTING_CHANNELS - GLIMPSE_SETTING_FIRST] = {PLACE(channels), 1, 1, GLIMPSE_MAX_CHANNELS},
    [GLIMPSE_SETTING_SLOT - GLIMPSE_SETTING_FIRST] = {PLACE(slot), 1, 1, GLIMPSE_SLOT_BUILTIN},
    [GLIMPSE_SETTING_PRIOR - GLIMPSE_SETTING_FIRST] = {PLACE(prior), 1, 1, UINT8_MAX},
    [GLIMPSE_SETTING_PARITY - GLIMPSE_SETTING_FIRST] = {PLACE(parity), 1, 1, GLIMPSE_PARITY_GROUP},
    [GLIMPSE_SETTING_PARITY_FIRST - GLIMPSE_SETTING_FIRST] = {PLACE(parity_first), 1, 1, GLIMPSE_PARITY_GROUP},
    [GLIMPSE_SETTING_QUIET - GLIMPSE_SETTING_FIRST] = {PLACE(quiet), 1, 1, UINT8_MAX},
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
    uint8_t *const place = (uint8_t *)settings + formats[which].at;
    if (formats[which].size == 1) {
        *place = (uint8_t)number;
    } else if (formats[which].size == 2) {
        const uint16_t half = (uint16_t)number;
        memcpy(place, &half, sizeof half);
    } else {
        memcpy(place, &number, sizeof number);
    }
    return 1;
}

static uint32_t number_of(const glimpse_settings *settings, uint32_t which)
{
    const uint8_t *const place = (const uint8_t *)settings + formats[which].at;
    uint16_t half;
    uint32_t number;
    if (formats[which].size == 1) {
        return *place;
    }
    if (formats[which].size == sizeof half) {
        memcpy(&half, place, sizeof half);
        return half;
    }
    memcpy(&number, place, sizeof number);
    return number;
}

bool glimpse_settings_put(const glimpse_settings *settings, uint8_t type, glimpse_field_writer *writer)
{
    const uint32_t which = type - (uint32_t)GLIMPSE_SETTING_FIRST;
    if (type == GLIMPSE_SETTING_CROP) {
        return glimpse_field_put(writer, type, (const uint8_t *)&settings->crop, sizeof settings->crop);
    }
    return glimpse_field_put_number(writer, type, number_of(settings, which), formats[which].length);
}
