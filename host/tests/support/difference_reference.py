# SPDX-License-Identifier: Apache-2.0
"""A second implementation of difference packets (docs/wire-format.md), written for clarity, beside wire_reference."""

import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from support.wire_reference import OVERHEAD, TOTAL, Codec, Interval, Picker, Rejected, seal, table

DIFFERENCE, RANGE = 1, 1
MOVED, BEYOND_ONE, BEYOND_TWO, DOWN, LAST = 0, 27, 33, 39, 42
START = (
    *(120, 117, 113, 110),
    *(124, 127, 127),
    *(60, 91, 117, 122, 36, 70, 108, 118, 12, 42, 98, 110, 64, 20, 83, 85, 64, 47, 69, 61),
    *(68, 89, 59, 34, 22, 31),
    *(74, 100, 99, 65, 38, 52),
    *(20, 66, 111),
    124,
)
HALVES = (0, TOTAL // 2, TOTAL)

# Codes or reads a decision: takes a cumulative table and, writing, the answer; gives the answer.
Decide = Callable[[tuple[int, ...], int | None], int]


@dataclass(frozen=True)
class Reference:
    """symbols by flat index, None where not known."""

    frame: int
    symbols: tuple[int | None, ...]

    @property
    def check(self) -> int:
        """On the air."""
        message = b"".join(b"\0" if symbol is None else bytes([1, symbol]) for symbol in self.symbols)
        return zlib.crc32(message) % 1024

    @property
    def name(self) -> bytes:
        """The first two bytes of a body."""
        return (self.frame << 10 | self.check).to_bytes(2, "big")


def centre(codec: Codec, channel: int) -> int:
    """What stands for a symbol that the reference lacks."""
    if codec.contexts is not None:
        return codec.contexts[channel].centre
    symbol = (codec.step[channel] // 2 - codec.minimum[channel]) // codec.step[channel]
    return min(max(symbol, 0), codec.levels - 1)


def expected(codec: Codec, reference: Reference, at: int) -> int:
    """The reference's symbol, or what stands for it."""
    symbol = reference.symbols[at]
    return centre(codec, at % codec.channels) if symbol is None else symbol


class Body:
    """The questions of one packet, in the order in which they are asked; `decide` writes or reads the answers."""

    def __init__(self, codec: Codec, reference: Reference, decide: Decide) -> None:
        self.codec, self.reference, self.decide = codec, reference, decide
        self.odds = [number * 256 for number in START]
        self.known: dict[int, int] = {}

    def ask(self, question: int, answer: bool | None) -> bool:
        """One question with an adaptive probability."""
        no = self.odds[question]
        yes = bool(self.decide((0, no, TOTAL), None if answer is None else int(answer)))
        self.odds[question] = no - no // 32 if yes else no + (TOTAL - no) // 32
        return yes

    def anew(self, at: int, symbol: int | None) -> int:
        """A symbol as an image packet codes it, or bit by bit."""
        if self.codec.cumulative is not None:
            return self.decide(table(self.codec, at, self.known), symbol)
        value = 0
        for bit in reversed(range(self.codec.bits)):
            value = 2 * value + self.decide(HALVES, None if symbol is None else symbol >> bit & 1)
        if value >= self.codec.levels:
            raise Rejected("body")
        return value

    def beside(self, at: int) -> list[int]:
        """Flat indexes of the four positions beside, in the same channel."""
        c, width = self.codec, self.codec.width
        position, channel = divmod(at, c.channels)
        y, x = divmod(position, width)
        places = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        return [(b * width + a) * c.channels + channel for b, a in places if 0 <= b < c.height and 0 <= a < width]

    def context(self, at: int) -> tuple[int, int, int]:
        """Contexts of moved, of beyond one and two, of down."""
        channels = self.codec.channels
        channel = at % channels
        beside = self.beside(at)
        near = [at + d for d in (-2, -1, 1, 2) if 0 <= channel + d < channels]
        near += beside + ([place - 1 for place in beside] if channel else [])

        def rise(place: int) -> int | None:
            old = self.reference.symbols[place]
            return None if old is None or place not in self.known else self.known[place] - old

        rises = [r for r in map(rise, near) if r is not None]
        far = bisect_right((1, 2, 3, 5, 9), sum(min(abs(r), 3) for r in rises))
        come = bisect_right((2, 5, 9), len(rises))
        lean = sum((r > 0) - (r < 0) for r in map(rise, beside) if r is not None)
        if far == come == 0:
            old = [self.reference.symbols[place] for place in [at, *beside]]
            busy = sum(abs(symbol - centre(self.codec, channel)) for symbol in old if symbol is not None)
            return bisect_right((1, 3, 6), busy), 0, 1 + (lean > 0) - (lean < 0)
        return 3 + 4 * far + come, far, 1 + (lean > 0) - (lean < 0)

    def symbol(self, at: int, symbol: int | None, first: bool) -> int:
        """One symbol of the run; `symbol`: to be written, None: to be read."""
        old = self.reference.symbols[at]
        if old is None:
            return self.anew(at, symbol)
        moved, far, lean = self.context(at)
        distance = None if symbol is None else abs(symbol - old)
        if not first and not self.ask(MOVED + moved, None if distance is None else distance > 0):
            return old
        size = 1
        if self.ask(BEYOND_ONE + far, None if distance is None else distance > 1):
            size = 2
            if self.ask(BEYOND_TWO + far, None if distance is None else distance > 2):
                value = self.anew(at, symbol)
                if abs(value - old) <= 2:
                    raise Rejected("body")
                return value
        possible = [value for value in (old + size, old - size) if 0 <= value < self.codec.levels]
        if not possible:
            raise Rejected("body")
        if len(possible) == 1:
            return possible[0]
        return possible[self.ask(DOWN + lean, None if symbol is None else symbol < old)]


def write_body(codec: Codec, reference: Reference, symbols: bytes, ranks: range, capacity: int) -> tuple[int, bytes]:
    """As many symbols as surely fit, up to the last one that is news, and their bytes."""
    interval = Interval()

    class Full(Exception):
        pass

    def put(cumulative: tuple[int, ...], answer: int | None) -> int:
        nonlocal interval
        assert answer is not None
        after = interval.narrowed(cumulative[answer], cumulative[answer + 1])
        if after.written + 1 > capacity:
            raise Full
        interval = after
        return answer

    body, best = Body(codec, reference, put), (0, b"")
    try:
        for count, rank in enumerate(ranks, 1):
            at = codec.places[rank]
            body.symbol(at, symbols[at], count == 1)
            body.known[at] = symbols[at]
            if symbols[at] == reference.symbols[at]:
                continue
            before = interval
            put((0, body.odds[LAST], TOTAL), 1)
            best, interval = (count, interval.finished()), before
            body.ask(LAST, False)
    except Full:
        pass
    return best


def change_picker(codec: Codec, reference: Reference, symbols: bytes) -> Picker:
    """Steered by how much each cell changed."""
    s = codec.saliency
    assert s is not None
    picker = Picker(codec, [0] * codec.positions)
    highest = 2**s.bits - 1
    levels = {}
    for cell in codec.scan:
        inside = [
            (y * codec.width + x) * codec.channels + channel
            for y in range(codec.height)
            for x in range(codec.width)
            if (y * s.rows // codec.height, x * s.columns // codec.width) == cell
            for channel in range(codec.channels)
        ]
        sum_ = sum(abs(symbols[at] - expected(codec, reference, at)) for at in inside)
        levels[cell] = min(highest, -(-sum_ * highest // len(inside)))
    for number in range(len(picker.scores)):
        block, place = divmod(number, len(codec.scan))
        picker.scores[number] = 256 * levels[codec.scan[place]] + s.gain * (codec.channels - block * s.block)
    return picker


def pack(codec: Codec, reference: Reference, symbols: bytes, frame: int, payloads: Iterable[int]) -> list[bytes]:
    """All packets of a frame."""
    picker = change_picker(codec, reference, symbols) if codec.order == 2 else None
    packets, sizes, sent = list[bytes](), iter(payloads), set[int]()
    payload = next(sizes)
    while len(sent) < codec.symbols:
        run = picker.run(8 * (payload - OVERHEAD - 2))[0] if picker else range(len(sent), codec.symbols)
        first = next((r for r in run if symbols[codec.places[r]] != reference.symbols[codec.places[r]]), run.stop)
        sent.update(range(run.start, first))
        if first < run.stop:
            capacity = payload - OVERHEAD - 2
            count, body = write_body(codec, reference, symbols, range(first, run.stop), capacity)
            assert count > 0
            payload = next(sizes, payload)
            packets.append(seal(codec, frame, first, RANGE, reference.name + body, kind=DIFFERENCE))
            sent.update(range(first, first + count))
        if picker:
            picker.sent = sent
    return packets


def unpack(codec: Codec, reference: Reference | None, frame: int | None, packet: bytes) -> dict[int, int]:
    """Symbols by flat index. Raises Rejected."""
    from support.wire_reference import crc16

    if not OVERHEAD <= len(packet) <= 242:
        raise Rejected("length")
    if crc16(packet[:-2]) != int.from_bytes(packet[-2:], "big"):
        raise Rejected("check")
    word = f"{int.from_bytes(packet[:4], 'big'):032b}"
    edges = pairwise((0, 2, 7, 13, 27, 30, 31, 32))
    version, model, sent_frame, first, kind, coding, revision = (int(word[a:b], 2) for a, b in edges)
    body = packet[4:-2]
    for holds, reason in (
        (version == 1, "version"),
        (kind == DIFFERENCE, "kind"),
        (model == codec.model, "model"),
        (revision == codec.revision & 1, "revision"),
        (frame is None or frame == sent_frame, "frame"),
        (first < codec.symbols, "range"),
        (len(body) >= 2 and coding == RANGE, "body"),
        (reference is not None and body[:2] == reference.name, "reference"),
    ):
        if not holds:
            raise Rejected(reason)
    assert reference is not None
    return read_body(codec, reference, first, body[2:])


def read_body(codec: Codec, reference: Reference, first: int, data: bytes) -> dict[int, int]:
    """Symbols by flat index, from the packet's first to its last."""
    interval = Interval()

    def get(cumulative: tuple[int, ...], answer: int | None) -> int:
        nonlocal interval
        digits = interval.written + 4
        code = int.from_bytes(data[:digits].ljust(digits, b"\0"), "big") - interval.low
        target = code // (interval.range // TOTAL)
        if target >= TOTAL:
            raise Rejected("body")
        found = bisect_right(cumulative, target) - 1
        interval = interval.narrowed(cumulative[found], cumulative[found + 1])
        return found

    body = Body(codec, reference, get)
    for rank in range(first, codec.symbols):
        at = codec.places[rank]
        symbol = body.symbol(at, None, rank == first)
        body.known[at] = symbol
        if symbol != reference.symbols[at] and body.ask(LAST, None):
            if interval.finished() != data:
                raise Rejected("body")
            return body.known
    raise Rejected("body")
