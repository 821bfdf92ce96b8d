/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLIMPSE_BOARD_H
#define GLIMPSE_BOARD_H

#define BOARD_NAME "native"

/* Bytes of the persistent regions, in the order of port_region. */
#define BOARD_REGION_BYTES 0x40000u, 0x40000u, 0x4000u, 0x4000u

#endif
