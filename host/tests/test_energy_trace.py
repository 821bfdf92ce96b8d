# SPDX-License-Identifier: Apache-2.0
"""A current trace with known answers, cut by the node's marks; what is garbled is refused in a sentence."""

import numpy as np
import pytest
from glimpse.energy.account import by_marks, shared
from glimpse.energy.trace import Trace, read_trace, write_trace
from glimpse.errors import GlimpseError

VOLTS = 3.0
NONE, NETWORK, ACQUIRE, PACK = range(4)
ROWS = 5
# What a picture is made of: (mark, milliseconds, milliamperes); rows, the end of the network, packets, a radio.
PICTURE = [(ACQUIRE, 2, 50.0), (NETWORK, 6, 8.0)] * ROWS + [(NETWORK, 4, 8.0)]
PICTURE += [(PACK, 3, 7.0), (NONE, 40, 45.0)] * 3
IDLE = [(NONE, 100, 0.5)]


def make_trace(parts, step_ms=0.5, noise=0.0, scale=1.0):
    marks, amperes = [], []
    for mark, ms, ma in parts:
        count = round(ms / step_ms)
        marks += [mark] * count
        amperes += [ma / 1000 * scale] * count
    amperes = np.array(amperes)
    amperes += noise * np.random.default_rng(1).standard_normal(amperes.size)
    return Trace(np.arange(len(marks)) * step_ms / 1000, amperes, np.full(len(marks), VOLTS), np.array(marks, np.uint8))


def expected_mj(wanted):
    return sum(ms / 1000 * ma * VOLTS for mark, ms, ma in PICTURE if mark == wanted)


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_stages_have_the_energy_that_was_put_into_them(noise):
    account = by_marks(make_trace(IDLE + PICTURE, noise=noise))
    assert (account.measured, account.images, account.partial) == (True, 1, 0)
    for mark, name in ((ACQUIRE, "acquire"), (NETWORK, "network"), (PACK, "pack"), (NONE, "rest")):
        assert account.stages[name].mj.value == pytest.approx(expected_mj(mark), rel=0.02 if noise else 1e-9)
        seconds = sum(ms for m, ms, _ in PICTURE if m == mark) / 1000
        assert account.stages[name].seconds.value == pytest.approx(seconds)
        assert account.stages[name].mas.value == pytest.approx(account.stages[name].mj.value / VOLTS)
    whole = sum(map(expected_mj, range(4)))
    assert account.whole().mj.value == pytest.approx(whole, rel=0.02 if noise else 1e-9)
    assert account.computing().mj.value == pytest.approx(whole - expected_mj(NONE), rel=0.02 if noise else 1e-9)


def test_pictures_are_told_apart_and_cut_ones_left_out():
    """Means of the whole ones with the least and the most; idle time goes to the picture before it."""
    dear = [(mark, ms, 2 * ma) for mark, ms, ma in PICTURE]
    account = by_marks(make_trace(PICTURE[3:] + IDLE + PICTURE + dear + IDLE + PICTURE[:7]))
    assert (account.images, account.partial) == (2, 2)  # one that had begun before, one that goes on after
    network = account.stages["network"].mj
    assert network.low == pytest.approx(expected_mj(NETWORK))
    assert network.high == pytest.approx(2 * expected_mj(NETWORK))
    assert network.value == pytest.approx(1.5 * expected_mj(NETWORK))


def test_without_marks_a_trace_is_shared_among_its_pictures():
    trace = make_trace(PICTURE * 4)
    account = shared(Trace(trace.seconds, trace.amperes, trace.volts), 4)
    assert account.whole().mj.value == pytest.approx(sum(map(expected_mj, range(4))))
    first_pin = shared(Trace(trace.seconds, trace.amperes, trace.volts, trace.marks & 1), 4)
    assert first_pin.stages["computing"].mj.value == pytest.approx(expected_mj(NETWORK) + expected_mj(PACK))
    assert first_pin.stages["rest"].mj.value == pytest.approx(expected_mj(ACQUIRE) + expected_mj(NONE))
    with pytest.raises(GlimpseError, match="no whole picture"):
        by_marks(Trace(trace.seconds, trace.amperes, trace.volts, trace.marks & 1))
    with pytest.raises(GlimpseError, match="no marks"):
        by_marks(Trace(trace.seconds, trace.amperes, trace.volts))


@pytest.mark.parametrize("parts", [IDLE, PICTURE, IDLE + PICTURE[: 2 * ROWS], IDLE + PICTURE[:-1]])
def test_a_trace_without_a_whole_picture_is_refused(parts):
    with pytest.raises(GlimpseError, match="no whole picture"):
        by_marks(make_trace(parts))


def test_uneven_samples_count_for_as_long_as_they_stand():
    seconds = np.array([0.0, 0.1, 0.5, 0.6])
    trace = Trace(seconds, np.array([1.0, 2.0, 4.0, 0.0]), np.full(4, 2.0))
    assert trace.charge_mas(np.ones(4, bool)) == pytest.approx(1000 * (0.1 * 1 + 0.4 * 2 + 0.1 * 4))


def test_files_come_back_as_they_were(tmp_path):
    trace = make_trace(IDLE + PICTURE)
    write_trace(tmp_path / "t.csv", trace)
    again = read_trace(tmp_path / "t.csv")
    for name in ("seconds", "amperes", "volts", "marks"):
        np.testing.assert_allclose(getattr(again, name), getattr(trace, name), rtol=1e-6)


@pytest.mark.parametrize("digits", ["D0-D7", "D0,D1,D2,D3,D4,D5,D6,D7"])
def test_what_nordics_power_profiler_exports(tmp_path, digits):
    def words(mark):
        bits = [mark & 1, mark >> 1, 0, 0, 0, 0, 0, 1]
        return ("" if digits == "D0-D7" else ",").join(map(str, bits))

    lines = [f"{0.01 * i:.3f},{1000 * (i + 1)}.5,{words(mark)}" for i, mark in enumerate((0, 1, 2, 3))]
    (tmp_path / "ppk.csv").write_text("\n".join([f"Timestamp(ms),Current(uA),{digits}", *lines]))
    trace = read_trace(tmp_path / "ppk.csv", 3.3)
    assert trace.marks.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(trace.seconds, [0, 1e-5, 2e-5, 3e-5])
    np.testing.assert_allclose(trace.amperes, [1.0005e-3, 2.0005e-3, 3.0005e-3, 4.0005e-3])
    assert trace.volts.tolist() == [3.3] * 4


BAD = {
    "": "first line must name",
    "time,current\n0,1\n": "first line must name",
    "seconds,amperes\n": "no samples",
    "seconds,amperes\n0,0.1\n": "fewer than two",
    "seconds,amperes\n0,0.1\n1,0.1\n2,0": None,  # complete as it stands
    "seconds,amperes\n0,0.1\n1,0.1\n2": "line 4",
    "seconds,amperes\n0,0.1\n1,\x00\x01\n": "line 3",
    "seconds,amperes\n0,0.1\n1,0.1,7\n": "line 3",
    "seconds,amperes\n0,0.1\n1,nan\n": "beyond",
    "seconds,amperes\n0,0.1\n1,5000\n": "beyond",
    "seconds,amperes\n0,0.1\ninf,0.1\n": "do not rise",
    "seconds,amperes\n0,0.1\n0,0.1\n": "do not rise at sample 2",
    "seconds,amperes\n0,0.1\n2,0.1\n1,0.1\n": "do not rise at sample 3",
    "seconds,amperes,mark\n0,0.1,0\n1,0.1,4\n": "marks",
    "seconds,amperes,mark\n0,0.1,0\n1,0.1,0.5\n": "marks",
    "seconds,amperes,mark\n0,0.1,0\n1,0.1,-1\n": "marks",
}


@pytest.mark.parametrize("text", BAD)
def test_broken_traces_are_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    if BAD[text] is None:
        assert read_trace(tmp_path / "t.csv", VOLTS).seconds.size == 3
        return
    with pytest.raises(GlimpseError, match=BAD[text]):
        read_trace(tmp_path / "t.csv", VOLTS)


def test_a_trace_cut_anywhere_is_read_or_refused(tmp_path):
    """Never a traceback, whatever byte is the last one or wrong."""
    write_trace(tmp_path / "whole.csv", make_trace(IDLE + PICTURE, step_ms=2))
    data = (tmp_path / "whole.csv").read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(150):
        broken = bytearray(data[: rng.integers(len(data))])
        if broken and rng.random() < 0.7:
            broken[rng.integers(len(broken))] = rng.integers(256)
        (tmp_path / "t.csv").write_bytes(broken)
        try:
            read_trace(tmp_path / "t.csv", VOLTS)
        except GlimpseError as error:
            assert str(error).count("\n") == 0


def test_no_voltage_is_asked_for(tmp_path):
    (tmp_path / "t.csv").write_text("seconds,amperes\n0,1\n1,1\n")
    with pytest.raises(GlimpseError, match="--volts"):
        read_trace(tmp_path / "t.csv")
