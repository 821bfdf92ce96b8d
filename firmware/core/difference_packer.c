/* SPDX-License-Identifier: Apache-2.0 */
/* The writing side of difference.h. */
#include <string.h>

#include "core/difference.h"
#include "core/entropy.h"
#include "core/order.h"
#include "core/status.h"

enum {
    TOTAL = 1 << GLIMPSE_FREQUENCY_BITS,
    SYMBOLS_IN_A_BYTE = 8 /* expected; most of them have not changed */
};

/* Within the hold, counted from the reference's symbol? */
static bool holds(const glimpse_codec *codec, uint32_t channel, int32_t value, uint32_t symbol, uint32_t hold)
{
    const int32_t step = codec->step[channel];
    const int32_t away = value * 256 - codec->minimum[channel] - (int32_t)symbol * step;
    return (uint32_t)(away < 0 ? -away : away) * GLIMPSE_HOLD_UNIT <= hold * (uint32_t)step;
}

void glimpse_difference_settle(const glimpse_codec *codec, const glimpse_reference *reference, const int8_t *latent,
                               uint32_t hold, uint8_t *symbols)
{
    const uint32_t count = glimpse_codec_symbols(codec);
    const uint32_t channels = codec->channels;
    const uint32_t most = hold < 256u ? hold : 256u; /* so that products stay in 32 bits */
    for (uint32_t at = 0; at < count; at++) {
        const uint32_t channel = at % channels;
        const int32_t value = latent[at];
        if (most > 0 && glimpse_reference_knows(reference, at) &&
            holds(codec, channel, value, reference->symbols[at], most)) {
            symbols[at] = reference->symbols[at];
        } else {
            const int32_t above = value * 256 - codec->minimum[channel] + codec->step[channel] / 2;
            const uint32_t symbol = above < 0 ? 0 : (uint32_t)above / codec->step[channel];
            symbols[at] = (uint8_t)(symbol < codec->levels ? symbol : codec->levels - 1u);
        }
    }
}

/* A symbol that the quantiser did not make must not lead out of a table. */
static uint32_t symbol_at(const glimpse_difference_packer *packer, uint32_t at)
{
    const uint32_t symbol = packer->symbols[at];
    return symbol < packer->codec->levels ? symbol : packer->codec->levels - 1u;
}

static uint32_t distance_at(const glimpse_difference_packer *packer, uint32_t at)
{
    const uint32_t symbol = symbol_at(packer, at);
    const uint32_t expected = glimpse_changes_expected(&packer->changes, at);
    return symbol < expected ? expected - symbol : symbol - expected;
}

/* What the receiver has to be told: also that a symbol which the reference lacks is the centre. */
static bool is_news(const glimpse_difference_packer *packer, uint32_t at)
{
    return !glimpse_reference_knows(packer->reference, at) || distance_at(packer, at) > 0;
}

/* The map of changes: the highest level where symbols moved by one on average, above 0 wherever one moved. */
static uint8_t change_level(const glimpse_difference_packer *packer, const glimpse_segment *cell)
{
    const glimpse_codec *codec = packer->codec;
    const uint32_t highest = (1u << codec->saliency.bits) - 1u;
    uint32_t sum = 0;
    uint32_t symbols = 0;
    for (uint32_t y = cell->top; y < cell->bottom; y++) {
        for (uint32_t x = cell->left; x < cell->right; x++) {
            const uint32_t position = y * codec->width + x;
            for (uint32_t channel = 0; channel < codec->channels; channel++) {
                sum += distance_at(packer, position * codec->channels + channel);
                symbols++;
            }
        }
    }
    return (uint8_t)(sum >= symbols ? highest : (sum * highest + symbols - 1u) / symbols);
}

static void steer(glimpse_difference_packer *packer)
{
    const glimpse_codec *codec = packer->codec;
    const uint32_t cells = (uint32_t)codec->saliency.rows * codec->saliency.columns;
    glimpse_picker_begin(&packer->picker, codec, NULL);
    for (uint32_t i = 0; i < cells; i++) { /* the segments of the first block are the cells */
        const glimpse_segment segment = glimpse_segment_numbered(codec, i);
        packer->picker.level[segment.cell] = change_level(packer, &segment);
    }
}

int glimpse_difference_begin(glimpse_difference_packer *packer, const glimpse_codec *codec,
                             const glimpse_reference *reference, const uint8_t *symbols, uint8_t frame)
{
    if (frame > GLIMPSE_MAX_FRAME) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    packer->codec = codec;
    packer->symbols = symbols;
    packer->reference = reference;
    packer->rank = 0;
    packer->sent = 0;
    packer->frame = frame;
    packer->stale = false;
    packer->waiting = NULL;
    packer->last = (glimpse_run){0, 0};
    packer->brought = 0;
    packer->steered = codec->order == GLIMPSE_ORDER_SALIENCY;
    glimpse_changes_begin(&packer->changes, codec, reference, symbols);
    if (packer->steered) {
        steer(packer);
    }
    return GLIMPSE_OK;
}

static bool put_answer(glimpse_range_writer *writer, uint16_t *odds, bool yes)
{
    const bool fits = yes ? glimpse_range_writer_put(writer, *odds, TOTAL) : glimpse_range_writer_put(writer, 0, *odds);
    if (fits) {
        glimpse_change_learn(odds, yes);
    }
    return fits;
}

/* As in an image packet; without tables, bit by bit. */
static bool put_anew(glimpse_difference_packer *packer, glimpse_range_writer *writer, uint32_t at)
{
    const uint32_t symbol = symbol_at(packer, at);
    if (packer->codec->cumulative != NULL) {
        return glimpse_surroundings_put(&packer->changes.around, at, symbol, writer);
    }
    bool fits = true;
    for (uint32_t bit = glimpse_codec_bits(packer->codec); bit > 0 && fits; bit--) {
        const uint32_t half = symbol >> (bit - 1u) & 1u ? TOTAL / 2 : 0;
        fits = glimpse_range_writer_put(writer, half, half + TOTAL / 2);
    }
    return fits;
}

static bool put_move(glimpse_difference_packer *packer, glimpse_range_writer *writer, uint32_t at,
                     glimpse_change_context context)
{
    uint16_t *odds = packer->changes.odds;
    const uint32_t symbol = symbol_at(packer, at);
    const uint32_t expected = glimpse_changes_expected(&packer->changes, at);
    const uint32_t distance = distance_at(packer, at);
    if (!put_answer(writer, &odds[context.beyond_one], distance > 1)) {
        return false;
    }
    if (distance > 1 && !put_answer(writer, &odds[context.beyond_two], distance > 2)) {
        return false;
    }
    if (distance > 2) {
        return put_anew(packer, writer, at);
    }
    const bool either = expected >= distance && expected + distance < packer->codec->levels;
    return !either || put_answer(writer, &odds[context.down], symbol < expected);
}

/* must_move: the first symbol of a packet is always news. */
static bool put_symbol(glimpse_difference_packer *packer, glimpse_range_writer *writer, uint32_t at, bool must_move)
{
    if (!glimpse_reference_knows(packer->reference, at)) {
        return put_anew(packer, writer, at);
    }
    const glimpse_change_context context = glimpse_changes_context(&packer->changes, at);
    const bool moved = distance_at(packer, at) > 0;
    if (!must_move && !put_answer(writer, &packer->changes.odds[context.moved], moved)) {
        return false;
    }
    return !moved || put_move(packer, writer, at, context);
}

typedef struct {
    uint32_t count; /* symbols */
    size_t length;  /* bytes */
} body_size;

/* After each symbol that is news, the stream is also closed; the last one that fits is the packet. */
static body_size put_body(glimpse_difference_packer *packer, uint32_t first, uint32_t run, uint8_t *body,
                          size_t capacity)
{
    uint8_t stream[GLIMPSE_MAX_PAYLOAD];
    uint8_t closed[GLIMPSE_MAX_PAYLOAD];
    body_size size = {0, 0};
    glimpse_range_writer writer;
    glimpse_order order;
    glimpse_range_writer_begin(&writer, stream, capacity);
    glimpse_changes_begin(&packer->changes, packer->codec, packer->reference, packer->symbols);
    glimpse_order_seek(&order, packer->codec, first);
    for (uint32_t i = 0; i < run; i++) {
        const uint32_t at = glimpse_order_next(&order);
        if (!put_symbol(packer, &writer, at, i == 0)) {
            break;
        }
        glimpse_surroundings_add(&packer->changes.around, at);
        if (!is_news(packer, at)) {
            continue;
        }
        glimpse_range_writer closing = writer;
        closing.bytes = closed;
        memcpy(closed, stream, writer.count); /* a carry may still change any of it */
        if (!glimpse_range_writer_put(&closing, packer->changes.odds[GLIMPSE_CHANGE_LAST], TOTAL)) {
            break;
        }
        size = (body_size){i + 1, glimpse_range_writer_end(&closing)};
        memcpy(body, closed, size.length);
        if (!put_answer(&writer, &packer->changes.odds[GLIMPSE_CHANGE_LAST], false)) {
            break;
        }
    }
    return size;
}

void glimpse_difference_follow(glimpse_difference_packer *packer, glimpse_ranks *waiting)
{
    packer->waiting = waiting;
    packer->stale = true;
}

void glimpse_difference_changed(glimpse_difference_packer *packer)
{
    packer->stale = packer->waiting != NULL;
}

int glimpse_difference_want(glimpse_difference_packer *packer, uint32_t top, uint32_t bottom, uint32_t left,
                            uint32_t right)
{
    if (top >= bottom || left >= right || bottom > packer->codec->height || right > packer->codec->width) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    if (packer->steered) {
        glimpse_picker_want(&packer->picker, top, bottom, left, right);
    }
    return packer->steered;
}

void glimpse_difference_take_back(glimpse_difference_packer *packer)
{
    packer->sent -= packer->brought;
    if (packer->waiting != NULL) {
        glimpse_ranks_add(packer->waiting, packer->last.first, packer->last.count);
    } else {
        packer->rank = packer->last.first;
    }
    if (packer->steered && !packer->stale) {
        glimpse_picker_unsent(&packer->picker, packer->last.first, packer->last.count);
    }
    packer->last.count = 0;
    packer->brought = 0;
}

static bool any_waits(const glimpse_difference_packer *packer)
{
    const uint32_t total = glimpse_segment_total(packer->codec);
    for (uint32_t i = 0; i < total; i++) {
        if (packer->picker.waiting[i] > 0) {
            return true;
        }
    }
    return false;
}

/* The symbols that the next packet may bring; none when everything has been sent. */
static glimpse_run next_run(glimpse_difference_packer *packer, size_t payload)
{
    const uint32_t count = glimpse_codec_symbols(packer->codec);
    if (packer->steered && packer->stale) {
        glimpse_picker_follow(&packer->picker, packer->waiting);
        packer->stale = false;
    }
    if (packer->steered) {
        const uint32_t room = (uint32_t)payload - GLIMPSE_OVERHEAD_BYTES - GLIMPSE_REFERENCE_BYTES;
        return any_waits(packer) ? glimpse_picker_next(&packer->picker, SYMBOLS_IN_A_BYTE * room).run
                                 : (glimpse_run){count, 0};
    }
    if (packer->waiting == NULL) {
        return (glimpse_run){packer->rank, count - packer->rank};
    }
    const uint32_t first = glimpse_ranks_next(packer->waiting, 0);
    return (glimpse_run){first, first < count ? glimpse_ranks_end(packer->waiting, first) - first : 0};
}

static void sent(glimpse_difference_packer *packer, uint32_t first, uint32_t count)
{
    packer->rank = first + count;
    if (packer->waiting != NULL) {
        glimpse_ranks_remove(packer->waiting, first, count);
    }
    if (packer->steered && !packer->stale) {
        glimpse_picker_sent(&packer->picker, first, count);
    }
}

/* How many symbols at the start of a run are no news. */
static uint32_t without_news(const glimpse_difference_packer *packer, glimpse_run run)
{
    glimpse_order order;
    glimpse_order_seek(&order, packer->codec, run.first);
    for (uint32_t i = 0; i < run.count; i++) {
        if (is_news(packer, glimpse_order_next(&order))) {
            return i;
        }
    }
    return run.count;
}

int glimpse_difference_pack(glimpse_difference_packer *packer, glimpse_run run, size_t payload, uint8_t *packet)
{
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    const uint32_t skipped = without_news(packer, run);
    sent(packer, run.first, skipped);
    run.first += skipped;
    run.count -= skipped;
    if (run.count == 0) {
        return 0;
    }
    const glimpse_header header = {
        .version = GLIMPSE_WIRE_VERSION,
        .model = packer->codec->model,
        .frame = packer->frame,
        .first = (uint16_t)run.first,
        .kind = GLIMPSE_KIND_DIFFERENCE,
        .coding = GLIMPSE_CODING_RANGE,
        .revision = packer->codec->revision & 1u,
    };
    glimpse_header_write(&header, packet);
    uint8_t *body = packet + GLIMPSE_HEADER_BYTES;
    const uint32_t name =
        ((uint32_t)packer->reference->frame << GLIMPSE_REFERENCE_CHECK_BITS) | packer->reference->check;
    body[0] = (uint8_t)(name >> 8);
    body[1] = (uint8_t)name;
    const body_size size = put_body(packer, run.first, run.count, body + GLIMPSE_REFERENCE_BYTES,
                                    payload - GLIMPSE_OVERHEAD_BYTES - GLIMPSE_REFERENCE_BYTES);
    sent(packer, run.first, size.count);
    packer->sent += size.count;
    packer->brought = size.count;
    packer->last = (glimpse_run){run.first - skipped, skipped + size.count};
    return (int)glimpse_packet_close(packet, GLIMPSE_REFERENCE_BYTES + size.length);
}

int glimpse_difference_next(glimpse_difference_packer *packer, size_t payload, uint8_t *packet)
{
    if (payload < GLIMPSE_MIN_PAYLOAD || payload > GLIMPSE_MAX_PAYLOAD) {
        return GLIMPSE_ERROR_ARGUMENT;
    }
    int length = 0;
    for (glimpse_run run = next_run(packer, payload); run.count > 0 && length == 0; run = next_run(packer, payload)) {
        length = glimpse_difference_pack(packer, run, payload, packet);
    }
    return length;
}
