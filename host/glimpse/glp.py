# SPDX-License-Identifier: Apache-2.0
"""Packets in a file: `GLP1`, then for each payload its length (u16, little endian) and its bytes as on the air."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from glimpse.errors import GlimpseError
from glimpse.files import read_bytes, write_whole

MAGIC = b"GLP1"
MAX_ENTRY_BYTES = 0xFFFF
# A frame is a few kilobytes; a file of this size holds years of them.
MAX_FILE_BYTES = 256 << 20


@dataclass(frozen=True)
class PacketFile:
    """What a .glp file holds.

    Attributes:
        packets: the whole entries in the file's order.
        cut_bytes: bytes after the last whole entry, of one whose end is missing; 0 in a whole file.
    """

    packets: list[bytes]
    cut_bytes: int = 0


def parse_packets(data: bytes, name: str = "the data") -> PacketFile:
    """Reads the bytes of a .glp file; an entry cut off at the end is left out and reported.

    Args:
        data: the whole file.
        name: what to call it in an error.

    Raises:
        GlimpseError: not a .glp file, another version of it, or an entry of no bytes.
    """
    if data[:4] != MAGIC:
        raise GlimpseError(_wrong_start(data, name))
    packets: list[bytes] = []
    at = len(MAGIC)
    while at < len(data):
        if at + 2 > len(data):
            return PacketFile(packets, len(data) - at)
        size = int.from_bytes(data[at : at + 2], "little")
        if size == 0:
            raise GlimpseError(
                f"{name} is damaged: packet {len(packets) + 1} (at byte {at}) has no bytes; get a fresh copy"
            )
        if at + 2 + size > len(data):
            return PacketFile(packets, len(data) - at)
        packets.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return PacketFile(packets)


def _wrong_start(data: bytes, name: str) -> str:
    if not data:
        return f"{name} is empty; write one with glimpse encode"
    if MAGIC.startswith(data):
        return f"{name} ends inside its first four bytes; get a fresh copy"
    if data[:3] == MAGIC[:3]:
        version = data[3:4].decode("latin-1")
        return f"{name} has version {version!r} of the packet file format and this is for version '1'; update glimpse"
    return f"{name} is not a packet file (it does not start with GLP1); give a file that glimpse encode wrote"


def format_packets(packets: Iterable[bytes]) -> bytes:
    """The bytes of a .glp file.

    Args:
        packets: radio payloads of 1..65535 bytes each.

    Raises:
        GlimpseError: a payload of no bytes or of too many.
    """
    data = bytearray(MAGIC)
    for number, packet in enumerate(packets, 1):
        if not 1 <= len(packet) <= MAX_ENTRY_BYTES:
            raise GlimpseError(
                f"packet {number} has {len(packet)} bytes and a packet file holds 1 to {MAX_ENTRY_BYTES}; leave it out"
            )
        data += len(packet).to_bytes(2, "little") + packet
    return bytes(data)


def read_packets(path: Path | str) -> PacketFile:
    """Reads a .glp file.

    Raises:
        GlimpseError: unreadable, or malformed as parse_packets says.
    """
    return parse_packets(read_bytes(Path(path), "packet file", MAX_FILE_BYTES), str(path))


def write_packets(path: Path | str, packets: Iterable[bytes]) -> None:
    """Writes a .glp file, whole or not at all; an existing file stays as it was on any failure.

    Raises:
        GlimpseError: a payload that the format cannot hold, or a place that cannot be written.
    """
    write_whole(Path(path), format_packets(packets))
