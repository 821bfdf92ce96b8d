/* SPDX-License-Identifier: Apache-2.0 */
#include "core/entropy.h"

static const uint32_t RANGE_START = UINT32_MAX;
static const uint32_t RANGE_MINIMUM = GLIMPSE_RANGE_MINIMUM;

void glimpse_range_writer_begin(glimpse_range_writer *writer, uint8_t *bytes, size_t capacity)
{
    writer->bytes = bytes;
    writer->capacity = capacity;
    writer->count = 0;
    writer->low = 0;
    writer->range = RANGE_START;
}

void glimpse_range_writer_carry(glimpse_range_writer *writer)
{
    size_t at = writer->count;
    while (at > 0 && ++writer->bytes[--at] == 0) {
    }
}

/* Of all numbers in the interval, takes the one with the fewest bytes: a multiple of 2^32 (no byte more, perhaps a
   carry) if there is one, else the smallest multiple of 2^24, which is there because range is at least 2^24. */
size_t glimpse_range_writer_end(glimpse_range_writer *writer)
{
    const uint32_t last = writer->low + (writer->range - 1u);
    if (last < writer->low) {
        glimpse_range_writer_carry(writer);
    } else if (writer->low > 0) {
        writer->bytes[writer->count++] = (uint8_t)((writer->low + (RANGE_MINIMUM - 1u)) >> 24);
    }
    while (writer->count > 0 && writer->bytes[writer->count - 1] == 0) {
        writer->count--;
    }
    return writer->count;
}

static uint32_t next_byte(glimpse_range_reader *reader)
{
    const uint32_t byte = reader->next < reader->count ? reader->bytes[reader->next] : 0;
    reader->next++;
    return byte;
}

void glimpse_range_reader_begin(glimpse_range_reader *reader, const uint8_t *bytes, size_t count)
{
    reader->bytes = bytes;
    reader->count = count;
    reader->next = 0;
    reader->code = 0;
    reader->range = RANGE_START;
    reader->broken = false;
    for (uint32_t i = 0; i < 4; i++) {
        reader->code = (reader->code << 8) | next_byte(reader);
    }
}

/* The symbol whose interval holds the target. */
static uint32_t find(const glimpse_frequencies *frequencies, uint32_t target)
{
    uint32_t below = 0;
    uint32_t above = frequencies->levels;
    while (above - below > 1) {
        const uint32_t middle = (below + above) / 2;
        if (glimpse_frequencies_below(frequencies, middle) <= target) {
            below = middle;
        } else {
            above = middle;
        }
    }
    return below;
}

uint32_t glimpse_range_reader_get(glimpse_range_reader *reader, const uint16_t *cumulative, uint32_t symbols)
{
    const glimpse_frequencies whole = {cumulative, 0, (uint16_t)(symbols - 1u), (uint16_t)symbols};
    return glimpse_range_reader_next(reader, &whole);
}

uint32_t glimpse_range_reader_next(glimpse_range_reader *reader, const glimpse_frequencies *frequencies)
{
    const uint32_t step = reader->range >> GLIMPSE_FREQUENCY_BITS;
    const uint32_t symbol = find(frequencies, reader->code / step);
    const uint32_t from = glimpse_frequencies_below(frequencies, symbol);
    reader->code -= step * from;
    reader->range = step * (glimpse_frequencies_below(frequencies, symbol + 1u) - from);
    if (reader->code >= reader->range) { /* in the gap that rounding step down leaves at the top */
        reader->broken = true;
        reader->code = 0;
    }
    while (reader->range < RANGE_MINIMUM) {
        reader->range <<= 8;
        reader->code = (reader->code << 8) | next_byte(reader);
    }
    return symbol;
}

/* Undoes the writer's choice: `code` is how far the number lies above low. */
bool glimpse_range_reader_end(const glimpse_range_reader *reader)
{
    const size_t written = reader->next - 4; /* by the writer's put; its end adds one byte at most */
    if (reader->broken || (reader->count > 0 && reader->bytes[reader->count - 1] == 0)) {
        return false;
    }
    if (reader->count <= written) {
        return true;
    }
    if (reader->count > written + 1 || reader->code >= RANGE_MINIMUM) {
        return false;
    }
    /* The last byte was needed: no multiple of 2^32 lies in low .. low + range - 1. */
    const uint32_t above = UINT32_MAX - ((uint32_t)reader->bytes[written] << 24) + reader->code;
    return reader->range - 1u <= above;
}
