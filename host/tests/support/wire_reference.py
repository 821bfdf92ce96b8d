# SPDX-License-Identifier: Apache-2.0
"""A second implementation of docs/wire-format.md, written for clarity, that the C core is held against.

It shares nothing with the core: permutations are computed in closed form or listed whole, the range coder works on
one big integer and so knows no carry, and a reader accepts a body only if writing its symbols gives the same bytes.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from math import gcd
from typing import Literal

VERSION, IMAGE, RAW, RANGE = 1, 0, 0, 1
OVERHEAD = 6
TOTAL = 1 << 15

Reason = Literal["length", "check", "version", "kind", "model", "revision", "frame", "range", "body"]


class Rejected(Exception):
    """A packet that a receiver does not use."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(frozen=True)
class Context:
    """The fields of glimpse_context, but for first_table; a tap is (channel, dy, dx, value and activity weight)."""

    centre: int
    typical: int
    classes: int
    taps: tuple[tuple[int, int, int, int, int], ...]
    value_limit: tuple[int, ...]
    activity_limit: tuple[int, ...]
    class_of: tuple[int, ...]

    def is_sound(self, levels: int, channels: int) -> bool:
        """What glimpse_codec_check demands of it."""
        return (
            self.centre < levels
            and 1 <= self.classes <= 16
            and len(self.taps) <= 16
            and all(tap[0] < channels for tap in self.taps)
            and list(self.value_limit) == sorted(self.value_limit)
            and list(self.activity_limit) == sorted(self.activity_limit)
            and all(number < self.classes for number in self.class_of)
        )


@dataclass(frozen=True)
class Saliency:
    """The fields of glimpse_saliency."""

    rows: int
    columns: int
    bits: int
    block: int
    gain: int
    tolerance: int
    curve: tuple[int, ...] = field(repr=False)


@dataclass(frozen=True)
class Codec:
    """The fields of the C core's glimpse_codec. order: 0 interleaved, 1 by channel, 2 by saliency."""

    model: int
    revision: int
    height: int
    width: int
    channels: int
    levels: int
    order: int
    stride: int
    offset: int
    minimum: tuple[int, ...]
    step: tuple[int, ...]
    cumulative: tuple[tuple[int, ...], ...] | None
    contexts: tuple[Context, ...] | None = None
    saliency: Saliency | None = None

    @property
    def bits(self) -> int:
        """Of a raw symbol."""
        return (self.levels - 1).bit_length()

    @property
    def positions(self) -> int:
        """Height times width."""
        return self.height * self.width

    @property
    def symbols(self) -> int:
        """Symbols of a frame."""
        return self.positions * self.channels

    @cached_property
    def segments(self) -> list[list[int]]:
        """By saliency: the flat indexes of each segment, in the order of their ranks."""
        assert self.saliency is not None
        rows, columns, block = self.saliency.rows, self.saliency.columns, self.saliency.block
        found = []
        for first in range(0, self.channels, block):
            for cell in self.scan:
                inside = [
                    y * self.width + x
                    for y in range(self.height)
                    for x in range(self.width)
                    if (y * rows // self.height, x * columns // self.width) == cell
                ]
                channels = range(first, min(first + block, self.channels))
                found.append([position * self.channels + c for c in channels for position in inside])
        return found

    @property
    def scan(self) -> list[tuple[int, int]]:
        """By saliency: the cells (row, column) there and back again."""
        assert self.saliency is not None
        columns = range(self.saliency.columns)
        return [(row, x) for row in range(self.saliency.rows) for x in (reversed(columns) if row % 2 else columns)]

    @cached_property
    def places(self) -> list[int]:
        """Flat index of every rank."""
        if self.order == 2:
            return [at for segment in self.segments for at in segment]
        if self.order == 0:
            return [(rank * self.stride + self.offset) % self.symbols for rank in range(self.symbols)]
        return [
            (step * self.stride + channel * self.offset) % self.positions * self.channels + channel
            for channel in range(self.channels)
            for step in range(self.positions)
        ]

    def is_sound(self) -> bool:
        """What glimpse_codec_check demands."""
        tables = sum(context.classes for context in self.contexts) if self.contexts else self.channels
        return (
            self.model <= 31
            and 2 <= self.levels <= 256
            and 1 <= self.channels <= 64
            and 1 <= self.symbols <= 16384
            and self.order in (0, 1, 2)
            and (self._saliency_is_sound() if self.order == 2 else self._permutation_is_sound())
            and all(step >= 1 for step in self.step)
            and all(abs(minimum) <= 1 << 20 for minimum in self.minimum)
            and (self.contexts is None or self.cumulative is not None)
            and all(context.is_sound(self.levels, self.channels) for context in self.contexts or ())
            and (self.cumulative is None or len(self.cumulative) == tables)
            and all(
                len(row) == self.levels + 1
                and row[0] == 0
                and row[-1] == TOTAL
                and all(a < b for a, b in pairwise(row))
                for row in self.cumulative or ()
            )
        )

    def _permutation_is_sound(self) -> bool:
        cycle = self.positions if self.order == 1 else self.symbols
        return (
            self.saliency is None and 1 <= self.stride <= cycle and gcd(self.stride, cycle) == 1 and self.offset < cycle
        )

    def _saliency_is_sound(self) -> bool:
        s = self.saliency
        return (
            s is not None
            and (self.stride, self.offset) == (0, 0)
            and 1 <= s.rows <= self.height
            and 1 <= s.columns <= self.width
            and 1 <= s.bits <= 8
            and 1 <= s.block <= self.channels
            and -(-self.channels // s.block) * s.rows * s.columns <= 256
        )


def quantise(codec: Codec, latent: Iterable[int]) -> bytes:
    """Symbols of int8 latent values in [height, width, channels] order."""
    symbols = []
    for index, value in enumerate(latent):
        step = codec.step[index % codec.channels]
        symbol = (256 * value - codec.minimum[index % codec.channels] + step // 2) // step
        symbols.append(min(max(symbol, 0), codec.levels - 1))
    return bytes(symbols)


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
        """The part that stands for start..end of TOTAL."""
        part = Interval()
        step = self.range // TOTAL
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


def table(codec: Codec, at: int, known: dict[int, int]) -> tuple[int, ...]:
    """The cumulative frequencies of the symbol with flat index `at` when these symbols, by flat index, came before."""
    assert codec.cumulative is not None
    position, channel = divmod(at, codec.channels)
    if codec.contexts is None:
        return codec.cumulative[channel]
    context = codec.contexts[channel]
    y, x = divmod(position, codec.width)
    value = activity = 0
    for other, dy, dx, value_weight, activity_weight in context.taps:
        if 0 <= y + dy < codec.height and 0 <= x + dx < codec.width:
            symbol = known.get(((y + dy) * codec.width + x + dx) * codec.channels + other)
            if symbol is not None:
                above = symbol - codec.contexts[other].centre
                value += value_weight * above
                activity += activity_weight * (16 * abs(above) - codec.contexts[other].typical)
    row = sum(limit <= value for limit in context.value_limit)
    column = sum(limit <= activity for limit in context.activity_limit)
    before = sum(earlier.classes for earlier in codec.contexts[:channel])
    return codec.cumulative[before + context.class_of[8 * row + column]]


def range_body(codec: Codec, first: int, symbols: list[int], capacity: int) -> tuple[int, bytes]:
    """As many of the symbols as surely fit, and their body."""
    interval, count = Interval(), 0
    known: dict[int, int] = {}
    for symbol in symbols:
        at = codec.places[first + count]
        row = table(codec, at, known)
        after = interval.narrowed(row[symbol], row[symbol + 1])
        if len(count_bytes(count + 1)) + after.written + 1 > capacity:
            break
        known[at] = symbol
        interval, count = after, count + 1
    return count, count_bytes(count) + interval.finished()


def saliency_map(codec: Codec, side: Sequence[int]) -> dict[tuple[int, int], int]:
    """Level of every cell (row, column) for int8 values [height, width]."""
    s = codec.saliency
    assert s is not None
    levels = {}
    for cell in codec.scan:
        inside = [
            s.curve[side[y * codec.width + x] + 128]
            for y in range(codec.height)
            for x in range(codec.width)
            if (y * s.rows // codec.height, x * s.columns // codec.width) == cell
        ]
        mean = (sum(inside) + len(inside) // 2) // len(inside)
        levels[cell] = (mean * (2**s.bits - 1) + 127) // 255
    return levels


class Picker:
    """Which run of ranks comes next by saliency."""

    def __init__(self, codec: Codec, side: Sequence[int]) -> None:
        s = codec.saliency
        assert s is not None
        levels = saliency_map(codec, side)
        self.tolerance = s.tolerance
        self.ranks: list[range] = []
        self.scores: list[int] = []
        self.blocks: list[int] = []
        first = 0
        for number, segment in enumerate(codec.segments):
            block, place = divmod(number, len(codec.scan))
            self.ranks.append(range(first, first + len(segment)))
            self.scores.append(256 * levels[codec.scan[place]] + s.gain * (codec.channels - block * s.block))
            self.blocks.append(block)
            first += len(segment)
        self.sent: set[int] = set()

    def stretches(self) -> list[list[range]]:
        """Symbols that wait and follow each other in rank, cut at the segments."""
        waiting = [range(r.start + len(self.sent.intersection(r)), r.stop) for r in self.ranks]
        found: list[list[range]] = []
        for whole, left in zip(self.ranks, waiting, strict=True):
            if left and found and found[-1] and left == whole:
                found[-1].append(left)
            elif left:
                found.append([left])
            else:
                found.append([])
        return [pieces for pieces in found if pieces]

    def run(self, expected: int) -> tuple[range, bool]:
        """Ranks that the next packet may bring, and whether it is to bring all of them."""
        each = [score for score, segment in zip(self.scores, self.ranks, strict=True) for _ in segment]
        total = [0, *accumulate(each)]
        choices = []
        for pieces in self.stretches():
            begin, end = pieces[0].start, pieces[-1].stop
            for at in (piece.start for piece in pieces):
                left, brought = end - at, min(expected, end - at)
                value = 4 * (total[at + brought] - total[at]) // (4 * brought + expected)
                if at == begin:
                    choices.append((value, -at, range(at, end), False))
                elif left <= expected:
                    choices.append((value, -at, range(at, end), True))
                elif at - begin >= expected and left >= 2 * expected:
                    choices.append((max(0, value - self.tolerance), -at, range(at, end), False))
                if left <= expected:
                    break
        return max(choices, key=lambda choice: choice[:2])[2:]

    def later(self, run: range, left_over: int) -> range:
        """The run from a segment that leaves out as many symbols as were left over, or more; or from its last one."""
        starts = [s.start for s in self.ranks if run.start < s.start < run.stop]
        enough = [at for at in starts if at >= run.start + left_over]
        return range(enough[0] if enough else starts[-1] if starts else run.start, run.stop)


def pack(
    codec: Codec,
    symbols: bytes,
    frame: int,
    coding: int,
    payloads: Iterable[int],
    side: Sequence[int] | None = None,
) -> list[bytes]:
    """All packets of a frame; payloads gives the largest length of each."""
    packets: list[bytes] = []
    sequence = [symbols[at] for at in codec.places]
    sizes = iter(payloads)
    picker = Picker(codec, side) if codec.order == 2 and side is not None else None
    sent: set[int] = set()
    full: tuple[int, int] | None = None  # symbols and bytes of the last body that was nearly full
    while len(sent) < codec.symbols:
        payload = next(sizes)
        capacity, to_end = payload - OVERHEAD, False
        run = range(len(sent), codec.symbols)
        if picker:
            picker.sent = sent
            guess = (16 if coding == RANGE else 8, codec.bits)
            run, to_end = picker.run(max(1, capacity * (full or guess)[0] // (full or guess)[1]))
        used, count, body = _body(codec, sequence, run, coding, capacity)
        while picker and to_end and count < len(run) and picker.later(run, len(run) - count) != run:
            run = picker.later(run, len(run) - count)
            used, count, body = _body(codec, sequence, run, coding, capacity)
        full = (count, len(body)) if 4 * (len(body) + OVERHEAD) >= 3 * payload else full
        packets.append(seal(codec, frame, run.start, used, body))
        sent.update(range(run.start, run.start + count))
    return packets


def _body(codec: Codec, sequence: list[int], run: range, coding: int, capacity: int) -> tuple[int, int, bytes]:
    """Coding, number of symbols and bytes of a packet that starts where the run does."""
    count = min(len(run), 8 * capacity // codec.bits)
    length = -(-count * codec.bits // 8)
    # Where the run ends before the last byte is full, symbols already sent fill it.
    body = raw_body(codec, sequence[run.start : run.start + 8 * length // codec.bits])
    if coding == RANGE:
        other, other_body = range_body(codec, run.start, sequence[run.start : run.stop], capacity)
        if other > count or (other == count and len(other_body) <= len(body)):
            return RANGE, other, other_body
    return RAW, count, body


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
    return {codec.places[first + i]: symbol for i, symbol in enumerate(read(codec, first, packet[4:-2]))}


def read_raw(codec: Codec, first: int, body: bytes) -> list[int]:
    """Symbols of a raw body."""
    text = "".join(f"{byte:08b}" for byte in body)
    count = min(codec.symbols - first, len(text) // codec.bits)
    symbols = [int(text[at : at + codec.bits], 2) for at in range(0, count * codec.bits, codec.bits)]
    if not symbols or raw_body(codec, symbols) != body or max(symbols) >= codec.levels:
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
    known: dict[int, int] = {}
    for at in codec.places[first : first + count]:
        digits = interval.written + 4
        code = int.from_bytes(body[prefix : prefix + digits].ljust(digits, b"\0"), "big") - interval.low
        target = code // (interval.range // TOTAL)
        if target >= TOTAL:
            raise Rejected("body")
        row = table(codec, at, known)
        symbols.append(bisect_right(row, target) - 1)
        known[at] = symbols[-1]
        interval = interval.narrowed(row[symbols[-1]], row[symbols[-1] + 1])
    if interval.finished() != body[prefix:]:
        raise Rejected("body")
    return symbols
