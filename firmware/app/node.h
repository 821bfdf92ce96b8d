/* SPDX-License-Identifier: Apache-2.0 */
/* The node: one photo at a time from a source, through the encoder, into packets on the serial line. */
#ifndef GLIMPSE_APP_NODE_H
#define GLIMPSE_APP_NODE_H

#include "ports/port.h"

/* Loads settings and model, says who it is. To be called once, after port_init. */
void node_start(port_serial_mode mode);

/* Takes what the serial line brought; returns soon, except while a frame is encoded. To be called for ever. */
void node_poll(void);

/* Sleeps while there is nothing to do, a few seconds at most. To be called after each node_poll. */
void node_rest(void);

#endif
