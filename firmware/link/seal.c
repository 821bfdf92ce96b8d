/* SPDX-License-Identifier: Apache-2.0 */
#include "link/seal.h"

#include <monocypher.h>
#include <string.h>

#include "core/bits.h"
#include "core/status.h"

enum { PREFIX_BYTES = 1 + GLIMPSE_DEVICE_BYTES + 4, NONCE_BYTES = 12, TRAILER_BYTES = 6 };
_Static_assert(TRAILER_BYTES == GLIMPSE_SEAL_COUNTER_BYTES + GLIMPSE_SEAL_MAC_BYTES, "what follows the body");
_Static_assert(TRAILER_BYTES - GLIMPSE_CHECK_BYTES == GLIMPSE_SEAL_COST_BYTES, "the check makes room");

static void put_u32(uint8_t *bytes, uint32_t value)
{
    for (uint32_t i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

/* A label of fixed length for each subkey, so that none can stand for another. */
static void derive(uint8_t *subkey, const uint8_t *key, char use, glimpse_direction direction)
{
    uint8_t label[] = "glimpse seal 1 ? ?";
    label[15] = (uint8_t)use;
    label[17] = direction == GLIMPSE_UPLINK ? 'u' : 'd';
    crypto_blake2b_keyed(subkey, 32, key, GLIMPSE_KEY_BYTES, label, sizeof label - 1);
}

void glimpse_seal_begin(glimpse_seal *seal, const uint8_t *key, const uint8_t *device, glimpse_direction direction,
                        bool secret)
{
    derive(seal->mac_key, key, 'm', direction);
    derive(seal->cipher_key, key, 'c', direction);
    memcpy(seal->device, device, GLIMPSE_DEVICE_BYTES);
    seal->direction = (uint8_t)direction;
    seal->secret = secret;
}

void glimpse_seal_wipe(glimpse_seal *seal)
{
    crypto_wipe(seal, sizeof *seal);
}

void glimpse_wipe(void *secret, size_t count)
{
    crypto_wipe(secret, count);
}

/* Over everything that both sides must agree on. Of fixed length but for the body, so that no two read alike. */
static void mac(const glimpse_seal *seal, uint32_t counter, const uint8_t *bytes, size_t count, uint8_t *tag)
{
    uint8_t prefix[PREFIX_BYTES];
    prefix[0] = (uint8_t)(seal->direction | (seal->secret ? 2u : 0u));
    memcpy(prefix + 1, seal->device, GLIMPSE_DEVICE_BYTES);
    put_u32(prefix + 1 + GLIMPSE_DEVICE_BYTES, counter);
    crypto_blake2b_ctx hash;
    crypto_blake2b_keyed_init(&hash, GLIMPSE_SEAL_MAC_BYTES, seal->mac_key, sizeof seal->mac_key);
    crypto_blake2b_update(&hash, prefix, sizeof prefix);
    crypto_blake2b_update(&hash, bytes, count);
    crypto_blake2b_final(&hash, tag); /* wipes hash */
}

/* Each direction has a cipher key of its own, so device and counter make a nonce that is used once. */
static void cipher(const glimpse_seal *seal, uint32_t counter, const uint8_t *from, size_t count, uint8_t *to)
{
    if (!seal->secret) {
        memmove(to, from, count);
        return;
    }
    uint8_t nonce[NONCE_BYTES];
    memcpy(nonce, seal->device, GLIMPSE_DEVICE_BYTES);
    put_u32(nonce + GLIMPSE_DEVICE_BYTES, counter);
    (void)crypto_chacha20_ietf(to, from, count, seal->cipher_key, nonce, 0);
}

static void put_version(uint8_t *packet, uint32_t version)
{
    packet[0] = (uint8_t)((packet[0] & 0x3Fu) | (version << 6));
}

int glimpse_seal_room(size_t payload)
{
    if (payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    return payload < GLIMPSE_MIN_SEALED_PAYLOAD ? GLIMPSE_ERROR_PAYLOAD : (int)payload - GLIMPSE_SEAL_COST_BYTES;
}

int glimpse_seal_close(const glimpse_seal *seal, uint32_t counter, const uint8_t *packet, size_t length, size_t payload,
                       uint8_t *sealed)
{
    const int room = glimpse_seal_room(payload);
    if (room < 0) {
        return room;
    }
    if (counter == GLIMPSE_SEAL_COUNTER_END) {
        return GLIMPSE_ERROR_COUNTER;
    }
    glimpse_header header;
    const int body = glimpse_packet_read(packet, length, &header);
    if (body < 0) {
        return body;
    }
    if (length > (size_t)room) {
        return GLIMPSE_ERROR_LENGTH;
    }
    memmove(sealed, packet, GLIMPSE_HEADER_BYTES);
    put_version(sealed, GLIMPSE_SEALED_VERSION);
    cipher(seal, counter, packet + GLIMPSE_HEADER_BYTES, (size_t)body, sealed + GLIMPSE_HEADER_BYTES);
    const size_t covered = GLIMPSE_HEADER_BYTES + (size_t)body;
    sealed[covered] = (uint8_t)(counter >> 8);
    sealed[covered + 1] = (uint8_t)counter;
    mac(seal, counter, sealed, covered, sealed + covered + GLIMPSE_SEAL_COUNTER_BYTES);
    return (int)(covered + TRAILER_BYTES);
}

static int check_shape(const uint8_t *sealed, size_t length)
{
    if (length < GLIMPSE_MIN_SEALED_BYTES || length > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_LENGTH;
    }
    return sealed[0] >> 6 == GLIMPSE_SEALED_VERSION ? GLIMPSE_OK : GLIMPSE_ERROR_VERSION;
}

/* In a time that does not depend on where the tags differ. Monocypher compares 16 bytes at least. */
static bool holds(const glimpse_seal *seal, uint32_t counter, const uint8_t *sealed, size_t length)
{
    uint8_t expected[16] = {0}, seen[16] = {0};
    const size_t covered = length - TRAILER_BYTES;
    mac(seal, counter, sealed, covered, expected);
    memcpy(seen, sealed + covered + GLIMPSE_SEAL_COUNTER_BYTES, GLIMPSE_SEAL_MAC_BYTES);
    const bool same = crypto_verify16(expected, seen) == 0;
    crypto_wipe(expected, sizeof expected); /* a forger who finds it on the stack has a valid tag */
    return same;
}

static uint32_t counter_on_air(const uint8_t *sealed, size_t length)
{
    return glimpse_bits_get(sealed, 8 * (length - TRAILER_BYTES), 16);
}

/* After `holds`. */
static int take_out(const glimpse_seal *seal, uint32_t counter, const uint8_t *sealed, size_t length, uint8_t *packet)
{
    const size_t covered = length - TRAILER_BYTES;
    memmove(packet, sealed, GLIMPSE_HEADER_BYTES);
    put_version(packet, GLIMPSE_WIRE_VERSION);
    cipher(seal, counter, sealed + GLIMPSE_HEADER_BYTES, covered - GLIMPSE_HEADER_BYTES, packet + GLIMPSE_HEADER_BYTES);
    return (int)glimpse_packet_close(packet, covered - GLIMPSE_HEADER_BYTES);
}

int glimpse_seal_open(const glimpse_seal *seal, uint32_t counter, const uint8_t *sealed, size_t length, uint8_t *packet)
{
    const int shape = check_shape(sealed, length);
    if (shape != GLIMPSE_OK) {
        return shape;
    }
    if ((counter & 0xFFFFu) != counter_on_air(sealed, length) || !holds(seal, counter, sealed, length)) {
        return GLIMPSE_ERROR_MAC;
    }
    return take_out(seal, counter, sealed, length, packet);
}

void glimpse_opener_begin(glimpse_opener *opener, const glimpse_seal *seal, uint32_t next)
{
    *opener = (glimpse_opener){.seal = seal, .next = next, .taken = UINT64_MAX, .blocks = 1};
    if (next == 0) {
        glimpse_opener_search(opener);
    }
}

void glimpse_opener_search(glimpse_opener *opener)
{
    opener->blocks = GLIMPSE_SEAL_FIRST_CONTACT;
}

/* Below the window, where bit 64 and more would be, everything counts as taken. */
static bool was_taken(const glimpse_opener *opener, uint32_t counter)
{
    if (counter >= opener->next) {
        return false;
    }
    const uint32_t age = opener->next - 1u - counter;
    return age >= GLIMPSE_SEAL_WINDOW || (opener->taken >> age & 1u) != 0;
}

static void note_taken(glimpse_opener *opener, uint32_t counter)
{
    if (counter < opener->next) {
        opener->taken |= UINT64_C(1) << (opener->next - 1u - counter);
        return;
    }
    const uint32_t shift = counter + 1u - opener->next;
    opener->taken = shift < 64 ? opener->taken << shift | 1u : 1u;
    opener->next = counter + 1u;
}

static int refuse(glimpse_opener *opener, int status)
{
    if (status == GLIMPSE_ERROR_MAC) {
        ++opener->failed;
    } else if (status == GLIMPSE_ERROR_REPLAY) {
        ++opener->replayed;
    } else {
        ++opener->malformed;
    }
    return status;
}

int glimpse_opener_take(glimpse_opener *opener, const uint8_t *sealed, size_t length, uint8_t *packet)
{
    const int shape = check_shape(sealed, length);
    if (shape != GLIMPSE_OK) {
        return refuse(opener, shape);
    }
    const uint32_t lowest = opener->next > GLIMPSE_SEAL_WINDOW ? opener->next - GLIMPSE_SEAL_WINDOW : 0;
    /* 64 bits: past the counter's end there is nothing. */
    const uint64_t nearest = (uint64_t)lowest + ((counter_on_air(sealed, length) - lowest) & 0xFFFFu);
    uint64_t counter = nearest;
    for (uint32_t block = 0; block < opener->blocks && counter < GLIMPSE_SEAL_COUNTER_END; block++) {
        if (holds(opener->seal, (uint32_t)counter, sealed, length)) {
            if (was_taken(opener, (uint32_t)counter)) {
                return refuse(opener, GLIMPSE_ERROR_REPLAY);
            }
            note_taken(opener, (uint32_t)counter);
            opener->blocks = 1;
            ++opener->accepted;
            return take_out(opener->seal, (uint32_t)counter, sealed, length, packet);
        }
        counter += GLIMPSE_SEAL_BLOCK;
    }
    /* Never taken, only named: a packet from below the window. */
    const bool old =
        nearest >= GLIMPSE_SEAL_BLOCK && holds(opener->seal, (uint32_t)(nearest - GLIMPSE_SEAL_BLOCK), sealed, length);
    return refuse(opener, old ? GLIMPSE_ERROR_REPLAY : GLIMPSE_ERROR_MAC);
}
