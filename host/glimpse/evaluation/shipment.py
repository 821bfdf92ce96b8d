# SPDX-License-Identifier: Apache-2.0
"""A photo on its way: packets of any size by importance, and what can be seen of those that came.

One face for models, whose packets each decode alone, for streams that end at the first gap, and for whatever else cuts
a photo into packets. glimpse.evaluation.coded_shipment has a stream under an erasure code.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from glimpse.binding import OVERHEAD_BYTES
from glimpse.decoder import PictureDecoder
from glimpse.evaluation import wavelet
from glimpse.evaluation.jpeg import PROGRESSIVE_QUALITY, START_OF_SCAN, decode_cut, encode
from glimpse.quality import psnr
from glimpse.reassemble import Assembly
from glimpse.zoo import ZooModel

Received = Mapping[int, bytes]  # packets that came, whole or beginnings of them, by number


class Shipment(Protocol):
    """One photo in packets."""

    def packet(self, number: int, size: int) -> bytes | None:
        """A packet, or its beginning where it does not fit.

        Args:
            number: 0 for the most important one.
            size: most bytes; the payload, or less at the end of a contact.

        Returns:
            None where the photo has no such packet.
        """
        ...

    def pictures(self, sets: Sequence[Received]) -> list[np.ndarray | None]:
        """What can be seen of each of several sets of packets, at once because some codecs have work in common.

        Args:
            sets: of packets that came.

        Returns:
            uint8 [height, width, 3] for each; None where nothing can be seen.
        """
        ...


class Source(Protocol):
    """What makes shipments.

    Attributes:
        name: on the command line.
        title: for people.
    """

    name: str
    title: str

    def ship(self, photo: np.ndarray, payload: int, most: int) -> Shipment:
        """A photo to send.

        Args:
            photo: uint8 [height, width, 3].
            payload: most bytes of a packet.
            most: bytes that will be asked for at most; so much need not be made.
        """
        ...


class ModelSource:
    """A model of the zoo, its packets those of the node."""

    def __init__(self, model: ZooModel) -> None:
        self.model = model
        self.name = self.title = model.name
        self._decoder = PictureDecoder(model)
        self._encoded = lru_cache(maxsize=1)(self._encode)

    def _encode(self, pixels: bytes) -> tuple[np.ndarray, np.ndarray]:
        loaded = self.model.binding
        photo = np.frombuffer(pixels, np.uint8).reshape(loaded.photo_height, loaded.photo_width, 3)
        latent, side = loaded.encode_outputs(photo)
        return loaded.quantise(latent), side

    def ship(self, photo: np.ndarray, payload: int, most: int) -> "ModelShipment":
        """A photo to send; all of it is made."""
        symbols, side = self._encoded(photo.tobytes())
        return ModelShipment(self.model, self._decoder, symbols, side, payload)


class ModelShipment:
    """A photo as a model sends it.

    A packet that does not fit is made anew for the room there is, as a schedule does.
    """

    def __init__(
        self, model: ZooModel, decoder: PictureDecoder, symbols: np.ndarray, side: np.ndarray, payload: int
    ) -> None:
        self._model, self._decoder, self._payload = model, decoder, payload
        self._symbols, self._side = symbols, side
        self._whole = self._packed([payload])

    def _packed(self, sizes: list[int]) -> list[bytes]:
        loaded = self._model.binding
        coding = "range" if loaded.has_range_tables else "raw"
        saliency = self._side if self._side.size else None
        return loaded.pack(self._symbols, coding=coding, payload=sizes, saliency=saliency)

    def packet(self, number: int, size: int) -> bytes | None:
        """See Shipment."""
        if number >= len(self._whole):
            return None
        if len(self._whole[number]) <= size:
            return self._whole[number]
        return self._packed([self._payload] * number + [size, self._payload])[number]

    def pictures(self, sets: Sequence[Received]) -> list[np.ndarray | None]:
        """See Shipment."""
        return [self._picture(received) if received else None for received in sets]

    def _picture(self, received: Received) -> np.ndarray:
        assembly = Assembly(self._model, decoder=self._decoder)
        for number in sorted(received):
            assembly.add(received[number])
        return assembly.picture()


class StreamShipment:
    """A stream of bytes cut into packets, worth what comes before the first gap.

    Args:
        stream: all of it.
        payload: most bytes of a packet, of which OVERHEAD_BYTES are header and check, as in a model's.
        show: the pictures in the first so many bytes of the stream, for rising numbers; None where there is none.
    """

    def __init__(self, stream: bytes, payload: int, show: Callable[[Sequence[int]], list[np.ndarray | None]]) -> None:
        self._stream, self._room, self._show = stream, payload - OVERHEAD_BYTES, show

    def packet(self, number: int, size: int) -> bytes | None:
        """See Shipment."""
        start = number * self._room
        body = self._stream[start : start + min(self._room, size - OVERHEAD_BYTES)]
        return bytes(OVERHEAD_BYTES) + body if body else None

    def pictures(self, sets: Sequence[Received]) -> list[np.ndarray | None]:
        """See Shipment."""
        lengths = [self._length(received) for received in sets]
        cuts = sorted({length for length in lengths if length})
        shown: dict[int, np.ndarray | None] = dict(zip(cuts, self._show(cuts), strict=True))
        return [shown.get(length) for length in lengths]

    def _length(self, received: Received) -> int:
        """Bytes of the stream before the first gap."""
        length = 0
        for number in range(len(received)):
            if number not in received or length != number * self._room:
                break
            length += len(received[number]) - OVERHEAD_BYTES
        return length


class ProgressiveSource:
    """A progressive JPEG file, shown as a receiver would that knows the photo.

    That is more than a real one can: a cut inside a scan may look worse than the scan left out (see
    glimpse.evaluation.jpeg), so the better of the two by PSNR is taken.

    Args:
        quality: of the file, 1..95.
    """

    def __init__(self, quality: int = PROGRESSIVE_QUALITY) -> None:
        self.quality = quality
        self.name = "progressive" if quality == PROGRESSIVE_QUALITY else f"progressive:{quality}"
        self.title = f"Progressive JPEG q{quality}"

    def ship(self, photo: np.ndarray, payload: int, most: int) -> StreamShipment:
        """A photo to send."""
        data = encode(photo, self.quality, progressive=True, optimize=True)

        def show(cuts: Sequence[int]) -> list[np.ndarray | None]:
            return [best(data[:cut]) for cut in cuts]

        def best(prefix: bytes) -> np.ndarray | None:
            ends = [at for at in range(2, len(prefix) - 1) if prefix[at : at + 2] == START_OF_SCAN][1:]
            seen = [picture for cut in (*ends, len(prefix)) if (picture := decode_cut(prefix[:cut])) is not None]
            return max(seen, key=lambda picture: psnr(photo, picture)) if seen else None

        return StreamShipment(data, payload, show)


class WaveletSource:
    """The embedded wavelet coder."""

    name = "wavelet"
    title = "Embedded wavelet"

    def ship(self, photo: np.ndarray, payload: int, most: int) -> StreamShipment:
        """A photo to send."""
        height, width = photo.shape[:2]
        data = wavelet_stream(photo.tobytes(), height, width, most)

        def show(cuts: Sequence[int]) -> list[np.ndarray | None]:
            return [*wavelet.decode_cuts(data, cuts, height, width)] if cuts else []

        return StreamShipment(data, payload, show)


@lru_cache(maxsize=1)
def wavelet_stream(pixels: bytes, height: int, width: int, most: int) -> bytes:
    """The embedded stream of a photo's bytes, kept because several packet sizes and codes cut the same one."""
    return wavelet.encode(np.frombuffer(pixels, np.uint8).reshape(height, width, 3), most)
