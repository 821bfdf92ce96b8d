# SPDX-License-Identifier: Apache-2.0
"""Averages and Bjontegaard differences on curves whose answers are known."""

import math

import pytest
from glimpse.errors import GlimpseError
from glimpse.evaluation import curves
from glimpse.evaluation.curves import Row, at_bpp, bd_quality, bd_rate, mean_bd_rate, mean_curve, mean_task, own_curve
from glimpse.evaluation.detect import Judged

PIXELS = 224 * 224
SIZES = [200, 400, 800, 1600, 3200, 6000]


def rows(codec: str, factor: float = 1.0, gain: float = 0.0, image: str = "a", top1: float | None = None) -> list[Row]:
    """A codec whose PSNR grows by 3 dB with each doubling of bytes, and that needs `factor` times the bytes."""
    return [
        Row(codec, f"s{i}", image, round(size * factor), PIXELS, 20 + 3 * i + gain, 1 - 0.2 * 0.6**i, top1)
        for i, size in enumerate(SIZES)
    ]


def test_half_the_bytes_are_minus_fifty_percent():
    anchor, other = own_curve(rows("a")), own_curve(rows("b", 0.5))
    assert bd_rate(anchor, other, "psnr_db") == pytest.approx(-50, abs=0.1)
    assert bd_rate(anchor, other, "ms_ssim_db") == pytest.approx(-50, abs=0.1)
    assert bd_rate(other, anchor, "psnr_db") == pytest.approx(100, abs=0.3)


def test_a_raised_curve_gains_what_it_was_raised_by():
    assert bd_quality(own_curve(rows("a")), own_curve(rows("b", gain=1.5)), "psnr_db") == pytest.approx(1.5, abs=1e-6)


def test_curves_that_share_no_quality_or_rate_are_refused():
    low, high = own_curve(rows("a")), own_curve(rows("b", gain=20))
    with pytest.raises(GlimpseError, match="no quality in common"):
        bd_rate(low, high, "psnr_db")
    with pytest.raises(GlimpseError, match="no rate in common"):
        bd_quality(own_curve(rows("a")[:2]), own_curve(rows("a")[3:]), "psnr_db")
    with pytest.raises(GlimpseError, match="fewer than two points"):
        bd_rate(low, high[:1], "psnr_db")


def test_points_that_are_no_better_than_cheaper_ones_do_not_count():
    bent = rows("b", 0.5)
    bent.insert(3, Row("b", "bad", "a", 700, PIXELS, 5.0, 0.1))
    assert bd_rate(own_curve(rows("a")), own_curve(bent), "psnr_db") == pytest.approx(-50, abs=0.1)


def test_the_mean_over_photos_counts_those_that_have_a_rate():
    anchor = [*rows("a"), *rows("a", image="b"), *rows("a", image="c")]
    other = [*rows("x", 0.5), *rows("x", 0.8, image="b"), *rows("x", gain=20, image="c")]
    mean, count = mean_bd_rate(anchor, other, "psnr_db")
    assert count == 2 and mean == pytest.approx((-50 - 20) / 2, abs=0.2)
    assert mean_bd_rate(anchor, other[-len(SIZES) :], "psnr_db") == (None, 0)


def test_a_mean_curve_is_taken_at_equal_bytes():
    curve = mean_curve([*rows("a"), *rows("a", gain=2, image="b")])
    assert all(point.photos == 2 and point.bytes == min(point.budget, SIZES[-1]) for point in curve)
    assert at_bpp(curve, 8 * 800 / PIXELS, "psnr_db") == pytest.approx(20 + 3 * 2 + 1, abs=0.1)
    assert curve[0].bytes >= SIZES[0] and curve[-1].bytes <= SIZES[-1]
    assert at_bpp(curve, 0.01, "psnr_db") is None and at_bpp(curve, 1.0, "psnr_db") is None


def test_a_budget_stands_where_most_photos_have_a_file():
    """Nine photos start at 200 bytes, one at 1600: its absence is told. With three of ten absent there is no mean."""
    nine = [row for i in range(9) for row in rows("a", image=str(i))]
    curve = mean_curve([*nine, *rows("a", image="late")[3:]])
    assert curve[0].photos == 9 and curve[-1].photos == 10
    three = [row for i in range(7) for row in rows("a", image=str(i))]
    three += [row for i in range(3) for row in rows("a", image=f"late{i}")[3:]]
    assert mean_curve(three)[0].budget >= SIZES[3]


def test_a_stream_that_has_ended_stays_as_it_is_and_costs_no_more():
    short = rows("a", image="short")[:3]
    curve = mean_curve([*rows("a"), *short])
    last = curve[-1]
    assert last.psnr_db == pytest.approx((20 + 3 * 5 + short[-1].psnr_db) / 2)
    assert last.bytes == pytest.approx((SIZES[-1] + SIZES[2]) / 2)


def test_a_perfect_picture_does_not_break_an_average():
    best = Row("a", "lossless", "a", 6100, PIXELS, math.inf, 1.0)
    curve = mean_curve([*rows("a"), best])
    assert curve[-1].psnr_db == curves.MOST_DB and curve[-1].ms_ssim_db == curves.MOST_DB
    assert best.numbers()["psnr_db"] is None and best.numbers()["ms_ssim_db"] is None


def test_a_classifier_sees_only_what_came_whole():
    wrong, right = rows("a", top1=0.0), rows("a", top1=1.0)
    curve = mean_curve([*wrong[:3], *right[3:]])
    assert {point.top1 for point in curve if point.budget < SIZES[3]} == {0.0}
    assert {point.top1 for point in curve if point.budget >= SIZES[3]} == {1.0}


def test_a_task_is_averaged_over_small_budgets_and_nothing_seen_is_nothing_right():
    everywhere = mean_curve(rows("a", top1=1.0))
    assert mean_task(everywhere, "top1") == pytest.approx(1.0)
    # Three quarters of the logarithm of 300..3000 bytes lie above 300 * 10^0.25.
    late = mean_curve([row for row in rows("a", factor=300 * 10**0.25 / SIZES[0], top1=1.0)])
    assert mean_task(late, "top1") == pytest.approx(0.75, abs=0.03)  # budgets are steps
    assert mean_task(everywhere, "top1_ten") is None


def test_detections_are_pooled_over_photos():
    def row(image: str, hit: bool) -> Row:
        return Row("a", "s", image, 1000, PIXELS, 30.0, 0.9, found=Judged(((0, 0.9, hit),), (0,)))

    curve = mean_curve([row("a", True), row("b", False)])
    # Two objects, one hit, and a miss of the same score after it in the order of photos.
    assert curve[0].map50 == pytest.approx(0.5)


def test_no_rows_make_no_curve():
    assert mean_curve([]) == []
