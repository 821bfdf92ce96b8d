/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a layer safe to run without further checks. */
#ifndef GLIMPSE_NN_LAYER_CHECK_H
#define GLIMPSE_NN_LAYER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/model.h"

/* Shapes, strides, padding and zero points of layer `index`, against the layers before it, which have been checked, and
   the photo's size. GLIMPSE_ERROR_MODEL_FORMAT, _MODEL_LIMIT. */
int glimpse_layer_check_shape(const glimpse_model *model, int index);

/* Bytes of weights that a layer of this shape has in the blob. */
uint32_t glimpse_layer_weight_bytes(const glimpse_layer *layer);

/* Whether no accumulator can overflow and every scale is one that requantisation is defined for, by the weights as they
   are. Reads all weights: a few instructions each, once for each time the model is loaded. */
bool glimpse_layer_check_arithmetic(const glimpse_layer *layer);

#endif
