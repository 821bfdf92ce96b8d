/* SPDX-License-Identifier: Apache-2.0 */
/* One output row of one layer by one CMSIS-NN call. */
#ifndef GLIMPSE_NN_KERNELS_H
#define GLIMPSE_NN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "nn/model.h"

/* Bytes of scratch that the layer's kernel asks for. */
size_t glimpse_kernel_scratch_size(const glimpse_layer *layer);

/* window: the columns of a window that is ready (nn/window.h). scratch: aligned to 16. output: [out_width,
   out_channels]. */
void glimpse_kernel_row(const glimpse_layer *layer, const int8_t *window, void *scratch, int8_t *output);

#endif
