/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile bytes against the core's three parsers: serial frames, packets, codecs. For native builds with sanitizers.

     fuzz_core COUNT SEED    COUNT inputs, the same for the same seed; prints `target result count` lines

   With GLIMPSE_LIBFUZZER defined as one of the targets it offers LLVMFuzzerTestOneInput instead of main.
   What must hold: a rejected input has one of the reasons that the header names and changes nothing; an accepted packet
   changes exactly the symbols it declares; nothing is written outside the caller's buffers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crc.h"
#include "core/serial.h"
#include "core/symbols.h"
#include "test/fuzz/fuzz.h"
#include "test/fuzz/random_codec.h"
#include "test/splitmix.h"

enum {
    CODECS = 64,
    PACKETS = 8, /* of each codec, to mutate */
    SMALL_FRAME = 400,
    GUARD = 16,
    SERIAL_PAYLOAD = 300, /* more than one COBS block */
    REASONS = 16
};

typedef enum { TARGET_SERIAL, TARGET_PACKET, TARGET_CODEC, TARGETS } target;

static unsigned long counts[TARGETS][REASONS];

static void tally(target which, int result)
{
    MUST(result > -REASONS);
    counts[which][result < 0 ? -result : 0]++;
}

/* ---- Buffers with a guard on both sides ---- */

static uint8_t *guarded(size_t size, uint8_t value)
{
    uint8_t *memory = malloc(size + 2 * GUARD);
    MUST(memory != NULL);
    memset(memory, 0xA5, size + 2 * GUARD);
    memset(memory + GUARD, value, size);
    return memory + GUARD;
}

static void check_guards(const uint8_t *buffer, size_t size)
{
    for (size_t i = 0; i < GUARD; i++) {
        MUST(buffer[size + i] == 0xA5 && *(buffer - 1 - i) == 0xA5);
    }
}

static void release(uint8_t *buffer, size_t size)
{
    check_guards(buffer, size);
    free(buffer - GUARD);
}

/* ---- Serial frames ---- */

static void target_serial(const uint8_t *line, size_t size)
{
    static glimpse_serial_reader reader; /* in whatever state the last input left it */
    static uint8_t *buffer;
    const size_t capacity = SERIAL_PAYLOAD + GLIMPSE_SERIAL_CHECK_BYTES;
    if (buffer == NULL) {
        buffer = guarded(capacity, 0);
        glimpse_serial_reader_begin(&reader, buffer, capacity);
    }
    for (size_t i = 0; i < size; i++) {
        const int result = glimpse_serial_reader_push(&reader, line[i]);
        if (result == 0) {
            continue;
        }
        MUST(result > 0 || result == GLIMPSE_ERROR_LENGTH || result == GLIMPSE_ERROR_ENCODING ||
             result == GLIMPSE_ERROR_CHECK);
        MUST(line[i] == 0 && result <= SERIAL_PAYLOAD && reader.count == 0);
        tally(TARGET_SERIAL, result);
    }
    check_guards(buffer, capacity);
}

/* ---- Codecs ---- */

static glimpse_workspace work;

/* What every codec that passes must do: carry a frame whole. */
static void send_frame(const glimpse_codec *codec)
{
    const size_t size = glimpse_codec_symbols(codec);
    uint8_t *latent = guarded(size, 0);
    uint8_t *symbols = guarded(size, 0xEE);
    uint8_t *received = guarded(size, 0);
    random_bytes(latent, size);
    glimpse_symbols_quantise(codec, (const int8_t *)latent, latent);
    const uint8_t frame = (uint8_t)random_below(64);
    const uint8_t coding = codec->cumulative != NULL && random_below(4) ? GLIMPSE_CODING_RANGE : GLIMPSE_CODING_RAW;
    static glimpse_packer packer;
    int8_t *side = (int8_t *)guarded(glimpse_codec_positions(codec), 0);
    random_bytes((uint8_t *)side, glimpse_codec_positions(codec));
    MUST(glimpse_packer_begin(&packer, codec, latent, frame, coding) == GLIMPSE_OK);
    glimpse_packer_steer(&packer, random_below(4) ? side : NULL);
    release((uint8_t *)side, glimpse_codec_positions(codec));
    size_t sent = 0;
    for (;;) {
        const size_t payload = GLIMPSE_MIN_PAYLOAD + random_below(GLIMPSE_MAX_PAYLOAD - GLIMPSE_MIN_PAYLOAD + 1);
        uint8_t *packet = guarded(payload, 0xEE);
        const int length = glimpse_packer_next(&packer, payload, packet);
        MUST(length >= 0 && (size_t)length <= payload);
        const int taken =
            length > 0 ? glimpse_packet_unpack(codec, frame, packet, (size_t)length, &work, symbols, received) : 0;
        release(packet, payload);
        if (length == 0) {
            break;
        }
        MUST(taken > 0 && packer.sent > sent && packer.sent <= sent + (size_t)taken);
        MUST(packer.steered || packer.sent == sent + (size_t)taken);
        sent = packer.sent;
    }
    MUST(sent == size && memcmp(latent, symbols, size) == 0);
    release(received, size);
    release(symbols, size);
    release(latent, size);
}

static void target_codec(void)
{
    static random_codec_parts of;
    random_codec(&of, random_below(1000) ? 100 : GLIMPSE_MAX_SYMBOLS);
    if (random_below(2)) {
        damage_codec(&of);
    }
    const int result = glimpse_codec_check(&of.codec);
    MUST(result == GLIMPSE_OK || result == GLIMPSE_ERROR_MODEL_FORMAT);
    tally(TARGET_CODEC, result);
    if (result == GLIMPSE_OK) {
        send_frame(&of.codec);
    }
}

/* ---- Packets ---- */

typedef struct {
    random_codec_parts made;
    size_t lengths[PACKETS];
    uint8_t packets[PACKETS][GLIMPSE_MAX_PAYLOAD];
} subject;

static subject subjects[CODECS];

static void make_packets(subject *of)
{
    uint8_t symbols[SMALL_FRAME];
    int8_t side[SMALL_FRAME];
    static glimpse_packer packer;
    do {
        random_codec(&of->made, SMALL_FRAME);
    } while (glimpse_codec_check(&of->made.codec) != GLIMPSE_OK);
    random_bytes(symbols, sizeof symbols);
    random_bytes((uint8_t *)side, sizeof side);
    if (random_below(2)) {
        memset(symbols, 0, sizeof symbols);
    }
    for (uint32_t i = 0; i < sizeof symbols; i++) {
        symbols[i] = (uint8_t)(symbols[i] % of->made.codec.levels);
    }
    const uint8_t coding = of->made.codec.cumulative != NULL ? GLIMPSE_CODING_RANGE : GLIMPSE_CODING_RAW;
    for (uint32_t i = 0; i < PACKETS; i++) {
        const size_t payload = GLIMPSE_MIN_PAYLOAD + random_below(i < 4 ? 10 : 200);
        if (i == 0 || packer.sent == glimpse_codec_symbols(&of->made.codec)) {
            MUST(glimpse_packer_begin(&packer, &of->made.codec, symbols, (uint8_t)random_below(64), coding) ==
                 GLIMPSE_OK);
            glimpse_packer_steer(&packer, side);
        }
        of->lengths[i] = (size_t)glimpse_packer_next(&packer, payload, of->packets[i]);
    }
}

static void check_taken(const glimpse_codec *codec, const uint8_t *packet, size_t length, int count,
                        const uint8_t *symbols, uint8_t *received)
{
    const uint32_t size = glimpse_codec_symbols(codec);
    if (count > 0) {
        glimpse_header header;
        glimpse_order order;
        MUST(glimpse_packet_read(packet, length, &header) >= 0 && header.first + (uint32_t)count <= size);
        glimpse_order_seek(&order, codec, header.first);
        for (int i = 0; i < count; i++) {
            const uint32_t at = glimpse_order_next(&order);
            MUST(at < size && received[at] == 1 && symbols[at] < codec->levels);
            received[at] = 0;
        }
    }
    for (uint32_t i = 0; i < size; i++) {
        MUST(received[i] == 0);
    }
}

static void target_packet(const subject *of, int frame, const uint8_t *packet, size_t length)
{
    const size_t size = glimpse_codec_symbols(&of->made.codec);
    uint8_t *symbols = guarded(size, 0xEE);
    uint8_t *before = guarded(size, 0xEE);
    uint8_t *received = guarded(size, 0);
    uint8_t *alone = exact_copy(packet, length);
    const int result = glimpse_packet_unpack(&of->made.codec, frame, alone, length, &work, symbols, received);
    MUST(result > 0 ||
         (result <= GLIMPSE_ERROR_LENGTH && result >= GLIMPSE_ERROR_BODY && result != GLIMPSE_ERROR_ENCODING));
    MUST(result > 0 || memcmp(symbols, before, size) == 0);
    check_taken(&of->made.codec, alone, length, result, symbols, received);
    tally(TARGET_PACKET, result);
    free(alone);
    release(received, size);
    release(before, size);
    release(symbols, size);
}

static void make_subjects(void)
{
    for (uint32_t i = 0; i < CODECS; i++) {
        make_packets(&subjects[i]);
    }
}

#ifdef GLIMPSE_LIBFUZZER

/* The first byte says which codec receives, the lowest bit of the second that the check is made to match. */
static void fuzz_packet(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return;
    }
    uint8_t packet[2 * GLIMPSE_MAX_PAYLOAD];
    const size_t length = size - 2 < sizeof packet ? size - 2 : sizeof packet;
    memcpy(packet, data + 2, length);
    if ((data[1] & 1u) != 0) {
        put_check(packet, length);
    }
    target_packet(&subjects[data[0] % CODECS], -1, packet, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int ready;
    if (!ready) {
        make_subjects();
        ready = 1;
    }
    switch (GLIMPSE_LIBFUZZER) {
    case TARGET_SERIAL:
        target_serial(data, size);
        break;
    case TARGET_PACKET:
        fuzz_packet(data, size);
        break;
    default:
        random_state = glimpse_crc32(0, data, size);
        target_codec();
        break;
    }
    return 0;
}

#else

/* ---- Inputs from a seed ---- */

static const char *const target_names[TARGETS] = {"serial", "packet", "codec"};
static const char *const reason_names[REASONS] = {
    "accepted", "buffer", "argument", "state", "length", "check", "encoding",     "version",
    "kind",     "model",  "revision", "frame", "range",  "body",  "model_format", "model_limit",
};

/* Flips, cuts, lengthens or overwrites; returns the new size. */
static size_t mutate(uint8_t *bytes, size_t size, size_t capacity)
{
    const uint32_t at = size > 0 ? random_below((uint32_t)size) : 0;
    switch (random_below(6)) {
    case 0:
        return at;
    case 1:
        if (size < capacity) {
            bytes[size++] = random_below(2) ? (uint8_t)random_word() : 0;
        }
        return size;
    case 2:
        if (size > 4) { /* where a range-coded body counts its symbols */
            bytes[4] = (uint8_t)(random_below(3) * 0x80u - random_below(2));
        }
        return size;
    default:
        if (size > 0) {
            bytes[at] ^= (uint8_t)(1u << random_below(8));
        }
        return size;
    }
}

static void random_serial(void)
{
    uint8_t payload[SERIAL_PAYLOAD + 40];
    uint8_t line[SERIAL_PAYLOAD + 60];
    size_t size = 1 + random_below(random_below(8) ? 40 : sizeof payload);
    random_bytes(payload, size);
    if (random_below(2)) {
        memset(payload, (int)random_below(2), size);
    }
    if (random_below(8) == 0) {
        random_bytes(line, size);
    } else {
        const int written = glimpse_serial_encode(payload, size, line, glimpse_serial_bound(size));
        MUST(written > 0 && line[written - 1] == 0);
        MUST(glimpse_serial_encode(payload, size, line, (size_t)written - 1) == GLIMPSE_ERROR_BUFFER);
        MUST(glimpse_serial_encode(payload, size, line, (size_t)written) == written);
        size = (size_t)written - 1;
    }
    for (uint32_t i = random_below(4); i > 0; i--) {
        size = mutate(line, size, sizeof line - 1);
    }
    line[size++] = 0;
    target_serial(line, size);
}

static void random_packet(void)
{
    const subject *of = &subjects[random_below(CODECS)];
    const uint32_t which = random_below(PACKETS);
    uint8_t packet[GLIMPSE_MAX_PAYLOAD + 20];
    size_t size = random_below(random_below(2) ? 30 : sizeof packet);
    if (random_below(8) == 0) {
        random_bytes(packet, size);
    } else {
        size = of->lengths[which];
        memcpy(packet, of->packets[which], size);
    }
    const int frame = random_below(2) || size < 2 ? -1 : ((packet[0] << 8 | packet[1]) >> 3 & 63);
    const size_t check = size >= GLIMPSE_OVERHEAD_BYTES && random_below(8) ? GLIMPSE_CHECK_BYTES : 0;
    size -= check;
    for (uint32_t i = random_below(4); i > 0; i--) {
        size = mutate(packet, size, sizeof packet - GLIMPSE_CHECK_BYTES);
    }
    if (check > 0) { /* made right again, so that what lies behind the check is reached */
        const uint16_t crc = glimpse_crc16(packet, size);
        packet[size++] = (uint8_t)(crc >> 8);
        packet[size++] = (uint8_t)crc;
    }
    target_packet(of, frame, packet, size);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: fuzz_core COUNT SEED\n");
        return 2;
    }
    const unsigned long count = strtoul(argv[1], NULL, 10);
    random_state = strtoull(argv[2], NULL, 10);
    make_subjects();
    for (unsigned long i = 0; i < count; i++) {
        switch (i % 20) {
        case 0:
            target_codec();
            break;
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:
        case 6:
        case 7:
        case 8:
            random_serial();
            break;
        default:
            random_packet();
            break;
        }
    }
    for (uint32_t which = 0; which < TARGETS; which++) {
        for (uint32_t reason = 0; reason < REASONS; reason++) {
            if (counts[which][reason] > 0) {
                printf("%s %s %lu\n", target_names[which], reason_names[reason], counts[which][reason]);
            }
        }
    }
    return 0;
}

#endif
