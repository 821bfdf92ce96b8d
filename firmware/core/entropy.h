/* SPDX-License-Identifier: Apache-2.0 */
/* PACK, entropy coded: a static range coder. Every packet starts it afresh, so packets need no one. */
#ifndef GLIMPSE_CORE_ENTROPY_H
#define GLIMPSE_CORE_ENTROPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/codec.h"

/* How often each symbol comes: a cumulative table, whole or without its ends (glimpse_table). */
typedef struct {
    const uint16_t *values; /* cumulative frequencies of the symbols first..last */
    uint16_t first, last;   /* before the one and behind the other every frequency is 1 */
    uint16_t levels;
} glimpse_frequencies;

/* The sum of the frequencies of all symbols below this one, 0..levels. */
static inline uint32_t glimpse_frequencies_below(const glimpse_frequencies *of, uint32_t symbol)
{
    if (symbol < of->first) {
        return symbol;
    }
    return symbol <= of->last ? of->values[symbol - of->first] : (1u << GLIMPSE_FREQUENCY_BITS) - (of->levels - symbol);
}

enum { GLIMPSE_RANGE_MINIMUM = 1 << 24 };

/* The interval is low .. low + range - 1 with low below 2^32 and 2^24 <= range <= 2^32 - 1 between symbols. Bytes leave
   at the top; a carry walks back through bytes already written. The end needs one byte more at most, trailing
   zero bytes are dropped and the reader takes bytes past the end as zero. */
typedef struct {
    uint8_t *bytes;
    size_t capacity;
    size_t count;
    uint32_t low;
    uint32_t range;
} glimpse_range_writer;

void glimpse_range_writer_begin(glimpse_range_writer *writer, uint8_t *bytes, size_t capacity);

/* Adds one to what has been written. The whole interval lies below 1, so it always ends at a byte that is there. */
void glimpse_range_writer_carry(glimpse_range_writer *writer);

/* Codes the interval from..to of 1 << GLIMPSE_FREQUENCY_BITS (from < to). False, and nothing changes, when the
   finished stream would no longer surely fit the capacity; the decision depends on widths alone, not on `low`. */
static inline bool glimpse_range_writer_put(glimpse_range_writer *writer, uint32_t from, uint32_t to)
{
    const uint32_t step = writer->range >> GLIMPSE_FREQUENCY_BITS;
    uint32_t range = step * (to - from);
    size_t count = writer->count;
    while (range < GLIMPSE_RANGE_MINIMUM) {
        range <<= 8;
        count++;
    }
    if (count >= writer->capacity) {
        return false;
    }
    uint32_t low = writer->low + step * from;
    if (low < writer->low) {
        glimpse_range_writer_carry(writer);
    }
    writer->range = range;
    while (writer->count < count) {
        writer->bytes[writer->count++] = (uint8_t)(low >> 24);
        low <<= 8;
    }
    writer->low = low;
    return true;
}

/* Bytes of the finished stream, at most the capacity. */
size_t glimpse_range_writer_end(glimpse_range_writer *writer);

typedef struct {
    const uint8_t *bytes;
    size_t count;
    size_t next;
    uint32_t code; /* relative to low */
    uint32_t range;
    bool broken; /* code fell outside every symbol's interval */
} glimpse_range_reader;

void glimpse_range_reader_begin(glimpse_range_reader *reader, const uint8_t *bytes, size_t count);

/* The next symbol; for hostile bytes any that there is, never another. */
uint32_t glimpse_range_reader_next(glimpse_range_reader *reader, const glimpse_frequencies *frequencies);

/* The same with a whole cumulative table [symbols + 1]. */
uint32_t glimpse_range_reader_get(glimpse_range_reader *reader, const uint16_t *cumulative, uint32_t symbols);

/* True when the bytes are exactly those that a writer makes of the symbols read so far. */
bool glimpse_range_reader_end(const glimpse_range_reader *reader);

#endif
