/* SPDX-License-Identifier: Apache-2.0 */
/* docs/model-blob.md. Everything that run paths rely on is checked here, once. */
#include "nn/model.h"

#include <stdbool.h>
#include <string.h>

#include "core/crc.h"
#include "core/status.h"
#include "nn/layer_check.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blobs are used in place and are little endian");

/* The three records of the blob as they lie in memory; every field sits at a multiple of its size. */
typedef struct {
    uint8_t magic[4];
    uint16_t version;
    uint16_t flags;
    uint32_t size;
    uint32_t check;
    char name[GLIMPSE_MODEL_NAME_BYTES];
    uint16_t photo_height, photo_width;
    uint8_t layer_count;
    int8_t latent_layer, side_layer;
    uint8_t patches;
    uint32_t layers;
    uint32_t codec;
    uint32_t more_reserved[4];
} blob_header;

typedef struct {
    uint8_t kind;
    int8_t input;
    uint8_t kernel_height, kernel_width, stride_y, stride_x, pad_top, pad_left;
    uint16_t in_height, in_width, in_channels, out_height, out_width, out_channels;
    int8_t in_zero, out_zero, minimum, maximum;
    uint32_t weights, bias, multiplier, shift;
    uint32_t weight_bytes;
    uint32_t reserved;
} blob_layer;

typedef struct {
    uint8_t model, revision, order;
    uint8_t flags;
    uint16_t levels, height, width;
    uint8_t channels;
    uint8_t reserved;
    uint16_t stride, offset;
    uint32_t minimum, step, cumulative, contexts, curve;
    uint8_t map_rows, map_columns, map_bits, block;
    uint16_t gain, tolerance;
    uint32_t more_reserved[5];
} blob_codec;

_Static_assert(sizeof(blob_header) == 64 && sizeof(blob_layer) == 48 && sizeof(blob_codec) == 64, "no padding");
_Static_assert(sizeof(glimpse_tap) == 5 && sizeof(glimpse_context) == 208 && sizeof(glimpse_table) == 4, "in place");

enum { CHECKED_FROM = 16, CODEC_FLAG_CUMULATIVE = 1, CODEC_FLAG_CONTEXTS = 2 };

/* The bytes from..from + count of the blob; NULL when they are not all inside it or not aligned. */
static const void *section(const uint8_t *blob, uint32_t size, uint32_t from, size_t count)
{
    if (from < sizeof(blob_header) || from % GLIMPSE_MODEL_ALIGNMENT != 0 || from > size || count > size - from) {
        return NULL;
    }
    return blob + from;
}

static int read_header(blob_header *header, const uint8_t *blob, size_t size)
{
    if (size < sizeof *header) {
        return GLIMPSE_ERROR_LENGTH;
    }
    memcpy(header, blob, sizeof *header);
    if (memcmp(header->magic, "GLPM", sizeof header->magic) != 0) {
        return GLIMPSE_ERROR_MODEL_FORMAT;
    }
    if (header->version != GLIMPSE_MODEL_BLOB_VERSION || header->flags != 0) {
        return GLIMPSE_ERROR_VERSION;
    }
    if (header->size < sizeof *header || header->size > size) {
        return GLIMPSE_ERROR_LENGTH;
    }
    if (header->check != glimpse_crc32(0, blob + CHECKED_FROM, header->size - CHECKED_FROM)) {
        return GLIMPSE_ERROR_CHECK;
    }
    const uint32_t *const reserved = header->more_reserved;
    if (header->size % GLIMPSE_MODEL_ALIGNMENT != 0 || header->name[GLIMPSE_MODEL_NAME_BYTES - 1] != 0 ||
        (reserved[0] | reserved[1] | reserved[2] | reserved[3]) != 0) {
        return GLIMPSE_ERROR_MODEL_FORMAT;
    }
    return GLIMPSE_OK;
}

static void take_header(glimpse_model *model, const blob_header *header)
{
    memcpy(model->name, header->name, sizeof model->name);
    model->size = header->size;
    model->check = header->check;
    model->photo_height = header->photo_height;
    model->photo_width = header->photo_width;
    model->patches = header->patches;
    model->layer_count = header->layer_count;
    model->latent_layer = header->latent_layer;
    model->side_layer = header->side_layer;
}

/* Patches of one size that fill the photo. */
static bool patches_are_sound(const glimpse_model *model)
{
    const uint32_t patches = model->patches;
    return (patches == 1 || patches == 2 || patches == GLIMPSE_MAX_PATCHES) && model->photo_height % patches == 0 &&
           model->photo_width % patches == 0;
}

static void take_layer(glimpse_layer *layer, const blob_layer *record)
{
    *layer = (glimpse_layer){
        .kind = record->kind,
        .input = record->input,
        .in_height = record->in_height,
        .in_width = record->in_width,
        .in_channels = record->in_channels,
        .out_height = record->out_height,
        .out_width = record->out_width,
        .out_channels = record->out_channels,
        .kernel_height = record->kernel_height,
        .kernel_width = record->kernel_width,
        .stride_y = record->stride_y,
        .stride_x = record->stride_x,
        .pad_top = record->pad_top,
        .pad_left = record->pad_left,
        .in_zero = record->in_zero,
        .out_zero = record->out_zero,
        .minimum = record->minimum,
        .maximum = record->maximum,
    };
}

/* Points the layer, whose shape has been checked, at its weights and tables. */
static bool find_tables(glimpse_layer *layer, const blob_layer *record, const uint8_t *blob, uint32_t size)
{
    if (record->weight_bytes != glimpse_layer_weight_bytes(layer) || record->reserved != 0) {
        return false;
    }
    if (layer->kind == GLIMPSE_LAYER_MAX_POOL_2D) {
        return (record->weights | record->bias | record->multiplier | record->shift) == 0;
    }
    const size_t table = layer->out_channels * sizeof(int32_t);
    layer->weights = section(blob, size, record->weights, record->weight_bytes);
    layer->bias = section(blob, size, record->bias, table);
    layer->multiplier = section(blob, size, record->multiplier, table);
    layer->shift = section(blob, size, record->shift, table);
    return layer->weights != NULL && layer->bias != NULL && layer->multiplier != NULL && layer->shift != NULL;
}

static int read_layers(glimpse_model *model, const blob_header *header, const uint8_t *blob)
{
    if (header->layer_count == 0) {
        return GLIMPSE_ERROR_MODEL_FORMAT;
    }
    if (header->layer_count > GLIMPSE_MAX_LAYERS) {
        return GLIMPSE_ERROR_MODEL_LIMIT;
    }
    const blob_layer *const records =
        section(blob, header->size, header->layers, header->layer_count * sizeof(blob_layer));
    if (records == NULL) {
        return GLIMPSE_ERROR_MODEL_FORMAT;
    }
    for (int i = 0; i < header->layer_count; i++) {
        glimpse_layer *const layer = &model->layers[i];
        take_layer(layer, &records[i]);
        const int status = glimpse_layer_check_shape(model, i);
        if (status != GLIMPSE_OK) {
            return status;
        }
        if (!find_tables(layer, &records[i], blob, header->size) || !glimpse_layer_check_arithmetic(layer)) {
            return GLIMPSE_ERROR_MODEL_FORMAT;
        }
    }
    return GLIMPSE_OK;
}

static bool outputs_are_sound(const glimpse_model *model)
{
    return model->latent_layer >= 0 && model->latent_layer < model->layer_count && model->side_layer >= -1 &&
           model->side_layer < model->layer_count && model->side_layer != model->latent_layer;
}

static bool codec_fits_latent(const glimpse_codec *codec, const glimpse_layer *latent, uint32_t patches)
{
    return codec->height == patches * latent->out_height && codec->width == patches * latent->out_width &&
           codec->channels == latent->out_channels;
}

/* A side output that orders by saliency gives one value for each position of the latent. */
static bool side_fits_codec(const glimpse_model *model)
{
    if (model->codec.order != GLIMPSE_ORDER_SALIENCY || model->side_layer < 0) {
        return true;
    }
    const glimpse_layer *const side = &model->layers[model->side_layer];
    return side->out_height * model->patches == model->codec.height &&
           side->out_width * model->patches == model->codec.width && side->out_channels == 1;
}

/* A part of the codec that a flag or the order asks for, or that must not be there: then its offset is zero. */
static bool find_part(const uint8_t *blob, uint32_t size, bool wanted, uint32_t from, size_t count, const void **part)
{
    *part = wanted ? section(blob, size, from, count) : NULL;
    return wanted ? *part != NULL : from == 0;
}

/* room: bytes from the tables to the blob's end. */
static bool tables_are_inside(const glimpse_table *table, size_t count, uint32_t room)
{
    for (; count > 0; count--, table++) {
        const uint32_t values = table->first <= table->last ? table->last - table->first + 1u : 0u;
        if ((table->at + values) * sizeof(uint16_t) > room) {
            return false;
        }
    }
    return true;
}

static bool find_tables_of_codec(glimpse_codec *codec, const blob_codec *record, const uint8_t *blob, uint32_t size)
{
    const void *contexts;
    const void *cumulative;
    const void *curve;
    if (!find_part(blob, size, (record->flags & CODEC_FLAG_CONTEXTS) != 0, record->contexts,
                   record->channels * sizeof(glimpse_context), &contexts) ||
        !find_part(blob, size, record->order == GLIMPSE_ORDER_SALIENCY, record->curve, 256, &curve)) {
        return false;
    }
    codec->contexts = contexts;
    codec->saliency.curve = curve;
    /* The contexts are checked later; a count of tables that they make up is at most refused here. */
    const size_t tables = glimpse_codec_tables(codec);
    if (!find_part(blob, size, (record->flags & CODEC_FLAG_CUMULATIVE) != 0, record->cumulative,
                   tables * sizeof(glimpse_table), &cumulative)) {
        return false;
    }
    codec->cumulative = cumulative;
    codec->tables = cumulative;
    return cumulative == NULL || tables_are_inside(codec->tables, tables, size - record->cumulative);
}

static int read_codec(glimpse_model *model, const blob_header *header, const uint8_t *blob)
{
    const blob_codec *const record = section(blob, header->size, header->codec, sizeof *record);
    if (record == NULL || record->channels == 0 || record->levels > GLIMPSE_MAX_LEVELS) {
        return GLIMPSE_ERROR_MODEL_FORMAT;
    }
    const uint32_t *const reserved = record->more_reserved;
    if ((record->reserved | reserved[0] | reserved[1] | reserved[2] | reserved[3] | reserved[4]) != 0) {
        return GLIMPSE_ERROR_MODEL_FORMAT;
    }
    if ((record->flags & ~(CODEC_FLAG_CUMULATIVE | CODEC_FLAG_CONTEXTS)) != 0) {
        return GLIMPSE_ERROR_VERSION;
    }
    glimpse_codec *const codec = &model->codec;
    *codec = (glimpse_codec){
        .model = record->model,
        .revision = record->revision,
        .height = record->height,
        .width = record->width,
        .channels = record->channels,
        .order = record->order,
        .levels = record->levels,
        .stride = record->stride,
        .offset = record->offset,
        .minimum = section(blob, header->size, record->minimum, record->channels * sizeof(int32_t)),
        .step = section(blob, header->size, record->step, record->channels * sizeof(uint16_t)),
        .saliency = {.rows = record->map_rows,
                     .columns = record->map_columns,
                     .bits = record->map_bits,
                     .block = record->block,
                     .gain = record->gain,
                     .tolerance = record->tolerance},
    };
    if (codec->minimum == NULL || codec->step == NULL || !find_tables_of_codec(codec, record, blob, header->size) ||
        !codec_fits_latent(codec, &model->layers[model->latent_layer], model->patches) || !side_fits_codec(model)) {
        return GLIMPSE_ERROR_MODEL_FORMAT;
    }
    return glimpse_codec_check(codec);
}

int glimpse_model_load(glimpse_model *model, const void *blob, size_t size)
{
    if (blob == NULL || (uintptr_t)blob % GLIMPSE_MODEL_ALIGNMENT != 0) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    blob_header header;
    *model = (glimpse_model){0};
    int status = read_header(&header, blob, size);
    if (status != GLIMPSE_OK) {
        return status;
    }
    take_header(model, &header);
    status = patches_are_sound(model) ? read_layers(model, &header, blob) : GLIMPSE_ERROR_MODEL_FORMAT;
    if (status != GLIMPSE_OK) {
        return status;
    }
    return outputs_are_sound(model) ? read_codec(model, &header, blob) : GLIMPSE_ERROR_MODEL_FORMAT;
}
