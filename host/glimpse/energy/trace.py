# SPDX-License-Identifier: Apache-2.0
"""A supply current over time, with what the node said on its two marking pins (firmware/ports/mark.h).

A trace in a file is CSV with a line of titles: `seconds,amperes`, and if there are, `volts` and `mark` (0..3). What
Nordic's Power Profiler exports is read, too: `Timestamp(ms),Current(uA)`, and `D0-D7` or `D0`, `D1`, ... with the first
marking pin on D0 and the second on D1.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.files import read_bytes, write_whole

MOST_TRACE_BYTES = 1 << 30
MOST_AMPERES = 20.0
MOST_VOLTS = 60.0
MARKS = 4
DIGITS = "D0-D7"
_SCALES = {"timestamp(ms)": ("seconds", 1e-3), "current(ua)": ("amperes", 1e-6), "current(ma)": ("amperes", 1e-3)}


@dataclass(frozen=True)
class Trace:
    """Samples, each of which stands until the next; the last one as long as the usual one.

    Attributes:
        seconds: float64 [samples], rising.
        amperes: float64 [samples].
        volts: float64 [samples].
        marks: uint8 [samples], 0..3; None: the meter saw no pins.

    Raises:
        GlimpseError: arrays that do not fit together, fewer than two samples, times that do not rise, or numbers that
            no node's supply has.
    """

    seconds: np.ndarray
    amperes: np.ndarray
    volts: np.ndarray
    marks: np.ndarray | None = None

    def __post_init__(self) -> None:
        shapes = {np.shape(a) for a in (self.seconds, self.amperes, self.volts, self.marks) if a is not None}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise GlimpseError("a trace has as many times as currents, voltages and marks; record it again")
        if self.seconds.size < 2:
            raise GlimpseError("the trace has fewer than two samples; record for longer")
        if not (np.all(np.isfinite(self.seconds)) and np.all(np.diff(self.seconds) > 0)):
            at = int(np.argmin(np.diff(np.nan_to_num(self.seconds)) > 0)) + 2
            raise GlimpseError(f"the times of the trace do not rise at sample {at}; record it again, or sort it")
        for values, most, what in ((self.amperes, MOST_AMPERES, "A"), (self.volts, MOST_VOLTS, "V")):
            if not np.all(np.isfinite(values)) or np.max(np.abs(values)) > most:
                raise GlimpseError(f"the trace has samples beyond {most:g} {what}; check its unit, or record it again")
        if self.marks is not None and (self.marks.min() < 0 or self.marks.max() >= MARKS):
            raise GlimpseError(f"the marks of the trace are not all 0 to {MARKS - 1}; record two digital inputs")

    @property
    def lengths(self) -> np.ndarray:
        """How long each sample stands, seconds, float64 [samples]."""
        between = np.diff(self.seconds)
        return np.append(between, np.median(between))

    def charge_mas(self, where: np.ndarray) -> float:
        """Charge of the samples where the mask is set, mA s."""
        return float(np.sum((self.amperes * self.lengths)[where]) * 1e3)

    def energy_mj(self, where: np.ndarray) -> float:
        """Energy of the samples where the mask is set, mJ."""
        return float(np.sum((self.amperes * self.volts * self.lengths)[where]) * 1e3)

    def time_s(self, where: np.ndarray) -> float:
        """How long the samples where the mask is set stand, seconds."""
        return float(np.sum(self.lengths[where]))


def read_trace(path: Path, volts: float | None = None) -> Trace:
    """A recorded trace.

    Args:
        path: a CSV file as this module's docstring says.
        volts: of the supply, where the file does not say.

    Raises:
        GlimpseError: unreadable, no trace, a line that is cut short or garbled, or no voltage known.
    """
    try:
        text = read_bytes(path, "current trace", MOST_TRACE_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GlimpseError(f"{path} is no text; give a trace as CSV") from error
    titles, _, rest = text.partition("\n")
    columns = [title.strip().strip('"') for title in titles.split(",")]
    known = {}
    for at, title in enumerate(columns):
        name, scale = _SCALES.get(title.lower(), (title.lower() if title != DIGITS else title, 1.0))
        known[name] = (at, scale)
    if not {"seconds", "amperes"} <= known.keys():
        raise GlimpseError(f"{path} is no current trace; its first line must name the columns seconds and amperes")
    if not rest.strip():
        raise GlimpseError(f"{path} has no samples below its titles; record it again")
    try:
        table = np.loadtxt(io.StringIO(rest), delimiter=",", ndmin=2, comments=None)
    except ValueError as error:
        raise GlimpseError(f"{path} is cut short or garbled: {_line(rest, len(columns))}; record it again") from error
    if table.shape[1] != len(columns):
        raise GlimpseError(f"{path} is garbled: its lines do not hold {len(columns)} numbers; record it again")
    found = {name: table[:, at] * scale for name, (at, scale) in known.items()}
    if volts is None and "volts" not in found:
        raise GlimpseError(f"{path} does not say the voltage of the supply; give it with --volts")
    supply = found.get("volts", np.full(len(table), volts or 0.0))
    try:
        return Trace(found["seconds"], found["amperes"], supply, _marks(found))
    except GlimpseError as error:
        raise GlimpseError(f"{path}: {error}") from error


def _marks(found: dict[str, np.ndarray]) -> np.ndarray | None:
    """From a column of their own, from eight digits, or from two columns of one digit."""
    if "mark" in found:
        marks = found["mark"]
        return np.where((marks >= 0) & (marks < MARKS) & (marks == np.floor(marks)), marks, 255).astype(np.uint8)
    if DIGITS in found:  # D0 is the first of eight digits; read as a number they have lost their leading zeros
        digits = np.nan_to_num(found[DIGITS]).astype(np.int64)
        return (digits // 10**7 % 10 + 2 * (digits // 10**6 % 10)).astype(np.uint8)
    if "d0" in found:
        return (found["d0"] + 2 * found.get("d1", np.zeros_like(found["d0"]))).astype(np.uint8)
    return None


def _line(text: str, columns: int) -> str:
    """Which line is the first that does not hold so many numbers."""
    for number, line in enumerate(text.splitlines(), 2):
        try:
            good = len([float(word) for word in line.split(",")]) == columns if line.strip() else True
        except ValueError:
            good = False
        if not good:
            return f"line {number} does not hold {columns} numbers"
    return f"not every line holds {columns} numbers"


def write_trace(path: Path, trace: Trace) -> None:
    """Writes a trace so that read_trace reads it.

    Raises:
        GlimpseError: the place cannot be written.
    """
    columns = {"seconds": trace.seconds, "amperes": trace.amperes, "volts": trace.volts}
    formats = ["%.7f", "%.9g", "%.6g"]
    if trace.marks is not None:
        columns["mark"] = trace.marks
        formats.append("%d")
    out = io.StringIO()
    np.savetxt(out, np.column_stack(list(columns.values())), formats, ",", header=",".join(columns), comments="")
    write_whole(path, out.getvalue().encode())
