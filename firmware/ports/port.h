/* SPDX-License-Identifier: Apache-2.0 */
/* What a board offers to the node. One folder beside this file answers it for each family of boards.
   A port knows nothing of images, models or packets. No function here may be called from an interrupt. */
#ifndef GLIMPSE_PORTS_PORT_H
#define GLIMPSE_PORTS_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define PORT_NORETURN [[noreturn]]
#else
#define PORT_NORETURN _Noreturn
#endif

typedef enum {
    PORT_SERIAL_POLLED = 0,   /* bytes are taken from the line only while port_serial_read runs */
    PORT_SERIAL_INTERRUPT = 1 /* bytes are also taken by an interrupt, into a ring of 512 bytes */
} port_serial_mode;

typedef enum {
    PORT_RESET_POWER_ON,
    PORT_RESET_SOFTWARE, /* port_reset, or a fault that was reported */
    PORT_RESET_WATCHDOG,
    PORT_RESET_OTHER /* reset pin, debugger, brown-out seen by another name */
} port_reset_cause;

/* Places that keep their bytes without power. Each can be erased alone. */
typedef enum {
    PORT_REGION_SLOT0, /* a model sent to the node */
    PORT_REGION_SLOT1,
    PORT_REGION_SETTINGS_A,
    PORT_REGION_SETTINGS_B,
    PORT_REGION_COUNT
} port_region;

/* Clocks, caches, counter. To be called first, once. Interrupts are on afterwards. */
void port_init(void);

/* The board's name as in boards/: "stm32f746g_disco", "qemu_cortex_m7", "native", ... */
const char *port_board(void);

/* Core clock in Hz as it really runs; 0 where the core is emulated or the host's. */
uint32_t port_core_hz(void);

/* Why the core started this time. */
port_reset_cause port_get_reset_cause(void);

/* ---- serial line: 115200 baud, 8N1 on real boards; standard input and output of the emulator and of native */

/* Opens, or reopens in another mode; drops what was waiting and clears the count of lost bytes. */
void port_serial_open(port_serial_mode mode);

/* Copies up to `capacity` bytes that have arrived; returns how many, 0 when none. Never waits.
   Both modes also ask the hardware, so that the line works even where no interrupt is delivered. */
size_t port_serial_read(uint8_t *bytes, size_t capacity);

/* Returns when the last byte is handed to the hardware. Every wait on a real board is bounded, and drops the rest;
   emulated and native wait for their reader. */
void port_serial_write(const uint8_t *bytes, size_t count);

/* Bytes known to be lost on the way in since the line was opened (ring full, hardware overrun). */
uint32_t port_serial_overruns(void);

/* ---- free-running counter */

/* (b - a) * numerator / denominator, rounded to nearest, is the number of `unit` between two readings;
   the product needs 64 bits. On emulated boards that is the exact count of instructions. */
typedef struct {
    const char *unit; /* "instructions", "cycles" or "ns" */
    uint32_t numerator;
    uint32_t denominator;
} port_counter_unit;

/* Wraps at 2^32; b - a in uint32_t arithmetic is right for anything shorter than one turn. */
uint32_t port_counter(void);
const port_counter_unit *port_get_counter_unit(void);

/* Milliseconds since the start; never runs backwards and never wraps. To be asked once a second or more often. Emulated
   boards count instructions: a millisecond there is what the real board executes in one. */
uint64_t port_millis(void);

/* ---- a modem's line, 8N1; emulated: the emulator's second serial line; native: the terminal that the environment
   variable GLIMPSE_MODEM names */

/* Opens, or reopens at another speed. False: the board has no such line, or not this speed. */
bool port_modem_open(uint32_t baud);

/* As many bytes as have arrived, or as there is room for now, up to `capacity` or `count`; returns how many. They never
   wait. */
size_t port_modem_read(uint8_t *bytes, size_t capacity);
size_t port_modem_write(const uint8_t *bytes, size_t count);

/* ---- sleep */

/* Lets the core rest until port_millis() is `until`, a byte has come on either line, or the wake pin was pulled; often
   comes back sooner, and the watchdog has to be fed meanwhile. Returns at once where the serial line is polled: no byte
   could end the sleep. Emulated boards pass the time of their host, native waits too. */
void port_sleep_until(uint64_t until);

/* Whether the wake pin was pulled since this was asked last. The pin is the board's button, see its README; emulated
   boards have none, native takes the signal USR1 for it. */
bool port_take_wake(void);

/* ---- camera: RGB888, row after row from the top */

typedef struct {
    uint16_t width, height; /* pixels */
} port_camera_frame;

/* Starts the next frame, of the size that is wanted or of one that the camera has; false: there is none. A real camera
   is woken, and its exposure settles first: up to some seconds, in which the watchdog is fed.
   Emulated and native: the picture camera.ppm in the working directory (P6, 8 bit), of any size, the same every time;
   else the next frame of the file camera.rgb, which holds frames of the wanted size one after another; after the last
   comes the first again. */
bool port_camera_begin(const port_camera_frame *wanted, port_camera_frame *frame);

/* The next `bytes` bytes of the frame; false past its end or on a read error. */
bool port_camera_read(uint8_t *rgb, size_t bytes);
void port_camera_end(void);

/* ---- persistent regions */

/* Address and size in bytes of a region; memory mapped, so that it can be read in place. */
const uint8_t *port_region_base(port_region region);
size_t port_region_size(port_region region);

/* Every byte of the region becomes 0xFF. False: the hardware reported an error. Takes up to 4 s on an STM32F7. */
bool port_region_erase(port_region region);

/* Programs bytes that are still erased. `offset` and `count` are multiples of 4 and inside the region;
   false otherwise, when the hardware reported an error or when what was written does not read back. */
bool port_region_write(port_region region, size_t offset, const void *bytes, size_t count);

/* ---- life and death */

/* Resets the board unless fed within `ms` (1..30000). Cannot be stopped; starting twice keeps the first time.
   Emulated boards count instructions: a millisecond there is what the real board executes in one. */
void port_watchdog_start(uint32_t ms);
void port_watchdog_feed(void);

/* Most bytes of stack in use at any time since boot; 0 where it is not known (native). */
size_t port_stack_peak(void);

PORT_NORETURN void port_reset(void);

/* Emulated and native: ends the program with that status (0..255). Boards: waits for the watchdog or for ever. */
PORT_NORETURN void port_exit(int code);

/* Text to the serial line, as it is; for tests and for reporting faults. Opens the line (polled) if need be. */
void port_text(const char *text);

#ifdef __cplusplus
}
#endif
#endif
