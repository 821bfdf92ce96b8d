# SPDX-License-Identifier: Apache-2.0
"""Rate-quality curves averaged over photos, and Bjontegaard differences between them.

Averages: a codec with settings is averaged over photos at each setting. A stream is averaged at common budgets: every
photo's quality is interpolated linearly between its prefixes, and stays what it is once its stream has ended (its
bytes too). MS-SSIM is averaged as it is and then put into dB.

Bjontegaard differences (ITU-T VCEG-M33, 2001) by the package `bjontegaard`, with piecewise cubic Hermite interpolation
(pchip) over log10 of the rate. Of every curve only the points are used that are better than all cheaper ones.
"""

import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.evaluation.detect import Judged, mean_average_precision
from glimpse.quality import to_db

METHOD = "pchip"
BUDGETS = 40  # of a stream's mean curve
TASKS = ("top1", "top1_ten", "map50")
MEASURES = ("psnr_db", "ms_ssim_db", *TASKS)
# A dB value beyond this tells nothing: pictures that equal their originals have an infinite one.
MOST_DB = 60.0


@dataclass(frozen=True)
class Row:
    """One photo through one codec at one operating point.

    Attributes:
        codec: name.
        setting: as in Coded.
        image: file name.
        bytes: sent.
        pixels: of the photo.
        stream: see Codec.
        psnr_db: infinite when nothing was lost.
        ms_ssim: 0..1.
        top1: 1.0 when the classifier's first guess is right, None without labels.
        top1_ten: the same among the labels of the folder alone.
        found: what a detector found, None without one.
    """

    codec: str
    setting: str
    image: str
    bytes: int
    pixels: int
    stream: bool
    psnr_db: float
    ms_ssim: float
    top1: float | None = None
    top1_ten: float | None = None
    found: Judged | None = None

    @property
    def bpp(self) -> float:
        """Bits per pixel."""
        return 8 * self.bytes / self.pixels

    def numbers(self) -> dict[str, Any]:
        """As it stands in the JSON; infinite dB values are null."""
        result = {
            "codec": self.codec,
            "setting": self.setting,
            "image": self.image,
            "bytes": self.bytes,
            "bpp": self.bpp,
            "psnr_db": finite(self.psnr_db),
            "ms_ssim": self.ms_ssim,
            "ms_ssim_db": finite(to_db(self.ms_ssim)),
        }
        if self.top1 is not None:
            result |= {"top1": self.top1, "top1_ten": self.top1_ten}
        return result


@dataclass(frozen=True)
class Mean:
    """One point of a mean curve: fields as in Row, averaged; map50 is the detector's mAP at that point, 0..1."""

    setting: str
    bytes: float
    bpp: float
    psnr_db: float
    ms_ssim: float
    top1: float | None = None
    top1_ten: float | None = None
    map50: float | None = None

    @property
    def ms_ssim_db(self) -> float:
        """-10 log10(1 - mean MS-SSIM)."""
        return to_db(self.ms_ssim)

    def numbers(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        result = {
            "setting": self.setting,
            "bytes": self.bytes,
            "bpp": self.bpp,
            "psnr_db": self.psnr_db,
            "ms_ssim": self.ms_ssim,
            "ms_ssim_db": finite(self.ms_ssim_db),
        }
        return result | {task: getattr(self, task) for task in TASKS if getattr(self, task) is not None}


Curve = list[Mean]


def finite(value: float) -> float | None:
    """The value, or None where JSON has no number for it."""
    return value if math.isfinite(value) else None


def mean_curve(rows: Iterable[Row]) -> Curve:
    """The mean curve of one codec over photos, the fewest bytes first.

    Args:
        rows: of one codec; of a codec with settings every photo must have each.
    """
    rows = list(rows)
    if not rows:
        return []
    return _over_budgets(rows) if rows[0].stream else _over_settings(rows)


def _over_settings(rows: list[Row]) -> Curve:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.setting].append(row)
    photos = len({row.image for row in rows})
    means = [_mean(setting, group) for setting, group in groups.items() if len(group) == photos]
    return sorted(means, key=lambda mean: mean.bytes)


def _mean(setting: str, group: list[Row]) -> Mean:
    def over(values: list[float]) -> float:
        return float(np.mean(values))

    def accuracy(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return over(known) if known else None

    return Mean(
        setting,
        over([row.bytes for row in group]),
        over([row.bpp for row in group]),
        over([min(row.psnr_db, MOST_DB) for row in group]),
        over([row.ms_ssim for row in group]),
        accuracy([row.top1 for row in group]),
        accuracy([row.top1_ten for row in group]),
        mean_average_precision(row.found for row in group if row.found is not None),
    )


def _over_budgets(rows: list[Row]) -> Curve:
    photos: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        photos[row.image].append(row)
    streams = [sorted(group, key=lambda row: row.bytes) for group in photos.values()]
    first, last = max(s[0].bytes for s in streams), max(s[-1].bytes for s in streams)
    grid = np.unique(np.rint(np.geomspace(first, max(last, first), BUDGETS)).astype(int))
    return [_mean(f"{budget} bytes", [_at(stream, int(budget)) for stream in streams]) for budget in grid]


def _at(stream: list[Row], budget: int) -> Row:
    """A photo at a budget between two of its prefixes; its end where the stream has ended.

    Classifier and detector see what has come whole: their answer is that of the last prefix within the budget.
    """
    sizes = [row.bytes for row in stream]
    size = min(budget, sizes[-1])
    before = max((row for row in stream if row.bytes <= size), key=lambda row: row.bytes)

    def between(values: list[float]) -> float:
        return float(np.interp(size, sizes, values))

    return Row(
        before.codec,
        f"{budget} bytes",
        before.image,
        size,
        before.pixels,
        True,
        between([min(row.psnr_db, MOST_DB) for row in stream]),
        between([row.ms_ssim for row in stream]),
        before.top1,
        before.top1_ten,
        before.found,
    )


def at_bpp(curve: Curve, bpp: float, measure: str) -> float | None:
    """A curve's quality at a rate, linear over the logarithm of the rate; None outside of it.

    Args:
        curve: of mean_curve.
        bpp: bits per pixel.
        measure: one of MEASURES.
    """
    rates, values = _plain(curve, measure)
    # Half a byte of a 224 x 224 photo: budgets are whole bytes.
    slack = 1e-3
    if not rates or not rates[0] * (1 - slack) <= bpp <= rates[-1] * (1 + slack):
        return None
    return float(np.interp(math.log(bpp), np.log(rates), values))


def _plain(curve: Curve, measure: str) -> tuple[list[float], list[float]]:
    pairs = [(mean.bpp, getattr(mean, measure)) for mean in curve]
    return [r for r, v in pairs if v is not None], [min(v, MOST_DB) for _, v in pairs if v is not None]


def _improving(curve: Curve, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Rates and values of the points that are better than all cheaper ones."""
    rates, values = [], []
    for rate, value in sorted(zip(*_plain(curve, measure), strict=True)):
        if (not values or value > values[-1] + 1e-6) and (not rates or rate > rates[-1]):
            rates.append(rate)
            values.append(value)
    return np.array(rates), np.array(values)


def bd_rate(anchor: Curve, other: Curve, measure: str) -> float:
    """Rate that a codec needs more (less: negative) than the anchor for equal quality, in percent.

    Args:
        anchor: the curve that is compared with.
        other: the codec's curve.
        measure: one of MEASURES.

    Raises:
        GlimpseError: no common range of quality, or too few points.
    """
    return _bjontegaard("bd_rate", anchor, other, measure, lambda rates, values: values, "quality")


def bd_quality(anchor: Curve, other: Curve, measure: str) -> float:
    """Quality that a codec has more than the anchor at equal rate, in units of the measure.

    Raises:
        GlimpseError: no common range of rates, or too few points.
    """
    return _bjontegaard("bd_psnr", anchor, other, measure, lambda rates, values: rates, "rate")


def _bjontegaard(
    function: str,
    anchor: Curve,
    other: Curve,
    measure: str,
    axis: Callable[[np.ndarray, np.ndarray], np.ndarray],
    what: str,
) -> float:
    try:
        import bjontegaard
    except ImportError as error:
        raise GlimpseError("BD-rates need the package bjontegaard; type: pip install bjontegaard") from error
    one, two = _improving(anchor, measure), _improving(other, measure)
    if min(len(one[0]), len(two[0])) < 2:
        raise GlimpseError("a curve has fewer than two points, each better than all cheaper ones")
    low = max(float(axis(*curve).min()) for curve in (one, two))
    high = min(float(axis(*curve).max()) for curve in (one, two))
    if low >= high:
        raise GlimpseError(f"the two codecs have no {what} in common")
    with warnings.catch_warnings():
        # It warns of a small overlap; overlap() reports how large it is.
        warnings.simplefilter("ignore")
        value = getattr(bjontegaard, function)(*one, *two, method=METHOD, require_matching_points=False, min_overlap=0)
    return float(value)


def overlap(anchor: Curve, other: Curve, measure: str) -> tuple[float, float] | None:
    """Lowest and highest quality that both curves reach; None without any."""
    one, two = _improving(anchor, measure)[1], _improving(other, measure)[1]
    if not one.size or not two.size:
        return None
    low, high = max(one[0], two[0]), min(one[-1], two[-1])
    return (float(low), float(high)) if low < high else None


def mean_bd_rate(anchor: list[Row], other: list[Row], measure: str) -> tuple[float | None, int]:
    """Mean of the photos' own BD-rates in percent, over those that have one, and how many these are."""
    values = []
    for image in sorted({row.image for row in anchor} & {row.image for row in other}):
        curves = [mean_curve([row for row in rows if row.image == image]) for rows in (anchor, other)]
        try:
            values.append(bd_rate(curves[0], curves[1], measure))
        except GlimpseError:
            continue
    return (float(np.mean(values)) if values else None), len(values)
