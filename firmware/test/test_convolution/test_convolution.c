/* SPDX-License-Identifier: Apache-2.0 */
/* The convolution kernel against TensorFlow Lite's definition: kernels of every length, odd numbers of outputs, columns
   that fill no block, scales and activations of every kind. On a Cortex-M this is what runs the assembly. */
#include "nn/convolution.h"

#include <string.h>

#include "nn/layer_check.h"
#include "test/check.h"
#include "test/random.h"

enum { MOST_OUTPUTS = 70, MOST_LENGTH = 700, MOST_COLUMNS = 9, MOST_PIXELS = 8192, SCRATCH_WORDS = 512, GUARD = 0x55 };

static int8_t weights[(MOST_OUTPUTS + 1) * (MOST_LENGTH + 4)];
static int32_t bias[MOST_OUTPUTS];
static int32_t multiplier[MOST_OUTPUTS];
static int32_t shift[MOST_OUTPUTS];
static int8_t pixels[MOST_PIXELS];
static uint32_t scratch[SCRATCH_WORDS];
static int8_t output[MOST_COLUMNS * MOST_OUTPUTS + 1];

static int32_t between(int32_t least, int32_t most)
{
    return (int32_t)((uint32_t)least + random_below((uint32_t)most - (uint32_t)least + 1u));
}

/* gemmlowp's SaturatingRoundingDoublingHighMul and RoundingDivideByPOT, as TensorFlow Lite composes them. */
static int32_t scaled(int32_t sum, int32_t factor, int32_t power)
{
    const int64_t product = (int64_t)sum * (1 << (power > 0 ? power : 0)) * factor;
    const int64_t high = (product + (1 << 30)) >> 31;
    const int32_t right = power < 0 ? -power : 0;
    const int64_t magnitude = high < 0 ? -high : high;
    const int64_t rounded = right > 0 ? (magnitude + ((int64_t)1 << (right - 1))) >> right : magnitude;
    return (int32_t)(high < 0 ? -rounded : rounded);
}

static int8_t expected(const glimpse_layer *layer, uint32_t column, uint32_t channel)
{
    const uint32_t volume = (uint32_t)layer->kernel_height * layer->kernel_width * layer->in_channels;
    const uint32_t start = column * layer->stride_x * layer->kernel_height * layer->in_channels;
    int32_t sum = bias[channel];
    for (uint32_t i = 0; i < volume; i++) {
        sum += pixels[start + i] * weights[glimpse_layer_weight_place(layer, channel, i)];
    }
    const int32_t value = scaled(sum, multiplier[channel], shift[channel]) + layer->out_zero;
    return (int8_t)(value < layer->minimum ? layer->minimum : value > layer->maximum ? layer->maximum : value);
}

static void fill_weights(const glimpse_layer *layer)
{
    const uint32_t volume = (uint32_t)layer->kernel_height * layer->kernel_width * layer->in_channels;
    memset(weights, 0, sizeof weights);
    for (uint32_t channel = 0; channel < layer->out_channels; channel++) {
        for (uint32_t i = 0; i < volume; i++) {
            weights[glimpse_layer_weight_place(layer, channel, i)] = (int8_t)between(-127, 127);
        }
        bias[channel] = random_below(8) == 0 ? between(-(1 << 30), 1 << 30) : between(-30000, 30000);
        multiplier[channel] = random_below(16) == 0 ? 0 : between(1 << 30, INT32_MAX);
        shift[channel] = between(-14, random_below(8) == 0 ? 0 : -8);
        if (random_below(16) == 0) { /* a shift to the left of small sums, to the right as far as it goes */
            bias[channel] = between(-100, 100);
            shift[channel] = random_below(2) == 0 ? 2 : -30;
        }
    }
}

static glimpse_layer random_layer(void)
{
    glimpse_layer layer = {
        .kind = GLIMPSE_LAYER_CONV_2D,
        .in_channels = (uint16_t)between(1, 17),
        .out_channels = (uint16_t)(random_below(8) == 0 ? between(30, MOST_OUTPUTS) : between(1, 17)),
        .kernel_height = (uint8_t)between(1, 7),
        .stride_x = (uint8_t)between(1, 3),
        .out_zero = between(-128, 127),
        .minimum = INT8_MIN,
        .maximum = INT8_MAX,
        .weights = weights,
        .bias = bias,
        .multiplier = multiplier,
        .shift = shift,
    };
    const int32_t column = layer.kernel_height * layer.in_channels;
    layer.kernel_width = (uint8_t)between(1, MOST_LENGTH / column < 7 ? MOST_LENGTH / column : 7);
    if (random_below(3) == 0) {
        layer.minimum = between(-128, 0);
        layer.maximum = between(0, 127);
    }
    return layer;
}

static void check_layer(const glimpse_layer *layer, uint32_t columns)
{
    const uint32_t count = columns * layer->out_channels;
    memset(output, GUARD, sizeof output);
    glimpse_convolution_columns(layer, pixels, columns, scratch, output);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < count; i++) {
        wrong += output[i] != expected(layer, i / layer->out_channels, i % layer->out_channels);
    }
    CHECK_EQUAL(0, wrong);
    CHECK_EQUAL(GUARD, output[count]);
}

static void random_layers_give_what_the_definition_gives(void)
{
    uint32_t sound = 0;
    for (int i = 0; i < 300; i++) {
        const glimpse_layer layer = random_layer();
        fill_weights(&layer);
        for (uint32_t at = 0; at < MOST_PIXELS; at++) {
            pixels[at] = (int8_t)between(-128, 127);
        }
        if (glimpse_layer_check_arithmetic(&layer)) { /* others never run */
            CHECK(glimpse_convolution_scratch_size(&layer) <= sizeof scratch);
            check_layer(&layer, (uint32_t)between(1, MOST_COLUMNS));
            sound++;
        }
    }
    CHECK(sound > 200);
}

/* The largest sums there are, of both signs, through every shift. */
static void extremes_do_not_overflow(void)
{
    glimpse_layer layer = random_layer();
    layer.in_channels = layer.out_channels = 16;
    layer.kernel_height = layer.kernel_width = 6;
    layer.out_zero = 127;
    fill_weights(&layer);
    memset(weights, -128, layer.out_channels * glimpse_layer_kernel_length(&layer));
    for (int32_t power = -30; power <= 0; power++) {
        const int32_t half = power < 0 ? (int32_t)(1u << (-power - 1)) : 0;
        const int32_t room = INT32_MAX - 128 - half - 128 * 128 * 576;
        for (uint32_t channel = 0; channel < layer.out_channels; channel++) {
            bias[channel] = channel % 2 == 0 ? room : -room;
            multiplier[channel] = channel % 4 < 2 ? INT32_MAX : 1 << 30;
            shift[channel] = power;
        }
        for (int32_t pixel = -128; pixel <= 127; pixel += 255) {
            memset(pixels, pixel, sizeof pixels);
            CHECK(glimpse_layer_check_arithmetic(&layer));
            check_layer(&layer, 3);
        }
    }
    bias[0]++;
    CHECK(!glimpse_layer_check_arithmetic(&layer));
}

int main(void)
{
    check_begin();
    CHECK_RUN(random_layers_give_what_the_definition_gives);
    CHECK_RUN(extremes_do_not_overflow);
    return check_end();
}
