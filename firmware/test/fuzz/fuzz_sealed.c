/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed packets. What must hold: nothing without the right tag is taken, and a refused packet changes nothing but the
   counts; of what was sealed each counter is taken once, in whatever order it comes; what is opened is what was sealed.
   */
#include "link/seal.h"
#include "test/fuzz/fuzz.h"

enum { STEPS = 24, SPAN = 512 /* counters of one run that a receiver is told apart by */ };

static glimpse_seal seals[4]; /* up, down, each in the open and secret */

static void make_seals(void)
{
    uint8_t key[GLIMPSE_KEY_BYTES], device[GLIMPSE_DEVICE_BYTES];
    memset(key, 0x5A, sizeof key);
    memset(device, 7, sizeof device);
    for (uint32_t i = 0; i < 4; i++) {
        glimpse_seal_begin(&seals[i], key, device, (glimpse_direction)(i & 1u), (i & 2u) != 0);
    }
}

/* A receiver, and what it has taken. */
typedef struct {
    glimpse_opener opener;
    const glimpse_seal *seal;
    uint32_t base;
    uint8_t taken[SPAN];
} receiver;

static bool same_but_counts(const glimpse_opener *a, const glimpse_opener *b)
{
    return a->next == b->next && a->taken == b->taken && a->blocks == b->blocks && a->accepted == b->accepted;
}

/* Any bytes; only their shape is looked at until the tag. */
static void take_any(receiver *to, fuzz_input *in)
{
    uint8_t bytes[255];
    const size_t length = take_bytes(in, bytes, sizeof bytes);
    const glimpse_opener before = to->opener;
    uint8_t *const sealed = exact_copy(bytes, length);
    uint8_t *const packet = exact(length, 0xEE);
    const int status = (take_byte(in) & 1u) != 0 ? glimpse_opener_take(&to->opener, sealed, length, packet)
                                                 : glimpse_seal_open(to->seal, take_word(in), sealed, length, packet);
    MUST(status == GLIMPSE_ERROR_LENGTH || status == GLIMPSE_ERROR_VERSION || status == GLIMPSE_ERROR_MAC);
    MUST(same_but_counts(&before, &to->opener));
    for (size_t i = 0; i < length; i++) {
        MUST(packet[i] == 0xEE);
    }
    free(packet);
    free(sealed);
}

static size_t take_whole_packet(fuzz_input *in, uint8_t *packet)
{
    const uint32_t word = take_word(in);
    const glimpse_header header = {.version = (uint8_t)((word & 63u) == 63u ? word >> 30 : GLIMPSE_WIRE_VERSION),
                                   .model = (uint8_t)(word >> 25 & 31u),
                                   .frame = (uint8_t)(word >> 19 & 63u),
                                   .first = (uint16_t)(word >> 5 & 0x3FFFu),
                                   .kind = (uint8_t)(word >> 2 & 7u),
                                   .coding = (uint8_t)(word >> 1 & 1u),
                                   .revision = (uint8_t)(word & 1u)};
    return take_packet(in, &header, packet, GLIMPSE_MAX_PAYLOAD);
}

/* By the receiver, which may have taken it already, or is told of another key or a damaged tag. */
static void deliver(receiver *to, uint32_t counter, const uint8_t *packet, size_t length, const uint8_t *sealed,
                    size_t size, uint32_t flags)
{
    const glimpse_opener before = to->opener;
    uint8_t *const moved = exact_copy(sealed, size);
    const bool damaged = (flags & 6u) == 6u;
    moved[flags * 7u % size] ^= damaged ? (uint8_t)(1u << (flags >> 3 & 7u)) : 0;
    const int opened = glimpse_opener_take(&to->opener, moved, size, moved);
    if (opened > 0) {
        const uint32_t place = counter - to->base;
        MUST(!damaged && (size_t)opened == length && memcmp(moved, packet, length) == 0);
        MUST(counter >= to->base && to->opener.next > counter && to->opener.accepted == before.accepted + 1u);
        MUST(place >= SPAN || to->taken[place]++ == 0);
    } else {
        MUST(opened == GLIMPSE_ERROR_MAC || opened == GLIMPSE_ERROR_REPLAY ||
             (damaged && opened == GLIMPSE_ERROR_VERSION));
        MUST(same_but_counts(&before, &to->opener));
        /* What lies ahead within a block, or in the window and was not taken, is never refused. */
        MUST(damaged || counter < before.next || counter - before.next >= GLIMPSE_SEAL_BLOCK - GLIMPSE_SEAL_WINDOW);
    }
    free(moved);
}

static void seal_one(receiver *to, fuzz_input *in)
{
    uint8_t packet[GLIMPSE_MAX_PAYLOAD];
    const size_t length = take_whole_packet(in, packet);
    const uint32_t flags = take_byte(in);
    const size_t payload = 20u + take_byte(in);
    const uint32_t counter = (flags & 1u) != 0 ? to->base + take_byte(in) * 2u : take_word(in);
    uint8_t *const sealed = exact(payload, 0xEE);
    const int size = glimpse_seal_close(to->seal, counter, packet, length, payload, sealed);
    if (size < 0) {
        MUST(size == GLIMPSE_ERROR_PAYLOAD || size == GLIMPSE_ERROR_ARGUMENT || size == GLIMPSE_ERROR_COUNTER ||
             size == GLIMPSE_ERROR_LENGTH || size == GLIMPSE_ERROR_VERSION);
    } else {
        uint8_t *const opened = exact(length, 0);
        MUST((size_t)size == length + GLIMPSE_SEAL_COST_BYTES && (size_t)size <= payload);
        MUST(glimpse_seal_open(to->seal, counter, sealed, (size_t)size, opened) == (int)length);
        MUST(memcmp(opened, packet, length) == 0);
        free(opened);
        deliver(to, counter, packet, length, sealed, (size_t)size, flags);
    }
    free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    static receiver to;
    if (seals[0].device[0] == 0) {
        make_seals();
    }
    memset(&to, 0, sizeof to);
    to.seal = &seals[take_byte(&in) % 4];
    to.base = (take_byte(&in) & 1u) != 0 ? take_word(&in) : take_byte(&in);
    glimpse_opener_begin(&to.opener, to.seal, to.base);
    if (to.base == 0) {
        glimpse_opener_search(&to.opener);
        to.opener.blocks = 2; /* the search for 256 of them is slow, and the same */
    }
    for (uint32_t step = 0; step < STEPS && in.left > 0; step++) {
        if (take_byte(&in) % 4 == 0) {
            take_any(&to, &in);
        } else {
            seal_one(&to, &in);
        }
    }
    return 0;
}
