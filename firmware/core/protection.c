/* SPDX-License-Identifier: Apache-2.0 */
#include "core/protection.h"

#include <string.h>

#include "core/status.h"

static const glimpse_protection_rule *rule_now(const glimpse_protection *protection)
{
    return &protection->rules[protection->current];
}

static void begin_group(glimpse_protection *protection)
{
    protection->due = false;
    if (rule_now(protection)->parity > 0) {
        glimpse_parity_begin(&protection->group, rule_now(protection)->parity, protection->words, protection->size);
    }
}

static void next_rule(glimpse_protection *protection)
{
    protection->taken = 0;
    if (protection->current + 1 < protection->count) {
        protection->current++;
    }
    begin_group(protection);
}

int glimpse_protection_begin(glimpse_protection *protection, const glimpse_protection_rule *rules, uint32_t count,
                             bool scattered, uint8_t *words, size_t size)
{
    if (count == 0) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (rules[i].packets == 0 || rules[i].packets > GLIMPSE_PARITY_MEMBERS ||
            rules[i].parity > GLIMPSE_PARITY_PACKETS ||
            size < (size_t)rules[i].parity * (GLIMPSE_MIN_PAYLOAD - GLIMPSE_PARITY_SHORTER)) {
            return GLIMPSE_ERROR_ARGUMENT;
        }
    }
    *protection = (glimpse_protection){.rules = rules, .count = count, .words = words, .size = size};
    protection->scattered = scattered;
    begin_group(protection);
    return GLIMPSE_OK;
}

size_t glimpse_protection_room(const glimpse_protection *protection, size_t payload)
{
    const glimpse_protection_rule *rule = rule_now(protection);
    if (rule->parity == 0) {
        return payload;
    }
    const size_t room = glimpse_parity_room(payload, rule->packets, protection->scattered);
    const size_t most = protection->group.stride + GLIMPSE_PARITY_SHORTER;
    return room == 0 ? payload : room < most ? room : most;
}

/* The share of a group that ends before its time: as much parity for each packet, rounded up. */
static void close_group(glimpse_protection *protection)
{
    const glimpse_protection_rule *rule = rule_now(protection);
    if (rule->parity > 0 && protection->group.members > 0) {
        const uint32_t share =
            (protection->group.members * (uint32_t)rule->parity + rule->packets - 1u) / rule->packets;
        protection->group.packets = (uint8_t)(share < rule->parity ? share : rule->parity);
        protection->due = true;
    }
}

/* The rule has had its packets, or the group has no place for more. */
static void finish(glimpse_protection *protection)
{
    if (rule_now(protection)->parity > 0 && protection->group.members > 0) {
        close_group(protection);
    } else {
        next_rule(protection);
    }
}

int glimpse_protection_sent(glimpse_protection *protection, const uint8_t *packet, size_t length, size_t payload)
{
    const glimpse_protection_rule *rule = rule_now(protection);
    const int added = rule->parity > 0 ? glimpse_parity_add(&protection->group, packet, length, payload) : 1;
    protection->taken++;
    if (added == 0) {
        memcpy(protection->packet, packet, length);
        protection->waiting = length;
    }
    if (added == 0 || protection->taken >= rule->packets) {
        finish(protection);
    }
    return added < 0 ? added : GLIMPSE_OK;
}

void glimpse_protection_take_back(glimpse_protection *protection)
{
    if (protection->group.written > 0) {
        protection->group.written--;
    }
}

void glimpse_protection_restart(glimpse_protection *protection)
{
    protection->waiting = 0;
    next_rule(protection);
}

void glimpse_protection_end(glimpse_protection *protection)
{
    close_group(protection);
}

/* After the last parity packet of a group. */
static void go_on(glimpse_protection *protection, size_t payload)
{
    if (protection->waiting == 0) {
        next_rule(protection);
        return;
    }
    begin_group(protection);
    glimpse_parity_add(&protection->group, protection->packet, protection->waiting, payload);
    protection->waiting = 0;
    if (protection->taken >= rule_now(protection)->packets) {
        finish(protection);
    }
}

int glimpse_protection_next(glimpse_protection *protection, size_t payload, uint8_t *packet)
{
    while (protection->due) {
        const int length = glimpse_parity_next(&protection->group, payload, packet);
        if (length > 0) {
            return length;
        }
        go_on(protection, payload);
    }
    return 0;
}
