# SPDX-License-Identifier: Apache-2.0
"""Meters without the meters: a logger on a terminal, a PPK2 and a Joulescope whose packages are stand-ins."""

import contextlib
import os
import sys
import threading
import types

import numpy as np
import pytest
from glimpse.energy.meters import JoulescopeMeter, open_meter
from glimpse.errors import GlimpseError, UsageError


@contextlib.contextmanager
def logger(lines, repeat=1):
    """A logger's serial port that writes lines for as long as somebody may read."""
    ours, theirs = os.openpty()
    stop = threading.Event()

    def write():
        with contextlib.suppress(OSError):
            for _ in range(repeat):
                for line in lines:
                    os.write(ours, line)
                    if stop.wait(0.001):
                        return
            stop.wait(30)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        stop.set()
        thread.join()
        os.close(ours)
        os.close(theirs)


def test_a_serial_logger_is_read_until_its_clock_has_gone_on():
    lines = [
        b"3,0.0",
        b"12\n",
        b"# a comment\n",
        *(b"%.3f,0.0%d,3.3,%d\n" % (4 + i / 100, i % 9, i % 4) for i in range(200)),
    ]
    with logger(lines) as device:
        trace = open_meter(f"serial:{device}", None).record(1.0)
    assert trace.seconds[-1] - trace.seconds[0] == pytest.approx(1.0, abs=0.2)
    assert set(trace.volts) == {3.3}
    n = trace.seconds.size
    first = round((trace.seconds[0] - 4) * 100)
    np.testing.assert_array_equal(trace.marks, [(first + i) % 4 for i in range(n)])
    np.testing.assert_allclose(trace.amperes, [(first + i) % 9 / 100 for i in range(n)])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([b"hello\n"] * 3 + [b"0.%d,oops\n" % i for i in range(9)], "sent no line"),
        ([b"0,0.1\n1,0.1\n", *(b"%d.5,0.1\nx\xff\n" % i for i in range(20))], "garbled"),
        ([b"%d,0.1\n" % i for i in range(20)], "--volts"),
    ],
)
def test_a_logger_that_says_nothing_of_use(monkeypatch, lines, said):
    clock = iter(np.arange(0, 1e6, 0.5))
    monkeypatch.setattr("glimpse.energy.meters.time.monotonic", lambda: float(next(clock)))
    with logger(lines) as device, pytest.raises(GlimpseError, match=said):
        open_meter(f"serial:{device}", None).record(1.0)


class FakePpk2:
    """What glimpse asks of ppk2_api.PPK2_API."""

    per_read, log = 1000, []

    def __init__(self, device, **options):
        self.log.append(("open", device))

    def get_modifiers(self):
        pass

    def __getattr__(self, name):
        return lambda *words: self.log.append((name, *words))

    def get_data(self):
        return b"data"

    def get_samples(self, data):
        return [1500.0] * self.per_read, [0b10000010] * self.per_read


def with_module(monkeypatch, name, **contents):
    module = types.ModuleType(name)
    module.__dict__.update(contents)
    for part in {name.split(".")[0], name}:
        monkeypatch.setitem(sys.modules, part, module)


@pytest.mark.parametrize(("kind", "mode"), [("ppk2", "use_ampere_meter"), ("ppk2-source", "use_source_meter")])
def test_a_ppk2_measures_or_feeds(monkeypatch, kind, mode):
    with_module(monkeypatch, "ppk2_api.ppk2_api", PPK2_API=FakePpk2)
    monkeypatch.setattr(FakePpk2, "log", [])
    clock = iter(np.arange(0, 10, 0.01))
    monkeypatch.setattr("glimpse.energy.meters.time.monotonic", lambda: float(next(clock)))
    trace = open_meter(f"{kind}:/dev/ttyACM1", 3.0).record(0.5)
    assert FakePpk2.log[:2] == [("open", "/dev/ttyACM1"), ("set_source_voltage", 3000)]
    assert (mode,) in FakePpk2.log and FakePpk2.log[-1] == ("stop_measuring",)
    assert set(trace.amperes) == {1.5e-3} and set(trace.marks) == {2} and set(trace.volts) == {3.0}
    assert trace.seconds[1] == 1e-5 and trace.seconds[-1] == pytest.approx(0.5, rel=0.03)
    monkeypatch.setattr(FakePpk2, "per_read", 10)  # a computer that does not keep up
    with pytest.raises(GlimpseError, match="samples"):
        open_meter(f"{kind}:/dev/ttyACM1", 3.0).record(0.5)


def test_a_joulescope_measures_the_voltage_too(monkeypatch):
    asked = []

    class Fake(contextlib.AbstractContextManager):
        def __exit__(self, *reason):
            asked.append("closed")

        def parameter_set(self, name, value):
            asked.append((name, value))

        def read(self, **options):
            asked.append(options)
            bits = np.array([0, 1, 0, 1], np.uint8)
            values = [np.full(4, 0.01, np.float32), np.full(4, 3.2, np.float32), bits, bits[::-1]]
            signals = {name: {"value": value} for name, value in zip(options["fields"], values, strict=True)}
            return {"time": {"sampling_frequency": {"value": 2e6}}, "signals": signals}

    with_module(monkeypatch, "joulescope", scan_require_one=lambda config: Fake())
    trace = open_meter("joulescope", None).record(0.25)
    assert trace.marks.tolist() == [2, 1, 2, 1]
    assert trace.seconds[1] == 5e-7 and trace.volts[0] == pytest.approx(3.2)
    assert asked[:2] == [("current_lsb", "gpi0"), ("voltage_lsb", "gpi1")] and asked[-1] == "closed"
    assert asked[2]["contiguous_duration"] == 0.25


def test_packages_of_meters_are_asked_for_only_when_needed(monkeypatch):
    """The PPK2's is under the GPL: nothing of Glimpse imports it unless that meter is named."""
    monkeypatch.setitem(sys.modules, "ppk2_api.ppk2_api", None)
    monkeypatch.setitem(sys.modules, "joulescope", None)
    with pytest.raises(GlimpseError, match=r"ppk2-api \(GPL\).*\[ppk2\]"):
        open_meter("ppk2:/dev/null", 3.0).record(1)
    with pytest.raises(GlimpseError, match=r"\[joulescope\]"):
        JoulescopeMeter().record(1)


@pytest.mark.parametrize("address", ["", "trace:", "serial:", "ppk2", "multimeter:1", "sim"])
def test_unknown_meters_are_wrong_usage(address):
    with pytest.raises(UsageError, match="choose trace:FILE"):
        open_meter(address, 3.0)


def test_a_ppk2_needs_to_be_told_the_voltage():
    with pytest.raises(UsageError, match="--volts"):
        open_meter("ppk2:/dev/ttyACM1", None)
