# SPDX-License-Identifier: Apache-2.0
"""Erasure codes of rivals, and what packets with parity are worth: their arithmetic against plain counting."""

import numpy as np
import pytest
from glimpse.binding.parity import Rule
from glimpse.evaluation import erasure
from glimpse.evaluation.redundancy import Curve
from glimpse.evaluation.sending import BARE, parity_of, sendings


def concave(size: np.ndarray) -> np.ndarray:
    return np.sqrt(np.asarray(size, float))


def test_links_lose_what_they_say():
    for name in ("iid", "bursts"):
        assert erasure.patterns(name, 0.3, 40).mean() == pytest.approx(0.3, abs=0.02)
        assert erasure.arrivals(name, 0.3, 10).sum() == pytest.approx(1)
    lost = erasure.patterns("bursts", 0.3, 40)
    assert (lost[:, 1:] & lost[:, :-1]).sum() / lost[:, :-1].sum() == pytest.approx(0.75, abs=0.03)


def test_a_uniform_code_is_there_or_not():
    stream = erasure.uniform(10, 40, np.eye(11)[7], concave)
    assert stream.columns == (0,) * 6 + (40,) + (0,) * 3
    assert stream.prefixes().tolist() == [0] * 7 + [280] * 4


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3, 0.7])
@pytest.mark.parametrize("packets", [3, 12, 25])
def test_the_weighted_code_is_never_worse_and_fills_its_packets(packets: int, loss: float):
    chances = erasure.arrivals("iid", loss, packets)
    found = [make(packets, 45, chances, concave) for make in (erasure.weighted, erasure.uniform)]
    assert sum(found[0].columns) == 45 and min(found[0].columns) >= 0
    worth = [float(chances @ concave(stream.prefixes())) for stream in found]
    assert worth[0] >= worth[1]
    if loss == 0:
        assert found[0].prefixes()[-1] == packets * 45


def test_the_weighted_code_against_every_profile_of_a_small_one():
    chances = erasure.arrivals("iid", 0.4, 3)
    every = [erasure.Stream("coded", 3, 12, (a, b, 12 - a - b)) for a in range(13) for b in range(13 - a)]
    best = max(float(chances @ concave(stream.prefixes())) for stream in every)
    found = float(chances @ concave(erasure.weighted(3, 12, chances, concave).prefixes()))
    assert found >= 0.995 * best


def test_what_is_known_after_losses():
    lost = np.array([[0, 1, 0, 0, 1, 0], [1, 1, 0, 0, 0, 0], [1, 0, 0, 1, 0, 1]], bool)
    known = erasure.available([50] * 4, [Rule(2, 1), Rule(1, 0)], lost)  # d d p d d
    assert known.tolist() == [[True, True, True, False], [False, False, True, True], [True, True, False, True]]


def test_a_budget_is_kept_and_used():
    for rules in (BARE, (Rule(2, 3), Rule(4, 1)), (Rule(8, 2),)):
        for payload in (51, 222):
            for sending in sendings(rules, 1254, payload, scattered=False):
                total = sum(sending.sizes) + sending.payload * parity_of(rules, len(sending.sizes))
                assert sending.payload <= payload and 1254 - payload * 3.5 < total <= 1254


def test_order_lies_between_its_bounds():
    curve = Curve((0.0, 100.0, 400.0), (0.1, 0.7, 0.9), 0.25)
    ends, known = np.array([0, 100, 400]), np.array([[False, True], [True, False], [True, True]])
    in_turn, by_bytes = curve.bounds(ends, known)
    assert in_turn == pytest.approx([0.3, 0.7, 0.9]) and by_bytes == pytest.approx([0.1 + 0.6 + 0.2 * 2 / 3, 0.7, 0.9])
    assert curve.worth(ends, known) == pytest.approx(0.25 * in_turn + 0.75 * by_bytes)
