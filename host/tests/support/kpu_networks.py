# SPDX-License-Identifier: Apache-2.0
"""Random networks that the K210's KPU runs, and files of them that nncase made."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from support.random_networks import NONE, RELU, RELU6, Plan, Step

VECTORS = Path(__file__).resolve().parents[3] / "docs" / "vectors" / "kmodel-v3.zip"
WIDTHS = (4, 7, 15, 16, 17, 20, 31, 32, 33, 40, 64, 70)
"""On both sides of where the layout of rows changes."""


def kpu_plan(rng: np.random.Generator, most_channels: int = 20) -> Plan:
    """One to four convolutions of 1 x 1 or 3 x 3, some with a max-pool behind them."""
    height, width = int(rng.integers(4, 33)), int(rng.choice(WIDTHS))
    photo = (height, width)
    steps: list[Step] = []
    count = int(rng.integers(1, 5))
    for index in range(count):
        last = index == count - 1
        side = int(rng.choice([1, 3, 3]))
        activation = NONE if last else int(rng.choice([NONE, RELU, RELU, RELU6]))
        channels = int(rng.integers(1, most_channels + 1))
        steps.append(Step("conv", (side, side), (1, 1), True, channels, activation, len(steps) - 1))
        pool = int(rng.choice([1, 2, 2, 4]))
        if pool > 1 and height % pool == 0 and width % pool == 0 and min(height, width) >= 4 * pool:
            steps.append(Step("max_pool", (pool, pool), (pool, pool), True, channels, NONE, len(steps) - 1))
            height, width = height // pool, width // pool
    return Plan(photo, steps, [len(steps) - 1])


@dataclass(frozen=True)
class Vector:
    """A version 3 file, and what nncase's simulator made of pictures uint8 [n, channels, height, width]."""

    name: str
    kmodel: bytes
    pictures: bytes
    results: bytes
    version5: bytes | None = None
    """As nncase wrote it; kept for the first only."""


_ENDINGS = {"kmodel": "kmodel", "in": "pictures", "out": "results", "v5": "version5"}


def read_vectors() -> list[Vector]:
    found: dict[str, dict[str, bytes]] = {}
    with zipfile.ZipFile(VECTORS) as archive:
        for name in sorted(archive.namelist()):
            stem, ending = name.split(".")
            found.setdefault(stem, {})[_ENDINGS[ending]] = archive.read(name)
    return [Vector(name, **parts) for name, parts in found.items()]


def write_vectors(vectors: list[Vector]) -> None:
    with zipfile.ZipFile(VECTORS, "w") as archive:
        for vector in vectors:
            for ending, part in _ENDINGS.items():
                content = getattr(vector, part)
                if content is not None:
                    archive.writestr(zipfile.ZipInfo(f"{vector.name}.{ending}"), content, zipfile.ZIP_LZMA)
