/* SPDX-License-Identifier: Apache-2.0 */
/* The streaming executor. A row completes at most one output row of each layer that reads it, so one sweep over the
   layers in their order carries it all the way; no layer ever waits for a later one. */
#include "nn/encoder.h"

#ifndef GLIMPSE_NN_TFLM

#include "core/status.h"
#include "nn/kernels.h"

enum { BUFFER_ALIGNMENT = 16 };

static size_t align_up(size_t bytes)
{
    return (bytes + BUFFER_ALIGNMENT - 1u) & ~(size_t)(BUFFER_ALIGNMENT - 1u);
}

static size_t output_row_bytes(const glimpse_layer *layer)
{
    return (size_t)layer->out_width * layer->out_channels;
}

static size_t output_bytes(const glimpse_layer *layer)
{
    return output_row_bytes(layer) * layer->out_height;
}

static bool leaves_model(const glimpse_model *model, int layer)
{
    return layer == model->latent_layer || layer == model->side_layer;
}

/* Output rows of the latent and side layers are written where they stay. */
static size_t staging_size(const glimpse_model *model)
{
    size_t most = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const size_t bytes = output_row_bytes(&model->layers[i]);
        if (!leaves_model(model, i) && bytes > most) {
            most = bytes;
        }
    }
    return most;
}

static size_t scratch_size(const glimpse_model *model)
{
    size_t most = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const size_t bytes = glimpse_kernel_scratch_size(&model->layers[i]);
        most = bytes > most ? bytes : most;
    }
    return most;
}

size_t glimpse_encoder_buffer_size(const glimpse_model *model)
{
    size_t total = align_up(staging_size(model)) + align_up(scratch_size(model));
    for (int i = 0; i < model->layer_count; i++) {
        total += align_up(glimpse_window_size(&model->layers[i]));
    }
    return total;
}

size_t glimpse_encoder_latent_size(const glimpse_model *model)
{
    return output_bytes(&model->layers[model->latent_layer]);
}

size_t glimpse_encoder_side_size(const glimpse_model *model)
{
    return model->side_layer < 0 ? 0 : output_bytes(&model->layers[model->side_layer]);
}

int glimpse_encoder_init(glimpse_encoder *encoder, const glimpse_model *model, void *buffer, size_t buffer_size,
                         int8_t *latent, size_t latent_size, int8_t *side, size_t side_size)
{
    const size_t side_needed = glimpse_encoder_side_size(model);
    if (buffer == NULL || latent == NULL || (uintptr_t)buffer % BUFFER_ALIGNMENT != 0 ||
        (side == NULL && side_needed > 0)) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    if (buffer_size < glimpse_encoder_buffer_size(model) || latent_size < glimpse_encoder_latent_size(model) ||
        side_size < side_needed) {
        return GLIMPSE_ERROR_BUFFER;
    }
    *encoder = (glimpse_encoder){.model = model, .latent = latent, .side = side};
    int8_t *next = buffer;
    for (int i = 0; i < model->layer_count; i++) {
        encoder->windows[i].memory = next;
        next += align_up(glimpse_window_size(&model->layers[i]));
    }
    encoder->staging = next;
    encoder->scratch = next + align_up(staging_size(model));
    return GLIMPSE_OK;
}

static int8_t *output_row(const glimpse_encoder *encoder, int layer)
{
    const size_t at = encoder->windows[layer].produced * output_row_bytes(&encoder->model->layers[layer]);
    if (layer == encoder->model->latent_layer) {
        return encoder->latent + at;
    }
    return layer == encoder->model->side_layer ? encoder->side + at : encoder->staging;
}

/* Computes what the layers from `first` on can compute now. */
static void sweep(glimpse_encoder *encoder, int first)
{
    const glimpse_model *const model = encoder->model;
    for (int i = first; i < model->layer_count; i++) {
        const glimpse_layer *const layer = &model->layers[i];
        glimpse_window *const window = &encoder->windows[i];
        if (!glimpse_window_ready(window, layer)) {
            continue;
        }
        int8_t *const row = output_row(encoder, i);
        glimpse_kernel_row(layer, glimpse_window_data(window), encoder->scratch, row);
        glimpse_window_advance(window, layer);
        for (int reader = i + 1; reader < model->layer_count; reader++) {
            if (model->layers[reader].input == i) {
                glimpse_window_put(&encoder->windows[reader], &model->layers[reader], row);
            }
        }
    }
}

int glimpse_frame_begin(glimpse_encoder *encoder)
{
    for (int i = 0; i < encoder->model->layer_count; i++) {
        glimpse_window_begin(&encoder->windows[i], &encoder->model->layers[i]);
    }
    encoder->row = 0;
    encoder->running = 1;
    return GLIMPSE_OK;
}

int glimpse_frame_row(glimpse_encoder *encoder, const uint8_t *rgb)
{
    const glimpse_model *const model = encoder->model;
    if (!encoder->running || encoder->row >= model->photo_height) {
        return GLIMPSE_ERROR_STATE;
    }
    encoder->row++;
    for (int i = 0; i < model->layer_count; i++) {
        if (model->layers[i].input < 0) {
            glimpse_window_put_photo(&encoder->windows[i], &model->layers[i], rgb);
        }
    }
    sweep(encoder, 0);
    return GLIMPSE_OK;
}

int glimpse_frame_end(glimpse_encoder *encoder)
{
    const glimpse_model *const model = encoder->model;
    if (!encoder->running || encoder->row != model->photo_height) {
        return GLIMPSE_ERROR_STATE;
    }
    encoder->running = 0;
    /* In order: a layer's own padding comes after the last row that the padding of earlier layers completes. */
    for (int i = 0; i < model->layer_count; i++) {
        const glimpse_layer *const layer = &model->layers[i];
        for (uint32_t left = glimpse_window_bottom(layer); left > 0; left--) {
            glimpse_window_put(&encoder->windows[i], layer, NULL);
            sweep(encoder, i);
        }
    }
    return GLIMPSE_OK;
}

#endif
