/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-16/IBM-3740 (polynomial 0x1021, start 0xFFFF) for packets, CRC-32/ISO-HDLC (zlib's) for serial and blobs. */
#ifndef GLIMPSE_CORE_CRC_H
#define GLIMPSE_CORE_CRC_H

#include <stddef.h>
#include <stdint.h>

uint16_t glimpse_crc16(const uint8_t *bytes, size_t count);

/* Continues from the crc of what came before; start with 0. */
uint32_t glimpse_crc32(uint32_t crc, const uint8_t *bytes, size_t count);

#endif
