/* SPDX-License-Identifier: Apache-2.0 */
/* The node: one photo at a time from a source, through the encoder, into packets on the serial line. */
#ifndef GLIMPSE_APP_NODE_H
#define GLIMPSE_APP_NODE_H

#include "ports/port.h"

/* What this build offers to a model; a board with little RAM may lower it, TFLM needs more. */
#ifndef NODE_BUFFER_BYTES
#define NODE_BUFFER_BYTES 20480 /* row windows and kernel scratch, or TFLM's arena */
#endif
#ifndef NODE_LATENT_BYTES
#define NODE_LATENT_BYTES 9408 /* 28 x 28 x 12 */
#endif
#ifndef NODE_SIDE_BYTES
#define NODE_SIDE_BYTES 784 /* 28 x 28 x 1 */
#endif
#ifndef NODE_MAX_PHOTO_WIDTH
#define NODE_MAX_PHOTO_WIDTH 320
#endif

/* Loads settings and model, says who it is. To be called once, after port_init. */
void node_start(port_serial_mode mode);

/* Takes what the serial line brought; returns soon, except while a frame is encoded. To be called for ever. */
void node_poll(void);

#endif
