/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from field.c, so that whoever only stores fields needs nothing of packets. */
#include "core/crc.h"
#include "core/field.h"

int glimpse_field_packet(const glimpse_header *header, uint8_t *packet, const glimpse_field_writer *writer)
{
    const size_t checked = GLIMPSE_HEADER_BYTES + writer->count;
    glimpse_header_write(header, packet);
    const uint16_t check = glimpse_crc16(packet, checked);
    packet[checked] = (uint8_t)(check >> 8);
    packet[checked + 1] = (uint8_t)check;
    return (int)(checked + GLIMPSE_CHECK_BYTES);
}
