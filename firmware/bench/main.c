/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what the built-in model costs on one frame of the camera: on whole tensors and streamed, each layer by layer;
   and what JPEG costs on the same frame. Prints lines of text; both ways through the model must print the same CRC-32
   of the latent, and of the side output if there is one. The JPEG files are printed whole. */
#include <string.h>

#include "core/crc.h"
#include "core/status.h"
#include "glimpse_builtin_model.h"
#include "bench/jpeg.h"
#include "bench/whole_tensor.h"
#include "nn/encoder.h"
#include "nn/model.h"
#include "ports/port.h"

enum { ARENA_BYTES = 448 * 1024, STREAM_BYTES = GLIMPSE_BUILTIN_BUFFER_BYTES };

/* From what a link of a few bytes a second bears to what nobody can tell from the photo. */
static const uint8_t jpeg_qualities[] = {2, 4, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 60, 70, 80, 90};

/* Whole tensors do not fit the memory of a node; emulated boards have some more. */
static uint8_t arena_bytes[ARENA_BYTES] __attribute__((section(".external"), aligned(16)));
static uint8_t stream_bytes[STREAM_BYTES] __attribute__((aligned(16)));
static glimpse_model model;
static glimpse_encoder encoder;

/* Ticks of the counter: of each layer, the last those of no layer. They are of one counter without a gap, so their sum
   is the whole. */
static uint64_t layer_ticks[GLIMPSE_MAX_LAYERS + 1];
static int layer_at_work;
static uint32_t at_work_since;

static void print_number(uint64_t value)
{
    char digits[21];
    char *at = digits + sizeof digits - 1;
    *at = 0;
    do {
        *--at = (char)('0' + (char)(value % 10u));
        value /= 10u;
    } while (value != 0);
    port_text(at);
}

static void print_count(const char *what, uint64_t count)
{
    port_text(what);
    port_text(" ");
    print_number(count);
    port_text("\n");
}

static void print_output(const char *way, const char *what, const int8_t *output, size_t size)
{
    const uint32_t check = glimpse_crc32(0, (const uint8_t *)output, size);
    char digits[9] = {0};
    for (uint32_t i = 0; i < 8; i++) {
        digits[i] = "0123456789ABCDEF"[(check >> (28 - 4 * i)) & 15u];
    }
    port_text(way);
    port_text(what);
    port_text(digits);
    port_text("\n");
}

static void print_outputs(const char *way, const int8_t *latent, const int8_t *side)
{
    print_output(way, " latent crc32 ", latent, glimpse_encoder_latent_size(&model));
    if (side != NULL) {
        print_output(way, " side crc32 ", side, glimpse_encoder_side_size(&model));
    }
}

PORT_NORETURN static void give_up(const char *why)
{
    port_text("bench failed: ");
    port_text(why);
    port_text("\n");
    port_exit(1);
}

static uint64_t in_units(uint64_t ticks)
{
    const port_counter_unit *const unit = port_get_counter_unit();
    return (ticks * unit->numerator + unit->denominator / 2u) / unit->denominator;
}

static uint64_t count_since(uint32_t start)
{
    return in_units(port_counter() - start);
}

void glimpse_layer_works(int layer)
{
    const uint32_t now = port_counter();
    layer_ticks[layer_at_work] += now - at_work_since;
    layer_at_work = layer == GLIMPSE_NO_LAYER ? GLIMPSE_MAX_LAYERS : layer;
    at_work_since = now;
}

static void print_layers(void)
{
    for (int i = 0; i < model.layer_count; i++) {
        port_text("stream layer ");
        print_number((uint64_t)i);
        print_count(" instructions", in_units(layer_ticks[i]));
    }
    print_count("stream between layers", in_units(layer_ticks[GLIMPSE_MAX_LAYERS]));
}

/* The frame as the camera gives it: RGB888 [height, width, 3]. */
static uint8_t *take_photo(whole_arena *arena)
{
    const size_t row = (size_t)model.photo_width * 3u;
    uint8_t *const photo = whole_arena_take(arena, row * model.photo_height);
    const port_camera_frame wanted = {model.photo_width, model.photo_height};
    port_camera_frame frame;
    if (photo == NULL || !port_camera_begin(&wanted, &frame) || frame.width != wanted.width ||
        frame.height != wanted.height) {
        give_up("no camera frame");
    }
    for (size_t y = 0; y < model.photo_height; y++) {
        if (!port_camera_read(photo + y * row, row)) {
            give_up("the camera frame is too short");
        }
    }
    port_camera_end();
    return photo;
}

static void print_hex(const uint8_t *bytes, size_t count)
{
    uint8_t digits[64];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        digits[used++] = (uint8_t) "0123456789abcdef"[bytes[i] >> 4];
        digits[used++] = (uint8_t) "0123456789abcdef"[bytes[i] & 15u];
        if (used == sizeof digits || i + 1 == count) {
            port_serial_write(digits, used);
            used = 0;
        }
    }
    port_text("\n");
}

static void run_jpeg(const uint8_t *photo, whole_arena *arena)
{
    if (!jpeg_available()) {
        port_text("jpeg not built in\n");
        return;
    }
    jpeg_file file = {arena->bytes + arena->used, arena->size - arena->used, 0};
    for (size_t i = 0; i < sizeof jpeg_qualities; i++) {
        const uint32_t start = port_counter();
        const bool fits = jpeg_encode(photo, model.photo_width, model.photo_height, jpeg_qualities[i], &file);
        const uint64_t spent = count_since(start);
        if (!fits) {
            give_up("a JPEG file does not fit");
        }
        port_text("jpeg quality ");
        print_number(jpeg_qualities[i]);
        print_count(" instructions", spent);
        port_text("jpeg file ");
        print_hex(file.bytes, file.length);
    }
    print_count("jpeg stack bytes", port_stack_peak());
}

static void run_streamed(const uint8_t *photo, whole_arena *arena)
{
    const size_t latent_size = glimpse_encoder_latent_size(&model);
    const size_t side_size = glimpse_encoder_side_size(&model);
    int8_t *const latent = whole_arena_take(arena, latent_size);
    int8_t *const side = whole_arena_take(arena, side_size);
    if (glimpse_encoder_init(&encoder, &model, stream_bytes, sizeof stream_bytes, latent, latent_size, side,
                             side_size) != GLIMPSE_OK) {
        give_up("the streaming executor does not fit");
    }
    layer_at_work = GLIMPSE_MAX_LAYERS;
    const uint32_t start = port_counter();
    at_work_since = start;
    int status = glimpse_frame_begin(&encoder);
    for (size_t y = 0; y < model.photo_height; y++) {
        status |= glimpse_frame_row(&encoder, photo + y * model.photo_width * 3u);
    }
    status |= glimpse_frame_end(&encoder);
    glimpse_layer_works(GLIMPSE_NO_LAYER);
    const uint64_t spent = in_units(at_work_since - start);
    if (status != GLIMPSE_OK) {
        give_up("the streaming executor stopped");
    }
    print_count("stream buffer bytes", glimpse_encoder_buffer_size(&model));
    print_count("stream total", spent);
    print_layers();
    print_outputs("stream", latent, model.side_layer < 0 ? NULL : side);
}

static void make_signed(uint8_t *photo)
{
    const size_t bytes = (size_t)model.photo_height * model.photo_width * 3u;
    for (size_t i = 0; i < bytes; i++) {
        photo[i] ^= 0x80u;
    }
}

static void run_whole(const int8_t *photo, whole_arena *arena)
{
    whole_layer layers[GLIMPSE_MAX_LAYERS];
    uint64_t total = 0;
    for (int i = 0; i < model.layer_count; i++) {
        const int8_t *const input = model.layers[i].input < 0 ? photo : layers[model.layers[i].input].output;
        if (!whole_layer_prepare(&layers[i], &model.layers[i], input, arena)) {
            give_up("whole tensors do not fit");
        }
        const uint32_t start = port_counter();
        if (!whole_layer_run(&layers[i])) {
            give_up("CMSIS-NN refuses a layer");
        }
        const uint64_t spent = count_since(start);
        total += spent;
        port_text("whole layer ");
        print_number((uint64_t)i);
        print_count(" instructions", spent);
    }
    print_count("whole total", total);
    print_outputs("whole", layers[model.latent_layer].output,
                  model.side_layer < 0 ? NULL : layers[model.side_layer].output);
}

int main(void)
{
    whole_arena arena = {arena_bytes, sizeof arena_bytes, 0};
    port_init();
    port_serial_open(PORT_SERIAL_POLLED);
    if (glimpse_model_load(&model, glimpse_builtin_model, sizeof glimpse_builtin_model) != GLIMPSE_OK) {
        give_up("the built-in model is not sound");
    }
    uint8_t *const photo = take_photo(&arena);
    run_jpeg(photo, &arena); /* first: the stack is its own */
    run_streamed(photo, &arena);
    make_signed(photo);
    run_whole((const int8_t *)photo, &arena);
    port_exit(0);
}
