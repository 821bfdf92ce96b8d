/* SPDX-License-Identifier: Apache-2.0 */
/* A window lies column by column, so to a kernel it is an image turned over its diagonal: its height runs along the
   photo's width. Kernels that take dimensions get them swapped; weights lie in the blob the same way. */
#include "nn/kernels.h"

#include "arm_nnfunctions.h"
#include "arm_nnsupportfunctions.h"

#include "nn/window.h"

static cmsis_nn_dims window_dims(const glimpse_layer *layer)
{
    return (cmsis_nn_dims){1, (int32_t)glimpse_window_columns(layer), (int32_t)glimpse_window_rows(layer),
                           layer->in_channels};
}

static cmsis_nn_dims kernel_dims(const glimpse_layer *layer)
{
    return (cmsis_nn_dims){1, layer->kernel_width, (int32_t)glimpse_window_rows(layer), layer->out_channels};
}

static cmsis_nn_dims output_dims(const glimpse_layer *layer)
{
    return (cmsis_nn_dims){1, layer->out_width, 1, layer->out_channels};
}

static cmsis_nn_dw_conv_params depthwise_params(const glimpse_layer *layer)
{
    return (cmsis_nn_dw_conv_params){
        .input_offset = -layer->in_zero,
        .output_offset = layer->out_zero,
        .ch_mult = layer->out_channels / layer->in_channels,
        .stride = {.w = 1, .h = layer->stride_x},
        .dilation = {.w = 1, .h = 1},
        .activation = {.min = layer->minimum, .max = layer->maximum},
    };
}

size_t glimpse_kernel_scratch_size(const glimpse_layer *layer)
{
    if (layer->kind != GLIMPSE_LAYER_DEPTHWISE_CONV_2D) {
        return 0;
    }
    const cmsis_nn_dw_conv_params params = depthwise_params(layer);
    const cmsis_nn_dims input = window_dims(layer);
    const cmsis_nn_dims kernel = kernel_dims(layer);
    const cmsis_nn_dims output = output_dims(layer);
    const int32_t here = arm_depthwise_conv_wrapper_s8_get_buffer_size(&params, &input, &kernel, &output);
    /* The host asks for what a node's core does, so that it knows how much a model needs there. */
    const int32_t node = arm_depthwise_conv_wrapper_s8_get_buffer_size_dsp(&params, &input, &kernel, &output);
    return (size_t)(here > node ? here : node);
}

static void convolve_row(const glimpse_layer *layer, const int8_t *window, int8_t *output)
{
    const int32_t pitch = (int32_t)glimpse_layer_weight_pitch(layer);
    const int32_t step = layer->stride_x * layer->kernel_height * layer->in_channels;
    arm_nn_mat_mult_nt_t_s8(window, layer->weights, layer->bias, output, layer->multiplier, layer->shift,
                            layer->out_width, layer->out_channels, pitch, -layer->in_zero, layer->out_zero,
                            layer->minimum, layer->maximum, step);
}

static void depthwise_row(const glimpse_layer *layer, const int8_t *window, void *scratch, int8_t *output)
{
    /* CMSIS-NN only reads the two tables, though it asks for pointers to writable memory. */
    const cmsis_nn_per_channel_quant_params scales = {(int32_t *)(uintptr_t)layer->multiplier,
                                                      (int32_t *)(uintptr_t)layer->shift};
    const cmsis_nn_context context = {scratch, (int32_t)glimpse_kernel_scratch_size(layer)};
    const cmsis_nn_dw_conv_params params = depthwise_params(layer);
    const cmsis_nn_dims input = window_dims(layer);
    const cmsis_nn_dims kernel = kernel_dims(layer);
    const cmsis_nn_dims bias = {1, 1, 1, layer->out_channels};
    const cmsis_nn_dims out = output_dims(layer);
    arm_depthwise_conv_wrapper_s8(&context, &params, &scales, &input, window, &kernel, layer->weights, &bias,
                                  layer->bias, &out, output);
}

static void max_pool_row(const glimpse_layer *layer, const int8_t *window, int8_t *output)
{
    const cmsis_nn_context context = {NULL, 0};
    const cmsis_nn_pool_params params = {
        .stride = {.w = 1, .h = layer->stride_x},
        .activation = {.min = layer->minimum, .max = layer->maximum},
    };
    const cmsis_nn_dims input = window_dims(layer);
    const cmsis_nn_dims kernel = kernel_dims(layer);
    const cmsis_nn_dims out = output_dims(layer);
    arm_max_pool_s8(&context, &params, &input, window, &kernel, &out, output);
}

void glimpse_kernel_row(const glimpse_layer *layer, const int8_t *window, void *scratch, int8_t *output)
{
    switch (layer->kind) {
    case GLIMPSE_LAYER_CONV_2D:
        convolve_row(layer, window, output);
        break;
    case GLIMPSE_LAYER_DEPTHWISE_CONV_2D:
        depthwise_row(layer, window, scratch, output);
        break;
    default:
        max_pool_row(layer, window, output);
        break;
    }
}
