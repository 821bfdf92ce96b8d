# SPDX-License-Identifier: Apache-2.0
"""`glimpse bench`: what a model costs on a node.

The keys of its JSON stand at glimpse.bench.measure, for sim:k210 at glimpse.maix.cost.measure.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from glimpse import bench as benchmark
from glimpse import binding
from glimpse.commands.options import (
    BudgetOption,
    Coding,
    CodingOption,
    FitOption,
    JsonOption,
    PayloadOption,
    TargetModelOption,
    TargetOption,
    model_for,
)
from glimpse.commands.options import Fit as FitChoice
from glimpse.errors import GlimpseError, UsageError
from glimpse.estimate import BY_CORE
from glimpse.files import write_json
from glimpse.maix import cost
from glimpse.photo import fit_photo, load_photo
from glimpse.regression import LIMIT_PERCENT, read_bench, sentence, worse
from glimpse.regression import compare as regressions


def bench(
    photo: Annotated[
        Path | None, typer.Argument(help="Photo to encode; without one, the node's test pattern as a photo.")
    ] = None,
    target: TargetOption = "sim:cortex-m7",
    model: TargetModelOption = None,
    frames: Annotated[int, typer.Option(min=1, max=1000, help="How often.")] = 3,
    payload: PayloadOption = 51,
    coding: CodingOption = Coding.RANGE,
    budget: BudgetOption = None,
    fit: FitOption = FitChoice.CROP,
    whole: Annotated[
        bool,
        typer.Option(
            help="Also run what one would use instead, on emulated boards: the layers whole-tensor, and JPEG."
        ),
    ] = True,
    compare: Annotated[
        Path | None, typer.Option(help="JSON of an earlier run: fail where this one is worse.", show_default=False)
    ] = None,
    limit: Annotated[float, typer.Option(min=0, help="Percent that --compare lets pass.")] = LIMIT_PERCENT,
    json: JsonOption = None,
) -> None:
    """Latency, memory and flash of a model on a node, counted on emulated boards, measured on real ones.

    What sim:k210 would take is estimated from the network; nothing runs.
    """
    console = Console(stderr=json == "-", file=None if json != "-" else sys.stderr)
    old = read_bench(compare) if compare else None  # before anything is measured
    if target == "sim:k210":
        if photo:
            raise UsageError("what a K210 takes is estimated from the network alone; leave the photo out")
        numbers = cost.measure(model_for(target, model))
        _show_k210(numbers, console)
        _end(numbers, old, limit, json, console)
        return
    chosen = model_for(target, model)
    loaded = chosen.binding
    rows = (
        binding.pattern(loaded.photo_width, loaded.photo_height)
        if photo is None
        else fit_photo(load_photo(photo), loaded.photo_width, loaded.photo_height, fit.value)
    )
    numbers = benchmark.measure(
        target, chosen, rows, frames=frames, payload=payload, coding=coding.value, budget=budget, whole_tensor=whole
    )
    _show(numbers, console)
    _end(numbers, old, limit, json, console)


def _end(numbers: dict, old: dict | None, limit: float, json: str | None, console: Console) -> None:
    """Writes what was asked for, then compares with an earlier run: worse is a failure."""
    if json:
        write_json(json, numbers)
    if old is None:
        return
    changes = regressions(old, numbers)
    table = Table(title=f"Against the earlier run; more than {limit:g} % fails")
    for title in ("what", "then", "now", "%"):
        table.add_column(title, justify="left" if title == "what" else "right")
    bad = worse(changes, limit)
    for c in changes:
        table.add_row(c.what, f"{c.old:,.12g}", f"{c.new:,.12g}", f"{'[red]' if c in bad else ''}{c.percent:+.2f}")
    console.print(table)
    if bad:
        raise GlimpseError(f"worse than before: {sentence(bad)}")


def _show(n: dict, console: Console) -> None:
    table = Table(
        title=f"{n['model']} on {n['board']}, {n['frames']} frames of {n['packets']} packets, {n['bytes']} bytes"
    )
    table.add_column("what")
    table.add_column("value", justify="right")
    if n.get("at_least"):
        table.caption = "More than the node can count: counts and milliseconds are lower bounds."
    if n["instructions"] is None:
        table.add_row(f"{n['unit']} a frame, least of {n['frames']}", f"{min(n['counts']):,}")
    else:
        table.add_row("instructions a frame, counted", f"{n['instructions']:,}")
        table.add_row("the same in every frame", "yes" if len(set(n["counts"])) == 1 else f"no: {n['counts']}")
        for stage, count in n["instructions_by_stage"].items():
            table.add_row(f"  {stage}", f"{count:,}")
        if n.get("codec_percent") is not None:
            table.add_row("quantiser, order and packing", f"{n['codec_percent']:.1f} %")
    for board, ms in n["estimated_ms"].items():
        table.add_row(f"estimated ms on {board}", f"{ms['value']:g}  ({ms['low']:g} .. {ms['high']:g})")
    for board, ms in n.get("measured_ms", {}).items():
        table.add_row(f"measured ms on {board}", f"{ms['value']:g}  ({ms['low']:g} .. {ms['high']:g})")
        for stage, value in ms["by_stage"].items():
            table.add_row(f"  {stage}", f"{value:g}")
    if n.get("stack_peak_bytes") and not n["ram_bytes"]:
        table.add_row("stack bytes, peak", f"{n['stack_peak_bytes']:,}")
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
    if n.get("network_by_layer"):
        _show_layers(n["network_by_layer"], console)
    if n.get("jpeg"):
        _show_jpeg(n["jpeg"], console)
    elif "jpeg" in n:
        console.print("JPEG was not measured: that takes libstb-dev, and photos of 224 x 224.", style="dim")
    if n.get("memory_unknown"):
        console.print(f"RAM and flash are not known: {n['memory_unknown']}.", style="dim", highlight=False)
    for estimate in BY_CORE.values():
        if estimate.board in n["estimated_ms"]:
            console.print(
                f"Estimated: {estimate.cycles} cycles an instruction, from {estimate.source}.",
                style="dim",
                highlight=False,
            )


def _show_layers(network: dict, console: Console) -> None:
    table = Table(title="The network layer by layer, counted")
    for title in ("layer", "in", "out", "MACs", "instructions", "a MAC", "%", "whole-tensor", "a MAC"):
        table.add_column(title, justify="left" if title == "layer" else "right")
    for layer in network["layers"]:
        sizes = [" x ".join(map(str, layer[side])) for side in ("in", "out")]
        macs, count, whole = layer["macs"], layer["instructions"], layer["whole_tensor"]
        costs = [f"{count:,}", _each(count, macs), f"{100 * count / network['instructions']:.1f}"]
        beside = ["", ""] if whole is None else [f"{whole:,}", _each(whole, macs)]
        name = f"{layer['kind'].replace('_', ' ')} {' x '.join(map(str, layer['kernel']))}"
        table.add_row(name, *sizes, f"{macs:,}", *costs, *beside)
    between, total = network["between"], network["instructions"]
    table.add_row("between layers", "", "", "", f"{between:,}", "", f"{100 * between / total:.1f}")
    macs = sum(layer["macs"] for layer in network["layers"])
    table.add_row("network", "", "", f"{macs:,}", f"{total:,}", _each(total, macs), "100.0", end_section=True)
    console.print(table)
    more = f"{network['more_than_node']:,} instructions more than in the node"
    console.print(f"Counted in the bench image, {more}: counting, and another memcpy.", style="dim", highlight=False)


def _each(count: int, macs: int) -> str:
    return f"{count / macs:.2f}" if macs else ""


def _show_jpeg(jpeg: dict, console: Console) -> None:
    table = Table(title=f"The same photo as JPEG by {jpeg['encoder']}; stack {jpeg['stack_bytes']:,} bytes")
    for title in ("quality", "instructions", "bytes", "PSNR, dB", "MS-SSIM"):
        table.add_column(title, justify="right")
    for f in jpeg["files"]:
        psnr, ms_ssim = f"{f['psnr_db']:.1f}", f"{f['ms_ssim']:.3f}"
        table.add_row(str(f["quality"]), f"{f['instructions']:,}", f"{f['bytes']:,}", psnr, ms_ssim)
    console.print(table)


def _show_k210(n: dict, console: Console) -> None:
    layers = Table(title=f"{n['model']} on a {n['board']}, one of {n['patches']} patches, estimated")
    for title in ("layer", "in", "out", "pooling", "MACs", "cycles", "ms"):
        layers.add_column(title, justify="left" if title in ("layer", "pooling") else "right")
    for layer in n["layers"]:
        sizes = [f"{c} x {h} x {w}" for c, h, w in (layer["in"], layer["out"])]
        ms = f"{layer['ms']['low']:.2f} .. {layer['ms']['high']:.2f}"
        side = layer["kernel"]
        layers.add_row(f"{side} x {side}", *sizes, layer["pool"], f"{layer['macs']:,}", f"{layer['cycles']:,}", ms)
    console.print(layers)
    table = Table(title="One picture")
    for title in ("what", "here", "", "Starfish, published", "from"):
        table.add_column(title, justify="right" if title in ("here", "Starfish, published") else "left")
    for f in n["figures"]:
        table.add_row(f["what"], *_figure(f), f["source"])
    console.print(table)
    console.print(f"Published: {cost.PUBLISHED}. Nothing here was seen on a board.", style="dim", highlight=False)


def _figure(f: dict) -> tuple[str, str, str]:
    """A figure's value with its interval, its label, and the published value."""

    def written(value: float | None) -> str:
        return "" if value is None else f"{value:,.12g} {f['unit']}".strip()

    interval = "" if f["low"] is None else f" ({f['low']:g} .. {f['high']:g})"
    return (written(f["value"]) or "?") + interval, f["label"] or "not known", written(f["published"])
