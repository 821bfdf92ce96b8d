# SPDX-License-Identifier: Apache-2.0
"""The embedded wavelet coder under a Reed-Solomon code, for a contact in which nobody answers.

The sender knows when the contact ends and how many packets are lost on average, and makes n packets of one size that
fill it: the first k hold the stream, the others code, and any k give the stream back. With fewer, what came before the
first gap counts. k is the best on the mean over many draws of the link, where twice the bytes are worth a step. How the
receiver learns n and k is not counted, in the rival's favour.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from glimpse.binding import OVERHEAD_BYTES
from glimpse.evaluation import wavelet
from glimpse.evaluation.shipment import Received, wavelet_stream
from glimpse.links import Loss, generator

DRAWS = 1000


@lru_cache(maxsize=256)
def strength(loss: Loss, packets: int, body: int) -> int:
    """k: how many of n packets carry the stream, 1..packets.

    Args:
        loss: of the link.
        packets: n.
        body: bytes of stream or code in each.
    """
    rng = generator(packets, "strength")
    lost = np.array([loss.lost(packets, rng) for _ in range(DRAWS)])
    came = packets - lost.sum(axis=1)
    before_gap = np.where(lost.any(axis=1), lost.argmax(axis=1), packets)
    known = [np.where(came >= k, k, np.minimum(before_gap, k)) for k in range(1, packets + 1)]
    return 1 + int(np.argmax([np.log1p(body * each).mean() for each in known]))


class CodedSource:
    """The wavelet coder, not yet suited to a link: it then carries its stream bare, as WaveletSource does."""

    name = "wavelet-rs"
    title = "Embedded wavelet, Reed-Solomon"

    def suited(self, loss: Loss, room: int) -> "SuitedSource":
        """For a contact.

        Args:
            loss: of the link.
            room: bytes that the contact carries.
        """
        return SuitedSource(loss, room)

    def ship(self, photo: np.ndarray, payload: int, most: int) -> "CodedShipment":
        """A photo to send: as over a link that loses nothing."""
        return CodedShipment(photo, most, -(-most // payload), most, None)


class SuitedSource(CodedSource):
    """The wavelet coder for one contact."""

    def __init__(self, loss: Loss, room: int) -> None:
        self._loss, self._room = loss, room

    def ship(self, photo: np.ndarray, payload: int, most: int) -> "CodedShipment":
        """A photo to send."""
        return CodedShipment(photo, most, -(-self._room // payload), self._room, self._loss)


class CodedShipment:
    """A photo in n packets of one size.

    Args:
        photo: uint8 [height, width, 3].
        most: bytes of the stream that are made.
        packets: n.
        room: bytes of all packets.
        loss: of the link; None: no code.
    """

    def __init__(self, photo: np.ndarray, most: int, packets: int, room: int, loss: Loss | None) -> None:
        self._shape = photo.shape[:2]
        self._stream = wavelet_stream(photo.tobytes(), *self._shape, most)
        self.packets = max(packets, 1)
        self.size = room // self.packets
        self.needed = self.packets if loss is None else strength(loss, self.packets, self.size)

    def packet(self, number: int, size: int) -> bytes | None:
        """See Shipment: there is no beginning of a coded packet. The bytes of the code stand for themselves."""
        body = self.size - OVERHEAD_BYTES
        if number >= self.packets or size < self.size or body < 1:
            return None
        part = self._stream[number * body : (number + 1) * body] if number < self.needed else b""
        return bytes(OVERHEAD_BYTES) + part.ljust(body, b"\0")

    def pictures(self, sets: Sequence[Received]) -> list[np.ndarray | None]:
        """See Shipment."""
        lengths = [self._length(received) for received in sets]
        cuts = sorted({length for length in lengths if length})
        shown = dict(zip(cuts, wavelet.decode_cuts(self._stream, cuts, *self._shape), strict=True)) if cuts else {}
        return [shown.get(length) for length in lengths]

    def _length(self, received: Received) -> int:
        """Bytes of the stream that are known."""
        before_gap = next((n for n in range(self.needed) if n not in received), self.needed)
        known = self.needed if len(received) >= self.needed else before_gap
        return min(known * (self.size - OVERHEAD_BYTES), len(self._stream))
