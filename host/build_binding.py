# SPDX-License-Identifier: Apache-2.0
"""Compiles firmware/core and firmware/nn, with CMSIS-NN's portable path, into the module glimpse._core."""

import os
import re
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
DEPS = ROOT / ".deps"

# cffi reads declarations, not headers with macros: what Python uses, in the order of the headers.
DECLARATIONS = """
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
typedef struct { ...; } glimpse_workspace;
int glimpse_packet_unpack(const glimpse_codec *codec, int frame, const uint8_t *packet, size_t length,
                          glimpse_workspace *work, uint8_t *symbols, uint8_t *received);

typedef struct { ...; } glimpse_schedule;
int glimpse_schedule_begin(glimpse_schedule *schedule, const glimpse_codec *codec, const uint8_t *symbols,
                           uint8_t frame, uint8_t coding, uint32_t budget);
void glimpse_schedule_steer(glimpse_schedule *schedule, const int8_t *side);
int glimpse_schedule_next(glimpse_schedule *schedule, size_t payload, uint8_t *packet);

void node_pattern_row(uint8_t *rgb, uint16_t width, uint16_t height, uint16_t y);
size_t glimpse_serial_bound(size_t payload);
int glimpse_serial_encode(const uint8_t *payload, size_t count, uint8_t *line, size_t capacity);

typedef struct { int32_t out_zero; ...; } glimpse_layer;
typedef struct {
    glimpse_layer layers[...];
    char name[16]; uint32_t size; uint32_t check; uint16_t photo_height; uint16_t photo_width; uint8_t patches;
    uint8_t layer_count; int8_t latent_layer; int8_t side_layer; glimpse_codec codec;
    ...;
} glimpse_model;
int glimpse_model_load(glimpse_model *model, const void *blob, size_t size);
typedef struct { ...; } glimpse_encoder;
size_t glimpse_encoder_buffer_size(const glimpse_model *model);
size_t glimpse_encoder_latent_size(const glimpse_model *model);
size_t glimpse_encoder_side_size(const glimpse_model *model);
int glimpse_encoder_init(glimpse_encoder *encoder, const glimpse_model *model, void *buffer, size_t buffer_size,
                         int8_t *latent, size_t latent_size, int8_t *side, size_t side_size);
int glimpse_frame_begin(glimpse_encoder *encoder);
int glimpse_frame_row(glimpse_encoder *encoder, const uint8_t *rgb);
int glimpse_frame_end(glimpse_encoder *encoder);

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
#define GLIMPSE_MODEL_ALIGNMENT ...
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

"""

HEADERS = (
    "core/status.h",
    "core/codec.h",
    "core/symbols.h",
    "core/order.h",
    "core/context.h",
    "core/saliency.h",
    "core/packet.h",
    "core/schedule.h",
    "core/serial.h",
    "nn/model.h",
    "nn/encoder.h",
    "app/pattern.h",
    "app/protocol.h",
)


def _protocol_declarations() -> str:
    """The enumerations of app/protocol.h, so that the host has no second copy of its numbers."""
    text = (FIRMWARE / "app" / "protocol.h").read_text()
    return "\n".join(f"#define {name} ..." for name in re.findall(r"\bNODE_\w+(?= = \w)", text))


def _sources() -> list[str]:
    ours = [
        *sorted((FIRMWARE / "core").glob("*.c")),
        *sorted((FIRMWARE / "nn").glob("*.c")),
        FIRMWARE / "app" / "pattern.c",
    ]
    listed = (FIRMWARE / "nn" / "cmsis_nn_sources.txt").read_text().split("\n")
    kernels = [DEPS / "cmsis_nn" / line.strip() for line in listed if line.strip() and not line.startswith("#")]
    # setuptools wants paths relative to setup.py.
    return [os.path.relpath(path, ROOT) for path in [*ours, *kernels]]


builder = FFI()
builder.cdef(DECLARATIONS + _protocol_declarations())
builder.set_source(
    "glimpse._core",
    "\n".join(f'#include "{header}"' for header in HEADERS),
    sources=_sources(),
    include_dirs=[os.path.relpath(p, ROOT) for p in (FIRMWARE, DEPS / "cmsis_nn" / "Include")],
    extra_compile_args=["-std=c11", "-O2", "-w"],
)

if __name__ == "__main__":
    builder.compile(verbose=True)
