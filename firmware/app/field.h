/* SPDX-License-Identifier: Apache-2.0 */
/* The node on its own: photos by the period, through the modem as link and duty cycles allow, and downlinks obeyed.
   docs/field.md says what it does when. */
#ifndef GLIMPSE_APP_FIELD_H
#define GLIMPSE_APP_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "app/frame_job.h"
#include "app/settings.h"

enum { NODE_MODEM_BODY_BYTES = 6 }; /* of a NODE_MODEM request */

/* What it shares with the serial line: one frame at a time, in one memory. */
typedef struct {
    node_settings *settings; /* loaded */
    frame_job *job;
    uint8_t *row_or_packet; /* 3 * NODE_MAX_PHOTO_WIDTH bytes */
} field_parts;

/* Does nothing from here on where no modem is set. */
void field_begin(const field_parts *parts);

/* Sets the modem and begins with it; body: NODE_MODEM_BODY_BYTES. What was sent before stays counted.
   GLIMPSE_ERROR_ARGUMENT: a value out of range; _SOURCE: the board has no line for a modem; _STORAGE: the flash
   refused. The modem before stays. */
int field_set_modem(const uint8_t *body);

/* To be called for ever; returns soon, except while a photo is taken. */
void field_poll(void);

/* Until when field_poll has nothing to do, in port_millis, unless a byte comes or the wake pin is pulled. */
uint64_t field_idle_until(void);

/* Whether this build has room for differences and parity packets of the model in use, as far as they are wanted. */
bool field_has_room(const glimpse_settings *wanted);

/* The receiver lacks what differences refer to: none follow before it has said what it has, and a frame that was leaving
   as one leaves once more, as an image. */
void field_send_whole(void);

/* The serial line takes the job: the frame that was being sent ends. */
void field_drop_frame(void);

#endif
