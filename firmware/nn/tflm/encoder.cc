/* SPDX-License-Identifier: Apache-2.0 */
/* nn/encoder.h answered by TensorFlow Lite Micro: every tensor whole, the network in one call. It runs the network that
   the firmware is built with and no other, because the blob of a model in a slot holds no flatbuffer. */
#include <cstdarg>
#include <cstring>
#include <new>

#include "glimpse_builtin_tflite.h"
#include "tensorflow/lite/micro/debug_log.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

extern "C" {
#include "core/status.h"
#include "nn/encoder.h"
}

namespace
{

constexpr size_t buffer_alignment = 16;

constexpr size_t align_up(size_t bytes)
{
    return (bytes + buffer_alignment - 1) / buffer_alignment * buffer_alignment;
}

/* Only what a model blob can hold, and only its int8 kernels: the general ones would link float and int16 kernels. */
class Operators : public tflite::MicroMutableOpResolver<3>
{
  public:
    Operators()
    {
        /* These can only fail for want of one of the three places. */
        (void)AddConv2D(tflite::Register_CONV_2D_INT8());
        (void)AddDepthwiseConv2D(tflite::Register_DEPTHWISE_CONV_2D_INT8());
        (void)AddMaxPool2D(tflite::Register_MAX_POOL_2D_INT8());
    }
};

/* Lies at the start of the caller's buffer, the arena behind it: no heap, nothing to construct before main. It is never
   destroyed; TFLM owns nothing outside the arena. */
struct Network {
    Operators operators;
    tflite::MicroInterpreter interpreter;

    Network(uint8_t *arena, size_t arena_size)
        : interpreter(tflite::GetModel(glimpse_builtin_tflite), operators, arena, arena_size)
    {
    }
};

static_assert(alignof(Network) <= buffer_alignment, "the caller's buffer is aligned to that");

constexpr size_t network_size = align_up(sizeof(Network));

size_t output_bytes(const glimpse_model *model, int layer)
{
    const glimpse_layer &last = model->layers[layer];
    return size_t{last.out_height} * last.out_width * last.out_channels;
}

bool is_int8_of(const TfLiteTensor *tensor, size_t bytes)
{
    return tensor != nullptr && tensor->type == kTfLiteInt8 && tensor->bytes == bytes;
}

/* Blob and flatbuffer come from one model folder; a mistake in between must not become a wrong picture. */
bool fits_model(tflite::MicroInterpreter &interpreter, const glimpse_model *model)
{
    const size_t outputs = model->side_layer < 0 ? 1 : 2;
    return interpreter.inputs_size() == 1 && interpreter.outputs_size() == outputs &&
           is_int8_of(interpreter.input(0), size_t{model->photo_height} * model->photo_width * 3) &&
           is_int8_of(interpreter.output(0), glimpse_encoder_latent_size(model)) &&
           (outputs == 1 || is_int8_of(interpreter.output(1), glimpse_encoder_side_size(model)));
}

} // namespace

/* The serial line belongs to the protocol: TFLM's messages have nowhere to go. */
extern "C" void DebugLog(const char *, va_list)
{
}

extern "C" int DebugVsnprintf(char *text, size_t size, const char *, va_list)
{
    if (size > 0) {
        text[0] = '\0';
    }
    return 0;
}

/* C++ asks for these three where a class has virtual functions. libstdc++'s own bring its whole error reporting.
   Nothing is ever made on a heap, so nothing can be deleted. */
extern "C" [[noreturn]] void __cxa_pure_virtual()
{
    __builtin_trap();
}

void operator delete(void *) noexcept
{
    __builtin_trap();
}

void operator delete(void *, size_t) noexcept
{
    __builtin_trap();
}

extern "C" size_t glimpse_encoder_buffer_size(const glimpse_model *)
{
    return network_size + GLIMPSE_BUILTIN_TFLITE_ARENA_BYTES;
}

extern "C" size_t glimpse_encoder_latent_size(const glimpse_model *model)
{
    return output_bytes(model, model->latent_layer);
}

extern "C" size_t glimpse_encoder_side_size(const glimpse_model *model)
{
    return model->side_layer < 0 ? 0 : output_bytes(model, model->side_layer);
}

extern "C" int glimpse_encoder_init(glimpse_encoder *encoder, const glimpse_model *model, void *buffer,
                                    size_t buffer_size, int8_t *latent, size_t latent_size, int8_t *side,
                                    size_t side_size)
{
    const size_t side_needed = glimpse_encoder_side_size(model);
    if (buffer == nullptr || latent == nullptr || reinterpret_cast<uintptr_t>(buffer) % buffer_alignment != 0 ||
        (side == nullptr && side_needed > 0)) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    if (model->check != GLIMPSE_BUILTIN_TFLITE_CHECK || model->patches != 1) {
        return GLIMPSE_ERROR_MODEL_LIMIT;
    }
    if (buffer_size < glimpse_encoder_buffer_size(model) || latent_size < glimpse_encoder_latent_size(model) ||
        side_size < side_needed) {
        return GLIMPSE_ERROR_BUFFER;
    }
    uint8_t *const arena = static_cast<uint8_t *>(buffer) + network_size;
    Network *const network = new (buffer) Network(arena, buffer_size - network_size);
    if (network->interpreter.AllocateTensors() != kTfLiteOk) {
        return GLIMPSE_ERROR_BUFFER;
    }
    if (!fits_model(network->interpreter, model)) {
        return GLIMPSE_ERROR_MODEL_FORMAT;
    }
    *encoder = {};
    encoder->model = model;
    encoder->latent = latent;
    encoder->side = side;
    encoder->staging = network->interpreter.input(0)->data.int8;
    encoder->scratch = network;
    return GLIMPSE_OK;
}

extern "C" int glimpse_frame_begin(glimpse_encoder *encoder)
{
    encoder->row = 0;
    encoder->running = 1;
    return GLIMPSE_OK;
}

extern "C" int glimpse_frame_row(glimpse_encoder *encoder, const uint8_t *rgb)
{
    const glimpse_model *const model = encoder->model;
    if (!encoder->running || encoder->row >= model->photo_height) {
        return GLIMPSE_ERROR_STATE;
    }
    const size_t count = size_t{model->photo_width} * 3;
    int8_t *const row = encoder->staging + encoder->row * count;
    for (size_t i = 0; i < count; i++) {
        row[i] = static_cast<int8_t>(rgb[i] ^ 0x80);
    }
    encoder->row++;
    return GLIMPSE_OK;
}

extern "C" int glimpse_frame_end(glimpse_encoder *encoder)
{
    const glimpse_model *const model = encoder->model;
    if (!encoder->running || encoder->row != model->photo_height) {
        return GLIMPSE_ERROR_STATE;
    }
    encoder->running = 0;
    tflite::MicroInterpreter &interpreter = static_cast<Network *>(encoder->scratch)->interpreter;
    if (interpreter.Invoke() != kTfLiteOk) {
        return GLIMPSE_ERROR_MODEL_LIMIT; /* a kernel does not take a shape that the streaming executor takes */
    }
    std::memcpy(encoder->latent, interpreter.output(0)->data.int8, glimpse_encoder_latent_size(model));
    if (model->side_layer >= 0) {
        std::memcpy(encoder->side, interpreter.output(1)->data.int8, glimpse_encoder_side_size(model));
    }
    return GLIMPSE_OK;
}
