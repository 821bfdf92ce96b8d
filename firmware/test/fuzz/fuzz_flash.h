/* SPDX-License-Identifier: Apache-2.0 */
/* The settings regions of a node in memory of their exact size, which hold whatever the input says: bytes, and records
   whose check is made right. */
#ifndef GLIMPSE_TEST_FUZZ_FLASH_H
#define GLIMPSE_TEST_FUZZ_FLASH_H

#include "app/settings.h"
#include "ports/port.h"
#include "core/crc.h"
#include "test/fuzz/fuzz.h"

enum {
    /* of the records in app/settings.c, oldest first: without and with a key, with all settings but the last ones, with
       all of them, and as they are now */
    RECORD_FIRST = 16,
    RECORD_SEALING = RECORD_FIRST + sizeof(node_security),
    RECORD_SECOND = 40 + sizeof(node_security) + sizeof(node_link),
    RECORD_THIRD = RECORD_SECOND + 4,
    RECORD_BYTES = RECORD_THIRD + sizeof(node_update) + NODE_NAME_BYTES,
    RECORD_VERSION_AT = 10,
    REGION_A = 4 * RECORD_BYTES + 20,
    REGION_B = 5 * RECORD_BYTES + 4
};

static uint8_t *regions[2];
static uint32_t flash_faults; /* a bit for each of the writes and erases that come: it is refused */

static inline bool refused(void)
{
    const bool fault = (flash_faults & 1u) != 0;
    flash_faults >>= 1;
    return fault;
}

const uint8_t *port_region_base(port_region region)
{
    return regions[region - PORT_REGION_SETTINGS_A];
}

size_t port_region_size(port_region region)
{
    return region == PORT_REGION_SETTINGS_A ? REGION_A : REGION_B;
}

bool port_region_erase(port_region region)
{
    if (refused()) {
        return false;
    }
    memset(regions[region - PORT_REGION_SETTINGS_A], 0xFF, port_region_size(region));
    return true;
}

bool port_region_write(port_region region, size_t offset, const void *bytes, size_t count)
{
    uint8_t *const to = regions[region - PORT_REGION_SETTINGS_A] + offset;
    MUST(offset % 4 == 0 && count % 4 == 0 && offset + count <= port_region_size(region));
    for (size_t i = 0; i < count; i++) {
        MUST(to[i] == 0xFF); /* flash that is not erased: nobody may try that */
    }
    if (refused()) {
        memcpy(to, bytes, count / 2);
        return false;
    }
    memcpy(to, bytes, count);
    return true;
}

static inline void put_crc(uint8_t *record, size_t check_at)
{
    const uint32_t check = glimpse_crc32(0, record, check_at);
    memcpy(record + check_at, &check, sizeof check);
}

/* A record of any version with any content; its length in bytes. */
static inline size_t take_record(fuzz_input *in, uint8_t *record)
{
    static const uint16_t lengths[6] = {RECORD_FIRST, RECORD_SEALING, RECORD_SECOND,
                                        RECORD_THIRD, RECORD_BYTES,   RECORD_BYTES};
    const uint32_t flags = take_byte(in), kind = flags % 6;
    const size_t length = lengths[kind];
    memset(record, (flags & 8u) != 0 ? 0xFF : 0, RECORD_BYTES);
    (void)take_bytes(in, record, RECORD_BYTES);
    record[RECORD_VERSION_AT] = (uint8_t)(kind < 2 ? 0 : kind);
    put_crc(record, kind < 2 ? length - 4 : length - 8);
    if (kind >= 2) {
        memset(record + length - 4, 0x5A, 4);
    }
    return length;
}

static inline void take_flash(fuzz_input *in)
{
    const uint32_t records = take_byte(in) % 8;
    size_t at[2] = {0, 0};
    regions[0] = exact(REGION_A, 0xFF);
    regions[1] = exact(REGION_B, 0xFF);
    for (uint32_t i = 0; i < records; i++) {
        uint8_t record[RECORD_BYTES];
        const uint32_t where = take_byte(in);
        const size_t size = port_region_size((port_region)(PORT_REGION_SETTINGS_A + (where & 1u)));
        size_t *const end = &at[where & 1u];
        *end += (where >> 1 & 3u) == 3u ? 4u * (where >> 3) : 0;
        *end = (where >> 1 & 3u) == 2u ? (*end + RECORD_BYTES - 1) / RECORD_BYTES * RECORD_BYTES : *end;
        const size_t count = take_record(in, record);
        if (*end + count <= size) {
            memcpy(regions[where & 1u] + *end, record, count);
            *end += count;
        }
    }
    flash_faults = take_byte(in) >> 4;
}

static inline void release_flash(void)
{
    free(regions[0]);
    free(regions[1]);
}

/* What the rest of the node takes for granted. */
static inline void check_settings(const node_settings *settings)
{
    MUST(settings->next_frame <= GLIMPSE_MAX_FRAME && settings->answer.sequence <= GLIMPSE_MAX_SEQUENCE);
    for (uint8_t type = GLIMPSE_SETTING_FIRST; type < GLIMPSE_SETTING_END; type++) {
        uint8_t bytes[8];
        glimpse_field field;
        glimpse_settings again = settings->remote;
        glimpse_field_writer writer = {bytes, sizeof bytes, 0};
        MUST(glimpse_settings_put(&settings->remote, type, &writer));
        glimpse_field_reader reader = {bytes, writer.count, 0};
        MUST(glimpse_field_next(&reader, &field) == 1 && glimpse_settings_take(&again, &field) == 1);
    }
}

static inline bool same_settings(const node_settings *a, const node_settings *b)
{
    return a->boots == b->boots && a->next_frame == b->next_frame && a->answered == b->answered &&
           memcmp(&a->answer, &b->answer, sizeof a->answer) == 0 && a->remote.period == b->remote.period &&
           a->remote.deadline == b->remote.deadline &&
           memcmp(&a->remote.crop, &b->remote.crop, sizeof a->remote.crop) == 0 &&
           a->remote.budget == b->remote.budget && a->remote.payload == b->remote.payload &&
           a->remote.channels == b->remote.channels && a->remote.slot == b->remote.slot &&
           a->remote.prior == b->remote.prior && a->remote.parity == b->remote.parity &&
           a->remote.parity_first == b->remote.parity_first && a->remote.quiet == b->remote.quiet &&
           memcmp(&a->security, &b->security, sizeof a->security) == 0 &&
           memcmp(&a->update, &b->update, sizeof a->update) == 0 && memcmp(a->name, b->name, sizeof a->name) == 0;
}

#endif
