/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/layer_check.h"

#include "core/status.h"
#include "nn/window.h"

enum { PHOTO_CHANNELS = 3, PHOTO_ZERO = -128, MAX_SHIFT = 30, LEAST_MULTIPLIER = 1 << 30 };

static bool size_is_sound(uint32_t height, uint32_t width, uint32_t channels)
{
    return height >= 1 && width >= 1 && channels >= 1;
}

static bool size_is_within_limits(uint32_t height, uint32_t width, uint32_t channels)
{
    return height <= GLIMPSE_MAX_SIDE && width <= GLIMPSE_MAX_SIDE && channels <= GLIMPSE_MAX_LAYER_CHANNELS &&
           width * channels <= GLIMPSE_MAX_ROW_BYTES;
}

/* The input is what the layer it names gives out, in shape and zero point. */
static bool input_is_sound(const glimpse_model *model, int index)
{
    const glimpse_layer *const layer = &model->layers[index];
    if (layer->input == -1) {
        return layer->in_height == model->photo_height / model->patches &&
               layer->in_width == model->photo_width / model->patches && layer->in_channels == PHOTO_CHANNELS &&
               layer->in_zero == PHOTO_ZERO;
    }
    if (layer->input < 0 || layer->input >= index) {
        return false;
    }
    const glimpse_layer *const source = &model->layers[layer->input];
    return layer->in_height == source->out_height && layer->in_width == source->out_width &&
           layer->in_channels == source->out_channels && layer->in_zero == source->out_zero;
}

/* One dimension padded as TensorFlow's SAME or VALID. For both, the rows that are missing follow from the sizes. */
static bool dimension_is_sound(int32_t in, int32_t out, int32_t kernel, int32_t stride, int32_t before)
{
    const int32_t same = (in + stride - 1) / stride;
    const int32_t valid = in >= kernel ? (in - kernel) / stride + 1 : 0;
    const int32_t missing = (out - 1) * stride + kernel - in;
    return (out == same || out == valid) && before == (missing > 0 ? missing / 2 : 0);
}

static bool channels_are_sound(const glimpse_layer *layer)
{
    switch (layer->kind) {
    case GLIMPSE_LAYER_CONV_2D:
        return true;
    case GLIMPSE_LAYER_DEPTHWISE_CONV_2D:
        return layer->out_channels % layer->in_channels == 0;
    case GLIMPSE_LAYER_MAX_POOL_2D:
        return layer->out_channels == layer->in_channels && layer->out_zero == layer->in_zero;
    default:
        return false;
    }
}

/* Padding in x can make a row wider than the tensor; windows are as wide as that. */
static bool window_is_within_limits(const glimpse_layer *layer)
{
    return glimpse_window_columns(layer) * layer->in_channels <= 2u * GLIMPSE_MAX_ROW_BYTES &&
           (uint32_t)layer->kernel_height * layer->kernel_width * layer->in_channels <= GLIMPSE_MAX_KERNEL_VOLUME;
}

int glimpse_layer_check_shape(const glimpse_model *model, int index)
{
    const glimpse_layer *const layer = &model->layers[index];
    if (!size_is_sound(layer->in_height, layer->in_width, layer->in_channels) ||
        !size_is_sound(layer->out_height, layer->out_width, layer->out_channels) ||
        !size_is_sound(layer->kernel_height, layer->kernel_width, 1) ||
        !size_is_sound(layer->stride_y, layer->stride_x, 1) || !input_is_sound(model, index) ||
        !dimension_is_sound(layer->in_height, layer->out_height, layer->kernel_height, layer->stride_y,
                            layer->pad_top) ||
        !dimension_is_sound(layer->in_width, layer->out_width, layer->kernel_width, layer->stride_x, layer->pad_left) ||
        !channels_are_sound(layer) || layer->minimum > layer->maximum) {
        return GLIMPSE_ERROR_MODEL_FORMAT;
    }
    if (!size_is_within_limits(layer->in_height, layer->in_width, layer->in_channels) ||
        !size_is_within_limits(layer->out_height, layer->out_width, layer->out_channels) ||
        layer->kernel_height > GLIMPSE_MAX_KERNEL || layer->kernel_width > GLIMPSE_MAX_KERNEL ||
        layer->stride_y > GLIMPSE_MAX_KERNEL || layer->stride_x > GLIMPSE_MAX_KERNEL ||
        !window_is_within_limits(layer)) {
        return GLIMPSE_ERROR_MODEL_LIMIT;
    }
    return GLIMPSE_OK;
}

uint32_t glimpse_layer_weight_bytes(const glimpse_layer *layer)
{
    switch (layer->kind) {
    case GLIMPSE_LAYER_CONV_2D:
        return ((layer->out_channels + 1u) & ~1u) * glimpse_layer_kernel_length(layer);
    case GLIMPSE_LAYER_DEPTHWISE_CONV_2D:
        return (uint32_t)layer->kernel_height * layer->kernel_width * layer->out_channels;
    default:
        return 0;
    }
}

/* Sum of one output channel's weights without their signs. */
static int32_t weight_magnitude(const glimpse_layer *layer, uint32_t channel)
{
    const bool conv = layer->kind == GLIMPSE_LAYER_CONV_2D;
    const uint32_t places = (uint32_t)layer->kernel_height * layer->kernel_width;
    const uint32_t count = conv ? glimpse_layer_kernel_length(layer) : places;
    const uint32_t step = conv ? 2u : layer->out_channels; /* which value it is does not matter to the sum */
    const int8_t *weight = layer->weights + (conv ? glimpse_layer_weight_place(layer, channel, 0) : channel);
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++, weight += step) {
        const int32_t value = *weight;
        sum += value < 0 ? -value : value;
    }
    return sum;
}

/* The bytes behind an output's weights meet pixels that are not the kernel's; an output that is not there has none. */
static bool gaps_are_zero(const glimpse_layer *layer)
{
    const uint32_t volume = (uint32_t)layer->kernel_height * layer->kernel_width * layer->in_channels;
    const uint32_t length = glimpse_layer_kernel_length(layer);
    int32_t seen = 0;
    for (uint32_t channel = 0; channel < ((layer->out_channels + 1u) & ~1u); channel++) {
        for (uint32_t i = channel < layer->out_channels ? volume : 0; i < length; i++) {
            seen |= layer->weights[glimpse_layer_weight_place(layer, channel, i)];
        }
    }
    return seen == 0;
}

bool glimpse_layer_check_arithmetic(const glimpse_layer *layer)
{
    if (layer->kind == GLIMPSE_LAYER_MAX_POOL_2D) {
        return true;
    }
    if (layer->kind == GLIMPSE_LAYER_CONV_2D && !gaps_are_zero(layer)) {
        return false;
    }
    for (uint32_t channel = 0; channel < layer->out_channels; channel++) {
        const int32_t shift = layer->shift[channel];
        const int32_t multiplier = layer->multiplier[channel];
        if (shift < -MAX_SHIFT || shift > MAX_SHIFT || (multiplier != 0 && multiplier < LEAST_MULTIPLIER)) {
            return false;
        }
        /* Room is left for half a step of a shift to the right and for the output's zero point. */
        const int64_t bias = layer->bias[channel];
        const int64_t most = (bias < 0 ? -bias : bias) + 128 * (int64_t)weight_magnitude(layer, channel);
        const int64_t half = shift < 0 ? (int64_t)1 << (-shift - 1) : 0;
        if (most * ((int64_t)1 << (shift > 0 ? shift : 0)) + half > INT32_MAX - 128) {
            return false;
        }
    }
    return true;
}
