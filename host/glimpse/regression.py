# SPDX-License-Identifier: Apache-2.0
"""What has become worse: two runs of `glimpse bench`, or one and the committed ceilings (models/ceilings.json).

    python -m glimpse.regression            measures every model on both emulated cores and writes the ceilings
    python -m glimpse.regression --results  writes them from models/*/results/bench-CORE.json instead
    python -m glimpse.regression --check    measures, and fails where a ceiling is exceeded by more than 3 %

With --model NAME only that one; the others' ceilings stay. A ceiling is what was measured, not a goal: a change that
costs something is committed together with the ceilings it raises.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimpse import firmware, zoo
from glimpse.errors import GlimpseError, UsageError
from glimpse.export.zoo_entry import CORES
from glimpse.files import read_bytes, write_whole

LIMIT_PERCENT = 3.0
CEILINGS = "ceilings.json"
"""In the folder of the models: {model: {core: {figure: number}}}, figures as of `ceiling`."""
MOST_BYTES = 16 << 20
SAME = ("target", "model", "payload", "coding", "budget", "unit")
"""What two runs must have in common to be comparable."""


@dataclass(frozen=True)
class Change:
    """A figure then and now; less is better.

    Attributes:
        what: it is of.
        old: then.
        new: now.
        counts: False: part of another figure, shown only.
    """

    what: str
    old: float
    new: float
    counts: bool = True

    @property
    def percent(self) -> float:
        """More than before; infinite where there was nothing."""
        return 100 * (self.new / self.old - 1) if self.old else (0.0 if self.new == self.old else float("inf"))


def read_bench(path: Path) -> dict[str, Any]:
    """The numbers of an earlier `glimpse bench --json`.

    Raises:
        GlimpseError: unreadable, or something else.
    """
    try:
        numbers = json.loads(read_bytes(path, "benchmark", MOST_BYTES))
        if not (isinstance(numbers, dict) and {"target", "model", "flash_bytes"} <= numbers.keys()):
            raise ValueError(path)
        return numbers
    except ValueError as error:
        raise GlimpseError(f"{path} is no benchmark; give a file that glimpse bench --json has written") from error


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Figure by figure, those that both runs have.

    Raises:
        UsageError: runs of different things.
        GlimpseError: the old run holds something else than numbers.
    """
    for key in SAME:
        if old.get(key) != new.get(key):
            raise UsageError(
                f"the older run has the {key} {old.get(key)}, this one {new.get(key)}; compare runs of the same thing"
            )
    try:
        then, now = _figures(old), _figures(new)
        return [Change(what, float(then[what][0]), *now[what]) for what in now if what in then]
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise GlimpseError("the older run lacks numbers that every run has; measure it again") from error


def _figures(n: dict[str, Any]) -> dict[str, tuple[float, bool]]:
    """{what: (number, whether it counts)}."""
    found: dict[str, tuple[float, bool]] = {}
    if n.get("counts"):
        found[f"{n['unit']} a frame"] = (min(n["counts"]), True)
        found |= {f"  {stage}": (count, False) for stage, count in (n.get("instructions_by_stage") or {}).items()}
    else:
        found |= {f"estimated ms on {board}": (ms["value"], True) for board, ms in n["estimated_ms"].items()}
    for title, key in (("RAM", "ram_bytes"), ("flash", "flash_bytes")):
        parts = n.get(key) or {}
        for part, size in parts.items():
            counts = part == "total" or "total" not in parts
            found[f"{title} bytes{'' if part == 'total' else ', ' + part}"] = (size, counts)
    if "bytes" in n:
        found["bytes sent"] = (n["bytes"], True)
    return found


def worse(changes: Sequence[Change], limit: float = LIMIT_PERCENT) -> list[Change]:
    """Those that count and are worse by more than so many percent."""
    return [change for change in changes if change.counts and change.percent > limit]


def ceiling(bench: dict[str, Any]) -> dict[str, int]:
    """What of a benchmark is kept: {instructions, ram_bytes, flash_bytes}."""
    return {
        "instructions": bench["instructions"],
        "ram_bytes": bench["ram_bytes"]["total"],
        "flash_bytes": bench["flash_bytes"]["total"],
    }


def read_ceilings(models: Path | None = None) -> dict[str, dict[str, dict[str, int]]]:
    """The committed ceilings.

    Raises:
        GlimpseError: they cannot be read.
    """
    path = (models or firmware.root() / "models") / CEILINGS
    try:
        return json.loads(read_bytes(path, "file of ceilings", MOST_BYTES))
    except ValueError as error:
        raise GlimpseError(f"{path} cannot be read; write it again with python -m glimpse.regression") from error


def against_ceiling(model: str, core: str, bench: dict[str, Any]) -> list[Change]:
    """A benchmark beside its ceiling.

    Raises:
        GlimpseError: the model has none on this core.
    """
    limits = read_ceilings().get(model, {}).get(core)
    if not limits:
        raise GlimpseError(f"{model} has no ceiling on {core}; run python -m glimpse.regression --model {model}")
    return [Change(f"{model}, {core}: {what}", limits[what], number) for what, number in ceiling(bench).items()]


def sentence(changes: Sequence[Change]) -> str:
    """What is worse, for people."""
    parts = [f"{c.what.strip()} {c.old:,.0f} -> {c.new:,.0f} ({c.percent:+.1f} %)" for c in changes]
    return "; ".join(parts)


def _bench(model: str, core: str, from_results: bool) -> dict[str, Any]:
    if from_results:
        return read_bench(firmware.root() / "models" / model / "results" / f"bench-{core}.json")
    from glimpse import bench, binding

    chosen = zoo.load(model)
    coding = "range" if chosen.binding.has_range_tables else "raw"
    photo = binding.pattern(chosen.binding.photo_width, chosen.binding.photo_height)
    return bench.measure(f"sim:{core}", chosen, photo, frames=1, coding=coding)


def _run(options: argparse.Namespace) -> None:
    models = options.model or zoo.names()
    found = {name: {core: _bench(name, core, options.results) for core in CORES} for name in models}
    if options.check:
        changes = [c for name in models for core in CORES for c in against_ceiling(name, core, found[name][core])]
        for change in changes:
            print(f"{change.what}: {change.new:,} of {change.old:,} ({change.percent:+.2f} %)")
        if worse(changes):
            raise GlimpseError(f"more than {LIMIT_PERCENT:g} % above the ceiling: {sentence(worse(changes))}")
        return
    path = firmware.root() / "models" / CEILINGS
    known = read_ceilings() if path.is_file() else {}
    known |= {name: {core: ceiling(numbers) for core, numbers in cores.items()} for name, cores in found.items()}
    write_whole(path, (json.dumps(dict(sorted(known.items())), indent=1) + "\n").encode())


def main(arguments: list[str]) -> int:
    """Command line; exit status 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m glimpse.regression", description=__doc__.split("\n")[0])
    parser.add_argument("--model", action="append", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--results", action="store_true", help="from models/*/results in the place of measuring")
    parser.add_argument("--check", action="store_true", help="compare with the ceilings in the place of writing them")
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except GlimpseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
