# SPDX-License-Identifier: Apache-2.0
"""The numbers and pictures of one demo, free of how they are shown."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glimpse.quality import Quality


@dataclass(frozen=True)
class View:
    """A photo as it looks at one moment of its way.

    Attributes:
        loss: share of the packets that the link drops, 0..1.
        share: part of the arriving packets that is there, 0..1.
        packets: number of packets there.
        bytes: of these packets.
        symbols: known so far.
        quality: against the photo as the camera saw it.
        picture: uint8 [height, width, 3].
    """

    loss: float
    share: float
    packets: int
    bytes: int
    symbols: int
    quality: Quality
    picture: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class PhotoResult:
    """One photo: what was sent, and views by loss and share, both in rising order.

    Attributes:
        name: for people.
        original: uint8 [height, width, 3], what the network was given.
        packets: sent.
        bytes: sent.
        views: one list for each loss, one view for each share.
    """

    name: str
    original: np.ndarray = field(repr=False)
    packets: int
    bytes: int
    views: list[list[View]] = field(repr=False)

    @property
    def bits_per_pixel(self) -> float:
        """Of everything that was sent, headers included."""
        return 8 * self.bytes / (self.original.shape[0] * self.original.shape[1])

    @property
    def best(self) -> View:
        """Everything received."""
        return self.views[0][-1]


@dataclass(frozen=True)
class Demo:
    """A whole demo.

    Attributes:
        target: address of the node.
        model: name.
        payload: most bytes of a packet.
        coding: "range" or "raw".
        seed: of the losses.
        symbols: of one frame.
        costs: what glimpse.bench.measure found, the target first.
        photos: one result each.
    """

    target: str
    model: str
    payload: int
    coding: str
    seed: int
    symbols: int
    costs: list[dict[str, Any]] = field(repr=False)
    photos: list[PhotoResult] = field(repr=False)

    def numbers(self) -> dict[str, Any]:
        """Everything but the pictures, as JSON can hold it (an infinite dB value is null)."""
        return {
            "target": self.target,
            "model": self.model,
            "payload": self.payload,
            "coding": self.coding,
            "seed": self.seed,
            "bench": self.costs,
            "photos": [_photo_numbers(photo, self.symbols) for photo in self.photos],
        }


def _photo_numbers(photo: PhotoResult, symbols: int) -> dict[str, Any]:
    return {
        "name": photo.name,
        "packets": photo.packets,
        "bytes": photo.bytes,
        "bits_per_pixel": photo.bits_per_pixel,
        "views": [_view_numbers(view, symbols) for row in photo.views for view in row],
    }


def _view_numbers(view: View, symbols: int) -> dict[str, Any]:
    return {
        "loss": view.loss,
        "share": view.share,
        "packets": view.packets,
        "bytes": view.bytes,
        "symbols": {"received": view.symbols, "total": symbols},
        "psnr_db": view.quality.psnr_db if math.isfinite(view.quality.psnr_db) else None,
        "ms_ssim": view.quality.ms_ssim,
        "measure": view.quality.measure,
    }


def percent(share: float) -> str:
    """0.3 as "30 %"."""
    return f"{100 * share:.0f} %"


def quality_words(quality: Quality) -> str:
    """Both measures in one short line."""
    return f"{quality.psnr_db:.1f} dB, {quality.measure} {quality.ms_ssim:.3f}"


def estimates(costs: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """(board, estimated milliseconds, their interval) for every board that has an estimate."""
    return [
        (board, f"{ms['value']:,.0f}", f"{ms['low']:,.0f} to {ms['high']:,.0f}")
        for cost in costs
        for board, ms in cost["estimated_ms"].items()
    ]
