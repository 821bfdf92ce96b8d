# SPDX-License-Identifier: Apache-2.0
"""Frames that say only what changed: the receiver's side (docs/wire-format.md, Difference packets)."""

from collections import OrderedDict
from enum import IntEnum

import numpy as np

from glimpse import binding
from glimpse.binding import Reference
from glimpse.decoder import PictureDecoder
from glimpse.parity import Recovery
from glimpse.reassemble import Assembly, PacketVerdict
from glimpse.zoo import ZooModel

REFERENCE = "reference"


class Source(IntEnum):
    """Where a symbol comes from. Nobody may take what is old for what is new."""

    MISSING = 0
    RECEIVED = 1  # a packet of this frame brought it
    OLD = 2  # no packet of this frame did: it is the reference's


class References:
    """The references of one sender that a receiver holds: one for every acknowledgement it has sent, the last ones.

    The sender codes against the last acknowledgement that reached it, and the receiver cannot know which that was.

    Args:
        model: whose symbols they are.
        most: how many are held; the one unused for longest goes first.
    """

    def __init__(self, model: ZooModel, most: int = 16) -> None:
        self.model, self.most = model, most
        self._held: OrderedDict[tuple[int, int], Reference] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, frame: int, symbols: np.ndarray, known: np.ndarray) -> bool:
        """Holds a reference of copies of these arrays, as glimpse.binding.reference makes it.

        Returns:
            False when another one has the same name, which one in a thousand has: then this one may not be
            acknowledged, because a packet that names it could be read against the other.
        """
        new = binding.reference(self.model.binding, frame, symbols, known)
        held = self._held.get(new.name)
        if held is not None:
            same = np.array_equal(held.known, new.known) and np.array_equal(held.symbols, new.symbols)
            if same:
                self._held.move_to_end(new.name)
            return same
        self._held[new.name] = new
        while len(self._held) > self.most:
            self._held.popitem(last=False)
        return True

    def find(self, name: tuple[int, int]) -> Reference | None:
        """The reference with that (frame, check), None when it is not held; it counts as used."""
        held = self._held.get(name)
        if held is not None:
            self._held.move_to_end(name)
        return held


class DifferenceAssembly(Assembly):
    """One frame in the making, from image packets, difference packets or both.

    Packets whose reference is not held are kept apart, see `retry`. Symbols that no packet brought are the reference's,
    and `sources` says so.

    Attributes:
        reference: that the frame's difference packets were made against; None as long as none was used.
        waiting: packets that wait for their reference, the first ones up to MOST_WAITING.
    """

    MOST_WAITING = 256

    def __init__(
        self,
        model: ZooModel,
        references: References,
        frame: int | None = None,
        decoder: PictureDecoder | None = None,
        recovery: Recovery | None = None,
    ) -> None:
        """Starts with nothing received; `references` are those of the same sender, the rest as for Assembly."""
        super().__init__(model, frame, decoder, recovery)
        self.references = references
        self.reference: Reference | None = None
        self.waiting: list[bytes] = []

    def add(self, packet: bytes) -> PacketVerdict:
        """Takes one packet as it came from the air; nothing in it can raise."""
        verdict = super().add(packet)
        if verdict.reason == REFERENCE and len(self.waiting) < self.MOST_WAITING and packet not in self.waiting:
            self.waiting.append(packet)
        return verdict

    def retry(self) -> int:
        """Takes the waiting packets again, now that another reference is held. Returns how many were used."""
        packets, self.waiting = self.waiting, []
        before = self.used
        for packet in packets:
            self.seen -= 1
            self.rejected[REFERENCE] -= 1
            self.add(packet)
        self.rejected = +self.rejected
        return self.used - before

    def _unpack(self, packet: bytes, symbols: np.ndarray, received: np.ndarray) -> int:
        if binding.read_header(packet).kind != binding.KIND_DIFFERENCE:
            return super()._unpack(packet, symbols, received)
        held = self.references.find(binding.needed_reference(packet))
        if self.reference is not None:
            held = self.reference  # one frame has one reference: a packet that names another is refused
        count = binding.unpack_difference(self.model.binding, held, packet, symbols, received, frame=self.frame)
        if self.reference is None and not np.any((symbols != self._symbols) & (self._received == 1)):
            self.reference = held  # not of a packet that the assembly is about to refuse
        return count

    def received_runs(self) -> list[tuple[int, int]]:
        """Runs (first rank, count) of what came, in rising rank: what an acknowledgement may name."""
        ranked = self._received.reshape(-1)[self.model.binding.order()].astype(np.int8)
        edges = np.flatnonzero(np.diff(ranked, prepend=0, append=0))
        return [(int(first), int(end - first)) for first, end in zip(edges[::2], edges[1::2], strict=True)]

    def acknowledge(self, runs: list[tuple[int, int]] | None = None) -> list[tuple[int, int]]:
        """Holds what the sender will take for its reference when this acknowledgement reaches it.

        Args:
            runs: those of `received_runs`, or parts of them, that the acknowledgement has room for; None: all.

        Returns:
            The runs to acknowledge; none when nothing came or, one time in a thousand, when their name is taken.
        """
        runs = self.received_runs() if runs is None else runs
        if not runs or self.frame is None:
            return []
        order = self.model.binding.order()
        taken = np.zeros(self.model.binding.symbol_count, bool)
        for first, count in runs:
            taken[order[first : first + count]] = True
        taken = taken.reshape(self._received.shape)
        if (taken > self._received).any():
            raise ValueError("an acknowledgement may only name what came")
        symbols, known = self._symbols, taken
        if self.reference is not None:
            symbols = np.where(taken, symbols, self.reference.symbols)
            known = taken | self.reference.known
        return runs if self.references.hold(self.frame, symbols, known) else []

    def sources(self) -> np.ndarray:
        """Where each symbol comes from: Source, uint8 [height, width, channels]."""
        sources = self._received.copy()
        if self.reference is not None:
            sources[self.reference.known & (sources == Source.MISSING)] = Source.OLD
        return sources

    def latent(self) -> tuple[np.ndarray, np.ndarray]:
        """As Assembly.latent, but symbols of the reference count as known: mask 1."""
        symbols, mask = self._symbols, self._received.astype(np.float32)
        if self.reference is not None:
            sources = self.sources()
            symbols = np.where(sources == Source.OLD, self.reference.symbols, symbols)
            mask = (sources != Source.MISSING).astype(np.float32)
        return (self.model.binding.latent_values(symbols) * mask).astype(np.float32), mask
