/* SPDX-License-Identifier: Apache-2.0 */
/* The range coder alone. */
#include <string.h>

#include "core/codec.h"
#include "core/entropy.h"
#include "test/check.h"

enum { SYMBOLS = 4, LONGEST = 2000, CAPACITY = 236 };

static const uint16_t tables[][SYMBOLS + 1] = {
    {0, 8192, 16384, 24576, 32768},
    {0, 32765, 32766, 32767, 32768},
    {0, 1, 2, 3, 32768},
    {0, 1, 32766, 32767, 32768},
};
enum { TABLES = sizeof tables / sizeof tables[0] };

static uint8_t bytes[CAPACITY + 1];
static uint8_t sent[LONGEST];

static uint32_t next_random(void)
{
    static uint32_t state = 1;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static bool put(glimpse_range_writer *writer, const uint16_t *table, uint32_t symbol)
{
    return glimpse_range_writer_put(writer, table[symbol], table[symbol + 1]);
}

/* Writes the symbols of sent as far as they fit; returns how many. */
static uint32_t write(const uint16_t *table, size_t capacity, size_t *length)
{
    glimpse_range_writer writer;
    uint32_t count = 0;
    memset(bytes, 0xA5, sizeof bytes);
    glimpse_range_writer_begin(&writer, bytes, capacity);
    while (count < LONGEST && put(&writer, table, sent[count])) {
        count++;
    }
    *length = glimpse_range_writer_end(&writer);
    CHECK(*length <= capacity);
    CHECK_EQUAL(0xA5, bytes[capacity]);
    return count;
}

static bool reads_back(const uint16_t *table, uint32_t count, size_t length)
{
    glimpse_range_reader reader;
    glimpse_range_reader_begin(&reader, bytes, length);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQUAL(sent[i], glimpse_range_reader_get(&reader, table, SYMBOLS));
    }
    return glimpse_range_reader_end(&reader);
}

static void draw(const uint16_t *table)
{
    for (uint32_t i = 0; i < LONGEST; i++) {
        const uint32_t target = next_random() >> (32 - GLIMPSE_FREQUENCY_BITS);
        sent[i] = 0;
        while (table[sent[i] + 1] <= target) {
            sent[i]++;
        }
    }
}

static void symbols_come_back_at_every_capacity(void)
{
    for (uint32_t which = 0; which < TABLES; which++) {
        for (size_t capacity = 0; capacity <= CAPACITY; capacity += capacity < 12 ? 1 : 16) {
            size_t length;
            draw(tables[which]);
            const uint32_t count = write(tables[which], capacity, &length);
            CHECK(reads_back(tables[which], count, length));
        }
    }
}

static void one_symbol_alone_comes_back(void)
{
    for (uint32_t which = 0; which < TABLES; which++) {
        for (uint8_t symbol = 0; symbol < SYMBOLS; symbol++) {
            glimpse_range_writer writer;
            sent[0] = symbol;
            glimpse_range_writer_begin(&writer, bytes, 3); /* enough for any: 15 bits take two bytes and the end */
            CHECK(put(&writer, tables[which], symbol));
            CHECK(reads_back(tables[which], 1, glimpse_range_writer_end(&writer)));
        }
    }
}

static void lowest_symbols_take_no_bytes(void)
{
    size_t length;
    memset(sent, 0, sizeof sent);
    CHECK_EQUAL(LONGEST, write(tables[1], CAPACITY, &length));
    CHECK_EQUAL(0, length);
    CHECK(reads_back(tables[1], LONGEST, 0));
}

static void carries_walk_back(void)
{
    /* A carry is a put that changes bytes written before it. */
    uint32_t carried = 0;
    for (uint32_t round = 0; round < 2000; round++) {
        glimpse_range_writer writer;
        glimpse_range_writer_begin(&writer, bytes, CAPACITY);
        for (uint32_t i = 0; i < 12; i++) {
            uint8_t before[CAPACITY];
            const size_t count = writer.count;
            memcpy(before, bytes, count);
            sent[i] = (uint8_t)(next_random() >> 30);
            CHECK(put(&writer, tables[0], sent[i]));
            carried += memcmp(before, bytes, count) != 0;
        }
        CHECK(reads_back(tables[0], 12, glimpse_range_writer_end(&writer)));
    }
    CHECK(carried > 0);
}

static void a_full_writer_changes_nothing(void)
{
    size_t length;
    glimpse_range_writer writer;
    draw(tables[0]);
    glimpse_range_writer_begin(&writer, bytes, 6);
    uint32_t count = 0;
    while (put(&writer, tables[0], sent[count])) {
        count++;
    }
    const glimpse_range_writer full = writer;
    for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++) { /* equally wide, so none fits whatever low is */
        CHECK(!put(&writer, tables[0], symbol));
    }
    CHECK(full.count == writer.count && full.low == writer.low && full.range == writer.range);
    length = glimpse_range_writer_end(&writer);
    CHECK(reads_back(tables[0], count, length));
}

static void other_bytes_are_refused(void)
{
    size_t length;
    draw(tables[0]);
    const uint32_t count = write(tables[0], 20, &length);
    CHECK(reads_back(tables[0], count, length));
    bytes[length] = 0;
    CHECK(!reads_back(tables[0], count, length + 1));
    bytes[length] = 1;
    CHECK(!reads_back(tables[0], count, length + 1));

    memset(bytes, 0xFF, 8); /* in the gap above the last symbol */
    glimpse_range_reader reader;
    glimpse_range_reader_begin(&reader, bytes, 8);
    CHECK(glimpse_range_reader_get(&reader, tables[0], SYMBOLS) < SYMBOLS);
    CHECK(!glimpse_range_reader_end(&reader));
}

static void any_bytes_give_symbols_of_the_table(void)
{
    for (uint32_t round = 0; round < 200; round++) {
        glimpse_range_reader reader;
        for (uint32_t i = 0; i < 16; i++) {
            bytes[i] = (uint8_t)(next_random() >> 24);
        }
        glimpse_range_reader_begin(&reader, bytes, round % 17);
        for (uint32_t i = 0; i < 100; i++) {
            CHECK(glimpse_range_reader_get(&reader, tables[i % TABLES], SYMBOLS) < SYMBOLS);
        }
    }
}

int main(void)
{
    check_begin();
    CHECK_RUN(symbols_come_back_at_every_capacity);
    CHECK_RUN(one_symbol_alone_comes_back);
    CHECK_RUN(lowest_symbols_take_no_bytes);
    CHECK_RUN(carries_walk_back);
    CHECK_RUN(a_full_writer_changes_nothing);
    CHECK_RUN(other_bytes_are_refused);
    CHECK_RUN(any_bytes_give_symbols_of_the_table);
    return check_end();
}
