# SPDX-License-Identifier: Apache-2.0
"""From rows to the numbers that are told: means, fixed rates, Bjontegaard differences."""

from dataclasses import dataclass
from typing import Any

from glimpse.errors import GlimpseError, UsageError
from glimpse.evaluation import curves
from glimpse.evaluation.curves import Curve, Row
from glimpse.evaluation.loss import loss_means
from glimpse.evaluation.measure import Bench, Measured
from glimpse.quality import SCALE_WEIGHTS, scale_count

RATES = (0.05, 0.1, 0.2, 0.3, 0.5)  # bits per pixel


@dataclass(frozen=True)
class Result:
    """All photos of a run."""

    photos: tuple[Measured, ...]

    @property
    def used(self) -> list[Measured]:
        """Those that could be measured."""
        return [photo for photo in self.photos if not photo.problem]

    @property
    def skipped(self) -> list[Measured]:
        """Those that could not, with their problem."""
        return [photo for photo in self.photos if photo.problem]


def summarise(result: Result, bench: Bench, anchor: str) -> dict[str, Any]:
    """The numbers of a run; keys as glimpse.commands.evaluate lists them.

    Raises:
        UsageError: the anchor is no codec of the run.
    """
    plan, titles = bench.plan, {codec.name: codec.title for codec in bench.codecs}
    rows = {name: [row for photo in result.used for row in photo.rows if row.codec == name] for name in titles}
    means = {name: curves.mean_curve(group, plan.most_bpp) for name, group in rows.items()}
    losses = [row for photo in result.used for row in photo.losses]
    bd, problems = differences(rows, means, anchor, plan.most_bpp)
    scales = scale_count(plan.height, plan.width)
    return {
        "fit": plan.fit,
        "size": [plan.width, plan.height],
        "payload": plan.payload,
        "points": plan.points,
        "most_bpp": plan.most_bpp,
        "anchor": anchor,
        "measure": "MS-SSIM" if scales == len(SCALE_WEIGHTS) else f"MS-SSIM ({scales} scales)",
        "interpolation": curves.METHOD,
        "photos": [photo.image for photo in result.used],
        "skipped": [{"image": photo.image, "reason": photo.problem} for photo in result.skipped],
        "models": [model.name for model in bench.models],
        "codecs": titles,
        "rows": [row.numbers() for group in rows.values() for row in group],
        "means": {name: [mean.numbers() for mean in curve] for name, curve in means.items()},
        "table": {name: at_rates(curve) for name, curve in means.items()},
        "task_means": {
            name: found
            for name, curve in means.items()
            if (found := {t: v for t in curves.TASKS if (v := curves.mean_task(curve, t)) is not None})
        },
        "bd_rate": bd,
        "bd_problems": problems,
        "loss": {"rows": [row.numbers() for row in losses], "means": loss_means(losses)},
    }


def at_rates(curve: Curve) -> list[dict[str, float | None]]:
    """A mean curve at RATES."""
    return [
        {"bpp": rate, **{measure: curves.at_bpp(curve, rate, measure) for measure in curves.MEASURES}} for rate in RATES
    ]


def differences(
    rows: dict[str, list[Row]], means: dict[str, Curve], anchor: str, most_bpp: float
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, str]]]:
    """Bjontegaard differences of every codec from the anchor, and a sentence where there is none.

    Raises:
        UsageError: the anchor is no codec of the run.
    """
    if anchor not in means:
        raise UsageError(f"the anchor {anchor!r} is not among the codecs ({', '.join(means)}); name one of them")
    values: dict[str, dict[str, Any]] = {}
    problems: dict[str, dict[str, str]] = {}
    for name in means:
        if name == anchor:
            continue
        values[name], problems[name] = {}, {}
        for short, measure in (("psnr", "psnr_db"), ("ms_ssim", "ms_ssim_db")):
            pair = means[anchor], means[name], measure
            mean, count = curves.mean_bd_rate(rows[anchor], rows[name], measure, most_bpp)
            if mean is None:
                problems[name][f"{short}_percent"] = "no photo has a quality that both codecs reach"
            values[name] |= {
                f"{short}_percent": mean,
                f"{short}_photos": count,
                f"{short}_percent_of_curves": _or_none(curves.bd_rate, *pair, problems[name]),
                f"{short}_db": _or_none(curves.bd_quality, *pair, problems[name]),
                f"{short}_overlap_db": curves.overlap(*pair),
            }
        for measure in curves.TASKS:
            if means[name] and getattr(means[name][0], measure) is not None:
                values[name][measure] = _or_none(curves.bd_quality, means[anchor], means[name], measure, problems[name])
        if not problems[name]:
            del problems[name]
    return values, problems


def _or_none(function: Any, anchor: Curve, other: Curve, measure: str, problems: dict[str, str]) -> float | None:
    try:
        return function(anchor, other, measure)
    except GlimpseError as error:
        problems[measure] = str(error)
        return None
