/* SPDX-License-Identifier: Apache-2.0 */
/* The sending side of parity.h. */
#include "core/parity.h"

#include <string.h>

#include "core/bits.h"
#include "core/galois.h"
#include "core/status.h"

enum {
    POINTS = 128, /* the code's points: parity packets lie at POINTS + index, packets at their number */
    MOST_RICE = 7,
    BITS_FOLLOWING = 3, /* that the list takes for a packet, about: see docs/wire-format.md */
    BITS_SCATTERED = 10,
    BYTES_OF_A_CHANGE = 8 /* more than one symbol of a difference packet ever takes: four answers of 10.1 bits and a
                             table's 15 */
};

uint8_t glimpse_parity_factor(uint32_t index, uint32_t member)
{
    /* No two factors of a parity packet are equal, the first one's neither: CRCs are linear, so a plain sum would turn
       a packet that is not of the group into a wrong one whose check holds. */
    return glimpse_galois_inverse((uint8_t)((POINTS + index) ^ member));
}

size_t glimpse_parity_room(size_t payload, uint32_t members, bool scattered)
{
    const uint32_t bits = (members > 0 ? members - 1 : 0) * (uint32_t)(scattered ? BITS_SCATTERED : BITS_FOLLOWING);
    const size_t taken = GLIMPSE_OVERHEAD_BYTES + GLIMPSE_PARITY_FIXED - GLIMPSE_PARITY_SHORTER + (bits + 7) / 8;
    return payload >= taken + GLIMPSE_MIN_PAYLOAD ? payload - taken : 0;
}

int glimpse_parity_begin(glimpse_parity *group, uint32_t packets, uint8_t *words, size_t size)
{
    if (packets == 0 || packets > GLIMPSE_PARITY_PACKETS || size / packets < GLIMPSE_PARITY_MIN_WORD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    memset(group, 0, sizeof *group);
    memset(words, 0, size);
    group->words = words;
    group->stride = size / packets;
    group->packets = (uint8_t)packets;
    return GLIMPSE_OK;
}

int glimpse_parity_word(const uint8_t *packet, size_t length, uint8_t *word)
{
    glimpse_header header;
    const int body = glimpse_packet_read(packet, length, &header);
    if (body < 0) {
        return body;
    }
    if (header.kind > GLIMPSE_KIND_DIFFERENCE) {
        return GLIMPSE_ERROR_KIND;
    }
    if (body == 0) {
        return GLIMPSE_ERROR_BODY;
    }
    const uint32_t place = ((uint32_t)header.first << 2) | ((uint32_t)header.kind << 1) | header.coding;
    word[0] = (uint8_t)length;
    word[1] = (uint8_t)(place >> 8);
    word[2] = (uint8_t)place;
    memcpy(word + 3, packet + length - GLIMPSE_CHECK_BYTES, GLIMPSE_CHECK_BYTES);
    memcpy(word + 3 + GLIMPSE_CHECK_BYTES, packet + GLIMPSE_HEADER_BYTES, (size_t)body);
    return (int)length - GLIMPSE_PARITY_SHORTER;
}

/* How many symbols a packet carries, or fewer: raw ones take at most a byte each. A difference packet has no count. */
static uint32_t run_of(const glimpse_header *header, const uint8_t *body, size_t length)
{
    if (header->kind == GLIMPSE_KIND_DIFFERENCE) {
        const uint32_t changes = (uint32_t)length / BYTES_OF_A_CHANGE;
        return changes > 0 ? changes : 1;
    }
    if (header->coding == GLIMPSE_CODING_RAW || body[0] == 0) {
        return (uint32_t)length;
    }
    const uint32_t count =
        body[0] < GLIMPSE_COUNT_TWO_BYTES || length < 2 ? body[0] : ((uint32_t)(body[0] & 127u) << 8) | body[1];
    return count < GLIMPSE_MAX_SYMBOLS ? count : GLIMPSE_MAX_SYMBOLS - 1u; /* no frame has more */
}

/* The list of a group's packets: how it is written, and how long it gets. */
typedef struct {
    uint32_t shift;
    uint32_t rice;
    uint8_t order[GLIMPSE_PARITY_MEMBERS]; /* numbers of the packets, by rank */
    bool scattered;                        /* they were not added in this order */
    size_t bytes;
} group_list;

/* The fewest bits that tell `members` numbers apart. */
static uint32_t number_bits(uint32_t members)
{
    uint32_t bits = 0;
    while (members > 1u << bits) {
        bits++;
    }
    return bits;
}

static uint32_t gap_at(const glimpse_parity *group, const group_list *list, uint32_t i)
{
    return ((uint32_t)group->first[list->order[i]] >> list->shift) -
           ((uint32_t)group->first[list->order[i - 1]] >> list->shift) - 1u;
}

/* False when two packets would have one place. */
static bool make_list(const glimpse_parity *group, group_list *list)
{
    list->scattered = false;
    for (uint32_t i = 0; i < group->members; i++) {
        uint32_t at = i;
        for (; at > 0 && group->first[list->order[at - 1]] > group->first[i]; at--) {
            list->order[at] = list->order[at - 1];
            list->scattered = true;
        }
        list->order[at] = (uint8_t)i;
    }
    /* A place is narrower than any packet of the group, so that no other packet has its first symbol in one. */
    list->shift = 0;
    while (group->shortest >> (list->shift + 1) != 0) {
        list->shift++;
    }
    for (uint32_t i = 1; i < group->members; i++) {
        if (group->first[list->order[i]] >> list->shift == group->first[list->order[i - 1]] >> list->shift) {
            return false;
        }
    }
    size_t fewest = SIZE_MAX;
    for (uint32_t rice = 0; rice <= MOST_RICE; rice++) {
        size_t bits = 0;
        for (uint32_t i = 1; i < group->members; i++) {
            bits += (gap_at(group, list, i) >> rice) + 1 + rice;
        }
        if (bits < fewest) {
            fewest = bits;
            list->rice = rice;
        }
    }
    list->bytes = (fewest + (list->scattered ? group->members * number_bits(group->members) : 0) + 7) / 8;
    return true;
}

static size_t packet_length(const group_list *list, size_t word)
{
    return GLIMPSE_OVERHEAD_BYTES + GLIMPSE_PARITY_FIXED + list->bytes + word;
}

int glimpse_parity_add(glimpse_parity *group, const uint8_t *packet, size_t length, size_t payload)
{
    uint8_t word[GLIMPSE_MAX_PAYLOAD];
    const int made = glimpse_parity_word(packet, length, word);
    if (made < 0) {
        return made;
    }
    const size_t size = (size_t)made;
    if (size > group->stride || GLIMPSE_OVERHEAD_BYTES + GLIMPSE_PARITY_FIXED + size > payload) {
        return GLIMPSE_ERROR_BUFFER;
    }
    glimpse_header header;
    glimpse_packet_read(packet, length, &header);
    const glimpse_header *before = &group->header;
    if (group->written > 0 || group->members == GLIMPSE_PARITY_MEMBERS ||
        (group->members > 0 &&
         (before->model != header.model || before->frame != header.frame || before->revision != header.revision))) {
        return 0;
    }
    const uint32_t run = run_of(&header, packet + GLIMPSE_HEADER_BYTES, length - GLIMPSE_OVERHEAD_BYTES);
    const uint32_t shortest = group->shortest;
    const size_t longest = size > group->longest ? size : group->longest;
    group->first[group->members] = header.first;
    group->shortest = group->members == 0 || run < shortest ? run : shortest;
    group->members++;
    group_list list;
    if (!make_list(group, &list) || packet_length(&list, longest) > payload) {
        group->members--;
        group->shortest = shortest;
        return 0;
    }
    if (group->members == 1) {
        group->header = header;
    }
    group->longest = longest;
    for (uint32_t i = 0; i < group->packets; i++) {
        glimpse_galois_add(glimpse_parity_factor(i, group->members - 1u), word, size, group->words + i * group->stride);
    }
    return 1;
}

/* Bits before `at` are written; returns where the next one goes. */
static size_t put_list(const glimpse_parity *group, const group_list *list, uint8_t *body, size_t at)
{
    for (uint32_t i = 1; i < group->members; i++) {
        const uint32_t gap = gap_at(group, list, i);
        for (uint32_t ones = gap >> list->rice; ones > 0; ones--) {
            glimpse_bits_put(body, at++, 1, 1);
        }
        at++; /* a zero ends them */
        glimpse_bits_put(body, at, gap & ((1u << list->rice) - 1u), list->rice);
        at += list->rice;
    }
    const uint32_t bits = list->scattered ? number_bits(group->members) : 0;
    for (uint32_t i = 0; i < group->members; i++) {
        glimpse_bits_put(body, at, list->order[i], bits);
        at += bits;
    }
    return (at + 7) / 8;
}

int glimpse_parity_next(glimpse_parity *group, size_t payload, uint8_t *packet)
{
    if (group->members == 0 || group->written == group->packets) {
        return 0;
    }
    group_list list;
    if (!make_list(group, &list) || packet_length(&list, group->longest) > payload) {
        return GLIMPSE_ERROR_BUFFER;
    }
    glimpse_header header = group->header;
    header.first = group->first[list.order[0]];
    header.kind = GLIMPSE_KIND_PARITY;
    header.coding = list.scattered;
    const size_t length = packet_length(&list, group->longest);
    memset(packet, 0, length);
    glimpse_header_write(&header, packet);
    uint8_t *body = packet + GLIMPSE_HEADER_BYTES;
    glimpse_bits_put(body, 0, group->written, 4);
    glimpse_bits_put(body, 4, group->members - 1u, 5);
    glimpse_bits_put(body, 9, list.shift, 4);
    glimpse_bits_put(body, 13, list.rice, 3);
    const size_t listed = put_list(group, &list, body, (size_t)GLIMPSE_PARITY_FIXED * 8);
    memcpy(body + listed, group->words + group->written * group->stride, group->longest);
    group->written++;
    return (int)glimpse_packet_close(packet, length - GLIMPSE_OVERHEAD_BYTES);
}
