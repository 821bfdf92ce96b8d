# SPDX-License-Identifier: Apache-2.0
"""Quality of a model's pictures when packets are lost at random."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glimpse.evaluation.curves import MOST_DB, finite
from glimpse.evaluation.detect import Judged, mean_average_precision
from glimpse.evaluation.learned import GlimpseModel
from glimpse.evaluation.view import Viewer
from glimpse.quality import to_db


@dataclass(frozen=True)
class LossRow:
    """One photo after one draw of losses; loss in 0..1, bytes sent, the rest as in curves.Row."""

    codec: str
    image: str
    loss: float
    seed: int
    bytes: int
    psnr_db: float
    ms_ssim: float
    top1: float | None = None
    top1_ten: float | None = None
    perceptual: float | None = None
    found: Judged | None = None

    def numbers(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        result = {
            "codec": self.codec,
            "image": self.image,
            "loss": self.loss,
            "seed": self.seed,
            "bytes": self.bytes,
            "psnr_db": finite(self.psnr_db),
            "ms_ssim": self.ms_ssim,
            "ms_ssim_db": finite(to_db(self.ms_ssim)),
        }
        if self.top1 is not None:
            result |= {"top1": self.top1, "top1_ten": self.top1_ten, "perceptual": self.perceptual}
        return result


def loss_rows(
    model: GlimpseModel, photo: np.ndarray, image: str, losses: tuple[float, ...], seeds: int, viewer: Viewer
) -> Iterator[LossRow]:
    """One row for each loss and seed; without loss every seed is the same and one is enough.

    Every photo has draws of its own, the same for all models: a frame has few packets, and one draw for all photos
    would lose the same few of each.
    """
    for loss in losses:
        for seed in range(seeds if loss else 1):
            coded = model.lossy(photo, loss, zlib.crc32(f"{seed} {image}".encode()))
            seen = viewer.see(coded.picture)
            yield LossRow(model.name, image, loss, seed, coded.bytes, **vars(seen))


def loss_means(rows: list[LossRow]) -> list[dict[str, Any]]:
    """Means over photos and seeds, one for each codec and loss, in rising loss."""
    result = []
    for codec, loss in sorted({(row.codec, row.loss) for row in rows}):
        group = [row for row in rows if (row.codec, row.loss) == (codec, loss)]
        similarity = float(np.mean([row.ms_ssim for row in group]))
        mean = {
            "codec": codec,
            "loss": loss,
            "bytes": float(np.mean([row.bytes for row in group])),
            "psnr_db": float(np.mean([min(row.psnr_db, MOST_DB) for row in group])),
            "ms_ssim": similarity,
            "ms_ssim_db": finite(to_db(similarity)),
        }
        for name in ("top1", "top1_ten", "perceptual"):
            values = [getattr(row, name) for row in group]
            if all(value is not None for value in values):
                mean[name] = float(np.mean(values))
        if all(row.found is not None for row in group):
            mean["map50"] = mean_average_precision(row.found for row in group if row.found)
        result.append(mean)
    return result
