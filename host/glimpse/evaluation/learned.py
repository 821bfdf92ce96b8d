# SPDX-License-Identifier: Apache-2.0
"""Glimpse's own models as codecs: the node's C code makes the packets, the host shows what came."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from glimpse import zoo
from glimpse.decoder import PictureDecoder
from glimpse.errors import UsageError
from glimpse.evaluation.codec import Coded
from glimpse.evaluation.raster import raster_model
from glimpse.evaluation.variant import RANKS, RASTER, gain_of, split_name
from glimpse.reassemble import Assembly
from glimpse.zoo import ZooModel


def packets_of(
    model: ZooModel, photo: np.ndarray, payload: int, gain: float | None = None, steered: bool = True
) -> list[bytes]:
    """All packets of a photo as a node sends them.

    Args:
        model: of the zoo.
        photo: uint8 [photo_height, photo_width, 3] of that model.
        payload: most bytes of a packet.
        gain: what a channel counts against saliency (LimitNet's G); None: the model's own.
        steered: False leaves the saliency map out of it: symbols go in the order of their ranks.
    """
    loaded = model.binding
    symbols, side = _encoded(model, photo.tobytes())
    coding = "range" if loaded.has_range_tables else "raw"
    options: dict[str, Any] = {"saliency": side} if side.size and steered else {}
    if gain is not None:
        options["gain"] = gain
    return loaded.pack(symbols, coding=coding, payload=payload, **options)


@lru_cache(maxsize=8)
def _encoded(model: ZooModel, pixels: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Symbols and side output of a photo; variants of a model and draws of losses ask for the same ones."""
    loaded = model.binding
    photo = np.frombuffer(pixels, np.uint8).reshape(loaded.photo_height, loaded.photo_width, 3)
    latent, side = loaded.encode_outputs(photo)
    return loaded.quantise(latent), side


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
        gain: as for packets_of.
        steered: as for packets_of.
        name: of this variant; None: the model's.
    """

    def __init__(
        self,
        model: ZooModel,
        payload: int,
        measured: int | None = None,
        gain: float | None = None,
        steered: bool = True,
        name: str | None = None,
    ) -> None:
        self.model, self.payload, self.measured, self.gain, self.steered = model, payload, measured, gain, steered
        self.name = self.title = name or model.name
        self._decoder = PictureDecoder(model)
        self._shown = lru_cache(maxsize=64)(self._show)

    def points(self, photo: np.ndarray) -> Iterator[Coded]:
        """Prefixes of the packets, headers and checks counted."""
        packets = packets_of(self.model, photo, self.payload, self.gain, self.steered)
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
        packets = packets_of(self.model, photo, self.payload, self.gain, self.steered)
        lost = np.random.default_rng(seed).random(len(packets)) < loss
        came = tuple(packet for packet, gone in zip(packets, lost, strict=True) if not gone)
        return Coded(f"{100 * loss:g} % lost", sum(map(len, packets)), self._shown(came))

    def _show(self, packets: Sequence[bytes]) -> np.ndarray:
        """What packets show; a frame of few packets often loses none, or the same ones."""
        assembly = Assembly(self.model, decoder=self._decoder)
        for packet in packets:
            assembly.add(packet)
        return assembly.picture()


def model_named(text: str, payload: int, measured: int | None = None) -> GlimpseModel:
    """A model, or a variant of it for LimitNet's comparisons.

    Args:
        text: name (NAME@4: its revision 4) or folder of a model; NAME:ranks leaves saliency out of the order,
            NAME:gain=0.2 takes 0.2 for the gain, NAME:raster has no order at all (see glimpse.evaluation.raster).
        payload: most bytes of a packet.
        measured: prefixes to look at; None: every one.

    Raises:
        UsageError: an unknown variant, or one of a model that does not order by saliency.
        GlimpseError: no such model.
    """
    named, variant = split_name(text)
    model = zoo.load(named)
    shown = model.name if Path(named).is_dir() else named
    if not variant:
        return GlimpseModel(model, payload, measured, name=shown)
    name = f"{shown}:{variant}"
    if variant == RASTER:
        return GlimpseModel(raster_model(model.folder), payload, measured, name=name)
    if model.binding.order_name != "saliency":
        raise UsageError(f"model {model.name} does not order by saliency, so {text!r} means nothing; name it plainly")
    return GlimpseModel(model, payload, measured, gain=gain_of(variant), steered=variant != RANKS, name=name)
