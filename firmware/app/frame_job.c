/* SPDX-License-Identifier: Apache-2.0 */
#include "app/frame_job.h"

#include "app/camera.h"
#include "app/models.h"
#include "app/pattern.h"
#include "app/sealing.h"
#include "core/status.h"
#include "core/symbols.h"
#include "ports/mark.h"
#include "ports/port.h"

/* A stage begins: now, for count. */
static uint32_t begin(uint32_t mark)
{
    port_mark(mark);
    return port_counter();
}

/* Unsigned differences survive the counter's wrap as long as one stage of one row takes less than a turn. Each interval
   is rounded to whole units by itself: on emulated boards that makes the sum the exact count of instructions. */
static void count(frame_job *job, uint32_t stage, uint32_t since)
{
    const uint32_t ticks = port_counter() - since;
    const port_counter_unit *const unit = port_get_counter_unit();
    const uint64_t scaled = (uint64_t)ticks * unit->numerator + unit->denominator / 2u;
    job->counts[stage] = frame_job_sum(job->counts[stage], scaled / unit->denominator);
    port_mark(PORT_MARK_NONE);
}

/* In the place of the latent, which nothing needs once it is quantised. */
static uint8_t *symbols_of(const glimpse_encoder *encoder)
{
    return (uint8_t *)encoder->latent;
}

/* Begins the schedule anew: once to see whether the request can be met, once when the encoder has left its memory. */
static int begin_schedule(frame_job *job)
{
    const frame_request *const request = &job->request;
    job->schedule = models_schedule();
    job->sealed_left = request->budget == NODE_NO_BUDGET ? UINT32_MAX : request->budget;
    return glimpse_schedule_begin(job->schedule, &job->encoder->model->codec, symbols_of(job->encoder), request->frame,
                                  request->coding, job->sealed ? NODE_NO_BUDGET : request->budget);
}

int frame_job_begin(frame_job *job, glimpse_encoder *encoder, const frame_request *request)
{
    const glimpse_model *const model = encoder->model;
    *job = (frame_job){.request = *request, .encoder = encoder};
    /* Before anything starts, so that a request which cannot be met costs nothing. */
    if (request->source > NODE_SOURCE_PATTERN || request->payload < GLIMPSE_MIN_PAYLOAD ||
        request->payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    job->sealed = node_sealing_on();
    if (job->sealed && glimpse_seal_room(request->payload) < 0) {
        return glimpse_seal_room(request->payload);
    }
    const int status = begin_schedule(job);
    if (status != GLIMPSE_OK) {
        return status;
    }
    if (request->source == NODE_SOURCE_CAMERA &&
        !camera_begin(&request->crop, model->photo_width, model->photo_height)) {
        camera_end();
        return GLIMPSE_ERROR_SOURCE;
    }
    job->active = true;
    return glimpse_frame_begin(encoder);
}

int frame_job_row(frame_job *job, const uint8_t *rgb)
{
    const uint32_t start = begin(PORT_MARK_NETWORK);
    const int status = glimpse_frame_row(job->encoder, rgb);
    count(job, NODE_STAGE_NETWORK, start);
    ++job->row;
    return status;
}

int frame_job_fetch(frame_job *job, uint8_t *row)
{
    const glimpse_model *const model = job->encoder->model;
    int status = GLIMPSE_OK;
    while (status == GLIMPSE_OK && job->row < model->photo_height) {
        port_watchdog_feed();
        const uint32_t start = begin(PORT_MARK_ACQUIRE);
        if (job->request.source == NODE_SOURCE_PATTERN) {
            node_pattern_row(row, model->photo_width, model->photo_height, job->row);
        } else if (!camera_row(row)) {
            port_mark(PORT_MARK_NONE);
            status = GLIMPSE_ERROR_SOURCE;
            break;
        }
        count(job, NODE_STAGE_ACQUIRE, start);
        status = frame_job_row(job, row);
    }
    if (job->request.source == NODE_SOURCE_CAMERA) {
        camera_end();
    }
    return status;
}

int frame_job_end(frame_job *job)
{
    const uint32_t start = begin(PORT_MARK_NETWORK);
    const int status = glimpse_frame_end(job->encoder);
    count(job, NODE_STAGE_NETWORK, start);
    return status;
}

void frame_job_ready(frame_job *job)
{
    (void)begin_schedule(job); /* as it went before */
    if (job->encoder->model->side_layer >= 0) {
        glimpse_schedule_steer(job->schedule, job->encoder->side);
    }
}

int frame_job_encode(frame_job *job)
{
    const int status = frame_job_end(job);
    if (status != GLIMPSE_OK) {
        return status;
    }
    const uint32_t start = begin(PORT_MARK_PACK);
    glimpse_symbols_quantise(&job->encoder->model->codec, job->encoder->latent, symbols_of(job->encoder));
    frame_job_ready(job);
    count(job, NODE_STAGE_QUANTISE, start);
    return GLIMPSE_OK;
}

/* Enough has been sent, as the channels asked for say. */
static bool is_full(const frame_job *job)
{
    const uint32_t positions = glimpse_codec_positions(&job->encoder->model->codec);
    return job->request.channels > 0 && glimpse_schedule_sent(job->schedule) >= job->request.channels * positions;
}

static int finish(frame_job *job)
{
    job->schedule->done = true;
    return 0;
}

static int sealed_packet(frame_job *job, uint64_t now, size_t payload, uint8_t *packet)
{
    const size_t limit = payload < job->sealed_left ? payload : job->sealed_left;
    if (limit < GLIMPSE_MIN_PAYLOAD + GLIMPSE_SEAL_COST_BYTES) {
        return finish(job);
    }
    int length = glimpse_schedule_next(job->schedule, now, limit - GLIMPSE_SEAL_COST_BYTES, packet);
    if (length > 0) {
        length = node_sealing_close(packet, (size_t)length, payload);
        if (length < 0) {
            glimpse_schedule_failed(job->schedule);
        }
    }
    if (length > 0 && job->sealed_left != UINT32_MAX) {
        job->sealed_left -= (uint32_t)length;
    }
    return length;
}

int frame_job_packet_now(frame_job *job, uint64_t now, size_t payload, uint8_t *packet)
{
    if (is_full(job) && job->schedule->protection == NULL) {
        return finish(job);
    }
    job->schedule->closed = is_full(job); /* but for its parity packets */
    const uint32_t start = begin(PORT_MARK_PACK);
    const size_t most = payload < job->request.payload ? payload : job->request.payload;
    const int length =
        job->sealed ? sealed_packet(job, now, most, packet) : glimpse_schedule_next(job->schedule, now, most, packet);
    count(job, NODE_STAGE_PACK, start);
    if (length > 0) {
        ++job->packets;
        job->bytes += (uint32_t)length;
    }
    return length;
}

int frame_job_packet(frame_job *job, uint8_t *packet)
{
    return frame_job_packet_now(job, 0, job->request.payload, packet);
}

void frame_job_failed(frame_job *job, size_t length)
{
    uint32_t *const left = job->sealed ? &job->sealed_left : &job->schedule->budget;
    glimpse_schedule_failed(job->schedule);
    job->schedule->done = false;
    if (*left != UINT32_MAX) {
        *left += (uint32_t)length;
    }
    --job->packets;
    job->bytes -= (uint32_t)length;
}
