/* SPDX-License-Identifier: Apache-2.0 */
/* A model is data: one blob of bytes, checked once when it is loaded, then used in place. docs/model-blob.md */
#ifndef GLIMPSE_NN_MODEL_H
#define GLIMPSE_NN_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "core/codec.h"

enum {
    GLIMPSE_MODEL_BLOB_VERSION = 3,
    GLIMPSE_MODEL_ALIGNMENT = 4,   /* of the blob in memory */
    GLIMPSE_MODEL_NAME_BYTES = 16, /* zero padded, always ends in a zero */
    GLIMPSE_MAX_LAYERS = 16,       /* trunk and side branch together */
    GLIMPSE_MAX_PATCHES = 4,       /* along one side of the photo */
    /* What a sound model may ask for; beyond it loading ends with GLIMPSE_ERROR_MODEL_LIMIT. */
    GLIMPSE_MAX_SIDE = 2048, /* height or width of any tensor */
    GLIMPSE_MAX_LAYER_CHANNELS = 512,
    GLIMPSE_MAX_KERNEL = 16,          /* height or width of a kernel, and its strides */
    GLIMPSE_MAX_KERNEL_VOLUME = 8192, /* kernel height * kernel width * input channels */
    GLIMPSE_MAX_ROW_BYTES = 32768     /* width * channels of any tensor */
};

typedef enum {
    GLIMPSE_LAYER_CONV_2D = 1,
    GLIMPSE_LAYER_DEPTHWISE_CONV_2D = 2,
    GLIMPSE_LAYER_MAX_POOL_2D = 3
} glimpse_layer_kind;

/* One layer, every field checked. Tensors are int8 [height, width, channels]. */
typedef struct {
    uint8_t kind; /* glimpse_layer_kind */
    int8_t input; /* layer whose output it reads, always an earlier one; -1: the photo, or a patch of it */
    uint16_t in_height, in_width, in_channels;
    uint16_t out_height, out_width, out_channels;
    uint8_t kernel_height, kernel_width, stride_y, stride_x;
    uint8_t pad_top, pad_left; /* as TensorFlow pads: bottom and right follow from the shapes, equal or one more */
    int32_t in_zero, out_zero; /* zero points, -128..127 */
    int32_t minimum, maximum;  /* fused activation, int8 */
    /* Kernel columns before kernel rows, as the row windows lie in memory (nn/window.h).
       conv: glimpse_layer_weight_place; depthwise: [kw, kh, out]; pool: NULL, as are the three below. */
    const int8_t *weights;
    const int32_t *bias;       /* [out], with -in_zero * (sum of the output's weights) added */
    const int32_t *multiplier; /* [out] Q31 */
    const int32_t *shift;      /* [out] left shift, -30..30 */
} glimpse_layer;

/* Weights of one output of a convolution, [kw, kh, in], with the zeros behind them up to a multiple of 4. */
static inline uint32_t glimpse_layer_kernel_length(const glimpse_layer *layer)
{
    const uint32_t volume = (uint32_t)layer->kernel_height * layer->kernel_width * layer->in_channels;
    return (volume + 3u) & ~3u;
}

/* Where a convolution's weight of `output` for kernel value `at` lies: two outputs share eight bytes for four values
   (nn/convolution.c). */
static inline uint32_t glimpse_layer_weight_place(const glimpse_layer *layer, uint32_t output, uint32_t at)
{
    const uint32_t pair = (output & ~1u) * glimpse_layer_kernel_length(layer);
    return pair + (at & ~3u) * 2u + (at & 1u) * 4u + (at & 2u) + (output & 1u);
}

typedef struct {
    char name[GLIMPSE_MODEL_NAME_BYTES];
    uint32_t size;                      /* of the blob in bytes */
    uint32_t check;                     /* its CRC-32, tells two models apart */
    uint16_t photo_height, photo_width; /* RGB888; a pixel p enters the network as int8 p - 128 */
    uint8_t patches; /* along one side: 1, 2 or 4. The network runs on each of patches * patches parts of the photo */
    uint8_t layer_count;
    int8_t latent_layer;                      /* whose output is the latent */
    int8_t side_layer;                        /* whose output is the side output (saliency); -1: none */
    glimpse_layer layers[GLIMPSE_MAX_LAYERS]; /* shapes are those of one patch */
    glimpse_codec codec;                      /* of the whole photo's latent: the patches' in their places */
} glimpse_model;

/* Parses and checks everything that run paths rely on. The blob is hostile until this returns GLIMPSE_OK; it must stay
   in place, unchanged, as long as the model is used. `size` may exceed the blob's own size (a flash slot).
   Returns GLIMPSE_ERROR_LENGTH, _CHECK, _VERSION, _MODEL_FORMAT, _MODEL_LIMIT, or _ARGUMENT (misaligned). */
int glimpse_model_load(glimpse_model *model, const void *blob, size_t size);

#endif
