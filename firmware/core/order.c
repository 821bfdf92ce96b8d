/* SPDX-License-Identifier: Apache-2.0 */
#include "core/order.h"

/* Divides once for each channel; the steps between two symbols only add. */
static void begin_channel(glimpse_order *order, uint32_t channel, uint32_t walked)
{
    const glimpse_codec *codec = order->codec;
    const uint32_t positions = glimpse_codec_positions(codec);
    order->channel = channel;
    order->left = positions - walked;
    order->place = (walked * codec->stride + channel * codec->offset) % positions;
}

uint32_t glimpse_segment_total(const glimpse_codec *codec)
{
    const glimpse_saliency *saliency = &codec->saliency;
    return (codec->channels + saliency->block - 1u) / saliency->block * saliency->rows * saliency->columns;
}

/* No table: the symbols before a row of cells fill whole rows of the latent, and those before a cell in it fill whole
   columns of that row of cells. place: of the cell in the scan of its row. */
static glimpse_segment segment_at(const glimpse_codec *codec, uint32_t block, uint32_t row, uint32_t place)
{
    const glimpse_saliency *saliency = &codec->saliency;
    const uint32_t channel = block * saliency->block;
    const uint32_t rest = codec->channels - channel;
    const uint32_t deep = rest < saliency->block ? rest : saliency->block;
    const uint32_t backwards = row & 1u;
    const uint32_t column = backwards ? saliency->columns - 1u - place : place;
    const uint32_t top = glimpse_cell_first(row, saliency->rows, codec->height);
    const uint32_t bottom = glimpse_cell_first(row + 1, saliency->rows, codec->height);
    const uint32_t left = glimpse_cell_first(column, saliency->columns, codec->width);
    const uint32_t right = glimpse_cell_first(column + 1, saliency->columns, codec->width);
    const uint32_t before = top * codec->width + (backwards ? codec->width - right : left) * (bottom - top);
    return (glimpse_segment){
        .first = channel * glimpse_codec_positions(codec) + before * deep,
        .count = (bottom - top) * (right - left) * deep,
        .number = (block * saliency->rows + row) * saliency->columns + place,
        .cell = row * saliency->columns + column,
        .top = (uint16_t)top,
        .bottom = (uint16_t)bottom,
        .left = (uint16_t)left,
        .right = (uint16_t)right,
        .channel = (uint8_t)channel,
        .channel_end = (uint8_t)(channel + deep),
    };
}

glimpse_segment glimpse_segment_numbered(const glimpse_codec *codec, uint32_t number)
{
    const uint32_t cell = number / codec->saliency.columns;
    return segment_at(codec, cell / codec->saliency.rows, cell % codec->saliency.rows,
                      number % codec->saliency.columns);
}

glimpse_segment glimpse_segment_of(const glimpse_codec *codec, uint32_t rank)
{
    const glimpse_saliency *saliency = &codec->saliency;
    const uint32_t block_symbols = saliency->block * glimpse_codec_positions(codec);
    const uint32_t block = rank / block_symbols;
    const uint32_t rest = codec->channels - block * saliency->block;
    const uint32_t deep = rest < saliency->block ? rest : saliency->block;
    const uint32_t walked = rank % block_symbols / deep; /* positions, were a position's channels sent at once */
    const uint32_t row = walked / codec->width * saliency->rows / codec->height;
    const uint32_t top = glimpse_cell_first(row, saliency->rows, codec->height);
    const uint32_t bottom = glimpse_cell_first(row + 1, saliency->rows, codec->height);
    const uint32_t along = (walked - top * codec->width) / (bottom - top); /* columns of the latent */
    const uint32_t backwards = row & 1u;
    const uint32_t x = backwards ? codec->width - 1u - along : along;
    const uint32_t column = x * saliency->columns / codec->width;
    return segment_at(codec, block, row, backwards ? saliency->columns - 1u - column : column);
}

static void begin_segment(glimpse_order *order, uint32_t rank)
{
    glimpse_segment *segment = &order->segment;
    if (rank >= glimpse_codec_symbols(order->codec)) {
        return; /* the end: there is nothing to point at */
    }
    *segment = glimpse_segment_of(order->codec, rank);
    const uint32_t columns = (uint32_t)segment->right - segment->left;
    const uint32_t area = ((uint32_t)segment->bottom - segment->top) * columns;
    const uint32_t walked = rank - segment->first;
    order->channel = segment->channel + walked / area;
    order->y = segment->top + walked % area / columns;
    order->x = segment->left + walked % area % columns;
}

void glimpse_order_seek(glimpse_order *order, const glimpse_codec *codec, uint32_t rank)
{
    order->codec = codec;
    order->rank = rank;
    order->cycle = glimpse_codec_cycle(codec);
    switch (codec->order) {
    case GLIMPSE_ORDER_CHANNEL:
        begin_channel(order, rank / order->cycle, rank % order->cycle);
        break;
    case GLIMPSE_ORDER_SALIENCY:
        begin_segment(order, rank);
        break;
    default:
        order->place = (rank * codec->stride + codec->offset) % order->cycle;
        break;
    }
}

static uint32_t next_by_saliency(glimpse_order *order)
{
    const glimpse_segment *segment = &order->segment;
    const uint32_t at = (order->y * order->codec->width + order->x) * order->codec->channels + order->channel;
    if (++order->x < segment->right) {
        return at;
    }
    order->x = segment->left;
    if (++order->y < segment->bottom) {
        return at;
    }
    order->y = segment->top;
    if (++order->channel == segment->channel_end) {
        begin_segment(order, order->rank);
    }
    return at;
}

uint32_t glimpse_order_next(glimpse_order *order)
{
    const glimpse_codec *codec = order->codec;
    const uint32_t place = order->place;
    const uint32_t channel = order->channel;
    order->rank++;
    if (codec->order == GLIMPSE_ORDER_SALIENCY) {
        return next_by_saliency(order);
    }
    order->place = place + codec->stride;
    if (order->place >= order->cycle) {
        order->place -= order->cycle;
    }
    if (codec->order != GLIMPSE_ORDER_CHANNEL) {
        return place;
    }
    if (--order->left == 0) {
        begin_channel(order, channel + 1, 0);
    }
    return place * codec->channels + channel;
}
