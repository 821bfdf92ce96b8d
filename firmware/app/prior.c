/* SPDX-License-Identifier: Apache-2.0 */
#include "app/prior.h"

#include <string.h>

#include "core/reference.h"
#include "core/symbols.h"

enum {
    PATIENCE = 4,             /* photos without an answer, then whole ones follow until there is one */
    HOLD = GLIMPSE_HOLD_UNIT, /* a symbol stays within one step: a sensor's noise is no change */
    BYTES = NODE_REFERENCE_BYTES
};

/* Placed by the linker; `glimpse bench` tells it apart by this name. */
static uint8_t node_reference[BYTES > 0 ? BYTES : 1];
static uint8_t known[BYTES / 8 + 1];
static glimpse_keeper keeper;
static uint32_t model; /* check of the one whose symbols they are */
static bool begun;

typedef struct {
    glimpse_difference_packer *difference;
    uint8_t *acknowledged;
    uint8_t *symbols; /* until it is known how they leave */
} pieces;

static bool take_pieces(const glimpse_codec *codec, spare_memory *spare, pieces *p)
{
    const uint32_t symbols = glimpse_codec_symbols(codec);
    p->difference = spare_take(spare, sizeof *p->difference);
    p->acknowledged = spare_take(spare, glimpse_ranks_bytes(symbols));
    spare_memory for_now = *spare;
    p->symbols = spare_take(&for_now, symbols);
    return symbols <= BYTES && p->difference != NULL && p->acknowledged != NULL && p->symbols != NULL;
}

bool prior_fits(spare_memory *spare)
{
    pieces p;
    return take_pieces(&models_encoder()->model->codec, spare, &p);
}

static void begin(const glimpse_model *in_use, uint8_t photos)
{
    if (!begun || model != in_use->check) {
        glimpse_keeper_begin(&keeper, &in_use->codec, node_reference, known, PATIENCE, photos);
    }
    keeper.refresh = photos;
    model = in_use->check;
    begun = true;
}

glimpse_difference_packer *prior_quantise(const frame_job *job, uint8_t photos, size_t payload, spare_memory *spare)
{
    const glimpse_encoder *const encoder = job->encoder;
    const glimpse_codec *const codec = &encoder->model->codec;
    const uint8_t frame = job->request.frame;
    uint8_t *const symbols = (uint8_t *)encoder->latent;
    spare_memory left = *spare;
    pieces p;
    if (photos == 0 || !take_pieces(codec, &left, &p)) {
        prior_forget();
        glimpse_symbols_quantise(codec, encoder->latent, symbols);
        return NULL;
    }
    *spare = left;
    begin(encoder->model, photos);
    const glimpse_keeper_work work = {&job->schedule->packer, p.difference, p.acknowledged};
    if (glimpse_keeper_may_differ(&keeper)) {
        glimpse_difference_settle(codec, &keeper.reference, encoder->latent, HOLD, p.symbols);
    }
    if (glimpse_keeper_choose(&keeper, frame, p.symbols, payload, &work) != GLIMPSE_KIND_DIFFERENCE) {
        glimpse_symbols_quantise(codec, encoder->latent, symbols);
        return NULL;
    }
    memcpy(symbols, p.symbols, glimpse_codec_symbols(codec));
    (void)glimpse_difference_begin(p.difference, codec, &keeper.reference, symbols, frame);
    return p.difference;
}

void prior_acknowledge(uint8_t frame, glimpse_run run, bool first)
{
    if (begun) {
        (void)(first ? glimpse_keeper_acknowledge(&keeper, frame, &run, 1)
                     : glimpse_keeper_acknowledge_too(&keeper, frame, run));
    }
}

void prior_end_frame(void)
{
    if (begun) {
        glimpse_keeper_update(&keeper, (const uint8_t *)models_encoder()->latent);
    }
}

void prior_again(spare_memory *spare)
{
    pieces p;
    if (begun && take_pieces(keeper.codec, spare, &p)) { /* where they were: the keeper's bitmap is one of them */
        glimpse_keeper_again(&keeper);
    }
}

void prior_forget(void)
{
    begun = false;
}
