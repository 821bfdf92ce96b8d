/* SPDX-License-Identifier: Apache-2.0 */
/* The convolution of a few neighbouring columns of one output row: 0.84 instructions a multiplication on cores with the
   DSP extension, where CMSIS-NN takes 1.5, to the same int8 values. */
#ifndef GLIMPSE_NN_CONVOLUTION_H
#define GLIMPSE_NN_CONVOLUTION_H

#include <stddef.h>
#include <stdint.h>

#include "nn/model.h"

/* Bytes of scratch, at most 1.7 kB. */
size_t glimpse_convolution_scratch_size(const glimpse_layer *layer);

/* window: where the first column's pixels begin in a window that is ready (nn/window.h). columns: at least 1.
   scratch: aligned to 4. output: [columns, out_channels]. */
void glimpse_convolution_columns(const glimpse_layer *layer, const int8_t *window, uint32_t columns, void *scratch,
                                 int8_t *output);

#endif
