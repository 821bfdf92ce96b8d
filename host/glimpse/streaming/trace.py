# SPDX-License-Identifier: Apache-2.0
"""How many bytes a second a link carries, over time."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from glimpse.errors import GlimpseError, UsageError
from glimpse.files import read_bytes

MAX_TRACE_BYTES = 16 << 20


@dataclass(frozen=True)
class Trace:
    """Bandwidth in steps.

    Attributes:
        times: seconds at which a rate begins, the first 0, rising.
        rates: bytes a second from then on; the last one holds for ever.
    """

    times: tuple[float, ...]
    rates: tuple[float, ...]

    def rate(self, time: float) -> float:
        """Bytes a second at a time."""
        return self.rates[max(0, bisect_right(self.times, time) - 1)]

    def finish(self, start: float, size: float) -> float:
        """When `size` bytes are through that the link began with at `start`; infinite: never."""
        at = max(0, bisect_right(self.times, start) - 1)
        while True:
            end = self.times[at + 1] if at + 1 < len(self.times) else math.inf
            rate = self.rates[at]
            if rate > 0 and start + size / rate <= end:
                return start + size / rate
            if end == math.inf:
                return math.inf
            size -= rate * (end - start)
            start, at = end, at + 1

    def carried(self, start: float, end: float) -> float:
        """Bytes that the link can carry from `start` to `end`."""
        edges = [start, *(time for time in self.times if start < time < end), end]
        return sum(self.rate(a) * (b - a) for a, b in pairwise(edges))


def constant(rate: float) -> Trace:
    """A link that always carries the same.

    Raises:
        UsageError: not a number of bytes a second.
    """
    if not (math.isfinite(rate) and rate >= 0):
        raise UsageError(f"a link of {rate} bytes a second is not possible; give a number from 0 up")
    return Trace((0.0,), (rate,))


def read_trace(path: Path) -> Trace:
    """A trace from a CSV file: a line `seconds,bytes a second` for each change, times rising.

    A first line of words is a heading; empty lines are passed over. The first rate holds before its time, too.

    Raises:
        GlimpseError: unreadable, empty or malformed; the sentence names the line.
    """
    times: list[float] = []
    rates: list[float] = []
    text = read_bytes(path, "trace", MAX_TRACE_BYTES).decode(errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            time, rate = map(float, line.split(","))
        except ValueError:
            if not times and number == 1:
                continue
            raise GlimpseError(
                f"{path}, line {number}: {line[:40]!r} is not `seconds,bytes a second`; correct it"
            ) from None
        if not (math.isfinite(time) and math.isfinite(rate) and rate >= 0 and (not times or time > times[-1])):
            raise GlimpseError(f"{path}, line {number}: times must rise and rates be 0 or more; correct the line")
        times.append(time)
        rates.append(rate)
    if not times:
        raise GlimpseError(f"{path} holds no bandwidth; write lines of `seconds,bytes a second`")
    return Trace((min(0.0, times[0]), *times[1:]), tuple(rates))
