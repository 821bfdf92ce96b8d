/* SPDX-License-Identifier: Apache-2.0 */
/* A test helper without a library: prints one `file:line:name:PASS` or `file:line:name:FAIL: why` line for
   each test and a summary, through the port's text output, so that the same test runs on the host, on
   emulated cores and on boards.

     static void adds(void) { CHECK_EQUAL(4, 2 + 2); }
     int main(void) { check_begin(); CHECK_RUN(adds); return check_end(); } */
#ifndef GLIMPSE_TEST_CHECK_H
#define GLIMPSE_TEST_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ports/port.h"

static struct {
    const char *name;
    unsigned run;
    unsigned failed;
    bool failing; /* the running test has failed; only its first failure is printed */
} check_state;

static inline void check_print_unsigned(uint64_t value)
{
    char digits[21];
    char *at = digits + sizeof digits - 1;
    *at = 0;
    do {
        *--at = (char)('0' + (char)(value % 10u));
        value /= 10u;
    } while (value != 0u);
    port_text(at);
}

static inline void check_print_signed(int64_t value)
{
    if (value < 0) {
        port_text("-");
    }
    check_print_unsigned(value < 0 ? 0u - (uint64_t)value : (uint64_t)value);
}

static inline void check_print_place(const char *file, int line)
{
    port_text(file);
    port_text(":");
    check_print_signed(line);
    port_text(":");
    port_text(check_state.name);
}

/* True when this failure is the test's first one and its message is to be completed by the caller. */
static inline bool check_fails(const char *file, int line)
{
    if (check_state.failing) {
        return false;
    }
    check_state.failing = true;
    check_print_place(file, line);
    port_text(":FAIL: ");
    return true;
}

static inline void check_equal(const char *file, int line, const char *what, int64_t expected, int64_t seen)
{
    if (expected == seen || !check_fails(file, line)) {
        return;
    }
    port_text(what);
    port_text(": expected ");
    check_print_signed(expected);
    port_text(", saw ");
    check_print_signed(seen);
    port_text("\n");
}

static inline void check_true(const char *file, int line, const char *what, bool holds)
{
    if (holds || !check_fails(file, line)) {
        return;
    }
    port_text("not true: ");
    port_text(what);
    port_text("\n");
}

static inline void check_bytes(const char *file, int line, const void *expected, const void *seen, size_t count)
{
    const uint8_t *a = (const uint8_t *)expected;
    const uint8_t *b = (const uint8_t *)seen;
    for (size_t i = 0; i < count; i++) {
        if (a[i] == b[i]) {
            continue;
        }
        if (!check_fails(file, line)) {
            return;
        }
        port_text("byte ");
        check_print_unsigned(i);
        port_text(": expected ");
        check_print_unsigned(a[i]);
        port_text(", saw ");
        check_print_unsigned(b[i]);
        port_text("\n");
        return;
    }
}

/* A figure for a person, which `pio test -v` shows. */
static inline void check_note(const char *what, uint64_t figure)
{
    port_text(check_state.name);
    port_text(": ");
    check_print_unsigned(figure);
    port_text(" ");
    port_text(what);
    port_text("\n");
}

static inline void check_run(const char *file, int line, const char *name, void (*test)(void))
{
    check_state.name = name;
    check_state.failing = false;
    check_state.run++;
    test();
    if (check_state.failing) {
        check_state.failed++;
        return;
    }
    check_print_place(file, line);
    port_text(":PASS\n");
}

static inline void check_begin(void)
{
    port_init();
    port_serial_open(PORT_SERIAL_POLLED);
}

/* The exit status for main. */
static inline int check_end(void)
{
    port_text("\n-----------------------\n");
    check_print_unsigned(check_state.run);
    port_text(" Tests ");
    check_print_unsigned(check_state.failed);
    port_text(" Failures 0 Ignored\n");
    port_text(check_state.failed == 0 ? "OK\n" : "FAIL\n");
    return check_state.failed == 0 ? 0 : 1;
}

#define CHECK_RUN(test) check_run(__FILE__, __LINE__, #test, test)
#define CHECK(condition) check_true(__FILE__, __LINE__, #condition, (condition))
#define CHECK_EQUAL(expected, seen) check_equal(__FILE__, __LINE__, #seen, (int64_t)(expected), (int64_t)(seen))
#define CHECK_BYTES(expected, seen, count) check_bytes(__FILE__, __LINE__, (expected), (seen), (count))

#endif
