/* SPDX-License-Identifier: Apache-2.0 */
/* PACK: packets that each decode alone. docs/wire-format.md is the specification. */
#ifndef GLIMPSE_CORE_PACKET_H
#define GLIMPSE_CORE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/codec.h"
#include "core/context.h"
#include "core/order.h"
#include "core/ranks.h"
#include "core/picker.h"

enum {
    GLIMPSE_WIRE_VERSION = 1,
    GLIMPSE_HEADER_BYTES = 4,
    GLIMPSE_CHECK_BYTES = 2, /* CRC-16 over header and body, at the end, big endian */
    GLIMPSE_OVERHEAD_BYTES = 6,
    GLIMPSE_MIN_PAYLOAD = 11,     /* LoRaWAN US915 DR0 */
    GLIMPSE_MAX_PAYLOAD = 242,    /* LoRaWAN EU868 DR4 */
    GLIMPSE_COUNT_TWO_BYTES = 128 /* range coding: a count from here on takes two bytes */
};

/* Three bits; 5 to 7 are free. docs/wire-format.md has what each carries. */
typedef enum {
    GLIMPSE_KIND_IMAGE = 0,
    GLIMPSE_KIND_DIFFERENCE = 1,
    GLIMPSE_KIND_PARITY = 2,
    GLIMPSE_KIND_TELEMETRY = 3,
    GLIMPSE_KIND_DOWNLINK = 4
} glimpse_kind;

typedef enum {
    GLIMPSE_CODING_RAW = 0,  /* symbols of glimpse_codec_bits bits, most significant first, as many as the body holds */
    GLIMPSE_CODING_RANGE = 1 /* count (one byte below 128, else two: high bit set, big endian), then range coder */
} glimpse_coding;

/* The first four bytes, big endian, most significant bits first: version 2, model 5, frame 6, first symbol 14,
   kind 3, coding 1, lowest bit of the model's revision 1. */
typedef struct {
    uint8_t version;
    uint8_t model;
    uint8_t frame;
    uint16_t first; /* rank of the first symbol in sending order */
    uint8_t kind;
    uint8_t coding;
    uint8_t revision; /* 0 or 1 */
} glimpse_header;

/* Every field within its bits. packet: GLIMPSE_HEADER_BYTES bytes. */
void glimpse_header_write(const glimpse_header *header, uint8_t *packet);

/* Checks length, CRC and version, in that order; fills `header` whenever there are four bytes to read.
   Returns the length of the body or GLIMPSE_ERROR_LENGTH, _CHECK, _VERSION. */
int glimpse_packet_read(const uint8_t *packet, size_t length, glimpse_header *header);

/* Writes the check behind a header and `body` bytes that lie in packet; returns the packet's length. */
size_t glimpse_packet_close(uint8_t *packet, size_t body);

/* Whether a packet that carries symbols is one of this codec and frame (-1: of any), and starts inside it: GLIMPSE_OK
   or GLIMPSE_ERROR_MODEL, _REVISION, _FRAME, _RANGE. */
int glimpse_packet_match(const glimpse_codec *codec, int frame, const glimpse_header *header);

/* How densely symbols lie in a packet's body; no bytes: nobody knows yet. */
typedef struct {
    uint16_t symbols;
    uint16_t bytes;
} glimpse_density;

/* Cuts one frame's symbols into packets. The caller owns it; the symbols stay as they are until it is done. */
typedef struct {
    const glimpse_codec *codec;
    const uint8_t *symbols; /* [height, width, channels] */
    glimpse_order order;
    uint32_t sent; /* symbols; one that only filled a byte does not count, one sent again does */
    uint8_t frame;
    uint8_t coding;
    bool steered;           /* by the picker, which is not used otherwise */
    bool stale;             /* the picker has not been told of changes to waiting */
    glimpse_ranks *waiting; /* what is still to be sent; NULL: everything once, which the cursor and the picker know */
    glimpse_run last;       /* of the last packet */
    glimpse_density full;   /* of the last packet that was nearly full */
    glimpse_density before; /* the same without the last packet, which may be taken back */
    glimpse_picker picker;
    glimpse_surroundings around;
} glimpse_packer;

/* symbols: each below levels. coding: GLIMPSE_CODING_RANGE means range coding in each packet where it carries more
   symbols than raw bits would, or as many in no more bytes. GLIMPSE_ERROR_ARGUMENT: frame or coding out of range, or
   range coding asked of a codec without tables. */
int glimpse_packer_begin(glimpse_packer *packer, const glimpse_codec *codec, const uint8_t *symbols, uint8_t frame,
                         uint8_t coding);

/* Between begin and the first packet: of a codec ordered by saliency, packets start where the side output says. Without
   this call, with NULL or with another codec they follow the ranks. side: int8 [height, width], used at once. */
void glimpse_packer_steer(glimpse_packer *packer, const int8_t *side);

/* Between begin and the first packet: from now on packets bring the symbols in `waiting`, which is the caller's, and
   which loses those that have been sent. It may change between packets; glimpse_packer_changed tells so. */
void glimpse_packer_follow(glimpse_packer *packer, glimpse_ranks *waiting);
void glimpse_packer_changed(glimpse_packer *packer);

/* The cells of a region of the latent come first, [top, bottom) x [left, right). 1 when that changes anything, 0 for a
   codec whose order scatters what a packet carries over the whole latent, GLIMPSE_ERROR_ARGUMENT for a region that is
   empty or reaches outside. */
int glimpse_packer_want(glimpse_packer *packer, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right);

/* The last packet was not sent: its symbols are waiting again. Once for each packet. */
void glimpse_packer_take_back(glimpse_packer *packer);

/* Writes the next packet and returns its length, at most `payload`; 0 when every symbol has been sent. `payload`
   (GLIMPSE_MIN_PAYLOAD..GLIMPSE_MAX_PAYLOAD) may differ from call to call. `packet` holds `payload` bytes. A range
   coded packet may be shorter than `payload` though symbols remain, and so may one that meets symbols already sent;
   every packet carries one new symbol at least. GLIMPSE_ERROR_ARGUMENT: payload out of range. */
int glimpse_packer_next(glimpse_packer *packer, size_t payload, uint8_t *packet);

/* The same of a run that the caller chose, at least one symbol, all of them in `waiting`. */
int glimpse_packer_pack(glimpse_packer *packer, glimpse_run run, size_t payload, uint8_t *packet);

/* Where a packet is decoded before anything of it is taken; nothing in it needs to be set. */
typedef struct {
    uint8_t symbols[GLIMPSE_MAX_SYMBOLS];
    glimpse_surroundings around;
} glimpse_workspace;

/* Puts a packet's symbols where they belong. symbols and received: [height, width, channels]; received becomes 1
   where a symbol came. Duplicates and any order are welcome; a packet is taken whole or not at all, and only
   if it is what a packer makes: spare bits zero, no byte too many.
   frame: the frame being assembled, or -1 to take any. Returns the number of symbols in the packet, or
   GLIMPSE_ERROR_LENGTH, _CHECK, _VERSION, _KIND, _MODEL, _REVISION, _FRAME, _RANGE, _BODY. */
int glimpse_packet_unpack(const glimpse_codec *codec, int frame, const uint8_t *packet, size_t length,
                          glimpse_workspace *work, uint8_t *symbols, uint8_t *received);

#endif
