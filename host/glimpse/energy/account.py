# SPDX-License-Identifier: Apache-2.0
"""From a trace to what a picture costs: cut by the marks of the node, stage by stage, picture by picture."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glimpse.energy.model import Range, compute_mj, compute_seconds
from glimpse.energy.trace import Trace
from glimpse.errors import GlimpseError

NONE, NETWORK, ACQUIRE, PACK = range(4)
"""Of firmware/ports/mark.h."""
STAGES = {ACQUIRE: "acquire", NETWORK: "network", PACK: "pack"}
COMPUTING = "computing"
"""Network, quantiser and packets together, which the first pin alone tells from the rest."""
REST = "rest"
"""What a node does between its stages and until the next picture: radio, serial line, waiting, sleep."""


@dataclass(frozen=True)
class Stage:
    """A stage of a picture: energy, charge and time, means over pictures with the least and the most.

    Attributes:
        mj: millijoules.
        mas: mA s.
        seconds: it takes.
    """

    mj: Range
    mas: Range
    seconds: Range


@dataclass(frozen=True)
class Account:
    """What a picture costs.

    Attributes:
        measured: False: estimated from counted instructions.
        images: how many the numbers are of.
        partial: pictures that the trace has not whole, and which were left out.
        stages: by name; those of STAGES, or COMPUTING, and REST.
    """

    measured: bool
    images: int
    partial: int
    stages: dict[str, Stage]

    def computing(self) -> Stage:
        """All but the rest."""
        return total([stage for name, stage in self.stages.items() if name != REST])

    def whole(self) -> Stage:
        """The rest, too."""
        return total(list(self.stages.values()))


def total(stages: Sequence[Stage]) -> Stage:
    """Stages one after another."""
    zero = Range(0, 0, 0)
    return Stage(
        sum((s.mj for s in stages), zero), sum((s.mas for s in stages), zero), sum((s.seconds for s in stages), zero)
    )


def by_marks(trace: Trace) -> Account:
    """Cuts a trace into pictures and stages. A picture lasts from its first mark until the next one's.

    The last picture of a trace ends with the trace, so let it go on for as long as the radio does.

    Raises:
        GlimpseError: no marks, or no picture that is whole.
    """
    if trace.marks is None:
        raise GlimpseError("the trace has no marks to cut it by; connect both marking pins, or say --images")
    starts, partial = _pictures(trace.marks)
    if not starts:
        raise GlimpseError(
            "the trace has no whole picture between its marks; begin before the capture and end after the last packet, "
            "or say --images when one pin is connected"
        )
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in (*STAGES.values(), REST)}
    index = np.arange(trace.marks.size)
    for first, end in starts:
        inside = (index >= first) & (index < end)
        for mark, name in ((NONE, REST), *STAGES.items()):
            where = inside & (trace.marks == mark)
            found[name].append((trace.energy_mj(where), trace.charge_mas(where), trace.time_s(where)))
    stages = {name: Stage(*(_range(values) for values in zip(*rows, strict=True))) for name, rows in found.items()}
    return Account(True, len(starts), partial, stages)


def _pictures(marks: np.ndarray) -> tuple[list[tuple[int, int]], int]:
    """[(first sample, sample after the last)] of the whole pictures, and how many are not whole.

    A picture is whole when it begins inside the trace, has packets, and is back at no mark before the trace ends.
    """
    changes = np.flatnonzero(np.diff(marks.astype(np.int16)) != 0) + 1
    runs = [0, *changes.tolist()]
    begins, packing = [], True  # a picture begins with the first row after packets
    for at in runs:
        mark = int(marks[at])
        if mark in (NETWORK, ACQUIRE) and packing:
            begins.append(at)
            packing = False
        elif mark == PACK:
            packing = True
    pictures = list(itertools.pairwise([*begins, marks.size]))
    whole = [
        (first, end) for first, end in pictures if first > 0 and np.any(marks[first:end] == PACK) and not marks[end - 1]
    ]
    cut_off = int(np.any(marks[: begins[0] if begins else None] == PACK))  # its rows came before the trace
    return whole, len(pictures) - len(whole) + cut_off


def shared(trace: Trace, images: int) -> Account:
    """A trace whose pictures cannot be told apart, shared among them: no pins, or the first one alone.

    Args:
        trace: begins before the first picture and ends after the last.
        images: 1 or more.

    Returns:
        With the first pin the stages COMPUTING and REST, without it REST alone.
    """
    computing = np.zeros(trace.seconds.size, bool) if trace.marks is None else (trace.marks & 1).astype(bool)
    stages = {}
    for name, where in ((COMPUTING, computing), (REST, ~computing)):
        if name == REST or trace.marks is not None:
            numbers = (trace.energy_mj(where), trace.charge_mas(where), trace.time_s(where))
            stages[name] = Stage(*(_range([n / images]) for n in numbers))
    return Account(True, images, 0, stages)


def estimated(instructions_by_stage: dict[str, int], core: str, volts: float) -> Account:
    """What a board with this core would take for a picture whose instructions were counted.

    Args:
        instructions_by_stage: of glimpse.bench.measure.
        core: "cortex-m7" or "cortex-m33".
        volts: of its supply.
    """
    parts = {"acquire": 0, "network": 0, "pack": 0}
    for name, count in instructions_by_stage.items():
        parts["pack" if name == "quantise" else name] += count
    stages = {}
    for name, count in parts.items():
        mj = compute_mj(count, core)
        stages[name] = Stage(mj, mj * (1 / volts), compute_seconds(count, core))
    return Account(False, 1, 0, stages)


def _range(values: Sequence[float]) -> Range:
    return Range(float(np.mean(values)), float(np.min(values)), float(np.max(values)))
