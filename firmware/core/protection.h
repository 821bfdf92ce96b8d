/* SPDX-License-Identifier: Apache-2.0 */
/* Which packets of a frame get how much parity: rules as data, uniform or by importance. Stands between what makes
   packets and the link, whatever makes them:

     size = glimpse_protection_next(p, payload, packet)                  a parity packet that is due, or 0
     if 0: size = (make a packet of at most glimpse_protection_room(p, payload))
           if 0: glimpse_protection_end(p), and ask for what is due until 0
           else: glimpse_protection_sent(p, packet, size, payload) */
#ifndef GLIMPSE_CORE_PROTECTION_H
#define GLIMPSE_CORE_PROTECTION_H

#include "core/parity.h"

/* One group of packets. */
typedef struct {
    uint8_t packets; /* 1..GLIMPSE_PARITY_MEMBERS */
    uint8_t parity;  /* parity packets for them, 0..GLIMPSE_PARITY_PACKETS; 0: sent bare */
} glimpse_protection_rule;

typedef struct {
    const glimpse_protection_rule *rules; /* one for each group in the order of sending, so of importance; the last one
                                             holds for all that follow. A single rule is uniform */
    uint32_t count;
    uint32_t current; /* rule */
    uint32_t taken;   /* packets of the current rule that were sent */
    uint8_t *words;
    size_t size;
    bool scattered;
    bool due;
    size_t waiting; /* bytes of `packet`, sent when the group had no place for it: it belongs to the next one */
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    glimpse_parity group;
} glimpse_protection;

/* rules: valid as long as the protection is used. words: as many bytes as the largest number of parity packets times
   the largest glimpse_parity_room. scattered: packets will not follow each other in rank (order by saliency).
   GLIMPSE_ERROR_ARGUMENT: no rule, one out of range, or too few bytes. */
int glimpse_protection_begin(glimpse_protection *protection, const glimpse_protection_rule *rules, uint32_t count,
                             bool scattered, uint8_t *words, size_t size);

/* Most bytes of the next packet, so that its parity fits into `payload`. A rule that does not fit a payload this small
   (below about 20 bytes) is left aside: its packets go bare and whole. */
size_t glimpse_protection_room(const glimpse_protection *protection, size_t payload);

/* After each packet that is not a parity packet. A group that has no place for it ends there, and the rest of its
   rule's packets get one of their own. Errors as glimpse_parity_add; the packet then goes bare. */
int glimpse_protection_sent(glimpse_protection *protection, const uint8_t *packet, size_t length, size_t payload);

/* The packet that glimpse_protection_next wrote last, and that nothing was called after, did not leave. */
void glimpse_protection_take_back(glimpse_protection *protection);

/* What became of all that was sent is known: no parity for it. */
void glimpse_protection_restart(glimpse_protection *protection);

/* No packet follows: an unfinished group gets its share of parity. */
void glimpse_protection_end(glimpse_protection *protection);

/* The parity packet that is due; 0: none is. One that has become too long for `payload` is dropped. */
int glimpse_protection_next(glimpse_protection *protection, size_t payload, uint8_t *packet);

#endif
