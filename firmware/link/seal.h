/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed packets, for links without authenticity and secrecy of their own: a packet's check is replaced by a counter
   and a keyed MAC, and its body may be enciphered. docs/wire-format.md, "Sealed packets", is the specification,
   docs/security.md says what this protects and what not. The ciphers are Monocypher's. */
#ifndef GLIMPSE_LINK_SEAL_H
#define GLIMPSE_LINK_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/packet.h"

enum {
    GLIMPSE_SEALED_VERSION = 2,
    GLIMPSE_KEY_BYTES = 32,
    GLIMPSE_DEVICE_BYTES = 8, /* of the name that a device has for its whole life */
    GLIMPSE_SEAL_COUNTER_BYTES = 2,
    GLIMPSE_SEAL_MAC_BYTES = 4,
    GLIMPSE_SEAL_COST_BYTES = 4,     /* by which a sealed packet is longer than the packet in it */
    GLIMPSE_MIN_SEALED_BYTES = 10,   /* header, no body, counter, MAC */
    GLIMPSE_MIN_SEALED_PAYLOAD = 24, /* of a link; below, a fifth and more of every payload would go into the seal */
    GLIMPSE_SEAL_WINDOW = 64,        /* counters below the highest taken that may still come */
    GLIMPSE_SEAL_BLOCK = 65536,      /* counters that the two bytes on the air tell apart */
    GLIMPSE_SEAL_FIRST_CONTACT = 256 /* blocks that a receiver searches which has taken nothing yet */
};

/* Counters run from 0 to one below this; they never start again under the same key. */
#define GLIMPSE_SEAL_COUNTER_END UINT32_MAX

typedef enum { GLIMPSE_UPLINK = 0, GLIMPSE_DOWNLINK = 1 } glimpse_direction;

/* One direction between a device and its receiver. Secret: wipe it when it is no longer needed. */
typedef struct {
    uint8_t mac_key[32];
    uint8_t cipher_key[32];
    uint8_t device[GLIMPSE_DEVICE_BYTES];
    uint8_t direction;
    bool secret; /* bodies are enciphered, not only authenticated */
} glimpse_seal;

/* Both sides agree on everything here beforehand; nothing of it but the counter is on the air. */
void glimpse_seal_begin(glimpse_seal *seal, const uint8_t *key, const uint8_t *device, glimpse_direction direction,
                        bool secret);
void glimpse_seal_wipe(glimpse_seal *seal);

/* For anything else that a key has lain in. */
void glimpse_wipe(void *secret, size_t count);

/* The most bytes that the packet to be sealed may have where the link takes `payload`.
   GLIMPSE_ERROR_PAYLOAD below GLIMPSE_MIN_SEALED_PAYLOAD, GLIMPSE_ERROR_ARGUMENT above GLIMPSE_MAX_PAYLOAD. */
int glimpse_seal_room(size_t payload);

/* Seals a packet of any kind. payload: what the link takes. counter: never used before under this key, device and
   direction. sealed: `payload` bytes; may be `packet` itself. Returns the sealed packet's length or
   GLIMPSE_ERROR_PAYLOAD or _ARGUMENT as glimpse_seal_room, _COUNTER at GLIMPSE_SEAL_COUNTER_END, _LENGTH when the
   packet leaves no room for the seal, _CHECK or _VERSION when it is not a packet. */
int glimpse_seal_close(const glimpse_seal *seal, uint32_t counter, const uint8_t *packet, size_t length, size_t payload,
                       uint8_t *sealed);

/* Opens a sealed packet whose whole counter is known, replayed or not. packet: `length` bytes, written only on success,
   with its check made anew; may be `sealed` itself. Returns the packet's length or GLIMPSE_ERROR_LENGTH, _VERSION, _MAC
   (also for another counter than this one modulo 65536). */
int glimpse_seal_open(const glimpse_seal *seal, uint32_t counter, const uint8_t *sealed, size_t length,
                      uint8_t *packet);

/* A receiver of one direction that takes every packet once. The caller keeps `next` over restarts. */
typedef struct {
    const glimpse_seal *seal;
    uint32_t next;   /* one more than the highest counter taken */
    uint64_t taken;  /* bit i: next - 1 - i was taken */
    uint16_t blocks; /* of 65536 counters that are tried for each packet; every one more is a forger's chance more */
    uint32_t accepted, failed, replayed, malformed; /* packets so far */
} glimpse_opener;

/* next: 0 for a new key, later what the caller kept; everything below it counts as taken. The first packet is looked
   for in GLIMPSE_SEAL_FIRST_CONTACT blocks where next is 0, and then in one. */
void glimpse_opener_begin(glimpse_opener *opener, const glimpse_seal *seal, uint32_t next);

/* After a silence in which the sender may have counted 65,472 packets and more: the next packet is looked for as at
   first contact. */
void glimpse_opener_search(glimpse_opener *opener);

/* As glimpse_seal_open with the counter worked out; also GLIMPSE_ERROR_REPLAY. A packet that is refused changes nothing
   but the counts. */
int glimpse_opener_take(glimpse_opener *opener, const uint8_t *sealed, size_t length, uint8_t *packet);

#endif
