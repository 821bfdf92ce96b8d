# SPDX-License-Identifier: Apache-2.0
"""What is known of a model: from its folder, and from the results that lie in it.

    about.toml                     what, data, terms: one sentence each, written by hand
    results/bench-cortex-m7.json   `glimpse bench --model NAME --target sim:cortex-m7 --json FILE`; so for cortex-m33
    results/kodak.json             `glimpse evaluate --json FILE` on the Kodak photos; or evaluate.json on others
    results/validation.json        means over held-out photos, `python -m glimpse.export.card`
    picture.jpg                    `python -m glimpse.export.zoo_page --measure NAME`

All of them may be missing, and results may hold less than is asked of them: what is not there is None, never an error.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimpse.export.cost import Cost, cost_of
from glimpse.export.folder import blob_from_folder

CORES = ("cortex-m7", "cortex-m33")
EVALUATIONS = {"kodak.json": "Kodak", "evaluate.json": "evaluation photos"}
GAINS = ("psnr_percent", "ms_ssim_percent")
PIXELS = 224 * 224
"""Of the photos whose results are given in bytes only."""


@dataclass(frozen=True)
class Point:
    """Mean quality at one size."""

    bpp: float
    psnr_db: float
    ms_ssim: float


@dataclass(frozen=True)
class Quality:
    """Mean quality over a set of photos, from small to large, and BD-rates against the anchor in percent."""

    photos: str
    points: tuple[Point, ...]
    anchor: str = ""
    bd_psnr: float | None = None
    bd_ms_ssim: float | None = None

    def at(self, bpp: float) -> Point:
        """Quality at a size, on straight lines between the points; outside of them the nearest point's own."""
        before = [point for point in self.points if point.bpp <= bpp]
        after = [point for point in self.points if point.bpp > bpp]
        if not before or not after:
            return (before or after[:1])[-1]
        low, high = before[-1], after[0]
        share = (bpp - low.bpp) / (high.bpp - low.bpp)
        return Point(
            bpp,
            low.psnr_db + share * (high.psnr_db - low.psnr_db),
            low.ms_ssim + share * (high.ms_ssim - low.ms_ssim),
        )


@dataclass(frozen=True)
class Entry:
    """One model of the zoo."""

    name: str
    blob_bytes: int
    cost: Cost
    about: dict[str, str]
    """what, data, terms; those that are known."""
    bench: dict[str, dict[str, Any]]
    """Numbers of `glimpse bench` by core; those that were measured with a network of this shape."""
    quality: Quality | None
    has_picture: bool
    has_card: bool


def read_entry(folder: Path) -> Entry:
    """Everything about a model folder.

    Raises GlimpseError when nodes cannot run the model.
    """
    blob = blob_from_folder(folder)
    cost = cost_of(folder)
    bench = {core: _bench(folder / "results" / f"bench-{core}.json", len(blob), cost) for core in CORES}
    return Entry(
        name=folder.name,
        blob_bytes=len(blob),
        cost=cost,
        about=_about(folder / "about.toml"),
        bench={core: numbers for core, numbers in bench.items() if numbers},
        quality=_quality(folder),
        has_picture=(folder / "picture.jpg").is_file(),
        has_card=(folder / "card.md").is_file(),
    )


def _about(file: Path) -> dict[str, str]:
    try:
        known = tomllib.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {key: text.strip() for key, text in known.items() if isinstance(text, str) and text.strip()}


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _bench(file: Path, blob_bytes: int, cost: Cost) -> dict[str, Any]:
    """Empty when the numbers are of a network of another shape than the folder's now."""
    numbers = _json(file)
    flash, ram = numbers.get("flash_bytes"), numbers.get("ram_bytes")
    if not isinstance(flash, dict) or not isinstance(ram, dict):
        return {}
    if (flash.get("model"), numbers.get("macs"), numbers.get("weights")) != (blob_bytes, cost.macs, cost.weights):
        return {}
    wanted = [numbers.get("instructions"), flash.get("total"), ram.get("total"), ram.get("latent")]
    return numbers if all(isinstance(number, int) for number in wanted) else {}


def _quality(folder: Path) -> Quality | None:
    for file, photos in EVALUATIONS.items():
        numbers = _json(folder / "results" / file)
        points = _points(_of_codec(numbers.get("means"), folder.name))
        if points:
            gains = _of_codec(numbers.get("bd_rate"), folder.name)
            known = [gains[key] if isinstance(gains, dict) and _is_number(gains.get(key)) else None for key in GAINS]
            return Quality(photos, points, str(numbers.get("anchor", "JPEG")), *known)
    rows = _json(folder / "results" / "validation.json").get("rows")
    whole = [row for row in rows if isinstance(row, dict) and row.get("lost") == 0] if isinstance(rows, list) else []
    points = _points([{"bpp": 8 * row["bytes"] / PIXELS, **row} for row in whole if _is_number(row.get("bytes"))])
    return Quality("held-out photos", points) if points else None


def _of_codec(table: Any, name: str) -> Any:
    """A model's part of {codec: part}; a model may be named alone or by its folder."""
    parts = table.items() if isinstance(table, dict) else ()
    return next((part for codec, part in parts if Path(codec).name == name), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _points(means: Any) -> tuple[Point, ...]:
    """The points of a curve that are whole, smallest first."""
    rows = [row for row in means if isinstance(row, dict)] if isinstance(means, list) else []
    values = [[row.get(key) for key in ("bpp", "psnr_db", "ms_ssim")] for row in rows]
    return tuple(sorted((Point(*each) for each in values if all(map(_is_number, each))), key=lambda point: point.bpp))
