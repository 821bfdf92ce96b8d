# SPDX-License-Identifier: Apache-2.0
"""Lost packets of a frame, brought back from parity packets (docs/wire-format.md, Parity packets)."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, product

from glimpse.binding import KIND_PARITY, PacketError, read_header
from glimpse.binding.parity import ParityView, parity_word, read_parity, recovered_packet, solve, without

# A frame has at most a few hundred packets; whoever sends more means no good.
MOST_PACKETS = 4096
MOST_GROUPS = 512
MOST_GUESSES = 200  # at which packets are of a group, until another one comes


@dataclass
class _Group:
    """Parity packets that say the same of their group.

    Attributes:
        view: of the first one.
        packet: the first one.
        words: by index.
        tried: how many packets there were in its places at the last attempt; the same ones are not tried twice.
    """

    view: ParityView
    packet: bytes
    words: dict[int, bytes] = field(default_factory=dict)
    tried: int = -1


class Recovery:
    """Packets of one frame as they come, in any order and with duplicates.

    What comes back is the lost packet byte for byte. All packets of a group come back together or none does: each must
    bear its own check (16 bits), its place and its length, and parity packets that are left over must agree.

    Args:
        most_bytes: of packets and parity words that are kept; what comes after helps nobody. None: no bound but the
            number of packets and groups.

    Attributes:
        recovered: packets brought back so far.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self.recovered = 0
        self._room = sys.maxsize if most_bytes is None else most_bytes
        self._packets: dict[int, dict[bytes, None]] = {}  # by first rank
        self._groups: dict[tuple[object, ...], _Group] = {}
        self._count = 0

    def add(self, packet: bytes) -> list[bytes]:
        """Takes a packet of the frame and returns the lost ones that it brings back; none of them came before.

        Args:
            packet: of any kind; what parity packets do not protect is ignored.

        Raises:
            PacketError: a damaged packet, or a parity packet with a malformed body.
        """
        header = read_header(packet)
        if header.kind == KIND_PARITY:
            view = read_parity(packet)
            key = (header, view.shift, view.places, view.numbers, len(view.word))
            if key not in self._groups and len(self._groups) >= MOST_GROUPS:
                return []
            if (key in self._groups and view.index in self._groups[key].words) or not self._take(len(packet)):
                return []
            group = self._groups.setdefault(key, _Group(view, packet))
            group.words[view.index] = view.word
            group.tried = -1
            return self._solve([group])
        return self._solve(list(self._groups.values())) if self._keep(packet, header.first) else []

    def _take(self, size: int) -> bool:
        """Whether there is room for so many bytes more; they are counted."""
        if size > self._room:
            return False
        self._room -= size
        return True

    def _keep(self, packet: bytes, first: int) -> bool:
        """Whether it is new and may be protected."""
        try:
            parity_word(packet)
        except PacketError:
            return False
        same = self._packets.setdefault(first, {})
        if packet in same or self._count >= MOST_PACKETS or not self._take(len(packet)):
            return False
        same[packet] = None
        self._count += 1
        return True

    def _solve(self, groups: list[_Group]) -> list[bytes]:
        found = [packet for group in groups for packet in self._lost_of(group)]
        new = [packet for packet in found if self._keep(packet, read_header(packet).first)]
        self.recovered += len(new)
        return new

    def _lost_of(self, group: _Group) -> list[bytes]:
        view = group.view
        came: dict[int, list[bytes]] = {place: [] for place in view.places}
        for first, packets in self._packets.items():
            if first >> view.shift in came:
                came[first >> view.shift] += packets
        count = sum(map(len, came.values()))
        if count == group.tried:
            return []
        group.tried = count
        attempts = (_recover(group, known) for known in islice(_guesses(came, len(group.words)), MOST_GUESSES))
        return next((found for found in attempts if found is not None), [])


def _guesses(came: dict[int, list[bytes]], parity: int) -> Iterator[dict[int, bytes]]:
    """Which packets may be the group's: all that came in its places, or all but one. The others are of other groups:
    short packets that end before a lost one begins, or another sender's."""
    empty = sum(not packets for packets in came.values())
    if empty > parity:
        return
    for choice in product(*(packets or [None] for packets in came.values())):
        known = {place: packet for place, packet in zip(came, choice, strict=True) if packet is not None}
        yield known
        if empty < parity:
            yield from ({p: known[p] for p in known if p != doubtful} for doubtful in known)


def _recover(group: _Group, known: dict[int, bytes]) -> list[bytes] | None:
    """The packets at the places that are not known; None when they do not bear their checks."""
    view = group.view
    number = dict(zip(view.places, view.numbers, strict=True))
    lost = [place for place in view.places if place not in known]
    members = [(number[place], parity_word(packet)) for place, packet in known.items()]
    if any(len(word) > len(view.word) for _, word in members):
        return None
    left = [(index, without(word, index, members)) for index, word in sorted(group.words.items())]
    used, spare = left[: len(lost)], left[len(lost) :]
    # Nothing lost: the parity packets only say whether all of these are of the group.
    indices, rests = [index for index, _ in used], [rest for _, rest in used]
    words = solve(indices, [number[place] for place in lost], rests) if lost else []
    numbered = [(number[place], word) for place, word in zip(lost, words, strict=True)]
    if any(any(without(rest, index, numbered)) for index, rest in spare):
        return None
    packets = [recovered_packet(group.packet, place, word) for place, word in zip(lost, words, strict=True)]
    sound = [packet for packet in packets if packet is not None]
    return sound if len(sound) == len(packets) else None
