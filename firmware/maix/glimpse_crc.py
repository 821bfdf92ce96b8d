# SPDX-License-Identifier: Apache-2.0
# The two checks: CRC-16/IBM-3740 of packets, CRC-32/ISO-HDLC of serial frames and model blobs.
from array import array

from ubinascii import crc32  # noqa: F401 - in C on every port; crc32(bytes, crc so far)


def _table():
    table = array("H")
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        table.append(crc & 0xFFFF)
    return table


_TABLE = _table()


def crc16(data, count):
    # of the first `count` bytes
    table = _TABLE
    crc = 0xFFFF
    for i in range(count):
        crc = (crc & 0xFF) << 8 ^ table[crc >> 8 ^ data[i]]
    return crc
