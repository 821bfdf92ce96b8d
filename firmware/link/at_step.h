/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of an AT modem's driver: each enters a state, says the command that belongs to it, and sets the time within
   which it must be answered. Between the driver's own files. */
#ifndef GLIMPSE_LINK_AT_STEP_H
#define GLIMPSE_LINK_AT_STEP_H

#include "link/at_modem.h"

/* Queues an event for the next poll. */
void glimpse_at_tell(glimpse_at_modem *modem, glimpse_link_event_kind kind, glimpse_link_reason reason, uint32_t wait);

/* A state that may last `limit` milliseconds. */
void glimpse_at_enter(glimpse_at_modem *modem, glimpse_at_state state, uint32_t now, uint32_t limit);

/* Puts a command into the place of what is being written; `bytes` are those that %x stands for. */
void glimpse_at_say(glimpse_at_modem *modem, const char *command);
void glimpse_at_say_with(glimpse_at_modem *modem, const char *command, const uint8_t *bytes, size_t count);

void glimpse_at_probe(glimpse_at_modem *modem, uint32_t now);
void glimpse_at_reset(glimpse_at_modem *modem, uint32_t now);
void glimpse_at_configure(glimpse_at_modem *modem, uint32_t now, uint8_t step); /* the settings from `step` on */
void glimpse_at_join(glimpse_at_modem *modem, uint32_t now);
void glimpse_at_ask(glimpse_at_modem *modem, uint32_t now, uint8_t step); /* for the limit, from `step` on */

/* Nothing for `time` milliseconds, a day at most, then what the state `after` begins with. */
void glimpse_at_pause(glimpse_at_modem *modem, uint32_t now, uint32_t time, glimpse_at_state after);

/* What `state` begins with; probing, where it cannot be begun with. */
void glimpse_at_go_on(glimpse_at_modem *modem, glimpse_at_state state, uint32_t now);

/* There is a network: says so once, and asks for the limit. */
void glimpse_at_found_network(glimpse_at_modem *modem, uint32_t now);

/* Nobody answered: waits, longer each time. */
void glimpse_at_join_failed(glimpse_at_modem *modem, uint32_t now);

bool glimpse_at_transmitting(const glimpse_at_modem *modem);

/* Ends a transmission that did not happen; in any other state nothing. */
void glimpse_at_fail(glimpse_at_modem *modem, glimpse_link_reason reason, uint32_t wait);

/* The same, and the network is gone. */
void glimpse_at_lose(glimpse_at_modem *modem, glimpse_link_reason reason);

#endif
