# SPDX-License-Identifier: Apache-2.0
"""Pictures from whatever packets came, in any order, with duplicates and damage."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from glimpse import binding
from glimpse.binding import KIND_PARITY
from glimpse.decoder import PictureDecoder
from glimpse.parity import Recovery
from glimpse.zoo import ZooModel

DUPLICATE = "duplicate"
CONFLICT = "conflict"
PARITY = "parity"


@dataclass(frozen=True)
class PacketVerdict:
    """What became of one packet.

    Attributes:
        used: it brought symbols that were missing, or brought back lost packets that did.
        reason: empty when used; "duplicate" when sound but all of it was there; "parity" when it has brought nothing
            back so far; else why it was rejected:
            length, check, version, kind, model, revision, frame, range, body, or conflict: of another frame that has
            the same number (docs/wire-format.md, Frames).
        sentence: the reason for a person; empty when used.
        symbols: symbols that the packet carries, 0 when rejected; of a parity packet, those that it brought back.
    """

    used: bool
    reason: str = ""
    sentence: str = ""
    symbols: int = 0


class Assembly:
    """One frame in the making.

    Attributes:
        model: whose symbols these are.
        frame: id of the frame, None until the first sound packet has set it.
        seen: packets given to add, all kinds together, and those that came back from parity packets.
        used: packets that brought something.
        duplicates: sound packets that brought nothing new.
        parity: sound parity packets.
        recovered: lost packets that came back from them.
        rejected: counts by reason.
        recovery: of lost packets.
    """

    def __init__(
        self,
        model: ZooModel,
        frame: int | None = None,
        decoder: PictureDecoder | None = None,
        recovery: Recovery | None = None,
    ) -> None:
        """Starts with nothing received.

        Args:
            model: a model of the zoo.
            frame: take only packets of this frame; None takes the frame of the first sound packet.
            decoder: a loaded decoder of the same model to share; loaded at the first picture otherwise.
            recovery: of lost packets; None: a new one without a bound in bytes.
        """
        self.model = model
        self.frame = frame
        self.seen = self.used = self.duplicates = self.parity = self.recovered = 0
        self.rejected: Counter[str] = Counter()
        self._decoder = decoder
        shape = model.binding.latent_shape
        self._symbols = np.zeros(shape, np.uint8)
        self._received = np.zeros(shape, np.uint8)
        self._count = 0
        self.recovery = recovery or Recovery()

    def add(self, packet: bytes) -> PacketVerdict:
        """Takes one packet as it came from the air; nothing in it can raise."""
        try:
            if binding.read_header(packet).kind == KIND_PARITY:
                return self._add_parity(packet)
        except binding.PacketError as error:
            self.seen += 1
            self.rejected[error.reason] += 1
            return PacketVerdict(False, error.reason, str(error))
        verdict = self._add_image(packet)
        if verdict.reason in ("", DUPLICATE):
            self._bring_back(packet)
        return verdict

    def _add_parity(self, packet: bytes) -> PacketVerdict:
        """A parity packet whose header and check hold. May raise PacketError."""
        header, own, before = binding.read_header(packet), self.model.binding, self._count
        reason = "model" if header.model != own.id else "revision" if header.revision != own.revision & 1 else ""
        reason = reason or ("frame" if self.frame not in (None, header.frame) else "")
        if reason:
            self.seen += 1
            self.rejected[reason] += 1
            return PacketVerdict(False, reason, f"a parity packet of another {reason}")
        self._bring_back(packet)
        self.seen += 1
        self.parity += 1
        if self.frame is None:
            self.frame = header.frame
        if self._count == before:
            return PacketVerdict(False, PARITY, "a parity packet that has brought nothing back so far")
        self.used += 1
        return PacketVerdict(True, symbols=self._count - before)

    def _bring_back(self, packet: bytes) -> None:
        """What a packet helps to bring back is taken as if it had come. May raise PacketError."""
        for lost in self.recovery.add(packet):
            self.recovered += self._add_image(lost).reason in ("", DUPLICATE)

    def _add_image(self, packet: bytes) -> PacketVerdict:
        symbols, received = np.zeros_like(self._symbols), np.zeros_like(self._received)
        try:
            count = self._unpack(packet, symbols, received)
        except binding.PacketError as error:
            self.seen += 1
            self.rejected[error.reason] += 1
            return PacketVerdict(False, error.reason, str(error))
        if self.frame is None:
            self.frame = binding.read_header(packet).frame
        return self.merge(symbols, received, count)

    def compare(self, symbols: np.ndarray, received: np.ndarray) -> tuple[int, int]:
        """How many of these symbols are there already, and how many of those differ.

        Args:
            symbols: uint8 [height, width, channels].
            received: uint8 of that shape, 1 where `symbols` counts.
        """
        both = (received & self._received) == 1
        return int(np.count_nonzero(both)), int(np.count_nonzero(symbols[both] != self._symbols[both]))

    def merge(self, symbols: np.ndarray, received: np.ndarray, count: int) -> PacketVerdict:
        """Takes the symbols of one sound packet of this frame, unless one of them differs from what is there.

        Args:
            symbols: uint8 [height, width, channels].
            received: uint8 of that shape, 1 where `symbols` counts.
            count: symbols that the packet carries.
        """
        self.seen += 1
        if self.compare(symbols, received)[1]:
            self.rejected[CONFLICT] += 1
            return PacketVerdict(False, CONFLICT, "another frame with the same number: symbols there already differ")
        new = (received == 1) & (self._received == 0)
        self._symbols[new] = symbols[new]
        self._received[new] = 1
        before, self._count = self._count, int(np.count_nonzero(self._received))
        if self._count == before:
            self.duplicates += 1
            return PacketVerdict(False, DUPLICATE, "everything in it was there already", count)
        self.used += 1
        return PacketVerdict(True, symbols=count)

    def _unpack(self, packet: bytes, symbols: np.ndarray, received: np.ndarray) -> int:
        """Puts a packet's symbols into place, or raises PacketError."""
        return self.model.binding.unpack(packet, symbols, received, frame=self.frame)

    @property
    def symbols_received(self) -> int:
        """Symbols known, 0 .. model.binding.symbol_count."""
        return self._count

    @property
    def symbols(self) -> np.ndarray:
        """What came, uint8 [height, width, channels], 0 where nothing did; a copy."""
        return self._symbols.copy()

    @property
    def received(self) -> np.ndarray:
        """Where something came, uint8 [height, width, channels], 1 or 0; a copy."""
        return self._received.copy()

    def latent(self) -> tuple[np.ndarray, np.ndarray]:
        """What is known of the latent.

        Returns:
            (latent, mask), float32 [height, width, channels] each: quantiser steps, 0 where missing; and 1 where
            received, 0 where missing.
        """
        mask = self._received.astype(np.float32)
        return (self.model.binding.latent_values(self._symbols) * mask).astype(np.float32), mask

    def picture(self) -> np.ndarray:
        """The picture as far as it is known; without any packet, what the decoder makes of nothing.

        Returns:
            uint8 [height, width, 3].
        """
        if self._decoder is None:
            self._decoder = PictureDecoder(self.model)
        return self._decoder.decode(*self.latent())
