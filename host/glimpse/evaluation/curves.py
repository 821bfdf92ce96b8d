# SPDX-License-Identifier: Apache-2.0
"""Rate-quality curves averaged over photos, and Bjontegaard differences between them.

Averages are taken at equal bytes: at each budget every photo's quality is interpolated linearly between the codec's
operating points, and stays what it is beyond the largest (its bytes too). A budget below a photo's smallest file leaves
that photo out; an average stands where at least MOST_PHOTOS of the photos have a value. MS-SSIM in dB is the average of
the photos' dB values. Classifier and detector see what has come whole: the largest operating point within the budget.

Averaging files of equal quality instead, as is often done for JPEG, would give hard photos more bytes than easy ones,
which a link with a budget does not, and would not be comparable with streams.

Bjontegaard differences (ITU-T VCEG-M33, 2001) by the package `bjontegaard`, with piecewise cubic Hermite interpolation
(pchip) over log10 of the rate; of every curve those points count that are better than all cheaper ones.
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
BUDGETS = 48  # of a mean curve
LEAST_BPP, MOST_BPP = 0.02, 1.0  # what links of this kind carry
MOST_PHOTOS = 0.8
TASKS = ("top1", "top1_ten", "map50")
SMALL_BYTES = (300, 3000)  # what an hour of LoRaWAN carries at its slowest, and a few minutes at its fastest
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
        psnr_db: infinite when nothing was lost.
        ms_ssim: 0..1.
        top1: 1.0 when the classifier's first guess is right, None without labels.
        top1_ten: the same among the labels of the folder alone.
        perceptual: distance of the classifier's inner maps from those of the original, None without labels.
        found: what a detector found, None without one.
    """

    codec: str
    setting: str
    image: str
    bytes: int
    pixels: int
    psnr_db: float
    ms_ssim: float
    top1: float | None = None
    top1_ten: float | None = None
    perceptual: float | None = None
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
            result |= {"top1": self.top1, "top1_ten": self.top1_ten, "perceptual": self.perceptual}
        return result


@dataclass(frozen=True)
class Mean:
    """One point of a mean curve: fields as in Row, averaged.

    Attributes:
        budget: bytes that a photo may have at this point.
        photos: how many have a value here.
        map50: the detector's mAP over these, 0..1.
    """

    budget: int
    photos: int
    bytes: float
    bpp: float
    psnr_db: float
    ms_ssim: float
    ms_ssim_db: float
    top1: float | None = None
    top1_ten: float | None = None
    map50: float | None = None

    def numbers(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        result = {
            "budget": self.budget,
            "photos": self.photos,
            "bytes": self.bytes,
            "bpp": self.bpp,
            "psnr_db": self.psnr_db,
            "ms_ssim": self.ms_ssim,
            "ms_ssim_db": self.ms_ssim_db,
        }
        return result | {task: getattr(self, task) for task in TASKS if getattr(self, task) is not None}


Curve = list[Mean]


def finite(value: float) -> float | None:
    """The value, or None where JSON has no number for it."""
    return value if math.isfinite(value) else None


def mean_curve(rows: Iterable[Row], most_bpp: float = MOST_BPP) -> Curve:
    """The mean curve of one codec over photos, the fewest bytes first.

    Args:
        rows: of one codec, photos of one size.
        most_bpp: where the curve ends, bits per pixel.
    """
    photos: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        photos[row.image].append(row)
    if not photos:
        return []
    pixels = next(iter(photos.values()))[0].pixels
    least, most = LEAST_BPP * pixels / 8, most_bpp * pixels / 8
    grid = np.unique(np.rint(np.geomspace(min(least, most), most, BUDGETS)).astype(int))
    at_budgets = [_at(group, grid) for group in photos.values()]
    curve: Curve = []
    for number, budget in enumerate(grid.tolist()):
        there = [points[number] for points in at_budgets if points[number] is not None]
        if len(there) < MOST_PHOTOS * len(photos):
            continue
        mean = _mean(budget, [point for point in there if point is not None])
        # Beyond the end of every photo's bytes nothing changes any more.
        if not curve or mean.bytes > curve[-1].bytes:
            curve.append(mean)
    return curve


@dataclass(frozen=True)
class _Point:
    """A photo at a budget; `seen` is the operating point that has come whole."""

    bytes: float
    psnr_db: float
    ms_ssim: float
    ms_ssim_db: float
    seen: Row


def _at(group: list[Row], grid: np.ndarray) -> list[_Point | None]:
    """One photo at every budget; None below its smallest operating point."""
    points = sorted(group, key=lambda row: row.bytes)
    sizes = np.array([row.bytes for row in points])
    budgets = np.minimum(grid, sizes[-1])
    columns = [[min(row.psnr_db, MOST_DB) for row in points], [row.ms_ssim for row in points]]
    columns.append([min(to_db(row.ms_ssim), MOST_DB) for row in points])
    psnr, similarity, decibels = (np.interp(budgets, sizes, column) for column in columns)
    whole = np.searchsorted(sizes, budgets, side="right") - 1
    return [
        None
        if index < 0
        else _Point(float(budgets[i]), float(psnr[i]), float(similarity[i]), float(decibels[i]), points[index])
        for i, index in enumerate(whole.tolist())
    ]


def _mean(budget: int, points: list[_Point]) -> Mean:
    def accuracy(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    size = float(np.mean([point.bytes for point in points]))
    return Mean(
        budget,
        len(points),
        size,
        8 * size / points[0].seen.pixels,
        float(np.mean([point.psnr_db for point in points])),
        float(np.mean([point.ms_ssim for point in points])),
        float(np.mean([point.ms_ssim_db for point in points])),
        accuracy([point.seen.top1 for point in points]),
        accuracy([point.seen.top1_ten for point in points]),
        mean_average_precision(point.seen.found for point in points if point.seen.found is not None),
    )


def mean_task(curve: Curve, task: str) -> float | None:
    """A task's average over budgets of SMALL_BYTES, evenly spread on a logarithmic scale.

    Args:
        curve: of one codec.
        task: one of TASKS.

    Returns:
        0..1; a budget at which the codec shows nothing yet counts as 0. None when the task was not measured.
    """
    points = [(mean.budget, value) for mean in curve if (value := getattr(mean, task)) is not None]
    if not points:
        return None
    budgets, values = zip(*points, strict=True)
    wanted = np.geomspace(*SMALL_BYTES, BUDGETS)
    return float(np.interp(np.log(wanted), np.log(budgets), values, left=0.0).mean())


def own_curve(rows: Iterable[Row], most_bpp: float = MOST_BPP) -> Curve:
    """The operating points of one photo as a curve."""
    return [
        Mean(row.bytes, 1, row.bytes, row.bpp, min(row.psnr_db, MOST_DB), row.ms_ssim, min(to_db(row.ms_ssim), MOST_DB))
        for row in sorted(rows, key=lambda row: row.bytes)
        if row.bpp <= most_bpp
    ]


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


def mean_bd_rate(
    anchor: list[Row], other: list[Row], measure: str, most_bpp: float = MOST_BPP
) -> tuple[float | None, int]:
    """Mean of the photos' own BD-rates in percent, over those that have one, and how many these are.

    Args:
        anchor: rows of the codec that is compared with.
        other: rows of the codec.
        measure: "psnr_db" or "ms_ssim_db".
        most_bpp: points beyond this rate are left out.
    """
    photos: tuple[dict[str, list[Row]], dict[str, list[Row]]] = defaultdict(list), defaultdict(list)
    for group, rows in zip(photos, (anchor, other), strict=True):
        for row in rows:
            group[row.image].append(row)
    values = []
    for image in sorted(photos[0].keys() & photos[1].keys()):
        try:
            values.append(bd_rate(*(own_curve(group[image], most_bpp) for group in photos), measure))
        except GlimpseError:
            continue
    return (float(np.mean(values)) if values else None), len(values)
