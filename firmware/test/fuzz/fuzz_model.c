/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile model blobs: fuzz_model COUNT SEED BLOB... Each blob in turn is damaged in some way and loaded; whatever
   loads runs one frame, every window, scratch and output in memory of its exact size. To be compiled with sanitizers.
   Prints how often loading ended in which way. With GLIMPSE_LIBFUZZER defined it offers LLVMFuzzerTestOneInput instead:
   the input is a blob whose magic, size and check are put right. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crc.h"
#include "core/packet.h"
#include "core/status.h"
#include "core/symbols.h"
#include "nn/encoder.h"
#include "nn/kernels.h"
#include "nn/model.h"

enum {
    HEADER_BYTES = 64,
    SIZE_AT = 8,
    CHECK_AT = 12,
    CHECKED_FROM = 16,
    MOST_BLOBS = 64,
    MOST_STATUS = 16,
    CODEC_CONTEXTS_AT = 28
};

typedef struct {
    uint8_t *bytes;
    size_t size;
} blob;

static uint64_t random_state;

static uint32_t random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 16) % limit);
}

static uint32_t load_word(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static void store_word(uint8_t *bytes, uint32_t word)
{
    memcpy(bytes, &word, sizeof word);
}

static void *exact(size_t bytes)
{
    void *const memory = malloc(bytes);
    if (memory == NULL && bytes > 0) {
        fprintf(stderr, "no memory\n");
        exit(3);
    }
    return memory;
}

static blob read_blob(const char *path)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    blob read = {NULL, (size_t)ftell(file)};
    rewind(file);
    read.bytes = exact(read.size);
    if (fread(read.bytes, 1, read.size, file) != read.size) {
        exit(2);
    }
    fclose(file);
    return read;
}

/* Numbers that break careless arithmetic more often than others do. */
static uint32_t nasty_number(void)
{
    static const uint32_t numbers[] = {0,     1,     2,        3,           4,           5,           16,         17,
                                       64,    127,   128,      255,         256,         2048,        2049,       32767,
                                       32768, 65535, 1u << 30, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFCu, 0xFFFFFFFFu};
    return numbers[random_below(sizeof numbers / sizeof numbers[0])];
}

/* Where a change hits something other than weights: header, records and tables, which lie at both ends. */
static size_t sensitive_place(const blob *target)
{
    const size_t size = target->size;
    const size_t layers = load_word(target->bytes + 40);
    const size_t codec = load_word(target->bytes + 44);
    const size_t contexts = codec + 64 <= size ? load_word(target->bytes + codec + CODEC_CONTEXTS_AT) : 0;
    switch (random_below(8)) {
    case 0:
        return random_below(HEADER_BYTES);
    case 1:
        return random_below(size);
    case 2:
        return codec < size ? codec + random_below(size - codec) : 0;
    case 3:
        return contexts > 0 && contexts < layers && layers <= size ? contexts + random_below(layers - contexts) : 0;
    default:
        return layers < size ? layers + random_below(size - layers) : 0;
    }
}

static void change(blob *target)
{
    const size_t at = sensitive_place(target);
    const size_t left = target->size - at;
    const uint32_t value = random_below(3) == 0 ? nasty_number() : random_below(1u << 20);
    const size_t width = (size_t)1 << random_below(3);
    switch (random_below(4)) {
    case 0:
        target->bytes[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 1:
        target->bytes[at] = (uint8_t)(target->bytes[at] + random_below(5) - 2u);
        break;
    case 2:
        memcpy(target->bytes + at, &value, width < left ? width : left);
        break;
    default: /* one field over another of its kind */
        if (left > width && at > width) {
            memcpy(target->bytes + at, target->bytes + random_below(at - width), width);
        }
        break;
    }
}

/* Magic, version, no flags: a blob of another version would be refused before anything of it is read. */
static void put_magic(uint8_t *bytes)
{
    const uint8_t magic[8] = {'G', 'L', 'P', 'M', GLIMPSE_MODEL_BLOB_VERSION, 0, 0, 0};
    memcpy(bytes, magic, sizeof magic);
}

static void repair(blob *target)
{
    if (target->size < HEADER_BYTES) {
        return;
    }
    put_magic(target->bytes);
    if (random_below(64) != 0) {
        store_word(target->bytes + SIZE_AT, (uint32_t)target->size);
    }
    const uint32_t size = load_word(target->bytes + SIZE_AT);
    if (size <= target->size && size > CHECKED_FROM && random_below(64) != 0) {
        store_word(target->bytes + CHECK_AT, glimpse_crc32(0, target->bytes + CHECKED_FROM, size - CHECKED_FROM));
    }
}

static blob damaged(const blob *original)
{
    const uint32_t way = random_below(16);
    blob target = {NULL, original->size};
    if (way == 0) { /* cut short */
        target.size = random_below(original->size);
    } else if (way == 1) { /* nothing but noise */
        target.size = random_below(512);
    }
    target.bytes = exact(target.size);
    if (way == 1) {
        for (size_t i = 0; i < target.size; i++) {
            target.bytes[i] = (uint8_t)random_below(256);
        }
    } else {
        memcpy(target.bytes, original->bytes, target.size);
    }
    for (uint32_t changes = way < 2 ? 0 : random_below(4); changes > 0; changes--) {
        change(&target);
    }
    if (random_below(16) != 0) {
        repair(&target);
    }
    return target;
}

/* In place of the one buffer that init divides: an overrun into a neighbour would go unseen there. */
static void separate(glimpse_encoder *encoder)
{
    const glimpse_model *const model = encoder->model;
    size_t staging = 0;
    size_t scratch = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const glimpse_layer *const layer = &model->layers[i];
        const size_t columns = layer->out_width < GLIMPSE_TILE_COLUMNS ? layer->out_width : GLIMPSE_TILE_COLUMNS;
        const size_t tile = columns * layer->out_channels;
        const size_t asked = glimpse_kernel_scratch_size(layer);
        encoder->windows[i].memory =
            exact(model->patches * glimpse_window_size(layer)); /* first and last touch both ends */
        staging = tile > staging ? tile : staging;
        scratch = asked > scratch ? asked : scratch;
    }
    encoder->staging = exact(staging);
    encoder->scratch = exact(scratch);
}

static void release(glimpse_encoder *encoder)
{
    for (int i = 0; i < encoder->model->layer_count; i++) {
        free(encoder->windows[i].memory);
    }
    free(encoder->staging);
    free(encoder->scratch);
    free(encoder->latent);
    free(encoder->side);
}

/* Sends a few packets of what the frame gave: whatever loads can be packed. */
static int send_some(const glimpse_encoder *encoder)
{
    static glimpse_packer packer;
    const glimpse_codec *const codec = &encoder->model->codec;
    uint8_t *const symbols = (uint8_t *)encoder->latent;
    const uint8_t coding = codec->cumulative != NULL ? GLIMPSE_CODING_RANGE : GLIMPSE_CODING_RAW;
    glimpse_symbols_quantise(codec, encoder->latent, symbols);
    int status = glimpse_packer_begin(&packer, codec, symbols, 0, coding);
    glimpse_packer_steer(&packer, encoder->model->side_layer >= 0 ? encoder->side : NULL);
    for (uint32_t i = 0; i < 3 && status == GLIMPSE_OK; i++) {
        const size_t payload = GLIMPSE_MIN_PAYLOAD + random_below(60);
        uint8_t *const packet = exact(payload);
        const int length = glimpse_packer_next(&packer, payload, packet);
        status = length < 0 ? length : GLIMPSE_OK;
        free(packet);
    }
    return status;
}

static int run_frame(const glimpse_model *model)
{
    glimpse_encoder encoder;
    const size_t size = glimpse_encoder_buffer_size(model);
    const size_t latent = glimpse_encoder_latent_size(model);
    const size_t side = glimpse_encoder_side_size(model);
    const size_t row = (size_t)model->photo_width * 3u;
    void *const buffer = exact(size);
    uint8_t *const rgb = exact(row);
    int status =
        glimpse_encoder_init(&encoder, model, buffer, size, exact(latent), latent, side > 0 ? exact(side) : NULL, side);
    separate(&encoder);
    status |= glimpse_frame_begin(&encoder);
    for (uint32_t y = 0; y < model->photo_height; y++) {
        for (size_t i = 0; i < row; i++) {
            rgb[i] = (uint8_t)random_below(256);
        }
        status |= glimpse_frame_row(&encoder, rgb);
    }
    status |= glimpse_frame_end(&encoder);
    status |= send_some(&encoder);
    for (int i = 0; i < model->layer_count; i++) {
        if (encoder.windows[i].produced != model->layers[i].out_height) {
            status = GLIMPSE_ERROR_STATE; /* rows are missing */
        }
    }
    release(&encoder);
    free(rgb);
    free(buffer);
    return status;
}

/* True when loading refused it with a status of its own, or all of it ran. */
static bool load_and_run(const blob *target, int *status)
{
    glimpse_model model;
    *status = glimpse_model_load(&model, target->bytes, target->size);
    return *status <= 0 && *status > -MOST_STATUS && (*status != GLIMPSE_OK || run_frame(&model) == GLIMPSE_OK);
}

#ifdef GLIMPSE_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const blob target = {exact(size), size};
    int status = 0;
    memcpy(target.bytes, data, size);
    random_state = 1;
    if (size >= HEADER_BYTES) {
        put_magic(target.bytes);
        store_word(target.bytes + SIZE_AT, (uint32_t)size);
        store_word(target.bytes + CHECK_AT, glimpse_crc32(0, target.bytes + CHECKED_FROM, size - CHECKED_FROM));
    }
    if (!load_and_run(&target, &status)) {
        abort();
    }
    free(target.bytes);
    return 0;
}

#else

int main(int count, char **arguments)
{
    blob originals[MOST_BLOBS];
    unsigned long seen[MOST_STATUS] = {0};
    const int blobs = count - 3 < MOST_BLOBS ? count - 3 : MOST_BLOBS;
    if (blobs < 1) {
        fprintf(stderr, "usage: fuzz_model COUNT SEED BLOB...\n");
        return 2;
    }
    random_state = 0x9E3779B97F4A7C15u ^ strtoull(arguments[2], NULL, 10);
    for (int i = 0; i < blobs; i++) {
        originals[i] = read_blob(arguments[3 + i]);
    }
    for (unsigned long left = strtoul(arguments[1], NULL, 10); left > 0; left--) {
        const blob target = damaged(&originals[left % (unsigned long)blobs]);
        int status = 0;
        if (!load_and_run(&target, &status)) {
            fprintf(stderr, "status %d, or a model that loads and does not run; %lu left\n", status, left);
            return 1;
        }
        seen[-status]++;
        free(target.bytes);
    }
    for (int i = 0; i < MOST_STATUS; i++) {
        if (seen[i] > 0) {
            printf("%s: %lu\n", i == 0 ? "loaded" : glimpse_status_text(-i), seen[i]);
        }
    }
    for (int i = 0; i < blobs; i++) {
        free(originals[i].bytes);
    }
    return 0;
}

#endif
