/* SPDX-License-Identifier: Apache-2.0 */
#include "app/field_frame.h"

#include <string.h>

#include "app/camera.h"
#include "app/models.h"
#include "app/prior.h"
#include "app/protocol.h"
#include "app/report.h"
#include "app/sealing.h"
#include "app/spare.h"
#include "core/grid.h"
#include "core/status.h"
#include "ports/port.h"

static const field_parts *parts;
static bool sending;
static uint8_t number; /* of the frame that is being sent */
static uint64_t deadline;
static glimpse_protection_rule parity[2];        /* of the frame: its first packets, and all others */
static uint8_t sent_fields[GLIMPSE_GRID_FIELDS]; /* of the photo that was sent last; black: of none */

void field_frame_use(const field_parts *shared)
{
    parts = shared;
    sending = false;
}

bool field_frame_is_sending(void)
{
    return sending;
}

uint8_t field_frame_number(void)
{
    return number;
}

void field_frame_end(void)
{
    sending = false;
}

void field_drop_frame(void)
{
    prior_end_frame();
    sending = false;
}

/* ---- memory for what its schedule is asked for */

/* Bytes of the parity words that are made at a time; 0: none are wanted. */
static size_t parity_bytes(const glimpse_settings *wanted)
{
    const uint8_t most = wanted->parity > wanted->parity_first ? wanted->parity : wanted->parity_first;
    return (size_t)most * GLIMPSE_PARITY_MAX_WORD;
}

/* Memory for parity packets; NULL: there is not enough left. */
static glimpse_protection *take_protection(spare_memory *spare, size_t bytes, uint8_t **words)
{
    glimpse_protection *const protection = spare_take(spare, sizeof *protection);
    *words = spare_take(spare, bytes);
    return *words != NULL ? protection : NULL;
}

bool field_has_room(const glimpse_settings *wanted)
{
    spare_memory spare = spare_begin();
    uint8_t *words;
    const bool ranks = spare_take(&spare, glimpse_schedule_memory(&models_encoder()->model->codec)) != NULL;
    return (wanted->prior == 0 || (ranks && prior_fits(&spare))) &&
           (parity_bytes(wanted) == 0 || take_protection(&spare, parity_bytes(wanted), &words) != NULL);
}

static void protect(spare_memory *spare)
{
    const glimpse_codec *const codec = &parts->job->encoder->model->codec;
    const glimpse_settings *const wanted = &parts->settings->remote;
    const size_t bytes = parity_bytes(wanted);
    uint8_t *words;
    parity[1] = (glimpse_protection_rule){GLIMPSE_PARITY_GROUP, wanted->parity};
    parity[0] = parity[1];
    if (wanted->parity_first > 0) {
        parity[0].parity = wanted->parity_first;
    }
    glimpse_protection *const protection = bytes > 0 ? take_protection(spare, bytes, &words) : NULL;
    if (protection != NULL && glimpse_protection_begin(protection, parity, 2, codec->order == GLIMPSE_ORDER_SALIENCY,
                                                       words, bytes) == GLIMPSE_OK) {
        glimpse_schedule_protect(parts->job->schedule, protection);
    }
}

static uint8_t *take_ranks(spare_memory *spare)
{
    return spare_take(spare, glimpse_schedule_memory(&parts->job->encoder->model->codec));
}

/* The symbols are there. ranks: NULL where there is no memory for them, then everything is sent once. difference: NULL
   for an image. */
static void begin_schedule(uint8_t *ranks, glimpse_difference_packer *difference, spare_memory *spare)
{
    frame_job *const job = parts->job;
    frame_job_ready(job);
    if (ranks != NULL) {
        (void)glimpse_schedule_remember(job->schedule, ranks, glimpse_schedule_memory(&job->encoder->model->codec));
    }
    if (difference != NULL) {
        (void)glimpse_schedule_difference(job->schedule, difference);
    }
    protect(spare);
    glimpse_schedule_deadline(job->schedule, deadline);
}

/* The latent becomes symbols, and the schedule has all the memory that there is for it. */
static void begin_sending(size_t payload)
{
    spare_memory spare = spare_begin();
    uint8_t *const ranks = take_ranks(&spare);
    const uint8_t prior = ranks != NULL ? parts->settings->remote.prior : 0;
    begin_schedule(ranks, prior_quantise(parts->job, prior, payload, &spare), &spare);
}

void field_send_whole(void)
{
    spare_memory spare = spare_begin();
    uint8_t *const ranks = take_ranks(&spare);
    prior_again(&spare);
    if (sending && parts->job->schedule->difference != NULL) {
        begin_schedule(ranks, NULL, &spare); /* once more, from the same symbols */
    }
}

/* Reads a picture and keeps nothing of it but its grey levels: what is being sent stays where it is. */
static bool look(uint8_t *fields)
{
    const glimpse_model *const model = models_encoder()->model;
    glimpse_grid grid;
    bool seen = camera_begin(&parts->settings->remote.crop, model->photo_width, model->photo_height);
    glimpse_grid_begin(&grid, model->photo_width, model->photo_height, fields);
    for (uint32_t row = 0; seen && row < model->photo_height; row++) {
        port_watchdog_feed();
        seen = camera_row(parts->row_or_packet);
        if (seen) {
            glimpse_grid_row(&grid, parts->row_or_packet);
        }
    }
    camera_end();
    return seen;
}

/* Whether a photo taken now is worth sending: unlike the last one, and unlike the dark. fields: of what was seen. */
static bool is_worth_sending(uint8_t *fields)
{
    static const uint8_t dark[GLIMPSE_GRID_FIELDS];
    const uint8_t quiet = parts->settings->remote.quiet;
    if (quiet == 0 || parts->settings->link.source != NODE_SOURCE_CAMERA || !look(fields)) {
        memset(fields, 0, GLIMPSE_GRID_FIELDS); /* without a camera, taking the photo says so */
        return true;
    }
    return glimpse_grid_difference(fields, dark) > quiet && glimpse_grid_difference(fields, sent_fields) > quiet;
}

static int begin(uint64_t now, size_t room)
{
    const glimpse_settings *const remote = &parts->settings->remote;
    glimpse_encoder *const encoder = models_encoder();
    const size_t seal = node_sealing_on() ? GLIMPSE_SEAL_COST_BYTES : 0;
    const frame_request request = {.source = parts->settings->link.source,
                                   .coding = encoder->model->codec.cumulative != NULL ? GLIMPSE_CODING_RANGE
                                                                                      : GLIMPSE_CODING_RAW,
                                   .frame = number,
                                   .payload = remote->payload > 0 ? remote->payload : GLIMPSE_MAX_PAYLOAD,
                                   .budget = remote->budget,
                                   .channels = remote->channels,
                                   .crop = remote->crop};
    const size_t payload = room < request.payload ? room : request.payload;
    prior_end_frame();
    int status = frame_job_begin(parts->job, encoder, &request);
    if (status == GLIMPSE_OK) {
        status = frame_job_fetch(parts->job, parts->row_or_packet);
    }
    if (status == GLIMPSE_OK) {
        status = frame_job_end(parts->job);
    }
    parts->job->active = false; /* for uploads */
    if (status == GLIMPSE_OK) {
        deadline = remote->deadline > 0 ? now + 1000ull * remote->deadline : GLIMPSE_NEVER;
        begin_sending(payload >= GLIMPSE_MIN_PAYLOAD + seal ? payload - seal : GLIMPSE_MIN_PAYLOAD);
    }
    return status;
}

bool field_frame_take(uint64_t now, size_t room, bool always, uint8_t trigger)
{
    uint8_t fields[GLIMPSE_GRID_FIELDS];
    if (!is_worth_sending(fields) && !always) {
        return false;
    }
    number = node_settings_take_frame(parts->settings);
    sending = begin(now, room) == GLIMPSE_OK;
    if (sending) {
        memcpy(sent_fields, fields, sizeof sent_fields);
        report_photo(number, trigger);
    }
    return true;
}
