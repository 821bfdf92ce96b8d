/* SPDX-License-Identifier: Apache-2.0 */
/* What the core works on, on two pins, so that a current meter's trace can be cut by stage. A board whose board.h names
   no pins for it has no such marks, and they cost it nothing. */
#ifndef GLIMPSE_PORTS_MARK_H
#define GLIMPSE_PORTS_MARK_H

#include <stdint.h>

#include "board.h"

/* The first pin has bit 0, the second bit 1: with a meter of one digital input, take the first. */
enum {
    PORT_MARK_NONE = 0, /* nothing of these: sleeping, waiting, radio, serial line */
    PORT_MARK_NETWORK = 1,
    PORT_MARK_ACQUIRE = 2, /* a row from the camera, or of the test pattern */
    PORT_MARK_PACK = 3     /* quantiser and packets */
};

#ifdef BOARD_MARK_PIN
/* mark: 0..3. Takes no time to speak of; both pins change at once. */
void port_mark(uint32_t mark);
#else
static inline void port_mark(uint32_t mark)
{
    (void)mark;
}
#endif

#endif
