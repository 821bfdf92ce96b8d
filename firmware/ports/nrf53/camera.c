/* SPDX-License-Identifier: Apache-2.0 */
/* Arducam Mini 2MP (OV2640) on the Arduino header: SPIM3 and TWIM2 (product specification, sections SPIM and TWIM;
   ArduCAM Hardware Application Note, "SPI Slave Address Map"). The module's memory holds a picture; its rows wait until
   the network asks for them. */
#include "board.h"
#include "ports/exposure.h"
#include "ports/nrf53/registers.h"
#include "ports/ov2640.h"
#include "ports/port.h"
#include "ports/rgb565.h"

/* Registers of the module. */
enum {
    MODULE_TEST = 0x00, /* keeps what is written */
    MODULE_FRAMES = 0x01,
    MODULE_MEMORY = 0x04,
    MODULE_PINS = 0x06,
    MODULE_RESET = 0x07,
    MODULE_BURST = 0x3C,
    MODULE_TRIGGER = 0x41,
    MODULE_LENGTH = 0x42, /* bytes in memory, in three registers, the lowest first */
    WRITE = 0x80,
    MEMORY_CLEAR = 1, /* of MODULE_MEMORY: forgets the last picture */
    MEMORY_CAPTURE = 2,
    PIN_RUNS = 1,    /* of MODULE_PINS, to the sensor: 0 holds it in reset */
    PIN_STANDBY = 2, /* it sleeps */
    PIN_POWER = 4,
    TRIGGER_DONE = 8,  /* of MODULE_TRIGGER: a whole picture is in memory */
    RESET_LOGIC = 0x80 /* of MODULE_RESET */
};

enum {
    OTHER_WIDTH = 320, /* where the sensor cannot give what is wanted */
    OTHER_HEIGHT = 240,
    CHUNK = 64, /* pixels */
    SPI_TURNS = 20000,
    WAKE_MS = 10,
    FRAME_TURNS = 6000, /* 0.6 s: two frames in dim light, where the sensor slows down */
    TURN_CYCLES = BOARD_CORE_HZ / 10000u,
    MEAN_STEP = 31 /* pixels: every column is met, whatever the width */
};

static uint8_t received[2 * CHUNK]; /* EasyDMA reads and writes RAM only */
static uint8_t command[2];
static uint32_t pixels_left;

/* ---- the line */

static void select_module(bool on)
{
    if (on) {
        P1_OUTCLR = 1u << BOARD_CAMERA_CS_PIN;
    } else {
        P1_OUTSET = 1u << BOARD_CAMERA_CS_PIN;
    }
}

static void output(uint32_t pin)
{
    P1_DIRSET = 1u << pin;
    P1_PIN_CNF(pin) = PIN_CNF_OUTPUT;
}

/* Mode 0: the clock rests low, a bit is there when it rises. The module takes 8 MHz. */
static void open_line(void)
{
    SPIM3_ENABLE = 0;
    select_module(false);
    P1_OUTCLR = 1u << BOARD_CAMERA_SCK_PIN | 1u << BOARD_CAMERA_MOSI_PIN;
    output(BOARD_CAMERA_CS_PIN);
    output(BOARD_CAMERA_SCK_PIN);
    output(BOARD_CAMERA_MOSI_PIN);
    P1_PIN_CNF(BOARD_CAMERA_MISO_PIN) = PIN_CNF_INPUT_PULL_UP; /* so that nothing plugged in reads as ones */
    SPIM3_PSEL_SCK = PSEL_PORT_1 | BOARD_CAMERA_SCK_PIN;
    SPIM3_PSEL_MOSI = PSEL_PORT_1 | BOARD_CAMERA_MOSI_PIN;
    SPIM3_PSEL_MISO = PSEL_PORT_1 | BOARD_CAMERA_MISO_PIN;
    SPIM3_FREQUENCY = SPIM_FREQUENCY_8M;
    SPIM3_CONFIG = 0;
    SPIM3_ORC = 0; /* is sent where there is nothing to say */
    SPIM3_ENABLE = SPIM_ENABLED;
}

/* Bytes out of `command` and into `received`, as many clocks as the longer one needs. */
static bool transfer(uint32_t sent, uint32_t taken)
{
    SPIM3_EVENTS_END = 0;
    SPIM3_TXD_PTR = (uint32_t)(uintptr_t)command;
    SPIM3_TXD_MAXCNT = sent;
    SPIM3_RXD_PTR = (uint32_t)(uintptr_t)received;
    SPIM3_RXD_MAXCNT = taken;
    __asm__ volatile("dsb" ::: "memory");
    SPIM3_TASKS_START = 1;
    const bool done = WAIT_UNTIL(SPIM3_EVENTS_END, 1u, 1u, SPI_TURNS);
    __asm__ volatile("" ::: "memory");
    return done;
}

static bool write_module(uint8_t number, uint8_t value)
{
    command[0] = WRITE | number;
    command[1] = value;
    select_module(true);
    const bool done = transfer(2, 0);
    select_module(false);
    return done;
}

static uint8_t read_module(uint8_t number)
{
    command[0] = number;
    command[1] = 0;
    received[1] = 0;
    select_module(true);
    (void)transfer(2, 2);
    select_module(false);
    return received[1];
}

/* ---- the sensor */

static bool has_module(void)
{
    return write_module(MODULE_TEST, 0x55) && read_module(MODULE_TEST) == 0x55 && write_module(MODULE_TEST, 0xAA) &&
           read_module(MODULE_TEST) == 0xAA;
}

/* The middle of the sensor's picture in the proportions of `frame`, scaled to it (datasheet table 12). */
static bool set_size(const port_camera_frame *frame)
{
    uint32_t width = (uint32_t)OV2640_HEIGHT * frame->width / frame->height;
    uint32_t height = (uint32_t)OV2640_WIDTH * frame->height / frame->width;
    width = width < OV2640_WIDTH ? width / OV2640_UNIT : OV2640_WIDTH / OV2640_UNIT;
    height = height < OV2640_HEIGHT ? height / OV2640_UNIT : OV2640_HEIGHT / OV2640_UNIT;
    const uint32_t left = (OV2640_WIDTH - OV2640_UNIT * width) / 2u, top = (OV2640_HEIGHT - OV2640_UNIT * height) / 2u;
    const uint32_t out_width = frame->width / OV2640_UNIT, out_height = frame->height / OV2640_UNIT;
    const uint32_t high = (height >> 1 & 0x80u) | (top >> 4 & 0x70u) | (width >> 5 & 0x08u) | (left >> 8 & 0x07u);
    const sccb_register size[] = {
        {0x51, (uint8_t)width}, /* HSIZE, VSIZE: of what is scaled, in fours */
        {0x52, (uint8_t)height},
        {0x53, (uint8_t)left}, /* XOFFL, YOFFL: where it begins, in pixels */
        {0x54, (uint8_t)top},
        {0x55, (uint8_t)high},                 /* VHYX: their high bits */
        {0x57, (uint8_t)(width >> 2 & 0x80u)}, /* TEST: another one of HSIZE */
        {0x5A, (uint8_t)out_width},            /* ZMOW, ZMOH: of what comes out, in fours */
        {0x5B, (uint8_t)out_height},
        {0x5C, (uint8_t)((out_height >> 6 & 0x04u) | (out_width >> 8 & 0x03u))}, /* ZMHH: their high bits */
    };
    return sccb_write_all(OV2640_ADDRESS, size, sizeof size / sizeof *size);
}

/* Everything anew for every picture: the module may have been plugged in since the last one. */
static bool wake(const port_camera_frame *frame)
{
    uint8_t product = 0;
    open_line();
    if (!has_module() || !write_module(MODULE_RESET, RESET_LOGIC) || !write_module(MODULE_RESET, 0) ||
        !write_module(MODULE_PINS, PIN_RUNS | PIN_POWER)) {
        return false;
    }
    cortexm_spin(BOARD_CORE_HZ / 1000u * WAKE_MS);
    sccb_open();
    if (!sccb_write_all(OV2640_ADDRESS, ov2640_reset, 1) || !sccb_read(OV2640_ADDRESS, OV2640_PID, &product) ||
        product != OV2640_PID_VALUE ||
        !sccb_write_all(OV2640_ADDRESS, ov2640_reset, sizeof ov2640_reset / sizeof *ov2640_reset)) {
        return false;
    }
    cortexm_spin(BOARD_CORE_HZ / 1000u * WAKE_MS);
    return sccb_write_all(OV2640_ADDRESS, ov2640_svga, sizeof ov2640_svga / sizeof *ov2640_svga) && set_size(frame) &&
           sccb_write_all(OV2640_ADDRESS, ov2640_go, sizeof ov2640_go / sizeof *ov2640_go);
}

/* ---- pictures */

/* The next whole frame into the module's memory, and its reading begun. */
static bool take_picture(const port_camera_frame *frame)
{
    const uint32_t pixels = (uint32_t)frame->width * frame->height;
    uint32_t turns = FRAME_TURNS;
    select_module(false); /* ends the reading of the last one */
    if (!write_module(MODULE_MEMORY, MEMORY_CLEAR) || !write_module(MODULE_FRAMES, 0) ||
        !write_module(MODULE_MEMORY, MEMORY_CAPTURE)) {
        return false;
    }
    while ((read_module(MODULE_TRIGGER) & TRIGGER_DONE) == 0) {
        if (turns-- == 0) {
            return false;
        }
        cortexm_spin(TURN_CYCLES);
    }
    const uint32_t length = read_module(MODULE_LENGTH) | (uint32_t)read_module(MODULE_LENGTH + 1) << 8 |
                            (uint32_t)read_module(MODULE_LENGTH + 2) << 16;
    if (length < 2u * pixels) {
        return false; /* it began in the middle of a frame */
    }
    command[0] = MODULE_BURST;
    select_module(true);
    pixels_left = pixels;
    return transfer(1, 0) && (BOARD_CAMERA_DUMMY_BYTES == 0 || transfer(0, BOARD_CAMERA_DUMMY_BYTES));
}

/* Up to CHUNK pixels into `received`. */
static bool read_pixels(uint32_t count)
{
    pixels_left -= count;
    return transfer(0, 2u * count);
}

static uint16_t pixel_at(uint32_t index)
{
    return (uint16_t)(received[2u * index] << 8 | received[2u * index + 1u]);
}

static bool read_mean(uint8_t *mean)
{
    uint32_t sum = 0, count = 0, skipped = 0;
    while (pixels_left > 0) {
        const uint32_t now = pixels_left < CHUNK ? pixels_left : CHUNK;
        if (!read_pixels(now)) {
            return false;
        }
        for (; skipped < now; skipped += MEAN_STEP) {
            sum += rgb565_level(pixel_at(skipped));
            count++;
        }
        skipped -= now;
    }
    *mean = (uint8_t)(sum / count);
    return true;
}

/* A frame that was looked at is used up: the picture is the one after. */
static bool take_settled_picture(const port_camera_frame *frame)
{
    exposure_watch watch = {0};
    uint8_t mean;
    do {
        port_watchdog_feed();
        if (!take_picture(frame) || !read_mean(&mean)) {
            return false;
        }
    } while (!exposure_settled(&watch, mean));
    return take_picture(frame);
}

bool port_camera_begin(const port_camera_frame *wanted, port_camera_frame *frame)
{
    const bool is_possible = wanted->width % OV2640_UNIT == 0 && wanted->height % OV2640_UNIT == 0 &&
                             wanted->width <= OV2640_HEIGHT && wanted->height <= OV2640_HEIGHT;
    *frame = is_possible ? *wanted : (port_camera_frame){OTHER_WIDTH, OTHER_HEIGHT};
    const bool taken = wake(frame) && take_settled_picture(frame);
    if (!taken) {
        port_camera_end();
    }
    return taken;
}

bool port_camera_read(uint8_t *rgb, size_t bytes)
{
    const size_t pixels = bytes / 3u;
    if (bytes % 3u != 0 || pixels > pixels_left) {
        return false;
    }
    for (size_t done = 0; done < pixels;) {
        const uint32_t now = pixels - done < CHUNK ? (uint32_t)(pixels - done) : CHUNK;
        if (!read_pixels(now)) {
            return false;
        }
        for (uint32_t i = 0; i < now; i++) {
            rgb565_to_rgb888(pixel_at(i), rgb + 3u * (done + i));
        }
        done += now;
    }
    return true;
}

/* The sensor sleeps until the next one. */
void port_camera_end(void)
{
    pixels_left = 0;
    if (SPIM3_ENABLE != 0) {
        select_module(false);
        (void)write_module(MODULE_PINS, PIN_RUNS | PIN_POWER | PIN_STANDBY);
        SPIM3_ENABLE = 0;
        TWIM2_ENABLE = 0;
    }
}
