# SPDX-License-Identifier: Apache-2.0
"""Parity packets: what the node's own code says of them, and its arithmetic (docs/wire-format.md, Parity packets)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from glimpse._core import ffi, lib
from glimpse.binding.model import MAX_PAYLOAD, MIN_PAYLOAD, Header, PacketError, status_text
from glimpse.errors import GlimpseError

MAX_MEMBERS, MAX_PARITY = lib.GLIMPSE_PARITY_MEMBERS, lib.GLIMPSE_PARITY_PACKETS


@dataclass(frozen=True)
class Rule:
    """One group of packets: so many of them, and so many parity packets for them; 0: sent bare."""

    packets: int
    parity: int


@dataclass(frozen=True)
class ParityView:
    """A parity packet.

    Attributes:
        header: as on the air; first: rank of the group's lowest packet.
        index: of this parity packet in its group.
        shift: a packet's place is its first rank shifted right by this.
        places: of the group's packets, rising.
        numbers: as which each was added, in the order of places.
        word: the parity word.
    """

    header: Header
    index: int
    shift: int
    places: tuple[int, ...]
    numbers: tuple[int, ...]
    word: bytes


def _read(packet: bytes) -> object:
    view = ffi.new("glimpse_parity_view *")
    status = lib.glimpse_parity_read(packet, len(packet), view)
    if status < 0:
        raise PacketError(status)
    return view


def read_parity(packet: bytes) -> ParityView:
    """What a parity packet says.

    Raises:
        PacketError: with reason length, check, version, kind (not a parity packet) or body.
    """
    view = _read(packet)
    h = view.header
    return ParityView(
        Header(h.version, h.model, h.frame, h.first, h.kind, h.coding, h.revision),
        view.index,
        view.shift,
        tuple(view.place[0 : view.members]),
        tuple(view.number[0 : view.members]),
        packet[view.word_at : view.word_at + view.word_length],
    )


def parity_word(packet: bytes) -> bytes:
    """The word of a packet that parity packets protect.

    Raises:
        PacketError: with reason length, check, version, kind (neither image nor difference) or body (empty).
    """
    word = ffi.new("uint8_t[]", MAX_PAYLOAD)
    size = lib.glimpse_parity_word(packet, len(packet), word)
    if size < 0:
        raise PacketError(size)
    return bytes(ffi.buffer(word, size))


def recovered_packet(parity: bytes, place: int, word: bytes) -> bytes | None:
    """The packet that a recovered word stands for; None when it is not one of this place: the recovery was wrong.

    Args:
        parity: any parity packet of the group.
        place: of the packet.
        word: as long as the parity word.

    Raises:
        PacketError: as read_parity.
    """
    view, packet = _read(parity), ffi.new("uint8_t[]", MAX_PAYLOAD)
    if len(word) != view.word_length:
        raise ValueError(f"the word must have {view.word_length} bytes, not {len(word)}")
    size = lib.glimpse_parity_packet(view, place, word, packet)
    return bytes(ffi.buffer(packet, size)) if size > 0 else None


def solve(indices: Sequence[int], numbers: Sequence[int], words: Sequence[bytes]) -> list[bytes]:
    """Words of lost packets, from parity words less what the packets that came put into them.

    Args:
        indices: of the parity packets, all different, as many as packets are lost.
        numbers: of the lost packets, all different.
        words: what is left of each parity word, all of one length.

    Returns:
        One word for each number.
    """
    size = len(words[0])
    # Gauss-Jordan on factors and words side by side. Every square part of Cauchy's matrix can be inverted.
    rows = [
        ffi.new("uint8_t[]", [*(lib.glimpse_parity_factor(index, number) for number in numbers), *word])
        for index, word in zip(indices, words, strict=True)
    ]
    count = len(numbers)
    for column in range(count):
        pivot = next(i for i in range(column, count) if rows[i][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        own = rows[column]
        scaled = ffi.new("uint8_t[]", count + size)
        lib.glimpse_galois_add(lib.glimpse_galois_inverse(own[column]), own, count + size, scaled)
        rows[column] = scaled
        for i, row in enumerate(rows):
            if i != column and row[column]:
                lib.glimpse_galois_add(row[column], scaled, count + size, row)
    return [bytes(ffi.buffer(row))[count : count + size] for row in rows]


def without(word: bytes, index: int, members: Iterable[tuple[int, bytes]]) -> bytes:
    """A parity word less what some packets put into it.

    Args:
        word: of the parity packet.
        index: of the parity packet.
        members: number and word of each of these packets; no word longer than the parity word.
    """
    rest = ffi.new("uint8_t[]", [*word])
    for number, member in members:
        lib.glimpse_galois_add(lib.glimpse_parity_factor(index, number), member, min(len(member), len(word)), rest)
    return bytes(ffi.buffer(rest))


def rooms(rules: Sequence[Rule], payload: int, scattered: bool = False) -> Iterator[int]:
    """Most bytes of each packet of a frame, so that its parity packets have at most `payload`; without end.

    Args:
        rules: one for each group; the last one repeats.
        payload: MIN_PAYLOAD..MAX_PAYLOAD.
        scattered: packets do not follow each other in rank (order by saliency).
    """
    number = 0
    while True:
        rule = rules[min(number, len(rules) - 1)]
        room = lib.glimpse_parity_room(payload, rule.packets, scattered) if rule.parity else 0
        yield from [room or payload] * rule.packets
        number += 1


def protect(packets: Iterable[bytes], rules: Sequence[Rule], payload: int, scattered: bool = False) -> list[bytes]:
    """A frame's packets with their parity packets, in the order in which a node sends them.

    Args:
        packets: each no longer than `rooms` says; a longer one goes bare.
        rules: as for rooms.
        payload: most bytes of a parity packet.
        scattered: as for rooms.

    Raises:
        GlimpseError: a rule or payload out of range.
    """
    if not MIN_PAYLOAD <= payload <= MAX_PAYLOAD:
        raise GlimpseError(f"a payload of {payload} bytes is not possible; take {MIN_PAYLOAD} to {MAX_PAYLOAD}")
    protection = ffi.new("glimpse_protection *")
    try:
        listed = ffi.new("glimpse_protection_rule[]", [(rule.packets, rule.parity) for rule in rules])
    except OverflowError as error:
        raise GlimpseError("a rule has more packets than 255; give smaller numbers") from error
    words = ffi.new("uint8_t[]", MAX_PARITY * MAX_PAYLOAD)
    # Divided by the parity packets of each group, so never too few.
    status = lib.glimpse_protection_begin(protection, listed, len(rules), scattered, words, len(words))
    if status < 0:
        raise GlimpseError(
            f"these groups of packets are not possible ({status_text(status)}); take 1 to {MAX_MEMBERS} packets and "
            f"0 to {MAX_PARITY} parity packets for each"
        )
    packet, result = ffi.new("uint8_t[]", MAX_PAYLOAD), []

    def due() -> None:
        while (size := lib.glimpse_protection_next(protection, payload, packet)) > 0:
            result.append(bytes(ffi.buffer(packet, size)))

    for each in packets:
        result.append(each)
        lib.glimpse_protection_sent(protection, each, len(each), payload)
        due()
    lib.glimpse_protection_end(protection)
    due()
    return result
