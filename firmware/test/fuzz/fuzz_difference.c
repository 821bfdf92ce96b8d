/* SPDX-License-Identifier: Apache-2.0 */
/* Difference packets and the keeper of references. What must hold: a rejected packet changes nothing; one that is taken
   brings the symbols that it declares and is what a sender makes of them; whatever is sent arrives, in as many packets
   as there are symbols at most; acknowledgements touch no symbol that there is not. */
#include "core/difference.h"
#include "core/order.h"
#include "core/reference.h"
#include "test/fuzz/fuzz_codecs.h"

enum { KNOWN = (FUZZ_SYMBOLS + 7) / 8, MOST_RUNS = 8 };

/* A reference in memory of its exact size. */
typedef struct {
    glimpse_reference reference;
    uint8_t *symbols, *known;
} held_reference;

static held_reference take_reference(fuzz_input *in, const glimpse_codec *codec)
{
    held_reference held = {.symbols = exact(FUZZ_SYMBOLS, 0), .known = exact(KNOWN, 0)};
    take_symbols(in, codec, held.symbols);
    const uint32_t missing = take_byte(in); /* 0: nothing; else the more, the larger */
    for (uint32_t at = 0; at < FUZZ_SYMBOLS; at++) {
        if ((at * 167u & 255u) >= missing) {
            held.known[at >> 3] = (uint8_t)(held.known[at >> 3] | (1u << (at & 7u)));
        }
    }
    held.reference = (glimpse_reference){.symbols = held.symbols,
                                         .known = held.known,
                                         .frame = (uint8_t)(take_byte(in) & GLIMPSE_MAX_FRAME),
                                         .check = glimpse_reference_check(codec, held.symbols, held.known)};
    return held;
}

static void release(held_reference *held)
{
    free(held->symbols);
    free(held->known);
}

static glimpse_difference_workspace work;
static glimpse_difference_packer packer;

/* The same symbols from the same rank. Where the writer ends at the same symbol it makes the same bytes. It may end
   later, as it always sends what the reference lacks, or earlier: zeros at a stream's end are not sent, but it keeps
   room for them. */
static void write_again(const glimpse_codec *codec, const glimpse_reference *reference, const uint8_t *packet,
                        size_t length, uint32_t first, int count, const uint8_t *symbols)
{
    uint8_t *const whole = exact_copy(symbols, FUZZ_SYMBOLS);
    uint8_t *const again = exact(GLIMPSE_MAX_PAYLOAD, 0);
    glimpse_order order;
    glimpse_order_seek(&order, codec, 0);
    MUST(glimpse_difference_begin(&packer, codec, reference, whole,
                                  (uint8_t)((packet[0] & 1u) << 5 | packet[1] >> 3)) == GLIMPSE_OK);
    for (uint32_t rank = 0; rank < FUZZ_SYMBOLS; rank++) {
        const uint32_t at = glimpse_order_next(&order);
        if (rank < first || rank >= first + (uint32_t)count) {
            whole[at] = glimpse_changes_expected(&packer.changes, at);
        }
    }
    packer.steered = false; /* one run, wherever it lies */
    packer.rank = first;
    const int written = glimpse_difference_next(&packer, GLIMPSE_MAX_PAYLOAD, again);
    MUST(written > 0 && packer.rank > first);
    if (packer.rank == first + (uint32_t)count) {
        MUST((size_t)written == length && memcmp(packet, again, length) == 0);
    }
    free(again);
    free(whole);
}

static void check_taken(const glimpse_codec *codec, uint32_t first, int count, const uint8_t *symbols,
                        const uint8_t *received)
{
    uint32_t there = 0;
    glimpse_order order;
    for (uint32_t at = 0; at < FUZZ_SYMBOLS; at++) {
        there += received[at];
        MUST(received[at] == (symbols[at] != 0xEE || received[at] == 1)); /* nothing else was touched */
    }
    MUST(there == (count > 0 ? (uint32_t)count : 0u));
    glimpse_order_seek(&order, codec, first);
    for (int i = 0; i < count; i++) {
        const uint32_t at = glimpse_order_next(&order);
        MUST(received[at] == 1 && symbols[at] < codec->levels);
    }
}

static void read_any(fuzz_input *in, const glimpse_codec *codec)
{
    held_reference held = take_reference(in, codec);
    const uint32_t flags = take_byte(in);
    const uint32_t first = take_number(in) & (GLIMPSE_MAX_SYMBOLS - 1u);
    const glimpse_header header = {.version = GLIMPSE_WIRE_VERSION,
                                   .model = (uint8_t)(codec->model ^ ((flags & 15u) == 15u)),
                                   .frame = (uint8_t)(flags >> 4),
                                   .first = (uint16_t)((flags & 8u) != 0 ? first : first % FUZZ_SYMBOLS),
                                   .kind =
                                       (uint8_t)((flags & 15u) == 13u ? GLIMPSE_KIND_IMAGE : GLIMPSE_KIND_DIFFERENCE),
                                   .coding = (flags & 15u) != 12u,
                                   .revision = (uint8_t)(codec->revision & 1u)};
    uint8_t bytes[GLIMPSE_MAX_PAYLOAD];
    const size_t length = take_packet(in, &header, bytes, sizeof bytes);
    if ((flags & 1u) != 0 && length >= GLIMPSE_OVERHEAD_BYTES + GLIMPSE_REFERENCE_BYTES) {
        const uint32_t name = (uint32_t)held.reference.frame << GLIMPSE_REFERENCE_CHECK_BITS | held.reference.check;
        bytes[GLIMPSE_HEADER_BYTES] = (uint8_t)(name >> 8);
        bytes[GLIMPSE_HEADER_BYTES + 1] = (uint8_t)name;
        put_check(bytes, length);
    }
    uint8_t *const packet = exact_copy(bytes, length);
    uint8_t *const symbols = exact(FUZZ_SYMBOLS, 0xEE);
    uint8_t *const received = exact(FUZZ_SYMBOLS, 0);
    uint8_t frame = 0;
    uint16_t check = 0;
    const int needed = glimpse_difference_needs(packet, length, &frame, &check);
    const int count = glimpse_difference_unpack(codec, -1, &held.reference, packet, length, &work, symbols, received);
    MUST(count > 0 || count == GLIMPSE_ERROR_KIND || count == GLIMPSE_ERROR_MODEL || count == GLIMPSE_ERROR_RANGE ||
         count == GLIMPSE_ERROR_BODY || count == GLIMPSE_ERROR_REFERENCE);
    MUST(count <= 0 || (needed == GLIMPSE_OK && frame == held.reference.frame && check == held.reference.check));
    check_taken(codec, header.first, count, symbols, received);
    if (count > 0) {
        write_again(codec, &held.reference, packet, length, header.first, count, symbols);
    }
    free(received);
    free(symbols);
    free(packet);
    release(&held);
}

static void send_frame(fuzz_input *in, const glimpse_codec *codec)
{
    held_reference held = take_reference(in, codec);
    uint8_t *const symbols = exact(FUZZ_SYMBOLS, 0);
    uint8_t *const taken = exact(FUZZ_SYMBOLS, 0);
    uint8_t *const received = exact(FUZZ_SYMBOLS, 0);
    take_symbols(in, codec, symbols);
    MUST(glimpse_difference_begin(&packer, codec, &held.reference, symbols, 63) == GLIMPSE_OK);
    for (uint32_t at = 0; at < FUZZ_SYMBOLS; at++) {
        taken[at] = glimpse_changes_expected(&packer.changes, at);
    }
    for (uint32_t packets = 0;; packets++) {
        const size_t payload = GLIMPSE_MIN_PAYLOAD + take_byte(in) % (GLIMPSE_MAX_PAYLOAD - GLIMPSE_MIN_PAYLOAD + 1);
        uint8_t *const packet = exact(payload, 0);
        const int length = glimpse_difference_next(&packer, payload, packet);
        MUST(length >= 0 && (size_t)length <= payload && packets <= FUZZ_SYMBOLS);
        if (length > 0) {
            MUST(glimpse_difference_unpack(codec, 63, &held.reference, packet, (size_t)length, &work, taken, received) >
                 0);
        }
        free(packet);
        if (length == 0) {
            break;
        }
    }
    MUST(memcmp(taken, symbols, FUZZ_SYMBOLS) == 0);
    free(received);
    free(taken);
    free(symbols);
    release(&held);
}

static void acknowledge(glimpse_keeper *keeper, const uint8_t *acknowledged, fuzz_input *in)
{
    glimpse_run runs[MOST_RUNS];
    uint8_t before[KNOWN];
    const uint8_t frame = (uint8_t)take_byte(in);
    const uint32_t count = take_byte(in) % (MOST_RUNS + 1);
    bool inside = true;
    for (uint32_t i = 0; i < count; i++) {
        runs[i] = (glimpse_run){take_number(in), take_number(in)};
        inside = inside && (uint64_t)runs[i].first + runs[i].count <= FUZZ_SYMBOLS;
    }
    memcpy(before, acknowledged, sizeof before);
    const int status = glimpse_keeper_acknowledge(keeper, frame, runs, count);
    MUST(status == GLIMPSE_OK || status == GLIMPSE_ERROR_FRAME || status == GLIMPSE_ERROR_RANGE);
    MUST(status != GLIMPSE_OK || inside);
    MUST(status == GLIMPSE_OK || memcmp(before, acknowledged, sizeof before) == 0);
    if (count > 0) {
        const int too = glimpse_keeper_acknowledge_too(keeper, frame, runs[0]);
        MUST(too == GLIMPSE_OK || too == GLIMPSE_ERROR_FRAME || too == GLIMPSE_ERROR_RANGE);
        MUST(too != GLIMPSE_OK || runs[0].first + (uint64_t)runs[0].count <= FUZZ_SYMBOLS);
    }
}

static void keep(fuzz_input *in, const glimpse_codec *codec)
{
    static glimpse_keeper keeper;
    static glimpse_packer image;
    uint8_t *const reference = exact(FUZZ_SYMBOLS, 0xEE);
    uint8_t *const symbols = exact(FUZZ_SYMBOLS, 0);
    uint8_t *const known = exact(KNOWN, 0xEE);
    uint8_t *const acknowledged = exact(KNOWN, 0);
    const glimpse_keeper_work choosing = {&image, &packer, acknowledged};
    const uint8_t patience = (uint8_t)take_byte(in);
    glimpse_keeper_begin(&keeper, codec, reference, known, patience, patience & 3u);
    for (uint32_t steps = 0; steps < 12 && in->left > 0; steps++) {
        switch (take_byte(in) % 4) {
        case 0: {
            glimpse_keeper_update(&keeper, symbols);
            take_symbols(in, codec, symbols);
            const uint8_t frame = (uint8_t)(take_byte(in) % 66);
            const size_t payload = take_byte(in);
            const int kind = glimpse_keeper_choose(&keeper, frame, symbols, payload, &choosing);
            MUST(kind == GLIMPSE_KIND_DIFFERENCE || kind == GLIMPSE_KIND_IMAGE || kind == GLIMPSE_ERROR_ARGUMENT);
            MUST(kind != GLIMPSE_KIND_DIFFERENCE || keeper.valid);
            break;
        }
        case 1:
            glimpse_keeper_forget(&keeper);
            break;
        default:
            acknowledge(&keeper, acknowledged, in);
            break;
        }
        for (uint32_t at = FUZZ_SYMBOLS; at < 8 * KNOWN; at++) {
            MUST((acknowledged[at >> 3] >> (at & 7u) & 1u) == 0 && (known[at >> 3] >> (at & 7u) & 1u) == 0);
        }
        for (uint32_t at = 0; at < FUZZ_SYMBOLS; at++) {
            MUST((known[at >> 3] >> (at & 7u) & 1u) == 0 || reference[at] < codec->levels);
        }
    }
    free(acknowledged);
    free(known);
    free(symbols);
    free(reference);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    const uint32_t what = take_byte(&in);
    const glimpse_codec *const codec = codec_numbered(take_byte(&in));
    switch (what % 4) {
    case 0:
        send_frame(&in, codec);
        break;
    case 1:
        keep(&in, codec);
        break;
    default:
        read_any(&in, codec);
        break;
    }
    return 0;
}
