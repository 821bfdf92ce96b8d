/* SPDX-License-Identifier: Apache-2.0 */
/* A few neighbouring columns of one output row of one layer: convolutions by nn/convolution.c, the rest by CMSIS-NN. */
#ifndef GLIMPSE_NN_KERNELS_H
#define GLIMPSE_NN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "nn/model.h"

enum { GLIMPSE_TILE_COLUMNS = 8 }; /* that are computed at a time */

/* Bytes of scratch that the layer's kernel asks for. */
size_t glimpse_kernel_scratch_size(const glimpse_layer *layer);

/* Output columns from `first` on, at least one and at most GLIMPSE_TILE_COLUMNS. window: the columns of a window that is
   ready (nn/window.h). scratch: aligned to 16. output: [columns, out_channels]. */
void glimpse_kernel_columns(const glimpse_layer *layer, const int8_t *window, uint32_t first, uint32_t columns,
                            void *scratch, int8_t *output);

#endif
