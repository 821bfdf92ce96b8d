/* SPDX-License-Identifier: Apache-2.0 */
/* Prior knowledge: what the receiver is known to have of earlier photos, so that the next one leaves as its changes. */
#ifndef GLIMPSE_APP_PRIOR_H
#define GLIMPSE_APP_PRIOR_H

#include <stdbool.h>
#include <stdint.h>

#include "app/frame_job.h"
#include "app/spare.h"
#include "core/difference.h"

/* Takes what sending differences needs of the spare memory; false: this build has no room for it, or not for the
   model in use. Afterwards GLIMPSE_ERROR_BUFFER cannot come. */
bool prior_fits(spare_memory *spare);

/* Quantises the latent of the job's encoder in its place. Where that is cheaper, the model and the receiver allow it, and at
   most `photos` in a row have left so, the frame is to leave as what changed: then a difference packer, begun, in the spare memory. NULL: as an
   image; photos 0: always, and what the receiver has is forgotten. payload: of a packet, without its seal. */
glimpse_difference_packer *prior_quantise(const frame_job *job, uint8_t photos, size_t payload, spare_memory *spare);

/* The receiver has this run of a frame; first: of an acknowledgement, which takes the place of earlier ones. */
void prior_acknowledge(uint8_t frame, glimpse_run run, bool first);

/* The frame ends, while its symbols are still there: what was acknowledged of it is what the next one may refer to. */
void prior_end_frame(void);

/* The receiver has lost what differences refer to: a frame under way is an image from now on. spare: as it was before
   prior_quantise; what that took for differences is taken again. */
void prior_again(spare_memory *spare);

/* Nothing is known of the receiver any more. */
void prior_forget(void);

#endif
