# SPDX-License-Identifier: Apache-2.0
"""How many packets and bytes a model's pictures take: from what was measured of the model."""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glimpse.errors import GlimpseError

USEFUL_MS_SSIM = 0.75
MEASURE = "python -m glimpse.evaluation.payloads"


@dataclass(frozen=True)
class Picture:
    """Packets and bytes on the air for the first useful and for the full picture, headers included.

    Attributes:
        useful_bytes: for an MS-SSIM of `ms_ssim`.
        useful_packets: that hold them.
        full_bytes: for everything.
        full_packets: that hold them.
        ms_ssim: of the useful picture.
        photos: how many the means are of.
        encode_ms: estimated on an nRF5340 {value, low, high}; None when that was not measured.
    """

    useful_bytes: float
    useful_packets: float
    full_bytes: float
    full_packets: float
    ms_ssim: float
    photos: int
    encode_ms: dict[str, float] | None


def picture_of(folder: Path, payload: int, ms_ssim: float = USEFUL_MS_SSIM) -> Picture:
    """A mean picture of a model, cut into packets of at most `payload` bytes.

    Between the payloads that were measured (results/payloads.json) the share of a picture that a packet brings and
    how full it is are straight lines: a packet pays its header and its fresh contexts, and what is left of it brings
    symbols.

    Raises:
        GlimpseError: the model has no measured results, or never gets that good.
    """
    try:
        measured = json.loads((folder / "results" / "payloads.json").read_text())
        photos = int(measured["photos"])
        curves: dict[int, list[tuple[float, float, float]]] = {}
        for point in measured["points"]:
            row = float(point["packets"]), float(point["bytes"]), float(point["ms_ssim"])
            if not (row[0] >= 1 and row[1] >= 1):
                raise ValueError("less than a packet")
            curves.setdefault(int(point["payload"]), []).append(row)
        sizes = sorted(curves)
        if not sizes or not sizes[0] <= payload <= sizes[-1]:
            raise ValueError("another payload")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GlimpseError(
            f"{folder} has no usable results/payloads.json for packets of {payload} bytes, which the plan is made "
            f"from; type: {MEASURE} --model {folder} --data PHOTOS"
        ) from error
    best = min(max(row[2] for row in curve) for curve in curves.values())
    if best < ms_ssim:
        raise GlimpseError(f"the model's pictures reach an MS-SSIM of {best:.3f}, not {ms_ssim:g}; ask for less")
    useful = _between(payload, {size: _reached(sorted(curves[size]), ms_ssim) for size in sizes})
    full = _between(payload, {size: max(curves[size])[:2] for size in sizes})
    return Picture(useful[1], useful[0], full[1], full[0], ms_ssim, photos, _encode_ms(folder))


def _reached(curve: list[tuple[float, float, float]], ms_ssim: float) -> tuple[float, float]:
    """Packets and bytes after which the mean is that good; those of the first point where it is so already."""
    for (packets, size, worse), (more_packets, more, better) in itertools.pairwise(curve):
        if worse < ms_ssim <= better:
            share = (ms_ssim - worse) / (better - worse)
            return packets + (more_packets - packets) * share, size + (more - size) * share
    return curve[0][:2]


def _between(payload: int, measured: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """Packets and bytes of a payload, from those of other payloads in ascending order."""
    sizes, counts = list(measured), [packets for packets, _ in measured.values()]
    filled = [total / packets / size for size, (packets, total) in measured.items()]
    packets = 1 / float(np.interp(payload, sizes, [1 / count for count in counts]))
    return packets, packets * payload * float(np.interp(payload, sizes, filled))


def _encode_ms(folder: Path) -> dict[str, float] | None:
    try:
        bench = json.loads((folder / "results" / "bench-cortex-m33.json").read_text())
        return {key: float(bench["estimated_ms"]["nRF5340"][key]) for key in ("value", "low", "high")}
    except (OSError, ValueError, KeyError, TypeError):
        return None
