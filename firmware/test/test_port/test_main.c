/* SPDX-License-Identifier: Apache-2.0 */
/* What every port promises in ports/port.h, as far as it can be seen without a person or a board. */
#include "app/frame_job.h"
#include "ports/port.h"
#include "test/check.h"

static uint8_t line[64];

static void counter_counts_up(void)
{
    const port_counter_unit *unit = port_get_counter_unit();
    CHECK(unit->numerator > 0 && unit->denominator > 0);
    const uint32_t before = port_counter();
    for (volatile int i = 0; i < 1000; i++) {
    }
    CHECK(port_counter() - before > 0);
}

#if defined(__thumb__)
/* Two instructions a turn and a fixed number around them. Not inlined: a constant number of turns would cost more or
   less. */
__attribute__((noinline)) static uint32_t counted_loop(uint32_t turns)
{
    const port_counter_unit *unit = port_get_counter_unit();
    const uint32_t before = port_counter();
    __asm__ volatile("1: subs %0, %0, #1\n bne 1b" : "+r"(turns)::"cc");
    const uint64_t ticks = port_counter() - before;
    return (uint32_t)((ticks * unit->numerator + unit->denominator / 2u) / unit->denominator);
}

static void a_count_stops_at_its_most(void)
{
    CHECK(frame_job_sum(0, 0) == 0);
    CHECK(frame_job_sum(UINT32_MAX - 7u, 6) == UINT32_MAX - 1u);
    CHECK(frame_job_sum(UINT32_MAX - 7u, 7) == UINT32_MAX);
    CHECK(frame_job_sum(UINT32_MAX - 7u, 8) == UINT32_MAX);
    CHECK(frame_job_sum(UINT32_MAX, UINT32_MAX) == UINT32_MAX);
    CHECK(frame_job_sum(1, (uint64_t)UINT32_MAX << 20) == UINT32_MAX);
}

static void counter_is_exact_where_it_counts_instructions(void)
{
    if (port_core_hz() != 0) {
        return;
    }
    const uint32_t overhead = counted_loop(1) - 2u;
    /* Different lengths meet different phases of the timer. */
    for (uint32_t turns = 1; turns < 300; turns++) {
        CHECK_EQUAL(2u * turns + overhead, counted_loop(turns));
    }
    CHECK_EQUAL(2000000u + overhead, counted_loop(1000000));
}
#endif

/* Of `mode`, with nothing on the line; far below the 16,000 instructions in which one byte would arrive. */
static void silence_takes_no_time(port_serial_mode mode)
{
    port_serial_open(mode);
    const uint32_t before = port_counter();
    CHECK_EQUAL(0, port_serial_read(line, sizeof line));
    const uint32_t ticks = port_counter() - before;
    CHECK_EQUAL(0, port_serial_overruns());
#if defined(__thumb__)
    CHECK(ticks > 0 && ticks < 3000);
#else
    (void)ticks;
#endif
}

/* Tests get no input. That bytes do arrive is seen where a host talks to a node: host/tests/test_same_everywhere.py. */
static void serial_read_of_a_silent_line_returns_at_once(void)
{
    silence_takes_no_time(PORT_SERIAL_INTERRUPT);
    silence_takes_no_time(PORT_SERIAL_POLLED);
}

/* Real boards and emulated ones wake at the time or before; whoever sleeps asks again. */
static void sleep_ends_in_time(void)
{
    enum { MS = 50 };
    port_serial_open(PORT_SERIAL_INTERRUPT);
    const uint64_t start = port_millis();
    const uint32_t counted = port_counter();
    uint32_t turns = 0;
    while (port_millis() < start + MS) {
        port_sleep_until(start + MS);
        turns++;
    }
    const uint64_t slept = port_millis() - start;
    CHECK(slept >= MS && slept < 100 * MS);
#if defined(__thumb__)
    CHECK(turns < MS);
    if (port_core_hz() == 0) { /* emulated: what was slept is no instruction */
        const port_counter_unit *const unit = port_get_counter_unit();
        const uint64_t ticks = port_counter() - counted;
        CHECK(ticks * unit->numerator / unit->denominator < 100000);
    }
#else
    (void)turns;
    (void)counted;
#endif
}

static void a_polled_line_keeps_the_core_awake(void)
{
    port_serial_open(PORT_SERIAL_POLLED);
    const uint64_t start = port_millis();
    port_sleep_until(start + 500);
#if defined(__thumb__)
    CHECK(port_millis() - start < 100);
#endif
    port_serial_open(PORT_SERIAL_INTERRUPT);
    port_sleep_until(0); /* has been */
    CHECK(!port_take_wake());
}

/* Tests run where there is no camera.rgb. Frames out of one: host/tests/test_node.py, host/tests/test_nn_bench.py. */
static void no_camera_file_gives_no_frame(void)
{
    const port_camera_frame wanted = {8, 8};
    port_camera_frame frame;
    CHECK(!port_camera_begin(&wanted, &frame));
    CHECK(!port_camera_read(line, 24));
    port_camera_end();
}

static void region_starts_erased_and_keeps_what_is_written(void)
{
    static const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const port_region region = PORT_REGION_SETTINGS_A;
    const uint8_t *base = port_region_base(region);
    CHECK(port_region_erase(region));
    CHECK_EQUAL(0xFF, base[0]);
    CHECK_EQUAL(0xFF, base[port_region_size(region) - 1]);
    CHECK(port_region_write(region, 12, bytes, sizeof bytes));
    CHECK_BYTES(bytes, base + 12, sizeof bytes);
    CHECK_EQUAL(0xFF, base[11]);
    CHECK_EQUAL(0xFF, base[20]);
    CHECK(port_region_erase(region));
    CHECK_EQUAL(0xFF, base[12]);
}

static void region_refuses_what_does_not_fit(void)
{
    static const uint8_t bytes[8] = {0};
    const port_region region = PORT_REGION_SETTINGS_B;
    const size_t size = port_region_size(region);
    CHECK(port_region_erase(region));
    CHECK(!port_region_write(region, 2, bytes, 4));
    CHECK(!port_region_write(region, 0, bytes, 3));
    CHECK(!port_region_write(region, size - 4, bytes, 8));
    CHECK(!port_region_write(region, size + 4, bytes, 4));
    CHECK(!port_region_write(region, (size_t)0 - 4, bytes, 8));
    CHECK(port_region_write(region, size - 4, bytes, 4));
}

static void regions_do_not_overlap(void)
{
    for (int a = 0; a < PORT_REGION_COUNT; a++) {
        for (int b = 0; b < PORT_REGION_COUNT; b++) {
            if (a == b) {
                continue;
            }
            const uint8_t *start = port_region_base((port_region)a);
            const uint8_t *other = port_region_base((port_region)b);
            CHECK(start + port_region_size((port_region)a) <= other ||
                  other + port_region_size((port_region)b) <= start);
        }
    }
}

static void memory_functions_move_every_alignment(void)
{
    static uint8_t from[160], to[160], expected[160];
    for (size_t i = 0; i < sizeof from; i++) {
        from[i] = (uint8_t)(i * 37u + 1u);
    }
    for (size_t source = 0; source < 4; source++) {
        for (size_t target = 0; target < 4; target++) {
            for (size_t count = 0; count < 140; count++) {
                memset(to, 0, sizeof to);
                for (size_t i = 0; i < sizeof expected; i++) {
                    expected[i] = 0;
                }
                for (size_t i = 0; i < count; i++) {
                    expected[target + i] = from[source + i];
                }
                memcpy(to + target, from + source, count);
                CHECK_BYTES(expected, to, sizeof to);
                for (size_t i = 0; i < sizeof to; i++) {
                    to[i] = from[i];
                }
                memmove(to + target, to + source, count);
                CHECK_BYTES(expected + target, to + target, count);
            }
        }
    }
}

#if defined(__thumb__)
__attribute__((noinline)) static void use_stack(size_t bytes)
{
    uint8_t taken[bytes];
    memset(taken, 1, bytes);
    __asm__ volatile("" ::"r"(taken) : "memory"); /* or the compiler leaves all of it out */
}
#endif

static void stack_peak_is_inside_the_stack_and_grows(void)
{
    static const uint32_t most = 8192;
    CHECK(port_stack_peak() < most);
#if defined(__thumb__)
    const size_t before = port_stack_peak();
    CHECK(before > 0);
    use_stack(before + 256);
    CHECK(port_stack_peak() >= before + 256);
    CHECK(port_stack_peak() < most);
#endif
}

int main(void)
{
    check_begin();
    CHECK_RUN(counter_counts_up);
#if defined(__thumb__)
    CHECK_RUN(a_count_stops_at_its_most);
    CHECK_RUN(counter_is_exact_where_it_counts_instructions);
#endif
    CHECK_RUN(sleep_ends_in_time);
    CHECK_RUN(a_polled_line_keeps_the_core_awake);
    CHECK_RUN(serial_read_of_a_silent_line_returns_at_once);
    CHECK_RUN(no_camera_file_gives_no_frame);
    CHECK_RUN(region_starts_erased_and_keeps_what_is_written);
    CHECK_RUN(region_refuses_what_does_not_fit);
    CHECK_RUN(regions_do_not_overlap);
    CHECK_RUN(memory_functions_move_every_alignment);
    CHECK_RUN(stack_peak_is_inside_the_stack_and_grows);
    return check_end();
}
