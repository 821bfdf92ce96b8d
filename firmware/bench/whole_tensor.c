/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/whole_tensor.h"

#include <string.h>

#include "arm_nnfunctions.h"

void *whole_arena_take(whole_arena *arena, size_t bytes)
{
    const size_t rounded = (bytes + 15u) & ~(size_t)15u;
    if (rounded > arena->size - arena->used) {
        return NULL;
    }
    void *const taken = arena->bytes + arena->used;
    arena->used += rounded;
    return taken;
}

static cmsis_nn_dims input_dims(const glimpse_layer *layer)
{
    return (cmsis_nn_dims){1, layer->in_height, layer->in_width, layer->in_channels};
}

static cmsis_nn_dims kernel_dims(const glimpse_layer *layer)
{
    return (cmsis_nn_dims){1, layer->kernel_height, layer->kernel_width, layer->in_channels};
}

static cmsis_nn_dims output_dims(const glimpse_layer *layer)
{
    return (cmsis_nn_dims){1, layer->out_height, layer->out_width, layer->out_channels};
}

static cmsis_nn_conv_params conv_params(const glimpse_layer *layer)
{
    return (cmsis_nn_conv_params){
        .input_offset = -layer->in_zero,
        .output_offset = layer->out_zero,
        .stride = {.w = layer->stride_x, .h = layer->stride_y},
        .padding = {.w = layer->pad_left, .h = layer->pad_top},
        .dilation = {.w = 1, .h = 1},
        .activation = {.min = layer->minimum, .max = layer->maximum},
    };
}

static cmsis_nn_dw_conv_params depthwise_params(const glimpse_layer *layer)
{
    const cmsis_nn_conv_params same = conv_params(layer);
    return (cmsis_nn_dw_conv_params){
        .input_offset = same.input_offset,
        .output_offset = same.output_offset,
        .ch_mult = layer->out_channels / layer->in_channels,
        .stride = same.stride,
        .padding = same.padding,
        .dilation = same.dilation,
        .activation = same.activation,
    };
}

static size_t scratch_size(const glimpse_layer *layer)
{
    const cmsis_nn_dims input = input_dims(layer);
    const cmsis_nn_dims kernel = kernel_dims(layer);
    const cmsis_nn_dims output = output_dims(layer);
    const cmsis_nn_conv_params conv = conv_params(layer);
    const cmsis_nn_dw_conv_params depthwise = depthwise_params(layer);
    switch (layer->kind) {
    case GLIMPSE_LAYER_CONV_2D:
        return (size_t)arm_convolve_wrapper_s8_get_buffer_size(&conv, &input, &kernel, &output);
    case GLIMPSE_LAYER_DEPTHWISE_CONV_2D:
        return (size_t)arm_depthwise_conv_wrapper_s8_get_buffer_size(&depthwise, &input, &kernel, &output);
    default:
        return 0;
    }
}

static int8_t weight_at(const glimpse_layer *layer, uint32_t output, uint32_t at)
{
    const bool conv = layer->kind == GLIMPSE_LAYER_CONV_2D;
    return layer->weights[conv ? glimpse_layer_weight_place(layer, output, at) : at];
}

/* The blob has kernel columns before kernel rows, and a convolution's weights as nn/convolution.c takes them. */
static void reorder_weights(const glimpse_layer *layer, int8_t *weights)
{
    const bool conv = layer->kind == GLIMPSE_LAYER_CONV_2D;
    const uint32_t outputs = conv ? layer->out_channels : 1u;
    const uint32_t run = conv ? layer->in_channels : layer->out_channels;
    for (uint32_t output = 0; output < outputs; output++) {
        for (uint32_t y = 0; y < layer->kernel_height; y++) {
            for (uint32_t x = 0; x < layer->kernel_width; x++) {
                for (uint32_t i = 0; i < run; i++) {
                    *weights++ = weight_at(layer, output, (x * layer->kernel_height + y) * run + i);
                }
            }
        }
    }
}

/* CMSIS-NN adds the input's zero point itself. weights: as reordered. */
static void take_zero_out(const glimpse_layer *layer, const int8_t *weights, int32_t *bias)
{
    const bool conv = layer->kind == GLIMPSE_LAYER_CONV_2D;
    const uint32_t places = (uint32_t)layer->kernel_height * layer->kernel_width;
    const uint32_t count = places * (conv ? layer->in_channels : 1u);
    for (uint32_t output = 0; output < layer->out_channels; output++) {
        const int8_t *weight = weights + (conv ? output * count : output);
        int32_t sum = 0;
        for (uint32_t i = 0; i < count; i++, weight += conv ? 1u : layer->out_channels) {
            sum += *weight;
        }
        bias[output] = layer->bias[output] + layer->in_zero * sum;
    }
}

bool whole_layer_prepare(whole_layer *whole, const glimpse_layer *layer, const int8_t *input, whole_arena *arena)
{
    const size_t kernel = (size_t)layer->kernel_height * layer->kernel_width * layer->out_channels;
    const size_t channels = layer->kind == GLIMPSE_LAYER_CONV_2D ? layer->in_channels : 1u;
    *whole = (whole_layer){.layer = layer, .input = input, .scratch_size = scratch_size(layer)};
    whole->output = whole_arena_take(arena, (size_t)layer->out_height * layer->out_width * layer->out_channels);
    whole->weights = whole_arena_take(arena, layer->weights == NULL ? 0u : kernel * channels);
    whole->bias = whole_arena_take(arena, layer->weights == NULL ? 0u : layer->out_channels * sizeof(int32_t));
    whole->scratch = whole_arena_take(arena, whole->scratch_size);
    if (whole->output == NULL || whole->weights == NULL || whole->bias == NULL || whole->scratch == NULL) {
        return false;
    }
    if (layer->weights != NULL) {
        reorder_weights(layer, whole->weights);
        take_zero_out(layer, whole->weights, whole->bias);
    }
    return true;
}

static arm_cmsis_nn_status run_convolution(const whole_layer *whole)
{
    const glimpse_layer *const layer = whole->layer;
    const cmsis_nn_context context = {whole->scratch, (int32_t)whole->scratch_size};
    const cmsis_nn_per_channel_quant_params scales = {(int32_t *)(uintptr_t)layer->multiplier,
                                                      (int32_t *)(uintptr_t)layer->shift};
    const cmsis_nn_dims input = input_dims(layer);
    const cmsis_nn_dims kernel = kernel_dims(layer);
    const cmsis_nn_dims bias = {1, 1, 1, layer->out_channels};
    const cmsis_nn_dims output = output_dims(layer);
    if (layer->kind == GLIMPSE_LAYER_CONV_2D) {
        const cmsis_nn_conv_params params = conv_params(layer);
        return arm_convolve_wrapper_s8(&context, &params, &scales, &input, whole->input, &kernel, whole->weights, &bias,
                                       whole->bias, &output, whole->output);
    }
    const cmsis_nn_dw_conv_params params = depthwise_params(layer);
    return arm_depthwise_conv_wrapper_s8(&context, &params, &scales, &input, whole->input, &kernel, whole->weights,
                                         &bias, whole->bias, &output, whole->output);
}

static arm_cmsis_nn_status run_max_pool(const whole_layer *whole)
{
    const glimpse_layer *const layer = whole->layer;
    const cmsis_nn_context context = {NULL, 0};
    const cmsis_nn_pool_params params = {
        .stride = {.w = layer->stride_x, .h = layer->stride_y},
        .padding = {.w = layer->pad_left, .h = layer->pad_top},
        .activation = {.min = layer->minimum, .max = layer->maximum},
    };
    const cmsis_nn_dims input = input_dims(layer);
    const cmsis_nn_dims kernel = kernel_dims(layer);
    const cmsis_nn_dims output = output_dims(layer);
    return arm_max_pool_s8(&context, &params, &input, whole->input, &kernel, &output, whole->output);
}

bool whole_layer_run(const whole_layer *whole)
{
    const bool pool = whole->layer->kind == GLIMPSE_LAYER_MAX_POOL_2D;
    return (pool ? run_max_pool(whole) : run_convolution(whole)) == ARM_CMSIS_NN_SUCCESS;
}
