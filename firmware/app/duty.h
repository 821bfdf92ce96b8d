/* SPDX-License-Identifier: Apache-2.0 */
/* The duty budget of a node, which holds over power loss: nothing is sent whose airtime is not in flash before. A
   record counts a few packets ahead, so that flash is not written for each of them. */
#ifndef GLIMPSE_APP_DUTY_H
#define GLIMPSE_APP_DUTY_H

#include <stdbool.h>
#include <stdint.h>

#include "app/settings.h"
#include "core/budget.h"

enum { NODE_PACKETS_AHEAD = 8 };

/* By settings->link, whose region is a sound one. A node that lost its clock goes on as if no time had passed since the
   record was written. GLIMPSE_ERROR_ARGUMENT: such a budget does not fit a record. */
int duty_begin(node_settings *settings, uint64_t now);

/* For glimpse_schedule_link. Valid until the next duty_begin. */
glimpse_budget *duty_budget(void);

/* Airtime has been spent in a band at `now`, in duty_budget(). False: the flash refused, and the packet must not be
   sent. */
bool duty_keep(uint32_t band, uint32_t airtime_us, uint64_t now);

#endif
