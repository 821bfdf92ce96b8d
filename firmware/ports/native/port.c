/* SPDX-License-Identifier: Apache-2.0 */
/* The node as a Linux program: standard input and output for the serial line, files for camera and flash. */
#define _GNU_SOURCE
#include "ports/port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "ports/ppm.h"

static const char reset_variable[] = "GLIMPSE_RESET_CAUSE";
static port_reset_cause reset_cause = PORT_RESET_POWER_ON;

static volatile sig_atomic_t woken; /* the wake pin */

static void wake_comes(int signal_number)
{
    (void)signal_number;
    woken = 1;
}

void port_init(void)
{
    const char *cause = getenv(reset_variable);
    if (cause != NULL) {
        reset_cause = strcmp(cause, "watchdog") == 0 ? PORT_RESET_WATCHDOG : PORT_RESET_SOFTWARE;
    }
    unsetenv(reset_variable);
    /* A reset out of the watchdog's handler leaves its signal blocked. */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, wake_comes);
}

const char *port_board(void)
{
    return BOARD_NAME;
}
uint32_t port_core_hz(void)
{
    return 0;
}
port_reset_cause port_get_reset_cause(void)
{
    return reset_cause;
}

/* ---- serial line */

void port_serial_open(port_serial_mode mode)
{
    (void)mode;
}

/* The end of the input ends the program: nobody can talk to it any more. */
size_t port_serial_read(uint8_t *bytes, size_t capacity)
{
    static unsigned idle;
    if (capacity == 0) {
        return 0;
    }
    /* A loop that finds nothing time after time gives the processor away for a millisecond. */
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, idle > 1000u ? 1 : 0) <= 0) {
        idle++;
        return 0;
    }
    const ssize_t count = read(STDIN_FILENO, bytes, capacity);
    if (count == 0) {
        port_exit(0);
    }
    if (count < 0) {
        if (errno == EINTR || errno == EAGAIN) {
            return 0;
        }
        port_exit(1);
    }
    idle = 0;
    return (size_t)count;
}

void port_serial_write(const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        const ssize_t written = write(STDOUT_FILENO, bytes, count);
        if (written < 0 && errno == EAGAIN) {
            struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
            (void)poll(&output, 1, 100);
            continue;
        }
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            port_exit(1);
        }
        bytes += written;
        count -= (size_t)written;
    }
}

uint32_t port_serial_overruns(void)
{
    return 0;
}
void port_text(const char *text)
{
    port_serial_write((const uint8_t *)text, strlen(text));
}

/* ---- counter */

uint32_t port_counter(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

const port_counter_unit *port_get_counter_unit(void)
{
    static const port_counter_unit unit = {"ns", 1, 1};
    return &unit;
}

uint64_t port_millis(void)
{
    struct timespec now;
    static uint64_t start;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t millis = (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
    start = start == 0 ? millis : start;
    return millis - start;
}

/* ---- modem's line */

static int modem = -1;

/* The terminal is taken as it is: a real one is set up by whoever names it. */
bool port_modem_open(uint32_t baud)
{
    (void)baud;
    const char *const path = getenv("GLIMPSE_MODEM");
    if (modem >= 0) {
        close(modem);
    }
    modem = path == NULL ? -1 : open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return modem >= 0;
}

size_t port_modem_read(uint8_t *bytes, size_t capacity)
{
    const ssize_t count = modem < 0 ? 0 : read(modem, bytes, capacity);
    return count > 0 ? (size_t)count : 0;
}

size_t port_modem_write(const uint8_t *bytes, size_t count)
{
    const ssize_t written = modem < 0 ? 0 : write(modem, bytes, count);
    return written > 0 ? (size_t)written : 0;
}

/* ---- sleep */

/* A second at most, in case that the signal came just before. */
void port_sleep_until(uint64_t until)
{
    const uint64_t now = port_millis();
    struct pollfd lines[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = modem, .events = POLLIN}};
    if (until > now && woken == 0) {
        (void)poll(lines, 2, until - now < 1000u ? (int)(until - now) : 1000);
    }
}

bool port_take_wake(void)
{
    const bool was = woken != 0;
    woken = 0;
    return was;
}

/* ---- camera */

static int camera = -1;
static uint32_t next_frame;
static size_t bytes_left;

/* Where the picture begins in the file; 0: there is none. */
static off_t begin_picture(port_camera_frame *frame)
{
    uint8_t head[PPM_HEAD_BYTES];
    const ssize_t count = read(camera, head, sizeof head);
    return count > 0 ? (off_t)ppm_head(head, (size_t)count, frame) : 0;
}

static off_t begin_frame_of_many(off_t length, off_t bytes)
{
    const uint32_t frame = next_frame < length / bytes ? next_frame : 0;
    next_frame = frame + 1;
    return frame * bytes;
}

bool port_camera_begin(const port_camera_frame *wanted, port_camera_frame *frame)
{
    port_camera_end();
    *frame = *wanted;
    camera = open("camera.ppm", O_RDONLY | O_CLOEXEC);
    const bool picture = camera >= 0;
    if (!picture) {
        camera = open("camera.rgb", O_RDONLY | O_CLOEXEC);
    }
    struct stat status;
    if (camera < 0 || fstat(camera, &status) != 0) {
        return false;
    }
    const off_t head = picture ? begin_picture(frame) : 0;
    const off_t bytes = (off_t)3 * frame->width * frame->height;
    if ((picture && head == 0) || bytes == 0 || bytes + head > status.st_size) {
        return false;
    }
    if (lseek(camera, picture ? head : begin_frame_of_many(status.st_size, bytes), SEEK_SET) < 0) {
        return false;
    }
    bytes_left = (size_t)bytes;
    return true;
}

bool port_camera_read(uint8_t *rgb, size_t bytes)
{
    if (bytes == 0 || bytes > bytes_left) {
        return false;
    }
    bytes_left -= bytes;
    while (bytes > 0) {
        const ssize_t count = read(camera, rgb, bytes);
        if (count <= 0) {
            return false;
        }
        rgb += count;
        bytes -= (size_t)count;
    }
    return true;
}

void port_camera_end(void)
{
    if (camera >= 0) {
        close(camera);
    }
    camera = -1;
    bytes_left = 0;
}

/* ---- persistent regions: mapped files; one that does not exist yet is erased memory without a file */

static const size_t region_bytes[PORT_REGION_COUNT] = {BOARD_REGION_BYTES};
static const char *const region_files[PORT_REGION_COUNT] = {"slot0.bin", "slot1.bin", "settings_a.bin",
                                                            "settings_b.bin"};
static uint8_t *region_memory[PORT_REGION_COUNT];
static bool region_backed[PORT_REGION_COUNT];

static void *map(void *where, size_t bytes, int flags, int file)
{
    void *memory = mmap(where, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
    if (memory == MAP_FAILED) {
        port_exit(1);
    }
    return memory;
}

/* Replaces the memory in place, so that pointers into the region stay good. */
static bool back_by_file(port_region region, bool create)
{
    if (region_backed[region]) {
        return true;
    }
    const size_t bytes = region_bytes[region];
    const int file = open(region_files[region], create ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDWR | O_CLOEXEC, 0666);
    if (file < 0) {
        return false;
    }
    struct stat status;
    bool usable = fstat(file, &status) == 0 && status.st_size == (off_t)bytes;
    if (!usable && create) {
        usable = ftruncate(file, (off_t)bytes) == 0;
    }
    if (usable) {
        map(region_memory[region], bytes, MAP_SHARED | MAP_FIXED, file);
        if (create) {
            memset(region_memory[region], 0xFF, bytes);
        }
        region_backed[region] = true;
    }
    close(file);
    return usable;
}

const uint8_t *port_region_base(port_region region)
{
    if (region_memory[region] == NULL) {
        region_memory[region] = (uint8_t *)map(NULL, region_bytes[region], MAP_PRIVATE | MAP_ANONYMOUS, -1);
        memset(region_memory[region], 0xFF, region_bytes[region]);
        (void)back_by_file(region, false);
    }
    return region_memory[region];
}

size_t port_region_size(port_region region)
{
    return region_bytes[region];
}

bool port_region_erase(port_region region)
{
    (void)port_region_base(region);
    if (!back_by_file(region, true)) {
        return false;
    }
    memset(region_memory[region], 0xFF, region_bytes[region]);
    return true;
}

bool port_region_write(port_region region, size_t offset, const void *bytes, size_t count)
{
    const size_t size = region_bytes[region];
    if (offset % 4 != 0 || count % 4 != 0 || offset > size || count > size - offset) {
        return false;
    }
    const uint8_t *base = port_region_base(region);
    for (size_t i = 0; i < count; i++) {
        if (base[offset + i] != 0xFF) {
            return false;
        }
    }
    if (count == 0) {
        return true;
    }
    if (!back_by_file(region, true)) {
        return false;
    }
    memcpy(region_memory[region] + offset, bytes, count);
    return true;
}

/* ---- life and death */

static uint32_t watchdog_ms;

_Noreturn static void restart(const char *cause)
{
    setenv(reset_variable, cause, 1);
    char *const arguments[] = {(char *)(uintptr_t) "glimpse-node", NULL};
    execv("/proc/self/exe", arguments);
    _exit(1);
}

static void watchdog_bites(int signal_number)
{
    (void)signal_number;
    restart("watchdog");
}

void port_watchdog_feed(void)
{
    if (watchdog_ms == 0) {
        return;
    }
    const struct itimerval timer = {
        .it_value = {.tv_sec = (time_t)(watchdog_ms / 1000u), .tv_usec = (suseconds_t)(watchdog_ms % 1000u) * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

void port_watchdog_start(uint32_t ms)
{
    if (watchdog_ms != 0) {
        return;
    }
    watchdog_ms = ms;
    signal(SIGALRM, watchdog_bites);
    port_watchdog_feed();
}

size_t port_stack_peak(void)
{
    return 0;
}
_Noreturn void port_reset(void)
{
    restart("software");
}
_Noreturn void port_exit(int code)
{
    _exit(code);
}
