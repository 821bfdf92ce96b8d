/* SPDX-License-Identifier: Apache-2.0 */
/* From symbols to packets and back. What Python uses of these headers, as cffi reads it. */
#include "core/status.h"
#include "core/codec.h"
#include "core/symbols.h"
#include "core/order.h"
#include "core/context.h"
#include "core/picker.h"
#include "core/saliency.h"
#include "core/packet.h"

const char *glimpse_status_text(int status);

typedef struct { uint8_t centre; uint8_t classes; ...; } glimpse_context;
typedef struct {
    uint8_t rows; uint8_t columns; uint8_t bits; uint8_t block; uint16_t gain; uint16_t tolerance;
    ...;
} glimpse_saliency;
typedef struct {
    uint8_t model; uint8_t revision; uint16_t height; uint16_t width; uint8_t channels; uint8_t order; uint16_t levels;
    uint16_t stride; uint16_t offset;
    const int32_t *minimum; const uint16_t *step; const uint16_t *cumulative; const glimpse_context *contexts;
    glimpse_saliency saliency;
    ...;
} glimpse_codec;
int glimpse_codec_check(const glimpse_codec *codec);
uint32_t glimpse_codec_bits(const glimpse_codec *codec);
uint32_t glimpse_codec_tables(const glimpse_codec *codec);
void glimpse_symbols_quantise(const glimpse_codec *codec, const int8_t *latent, uint8_t *symbols);
int32_t glimpse_symbols_value(const glimpse_codec *codec, uint32_t channel, uint32_t symbol);
typedef struct { ...; } glimpse_order;
void glimpse_order_seek(glimpse_order *order, const glimpse_codec *codec, uint32_t rank);
uint32_t glimpse_order_next(glimpse_order *order);

typedef struct { ...; } glimpse_surroundings;
void glimpse_surroundings_begin(glimpse_surroundings *around, const glimpse_codec *codec, const uint8_t *symbols);
const uint16_t *glimpse_surroundings_table(glimpse_surroundings *around, uint32_t at);
void glimpse_surroundings_add(glimpse_surroundings *around, uint32_t at);
void glimpse_saliency_map(const glimpse_codec *codec, const int8_t *side, uint8_t *map);

typedef struct {
    uint8_t version; uint8_t model; uint8_t frame; uint16_t first; uint8_t kind; uint8_t coding; uint8_t revision;
    ...;
} glimpse_header;
int glimpse_packet_read(const uint8_t *packet, size_t length, glimpse_header *header);
typedef struct { uint32_t first; uint32_t count; } glimpse_run;
typedef struct { ...; } glimpse_packer;
int glimpse_packer_begin(glimpse_packer *packer, const glimpse_codec *codec, const uint8_t *symbols, uint8_t frame,
                         uint8_t coding);
void glimpse_packer_steer(glimpse_packer *packer, const int8_t *side);
int glimpse_packer_next(glimpse_packer *packer, size_t payload, uint8_t *packet);
typedef struct { ...; } glimpse_workspace;
int glimpse_packet_unpack(const glimpse_codec *codec, int frame, const uint8_t *packet, size_t length,
                          glimpse_workspace *work, uint8_t *symbols, uint8_t *received);

#define GLIMPSE_ERROR_LENGTH ...
#define GLIMPSE_ERROR_CHECK ...
#define GLIMPSE_ERROR_VERSION ...
#define GLIMPSE_ERROR_KIND ...
#define GLIMPSE_ERROR_MODEL ...
#define GLIMPSE_ERROR_REVISION ...
#define GLIMPSE_ERROR_FRAME ...
#define GLIMPSE_ERROR_RANGE ...
#define GLIMPSE_ERROR_BODY ...
#define GLIMPSE_MIN_PAYLOAD ...
#define GLIMPSE_MAX_PAYLOAD ...
#define GLIMPSE_MAX_FRAME ...
#define GLIMPSE_OVERHEAD_BYTES ...
#define GLIMPSE_WIRE_VERSION ...
#define GLIMPSE_FREQUENCY_BITS ...
#define GLIMPSE_CODING_RAW ...
#define GLIMPSE_CODING_RANGE ...
#define GLIMPSE_ORDER_INTERLEAVED ...
#define GLIMPSE_ORDER_CHANNEL ...
#define GLIMPSE_ORDER_SALIENCY ...
#define GLIMPSE_MAX_CLASSES ...
#define GLIMPSE_MAX_TAPS ...
#define GLIMPSE_CONTEXT_SIDE ...
