# SPDX-License-Identifier: Apache-2.0
"""Glimpse's own models as codecs: the node's C code makes the packets, the host shows what came."""

from collections.abc import Iterator

import numpy as np

from glimpse.decoder import PictureDecoder
from glimpse.evaluation.codec import Coded
from glimpse.reassemble import Assembly
from glimpse.zoo import ZooModel


def packets_of(model: ZooModel, photo: np.ndarray, payload: int) -> list[bytes]:
    """All packets of a photo as a node sends them.

    Args:
        model: of the zoo.
        photo: uint8 [photo_height, photo_width, 3] of that model.
        payload: most bytes of a packet.
    """
    loaded = model.binding
    latent, _ = loaded.encode_outputs(photo)
    coding = "range" if loaded.has_range_tables else "raw"
    return loaded.pack(loaded.quantise(latent), coding=coding, payload=payload)


def thinned(count: int, points: int | None) -> list[int]:
    """Which of 1..count to look at: all, or `points` of them with the first and the last, denser at the start."""
    if points is None or points >= count:
        return list(range(1, count + 1))
    if points == 1:
        return [count]
    return sorted({round(count ** (step / (points - 1))) for step in range(points)} | {1, count})


class GlimpseModel:
    """A model whose picture is looked at after every packet.

    Args:
        model: of the zoo.
        payload: most bytes of a packet.
        measured: prefixes to look at; None: every one.
    """

    stream = True

    def __init__(self, model: ZooModel, payload: int, measured: int | None = None) -> None:
        self.model, self.payload, self.measured = model, payload, measured
        self.name = self.title = model.name
        self._decoder = PictureDecoder(model)

    def points(self, photo: np.ndarray) -> Iterator[Coded]:
        """Prefixes of the packets, headers and checks counted."""
        packets = packets_of(self.model, photo, self.payload)
        wanted = set(thinned(len(packets), self.measured))
        assembly, size = Assembly(self.model, decoder=self._decoder), 0
        for number, packet in enumerate(packets, 1):
            assembly.add(packet)
            size += len(packet)
            if number in wanted:
                yield Coded(f"{number} packets", size, assembly.picture())

    def lossy(self, photo: np.ndarray, loss: float, seed: int) -> Coded:
        """What is left of all packets when each is lost with a chance.

        Args:
            photo: as for points.
            loss: 0..1.
            seed: of the chance; two models with equal packet counts lose the same ones.

        Returns:
            The picture with the bytes that were sent, lost ones included.
        """
        packets = packets_of(self.model, photo, self.payload)
        lost = np.random.default_rng(seed).random(len(packets)) < loss
        assembly = Assembly(self.model, decoder=self._decoder)
        for packet in (packet for packet, gone in zip(packets, lost, strict=True) if not gone):
            assembly.add(packet)
        return Coded(f"{100 * loss:g} % lost", sum(map(len, packets)), assembly.picture())
