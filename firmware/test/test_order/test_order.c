/* SPDX-License-Identifier: Apache-2.0 */
/* What a codec may be, its quantiser, the order in which its symbols leave, and what saliency makes of it. */
#include <string.h>

#include "core/codec.h"
#include "core/order.h"
#include "core/saliency.h"
#include "core/status.h"
#include "core/symbols.h"
#include "test/check.h"

static int32_t minimum[3] = {-3072, -1536, 100};
static uint16_t step[3] = {1024, 511, 1};
static uint16_t cumulative[4][5] = {
    {0, 1, 2, 3, 32768}, {0, 8192, 16384, 24576, 32768}, {0, 32765, 32766, 32767, 32768}, {0, 100, 200, 300, 32768}};
static glimpse_context contexts[3] = {
    {.first_table = 0, .typical = 5, .centre = 3, .classes = 2, .taps = 1, .tap = {{2, -1, 1, 64, 64}}},
    {.first_table = 2, .classes = 1},
    {.first_table = 3, .centre = 1, .classes = 1, .value_limit = {-5, -5, 0, 1, 1, 1, 9}},
};
static uint8_t curve[256];

/* 4 x 5 positions, 3 channels, 4 levels. */
static glimpse_codec sound_codec(uint8_t order)
{
    glimpse_codec codec = {
        .model = 31,
        .revision = 255,
        .height = 4,
        .width = 5,
        .channels = 3,
        .levels = 4,
        .order = order,
        .stride = 7,
        .offset = 19,
        .minimum = minimum,
        .step = step,
        .cumulative = cumulative[0],
    };
    if (order == GLIMPSE_ORDER_SALIENCY) {
        codec.stride = 0;
        codec.offset = 0;
        codec.saliency = (glimpse_saliency){
            .rows = 3, .columns = 2, .bits = 5, .block = 2, .gain = 100, .tolerance = 256, .curve = curve};
    }
    return codec;
}

static glimpse_codec sound_codec_with_contexts(void)
{
    glimpse_codec codec = sound_codec(GLIMPSE_ORDER_CHANNEL);
    codec.contexts = contexts;
    return codec;
}

static void sound_codecs_pass(void)
{
    glimpse_codec codec = sound_codec(GLIMPSE_ORDER_CHANNEL);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    codec.order = GLIMPSE_ORDER_INTERLEAVED;
    codec.offset = 59;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    codec.cumulative = NULL;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    codec = sound_codec_with_contexts();
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    CHECK_EQUAL(4, glimpse_codec_tables(&codec));
    codec = sound_codec(GLIMPSE_ORDER_SALIENCY);
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    codec = (glimpse_codec){.height = 128,
                            .width = 128,
                            .channels = 1,
                            .levels = 256,
                            .stride = 16383,
                            .offset = 16383,
                            .minimum = minimum,
                            .step = step};
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    codec = (glimpse_codec){
        .height = 1, .width = 1, .channels = 1, .levels = 2, .stride = 1, .minimum = minimum, .step = step};
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
}

#define REFUSES_OF(sound, change)                                                                                      \
    do {                                                                                                               \
        glimpse_codec codec = sound;                                                                                   \
        change;                                                                                                        \
        CHECK_EQUAL(GLIMPSE_ERROR_MODEL_FORMAT, glimpse_codec_check(&codec));                                          \
    } while (0)
#define REFUSES(change) REFUSES_OF(sound_codec(GLIMPSE_ORDER_CHANNEL), change)
#define REFUSES_SALIENCY(change) REFUSES_OF(sound_codec(GLIMPSE_ORDER_SALIENCY), change)

static void impossible_codecs_are_refused(void)
{
    REFUSES(codec.model = 32);
    REFUSES(codec.height = 0);
    REFUSES(codec.width = 0);
    REFUSES(codec.channels = 0);
    REFUSES(codec.channels = 65);
    REFUSES(codec.levels = 0);
    REFUSES(codec.levels = 1);
    REFUSES(codec.levels = 257);
    REFUSES(codec.order = 3);
    REFUSES(codec.stride = 0);
    REFUSES(codec.stride = 5);  /* not coprime to 20 */
    REFUSES(codec.stride = 21); /* coprime, but longer than the permutation */
    REFUSES(codec.offset = 20);
    REFUSES(codec.minimum = NULL);
    REFUSES(codec.step = NULL);
    REFUSES(codec.saliency.rows = 1);
    REFUSES(codec.saliency.columns = 1);
    REFUSES(codec.saliency.bits = 1);
    REFUSES(codec.saliency.block = 1);
    REFUSES(codec.saliency.gain = 1);
    REFUSES(codec.saliency.tolerance = 1);
    REFUSES(codec.saliency.curve = curve);
    REFUSES((codec.height = 1821, codec.stride = 1));                          /* 27315 symbols */
    REFUSES((codec.height = 65535, codec.width = 65535, codec.channels = 64)); /* more than 32 bits count */
}

#define REFUSES_TABLE(place, value)                                                                                    \
    do {                                                                                                               \
        const glimpse_codec codec = sound_codec_with_contexts();                                                       \
        const int32_t before = (int32_t)(place);                                                                       \
        place = value;                                                                                                 \
        CHECK_EQUAL(GLIMPSE_ERROR_MODEL_FORMAT, glimpse_codec_check(&codec));                                          \
        place = (__typeof__(place))before;                                                                             \
        CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));                                                          \
    } while (0)

static void impossible_tables_are_refused(void)
{
    REFUSES_TABLE(step[2], 0);
    REFUSES_TABLE(minimum[1], GLIMPSE_MAX_MINIMUM + 1);
    REFUSES_TABLE(minimum[1], -GLIMPSE_MAX_MINIMUM - 1);
    REFUSES_TABLE(cumulative[2][0], 1);
    REFUSES_TABLE(cumulative[2][4], 32767);
    REFUSES_TABLE(cumulative[3][0], 1);    /* of the last class */
    REFUSES_TABLE(cumulative[1][2], 8192); /* a symbol that can never come */
    REFUSES_TABLE(cumulative[1][1], 65535);
}

static void impossible_contexts_are_refused(void)
{
    glimpse_codec codec = sound_codec_with_contexts();
    codec.cumulative = NULL;
    CHECK_EQUAL(GLIMPSE_ERROR_MODEL_FORMAT, glimpse_codec_check(&codec));
    REFUSES_TABLE(contexts[0].first_table, 1);
    REFUSES_TABLE(contexts[2].first_table, 2);
    REFUSES_TABLE(contexts[1].classes, 0);
    REFUSES_TABLE(contexts[2].classes, 17);
    REFUSES_TABLE(contexts[0].centre, 4);
    REFUSES_TABLE(contexts[0].taps, 17);
    REFUSES_TABLE(contexts[0].taps, 0); /* then what lies behind them is not zero */
    REFUSES_TABLE(contexts[0].reserved, 1);
    REFUSES_TABLE(contexts[0].tap[0].channel, 3);
    REFUSES_TABLE(contexts[1].tap[15].dx, 1);
    REFUSES_TABLE(contexts[2].value_limit[0], -4); /* falling */
    REFUSES_TABLE(contexts[1].activity_limit[5], 1);
    REFUSES_TABLE(contexts[0].class_of[63], 2);
    REFUSES_TABLE(contexts[1].class_of[0], 1);
}

static void impossible_maps_are_refused(void)
{
    REFUSES_SALIENCY(codec.stride = 1);
    REFUSES_SALIENCY(codec.offset = 1);
    REFUSES_SALIENCY(codec.saliency.rows = 0);
    REFUSES_SALIENCY(codec.saliency.rows = 5);
    REFUSES_SALIENCY(codec.saliency.columns = 0);
    REFUSES_SALIENCY(codec.saliency.columns = 6);
    REFUSES_SALIENCY(codec.saliency.bits = 0);
    REFUSES_SALIENCY(codec.saliency.bits = 9);
    REFUSES_SALIENCY(codec.saliency.block = 0);
    REFUSES_SALIENCY(codec.saliency.block = 4);
    REFUSES_SALIENCY(codec.saliency.curve = NULL);
    REFUSES_SALIENCY((codec.height = codec.width = 16, codec.saliency.rows = codec.saliency.columns = 12));
}

static void raw_bits_are_the_fewest_that_do(void)
{
    glimpse_codec codec = {.levels = 2};
    for (uint32_t levels = 2; levels <= 256; levels++) {
        codec.levels = (uint16_t)levels;
        const uint32_t bits = glimpse_codec_bits(&codec);
        CHECK(levels <= 1u << bits && levels > 1u << (bits - 1));
    }
}

static void quantiser_clamps_to_any_number_of_levels(void)
{
    static const int8_t latent[3] = {127, 127, 127};
    glimpse_codec codec = sound_codec(GLIMPSE_ORDER_CHANNEL);
    uint8_t symbols[3];
    codec.height = codec.width = 1;
    codec.levels = 3;
    glimpse_symbols_quantise(&codec, latent, symbols);
    CHECK(symbols[0] == 2 && symbols[1] == 2 && symbols[2] == 2);
}

static void quantiser_rounds_and_clamps(void)
{
    /* In 1/256: channel 0 from -3072 in cells of 1024, channel 1 from -1536 of 511, channel 2 from 100 of 1. */
    static const int8_t latent[12] = {-128, -128, -128, 127, 127, 127, -9, -7, 0, -10, -8, 1};
    static const uint8_t expected[12] = {0, 0, 0, 3, 3, 3, 1, 0, 0, 1, 0, 3};
    glimpse_codec codec = sound_codec(GLIMPSE_ORDER_CHANNEL);
    uint8_t symbols[12];
    codec.height = 1;
    codec.width = 4;
    glimpse_symbols_quantise(&codec, latent, symbols);
    CHECK_BYTES(expected, symbols, sizeof expected);
    memcpy(symbols, latent, sizeof symbols);
    glimpse_symbols_quantise(&codec, (const int8_t *)symbols, symbols); /* the same memory */
    CHECK_BYTES(expected, symbols, sizeof expected);
}

static void values_are_the_middle_of_their_cells(void)
{
    const glimpse_codec codec = sound_codec(GLIMPSE_ORDER_CHANNEL);
    CHECK_EQUAL(-3072, glimpse_symbols_value(&codec, 0, 0));
    CHECK_EQUAL(0, glimpse_symbols_value(&codec, 0, 3));
    CHECK_EQUAL(-1536 + 2 * 511, glimpse_symbols_value(&codec, 1, 2));
    CHECK_EQUAL(103, glimpse_symbols_value(&codec, 2, 3));
}

/* By its definition: which symbols of which block and cell come before. */
static uint32_t formula_by_saliency(const glimpse_codec *codec, uint32_t rank)
{
    const glimpse_saliency *s = &codec->saliency;
    for (uint32_t block = 0; block < codec->channels; block += s->block) {
        for (uint32_t cell = 0; cell < (uint32_t)s->rows * s->columns; cell++) {
            const uint32_t row = cell / s->columns;
            const uint32_t column = row % 2 ? s->columns - 1 - cell % s->columns : cell % s->columns;
            for (uint32_t c = block; c < block + s->block && c < codec->channels; c++) {
                for (uint32_t p = 0; p < glimpse_codec_positions(codec); p++) {
                    const uint32_t y = p / codec->width;
                    const uint32_t x = p % codec->width;
                    if (y * s->rows / codec->height == row && x * s->columns / codec->width == column && rank-- == 0) {
                        return p * codec->channels + c;
                    }
                }
            }
        }
    }
    return UINT32_MAX;
}

static uint32_t formula(const glimpse_codec *codec, uint32_t rank)
{
    const uint32_t positions = glimpse_codec_positions(codec);
    if (codec->order == GLIMPSE_ORDER_SALIENCY) {
        return formula_by_saliency(codec, rank);
    }
    if (codec->order == GLIMPSE_ORDER_INTERLEAVED) {
        return (rank * codec->stride + codec->offset) % (positions * codec->channels);
    }
    const uint32_t channel = rank / positions;
    return (rank % positions * codec->stride + channel * codec->offset) % positions * codec->channels + channel;
}

static void walks(uint8_t kind)
{
    const glimpse_codec codec = sound_codec(kind);
    uint8_t seen[60] = {0};
    for (uint32_t start = 0; start <= 60; start++) {
        glimpse_order order;
        glimpse_order_seek(&order, &codec, start);
        for (uint32_t rank = start; rank < 60; rank++) {
            CHECK_EQUAL(rank, order.rank);
            const uint32_t at = glimpse_order_next(&order);
            CHECK_EQUAL(formula(&codec, rank), at);
            seen[at % 60]++;
        }
        CHECK_EQUAL(60, order.rank);
    }
    for (uint32_t at = 0; at < 60; at++) {
        CHECK(seen[at] > 0);
    }
}

static void interleaved_order_visits_every_symbol(void)
{
    walks(GLIMPSE_ORDER_INTERLEAVED);
}

static void channel_order_visits_every_symbol(void)
{
    walks(GLIMPSE_ORDER_CHANNEL);
}

static void saliency_order_visits_every_symbol(void)
{
    walks(GLIMPSE_ORDER_SALIENCY);
}

static void segments_follow_one_another(void)
{
    const glimpse_codec codec = sound_codec(GLIMPSE_ORDER_SALIENCY);
    uint32_t first = 0;
    CHECK_EQUAL(12, glimpse_segment_total(&codec));
    for (uint32_t number = 0; number < 12; number++) {
        const glimpse_segment segment = glimpse_segment_numbered(&codec, number);
        CHECK_EQUAL(first, segment.first);
        for (uint32_t rank = first; rank < first + segment.count; rank++) {
            const glimpse_segment found = glimpse_segment_of(&codec, rank);
            CHECK(found.number == number && found.first == first && found.count == segment.count);
        }
        first += segment.count;
    }
    CHECK_EQUAL(60, first);
}

/* Rows of cells hold 2, 1 and 1 rows of the latent, columns of cells 3 and 2 columns: side outputs as they lie there.
   */
static const int8_t side[20] = {-128, -128, -128, 127, 127,                    /* the first row of cells */
                                -128, -128, -127, 127, 127, 0, 1, 1, -64, -64, /* the second */
                                100,  100,  100,  -28, -27};

static void map_is_the_rounded_mean_of_each_cell(void)
{
    const glimpse_codec codec = sound_codec(GLIMPSE_ORDER_SALIENCY);
    uint8_t map[6];
    for (uint32_t i = 0; i < 256; i++) {
        curve[i] = (uint8_t)i;
    }
    glimpse_saliency_map(&codec, side, map);
    /* means 0 (1/6), 255, 129 (385/3), 64, 228, 101 (201/2, a half goes up), each times 31/255 rounded */
    static const uint8_t expected[6] = {0, 31, 16, 8, 28, 12};
    CHECK_BYTES(expected, map, 6);
}

static void expect_run(const glimpse_picker *picker, uint32_t first, uint32_t count)
{
    const glimpse_run run = glimpse_picker_next(picker);
    CHECK_EQUAL(first, run.first);
    CHECK_EQUAL(count, run.count);
}

static void runs_start_at_the_best_segment_and_end_at_a_sent_one(void)
{
    /* Segments by number: cell level 0, 31, then back 8, 16, then 28, 12; 12 8 4 6 6 4 symbols in the first block of
       two channels, half of that in the second. First ranks 0 12 20 24 30 36, 40 46 50 52 55 58. */
    glimpse_codec codec = sound_codec(GLIMPSE_ORDER_SALIENCY);
    glimpse_picker picker;
    codec.saliency.tolerance = 0;
    codec.saliency.gain = 0;
    for (uint32_t i = 0; i < 256; i++) {
        curve[i] = (uint8_t)i;
    }
    glimpse_picker_begin(&picker, &codec, side);
    expect_run(&picker, 12, 48);
    glimpse_picker_sent(&picker, 12, 5);
    expect_run(&picker, 17, 43); /* goes on in a segment that is partly sent */
    glimpse_picker_sent(&picker, 17, 3);
    expect_run(&picker, 46, 14); /* the other block's cell, as there is no gain */
    glimpse_picker_sent(&picker, 46, 4);
    expect_run(&picker, 30, 16);
    glimpse_picker_sent(&picker, 30, 1);
    expect_run(&picker, 31, 15);
    glimpse_picker_sent(&picker, 31, 15); /* over two blocks */
    expect_run(&picker, 55, 5);
    glimpse_picker_sent(&picker, 55, 5);
    expect_run(&picker, 24, 6); /* up to the one at rank 30 */
    codec.saliency.tolerance = 7 * 256;
    expect_run(&picker, 24, 6); /* the one before is worth too little */
    codec.saliency.tolerance = 8 * 256;
    expect_run(&picker, 20, 10); /* now it is not, and the one before that has been sent */
}

static void gain_brings_earlier_channels_first(void)
{
    glimpse_codec codec = sound_codec(GLIMPSE_ORDER_SALIENCY);
    glimpse_picker picker;
    codec.saliency.tolerance = 0;
    codec.saliency.gain = 65535;
    glimpse_picker_begin(&picker, &codec, side);
    expect_run(&picker, 12, 48);
    glimpse_picker_sent(&picker, 12, 28);
    expect_run(&picker, 0, 12);
}

int main(void)
{
    check_begin();
    CHECK_RUN(sound_codecs_pass);
    CHECK_RUN(impossible_codecs_are_refused);
    CHECK_RUN(impossible_tables_are_refused);
    CHECK_RUN(impossible_contexts_are_refused);
    CHECK_RUN(impossible_maps_are_refused);
    CHECK_RUN(raw_bits_are_the_fewest_that_do);
    CHECK_RUN(quantiser_rounds_and_clamps);
    CHECK_RUN(quantiser_clamps_to_any_number_of_levels);
    CHECK_RUN(values_are_the_middle_of_their_cells);
    CHECK_RUN(interleaved_order_visits_every_symbol);
    CHECK_RUN(channel_order_visits_every_symbol);
    CHECK_RUN(saliency_order_visits_every_symbol);
    CHECK_RUN(segments_follow_one_another);
    CHECK_RUN(map_is_the_rounded_mean_of_each_cell);
    CHECK_RUN(runs_start_at_the_best_segment_and_end_at_a_sent_one);
    CHECK_RUN(gain_brings_earlier_channels_first);
    return check_end();
}
