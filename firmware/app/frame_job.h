/* SPDX-License-Identifier: Apache-2.0 */
/* One frame's way through the stages, with a count for each stage. */
#ifndef GLIMPSE_APP_FRAME_JOB_H
#define GLIMPSE_APP_FRAME_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/protocol.h"
#include "core/schedule.h"
#include "core/setting.h"
#include "nn/encoder.h"

typedef struct {
    uint8_t source;    /* NODE_SOURCE_... */
    uint8_t coding;    /* glimpse_coding */
    uint8_t frame;     /* 0..GLIMPSE_MAX_FRAME */
    uint8_t payload;   /* bytes, of sealed packets with the seal */
    uint32_t budget;   /* radio bytes, NODE_NO_BUDGET: no limit */
    uint8_t channels;  /* as many symbols as these have, then the frame ends; 0: all */
    glimpse_crop crop; /* of the camera's picture */
} frame_request;

typedef struct {
    frame_request request;
    glimpse_encoder *encoder;
    glimpse_schedule *schedule; /* in memory that the encoder does not need then: good from frame_job_encode on */
    uint16_t row;               /* next photo row */
    uint16_t packets;
    uint32_t bytes;
    uint32_t counts[NODE_STAGES]; /* in the port's unit; UINT32_MAX: at least so many */
    bool active;
    bool sealed;          /* as the node was set when the frame began */
    uint32_t sealed_left; /* of the budget, radio bytes: what sealing costs is no business of the schedule */
} frame_job;

/* A sum that stops at UINT32_MAX in the place of beginning again. */
static inline uint32_t frame_job_sum(uint32_t count, uint64_t more)
{
    const uint64_t sum = count + more;
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* GLIMPSE_ERROR_ARGUMENT for a request out of range, GLIMPSE_ERROR_PAYLOAD for a payload too small to be sealed,
   GLIMPSE_ERROR_SOURCE when there is no camera: nothing was begun. */
int frame_job_begin(frame_job *job, glimpse_encoder *encoder, const frame_request *request);

/* Feeds one row that the caller fetched. */
int frame_job_row(frame_job *job, const uint8_t *rgb);

/* Fetches every row from the camera or the pattern; row holds photo_width * 3 bytes. GLIMPSE_ERROR_SOURCE when the
   camera stops. */
int frame_job_fetch(frame_job *job, uint8_t *row);

/* All rows are in: quantises, ready for frame_job_packet. */
int frame_job_encode(frame_job *job);

/* The same in two steps, for those who quantise the latent in its place themselves, in between. */
int frame_job_end(frame_job *job);
void frame_job_ready(frame_job *job);

/* The next packet into `packet` (payload bytes); its length, 0 at the end, or an error. Errors of node_sealing_close. */
int frame_job_packet(frame_job *job, uint8_t *packet);

/* The same over a link that takes at most `payload` bytes at `now`: 0 may also mean "not yet", see glimpse_schedule. */
int frame_job_packet_now(frame_job *job, uint64_t now, size_t payload, uint8_t *packet);

/* The last packet, of `length` bytes, did not leave: its symbols and its bytes of the budget wait again. */
void frame_job_failed(frame_job *job, size_t length);

#endif
