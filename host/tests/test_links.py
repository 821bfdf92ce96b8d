# SPDX-License-Identifier: Apache-2.0
"""Links as models keep their promises: means, bursts, correlations and bytes, from fixed seeds."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from glimpse.errors import GlimpseError, UsageError
from glimpse.links import GilbertElliott, IidLoss, Trace, constant, gamma, generator, in_contacts, read_trace

COUNT = 40_000


def losses(model: IidLoss | GilbertElliott) -> np.ndarray:
    return model.lost(COUNT, np.random.default_rng(5))


def runs(lost: np.ndarray) -> list[int]:
    return [len(list(group)) for gone, group in itertools.groupby(lost) if gone]


def autocorrelation(lost: np.ndarray, lag: int) -> float:
    return float(np.corrcoef(lost[:-lag], lost[lag:])[0, 1])


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.4, 0.7, 1.0])
def test_independent_losses_have_their_mean_and_no_memory(rate: float):
    lost = losses(IidLoss(rate))
    # Four standard deviations of the mean of so many draws.
    assert lost.mean() == pytest.approx(rate, abs=4 * math.sqrt(rate * (1 - rate) / COUNT))
    if 0 < rate < 1:
        assert abs(autocorrelation(lost, 1)) < 4 / math.sqrt(COUNT)
        assert np.mean(runs(lost)) == pytest.approx(1 / (1 - rate), rel=0.05)


@pytest.mark.parametrize(("rate", "burst"), [(0.1, 3), (0.3, 5), (0.5, 1), (0.7, 8)])
def test_bursts_have_their_mean_loss_and_length_and_forget_as_the_chain_does(rate: float, burst: float):
    lost = losses(GilbertElliott(rate, burst))
    assert lost.mean() == pytest.approx(rate, abs=0.02)
    assert np.mean(runs(lost)) == pytest.approx(burst, rel=0.06)
    keeps = 1 - 1 / burst - rate / (1 - rate) / burst
    for lag in (1, 2, 4):
        assert autocorrelation(lost, lag) == pytest.approx(keeps**lag, abs=0.03)


def test_two_states_that_both_lose_sometimes():
    """The mean is that of the states' shares; losses correlate as the states do, less their own chance."""
    lost = losses(GilbertElliott(0.25, 10, good=0.1, bad=0.7))
    assert lost.mean() == pytest.approx(0.25, abs=0.02)
    state = 0.25 * 0.75 * 0.6**2  # variance of the states' own chances; the bad state has a share of 0.25
    keeps = 1 - 1 / 10 - 0.25 / 0.75 / 10
    assert autocorrelation(lost, 1) == pytest.approx(state * keeps / (0.25 * 0.75), abs=0.03)


@pytest.mark.parametrize("model", [IidLoss(0.3), GilbertElliott(0.3, 4)])
def test_every_codec_meets_the_same_link(model: IidLoss | GilbertElliott):
    short, long = (model.lost(count, generator(2, "tench/a.jpg")) for count in (20, 200))
    np.testing.assert_array_equal(short, long[:20])
    for other in (generator(3, "tench/a.jpg"), generator(2, "tench/b.jpg")):
        assert np.any(model.lost(200, other) != long)


def test_what_a_low_loss_takes_a_higher_one_takes_too():
    low, high = (IidLoss(rate).lost(500, generator(1, "x")) for rate in (0.1, 0.4))
    assert np.all(high[low]) and high.sum() > low.sum() > 0


def test_certain_and_impossible_losses_in_bursts():
    assert losses(GilbertElliott(1.0, 4)).all() and not losses(GilbertElliott(0.0, 4)).any()


def test_a_constant_link_and_its_inverse():
    link = constant(2500)
    assert link.room(1, 1.74) == pytest.approx(1850)
    assert link.done(1, 1850) == pytest.approx(1.74)
    assert constant(0).done(0, 1) == math.inf and constant(0).done(3, 0) == 3


def test_gamma_bandwidth_has_its_mean_and_spread():
    link = gamma(2500, 2, 0.5, 20_000, np.random.default_rng(3))
    assert link.rates.size == COUNT
    assert link.rates.mean() == pytest.approx(2500, rel=0.02)
    assert link.rates.std() == pytest.approx(2500 / math.sqrt(2), rel=0.03)
    # Skewness 2 / sqrt(shape): tells a gamma distribution from a normal one.
    centred = (link.rates - link.rates.mean()) / link.rates.std()
    assert np.mean(centred**3) == pytest.approx(2 / math.sqrt(2), rel=0.1)


def test_contacts_carry_bytes_only_while_they_last():
    link = in_contacts(constant(2500), 0.74, 60, 3)
    assert link.room(0, 60) == pytest.approx(1850) and link.room(0.74, 60) == 0
    assert link.room(0, 1e6) == pytest.approx(3 * 1850)
    assert link.done(0, 1850) == pytest.approx(0.74)
    assert link.done(0, 1851) == pytest.approx(60 + 1 / 2500)
    assert link.done(0, 5551) == math.inf


def test_contacts_of_a_link_that_changes():
    link = in_contacts(Trace(np.array([0, 0.5, 60.2]), np.array([100, 200, 300])), 1, 60, 2)
    assert link.room(0, 60) == pytest.approx(0.5 * 100 + 0.5 * 200)
    assert link.room(60, 120) == pytest.approx(0.2 * 200 + 0.8 * 300)


def test_the_two_ways_to_ask_a_trace_agree():
    rng = np.random.default_rng(8)
    link = Trace(np.concatenate([[0], np.cumsum(rng.uniform(0.1, 2, 50))]), rng.choice([0, 10, 700], 51))
    for start, size in rng.uniform(0, [40, 3000], (50, 2)):
        done = link.done(start, size)
        assert done == math.inf or link.room(start, done) == pytest.approx(size)


def test_a_measured_trace_is_read(tmp_path: Path):
    file = tmp_path / "walk.csv"
    file.write_text("seconds,dbm,bytes_per_s\n0,-80,100\n2,-90,50\n")
    link = read_trace(file)
    assert link.room(0, 4) == pytest.approx(300)


@pytest.mark.parametrize(
    "text",
    ["", "seconds,bytes_per_s\n", "seconds,rate\n0,1\n", "seconds,bytes_per_s\n1,5\n", "\xff\x00", "0,x\n"]
    + [f"seconds,bytes_per_s\n0,1\n{row}\n" for row in ("0,2", "1", "1,-3", "nan,3", "1,inf", "a,b")],
)
def test_what_is_no_trace_is_one_sentence(tmp_path: Path, text: str):
    file = tmp_path / "bad.csv"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(GlimpseError, match=r"bad\.csv"):
        read_trace(file)


@pytest.mark.parametrize(
    "make",
    [
        lambda: IidLoss(1.2),
        lambda: GilbertElliott(0.3, 0.5),
        lambda: GilbertElliott(0.8, 2),  # would leave the good state more than always
        lambda: GilbertElliott(0.8, 3, bad=0.5),
        lambda: gamma(0, 1, 1, 1, np.random.default_rng()),
        lambda: in_contacts(constant(1), 2, 1, 1),
    ],
)
def test_impossible_links_are_refused(make):
    with pytest.raises(UsageError):
        make()
