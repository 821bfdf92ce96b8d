/* SPDX-License-Identifier: Apache-2.0 */
/* The frame that a node on its own sends: from a photo to a schedule with all the memory that there is for it. field.h
   has what others may ask of it. */
#ifndef GLIMPSE_APP_FIELD_FRAME_H
#define GLIMPSE_APP_FIELD_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/field.h"

/* Before all others; `parts` stays. No frame is being sent. */
void field_frame_use(const field_parts *parts);

/* Takes a photo and begins to send it. room: bytes of a packet that the link offers now. Where a camera sees what was
   sent last, or the dark, and that is not wanted, nothing is taken, unless always: false, and the frame before goes
   on. trigger: glimpse_trigger, for the report. */
bool field_frame_take(uint64_t now, size_t room, bool always, uint8_t trigger);

/* Commands reach it until the next photo, its schedule done or not. */
bool field_frame_is_sending(void);
uint8_t field_frame_number(void);

/* It is no longer sent; what the receiver has of it may still be referred to. */
void field_frame_end(void);

#endif
