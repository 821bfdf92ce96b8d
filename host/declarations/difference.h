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
#define GLIMPSE_KIND_DIFFERENCE ...
#define GLIMPSE_HOLD_UNIT ...
#define GLIMPSE_REFERENCE_CHECK_BITS ...
