/* SPDX-License-Identifier: Apache-2.0 */
/* Downlinks applied once: settings, commands for the frame being sent, and the telemetry that answers. */
#ifndef GLIMPSE_APP_REMOTE_H
#define GLIMPSE_APP_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/settings.h"
#include "core/downlink.h"
#include "core/telemetry.h"

/* The frame that is being sent, as commands reach it. */
typedef struct {
    const glimpse_codec *codec;
    uint8_t frame;
    void *context;                                                /* given to all of these: */
    void (*known)(void *context, uint32_t first, uint32_t count); /* the receiver has these ranks */
    void (*want)(void *context, const glimpse_area *region);      /* inside the latent; this before the rest */
    void (*more)(void *context, uint32_t bytes);                  /* so many radio bytes more */
    void (*more_to)(void *context, uint32_t rank); /* up to this one, which is below the symbols' number */
    void (*stop)(void *context);
} remote_frame;

/* What the caller is to do. */
typedef struct {
    uint32_t report;    /* GLIMPSE_PRESENT bits of the telemetry to send; all ones: everything that it knows */
    bool reboot;        /* after that */
    bool model_changed; /* another model is in use: no frame is being sent any more */
    bool whole;         /* no differences before the receiver has another reference */
} remote_outcome;

/* Takes a downlink packet. Its sequence number decides: the one of the last downlink and up to 8191 before are not done
   again but answered again. Settings of one packet are changed together or, when one is out of its range or the model
   cannot be used, not at all; they are in flash, with the sequence number, before anything else is done. So power may
   fail at any time: the node then has the old settings and takes the packet when it is repeated, or has the new ones.
   frame: NULL when none is being sent.
   GLIMPSE_OK, whatever the answer says, or the errors of glimpse_downlink_read: nothing was done. */
int remote_take(node_settings *settings, const remote_frame *frame, const uint8_t *packet, size_t length,
                remote_outcome *outcome);

/* Fills in what settings and model know: NODE, ANSWER and the settings, those of them that `report` names. Other fields
   are the caller's, and so are frame and number. */
void remote_describe(const node_settings *settings, uint32_t report, glimpse_telemetry *telemetry);

#endif
