/* SPDX-License-Identifier: Apache-2.0 */
/* A window lies column by column, so to a kernel it is an image turned over its diagonal: its height runs along the
   photo's width. Kernels that take dimensions get them swapped; weights lie in the blob the same way. */
#include "nn/kernels.h"

#include "arm_nnfunctions.h"
#include "arm_nnsupportfunctions.h"

#include "nn/convolution.h"
#include "nn/window.h"

/* Of what `columns` outputs see. */
static cmsis_nn_dims window_dims(const glimpse_layer *layer, uint32_t columns)
{
    const uint32_t seen = (columns - 1u) * layer->stride_x + layer->kernel_width;
    return (cmsis_nn_dims){1, (int32_t)seen, (int32_t)glimpse_window_rows(layer), layer->in_channels};
}

static cmsis_nn_dims kernel_dims(const glimpse_layer *layer)
{
    return (cmsis_nn_dims){1, layer->kernel_width, (int32_t)glimpse_window_rows(layer), layer->out_channels};
}

static cmsis_nn_dims output_dims(const glimpse_layer *layer, uint32_t columns)
{
    return (cmsis_nn_dims){1, (int32_t)columns, 1, layer->out_channels};
}

static cmsis_nn_dw_conv_params depthwise_params(const glimpse_layer *layer)
{
    return (cmsis_nn_dw_conv_params){
        .input_offset = 0, /* the bias holds it */
        .output_offset = layer->out_zero,
        .ch_mult = layer->out_channels / layer->in_channels,
        .stride = {.w = 1, .h = layer->stride_x},
        .dilation = {.w = 1, .h = 1},
        .activation = {.min = layer->minimum, .max = layer->maximum},
    };
}

size_t glimpse_kernel_scratch_size(const glimpse_layer *layer)
{
    if (layer->kind == GLIMPSE_LAYER_CONV_2D) {
        return glimpse_convolution_scratch_size(layer);
    }
    if (layer->kind != GLIMPSE_LAYER_DEPTHWISE_CONV_2D) {
        return 0;
    }
    const cmsis_nn_dw_conv_params params = depthwise_params(layer);
    const cmsis_nn_dims input = window_dims(layer, GLIMPSE_TILE_COLUMNS);
    const cmsis_nn_dims kernel = kernel_dims(layer);
    const cmsis_nn_dims output = output_dims(layer, GLIMPSE_TILE_COLUMNS);
    const int32_t here = arm_depthwise_conv_wrapper_s8_get_buffer_size(&params, &input, &kernel, &output);
    /* The host asks for what a node's core does, so that it knows how much a model needs there. */
    const int32_t node = arm_depthwise_conv_wrapper_s8_get_buffer_size_dsp(&params, &input, &kernel, &output);
    return (size_t)(here > node ? here : node);
}

static void depthwise_columns(const glimpse_layer *layer, const int8_t *window, uint32_t columns, void *scratch,
                              int8_t *output)
{
    /* CMSIS-NN only reads the two tables, though it asks for pointers to writable memory. */
    const cmsis_nn_per_channel_quant_params scales = {(int32_t *)(uintptr_t)layer->multiplier,
                                                      (int32_t *)(uintptr_t)layer->shift};
    const cmsis_nn_context context = {scratch, (int32_t)glimpse_kernel_scratch_size(layer)};
    const cmsis_nn_dw_conv_params params = depthwise_params(layer);
    const cmsis_nn_dims input = window_dims(layer, columns);
    const cmsis_nn_dims kernel = kernel_dims(layer);
    const cmsis_nn_dims bias = {1, 1, 1, layer->out_channels};
    const cmsis_nn_dims out = output_dims(layer, columns);
    arm_depthwise_conv_wrapper_s8(&context, &params, &scales, &input, window, &kernel, layer->weights, &bias,
                                  layer->bias, &out, output);
}

static void max_pool_columns(const glimpse_layer *layer, const int8_t *window, uint32_t columns, int8_t *output)
{
    const cmsis_nn_context context = {NULL, 0};
    const cmsis_nn_pool_params params = {
        .stride = {.w = 1, .h = layer->stride_x},
        .activation = {.min = layer->minimum, .max = layer->maximum},
    };
    const cmsis_nn_dims input = window_dims(layer, columns);
    const cmsis_nn_dims kernel = kernel_dims(layer);
    const cmsis_nn_dims out = output_dims(layer, columns);
    arm_max_pool_s8(&context, &params, &input, window, &kernel, &out, output);
}

void glimpse_kernel_columns(const glimpse_layer *layer, const int8_t *window, uint32_t first, uint32_t columns,
                            void *scratch, int8_t *output)
{
    const size_t column_bytes = (size_t)glimpse_window_rows(layer) * layer->in_channels;
    const int8_t *const seen = window + (size_t)first * layer->stride_x * column_bytes;
    switch (layer->kind) {
    case GLIMPSE_LAYER_CONV_2D:
        glimpse_convolution_columns(layer, seen, columns, scratch, output);
        break;
    case GLIMPSE_LAYER_DEPTHWISE_CONV_2D:
        depthwise_columns(layer, seen, columns, scratch, output);
        break;
    default:
        max_pool_columns(layer, seen, columns, output);
        break;
    }
}
