# SPDX-License-Identifier: Apache-2.0
"""Everything that says how much current a node takes, behind one face.

trace:FILE.csv            a recorded trace (glimpse.energy.trace)
serial:/dev/ttyUSB0       a logger that writes lines `seconds,amperes` or `seconds,amperes,volts,mark`
ppk2:/dev/ttyACM1         Nordic's PPK2 as an ampere meter in the supply of the node; marks on D0 and D1
ppk2-source:/dev/ttyACM1  the same, feeding the node with --volts
joulescope                the one Joulescope that is connected; marks on IN0 and IN1
"""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from glimpse.energy.trace import MARKS, Trace, read_trace
from glimpse.errors import GlimpseError, UsageError
from glimpse.targets.serial_port import PortStream

ADDRESSES = (
    "trace:FILE.csv, serial:/dev/ttyUSB0, ppk2:/dev/ttyACM1, ppk2-source:/dev/ttyACM1, joulescope, "
    "sim:cortex-m7 or sim:cortex-m33"
)
LOGGER_BAUD = 115200
MOST_BAD_LINES = 0.01
PPK2_HERTZ = 100_000
"""Samples a second; the PPK2 sends no times."""
PPK2_START_S = 3.0
"""It has begun to send by then."""
PPK2_LOST = 0.02
"""More of the samples missing than this: the computer did not keep up, and times would be wrong."""


class Meter(Protocol):
    """What measures, or has measured, the current that a node takes."""

    def record(self, seconds: float) -> Trace:
        """The current from now on, for so many seconds; a recorded trace gives all it has.

        Raises:
            GlimpseError: the meter cannot be had, went away, or says what no meter says.
        """
        ...


def open_meter(address: str, volts: float | None) -> Meter:
    """The meter at an address.

    Args:
        address: as this module's docstring says.
        volts: of the node's supply, where the meter does not measure it.

    Raises:
        UsageError: no such kind of meter, or a voltage is missing.
    """
    kind, _, place = address.partition(":")
    if kind == "joulescope":
        return JoulescopeMeter()
    if kind == "trace" and place:
        return TraceMeter(Path(place), volts)
    if kind == "serial" and place:
        return SerialMeter(place, volts)
    if kind in ("ppk2", "ppk2-source") and place:
        if volts is None:
            raise UsageError("a PPK2 does not measure the voltage; give that of the supply with --volts")
        return Ppk2Meter(place, volts, feeds=kind == "ppk2-source")
    raise UsageError(f"there is no meter {address!r}; choose {ADDRESSES}")


class TraceMeter:
    """A trace that was recorded before."""

    def __init__(self, path: Path, volts: float | None) -> None:
        self.path, self.volts = path, volts

    def record(self, seconds: float) -> Trace:
        """All of it."""
        return read_trace(self.path, self.volts)


class SerialMeter:
    """A current logger on a serial port: a line of text for each sample.

    Lines hold seconds, amperes, and if there are volts and the mark 0..3, with commas between; empty lines and those
    that start with # are passed over.
    """

    def __init__(self, device: str, volts: float | None) -> None:
        self.device, self.volts = device, volts

    def record(self, seconds: float) -> Trace:
        """Until the logger's own clock has gone on for so long."""
        stream, waiting, samples, bad = PortStream(self.device, LOGGER_BAUD), b"", [], 0
        first, deadline = True, time.monotonic() + 2 * seconds + 5
        try:
            while time.monotonic() < deadline:
                waiting += stream.read(0.2)
                *lines, waiting = waiting.split(b"\n")
                for line in lines[first:]:  # the port may have been opened in the middle of the first line
                    sample = _sample(line)
                    if sample:
                        samples.append(sample)
                    elif line.strip() and not line.startswith(b"#"):
                        bad += 1
                first = first and not lines
                if samples and samples[-1][0] - samples[0][0] >= seconds:
                    break
        finally:
            stream.close()
        if not samples:
            raise GlimpseError(f"the logger at {self.device} sent no line `seconds,amperes`; check it and its speed")
        if bad > MOST_BAD_LINES * (bad + len(samples)) or len({len(sample) for sample in samples}) != 1:
            raise GlimpseError(f"{bad} lines of the logger at {self.device} are garbled; check the speed of its line")
        table = np.array(samples)
        if table.shape[1] < 3 and self.volts is None:
            raise GlimpseError(f"the logger at {self.device} does not say the voltage; give it with --volts")
        volts = table[:, 2] if table.shape[1] > 2 else np.full(len(table), self.volts)
        return Trace(table[:, 0], table[:, 1], volts, table[:, 3].astype(np.uint8) if table.shape[1] > 3 else None)


def _sample(line: bytes) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(word) for word in line.decode("ascii").split(","))
    except ValueError:
        return None
    whole = 2 <= len(numbers) <= 4 and all(np.isfinite(numbers))
    return numbers if whole and (len(numbers) < 4 or numbers[3] in range(MARKS)) else None


def _library(module: str, package: str, extra: str, terms: str) -> ModuleType:
    """A meter's own Python package, which is installed by those who have the meter."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise GlimpseError(
            f"this meter needs the package {package} ({terms}); run: pip install 'glimpse-lpwan[{extra}]'"
        ) from error


class Ppk2Meter:
    """Nordic's Power Profiler Kit II, 100,000 samples a second."""

    def __init__(self, device: str, volts: float, feeds: bool) -> None:
        self.device, self.volts, self.feeds = device, volts, feeds

    def record(self, seconds: float) -> Trace:
        """From now on; a fed node is switched on before and left on."""
        library = _library("ppk2_api.ppk2_api", "ppk2-api", "ppk2", "GPL")
        try:
            meter = library.PPK2_API(self.device, timeout=1, write_timeout=1, exclusive=True)
            meter.get_modifiers()
            meter.set_source_voltage(round(self.volts * 1000))
            meter.use_source_meter() if self.feeds else meter.use_ampere_meter()
            meter.toggle_DUT_power("ON")
            meter.start_measuring()
            microamperes, bits, took = _ppk2_samples(meter, seconds)
            meter.stop_measuring()
        except (OSError, ValueError, RuntimeError) as error:  # its serial errors are OSErrors
            raise GlimpseError(f"the PPK2 at {self.device} does not answer: {error}; plug it in again") from error
        if len(microamperes) < (1 - PPK2_LOST) * took * PPK2_HERTZ or len(bits) != len(microamperes):
            raise GlimpseError(
                f"the PPK2 gave {len(microamperes):,} of {took * PPK2_HERTZ:,.0f} samples; record again with less "
                "running on this computer"
            )
        count = len(microamperes)
        marks = np.array(bits, np.uint8) & 3
        return Trace(np.arange(count) / PPK2_HERTZ, np.array(microamperes) * 1e-6, np.full(count, self.volts), marks)


def _ppk2_samples(meter: Any, seconds: float) -> tuple[list[float], list[int], float]:
    """Currents in uA, digital inputs, and the seconds between the first bytes and the last."""
    microamperes: list[float] = []
    bits: list[int] = []
    first = None
    deadline = time.monotonic() + seconds + PPK2_START_S
    while (now := time.monotonic()) < deadline and (first is None or now - first < seconds):
        data = meter.get_data()
        if data:
            first = now if first is None else first
            currents, digital = meter.get_samples(data)
            microamperes += currents
            bits += digital
    if first is None:
        raise GlimpseError("the PPK2 sends no samples; plug it in again")
    return microamperes, bits, now - first


class JoulescopeMeter:
    """The Joulescope that is connected; it measures the voltage, too."""

    def record(self, seconds: float) -> Trace:
        """From now on, without a gap."""
        library = _library("joulescope", "joulescope", "joulescope", "Apache-2.0")
        try:
            with library.scan_require_one(config="auto") as meter:
                meter.parameter_set("current_lsb", "gpi0")
                meter.parameter_set("voltage_lsb", "gpi1")
                fields = ["current", "voltage", "current_lsb", "voltage_lsb"]
                found = meter.read(contiguous_duration=seconds, out_format="samples_get", fields=fields)
        except (OSError, ValueError, RuntimeError) as error:
            raise GlimpseError(f"the Joulescope does not answer: {error}; plug it in again") from error
        return _from_joulescope(found)


def _from_joulescope(found: dict[str, Any]) -> Trace:
    signals = {name: np.asarray(signal["value"]) for name, signal in found["signals"].items()}
    hertz = float(found["time"]["sampling_frequency"]["value"])
    current, voltage = (signals[name].astype(float) for name in ("current", "voltage"))
    if not (np.all(np.isfinite(current)) and np.all(np.isfinite(voltage))):
        raise GlimpseError("the Joulescope lost samples; record again with less running on this computer")
    marks = signals["current_lsb"].astype(np.uint8) & 1 | (signals["voltage_lsb"].astype(np.uint8) & 1) << 1
    return Trace(np.arange(len(current)) / hertz, current, voltage, marks)
