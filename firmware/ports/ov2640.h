/* SPDX-License-Identifier: Apache-2.0 */
/* OmniVision OV2640: half its resolution (800 x 600), scaled by the sensor itself, RGB565, of a 24 MHz clock. Names and
   bits after the datasheet (version 1.6, tables 12 and 13: two banks of registers, chosen by register 0xFF). What it
   calls reserved is as in OmniVision's application notes for this size; what is not here keeps its value from reset. */
#ifndef GLIMPSE_PORTS_OV2640_H
#define GLIMPSE_PORTS_OV2640_H

#include "ports/sccb.h"

enum {
    OV2640_ADDRESS = 0x30,
    OV2640_WIDTH = 800, /* of what is scaled */
    OV2640_HEIGHT = 600,
    OV2640_UNIT = 4, /* pixels: what is wanted has a multiple of this in width and height */
    OV2640_BANK = 0xFF,
    OV2640_SCALER = 0, /* banks */
    OV2640_SENSOR = 1,
    OV2640_PID = 0x0A, /* in the sensor's bank: product number */
    OV2640_PID_VALUE = 0x26
};

static const sccb_register ov2640_reset[] = {
    {OV2640_BANK, OV2640_SENSOR},
    {0x12, 0x80}, /* COM7: all registers as after power-on, within 1 ms */
};

static const sccb_register ov2640_svga[] = {
    {OV2640_BANK, OV2640_SCALER},
    {0x2C, 0xFF}, /* reserved, both */
    {0x2E, 0xDF},
    {OV2640_BANK, OV2640_SENSOR},
    /* Format and clock. */
    {0x12, 0x40}, /* COM7: SVGA, every second pixel of every second row */
    {0x11, 0x01}, /* CLKRC: divided by two */
    {0x09, 0x02}, /* COM2: three times the output drive, awake */
    {0x04, 0x28}, /* REG04: as it is, neither mirrored nor upside down */
    /* Which part of the array. */
    {0x17, 0x11}, /* HREFST */
    {0x18, 0x43}, /* HREFEND */
    {0x32, 0x09}, /* REG32: their low bits */
    {0x19, 0x00}, /* VSTRT */
    {0x1A, 0x4B}, /* VEND */
    {0x03, 0x0A}, /* COM1: their low bits */
    /* Exposure and gain: automatic. */
    {0x13, 0xE5}, /* COM8: band filter, AGC, AEC */
    {0x14, 0x48}, /* COM9: gain 8 at most, so that noise does not eat the bytes */
    {0x24, 0x40}, /* AEW: brightness to be kept, from */
    {0x25, 0x38}, /* AEB: to */
    {0x26, 0x82}, /* VV: outside of this, in large steps */
    {0x4F, 0xCA}, /* BD50 and BD60: lamps of 50 and 60 Hz do not flicker */
    {0x50, 0xA8},
    {0x5A, 0x23},
    /* Reserved: analogue part at this size. */
    {0x0D, 0x87},
    {0x0E, 0x41},
    {0x06, 0x88},
    {0x07, 0xC0},
    {0x22, 0x1A},
    {0x23, 0x00},
    {0x34, 0xC0},
    {0x35, 0xDA},
    {0x37, 0xC0},
    {0x39, 0x92},
    {0x3D, 0x38},
    {0x42, 0x03},
    {0x4C, 0x00},
    {0x6D, 0x00},
    /* The scaler's input. */
    {OV2640_BANK, OV2640_SCALER},
    {0xE0, 0x04}, /* RESET: its output rests while it is set */
    {0xC0, OV2640_WIDTH / 8},
    {0xC1, OV2640_HEIGHT / 8},
    {0x8C, 0x00}, /* SIZEL: their low bits */
    {0x86, 0x3D}, /* CTRL2: scaling on */
    {0x50, 0x80}, /* CTRLI: nothing divided before that */
    {0xC3, 0xED}, /* CTRL1: gamma, white balance, lens correction */
    {0xD3, 0x82}, /* R_DVP_SP: pixel clock as the size needs it */
    {0xDA, 0x08}, /* IMAGE_MODE: RGB565, the byte with red in it first */
    {0xD7, 0x03}, /* reserved, both, for RGB565 */
    {0xE1, 0x77},
};

/* Behind the size (port). */
static const sccb_register ov2640_go[] = {
    {0xE0, 0x00}, /* RESET */
    {0x05, 0x00}, /* R_BYPASS: through the scaler */
};

#endif
