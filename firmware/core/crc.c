/* SPDX-License-Identifier: Apache-2.0 */
/* Half a byte at a time: tables of 16 entries are a fair trade of flash for speed. */
#include "core/crc.h"

uint16_t glimpse_crc16(const uint8_t *bytes, size_t count)
{
    static const uint16_t table[16] = {
        0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
        0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF,
    };
    uint32_t crc = 0xFFFF;
    for (size_t i = 0; i < count; i++) {
        crc = ((crc << 4) & 0xFFFFu) ^ table[(crc >> 12) ^ (bytes[i] >> 4)];
        crc = ((crc << 4) & 0xFFFFu) ^ table[(crc >> 12) ^ (bytes[i] & 15u)];
    }
    return (uint16_t)crc;
}

uint32_t glimpse_crc32(uint32_t crc, const uint8_t *bytes, size_t count)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return ~crc;
}
