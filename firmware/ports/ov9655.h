/* SPDX-License-Identifier: Apache-2.0 */
/* OmniVision OV9655: QVGA, RGB565, 15 frames a second of a 24 MHz clock. Names and bits after the datasheet (version
   1.5, table 5, Device Control Register List). What is not here keeps its value from reset. */
#ifndef GLIMPSE_PORTS_OV9655_H
#define GLIMPSE_PORTS_OV9655_H

#include "ports/sccb.h"

enum {
    OV9655_ADDRESS = 0x30,
    OV9655_WIDTH = 320,
    OV9655_HEIGHT = 240,
    OV9655_PID = 0x0A, /* product number: its register */
    OV9655_PID_VALUE = 0x96
};

static const sccb_register ov9655_reset[] = {{0x12, 0x80}}; /* COM7: all registers as after power-on, within 1 ms */

static const sccb_register ov9655_qvga_rgb565[] = {
    /* Clock and format. */
    {0x11, 0x01}, /* CLKRC: divided by two */
    {0x6B, 0x5A}, /* DBLV: PLL times four, regulator on */
    {0x12, 0x63}, /* COM7: VGA, RGB */
    {0x40, 0xD0}, /* COM15: full range 0..255, RGB565 */
    {0x3A, 0xCC}, /* TSLB: the byte with blue in it first */
    {0x15, 0x00}, /* COM10: VSYNC high between frames, HREF high in a row, data change with the clock's falling edge */
    {0x09, 0x01}, /* COM2: twice the output drive, awake */
    /* Every second pixel of every second row. */
    {0x3E, 0x02}, /* COM14: the clock divided as COM24 says */
    {0x72, 0x11}, /* by two across and down */
    {0x73, 0x01}, /* their clock by two */
    {0xC7, 0x81}, /* COM24: pixel clock by two */
    /* Which part of the array. */
    {0x17, 0x18}, /* HSTART */
    {0x18, 0x04}, /* HSTOP */
    {0x32, 0x12}, /* HREF: their low bits */
    {0x19, 0x01}, /* VSTRT */
    {0x1A, 0x81}, /* VSTOP */
    {0x03, 0x02}, /* VREF: their low bits */
    /* Exposure, gain, white balance: automatic, steps of any size at first. */
    {0x13, 0xE7}, /* COM8: fast, band filter, AGC, AWB, AEC */
    {0x14, 0x3A}, /* COM9: gain 16 at most, so that noise does not eat the bytes */
    {0x24, 0x3C}, /* AEW: brightness to be kept, from */
    {0x25, 0x36}, /* AEB: to */
    {0x26, 0x72}, /* VPT: outside of this, in large steps */
    /* Colour matrix of the sensor's filters, and its signs. */
    {0x3D, 0x99}, /* COM13: gamma and matrix on */
    {0x4F, 0x98},
    {0x50, 0x98},
    {0x51, 0x00},
    {0x52, 0x28},
    {0x53, 0x70},
    {0x54, 0x98},
    {0x58, 0x1A},
    /* Gamma: ITU-R BT.709's curve at 4, 8, 16, 32, 40, 48, 56, 64, 72, 80, 96, 112, 144, 176, 208; first its slope
       above that. */
    {0x7A, 0x22},
    {0x7B, 0x12},
    {0x7C, 0x22},
    {0x7D, 0x37},
    {0x7E, 0x55},
    {0x7F, 0x60},
    {0x80, 0x6B},
    {0x81, 0x74},
    {0x82, 0x7D},
    {0x83, 0x85},
    {0x84, 0x8D},
    {0x85, 0x9B},
    {0x86, 0xA8},
    {0x87, 0xBF},
    {0x88, 0xD4},
    {0x89, 0xE6},
};

#endif
