/* SPDX-License-Identifier: Apache-2.0 */
/* The streaming executor. A row completes at most one output row of each layer that reads it, so one sweep over the
   layers in their order carries it all the way; no layer ever waits for a later one.

   Patches that lie side by side take their parts of a photo row one after another. All have then seen the same number
   of rows, so they share one state of the windows and differ only in the memory behind it. */
#include "nn/encoder.h"

#ifndef GLIMPSE_NN_TFLM

#include <string.h>

#include "core/status.h"
#include "nn/kernels.h"

#ifdef GLIMPSE_LAYERS_COUNTED
#define LAYER_WORKS(layer) glimpse_layer_works(layer)
#else
#define LAYER_WORKS(layer) ((void)0)
#endif

enum { BUFFER_ALIGNMENT = 16 };

static size_t align_up(size_t bytes)
{
    return (bytes + BUFFER_ALIGNMENT - 1u) & ~(size_t)(BUFFER_ALIGNMENT - 1u);
}

static size_t output_row_bytes(const glimpse_layer *layer)
{
    return (size_t)layer->out_width * layer->out_channels;
}

/* Of the whole photo. */
static size_t output_bytes(const glimpse_model *model, int layer)
{
    const size_t patches = (size_t)model->patches * model->patches;
    return patches * output_row_bytes(&model->layers[layer]) * model->layers[layer].out_height;
}

static bool leaves_model(const glimpse_model *model, int layer)
{
    return layer == model->latent_layer || layer == model->side_layer;
}

static uint32_t tile_columns(const glimpse_layer *layer, uint32_t first)
{
    const uint32_t left = layer->out_width - first;
    return left < GLIMPSE_TILE_COLUMNS ? left : GLIMPSE_TILE_COLUMNS;
}

/* Outputs of the latent and side layers are written where they stay. */
static size_t staging_size(const glimpse_model *model)
{
    size_t most = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const size_t bytes = tile_columns(&model->layers[i], 0) * model->layers[i].out_channels;
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
        total += align_up(model->patches * glimpse_window_size(&model->layers[i]));
    }
    return total;
}

size_t glimpse_encoder_latent_size(const glimpse_model *model)
{
    return output_bytes(model, model->latent_layer);
}

size_t glimpse_encoder_side_size(const glimpse_model *model)
{
    return model->side_layer < 0 ? 0 : output_bytes(model, model->side_layer);
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
        next += align_up(model->patches * glimpse_window_size(&model->layers[i]));
    }
    encoder->staging = next;
    encoder->scratch = next + align_up(staging_size(model));
    return GLIMPSE_OK;
}

/* Where the outputs of the layer's next row from column `first` on go. */
static int8_t *output_place(const glimpse_encoder *encoder, int layer, uint32_t first)
{
    const glimpse_model *const model = encoder->model;
    if (!leaves_model(model, layer)) {
        return encoder->staging;
    }
    const size_t rows = (size_t)encoder->patch_row * model->layers[layer].out_height + encoder->windows[layer].produced;
    const size_t at = (rows * model->patches + encoder->patch_column) * output_row_bytes(&model->layers[layer]);
    return (layer == model->latent_layer ? encoder->latent : encoder->side) + at +
           first * model->layers[layer].out_channels;
}

/* The layer's next output row, from its window to those of the layers that read it. */
static void compute_row(glimpse_encoder *encoder, int index)
{
    const glimpse_model *const model = encoder->model;
    const glimpse_layer *const layer = &model->layers[index];
    glimpse_window *const window = &encoder->windows[index];
    for (int reader = index + 1; reader < model->layer_count; reader++) {
        if (model->layers[reader].input == index) {
            glimpse_window_open(&encoder->windows[reader], &model->layers[reader]);
        }
    }
    for (uint32_t first = 0; first < layer->out_width; first += GLIMPSE_TILE_COLUMNS) {
        const uint32_t columns = tile_columns(layer, first);
        int8_t *const output = output_place(encoder, index, first);
        glimpse_kernel_columns(layer, glimpse_window_data(window), first, columns, encoder->scratch, output);
        for (int reader = index + 1; reader < model->layer_count; reader++) {
            if (model->layers[reader].input == index) {
                glimpse_window_put(&encoder->windows[reader], &model->layers[reader], first, columns, output);
            }
        }
    }
    for (int reader = index + 1; reader < model->layer_count; reader++) {
        if (model->layers[reader].input == index) {
            glimpse_window_close(&encoder->windows[reader]);
        }
    }
    glimpse_window_advance(window, layer);
}

/* Computes what the layers from `first` on can compute now. */
static void sweep(glimpse_encoder *encoder, int first)
{
    const glimpse_model *const model = encoder->model;
    for (int i = first; i < model->layer_count; i++) {
        if (glimpse_window_ready(&encoder->windows[i], &model->layers[i])) {
            LAYER_WORKS(i);
            compute_row(encoder, i);
            LAYER_WORKS(GLIMPSE_NO_LAYER);
        }
    }
}

/* To one patch: its part of a photo row. */
static void take_row(glimpse_encoder *encoder, const uint8_t *rgb)
{
    const glimpse_model *const model = encoder->model;
    for (int i = 0; i < model->layer_count; i++) {
        if (model->layers[i].input < 0) {
            LAYER_WORKS(i);
            glimpse_window_put_photo(&encoder->windows[i], &model->layers[i], rgb);
            LAYER_WORKS(GLIMPSE_NO_LAYER);
        }
    }
    sweep(encoder, 0);
}

/* To one patch: the padding below, in order, because a layer's own comes after the last row that the padding of earlier
   layers completes. */
static void take_bottom(glimpse_encoder *encoder)
{
    const glimpse_model *const model = encoder->model;
    for (int i = 0; i < model->layer_count; i++) {
        const glimpse_layer *const layer = &model->layers[i];
        for (uint32_t left = glimpse_window_bottom(layer); left > 0; left--) {
            glimpse_window_put_padding(&encoder->windows[i], layer);
            sweep(encoder, i);
        }
    }
}

static void begin_patch_row(glimpse_encoder *encoder)
{
    const glimpse_model *const model = encoder->model;
    for (int i = 0; i < model->layer_count; i++) {
        glimpse_window *const window = &encoder->windows[i];
        int8_t *const first = window->memory;
        const size_t size = glimpse_window_size(&model->layers[i]);
        for (size_t column = 0; column < model->patches; column++) {
            window->memory = first + column * size;
            glimpse_window_begin(window, &model->layers[i]);
        }
        window->memory = first;
    }
}

/* To the patches of this row, one after another: their parts of a photo row, or the padding below when it is NULL.
   Each starts with the windows' state as it was for the first, and leaves the same behind. */
static void for_each_column(glimpse_encoder *encoder, const uint8_t *rgb)
{
    const glimpse_model *const model = encoder->model;
    const size_t part = 3u * (size_t)(model->photo_width / model->patches);
    glimpse_window before[GLIMPSE_MAX_LAYERS];
    memcpy(before, encoder->windows, model->layer_count * sizeof before[0]);
    for (uint8_t column = 0; column < model->patches; column++) {
        encoder->patch_column = column;
        for (int i = 0; i < model->layer_count; i++) {
            encoder->windows[i] = before[i];
            encoder->windows[i].memory += column * glimpse_window_size(&model->layers[i]);
        }
        if (rgb != NULL) {
            take_row(encoder, rgb + column * part);
        } else {
            take_bottom(encoder);
        }
    }
    for (int i = 0; i < model->layer_count; i++) {
        encoder->windows[i].memory = before[i].memory;
    }
}

int glimpse_frame_begin(glimpse_encoder *encoder)
{
    begin_patch_row(encoder);
    encoder->row = 0;
    encoder->patch_row = 0;
    encoder->running = 1;
    return GLIMPSE_OK;
}

int glimpse_frame_row(glimpse_encoder *encoder, const uint8_t *rgb)
{
    const glimpse_model *const model = encoder->model;
    if (!encoder->running || encoder->row >= model->photo_height) {
        return GLIMPSE_ERROR_STATE;
    }
    for_each_column(encoder, rgb);
    encoder->row++;
    if (encoder->row < model->photo_height && encoder->row % (model->photo_height / model->patches) == 0) {
        for_each_column(encoder, NULL);
        encoder->patch_row++;
        begin_patch_row(encoder);
    }
    return GLIMPSE_OK;
}

int glimpse_frame_end(glimpse_encoder *encoder)
{
    if (!encoder->running || encoder->row != encoder->model->photo_height) {
        return GLIMPSE_ERROR_STATE;
    }
    encoder->running = 0;
    for_each_column(encoder, NULL);
    return GLIMPSE_OK;
}

#endif
