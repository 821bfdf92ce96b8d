/* SPDX-License-Identifier: Apache-2.0 */
#include "core/setting.h"

#include "core/codec.h"
#include "core/packet.h"
#include "core/status.h"

enum { LONGEST_S = 30 * 24 * 3600, SHORTEST_S = 10 };

static const struct {
    uint8_t length;       /* bytes */
    uint32_t least, most; /* 0 is always possible */
} formats[GLIMPSE_SETTING_END - GLIMPSE_SETTING_FIRST] = {
    [GLIMPSE_SETTING_PERIOD - GLIMPSE_SETTING_FIRST] = {3, SHORTEST_S, LONGEST_S},
    [GLIMPSE_SETTING_DEADLINE - GLIMPSE_SETTING_FIRST] = {3, SHORTEST_S, LONGEST_S},
    [GLIMPSE_SETTING_CROP - GLIMPSE_SETTING_FIRST] = {4, 0, 0},
    [GLIMPSE_SETTING_BUDGET - GLIMPSE_SETTING_FIRST] = {2, GLIMPSE_MIN_PAYLOAD, UINT16_MAX},
    [GLIMPSE_SETTING_PAYLOAD - GLIMPSE_SETTING_FIRST] = {1, GLIMPSE_MIN_PAYLOAD, GLIMPSE_MAX_PAYLOAD},
    [GLIMPSE_SETTING_CHANNELS - GLIMPSE_SETTING_FIRST] = {1, 1, GLIMPSE_MAX_CHANNELS},
    [GLIMPSE_SETTING_SLOT - GLIMPSE_SETTING_FIRST] = {1, 1, GLIMPSE_SLOT_BUILTIN},
    [GLIMPSE_SETTING_PRIOR - GLIMPSE_SETTING_FIRST] = {1, 1, UINT8_MAX},
    [GLIMPSE_SETTING_PARITY - GLIMPSE_SETTING_FIRST] = {1, 1, GLIMPSE_PARITY_GROUP},
    [GLIMPSE_SETTING_PARITY_FIRST - GLIMPSE_SETTING_FIRST] = {1, 1, GLIMPSE_PARITY_GROUP},
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
    switch (field->type) {
    case GLIMPSE_SETTING_PERIOD:
        settings->period = number;
        break;
    case GLIMPSE_SETTING_DEADLINE:
        settings->deadline = number;
        break;
    case GLIMPSE_SETTING_BUDGET:
        settings->budget = (uint16_t)number;
        break;
    case GLIMPSE_SETTING_PAYLOAD:
        settings->payload = (uint8_t)number;
        break;
    case GLIMPSE_SETTING_CHANNELS:
        settings->channels = (uint8_t)number;
        break;
    case GLIMPSE_SETTING_PRIOR:
        settings->prior = (uint8_t)number;
        break;
    case GLIMPSE_SETTING_PARITY:
        settings->parity = (uint8_t)number;
        break;
    case GLIMPSE_SETTING_PARITY_FIRST:
        settings->parity_first = (uint8_t)number;
        break;
    default:
        settings->slot = (uint8_t)number;
        break;
    }
    return 1;
}

static uint32_t number_of(const glimpse_settings *settings, uint8_t type)
{
    switch (type) {
    case GLIMPSE_SETTING_PERIOD:
        return settings->period;
    case GLIMPSE_SETTING_DEADLINE:
        return settings->deadline;
    case GLIMPSE_SETTING_CROP:
        return (uint32_t)settings->crop.top << 24 | (uint32_t)settings->crop.bottom << 16 |
               (uint32_t)settings->crop.left << 8 | settings->crop.right;
    case GLIMPSE_SETTING_BUDGET:
        return settings->budget;
    case GLIMPSE_SETTING_PAYLOAD:
        return settings->payload;
    case GLIMPSE_SETTING_CHANNELS:
        return settings->channels;
    case GLIMPSE_SETTING_PRIOR:
        return settings->prior;
    case GLIMPSE_SETTING_PARITY:
        return settings->parity;
    case GLIMPSE_SETTING_PARITY_FIRST:
        return settings->parity_first;
    default:
        return settings->slot;
    }
}

bool glimpse_settings_put(const glimpse_settings *settings, uint8_t type, glimpse_field_writer *writer)
{
    const uint8_t length = formats[type - GLIMPSE_SETTING_FIRST].length;
    return glimpse_field_put_number(writer, type, number_of(settings, type), length);
}
