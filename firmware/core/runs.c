/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runs.h"

#include <stdbool.h>
#include <string.h>

#include "core/bits.h"
#include "core/order.h"
#include "core/status.h"

enum { ORDERS = GLIMPSE_RUNS_PLAIN + 1 };

/* Bits of a number (below GLIMPSE_MAX_SYMBOLS) after the leading one of number + 2^order. */
static uint32_t tail_bits(uint32_t number, uint32_t order)
{
    uint32_t bits = order;
    while ((number + (1u << order)) >> (bits + 1) != 0) {
        bits++;
    }
    return bits;
}

static uint32_t code_bits(uint32_t number, uint32_t order)
{
    if (order == GLIMPSE_RUNS_PLAIN) {
        return GLIMPSE_RUNS_PLAIN;
    }
    const uint32_t tail = tail_bits(number, order);
    return tail - order + 1 + tail;
}

/* ---- which runs */

/* Runs that are claimed: longer than `longer`, and of those just as long the first `equal`. */
typedef struct {
    const glimpse_codec *codec;
    const uint8_t *received;
    uint32_t longer;
    uint32_t equal;
} claim;

typedef struct {
    const claim *of;
    glimpse_order order;
    uint32_t equal_left;
} claim_walk;

static void walk_begin(claim_walk *walk, const claim *of)
{
    walk->of = of;
    walk->equal_left = of->equal;
    glimpse_order_seek(&walk->order, of->codec, 0);
}

static bool walk_next(claim_walk *walk, glimpse_run *run)
{
    const uint32_t symbols = glimpse_codec_symbols(walk->of->codec);
    run->count = 0;
    for (uint32_t rank = walk->order.rank; rank <= symbols; rank++) {
        if (rank < symbols && walk->of->received[glimpse_order_next(&walk->order)] != 0) {
            run->count++;
            continue;
        }
        run->first = rank - run->count;
        if (run->count > walk->of->longer) {
            return true;
        }
        if (run->count > 0 && run->count == walk->of->longer && walk->equal_left > 0) {
            walk->equal_left--;
            return true;
        }
        run->count = 0;
    }
    return false;
}

/* The order that needs the fewest bits, and how many; *equal becomes the number of runs exactly `longer` long. */
static uint32_t cheapest(const claim *of, uint32_t *best)
{
    uint32_t bits[ORDERS] = {0};
    uint32_t end = 0;
    claim_walk walk;
    glimpse_run run;
    walk_begin(&walk, of);
    for (bool first = true; walk_next(&walk, &run); first = false) {
        const uint32_t gap = run.first - end - (first ? 0 : 1);
        for (uint32_t order = 0; order < ORDERS; order++) {
            bits[order] += code_bits(gap, order) + code_bits(run.count - 1, order);
        }
        end = run.first + run.count;
    }
    *best = 0;
    for (uint32_t order = 1; order < ORDERS; order++) {
        if (bits[order] < bits[*best]) {
            *best = order;
        }
    }
    return GLIMPSE_RUNS_ORDER_BITS + bits[*best];
}

/* The most generous claim that fits. Fewer runs nearly always take fewer bits; where not, the search ends at a claim
   that is smaller than need be, but one that was seen to fit. */
static claim choose(const glimpse_codec *codec, const uint8_t *received, size_t capacity)
{
    const size_t room = capacity * 8;
    uint32_t order;
    claim best = {codec, received, glimpse_codec_symbols(codec), 0};
    for (uint32_t low = 0; low < best.longer;) {
        claim tried = best;
        tried.longer = low + (best.longer - low) / 2;
        if (cheapest(&tried, &order) <= room) {
            best = tried;
        } else {
            low = tried.longer + 1;
        }
    }
    /* A run of even 1 symbol takes 2 bits: more equal ones than that cannot fit. */
    for (uint32_t low = 0, high = (uint32_t)room / 2 + 1; high - low > 1;) {
        claim tried = best;
        tried.equal = low + (high - low) / 2;
        if (cheapest(&tried, &order) <= room) {
            best = tried;
            low = tried.equal;
        } else {
            high = tried.equal;
        }
    }
    return best;
}

/* ---- writing */

static size_t put_number(uint8_t *bytes, size_t at, uint32_t number, uint32_t order)
{
    if (order == GLIMPSE_RUNS_PLAIN) {
        glimpse_bits_put(bytes, at, number, GLIMPSE_RUNS_PLAIN);
        return at + GLIMPSE_RUNS_PLAIN;
    }
    const uint32_t tail = tail_bits(number, order);
    const uint32_t code = number + (1u << order); /* its leading one ends the zeros before it */
    at += tail - order;
    glimpse_bits_put(bytes, at, code, tail + 1);
    return at + tail + 1;
}

size_t glimpse_runs_write(const glimpse_codec *codec, const uint8_t *received, uint8_t *bytes, size_t capacity,
                          uint32_t *claimed)
{
    const claim chosen = choose(codec, received, capacity);
    uint32_t order = 0;
    uint32_t end = 0;
    size_t at = GLIMPSE_RUNS_ORDER_BITS;
    claim_walk walk;
    glimpse_run run;
    *claimed = 0;
    if (cheapest(&chosen, &order) > capacity * 8) {
        return 0; /* not even the order fits */
    }
    memset(bytes, 0, capacity);
    glimpse_bits_put(bytes, 0, order, GLIMPSE_RUNS_ORDER_BITS);
    walk_begin(&walk, &chosen);
    for (bool first = true; walk_next(&walk, &run); first = false) {
        at = put_number(bytes, at, run.first - end - (first ? 0 : 1), order);
        at = put_number(bytes, at, run.count - 1, order);
        end = run.first + run.count;
        *claimed += run.count;
    }
    return *claimed > 0 ? (at + 7) / 8 : 0;
}

/* ---- reading */

/* False: only the zeros at the end are left. *number is GLIMPSE_MAX_SYMBOLS or more for a code that is too long. */
static bool get_number(glimpse_runs_reader *reader, uint32_t *number)
{
    const uint32_t order = reader->order;
    uint32_t tail = order;
    if (order < GLIMPSE_RUNS_PLAIN) {
        while (reader->at < reader->bits && glimpse_bits_get(reader->bytes, reader->at, 1) == 0) {
            reader->at++;
            tail++;
        }
        reader->at++;
    }
    if (reader->at > reader->bits || reader->bits - reader->at < tail) {
        return false;
    }
    if (tail > GLIMPSE_RUNS_PLAIN) {
        *number = GLIMPSE_MAX_SYMBOLS;
        return true;
    }
    *number = glimpse_bits_get(reader->bytes, reader->at, tail);
    if (order < GLIMPSE_RUNS_PLAIN) {
        *number += (1u << tail) - (1u << order);
    }
    reader->at += tail;
    return true;
}

static bool only_zeros_from(const glimpse_runs_reader *reader, size_t at)
{
    return reader->bits - at < 8 && glimpse_bits_get(reader->bytes, at, (uint32_t)(reader->bits - at)) == 0;
}

/* As glimpse_runs_next, with the errors of glimpse_runs_begin. */
static int next(glimpse_runs_reader *reader, glimpse_run *run)
{
    const size_t start = reader->at;
    const bool first = reader->rank == 0;
    uint32_t gap, count;
    if (!get_number(reader, &gap)) {
        return only_zeros_from(reader, start) ? 0 : GLIMPSE_ERROR_BODY;
    }
    if (!get_number(reader, &count)) {
        return GLIMPSE_ERROR_BODY;
    }
    gap += first ? 0 : 1;
    count += 1;
    if (gap > reader->symbols - reader->rank || count > reader->symbols - reader->rank - gap) {
        return GLIMPSE_ERROR_RANGE;
    }
    *run = (glimpse_run){reader->rank + gap, count};
    reader->rank = run->first + run->count;
    return 1;
}

int glimpse_runs_begin(glimpse_runs_reader *reader, const uint8_t *bytes, size_t length, uint32_t symbols)
{
    *reader = (glimpse_runs_reader){.bytes = bytes, .bits = length * 8, .symbols = symbols};
    if (length == 0) {
        return GLIMPSE_ERROR_BODY;
    }
    reader->order = (uint8_t)glimpse_bits_get(bytes, 0, GLIMPSE_RUNS_ORDER_BITS);
    reader->at = GLIMPSE_RUNS_ORDER_BITS;
    if (reader->order > GLIMPSE_RUNS_PLAIN) {
        return GLIMPSE_ERROR_BODY;
    }
    const glimpse_runs_reader start = *reader;
    glimpse_run run;
    int status = 1;
    while (status > 0) {
        status = next(reader, &run);
    }
    if (status == 0 && reader->rank == 0) {
        status = GLIMPSE_ERROR_BODY; /* no run at all */
    }
    *reader = start;
    return status;
}

int glimpse_runs_next(glimpse_runs_reader *reader, glimpse_run *run)
{
    return next(reader, run);
}
