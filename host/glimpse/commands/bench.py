# SPDX-License-Identifier: Apache-2.0
"""`glimpse bench`: what a model costs on a node. The keys of its JSON stand at glimpse.bench.measure."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from glimpse import bench as benchmark
from glimpse import binding, zoo
from glimpse.commands.options import (
    DEFAULT_MODEL,
    Coding,
    CodingOption,
    FitOption,
    JsonOption,
    ModelOption,
    PayloadOption,
    TargetOption,
)
from glimpse.commands.options import Fit as FitChoice
from glimpse.estimate import BY_CORE
from glimpse.files import write_json
from glimpse.photo import fit_photo, load_photo


def bench(
    photo: Annotated[
        Path | None, typer.Argument(help="Photo to encode; without one, the node's test pattern as a photo.")
    ] = None,
    target: TargetOption = "sim:cortex-m7",
    model: ModelOption = DEFAULT_MODEL,
    frames: Annotated[int, typer.Option(min=1, max=1000, help="How often.")] = 3,
    payload: PayloadOption = 51,
    coding: CodingOption = Coding.RANGE,
    fit: FitOption = FitChoice.CROP,
    whole: Annotated[bool, typer.Option(help="Also run the layers whole-tensor, on emulated boards.")] = True,
    json: JsonOption = None,
) -> None:
    """Latency, memory and flash of a model on a node, counted on emulated boards and estimated for real ones."""
    chosen = zoo.load(model)
    loaded = chosen.binding
    rows = (
        binding.pattern(loaded.photo_width, loaded.photo_height)
        if photo is None
        else fit_photo(load_photo(photo), loaded.photo_width, loaded.photo_height, fit.value)
    )
    numbers = benchmark.measure(
        target, chosen, rows, frames=frames, payload=payload, coding=coding.value, whole_tensor=whole
    )
    _show(numbers, Console(stderr=json == "-", file=None if json != "-" else sys.stderr))
    if json:
        write_json(json, numbers)


def _show(n: dict, console: Console) -> None:
    table = Table(
        title=f"{n['model']} on {n['board']}, {n['frames']} frames of {n['packets']} packets, {n['bytes']} bytes"
    )
    table.add_column("what")
    table.add_column("value", justify="right")
    if n["instructions"] is None:
        table.add_row(f"{n['unit']} a frame, least of {n['frames']}", f"{min(n['counts']):,}")
    else:
        table.add_row("instructions a frame, counted", f"{n['instructions']:,}")
        table.add_row("the same in every frame", "yes" if len(set(n["counts"])) == 1 else f"no: {n['counts']}")
        for stage, count in n["instructions_by_stage"].items():
            table.add_row(f"  {stage}", f"{count:,}")
    for board, ms in n["estimated_ms"].items():
        table.add_row(f"estimated ms on {board}", f"{ms['value']:g}  ({ms['low']:g} .. {ms['high']:g})")
    for title, key in (("RAM bytes", "ram_bytes"), ("flash bytes", "flash_bytes")):
        for part, value in (n[key] or {}).items():
            apart = " (apart)" if part in ("latent", "reference", "camera") else ""
            table.add_row(f"{title}, {part.replace('_', ' ')}{apart}", f"{value:,}")
    table.add_row("multiplications (MACs) a frame", f"{n['macs']:,}")
    table.add_row("weights", f"{n['weights']:,}")
    if n.get("whole_tensor"):
        table.add_row("instructions of the same layers whole-tensor", f"{n['whole_tensor']['instructions']:,}")
        table.add_row("streaming / whole-tensor", f"{n['whole_tensor']['network_ratio']:.4f}")
        table.add_row("same latent", "yes" if n["whole_tensor"]["same_latent"] else "NO")
        if n["whole_tensor"]["same_side"] is not None:
            table.add_row("same side output", "yes" if n["whole_tensor"]["same_side"] else "NO")
    elif "whole_tensor" in n:
        table.add_row("the same layers whole-tensor", "do not fit, or run in patches")
    console.print(table)
    for estimate in BY_CORE.values():
        if estimate.board in n["estimated_ms"]:
            console.print(
                f"Estimated: {estimate.cycles} cycles an instruction, from {estimate.source}.",
                style="dim",
                highlight=False,
            )
