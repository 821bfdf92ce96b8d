/* SPDX-License-Identifier: Apache-2.0 */
/* Differences: the worked example of docs/wire-format.md, whole frames there and back, what is refused, and a sender
   and a receiver that lose each other's messages. */
#include <string.h>

#include "core/difference.h"
#include "core/reference.h"
#include "core/status.h"
#include "test/check.h"
#include "test/example_codec.h"
#include "test/random.h"

enum { SIDE = 28, CHANNELS = 12, PHOTO_SYMBOLS = SIDE * SIDE * CHANNELS };

static const int32_t minimum[CHANNELS];
static const uint16_t step[CHANNELS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
/* As large as a real one, without tables: a table that makes symbols dear is below. */
static const glimpse_codec photo = {
    .model = 1,
    .height = SIDE,
    .width = SIDE,
    .channels = CHANNELS,
    .levels = 32,
    .order = GLIMPSE_ORDER_CHANNEL,
    .stride = 57,
    .offset = 301,
    .minimum = minimum,
    .step = step,
};
static const uint8_t before[EXAMPLE_SYMBOLS] = {3, 3, 3, 3, 3, 4, 4, 4, 3, 3, 2, 3, 3, 4, 3, 5, 3, 2, 3, 3, 3, 7, 3, 3};
static const uint8_t packets[2][11] = {
    {0x4B, 0x08, 0x00, 0xA7, 0x81, 0x3A, 0x31, 0x27, 0xAA, 0xC1, 0x24},
    {0x4B, 0x08, 0x01, 0xC7, 0x81, 0x3A, 0x0E, 0x25, 0x6D},
};
static const size_t lengths[2] = {11, 9};

static uint8_t old[PHOTO_SYMBOLS];
static uint8_t symbols[PHOTO_SYMBOLS];
static uint8_t decoded[PHOTO_SYMBOLS];
static uint8_t received[PHOTO_SYMBOLS];
static uint8_t known[GLIMPSE_MAX_SYMBOLS / 8];
static uint8_t packet[GLIMPSE_MAX_PAYLOAD];
static glimpse_difference_packer packer;
static glimpse_difference_workspace work;
static glimpse_packer image;
static glimpse_keeper keeper;
static uint8_t held[PHOTO_SYMBOLS / 8 + 1];
static uint8_t acknowledged[PHOTO_SYMBOLS / 8 + 1];
static const glimpse_keeper_work choosing = {&image, &packer, acknowledged};

static glimpse_reference reference_of(const glimpse_codec *codec, const uint8_t *held, uint8_t frame)
{
    return (glimpse_reference){held, known, frame, glimpse_reference_check(codec, held, known)};
}

/* All known but the last position. */
static glimpse_reference example_reference(void)
{
    memset(known, 0, sizeof known);
    known[0] = known[1] = 0xFF;
    known[2] = 0x3F;
    return reference_of(&example, before, 32);
}

static void the_example_is_as_documented(void)
{
    const glimpse_reference reference = example_reference();
    CHECK_EQUAL(314, reference.check);
    memcpy(symbols, before, EXAMPLE_SYMBOLS);
    symbols[2] = 4;
    symbols[8] = 7;
    symbols[9] = 2;
    symbols[11] = 4;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_difference_begin(&packer, &example, &reference, symbols, 33));
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQUAL(lengths[i], glimpse_difference_next(&packer, 11, packet));
        CHECK_BYTES(packets[i], packet, lengths[i]);
    }
    CHECK_EQUAL(0, glimpse_difference_next(&packer, 11, packet));
    memcpy(decoded, before, EXAMPLE_SYMBOLS);
    memset(received, 0, sizeof received);
    CHECK_EQUAL(8, glimpse_difference_unpack(&example, 33, &reference, packets[1], 9, &work, decoded, received));
    CHECK_EQUAL(4, glimpse_difference_unpack(&example, -1, &reference, packets[0], 11, &work, decoded, received));
    CHECK_BYTES(symbols, decoded, EXAMPLE_SYMBOLS);
    uint8_t frame = 0;
    uint16_t check = 0;
    CHECK_EQUAL(GLIMPSE_OK, glimpse_difference_needs(packets[0], 11, &frame, &check));
    CHECK(frame == 32 && check == 314);
}

static void another_reference_is_refused(void)
{
    glimpse_reference reference = example_reference();
    memset(received, 0, sizeof received);
    CHECK_EQUAL(GLIMPSE_ERROR_REFERENCE,
                glimpse_difference_unpack(&example, 33, NULL, packets[0], 11, &work, decoded, received));
    reference.frame = 31;
    CHECK_EQUAL(GLIMPSE_ERROR_REFERENCE,
                glimpse_difference_unpack(&example, 33, &reference, packets[0], 11, &work, decoded, received));
    known[2] = 0xFF; /* the same symbols, but two more are known */
    reference = reference_of(&example, before, 32);
    CHECK_EQUAL(GLIMPSE_ERROR_REFERENCE,
                glimpse_difference_unpack(&example, 33, &reference, packets[0], 11, &work, decoded, received));
    reference = example_reference();
    CHECK_EQUAL(GLIMPSE_ERROR_FRAME,
                glimpse_difference_unpack(&example, 34, &reference, packets[0], 11, &work, decoded, received));
    for (uint32_t i = 0; i < EXAMPLE_SYMBOLS; i++) {
        CHECK_EQUAL(0, received[i]);
    }
}

static void every_cut_and_every_bit_is_refused_or_sound(void)
{
    const glimpse_reference reference = example_reference();
    for (uint32_t bit = 0; bit < 72; bit++) {
        memcpy(packet, packets[0], 9);
        packet[bit / 8] = (uint8_t)(packet[bit / 8] ^ (1u << bit % 8));
        for (size_t length = 4; length <= 9; length++) {
            uint8_t sealed[11];
            memcpy(sealed, packet, length);
            glimpse_packet_close(sealed, length - GLIMPSE_HEADER_BYTES);
            memset(received, 0, EXAMPLE_SYMBOLS);
            memset(decoded, 0xEE, EXAMPLE_SYMBOLS);
            const int count =
                glimpse_difference_unpack(&example, 33, &reference, sealed, length + 2, &work, decoded, received);
            int taken = 0;
            for (uint32_t i = 0; i < EXAMPLE_SYMBOLS; i++) {
                taken += received[i];
                CHECK(received[i] != 0 ? decoded[i] < 8 : decoded[i] == 0xEE);
            }
            CHECK_EQUAL(count > 0 ? count : 0, taken);
            CHECK(count != 0);
        }
    }
}

static void begin_photo(void)
{
    memset(known, 0xFF, sizeof known);
    for (uint32_t i = 0; i < PHOTO_SYMBOLS; i++) {
        old[i] = (uint8_t)random_below(32);
    }
    memcpy(symbols, old, sizeof symbols);
}

/* A thing of 4 x 4 positions comes into the picture. */
static void move_something(void)
{
    const uint32_t y = random_below(SIDE - 4);
    const uint32_t x = random_below(SIDE - 4);
    for (uint32_t i = 0; i < 16 * CHANNELS; i++) {
        const uint32_t position = (y + i / CHANNELS / 4) * SIDE + x + i / CHANNELS % 4;
        symbols[position * CHANNELS + i % CHANNELS] = (uint8_t)random_below(32);
    }
}

static void what_changed_comes_over_whatever_the_payload(void)
{
    static const size_t payloads[3] = {11, 51, 242};
    begin_photo();
    known[40] = 0; /* and some that the reference lacks */
    const glimpse_reference reference = reference_of(&photo, old, 3);
    move_something();
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t at = 0; at < PHOTO_SYMBOLS; at++) {
            decoded[at] =
                glimpse_reference_knows(&reference, at) ? old[at] : glimpse_reference_centre(&photo, at % CHANNELS);
        }
        CHECK_EQUAL(GLIMPSE_OK, glimpse_difference_begin(&packer, &photo, &reference, symbols, 4));
        int length = glimpse_difference_next(&packer, payloads[i], packet);
        for (; length > 0; length = glimpse_difference_next(&packer, payloads[i], packet)) {
            CHECK((size_t)length <= payloads[i]);
            CHECK(glimpse_difference_unpack(&photo, 4, &reference, packet, (size_t)length, &work, decoded, received) >
                  0);
        }
        CHECK_EQUAL(0, length);
        CHECK_BYTES(symbols, decoded, PHOTO_SYMBOLS);
    }
}

/* The dearest symbol that a table can hold, far from the reference's, is the first of a packet. */
static void the_dearest_first_symbol_fits_the_smallest_payload(void)
{
    static const uint16_t mean[2][9] = {{0, 32761, 32762, 32763, 32764, 32765, 32766, 32767, 32768},
                                        {0, 32761, 32762, 32763, 32764, 32765, 32766, 32767, 32768}};
    glimpse_codec codec = example;
    codec.cumulative = mean[0];
    for (uint32_t held = 0; held < 2; held++) {
        memset(known, held != 0 ? 0xFF : 0, sizeof known);
        memset(old, 0, EXAMPLE_SYMBOLS);
        const glimpse_reference reference = reference_of(&codec, old, 1);
        for (uint32_t i = 0; i < EXAMPLE_SYMBOLS; i++) {
            symbols[i] = (uint8_t)(7 - random_below(2));
        }
        CHECK_EQUAL(GLIMPSE_OK, glimpse_difference_begin(&packer, &codec, &reference, symbols, 2));
        memset(received, 0, EXAMPLE_SYMBOLS);
        for (uint32_t i = 0; i < EXAMPLE_SYMBOLS; i++) { /* packets of one symbol at worst */
            const int length = glimpse_difference_next(&packer, 11, packet);
            if (length == 0) {
                break;
            }
            CHECK(length > 8);
            CHECK(glimpse_difference_unpack(&codec, 2, &reference, packet, (size_t)length, &work, decoded, received) >
                  0);
        }
        CHECK_BYTES(symbols, decoded, EXAMPLE_SYMBOLS);
    }
}

static void noise_settles(void)
{
    int8_t latent[EXAMPLE_SYMBOLS];
    const glimpse_reference reference = example_reference();
    memcpy(latent, example_latent, sizeof latent);
    latent[0] = 3;
    glimpse_difference_settle(&example, &reference, latent, 0, symbols);
    CHECK_EQUAL(4, symbols[0]); /* (768 + 3072 + 512) / 1024: three quarters of a step from the 3 before */
    glimpse_difference_settle(&example, &reference, latent, GLIMPSE_HOLD_UNIT * 3 / 4, symbols);
    CHECK_EQUAL(3, symbols[0]);
    glimpse_difference_settle(&example, &reference, latent, GLIMPSE_HOLD_UNIT * 3 / 4 - 1, symbols);
    CHECK_EQUAL(4, symbols[0]);
}

static void only_what_was_acknowledged_is_the_reference(void)
{
    const glimpse_run runs[2] = {{0, 100}, {200, 300}};
    const glimpse_run too_far = {PHOTO_SYMBOLS - 1, 2};
    begin_photo();
    glimpse_keeper_begin(&keeper, &photo, decoded, held, 2, 0);
    glimpse_keeper_update(&keeper, symbols);
    CHECK_EQUAL(GLIMPSE_KIND_IMAGE, glimpse_keeper_choose(&keeper, 63, symbols, 51, &choosing));
    CHECK_EQUAL(GLIMPSE_ERROR_FRAME, glimpse_keeper_acknowledge(&keeper, 0, runs, 2));
    CHECK_EQUAL(GLIMPSE_ERROR_RANGE, glimpse_keeper_acknowledge(&keeper, 63, &too_far, 1));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_keeper_acknowledge(&keeper, 63, &(glimpse_run){7, 9}, 1));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_keeper_acknowledge(&keeper, 63, runs, 2)); /* takes the other's place */
    glimpse_keeper_update(&keeper, symbols);
    uint32_t count = 0;
    for (uint32_t at = 0; at < PHOTO_SYMBOLS; at++) {
        count += glimpse_reference_knows(&keeper.reference, at);
        CHECK(!glimpse_reference_knows(&keeper.reference, at) || decoded[at] == symbols[at]);
    }
    CHECK(keeper.valid && keeper.reference.frame == 63);
    CHECK_EQUAL(400, count);
    CHECK_EQUAL(GLIMPSE_ERROR_FRAME, glimpse_keeper_acknowledge(&keeper, 63, runs, 2)); /* too late */
}

static void silence_brings_images_back(void)
{
    const glimpse_run all = {0, PHOTO_SYMBOLS};
    begin_photo();
    glimpse_keeper_begin(&keeper, &photo, decoded, held, 1, 0);
    CHECK_EQUAL(GLIMPSE_KIND_IMAGE, glimpse_keeper_choose(&keeper, 0, symbols, 222, &choosing));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_keeper_acknowledge(&keeper, 0, &all, 1));
    static const int kinds[4] = {GLIMPSE_KIND_DIFFERENCE, GLIMPSE_KIND_DIFFERENCE, GLIMPSE_KIND_IMAGE,
                                 GLIMPSE_KIND_IMAGE};
    for (uint8_t frame = 1; frame <= 4; frame++) {
        glimpse_keeper_update(&keeper, symbols);
        move_something();
        CHECK_EQUAL(kinds[frame - 1], glimpse_keeper_choose(&keeper, frame, symbols, 222, &choosing));
    }
    CHECK_EQUAL(GLIMPSE_OK, glimpse_keeper_acknowledge(&keeper, 4, &all, 0)); /* nothing came: still silence */
    glimpse_keeper_update(&keeper, symbols);
    CHECK_EQUAL(GLIMPSE_KIND_IMAGE, glimpse_keeper_choose(&keeper, 5, symbols, 222, &choosing));
    CHECK_EQUAL(GLIMPSE_OK, glimpse_keeper_acknowledge(&keeper, 5, &all, 1));
    glimpse_keeper_update(&keeper, symbols);
    CHECK_EQUAL(GLIMPSE_KIND_DIFFERENCE, glimpse_keeper_choose(&keeper, 6, symbols, 222, &choosing));
    glimpse_keeper_forget(&keeper);
    CHECK_EQUAL(GLIMPSE_KIND_IMAGE, glimpse_keeper_choose(&keeper, 7, symbols, 222, &choosing));
}

int main(void)
{
    check_begin();
    CHECK_RUN(the_example_is_as_documented);
    CHECK_RUN(another_reference_is_refused);
    CHECK_RUN(every_cut_and_every_bit_is_refused_or_sound);
    CHECK_RUN(what_changed_comes_over_whatever_the_payload);
    CHECK_RUN(the_dearest_first_symbol_fits_the_smallest_payload);
    CHECK_RUN(noise_settles);
    CHECK_RUN(only_what_was_acknowledged_is_the_reference);
    CHECK_RUN(silence_brings_images_back);
    return check_end();
}
