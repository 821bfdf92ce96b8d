/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_BOARD_H
#define GLIMPSE_BOARD_H

#define BOARD_NAME "nrf5340dk"
#define BOARD_INTERRUPTS 69u /* product specification, "Peripheral interface": IDs 0..68 */

#define BOARD_CORE_HZ 128000000u

/* The interface chip's serial port of the application core: bits of port P0. */
#define BOARD_SERIAL_TX_PIN 20u
#define BOARD_SERIAL_RX_PIN 22u

/* D4 and D5 of the Arduino header: bits of port P1. D0 and D1 are lines of the interface chip, too. */
#define BOARD_MODEM_TX_PIN 6u
#define BOARD_MODEM_RX_PIN 7u

/* A camera with SPI on the Arduino header: bits of port P1. */
#define BOARD_CAMERA_SDA_PIN 2u
#define BOARD_CAMERA_SCL_PIN 3u
#define BOARD_CAMERA_CS_PIN 12u   /* D10 */
#define BOARD_CAMERA_MOSI_PIN 13u /* D11 */
#define BOARD_CAMERA_MISO_PIN 14u /* D12 */
#define BOARD_CAMERA_SCK_PIN 15u  /* D13 */

/* 1 for modules whose burst reads begin with a byte that is no picture: README.md says how to tell. */
#ifndef BOARD_CAMERA_DUMMY_BYTES
#define BOARD_CAMERA_DUMMY_BYTES 0u
#endif
#define BOARD_WAKE_PIN 23u /* of port P0: button 1 */
/* D2 and D3 of the Arduino header: the first of two bits of port P1, see ports/mark.h. */
#define BOARD_MARK_PIN 4u

/* Persistent regions as in linker.ld, in the order of port_region: address, bytes. */
#define BOARD_REGIONS {0x40000u, 0x40000u}, {0x80000u, 0x40000u}, {0xF8000u, 0x4000u}, {0xFC000u, 0x4000u}

#endif
