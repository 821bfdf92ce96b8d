# SPDX-License-Identifier: Apache-2.0
"""Lost packets of a frame, brought back from parity packets (docs/wire-format.md, Parity packets)."""

from dataclasses import dataclass, field

from glimpse.binding import PacketError, read_header
from glimpse.binding.parity import KIND_PARITY, ParityView, parity_word, read_parity, recovered_packet, solve, without

# A frame has at most a few hundred packets; whoever sends more means no good.
MOST_PACKETS = 4096
MOST_GROUPS = 512


@dataclass
class _Group:
    """Parity packets that say the same of their group.

    Attributes:
        view: of the first one.
        packet: the first one.
        words: by index.
        failed: packets known when a recovery did not bear its checks; the same ones are not tried twice.
    """

    view: ParityView
    packet: bytes
    words: dict[int, bytes] = field(default_factory=dict)
    failed: int = -1


class Recovery:
    """Packets of one frame as they come, in any order and with duplicates.

    What comes back is the lost packet byte for byte. All packets of a group come back together or none does: each must
    bear its own check (16 bits), its place and its length, and parity packets that are left over must agree.

    Attributes:
        recovered: packets brought back so far.
    """

    def __init__(self) -> None:
        self.recovered = 0
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
            group = self._groups.setdefault(key, _Group(view, packet))
            if view.index in group.words:
                return []
            group.words[view.index] = view.word
            group.failed = -1
            return self._solve([group])
        return self._solve(list(self._groups.values())) if self._keep(packet, header.first) else []

    def _keep(self, packet: bytes, first: int) -> bool:
        """Whether it is new and may be protected."""
        try:
            parity_word(packet)
        except PacketError:
            return False
        same = self._packets.setdefault(first, {})
        if packet in same or self._count >= MOST_PACKETS:
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
        # Two packets for one place: one of them is not of this group, and neither is relied on.
        known = {place: packets[0] for place, packets in came.items() if len(packets) == 1}
        lost = [place for place in view.places if place not in known]
        if len(lost) > len(group.words) or group.failed == sum(map(len, came.values())):
            return []
        result = _recover(group, known)
        if result is None and len(lost) < len(group.words):
            # A packet of another group may have taken the place of a lost one.
            attempts = (_recover(group, {p: known[p] for p in known if p != doubtful}) for doubtful in known)
            result = next((attempt for attempt in attempts if attempt is not None), None)
        group.failed = sum(map(len, came.values())) if result is None else -1
        return result or []


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
    words = [] if not lost else solve([index for index, _ in used], [number[place] for place in lost], [word for _, word in used])
    numbered = [(number[place], word) for place, word in zip(lost, words, strict=True)]
    if any(any(without(rest, index, numbered)) for index, rest in spare):
        return None
    packets = [recovered_packet(group.packet, place, word) for place, word in zip(lost, words, strict=True)]
    sound = [packet for packet in packets if packet is not None]
    return sound if len(sound) == len(packets) else None
