/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of what changed against what the receiver has. */
#include "core/difference.h"

typedef struct { const uint8_t *symbols; const uint8_t *known; uint8_t frame; uint16_t check; } glimpse_reference;
uint16_t glimpse_reference_check(const glimpse_codec *codec, const uint8_t *symbols, const uint8_t *known);
uint8_t glimpse_reference_centre(const glimpse_codec *codec, uint32_t channel);
void glimpse_difference_settle(const glimpse_codec *codec, const glimpse_reference *reference, const int8_t *latent,
                               uint32_t hold, uint8_t *symbols);
typedef struct { ...; } glimpse_difference_packer;
int glimpse_difference_begin(glimpse_difference_packer *packer, const glimpse_codec *codec,
                             const glimpse_reference *reference, const uint8_t *symbols, uint8_t frame);
int glimpse_difference_next(glimpse_difference_packer *packer, size_t payload, uint8_t *packet);
typedef struct { ...; } glimpse_difference_workspace;
int glimpse_difference_needs(const uint8_t *packet, size_t length, uint8_t *frame, uint16_t *check);
int glimpse_difference_unpack(const glimpse_codec *codec, int frame, const glimpse_reference *reference,
                              const uint8_t *packet, size_t length, glimpse_difference_workspace *work,
                              uint8_t *symbols, uint8_t *received);

#define GLIMPSE_ERROR_REFERENCE ...
#define GLIMPSE_HOLD_UNIT ...
#define GLIMPSE_REFERENCE_CHECK_BITS ...

/* ---- The sender's side */
#include "core/reference.h"

typedef struct { glimpse_reference reference; bool valid; ...; } glimpse_keeper;
typedef struct {
    glimpse_packer *image; glimpse_difference_packer *difference; uint8_t *acknowledged;
} glimpse_keeper_work;
void glimpse_keeper_begin(glimpse_keeper *keeper, const glimpse_codec *codec, uint8_t *symbols, uint8_t *known,
                          uint8_t patience, uint8_t refresh);
bool glimpse_keeper_may_differ(const glimpse_keeper *keeper);
void glimpse_keeper_update(glimpse_keeper *keeper, const uint8_t *sent);
int glimpse_keeper_choose(glimpse_keeper *keeper, uint8_t frame, const uint8_t *symbols, size_t payload,
                          const glimpse_keeper_work *work);
int glimpse_keeper_acknowledge(glimpse_keeper *keeper, uint8_t frame, const glimpse_run *runs, uint32_t count);
void glimpse_keeper_forget(glimpse_keeper *keeper);
void glimpse_keeper_again(glimpse_keeper *keeper);
