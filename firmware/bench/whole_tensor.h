/* SPDX-License-Identifier: Apache-2.0 */
/* The ordinary way to run a network, to compare the streaming executor with: every layer on a whole tensor, by the
   CMSIS-NN call that TensorFlow Lite Micro makes. */
#ifndef GLIMPSE_BENCH_WHOLE_TENSOR_H
#define GLIMPSE_BENCH_WHOLE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/model.h"

/* Memory that is handed out from the front and never given back. */
typedef struct {
    uint8_t *bytes;
    size_t size;
    size_t used;
} whole_arena;

typedef struct {
    const glimpse_layer *layer;
    const int8_t *input; /* [in_height, in_width, in_channels] */
    int8_t *output;      /* [out_height, out_width, out_channels] */
    int32_t *bias;       /* without the zero point of the input */
    int8_t *weights;     /* conv: [out, kh, kw, in]; depthwise: [kh, kw, out] */
    void *scratch;
    size_t scratch_size;
} whole_layer;

/* Aligned to 16; NULL when the arena is full. */
void *whole_arena_take(whole_arena *arena, size_t bytes);

/* Takes the memory and puts the weights into the order that whole tensors need. False: the arena is full. */
bool whole_layer_prepare(whole_layer *whole, const glimpse_layer *layer, const int8_t *input, whole_arena *arena);

/* False when CMSIS-NN refuses. */
bool whole_layer_run(const whole_layer *whole);

#endif
