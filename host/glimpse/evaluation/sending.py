# SPDX-License-Identifier: Apache-2.0
"""Our packets with parity within a budget: the sizes that fill it, and a photo's packets in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice, repeat

import numpy as np

from glimpse import zoo
from glimpse.binding import MIN_PAYLOAD
from glimpse.binding.parity import Rule, protect, rooms
from glimpse.decoder import PictureDecoder
from glimpse.reassemble import Assembly

BARE = (Rule(1, 0),)


@dataclass(frozen=True)
class Sending:
    """How a model's frame is sent.

    Attributes:
        payload: most bytes of its packets.
        rules: of its groups.
        sizes: most bytes of each packet that carries symbols.
    """

    payload: int
    rules: tuple[Rule, ...]
    sizes: tuple[int, ...]


@cache
def sendings(rules: tuple[Rule, ...], budget: int, payload: int, scattered: bool) -> tuple[Sending, ...]:
    """Ways to fill a budget with packets of at most `payload` bytes under some rules: all of one size."""
    return tuple(_sendings(rules, budget, payload, scattered))


def _sendings(rules: tuple[Rule, ...], budget: int, payload: int, scattered: bool) -> Iterator[Sending]:
    least = -(-budget // payload)
    for count in range(least, least + (1 if rules == BARE else 2)):
        size = budget // count
        if size < 2 * MIN_PAYLOAD:
            return
        sizes: list[int] = []
        for packet in islice(rooms(rules, size, scattered), 4 * count):
            if sum(sizes) + packet + size * parity_of(rules, len(sizes) + 1) > budget:
                break
            sizes.append(packet)
        if sizes:
            yield Sending(size, rules, tuple(sizes))


def parity_of(rules: tuple[Rule, ...], packets: int) -> int:
    """Parity packets that go with so many packets."""
    total, number = 0, 0
    while packets > 0:
        rule = rules[min(number, len(rules) - 1)]
        members = min(rule.packets, packets)
        total += -(-members * rule.parity // rule.packets)
        packets, number = packets - members, number + 1
    return total


@dataclass(frozen=True)
class Frame:
    """One photo as symbols of a model.

    Attributes:
        symbols: uint8 [height, width, channels].
        side: the saliency branch's output; empty without one.
    """

    symbols: np.ndarray
    side: np.ndarray


class Sender:
    """A model that sends photos, and what a receiver makes of the packets.

    Args:
        name: of the zoo, or a folder.
    """

    def __init__(self, name: str) -> None:
        self.model = zoo.load(name)
        self.name = self.model.name
        self.scattered = bool(self.model.binding.side_bytes)
        self._decoder = PictureDecoder(self.model)

    def frame(self, photo: np.ndarray) -> Frame:
        """A photo's symbols.

        Args:
            photo: uint8 [photo_height, photo_width, 3] of the model.
        """
        latent, side = self.model.binding.encode_outputs(photo)
        return Frame(self.model.binding.quantise(latent), side)

    def packets(self, frame: Frame, sizes: list[int]) -> list[bytes]:
        """At most so many packets of at most these sizes."""
        own = self.model.binding
        coding = "range" if own.has_range_tables else "raw"
        side = {"saliency": frame.side} if frame.side.size else {}
        return own.pack(frame.symbols, coding=coding, payload=chain(sizes, repeat(sizes[-1])), **side)[: len(sizes)]

    def picture(self, packets: list[bytes]) -> np.ndarray:
        """What packets, with parity or without, show: uint8 [height, width, 3]."""
        assembly = Assembly(self.model, decoder=self._decoder)
        for packet in packets:
            assembly.add(packet)
        return assembly.picture()

    def sent(self, frame: Frame, sending: Sending, budget: int) -> list[bytes]:
        """As many packets with their parity as the budget holds: they may be shorter than they could be."""
        sizes = [*islice(rooms(sending.rules, sending.payload, self.scattered), 2 * len(sending.sizes) + 8)]
        packets = self.packets(frame, sizes)
        count, sent = 0, []
        for more in range(min(len(sending.sizes), len(packets)) // 2, len(packets) + 1):
            longer = protect(packets[:more], sending.rules, sending.payload, self.scattered)
            if sum(map(len, longer)) > budget:
                break
            count, sent = more, longer
        # What is left over may hold a packet of its own, bare.
        rest = budget - sum(map(len, sent))
        if rest >= 2 * MIN_PAYLOAD and count < len(packets):
            sent += self.packets(frame, [*sizes[:count], min(rest, sending.payload)])[count:]
        return sent
