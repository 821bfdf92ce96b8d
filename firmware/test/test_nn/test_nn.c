/* SPDX-License-Identifier: Apache-2.0 */
/* Model blobs and the streaming executor on a network small enough to compute by hand: a 5 x 4 photo, a 3x3
   convolution of stride 2 with SAME padding to two channels, and a 2x2 max-pool of stride 1 as the side output. */
#include "nn/encoder.h"

#include <string.h>

#include "core/crc.h"
#include "core/status.h"
#include "test/check.h"

enum { HEIGHT = 5, WIDTH = 4, OUT_HEIGHT = 3, OUT_WIDTH = 2, OUTPUTS = 2, LENGTH = 28 };
enum { SIDE_HEIGHT = 2, SIDE_WIDTH = 1, PATCHES = 2 };

/* Offsets of the sections, in the order in which they lie. */
enum {
    LAYERS = 64,
    CODEC = LAYERS + 2 * 48,
    WEIGHTS = CODEC + 64,
    BIAS = WEIGHTS + OUTPUTS * LENGTH,
    MULTIPLIER = BIAS + 8,
    SHIFT = MULTIPLIER + 8,
    MINIMUM = SHIFT + 8,
    STEP = MINIMUM + 8,
    CUMULATIVE = STEP + 4,
    SIZE = CUMULATIVE + 12
};

static uint32_t storage[SIZE / 4 + 4];
static uint8_t *const blob = (uint8_t *)storage;
static glimpse_model model;
static glimpse_encoder encoder;
static uint8_t buffer[2048] __attribute__((aligned(16)));
static int8_t latent[OUT_HEIGHT * OUT_WIDTH * OUTPUTS];
static int8_t side[SIDE_HEIGHT * SIDE_WIDTH * OUTPUTS];
static int8_t patched_latent[PATCHES * PATCHES * sizeof latent];
static int8_t patched_side[PATCHES * PATCHES * sizeof side];

static void put(size_t at, size_t bytes, uint32_t value)
{
    for (size_t i = 0; i < bytes; i++) {
        blob[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static void seal(void)
{
    put(12, 4, glimpse_crc32(0, blob + 16, SIZE - 16));
}

static int8_t weight(uint32_t output, uint32_t y, uint32_t x, uint32_t channel)
{
    return (int8_t)((int32_t)(output * 31 + y * 17 + x * 5 + channel * 11) % 23 - 11);
}

static void put_header(void)
{
    memcpy(blob, "GLPM", 4);
    put(4, 2, GLIMPSE_MODEL_BLOB_VERSION);
    put(8, 4, SIZE);
    memcpy(blob + 16, "tiny", 4);
    put(32, 2, HEIGHT);
    put(34, 2, WIDTH);
    put(36, 1, 2);
    put(37, 1, 0);
    put(38, 1, 1);
    put(39, 1, 1);
    put(40, 4, LAYERS);
    put(44, 4, CODEC);
}

static void put_layer(size_t at, const uint8_t *small, const uint16_t *shapes, const int8_t *ranges)
{
    memcpy(blob + at, small, 8);
    for (size_t i = 0; i < 6; i++) {
        put(at + 8 + 2 * i, 2, shapes[i]);
    }
    memcpy(blob + at + 20, ranges, 4);
}

static void put_layers(void)
{
    /* kind, input, kernel, stride, padding above and to the left */
    static const uint8_t conv[] = {GLIMPSE_LAYER_CONV_2D, 0xFF, 3, 3, 2, 2, 1, 0};
    static const uint8_t pool[] = {GLIMPSE_LAYER_MAX_POOL_2D, 0, 2, 2, 1, 1, 0, 0};
    static const uint16_t conv_shapes[] = {HEIGHT, WIDTH, 3, OUT_HEIGHT, OUT_WIDTH, OUTPUTS};
    static const uint16_t pool_shapes[] = {OUT_HEIGHT, OUT_WIDTH, OUTPUTS, SIDE_HEIGHT, SIDE_WIDTH, OUTPUTS};
    static const int8_t conv_ranges[] = {-128, -5, -100, 100};
    static const int8_t pool_ranges[] = {-5, -5, -128, 127};
    put_layer(LAYERS, conv, conv_shapes, conv_ranges);
    put_layer(LAYERS + 48, pool, pool_shapes, pool_ranges);
    put(LAYERS + 24, 4, WEIGHTS);
    put(LAYERS + 28, 4, BIAS);
    put(LAYERS + 32, 4, MULTIPLIER);
    put(LAYERS + 36, 4, SHIFT);
    put(LAYERS + 40, 4, OUTPUTS * LENGTH);
}

/* Two outputs and four kernel values share eight bytes: those of values 0 and 2 first (docs/model-blob.md). */
static size_t weight_place(uint32_t output, uint32_t at)
{
    static const uint8_t of_value[] = {0, 4, 2, 6};
    return WEIGHTS + 8 * (at / 4) + of_value[at % 4] + output;
}

static void put_tables(void)
{
    for (uint32_t output = 0; output < OUTPUTS; output++) {
        int32_t sum = 0;
        for (uint32_t x = 0; x < 3; x++) {
            for (uint32_t y = 0; y < 3; y++) {
                for (uint32_t channel = 0; channel < 3; channel++) {
                    sum += weight(output, y, x, channel);
                    blob[weight_place(output, (x * 3 + y) * 3 + channel)] = (uint8_t)weight(output, y, x, channel);
                }
            }
        }
        put(BIAS + 4 * output, 4, (uint32_t)((int32_t)(500 * output) + 128 * sum));
        put(MULTIPLIER + 4 * output, 4, 1u << 30); /* a half, and 2^-7: the sum divided by 256 */
        put(SHIFT + 4 * output, 4, (uint32_t)-7);
        put(STEP + 2 * output, 2, 256);
        put(CUMULATIVE + 4 * output, 2, 4); /* both tables: the values behind their places, of symbols 0 and 1 */
        put(CUMULATIVE + 4 * output + 3, 1, 1);
        put(CUMULATIVE + 10, 2, 1000);
    }
}

static void put_codec(void)
{
    static const uint8_t small[] = {7, 1, GLIMPSE_ORDER_CHANNEL, 1, 2, 0, OUT_HEIGHT, 0, OUT_WIDTH, 0, OUTPUTS, 0, 5, 0,
                                    2, 0};
    memcpy(blob + CODEC, small, sizeof small);
    put(CODEC + 16, 4, MINIMUM);
    put(CODEC + 20, 4, STEP);
    put(CODEC + 24, 4, CUMULATIVE);
}

static void make_blob(void)
{
    memset(storage, 0, sizeof storage);
    put_header();
    put_layers();
    put_codec();
    put_tables();
    seal();
}

static int load(void)
{
    return glimpse_model_load(&model, blob, SIZE);
}

/* The status after a change at one place, with a check that matches again. */
static int load_with(size_t at, size_t bytes, uint32_t value)
{
    make_blob();
    put(at, bytes, value);
    seal();
    return load();
}

static void a_sound_blob_is_loaded(void)
{
    make_blob();
    CHECK_EQUAL(GLIMPSE_OK, load());
    CHECK_EQUAL(0, strcmp("tiny", model.name));
    CHECK_EQUAL(HEIGHT, model.photo_height);
    CHECK_EQUAL(2, model.layer_count);
    CHECK_EQUAL(1, model.layers[0].pad_top);
    CHECK_EQUAL(7, model.codec.model);
    CHECK_EQUAL(1000, model.codec.cumulative[model.codec.tables[1].at + 1]);
    CHECK_EQUAL((int)sizeof latent, (int)glimpse_encoder_latent_size(&model));
    CHECK_EQUAL((int)sizeof side, (int)glimpse_encoder_side_size(&model));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_model_load(&model, blob, SIZE + 16)); /* a slot is larger than its blob */
}

static void damage_is_told_apart(void)
{
    make_blob();
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT, glimpse_model_load(&model, blob + 1, SIZE));
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_model_load(&model, blob, SIZE - 1));
    CHECK_EQUAL(GLIMPSE_ERROR_LENGTH, glimpse_model_load(&model, blob, 63));
    blob[SIZE - 1] ^= 1;
    CHECK_EQUAL(GLIMPSE_ERROR_CHECK, load());
    CHECK_EQUAL(GLIMPSE_ERROR_MODEL_FORMAT, load_with(0, 1, 'X'));
    CHECK_EQUAL(GLIMPSE_ERROR_VERSION, load_with(4, 2, 1));
    CHECK_EQUAL(GLIMPSE_ERROR_VERSION, load_with(4, 2, GLIMPSE_MODEL_BLOB_VERSION + 1));
    CHECK_EQUAL(GLIMPSE_ERROR_VERSION, load_with(6, 2, 1));
    CHECK_EQUAL(GLIMPSE_ERROR_VERSION, load_with(CODEC + 3, 1, 5));
    CHECK_EQUAL(GLIMPSE_ERROR_MODEL_LIMIT, load_with(36, 1, GLIMPSE_MAX_LAYERS + 1));
}

static void impossible_contents_are_refused(void)
{
    static const struct {
        size_t at;
        size_t bytes;
        uint32_t value;
    } changes[] = {
        {31, 1, 1},          /* name without its end */
        {32, 2, HEIGHT + 1}, /* photo that the first layer does not read */
        {36, 1, 0},          /* no layers */
        {37, 1, 2},          /* latent of a layer that is not there */
        {38, 1, 0},          /* side output that is the latent */
        {39, 1, 0},          /* no patches */
        {39, 1, 2},          /* patches of an odd photo */
        {39, 1, 3},          /* a number of patches that there is not */
        {39, 1, 8},
        {48, 4, 1},                         /* reserved */
        {40, 4, 0xFFFFFFF0u},               /* layer table far outside */
        {40, 4, LAYERS + 2},                /* misaligned */
        {LAYERS, 1, 9},                     /* unknown kind */
        {LAYERS + 1, 1, 0},                 /* input that is itself */
        {LAYERS + 49, 1, 1},                /* the same in the second layer */
        {LAYERS + 2, 1, 0},                 /* kernel of nothing */
        {LAYERS + 4, 1, 0},                 /* stride of nothing */
        {LAYERS + 6, 1, 2},                 /* padding that TensorFlow would not give */
        {LAYERS + 12, 2, 4},                /* channels that a photo does not have */
        {LAYERS + 14, 2, OUT_HEIGHT + 1},   /* output larger than the input gives */
        {LAYERS + 20, 1, 0},                /* zero point that a photo does not have */
        {LAYERS + 22, 1, 101},              /* activation range upside down */
        {LAYERS + 24, 4, SIZE - 4},         /* weights that reach outside */
        {LAYERS + 40, 4, OUTPUTS * 27},     /* wrong number of weights */
        {LAYERS + 44, 4, 1},                /* reserved */
        {LAYERS + 48 + 20, 1, 0},           /* zero point that the layer before does not give */
        {LAYERS + 48 + 24, 4, WEIGHTS},     /* pooling with weights */
        {WEIGHTS + 2 * LENGTH - 2, 1, 1},   /* gap that is not zero */
        {WEIGHTS + 2 * LENGTH - 1, 1, 1},
        {BIAS, 4, 0x7FFFFFFFu},             /* sums that overflow */
        {MULTIPLIER, 4, 0x80000000u},       /* negative factor */
        {MULTIPLIER, 4, 0x3FFFFFFFu},       /* factor that is not normalised */
        {MULTIPLIER, 4, 1},
        {SHIFT, 4, 31}, /* shifts that are not defined */
        {SHIFT, 4, (uint32_t)-31},
        {SHIFT, 4, 30},                 /* shift that overflows the sums */
        {CODEC + 2, 1, 3},              /* order */
        {CODEC + 2, 1, 2},              /* by saliency, without a map */
        {CODEC + 3, 1, 3},              /* contexts announced and not there */
        {CODEC + 4, 2, 1},              /* levels */
        {CODEC + 4, 2, 257},            /* and more than a byte holds */
        {CODEC + 4, 2, 65535},          /* and more than the tables' section could hold */
        {CODEC + 6, 2, OUT_HEIGHT + 1}, /* geometry that is not the latent's */
        {CODEC + 10, 1, 0},             /* a latent of no channels */
        {CODEC + 11, 1, 1},             /* reserved */
        {CODEC + 12, 2, 3},             /* stride that is not coprime */
        {CODEC + 16, 4, 0},             /* tables inside the header */
        {CODEC + 24, 4, SIZE - 8},      /* tables that reach outside */
        {CODEC + 28, 4, MINIMUM},       /* contexts that no flag announces */
        {CODEC + 32, 4, MINIMUM},       /* a curve that the order does not use */
        {CODEC + 36, 1, 1},             /* a map that the order does not use */
        {CODEC + 40, 2, 1},             /* a gain that the order does not use */
        {CODEC + 60, 4, 1},             /* reserved */
        {STEP, 2, 0},                   /* step of nothing */
        {CUMULATIVE + 10, 2, 32768},    /* frequency of nothing */
        {CUMULATIVE + 8, 2, 1},         /* a table that does not start at 0 */
        {CUMULATIVE, 2, 5},             /* values that reach outside */
        {CUMULATIVE, 2, 65535},
        {CUMULATIVE + 3, 1, 2},         /* symbols that there are not */
        {CUMULATIVE + 2, 1, 2},         /* the first behind the last */
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        CHECK_EQUAL(GLIMPSE_ERROR_MODEL_FORMAT, load_with(changes[i].at, changes[i].bytes, changes[i].value));
    }
}

static uint8_t photo_byte(int32_t y, int32_t x, int32_t channel)
{
    return (uint8_t)(y * 91 + x * 57 + channel * 133 + 20);
}

/* The convolution by its definition; the sum divided by 256, half away from zero, as both factors round. What it reads
   starts at `top` and `left` of the photo and ends after HEIGHT and WIDTH pixels. */
static int32_t expected_in(int32_t top, int32_t left, int32_t out_y, int32_t out_x, uint32_t output)
{
    int32_t sum = 500 * (int32_t)output;
    for (int32_t y = 0; y < 3; y++) {
        for (int32_t x = 0; x < 3; x++) {
            const int32_t row = out_y * 2 - 1 + y;
            const int32_t column = out_x * 2 + x;
            for (int32_t channel = 0; channel < 3 && row >= 0 && row < HEIGHT && column < WIDTH; channel++) {
                sum += photo_byte(top + row, left + column, channel) *
                       weight(output, (uint32_t)y, (uint32_t)x, (uint32_t)channel);
            }
        }
    }
    const int32_t half = (sum + 1) >> 1;
    const int32_t magnitude = half < 0 ? -half : half;
    const int32_t value = (magnitude + 64) / 128 * (half < 0 ? -1 : 1) - 5;
    return value < -100 ? -100 : value > 100 ? 100 : value;
}

static int32_t expected(int32_t out_y, int32_t out_x, uint32_t output)
{
    return expected_in(0, 0, out_y, out_x, output);
}

static int run_photo(void)
{
    int status = glimpse_frame_begin(&encoder);
    for (int32_t y = 0; y < HEIGHT; y++) {
        uint8_t row[WIDTH * 3];
        for (int32_t i = 0; i < WIDTH * 3; i++) {
            row[i] = photo_byte(y, i / 3, i % 3);
        }
        status |= glimpse_frame_row(&encoder, row);
    }
    return status | glimpse_frame_end(&encoder);
}

static void start(void)
{
    make_blob();
    CHECK_EQUAL(GLIMPSE_OK, load());
    CHECK_EQUAL(GLIMPSE_OK, glimpse_encoder_init(&encoder, &model, buffer, sizeof buffer, latent, sizeof latent, side,
                                                 sizeof side));
}

static void a_frame_gives_what_the_definition_gives(void)
{
    start();
    for (int twice = 0; twice < 2; twice++) { /* nothing may be left over from the frame before */
        memset(latent, 99, sizeof latent);
        CHECK_EQUAL(GLIMPSE_OK, run_photo());
        for (int32_t i = 0; i < (int32_t)sizeof latent; i++) {
            CHECK_EQUAL(expected(i / 4, i / 2 % 2, (uint32_t)i % 2), latent[i]);
        }
        for (int32_t i = 0; i < (int32_t)sizeof side; i++) {
            const int8_t *const at = latent + i / 2 * 4 + i % 2;
            int8_t most = at[0];
            for (int32_t j = 2; j <= 6; j += 2) {
                most = at[j] > most ? at[j] : most;
            }
            CHECK_EQUAL(most, side[i]);
        }
    }
}

static int8_t most_of(int8_t a, int8_t b)
{
    return a > b ? a : b;
}

/* A photo of 2 x 2 patches: every patch ends in padding of its own, and its outputs lie where it lay. */
static void patches_are_put_in_their_places(void)
{
    make_blob();
    put(32, 2, PATCHES * HEIGHT);
    put(34, 2, PATCHES * WIDTH);
    put(39, 1, PATCHES);
    seal();
    CHECK_EQUAL(GLIMPSE_ERROR_MODEL_FORMAT, load()); /* the codec is that of one patch */
    put(CODEC + 6, 2, PATCHES * OUT_HEIGHT);
    put(CODEC + 8, 2, PATCHES * OUT_WIDTH);
    seal();
    CHECK_EQUAL(GLIMPSE_OK, load());
    CHECK_EQUAL((int)sizeof patched_latent, (int)glimpse_encoder_latent_size(&model));
    CHECK_EQUAL((int)sizeof patched_side, (int)glimpse_encoder_side_size(&model));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_encoder_init(&encoder, &model, buffer, sizeof buffer, patched_latent,
                                                 sizeof patched_latent, patched_side, sizeof patched_side));
    for (int twice = 0; twice < 2; twice++) {
        memset(patched_latent, 99, sizeof patched_latent);
        CHECK_EQUAL(GLIMPSE_OK, glimpse_frame_begin(&encoder));
        for (int32_t y = 0; y < PATCHES * HEIGHT; y++) {
            uint8_t row[PATCHES * WIDTH * 3];
            for (int32_t i = 0; i < PATCHES * WIDTH * 3; i++) {
                row[i] = photo_byte(y, i / 3, i % 3);
            }
            CHECK_EQUAL(GLIMPSE_OK, glimpse_frame_row(&encoder, row));
        }
        CHECK_EQUAL(GLIMPSE_OK, glimpse_frame_end(&encoder));
        for (int32_t i = 0; i < (int32_t)sizeof patched_latent; i++) {
            const int32_t y = i / OUTPUTS / (PATCHES * OUT_WIDTH);
            const int32_t x = i / OUTPUTS % (PATCHES * OUT_WIDTH);
            CHECK_EQUAL(expected_in(y / OUT_HEIGHT * HEIGHT, x / OUT_WIDTH * WIDTH, y % OUT_HEIGHT, x % OUT_WIDTH,
                                    (uint32_t)(i % OUTPUTS)),
                        patched_latent[i]);
        }
        enum { PITCH_OF_ROW = PATCHES * OUT_WIDTH * OUTPUTS };
        for (int32_t i = 0; i < (int32_t)sizeof patched_side; i++) {
            const int32_t y = i / OUTPUTS / PATCHES; /* a patch has one column of them */
            const int32_t top = y / SIDE_HEIGHT * OUT_HEIGHT + y % SIDE_HEIGHT;
            const int8_t *const at =
                patched_latent + top * PITCH_OF_ROW + i / OUTPUTS % PATCHES * OUT_WIDTH * OUTPUTS + i % OUTPUTS;
            CHECK_EQUAL(most_of(most_of(at[0], at[OUTPUTS]), most_of(at[PITCH_OF_ROW], at[PITCH_OF_ROW + OUTPUTS])),
                        patched_side[i]);
        }
    }
}

static void rows_out_of_turn_are_refused(void)
{
    static const uint8_t row[WIDTH * 3];
    start();
    CHECK_EQUAL(GLIMPSE_ERROR_STATE, glimpse_frame_row(&encoder, row));
    CHECK_EQUAL(GLIMPSE_ERROR_STATE, glimpse_frame_end(&encoder));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_frame_begin(&encoder));
    for (int y = 0; y < HEIGHT; y++) {
        CHECK_EQUAL(GLIMPSE_ERROR_STATE, glimpse_frame_end(&encoder));
        CHECK_EQUAL(GLIMPSE_OK, glimpse_frame_row(&encoder, row));
    }
    CHECK_EQUAL(GLIMPSE_ERROR_STATE, glimpse_frame_row(&encoder, row));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_frame_begin(&encoder));
    CHECK_EQUAL(GLIMPSE_OK, run_photo());
}

static void small_buffers_are_refused(void)
{
    start();
    const size_t needed = glimpse_encoder_buffer_size(&model);
    CHECK_EQUAL(GLIMPSE_ERROR_BUFFER,
                glimpse_encoder_init(&encoder, &model, buffer, needed - 1, latent, sizeof latent, side, sizeof side));
    CHECK_EQUAL(GLIMPSE_ERROR_BUFFER,
                glimpse_encoder_init(&encoder, &model, buffer, needed, latent, sizeof latent - 1, side, sizeof side));
    CHECK_EQUAL(GLIMPSE_ERROR_BUFFER,
                glimpse_encoder_init(&encoder, &model, buffer, needed, latent, sizeof latent, side, sizeof side - 1));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT,
                glimpse_encoder_init(&encoder, &model, buffer + 4, needed, latent, sizeof latent, side, sizeof side));
    CHECK_EQUAL(GLIMPSE_ERROR_ARGUMENT,
                glimpse_encoder_init(&encoder, &model, buffer, needed, latent, sizeof latent, NULL, 0));
}

int main(void)
{
    check_begin();
    CHECK_RUN(a_sound_blob_is_loaded);
    CHECK_RUN(damage_is_told_apart);
    CHECK_RUN(impossible_contents_are_refused);
    CHECK_RUN(a_frame_gives_what_the_definition_gives);
    CHECK_RUN(patches_are_put_in_their_places);
    CHECK_RUN(rows_out_of_turn_are_refused);
    CHECK_RUN(small_buffers_are_refused);
    return check_end();
}
