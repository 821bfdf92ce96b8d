# SPDX-License-Identifier: Apache-2.0
"""How many bytes a model's pictures take: from what was measured when the model was made."""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from glimpse.binding import OVERHEAD_BYTES
from glimpse.errors import GlimpseError

USEFUL_MS_SSIM = 0.75


@dataclass(frozen=True)
class Picture:
    """Bytes on the air for the first useful and for the full picture, headers included.

    Attributes:
        useful_bytes: for an MS-SSIM of `ms_ssim`.
        full_bytes: for everything.
        photos: how many the means are of.
        encode_ms: estimated on an nRF5340 {value, low, high}; None when that was not measured.
    """

    useful_bytes: float
    full_bytes: float
    ms_ssim: float
    photos: int
    encode_ms: dict[str, float] | None


def picture_of(folder: Path, payload: int, ms_ssim: float = USEFUL_MS_SSIM) -> Picture:
    """A mean picture of a model, cut into packets of `payload` bytes.

    The body bytes are those of results/validation.json, measured with its own payload, and their headers are exchanged
    for those of this payload. Contexts see less in smaller packets, so below that payload it is a few percent too low.

    Raises:
        GlimpseError: the model has no measured results, or never gets that good.
    """
    try:
        measured = json.loads((folder / "results" / "validation.json").read_text())
        rows = [(float(r["bytes"]), float(r["ms_ssim"])) for r in measured["rows"] if r["lost"] == 0]
        at, photos = int(measured["payload"]), int(measured["photos"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GlimpseError(
            f"{folder} has no usable results/validation.json, which the plan is made from; export the model again"
        ) from error
    rows.sort()
    if not rows or rows[-1][1] < ms_ssim:
        best = rows[-1][1] if rows else 0.0
        raise GlimpseError(f"the model's pictures reach an MS-SSIM of {best:.3f}, not {ms_ssim:g}; ask for less")
    useful = rows[0][0]
    for (low, worse), (high, better) in itertools.pairwise(rows):
        if worse < ms_ssim <= better:
            useful = low + (high - low) * (ms_ssim - worse) / (better - worse)
    share = (1 - OVERHEAD_BYTES / at) / (1 - OVERHEAD_BYTES / payload)
    return Picture(useful * share, rows[-1][0] * share, ms_ssim, photos, _encode_ms(folder))


def _encode_ms(folder: Path) -> dict[str, float] | None:
    try:
        bench = json.loads((folder / "results" / "bench-cortex-m33.json").read_text())
        return {key: float(bench["estimated_ms"]["nRF5340"][key]) for key in ("value", "low", "high")}
    except (OSError, ValueError, KeyError, TypeError):
        return None
