/* SPDX-License-Identifier: Apache-2.0 */
/* The network on the node: rows of a photo in, the int8 latent out. Two back ends answer this header: the streaming
   executor (nn/encoder.c), which keeps only the rows that a kernel needs, and TFLM (nn/tflm), which runs no model but
   the one it is built with, and no patches: GLIMPSE_ERROR_MODEL_LIMIT from init for others. */
#ifndef GLIMPSE_NN_ENCODER_H
#define GLIMPSE_NN_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "nn/model.h"
#include "nn/window.h"

typedef struct {
    const glimpse_model *model;
    int8_t *latent;
    int8_t *side;
    int8_t *staging; /* output columns on their way to the windows of the layers that read them; TFLM: its input */
    void *scratch;   /* kernel scratch, shared by all layers; TFLM: its interpreter */
    glimpse_window windows[GLIMPSE_MAX_LAYERS]; /* of the patch that is being computed; TFLM: not used */
    uint16_t row;                               /* photo rows taken */
    uint8_t patch_row, patch_column;            /* of that patch */
    uint8_t running;
} glimpse_encoder;

/* Bytes of working memory (row windows and kernel scratch), of the latent, of the side output (0 without one). Latent
   and side output are those of the whole photo, each patch's in its place. */
size_t glimpse_encoder_buffer_size(const glimpse_model *model);
size_t glimpse_encoder_latent_size(const glimpse_model *model);
size_t glimpse_encoder_side_size(const glimpse_model *model);

/* buffer: aligned to 16, at least glimpse_encoder_buffer_size bytes. latent: [height, width, channels]. side: may be
   NULL when the model has none. GLIMPSE_ERROR_BUFFER, _ARGUMENT. */
int glimpse_encoder_init(glimpse_encoder *encoder, const glimpse_model *model, void *buffer, size_t buffer_size,
                         int8_t *latent, size_t latent_size, int8_t *side, size_t side_size);

/* One photo: begin, photo_height rows of photo_width * 3 bytes RGB888 from the top, end. The latent is whole after end.
   GLIMPSE_ERROR_STATE when called out of turn; begin is always allowed and drops a photo in progress. */
int glimpse_frame_begin(glimpse_encoder *encoder);
int glimpse_frame_row(glimpse_encoder *encoder, const uint8_t *rgb);
int glimpse_frame_end(glimpse_encoder *encoder);

/* Only where GLIMPSE_LAYERS_COUNTED is defined, as in the bench images: whose work begins now, a layer's number or
   GLIMPSE_NO_LAYER. The program has this function. */
enum { GLIMPSE_NO_LAYER = -1 };
void glimpse_layer_works(int layer);

#endif
