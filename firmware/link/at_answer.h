/* SPDX-License-Identifier: Apache-2.0 */
/* What a line of an AT modem means in the state that its driver is in. Between the driver's own files. */
#ifndef GLIMPSE_LINK_AT_ANSWER_H
#define GLIMPSE_LINK_AT_ANSWER_H

#include "link/at_modem.h"

/* Reads modem->line, ended by a zero, and goes on from there. True when the line is a downlink, which is told in
   `event` at once, as its bytes lie in the line; other events are queued. */
bool glimpse_at_understand(glimpse_at_modem *modem, uint32_t now, glimpse_link_event *event);

#endif
