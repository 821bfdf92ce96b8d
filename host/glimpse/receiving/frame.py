# SPDX-License-Identifier: Apache-2.0
"""One frame of one node, in the making or as far as it came."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from glimpse.difference import DifferenceAssembly, Source
from glimpse.reassemble import PacketVerdict
from glimpse.zoo import ZooModel


@dataclass(eq=False)
class Frame:
    """What came of one photo.

    Attributes:
        node: who took it.
        serial: counts a receiver's frames from 1; unlike `number` it never repeats.
        number: 0..63, as on the air.
        assembly: its symbols and its picture.
        begun: time of its first packet.
        last: of its newest.
        open: it is the one that its node is sending. Others take late packets only.
        done: it takes no more packets at all.
        packets: those that brought something, in the order in which they came; the oldest may have given way.
        packets_left_out: how many did.
    """

    node: str
    serial: int
    number: int
    assembly: DifferenceAssembly
    begun: float
    last: float
    open: bool = True
    done: bool = False
    packets: deque[bytes] = field(default_factory=deque, repr=False)
    packets_left_out: int = 0
    _bytes: int = 0

    @property
    def model(self) -> ZooModel:
        """Whose symbols these are."""
        return self.assembly.model

    @property
    def whole(self) -> bool:
        """Every symbol came."""
        return self.assembly.symbols_received == self.model.binding.symbol_count

    def takes(self, number: int, model: ZooModel, now: float, silence: float) -> bool:
        """Whether a packet with this number and model may be this frame's: not after a silence."""
        return not self.done and self.number == number and self.model is model and now - self.last <= silence

    def add(
        self, packet: bytes, symbols: np.ndarray, received: np.ndarray, count: int, now: float, packet_bytes: int
    ) -> PacketVerdict:
        """Takes the symbols of one packet, and keeps the packet when they were news.

        Args:
            packet: as it came.
            symbols: uint8 [height, width, channels].
            received: uint8 of that shape, 1 where `symbols` counts.
            count: symbols in the packet.
            now: its time.
            packet_bytes: most bytes of packets to keep.
        """
        verdict = self.assembly.merge(symbols, received, count)
        self.last = max(self.last, now)
        if verdict.used:
            self.keep(packet, packet_bytes)
        return verdict

    def keep(self, packet: bytes, packet_bytes: int) -> None:
        """Keeps a packet, and lets the oldest go when they are more than so many bytes."""
        self.packets.append(packet)
        self._bytes += len(packet)
        while self._bytes > packet_bytes:
            self._bytes -= len(self.packets.popleft())
            self.packets_left_out += 1

    def picture(self) -> np.ndarray:
        """The picture as far as it is known, uint8 [height, width, 3]; computed when asked for."""
        return self.assembly.picture()

    def coverage(self) -> np.ndarray:
        """Share of symbols received, float32 [latent height, latent width], 0..1."""
        return self.assembly.received.mean(axis=2, dtype=np.float32)

    def carried(self) -> np.ndarray:
        """Share of symbols that are the reference's, an earlier photo's, float32 [latent height, latent width], 0..1.

        What neither `coverage` nor this counts is filled in by the decoder.
        """
        return (self.assembly.sources() == Source.OLD).mean(axis=2, dtype=np.float32)
