/* SPDX-License-Identifier: Apache-2.0 */
/* Parity packets: any m lost packets of a group come back from m parity packets. docs/wire-format.md, Parity packets.

   A group is up to 32 packets of one frame, of the kinds image and difference. Each is a word: its length, first, kind,
   coding, check and body. A parity word is a sum of the group's words, each times a factor of its own, over GF(256): a
   Reed-Solomon code (Cauchy's matrix). It is made as the packets are sent; nothing else of them is kept. */
#ifndef GLIMPSE_CORE_PARITY_H
#define GLIMPSE_CORE_PARITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/packet.h"

enum {
    GLIMPSE_PARITY_MEMBERS = 32, /* most packets of a group */
    GLIMPSE_PARITY_PACKETS = 16, /* most parity packets of a group */
    GLIMPSE_PARITY_FIXED = 2,    /* bytes of a body before the list of its group's packets */
    GLIMPSE_PARITY_SHORTER = 1,  /* bytes that a word is shorter than its packet */
    GLIMPSE_PARITY_MIN_WORD = 6, /* of a packet with one byte of body */
    GLIMPSE_PARITY_MAX_WORD = GLIMPSE_MAX_PAYLOAD - GLIMPSE_OVERHEAD_BYTES - GLIMPSE_PARITY_FIXED
};

/* The factor of the packet that was added as number `member` in parity packet `index`. */
uint8_t glimpse_parity_factor(uint32_t index, uint32_t member);

/* ---- Sending ---- */

/* One group in the making. The caller owns it and the words. */
typedef struct {
    uint8_t *words; /* [packets][stride] */
    size_t stride;
    size_t longest;                         /* word so far */
    glimpse_header header;                  /* of the first packet */
    uint16_t first[GLIMPSE_PARITY_MEMBERS]; /* in the order in which they were added */
    uint32_t shortest;                      /* run: symbols of a packet, or fewer */
    uint8_t members;
    uint8_t packets; /* parity packets that can be made */
    uint8_t written;
} glimpse_parity;

/* Most bytes that a packet to be protected may have, for parity packets of at most `payload` bytes for groups of
   `members`; 0 when that is less than GLIMPSE_MIN_PAYLOAD. scattered: the packets do not follow each other in rank, so
   that saying which they are takes more. */
size_t glimpse_parity_room(size_t payload, uint32_t members, bool scattered);

/* words: `packets` times glimpse_parity_room bytes, or more; `size` is divided among them.
   GLIMPSE_ERROR_ARGUMENT: packets not 1..GLIMPSE_PARITY_PACKETS, or less than GLIMPSE_PARITY_MIN_WORD for each. */
int glimpse_parity_begin(glimpse_parity *group, uint32_t packets, uint8_t *words, size_t size);

/* Adds a sound packet as it was sent. payload: most bytes of a parity packet. Returns 1; or 0 when the packet has no
   place in this group (full; of another frame; the parity packets would be too long): write what there is, begin
   another. GLIMPSE_ERROR_KIND: neither image nor difference. GLIMPSE_ERROR_BUFFER: no group has place for it. Other
   errors as glimpse_packet_read. */
int glimpse_parity_add(glimpse_parity *group, const uint8_t *packet, size_t length, size_t payload);

/* Writes the next parity packet; returns its length, 0 when all are written or nothing was added. Ends the adding.
   GLIMPSE_ERROR_BUFFER: it does not fit into `payload` bytes, which may have become fewer. */
int glimpse_parity_next(glimpse_parity *group, size_t payload, uint8_t *packet);

/* ---- Receiving ---- */

/* What a parity packet says of its group. */
typedef struct {
    glimpse_header header; /* first: rank of the group's lowest packet */
    uint8_t index;
    uint8_t members;
    uint8_t shift;
    uint16_t place[GLIMPSE_PARITY_MEMBERS]; /* first >> shift of each packet, rising */
    uint8_t number[GLIMPSE_PARITY_MEMBERS]; /* as which it was added, in the order of place */
    uint16_t word_at;                       /* where in the packet the word begins */
    uint16_t word_length;
} glimpse_parity_view;

/* GLIMPSE_OK or GLIMPSE_ERROR_LENGTH, _CHECK, _VERSION, _KIND, _BODY: as glimpse_packet_read, then another kind, then a
   body that no sender makes. */
int glimpse_parity_read(const uint8_t *packet, size_t length, glimpse_parity_view *view);

/* The word of a sound packet, length - GLIMPSE_PARITY_SHORTER bytes. Returns its length, or as glimpse_parity_add. */
int glimpse_parity_word(const uint8_t *packet, size_t length, uint8_t *word);

/* The packet that a recovered word stands for; `packet` holds GLIMPSE_MAX_PAYLOAD bytes. word: view->word_length bytes.
   Returns the packet's length, or GLIMPSE_ERROR_CHECK when the word is not that of a packet at this place: then the
   recovery was wrong. */
int glimpse_parity_packet(const glimpse_parity_view *view, uint32_t place, const uint8_t *word, uint8_t *packet);

#endif
