/* SPDX-License-Identifier: Apache-2.0 */
/* The model blob and the encoder. What Python uses of these headers, as cffi reads it. */
#include "nn/model.h"
#include "nn/encoder.h"

typedef struct { int32_t out_zero; ...; } glimpse_layer;
typedef struct {
    glimpse_layer layers[...];
    char name[16]; uint32_t size; uint32_t check; uint16_t photo_height; uint16_t photo_width; uint8_t patches;
    uint8_t layer_count; int8_t latent_layer; int8_t side_layer; glimpse_codec codec;
    ...;
} glimpse_model;
int glimpse_model_load(glimpse_model *model, const void *blob, size_t size);
typedef struct { ...; } glimpse_encoder;
size_t glimpse_encoder_buffer_size(const glimpse_model *model);
size_t glimpse_encoder_latent_size(const glimpse_model *model);
size_t glimpse_encoder_side_size(const glimpse_model *model);
int glimpse_encoder_init(glimpse_encoder *encoder, const glimpse_model *model, void *buffer, size_t buffer_size,
                         int8_t *latent, size_t latent_size, int8_t *side, size_t side_size);
int glimpse_frame_begin(glimpse_encoder *encoder);
int glimpse_frame_row(glimpse_encoder *encoder, const uint8_t *rgb);
int glimpse_frame_end(glimpse_encoder *encoder);
#define GLIMPSE_MODEL_ALIGNMENT ...
