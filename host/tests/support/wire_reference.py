# SPDX-License-Identifier: Apache-2.0
"""A second implementation of docs/wire-format.md, written for clarity, that the C core is held against.

It shares nothing with the core: permutations are computed in closed form, the range coder works on one big
integer and so knows no carry, and a reader accepts a body only if writing its symbols gives the same bytes.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import Literal

VERSION, IMAGE, RAW, RANGE = 1, 0, 0, 1
OVERHEAD = 6

Reason = Literal["length", "check", "version", "kind", "model", "revision", "frame", "range", "body"]


class Rejected(Exception):
    """A packet that a receiver does not use."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(frozen=True)
class Codec:
    """The fields of the C core's glimpse_codec. order: 0 interleaved, 1 by channel."""

    model: int
    revision: int
    height: int
    width: int
    channels: int
    bits: int
    order: int
    stride: int
    offset: int
    minimum: tuple[int, ...]
    step: tuple[int, ...]
    cumulative: tuple[tuple[int, ...], ...] | None

    @property
    def positions(self) -> int:
        """Height times width."""
        return self.height * self.width

    @property
    def symbols(self) -> int:
        """Symbols of a frame."""
        return self.positions * self.channels

    def is_sound(self) -> bool:
        """What glimpse_codec_check demands."""
        cycle = self.positions if self.order == 1 else self.symbols
        return (
            self.model <= 31
            and 1 <= self.bits <= 8
            and 1 <= self.channels <= 64
            and 1 <= self.symbols <= 16384
            and self.order in (0, 1)
            and 1 <= self.stride <= cycle
            and gcd(self.stride, cycle) == 1
            and self.offset < cycle
            and all(step >= 1 for step in self.step)
            and all(abs(minimum) <= 1 << 20 for minimum in self.minimum)
            and all(
                row[0] == 0 and row[-1] == 4096 and all(a < b for a, b in pairwise(row))
                for row in self.cumulative or ()
            )
        )


def quantise(codec: Codec, latent: Iterable[int]) -> bytes:
    """Symbols of int8 latent values in [height, width, channels] order."""
    symbols = []
    for index, value in enumerate(latent):
        step = codec.step[index % codec.channels]
        symbol = (256 * value - codec.minimum[index % codec.channels] + step // 2) // step
        symbols.append(min(max(symbol, 0), (1 << codec.bits) - 1))
    return bytes(symbols)


def place(codec: Codec, rank: int) -> int:
    """Flat index of the symbol with this rank in sending order."""
    if codec.order == 0:
        return (rank * codec.stride + codec.offset) % codec.symbols
    channel, step = divmod(rank, codec.positions)
    position = (step * codec.stride + channel * codec.offset) % codec.positions
    return position * codec.channels + channel


def crc16(message: bytes) -> int:
    """CRC-16/IBM-3740, bit by bit."""
    crc = 0xFFFF
    for byte in message:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ (0x11021 if crc & 0x8000 else 0)
    return crc


def seal(
    codec: Codec,
    frame: int,
    first: int,
    coding: int,
    body: bytes,
    version: int = VERSION,
    kind: int = IMAGE,
) -> bytes:
    """Header, body and check."""
    word = 0
    fields = ((version, 2), (codec.model, 5), (frame, 6), (first, 14), (kind, 3), (coding, 1), (codec.revision & 1, 1))
    for value, bits in fields:
        assert 0 <= value < 1 << bits
        word = word << bits | value
    message = word.to_bytes(4, "big") + body
    return message + crc16(message).to_bytes(2, "big")


class Interval:
    """low .. low + range - 1 on a scale that grows by a byte with each byte written."""

    def __init__(self) -> None:
        self.low = 0
        self.range = (1 << 32) - 1
        self.written = 0

    def narrowed(self, start: int, end: int) -> "Interval":
        """The part that stands for start..end of 4096."""
        part = Interval()
        step = self.range >> 12
        part.low, part.range, part.written = self.low + step * start, step * (end - start), self.written
        while part.range < 1 << 24:
            part.low, part.range, part.written = part.low << 8, part.range << 8, part.written + 1
        return part

    def finished(self) -> bytes:
        """The shortest bytes that lie in the interval."""
        for unit in (1 << 32, 1 << 24):
            value = -(-self.low // unit) * unit
            if value < self.low + self.range:
                return value.to_bytes(self.written + 4, "big").rstrip(b"\0")
        raise AssertionError("an interval holds a multiple of 2^24")


def raw_body(codec: Codec, symbols: list[int]) -> bytes:
    """Symbols bit after bit, then zeros to the end of the byte."""
    text = "".join(f"{symbol:0{codec.bits}b}" for symbol in symbols)
    return bytes(int(text[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(text), 8))


def count_bytes(count: int) -> bytes:
    """The number of symbols in front of a range-coded body."""
    return bytes([count]) if count < 128 else (0x8000 | count).to_bytes(2, "big")


def table(codec: Codec, rank: int) -> tuple[int, ...]:
    """The cumulative frequencies of the symbol with this rank."""
    assert codec.cumulative is not None
    return codec.cumulative[place(codec, rank) % codec.channels]


def range_body(codec: Codec, first: int, symbols: list[int], capacity: int) -> tuple[int, bytes]:
    """As many of the symbols as surely fit, and their body."""
    interval, count = Interval(), 0
    for symbol in symbols:
        row = table(codec, first + count)
        after = interval.narrowed(row[symbol], row[symbol + 1])
        if len(count_bytes(count + 1)) + after.written + 1 > capacity:
            break
        interval, count = after, count + 1
    return count, count_bytes(count) + interval.finished()


def pack(codec: Codec, symbols: bytes, frame: int, coding: int, payloads: Iterable[int]) -> list[bytes]:
    """All packets of a frame; payloads gives the largest length of each."""
    packets: list[bytes] = []
    sequence = [symbols[place(codec, rank)] for rank in range(codec.symbols)]
    sizes = iter(payloads)
    first = 0
    while first < codec.symbols:
        capacity = next(sizes) - OVERHEAD
        count = min(codec.symbols - first, 8 * capacity // codec.bits)
        used, body = RAW, raw_body(codec, sequence[first : first + count])
        if coding == RANGE:
            other, other_body = range_body(codec, first, sequence[first:], capacity)
            if other > count or (other == count and len(other_body) <= len(body)):
                used, count, body = RANGE, other, other_body
        packets.append(seal(codec, frame, first, used, body))
        first += count
    return packets


def unpack(codec: Codec, frame: int | None, packet: bytes) -> dict[int, int]:
    """Symbols by flat index. Raises Rejected."""
    if not OVERHEAD <= len(packet) <= 242:
        raise Rejected("length")
    if crc16(packet[:-2]) != int.from_bytes(packet[-2:], "big"):
        raise Rejected("check")
    word = f"{int.from_bytes(packet[:4], 'big'):032b}"
    version, model, sent_frame, first, kind, coding, revision = (
        int(word[start:end], 2) for start, end in ((0, 2), (2, 7), (7, 13), (13, 27), (27, 30), (30, 31), (31, 32))
    )
    checks: tuple[tuple[bool, Reason], ...] = (
        (version == VERSION, "version"),
        (kind == IMAGE, "kind"),
        (model == codec.model, "model"),
        (revision == codec.revision & 1, "revision"),
        (frame is None or frame == sent_frame, "frame"),
        (first < codec.symbols, "range"),
    )
    for holds, reason in checks:
        if not holds:
            raise Rejected(reason)
    read = read_range if coding == RANGE else read_raw
    return {place(codec, first + i): symbol for i, symbol in enumerate(read(codec, first, packet[4:-2]))}


def read_raw(codec: Codec, first: int, body: bytes) -> list[int]:
    """Symbols of a raw body."""
    text = "".join(f"{byte:08b}" for byte in body)
    count = min(codec.symbols - first, len(text) // codec.bits)
    symbols = [int(text[at : at + codec.bits], 2) for at in range(0, count * codec.bits, codec.bits)]
    if not symbols or raw_body(codec, symbols) != body:
        raise Rejected("body")
    return symbols


def read_range(codec: Codec, first: int, body: bytes) -> list[int]:
    """Symbols of a range-coded body."""
    prefix = 2 if body[:1] >= b"\x80" else 1
    count = int.from_bytes(body[:prefix], "big") & (0x7FFF if prefix == 2 else 0x7F)
    if codec.cumulative is None or len(body) < prefix or count == 0 or count_bytes(count) != body[:prefix]:
        raise Rejected("body")
    if first + count > codec.symbols:
        raise Rejected("range")
    interval, symbols = Interval(), list[int]()
    for rank in range(first, first + count):
        digits = interval.written + 4
        code = int.from_bytes(body[prefix : prefix + digits].ljust(digits, b"\0"), "big") - interval.low
        target = code // (interval.range >> 12)
        if target >= 4096:
            raise Rejected("body")
        row = table(codec, rank)
        symbols.append(bisect_right(row, target) - 1)
        interval = interval.narrowed(row[symbols[-1]], row[symbols[-1] + 1])
    if interval.finished() != body[prefix:]:
        raise Rejected("body")
    return symbols
