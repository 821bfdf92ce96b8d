# SPDX-License-Identifier: Apache-2.0
"""`glimpse encode`: what a node would send of a photo.

JSON: photo, out, model, target, coding, payload, budget, frame, packets, bytes, bits_per_pixel,
symbols {sent, total}, instructions (null where they are not counted), sealed.
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from glimpse.binding import MIN_PAYLOAD
from glimpse.binding.seal import SEAL_COST_BYTES, UPLINK, sealed_room
from glimpse.commands.options import (
    BudgetOption,
    Coding,
    CodingOption,
    Fit,
    FitOption,
    FrameOption,
    JsonOption,
    KeyOption,
    PayloadOption,
    TargetModelOption,
    TargetOption,
    model_for,
    require_tables,
)
from glimpse.errors import UsageError
from glimpse.files import check_place, write_json
from glimpse.glp import write_packets
from glimpse.keys import read_key, reserve_counters
from glimpse.photo import fit_photo, load_photo
from glimpse.targets import Capture, Node, open_node


def encode(
    photo: Annotated[Path, typer.Argument(help="Photo: JPEG, PNG, WebP, TIFF, ...", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Packet file to write.", show_default=False)],
    model: TargetModelOption = None,
    payload: PayloadOption = 51,
    budget: BudgetOption = None,
    coding: CodingOption = Coding.RANGE,
    frame: FrameOption = 0,
    fit: FitOption = Fit.CROP,
    target: TargetOption = "native",
    key: KeyOption = None,
    json: JsonOption = None,
) -> None:
    """What a node would send of PHOTO: its packets, in a file."""
    chosen = model_for(target, model)
    require_tables(chosen, coding)
    check_place(out, photo)
    device_key = read_key(key) if key else None
    room = sealed_room(payload) if key else payload
    rgb = fit_photo(load_photo(photo), chosen.binding.photo_width, chosen.binding.photo_height, fit.value)
    with open_node(target, chosen) as node:
        capture = _capture(node, rgb, room, coding.value, frame, budget, SEAL_COST_BYTES if key else 0)
    packets = capture.packets
    if key and device_key:
        seal, first = device_key.seal(UPLINK), reserve_counters(key, len(packets))
        packets = [seal.close(first + i, packet, payload) for i, packet in enumerate(packets)]
    write_packets(out, packets)
    size = sum(map(len, packets))
    numbers: dict[str, Any] = {
        "photo": str(photo),
        "out": str(out),
        "model": chosen.name,
        "target": target,
        "coding": coding.value,
        "payload": payload,
        "budget": budget,
        "frame": frame,
        "packets": len(packets),
        "bytes": size,
        "bits_per_pixel": 8 * size / (rgb.shape[0] * rgb.shape[1]),
        "symbols": {"sent": capture.stats.symbols, "total": chosen.binding.symbol_count},
        "instructions": capture.stats.instructions,
        "sealed": key is not None,
    }
    _tell(numbers, to_stderr=json == "-")
    if json is not None:
        write_json(json, numbers)


def _capture(
    node: Node, rgb: np.ndarray, payload: int, coding: str, frame: int, budget: int | None, cost: int
) -> Capture:
    """A frame whose packets, each `cost` bytes longer when sealed, are within the budget."""
    inner = budget - cost * -(-budget // (payload + cost)) if budget else None
    while True:
        if inner is not None and inner < MIN_PAYLOAD:
            raise UsageError(f"a budget of {budget} bytes is too small for a sealed packet; give more")
        capture = node.capture(rgb, payload=payload, coding=coding, frame=frame, budget=inner)
        if not inner or not budget or sum(len(packet) + cost for packet in capture.packets) <= budget:
            return capture
        inner -= cost  # packets came out shorter than the payload, so there are more of them


def _tell(numbers: dict[str, Any], to_stderr: bool) -> None:
    symbols = numbers["symbols"]
    whole = symbols["sent"] == symbols["total"]
    part = "the whole picture" if whole else f"{100 * symbols['sent'] / symbols['total']:.0f} % of the symbols"
    typer.echo(
        f"{numbers['out']}: {numbers['packets']} packets, {numbers['bytes']:,} bytes "
        f"({numbers['bits_per_pixel']:.3f} bits a pixel), {part}",
        err=to_stderr,
    )
