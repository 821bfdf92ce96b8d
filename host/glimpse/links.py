# SPDX-License-Identifier: Apache-2.0
"""Links as models: which transmissions are lost, and how many bytes a link carries when. All from seeds.

A loss model answers for the first, second, ... transmission of a run, a `Trace` for the time between two moments. Both
start from a generator of random numbers, and `generator` gives every codec of a comparison the same one. A longer run
begins as a shorter one does, and what is lost at a low chance is lost at a higher one too.
"""

import csv
import io
import math
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from glimpse.errors import GlimpseError, UsageError
from glimpse.files import read_bytes

MOST_TRACE_BYTES = 64 << 20
TRACE_FIELDS = ("seconds", "bytes_per_s")


def generator(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one draw for one photo, the same whatever is sent.

    Args:
        seed: number of the draw.
        name: of the photo.
    """
    return np.random.default_rng((seed, zlib.crc32(name.encode())))


class Loss(Protocol):
    """Which transmissions are lost."""

    def lost(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """bool [count], True where a transmission is lost."""
        ...


def _check_chance(value: float, what: str) -> None:
    if not 0 <= value <= 1:
        raise UsageError(f"{what} is a chance from 0 to 1, not {value:g}")


@dataclass(frozen=True)
class IidLoss:
    """Every transmission is lost with the same chance, whatever became of the others.

    Attributes:
        rate: chance, 0..1.

    Raises:
        UsageError: a chance out of range.
    """

    rate: float

    def __post_init__(self) -> None:
        _check_chance(self.rate, "a loss")

    def lost(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """bool [count], True where a transmission is lost."""
        return rng.random(count) < self.rate


@dataclass(frozen=True)
class GilbertElliott:
    """Losses in bursts: a link with a good and a bad state, that changes with every transmission (Gilbert 1960,
    Elliott 1963). It begins in either state, as often as it is in it.

    Attributes:
        rate: mean loss, 0..1.
        burst: mean transmissions that the bad state lasts, at least 1; with the two chances as they are given here,
            the mean number of losses in a row.
        good: chance of a loss in the good state.
        bad: chance of a loss in the bad state.

    Raises:
        UsageError: chances out of range, or a mean loss that the two states cannot have.
    """

    rate: float
    burst: float
    good: float = 0.0
    bad: float = 1.0

    def __post_init__(self) -> None:
        for value in (self.rate, self.good, self.bad):
            _check_chance(value, "a loss")
        if not math.isfinite(self.burst) or self.burst < 1:
            raise UsageError(f"a burst lasts 1 transmission or more, not {self.burst:g}")
        if not (self.good < self.bad and self.good <= self.rate <= self.bad):
            raise UsageError(
                f"the mean loss {self.rate:g} lies not between the chances {self.good:g} and {self.bad:g}; change one"
            )
        if self.rate < self.bad and self._worsens > 1:
            raise UsageError(
                f"a mean loss of {self.rate:g} needs longer bursts than {self.burst:g}; "
                f"take {self._share / (1 - self._share):.3g} or more"
            )

    @property
    def _share(self) -> float:
        """Of the transmissions that find the bad state."""
        return (self.rate - self.good) / (self.bad - self.good)

    @property
    def _worsens(self) -> float:
        """Chance to go from good to bad: as many transmissions go as come back."""
        return self._share / (1 - self._share) / self.burst

    def lost(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """bool [count], True where a transmission is lost."""
        if self.rate >= self.bad or self.rate <= self.good:
            return IidLoss(self.rate).lost(count, rng)
        worsens, improves = self._worsens, 1 / self.burst
        is_bad = bool(rng.random() < self._share)
        result = np.empty(count, bool)
        for number, (change, loss) in enumerate(rng.random((count, 2))):
            result[number] = loss < (self.bad if is_bad else self.good)
            if change < (improves if is_bad else worsens):
                is_bad = not is_bad
        return result


@dataclass(frozen=True)
class Trace:
    """How fast a link is when: a rate from each moment to the next, the last one for ever.

    Attributes:
        starts: seconds, the first 0, rising.
        rates: bytes a second from each of them on, none negative.

    Raises:
        UsageError: moments that do not rise from 0, or a rate that is negative or not finite.
    """

    starts: np.ndarray
    rates: np.ndarray
    _carried: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts, rates = (np.asarray(values, float) for values in (self.starts, self.rates))
        if starts.ndim != 1 or starts.shape != rates.shape or not starts.size or not np.all(np.isfinite(starts)):
            raise UsageError("a trace has one rate for every moment, and one moment at least")
        if starts[0] != 0 or np.any(np.diff(starts) <= 0):
            raise UsageError("the moments of a trace begin at 0 seconds and rise; sort them")
        if not np.all(np.isfinite(rates)) or np.any(rates < 0):
            raise UsageError("the rates of a trace are bytes a second, 0 or more")
        carried = np.concatenate([[0.0], np.cumsum(np.diff(starts) * rates[:-1])])
        for name, values in (("starts", starts), ("rates", rates), ("_carried", carried)):
            object.__setattr__(self, name, values)

    def carried(self, until: float) -> float:
        """Bytes that the link carries from the beginning to a moment, in seconds from 0 on."""
        at = int(np.searchsorted(self.starts, until, side="right")) - 1
        return float(self._carried[at] + (until - self.starts[at]) * self.rates[at])

    def room(self, start: float, end: float) -> float:
        """Bytes that the link carries between two moments, in seconds."""
        return max(self.carried(end) - self.carried(start), 0.0)

    def done(self, start: float, size: float) -> float:
        """When the last of `size` bytes that leave from `start` on has left, seconds; infinite where it never does."""
        goal = self.carried(start) + size
        if size <= 0:
            return start
        at = int(np.searchsorted(self._carried, goal, side="left")) - 1
        at = max(at, 0)
        if self.rates[at] == 0:
            return math.inf
        return float(self.starts[at] + (goal - self._carried[at]) / self.rates[at])


def constant(rate: float) -> Trace:
    """A link of one rate, bytes a second."""
    return Trace(np.zeros(1), np.array([rate]))


def gamma(mean: float, shape: float, hold: float, seconds: float, rng: np.random.Generator) -> Trace:
    """Bandwidth that follows a gamma distribution, as in LimitNet's Figure 13.

    Args:
        mean: bytes a second.
        shape: of the distribution; its standard deviation is mean / sqrt(shape).
        hold: seconds until the next rate is drawn.
        seconds: how long; the last rate stays.
        rng: of the draws.

    Raises:
        UsageError: a parameter that is not above 0.
    """
    for value, what in ((mean, "mean"), (shape, "shape"), (hold, "time between draws"), (seconds, "length")):
        if not math.isfinite(value) or value <= 0:
            raise UsageError(f"the {what} of a gamma distributed bandwidth is above 0, not {value:g}")
    count = max(math.ceil(seconds / hold), 1)
    return Trace(np.arange(count) * hold, rng.gamma(shape, mean / shape, count))


def in_contacts(trace: Trace, contact: float, period: float, count: int) -> Trace:
    """A link that is there for a while at the beginning of every period: a satellite, or a duty cycle.

    Args:
        trace: the rate while there is contact; goes on in between.
        contact: seconds of contact.
        period: seconds from one contact to the next.
        count: contacts; after the last one nothing is carried any more.

    Raises:
        UsageError: a contact longer than its period, or none.
    """
    if not 0 < contact <= period or count < 1:
        raise UsageError(f"contacts of {contact:g} s every {period:g} s are impossible; name a period no shorter")
    begins = np.arange(count) * period
    moments = np.unique(np.concatenate([begins, begins + contact, trace.starts[trace.starts < count * period]]))
    at = np.searchsorted(trace.starts, moments, side="right") - 1
    number = np.minimum(np.searchsorted(begins, moments, side="right") - 1, count - 1)
    # Compared with the ends themselves: a difference of two moments would be off by a rounding.
    return Trace(moments, np.where(moments < begins[number] + contact, trace.rates[at], 0.0))


def read_trace(path: Path) -> Trace:
    """A measured bandwidth: a CSV file with the columns `seconds` and `bytes_per_s`, other columns ignored.

    Raises:
        GlimpseError: unreadable, a column or a number missing, or moments that do not rise from 0.
    """
    text = read_bytes(path, "bandwidth trace", MOST_TRACE_BYTES)
    try:
        rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
        starts, rates = (np.array([float(row[name]) for row in rows]) for name in TRACE_FIELDS)
        return Trace(starts, rates)
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        columns = " and ".join(TRACE_FIELDS)
        raise GlimpseError(f"{path} is no bandwidth trace; give a CSV file with numbers under {columns}") from error
    except UsageError as error:
        raise GlimpseError(f"{path}: {error}") from error
