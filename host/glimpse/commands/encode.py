# SPDX-License-Identifier: Apache-2.0
"""`glimpse encode`: what a node would send of a photo.

JSON: photo, out, model, target, coding, payload, budget, frame, packets, bytes, bits_per_pixel,
symbols {sent, total}, instructions (null where they are not counted).
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from glimpse import zoo
from glimpse.commands.options import (
    DEFAULT_MODEL,
    BudgetOption,
    Coding,
    CodingOption,
    Fit,
    FitOption,
    FrameOption,
    JsonOption,
    ModelOption,
    PayloadOption,
    TargetOption,
    require_tables,
)
from glimpse.files import check_place, write_json
from glimpse.glp import write_packets
from glimpse.photo import fit_photo, load_photo
from glimpse.targets import open_node


def encode(
    photo: Annotated[Path, typer.Argument(help="Photo: JPEG, PNG, WebP, TIFF, ...", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Packet file to write.", show_default=False)],
    model: ModelOption = DEFAULT_MODEL,
    payload: PayloadOption = 51,
    budget: BudgetOption = None,
    coding: CodingOption = Coding.RANGE,
    frame: FrameOption = 0,
    fit: FitOption = Fit.CROP,
    target: TargetOption = "native",
    json: JsonOption = None,
) -> None:
    """What a node would send of PHOTO: its packets, in a file."""
    chosen = zoo.load(model)
    require_tables(chosen, coding)
    check_place(out, photo)
    rgb = fit_photo(load_photo(photo), chosen.binding.photo_width, chosen.binding.photo_height, fit.value)
    with open_node(target, chosen) as node:
        capture = node.capture(rgb, payload=payload, coding=coding.value, frame=frame, budget=budget)
    write_packets(out, capture.packets)
    size = sum(map(len, capture.packets))
    numbers: dict[str, Any] = {
        "photo": str(photo),
        "out": str(out),
        "model": chosen.name,
        "target": target,
        "coding": coding.value,
        "payload": payload,
        "budget": budget,
        "frame": frame,
        "packets": len(capture.packets),
        "bytes": size,
        "bits_per_pixel": 8 * size / (rgb.shape[0] * rgb.shape[1]),
        "symbols": {"sent": capture.stats.symbols, "total": chosen.binding.symbol_count},
        "instructions": capture.stats.instructions,
    }
    _tell(numbers, to_stderr=json == "-")
    if json is not None:
        write_json(json, numbers)


def _tell(numbers: dict[str, Any], to_stderr: bool) -> None:
    symbols = numbers["symbols"]
    whole = symbols["sent"] == symbols["total"]
    part = "the whole picture" if whole else f"{100 * symbols['sent'] / symbols['total']:.0f} % of the symbols"
    typer.echo(
        f"{numbers['out']}: {numbers['packets']} packets, {numbers['bytes']:,} bytes "
        f"({numbers['bits_per_pixel']:.3f} bits a pixel), {part}",
        err=to_stderr,
    )
