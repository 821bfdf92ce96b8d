/* SPDX-License-Identifier: Apache-2.0 */
/* What a codec may be, its quantiser, and the order in which its symbols leave. */
#include <string.h>

#include "core/codec.h"
#include "core/order.h"
#include "core/status.h"
#include "core/symbols.h"
#include "test/check.h"

static int32_t minimum[3] = {-3072, -1536, 100};
static uint16_t step[3] = {1024, 511, 1};
static uint16_t cumulative[3][5] = {{0, 1, 2, 3, 4096}, {0, 1024, 2048, 3072, 4096}, {0, 4093, 4094, 4095, 4096}};

/* 4 x 5 positions, 3 channels, 2 bits. */
static glimpse_codec sound_codec(uint8_t order)
{
    return (glimpse_codec){
        .model = 31,
        .revision = 255,
        .height = 4,
        .width = 5,
        .channels = 3,
        .bits = 2,
        .order = order,
        .stride = 7,
        .offset = 19,
        .minimum = minimum,
        .step = step,
        .cumulative = cumulative[0],
    };
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
    codec = (glimpse_codec){.height = 128,
                            .width = 128,
                            .channels = 1,
                            .bits = 8,
                            .stride = 16383,
                            .offset = 16383,
                            .minimum = minimum,
                            .step = step};
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
    codec = (glimpse_codec){
        .height = 1, .width = 1, .channels = 1, .bits = 1, .stride = 1, .minimum = minimum, .step = step};
    CHECK_EQUAL(GLIMPSE_OK, glimpse_codec_check(&codec));
}

#define REFUSES(change)                                                                                                \
    do {                                                                                                               \
        glimpse_codec codec = sound_codec(GLIMPSE_ORDER_CHANNEL);                                                      \
        change;                                                                                                        \
        CHECK_EQUAL(GLIMPSE_ERROR_MODEL_FORMAT, glimpse_codec_check(&codec));                                          \
    } while (0)

static void impossible_codecs_are_refused(void)
{
    REFUSES(codec.model = 32);
    REFUSES(codec.height = 0);
    REFUSES(codec.width = 0);
    REFUSES(codec.channels = 0);
    REFUSES(codec.channels = 65);
    REFUSES(codec.bits = 0);
    REFUSES(codec.bits = 9);
    REFUSES(codec.order = 2);
    REFUSES(codec.stride = 0);
    REFUSES(codec.stride = 5);  /* not coprime to 20 */
    REFUSES(codec.stride = 21); /* coprime, but longer than the permutation */
    REFUSES(codec.offset = 20);
    REFUSES(codec.minimum = NULL);
    REFUSES(codec.step = NULL);
    REFUSES((codec.height = 1821, codec.stride = 1));                          /* 27315 symbols */
    REFUSES((codec.height = 65535, codec.width = 65535, codec.channels = 64)); /* more than 32 bits count */
}

#define REFUSES_TABLE(place, value)                                                                                    \
    do {                                                                                                               \
        const glimpse_codec codec = sound_codec(GLIMPSE_ORDER_CHANNEL);                                                \
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
    REFUSES_TABLE(cumulative[2][4], 4095);
    REFUSES_TABLE(cumulative[1][2], 1024); /* a symbol that can never come */
    REFUSES_TABLE(cumulative[1][1], 65535);
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

static uint32_t formula(const glimpse_codec *codec, uint32_t rank)
{
    const uint32_t positions = glimpse_codec_positions(codec);
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

int main(void)
{
    check_begin();
    CHECK_RUN(sound_codecs_pass);
    CHECK_RUN(impossible_codecs_are_refused);
    CHECK_RUN(impossible_tables_are_refused);
    CHECK_RUN(quantiser_rounds_and_clamps);
    CHECK_RUN(values_are_the_middle_of_their_cells);
    CHECK_RUN(interleaved_order_visits_every_symbol);
    CHECK_RUN(channel_order_visits_every_symbol);
    return check_end();
}
