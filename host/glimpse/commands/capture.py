# SPDX-License-Identifier: Apache-2.0
"""`glimpse capture`: one frame from a node.

JSON: target, board, firmware, model, frame, packets, bytes, symbols, unit (of the counts), by_stage {acquire, network,
quantise, pack}, stack_peak (bytes since the node's start, 0 where unknown).
"""

from pathlib import Path
from typing import Annotated

import typer

from glimpse.commands.options import (
    BudgetOption,
    Coding,
    CodingOption,
    Fit,
    FitOption,
    JsonOption,
    KeyOption,
    OutOption,
    PatternOption,
    PayloadOption,
    TargetModelOption,
    model_for,
    require_tables,
)
from glimpse.errors import UsageError
from glimpse.files import check_place, write_json
from glimpse.glp import write_packets
from glimpse.keys import read_key
from glimpse.photo import check_picture_name, fit_photo, load_photo, save_picture
from glimpse.reassemble import Assembly
from glimpse.targets import open_node
from glimpse.targets.talk import open_sealed


def capture(
    target: Annotated[str, typer.Option(help="Where the node is, e.g. serial:/dev/ttyACM0 or sim:cortex-m7.")],
    photo: Annotated[Path | None, typer.Option(help="Photo that the node sees instead of its camera.")] = None,
    pattern: PatternOption = False,
    out: OutOption = None,
    picture: Annotated[Path | None, typer.Option(help="Picture to write, decoded from the packets.")] = None,
    model: TargetModelOption = None,
    payload: PayloadOption = 51,
    budget: BudgetOption = None,
    coding: CodingOption = Coding.RANGE,
    fit: FitOption = Fit.CROP,
    key: KeyOption = None,
    json: JsonOption = None,
) -> None:
    """One frame from a node, real or emulated: its packets, and the picture that they make."""
    if photo and pattern:
        raise UsageError("--photo and --pattern exclude each other; choose one")
    if picture:
        check_picture_name(picture)
    for place in (out, picture, Path(json) if json and json != "-" else None):
        if place:
            check_place(place, photo)
    device_key = read_key(key) if key else None
    chosen = model_for(target, model)
    require_tables(chosen, coding)
    rows = (
        fit_photo(load_photo(photo), chosen.binding.photo_width, chosen.binding.photo_height, fit.value)
        if photo
        else None
    )
    with open_node(target, chosen) as node:
        info = node.identify()
        frame = node.capture(rows, payload=payload, coding=coding.value, frame=None, budget=budget, pattern=pattern)
    if out:
        write_packets(out, frame.packets)
    opened = open_sealed(frame.packets, device_key) if device_key or picture else []
    if picture:
        assembly = Assembly(chosen)
        for packet in opened:
            assembly.add(packet)
        save_picture(picture, assembly.picture())
    size = sum(map(len, frame.packets))
    numbers = {
        "target": target,
        "board": info.board,
        "firmware": info.firmware,
        "model": info.model,
        "frame": frame.frame,
        "packets": len(frame.packets),
        "bytes": size,
        "symbols": frame.stats.symbols,
        "unit": frame.stats.unit,
        "by_stage": frame.stats.by_stage,
        "stack_peak": frame.stats.stack_peak,
    }
    if json:
        write_json(json, numbers)
    if json != "-":
        print(
            f"{info.board}, firmware {info.firmware}, {info.model}: frame {frame.frame}, "
            f"{len(frame.packets)} packets, {size} bytes" + "".join(f" -> {p}" for p in (out, picture) if p)
        )
