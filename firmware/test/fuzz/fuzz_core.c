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
#include "core/packet.h"
#include "core/serial.h"
#include "core/status.h"
#include "core/symbols.h"

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum {
    CODECS = 64,
    PACKETS = 8, /* of each codec, to mutate */
    SMALL_FRAME = 400,
    TABLES = 256, /* of one codec */
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

/* ---- Random numbers (splitmix64) ---- */

static uint64_t random_state;

static uint64_t random_word(void)
{
    uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint32_t random_below(uint32_t limit)
{
    return (uint32_t)((random_word() >> 32) * limit >> 32);
}

static void random_bytes(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)random_word();
    }
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

typedef struct {
    glimpse_codec codec;
    int32_t minimum[GLIMPSE_MAX_CHANNELS];
    uint16_t step[GLIMPSE_MAX_CHANNELS];
    uint16_t cumulative[TABLES * (GLIMPSE_MAX_LEVELS + 1)];
    glimpse_context contexts[GLIMPSE_MAX_CHANNELS];
    uint8_t curve[256];
    size_t lengths[PACKETS];
    uint8_t packets[PACKETS][GLIMPSE_MAX_PAYLOAD];
} subject;

/* A flat table, or one whose symbol `heavy` has all that the others can spare. */
static void random_table(uint16_t *table, uint32_t symbols)
{
    const uint32_t total = 1u << GLIMPSE_FREQUENCY_BITS;
    const uint32_t heavy = random_below(symbols);
    const uint32_t each = random_below(2) ? total / symbols : 1;
    const uint32_t spare = total - each * symbols;
    table[0] = 0;
    for (uint32_t i = 0; i < symbols; i++) {
        table[i + 1] = (uint16_t)(table[i] + each + (i == heavy ? spare : 0));
    }
}

/* Sound contexts; the tables of all channels together are at most TABLES. */
static void random_contexts(subject *of, uint32_t channels)
{
    const uint32_t most = TABLES / channels < GLIMPSE_MAX_CLASSES ? TABLES / channels : GLIMPSE_MAX_CLASSES;
    uint32_t tables = 0;
    for (uint32_t channel = 0; channel < channels; channel++) {
        glimpse_context *context = &of->contexts[channel];
        *context = (glimpse_context){
            .first_table = (uint16_t)tables,
            .typical = (uint16_t)random_below(65536),
            .centre = (uint8_t)random_below(of->codec.levels),
            .classes = (uint8_t)(1 + random_below(most)),
            .taps = (uint8_t)random_below(GLIMPSE_MAX_TAPS + 1),
        };
        for (uint32_t i = 0; i < context->taps; i++) {
            random_bytes((uint8_t *)&context->tap[i], sizeof context->tap[i]);
            context->tap[i].channel = (uint8_t)random_below(channels);
            if (random_below(4)) {
                context->tap[i].dy = (int8_t)(random_below(5) - 2);
                context->tap[i].dx = (int8_t)(random_below(5) - 2);
            }
        }
        for (uint32_t i = 0; i < GLIMPSE_CONTEXT_SIDE - 1; i++) {
            context->value_limit[i] = ((int32_t)i - 3) * (int32_t)random_below(2) * 5000;
            context->activity_limit[i] = ((int32_t)i - 3) * 20000;
        }
        for (uint32_t i = 1; i < GLIMPSE_CONTEXT_SIDE - 1; i++) { /* not falling */
            if (context->value_limit[i] < context->value_limit[i - 1]) {
                context->value_limit[i] = context->value_limit[i - 1];
            }
        }
        for (uint32_t i = 0; i < sizeof context->class_of; i++) {
            context->class_of[i] = (uint8_t)random_below(context->classes);
        }
        tables += context->classes;
    }
    of->codec.contexts = of->contexts;
}

static void random_order(subject *of)
{
    glimpse_codec *codec = &of->codec;
    codec->order = (uint8_t)random_below(3);
    if (codec->order != GLIMPSE_ORDER_SALIENCY) { /* the stride may share a divisor with the permutation's length */
        codec->stride = (uint16_t)(1 + random_below(glimpse_codec_cycle(codec)));
        codec->offset = (uint16_t)random_below(glimpse_codec_cycle(codec));
        return;
    }
    random_bytes(of->curve, sizeof of->curve); /* the segments may be too many */
    codec->saliency = (glimpse_saliency){
        .rows = (uint8_t)(1 + random_below(codec->height)),
        .columns = (uint8_t)(1 + random_below(codec->width)),
        .bits = (uint8_t)(1 + random_below(GLIMPSE_MAX_MAP_BITS)),
        .block = (uint8_t)(1 + random_below(codec->channels)),
        .gain = (uint16_t)(random_below(2) ? random_word() : random_below(300)),
        .tolerance = (uint16_t)(random_below(2) ? random_word() : 0),
        .curve = of->curve,
    };
}

/* Sound but for its order now and then. */
static void random_codec(subject *of, uint32_t largest)
{
    const uint32_t levels = random_below(2) ? 2u << random_below(8) : 2 + random_below(255);
    const uint8_t channels = (uint8_t)(1 + random_below(random_below(4) ? 8 : GLIMPSE_MAX_CHANNELS));
    const uint32_t positions = 1 + random_below(largest / channels);
    const uint16_t height = (uint16_t)(1 + random_below(positions < 20 ? positions : 20));
    glimpse_codec *codec = &of->codec;
    *codec = (glimpse_codec){
        .model = (uint8_t)random_below(32),
        .revision = (uint8_t)random_below(256),
        .height = height,
        .width = (uint16_t)(positions / height),
        .channels = channels,
        .levels = (uint16_t)levels,
        .minimum = of->minimum,
        .step = of->step,
        .cumulative = random_below(4) ? of->cumulative : NULL,
    };
    random_order(of);
    if (codec->cumulative != NULL && random_below(2)) {
        random_contexts(of, channels);
    }
    for (uint32_t channel = 0; channel < channels; channel++) {
        of->minimum[channel] = (int32_t)random_below(80000) - 40000;
        of->step[channel] = (uint16_t)(1 + random_below(random_below(2) ? 600 : 65535));
    }
    for (uint32_t i = 0; i < glimpse_codec_tables(codec); i++) {
        random_table(of->cumulative + i * (levels + 1u), levels);
    }
}

/* One field of a context out of bounds, or at a bound, or anything. */
static void damage_context(glimpse_context *context, uint16_t any)
{
    switch (random_below(9)) {
    case 0:
        context->first_table = any;
        break;
    case 1:
        context->typical = any;
        break;
    case 2:
        context->centre = (uint8_t)any;
        break;
    case 3:
        context->classes = (uint8_t)any;
        break;
    case 4:
        context->taps = (uint8_t)any;
        break;
    case 5:
        random_bytes((uint8_t *)&context->tap[random_below(GLIMPSE_MAX_TAPS)], sizeof context->tap[0]);
        break;
    case 6:
        context->value_limit[random_below(GLIMPSE_CONTEXT_SIDE - 1)] = (int32_t)(uint32_t)random_word();
        break;
    case 7:
        context->activity_limit[random_below(GLIMPSE_CONTEXT_SIDE - 1)] = (int32_t)(uint32_t)random_word();
        break;
    default:
        context->class_of[random_below(sizeof context->class_of)] = (uint8_t)any;
        break;
    }
}

static void damage_saliency(glimpse_saliency *saliency, uint16_t any)
{
    switch (random_below(7)) {
    case 0:
        saliency->rows = (uint8_t)any;
        break;
    case 1:
        saliency->columns = (uint8_t)any;
        break;
    case 2:
        saliency->bits = (uint8_t)any;
        break;
    case 3:
        saliency->block = (uint8_t)any;
        break;
    case 4:
        saliency->gain = any;
        break;
    case 5:
        saliency->tolerance = any;
        break;
    default:
        saliency->curve = NULL;
        break;
    }
}

/* One field out of bounds, or at a bound, or anything. */
static void damage_codec(subject *of)
{
    glimpse_codec *codec = &of->codec;
    const uint16_t any = (uint16_t)(random_below(2) ? random_word() : random_below(3) * 0x7FFFu);
    switch (random_below(16)) {
    case 0:
        codec->model = (uint8_t)any;
        break;
    case 1:
        codec->height = any;
        break;
    case 2:
        codec->width = any;
        codec->height = any;
        break;
    case 3:
        /* fewer or as many: a codec that is said to have more channels than it has contexts is for the blob's reader */
        codec->channels = (uint8_t)(codec->contexts == NULL ? any : any % (codec->channels + 1u));
        break;
    case 4:
        codec->levels = any;
        break;
    case 5:
        codec->order = (uint8_t)any;
        break;
    case 6:
        codec->stride = any;
        break;
    case 7:
        codec->offset = any;
        break;
    case 8:
        of->minimum[random_below(codec->channels)] = (int32_t)(uint32_t)random_word();
        break;
    case 9:
        of->step[random_below(codec->channels)] = any;
        break;
    case 10:
        codec->minimum = NULL;
        break;
    case 11:
        codec->step = NULL;
        break;
    case 12:
    case 13:
        damage_context(&of->contexts[random_below(codec->channels)], any);
        break;
    case 14:
        damage_saliency(&codec->saliency, any);
        break;
    default:
        of->cumulative[random_below(glimpse_codec_tables(codec) * (codec->levels + 1u))] = any;
        break;
    }
}

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
    static subject of;
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

static subject subjects[CODECS];

static void make_packets(subject *of)
{
    uint8_t symbols[SMALL_FRAME];
    int8_t side[SMALL_FRAME];
    static glimpse_packer packer;
    do {
        random_codec(of, SMALL_FRAME);
    } while (glimpse_codec_check(&of->codec) != GLIMPSE_OK);
    random_bytes(symbols, sizeof symbols);
    random_bytes((uint8_t *)side, sizeof side);
    if (random_below(2)) {
        memset(symbols, 0, sizeof symbols);
    }
    for (uint32_t i = 0; i < sizeof symbols; i++) {
        symbols[i] = (uint8_t)(symbols[i] % of->codec.levels);
    }
    const uint8_t coding = of->codec.cumulative != NULL ? GLIMPSE_CODING_RANGE : GLIMPSE_CODING_RAW;
    for (uint32_t i = 0; i < PACKETS; i++) {
        const size_t payload = GLIMPSE_MIN_PAYLOAD + random_below(i < 4 ? 10 : 200);
        if (i == 0 || packer.sent == glimpse_codec_symbols(&of->codec)) {
            MUST(glimpse_packer_begin(&packer, &of->codec, symbols, (uint8_t)random_below(64), coding) == GLIMPSE_OK);
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
    const size_t size = glimpse_codec_symbols(&of->codec);
    uint8_t *symbols = guarded(size, 0xEE);
    uint8_t *before = guarded(size, 0xEE);
    uint8_t *received = guarded(size, 0);
    uint8_t *exact = malloc(length > 0 ? length : 1); /* a sanitizer sees reads past its end */
    MUST(exact != NULL);
    memcpy(exact, packet, length);
    const int result = glimpse_packet_unpack(&of->codec, frame, exact, length, &work, symbols, received);
    MUST(result > 0 ||
         (result <= GLIMPSE_ERROR_LENGTH && result >= GLIMPSE_ERROR_BODY && result != GLIMPSE_ERROR_ENCODING));
    MUST(result > 0 || memcmp(symbols, before, size) == 0);
    check_taken(&of->codec, exact, length, result, symbols, received);
    tally(TARGET_PACKET, result);
    free(exact);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says which codec receives, the lowest bit of the second that the check is made to match: a fuzzer
   would rarely guess it. */
static void fuzz_packet(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return;
    }
    uint8_t packet[2 * GLIMPSE_MAX_PAYLOAD];
    const size_t length = size - 2 < sizeof packet ? size - 2 : sizeof packet;
    memcpy(packet, data + 2, length);
    if ((data[1] & 1u) != 0 && length >= GLIMPSE_OVERHEAD_BYTES) {
        const size_t checked = length - GLIMPSE_CHECK_BYTES;
        const uint16_t check = glimpse_crc16(packet, checked);
        packet[checked] = (uint8_t)(check >> 8);
        packet[checked + 1] = (uint8_t)check;
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
