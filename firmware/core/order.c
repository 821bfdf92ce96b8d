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

void glimpse_order_seek(glimpse_order *order, const glimpse_codec *codec, uint32_t rank)
{
    order->codec = codec;
    order->rank = rank;
    order->cycle = glimpse_codec_cycle(codec);
    if (codec->order == GLIMPSE_ORDER_CHANNEL) {
        begin_channel(order, rank / order->cycle, rank % order->cycle);
    } else {
        order->channel = 0;
        order->left = 0;
        order->place = (rank * codec->stride + codec->offset) % order->cycle;
    }
}

uint32_t glimpse_order_next(glimpse_order *order)
{
    const glimpse_codec *codec = order->codec;
    const uint32_t place = order->place;
    const uint32_t channel = order->channel;
    order->rank++;
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
