# SPDX-License-Identifier: Apache-2.0
"""`glimpse decode`: what can be seen from the packets that are there.

JSON: model, frame, packets {seen, used, duplicate, parity, recovered, rejected {reason: n}}, symbols {received, total},
cut_bytes (of a last packet whose end is missing), out (null when no packet can be used).
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from glimpse import binding, zoo
from glimpse.binding import MAX_FRAME
from glimpse.commands.options import JsonOption
from glimpse.errors import GlimpseError
from glimpse.files import check_place, make_folder, write_json
from glimpse.glp import read_packets
from glimpse.photo import check_picture_name, save_picture
from glimpse.reassemble import Assembly
from glimpse.zoo import ZooModel

STEP_PICTURES = 20


def decode(
    packets: Annotated[Path, typer.Argument(help="Packet file (.glp).", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Picture to write: .png, .jpg, ...", show_default=False)],
    first: Annotated[int | None, typer.Option(min=1, help="Use the first K packets only.", show_default="all")] = None,
    model: Annotated[str | None, typer.Option(help="Name of a model, or its folder.", show_default="by packet")] = None,
    frame: Annotated[
        int | None, typer.Option(min=0, max=MAX_FRAME, help="Frame to show.", show_default="first sound packet's")
    ] = None,
    steps: Annotated[Path | None, typer.Option(help="Folder for pictures on the way.", show_default=False)] = None,
    every: Annotated[
        int | None, typer.Option(min=1, help="Packets between two of them.", show_default=f"{STEP_PICTURES} pictures")
    ] = None,
    json: JsonOption = None,
) -> None:
    """What can be seen from the packets that are there."""
    check_picture_name(out)
    check_place(out, packets)
    file = read_packets(packets)
    if not file.packets:
        raise GlimpseError(f"{packets} holds no whole packet, so nothing can be seen; receive or encode some first")
    chosen = file.packets[:first]
    assembly = Assembly(_model(model, chosen, packets), frame)
    _add_all(assembly, chosen, steps, every)
    if assembly.symbols_received:
        save_picture(out, assembly.picture())
    numbers = _numbers(assembly, file.cut_bytes, out)
    _tell(numbers, to_stderr=json == "-")
    if json is not None:
        write_json(json, numbers)
    if not assembly.symbols_received:
        raise GlimpseError(f"no packet of {packets} can be used, so no picture was written; see the reasons above")


def _add_all(assembly: Assembly, packets: list[bytes], steps: Path | None, every: int | None) -> None:
    """Takes the packets, with a picture in the folder `steps` after every so many and after the last."""
    if steps is not None:
        make_folder(steps)
    stride = every or -(-len(packets) // STEP_PICTURES)
    for number, packet in enumerate(packets, 1):
        assembly.add(packet)
        if steps is not None and (number % stride == 0 or number == len(packets)):
            save_picture(steps / f"packets-{number:04d}.png", assembly.picture())


def _model(name: str | None, packets: list[bytes], path: Path) -> ZooModel:
    """The model asked for, or the one that most of the sound packets name."""
    if name is not None:
        return zoo.load(name)
    named: Counter[int] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    for packet in packets:
        try:
            named[binding.read_header(packet).model] += 1
        except binding.PacketError as error:
            reasons[error.reason, str(error)] += 1
    if not named:
        (reason, sentence), _ = reasons.most_common(1)[0]
        remedy = "update glimpse" if reason == "version" else "receive more packets"
        raise GlimpseError(f"none of the {len(packets)} packets in {path} is sound: {sentence}; {remedy}")
    return zoo.by_id(named.most_common(1)[0][0])


def _numbers(assembly: Assembly, cut_bytes: int, out: Path) -> dict[str, Any]:
    return {
        "model": assembly.model.name,
        "frame": assembly.frame,
        "packets": {
            "seen": assembly.seen,
            "used": assembly.used,
            "duplicate": assembly.duplicates,
            "parity": assembly.parity,
            "recovered": assembly.recovered,
            "rejected": dict(sorted(assembly.rejected.items())),
        },
        "symbols": {"received": assembly.symbols_received, "total": assembly.model.binding.symbol_count},
        "cut_bytes": cut_bytes,
        "out": str(out) if assembly.symbols_received else None,
    }


REASONS = {
    "length": "too short or too long for a packet",
    "check": "damaged on the way",
    "version": "of an unknown version",
    "kind": "of an unknown kind",
    "model": "made by another model (choose it with --model)",
    "revision": "made by another revision of the model",
    "frame": "of another frame (choose it with --frame)",
    "range": "naming symbols that the model does not have",
    "body": "with a malformed body",
}


def _tell(numbers: dict[str, Any], to_stderr: bool) -> None:
    packets, symbols = numbers["packets"], numbers["symbols"]
    lines = [
        f"{numbers['out'] or 'no picture'}: {packets['used']} of {packets['seen']} packets used, "
        f"{symbols['received']:,} of {symbols['total']:,} symbols "
        f"({100 * symbols['received'] / symbols['total']:.0f} %), model {numbers['model']}"
    ]
    if packets["duplicate"]:
        lines.append(f"  {packets['duplicate']} brought nothing new")
    lines += [f"  {count} rejected: {REASONS.get(reason, reason)}" for reason, count in packets["rejected"].items()]
    if numbers["cut_bytes"]:
        lines.append(f"  the file ends inside a packet; its last {numbers['cut_bytes']} bytes were left out")
    typer.echo("\n".join(lines), err=to_stderr)
