# SPDX-License-Identifier: Apache-2.0
"""`glimpse decode`: what can be seen from the packets that are there.

JSON: model, revision, frame, packets {seen, used, duplicate, parity, recovered, rejected {reason: n}}, symbols
{received, total}, places {received, total} (of the latent: those of which any symbol came), cut_bytes (of a last packet
whose end is missing), out (null when no packet can be used), map (null without --map).

With --all: packets {seen, used, duplicate, parity (that helped nobody when they came), recovered (lost ones that came
back), late, rejected {reason: n}, frames}, cut_bytes, frames [{frame, model, revision, packets (that brought
something), symbols, places, out}] in the order in which they began.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from glimpse import binding, zoo
from glimpse.archive import OneModel, Shelf
from glimpse.binding import MAX_FRAME
from glimpse.binding.seal import UPLINK, ArchiveOpener, SealError, looks_sealed
from glimpse.commands.options import ArchiveOption, JsonOption, KeyOption
from glimpse.errors import GlimpseError, UsageError
from glimpse.files import check_place, make_folder, write_json
from glimpse.glp import PacketFile, read_packets
from glimpse.keys import read_key
from glimpse.photo import check_picture_name, save_picture
from glimpse.reassemble import Assembly
from glimpse.receiving import Frame, Limits, Receiver
from glimpse.report.coverage import draw_coverage
from glimpse.zoo import ZooModel

STEP_PICTURES = 20
# Of a file there is no time, and a frame may be scattered over the whole of it; memory sets the bound.
FILE_LIMITS = Limits(frames_per_node=2 * (MAX_FRAME + 1))


def decode(
    packets: Annotated[Path, typer.Argument(help="Packet file (.glp).", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Picture to write: .png, .jpg, ...", show_default=False)
    ] = None,
    first: Annotated[int | None, typer.Option(min=1, help="Use the first K packets only.", show_default="all")] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of a model, NAME@REVISION, or its folder.", show_default="by packet")
    ] = None,
    frame: Annotated[
        int | None, typer.Option(min=0, max=MAX_FRAME, help="Frame to show.", show_default="first sound packet's")
    ] = None,
    steps: Annotated[Path | None, typer.Option(help="Folder for pictures on the way.", show_default=False)] = None,
    every: Annotated[
        int | None, typer.Option(min=1, help="Packets between two of them.", show_default=f"{STEP_PICTURES} pictures")
    ] = None,
    map: Annotated[
        Path | None, typer.Option(help="Picture of what was received and what was filled in.", show_default=False)
    ] = None,
    all: Annotated[Path | None, typer.Option(help="Folder for one picture per frame.", show_default=False)] = None,
    archive: ArchiveOption = None,
    key: KeyOption = None,
    json: JsonOption = None,
) -> None:
    """What can be seen from the packets that are there."""
    if (out is None) == (all is None):
        raise UsageError("name the picture to write with --out, or with --all a folder for one picture per frame")
    if all is not None and (map or steps or frame is not None):
        raise UsageError("--map, --steps and --frame are for one frame; leave them out, or name a picture with --out")
    for place in (out, map):
        if place is not None:
            check_picture_name(place)
            check_place(place, packets)
    archives = tuple(archive or ())
    shelf = Shelf(archives)  # an archive that is not there is told before anything is read
    file = read_packets(packets)
    if not file.packets:
        raise GlimpseError(f"{packets} holds no whole packet, so nothing can be seen; receive or encode some first")
    file = PacketFile(file.packets[:first], file.cut_bytes)
    refused: Counter[str] = Counter()
    if key is not None:
        opened, refused = _opened(file.packets, key, packets)
        file = PacketFile(opened, file.cut_bytes)
    if all is not None:
        models = OneModel(zoo.load(model, archives)) if model else shelf
        receiver = Receiver(models, FILE_LIMITS)
        receiver.tally.seen += refused.total()
        receiver.tally.rejected += refused
        numbers = _decode_all(file, receiver, all)
        seen = bool(numbers["frames"])
        _tell_all(numbers, all, to_stderr=json == "-")
    else:
        assert out is not None
        chosen = zoo.load(model, archives) if model else _model(shelf, file.packets, packets)
        assembly = Assembly(chosen, frame)
        assembly.seen += refused.total()
        assembly.rejected += refused
        _add_all(assembly, file.packets, steps, every)
        seen = assembly.symbols_received > 0
        if seen:
            picture = assembly.picture()
            save_picture(out, picture)
            if map:
                save_picture(map, draw_coverage(picture, assembly.received.mean(axis=2)))
        numbers = _numbers(assembly, file.cut_bytes, out, map)
        _tell(numbers, to_stderr=json == "-")
    if json is not None:
        write_json(json, numbers)
    if not seen:
        raise GlimpseError(f"no packet of {packets} can be used, so no picture was written; see the reasons above")


def _opened(sealed: list[bytes], key: Path, path: Path) -> tuple[list[bytes], Counter[str]]:
    """The packets in the sealed ones, and how many could not be opened, by reason."""
    opener = ArchiveOpener(read_key(key).seal(UPLINK))
    packets: list[bytes] = []
    refused: Counter[str] = Counter()
    for packet in sealed:
        try:
            packets.append(opener.take(packet))
        except SealError as error:
            refused["unsealed" if error.reason == "version" else error.reason] += 1
    if not packets:
        reason, count = refused.most_common(1)[0]
        raise GlimpseError(
            f"none of the {len(sealed)} packets in {path} can be opened with {key}: {count} {REASONS[reason]}; "
            "give the key of the node that sent them"
        )
    return packets, refused


def _add_all(assembly: Assembly, packets: list[bytes], steps: Path | None, every: int | None) -> None:
    """Takes the packets, with a picture in the folder `steps` after every so many and after the last."""
    if steps is not None:
        make_folder(steps)
    stride = every or -(-len(packets) // STEP_PICTURES)
    for number, packet in enumerate(packets, 1):
        assembly.add(packet)
        if steps is not None and (number % stride == 0 or number == len(packets)):
            save_picture(steps / f"packets-{number:04d}.png", assembly.picture())


def _decode_all(file: PacketFile, receiver: Receiver, folder: Path) -> dict[str, Any]:
    """A picture of every frame, written when no more packets can join it."""
    make_folder(folder)
    rows: dict[int, dict[str, Any]] = {}

    def save(frame: Frame) -> None:
        out = folder / f"{frame.serial:04d}-frame-{frame.number:02d}.png"
        save_picture(out, frame.picture())
        rows[frame.serial] = {
            "frame": frame.number,
            "model": frame.model.name,
            "revision": frame.model.binding.revision,
            "packets": frame.assembly.used,
            **_shares(frame.assembly),
            "out": str(out),
        }

    for packet in file.packets:
        for frame in receiver.add("", packet).dropped:
            save(frame)
    for frame in receiver.frames():
        save(frame)
    return {
        "packets": receiver.tally.numbers(),
        "cut_bytes": file.cut_bytes,
        "frames": [rows[serial] for serial in sorted(rows)],
    }


def _model(shelf: Shelf, packets: list[bytes], path: Path) -> ZooModel:
    """The model that most of the sound packets name."""
    named: Counter[tuple[int, int]] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    for packet in packets:
        try:
            header = binding.read_header(packet)
            named[header.model, header.revision] += 1
        except binding.PacketError as error:
            reasons[error.reason, str(error)] += 1
    if not named:
        (reason, sentence), _ = reasons.most_common(1)[0]
        remedy = "update glimpse" if reason == "version" else "receive more packets"
        if all(map(looks_sealed, packets)):
            remedy = "they seem to be sealed, so give their key with --key"
        raise GlimpseError(f"none of the {len(packets)} packets in {path} is sound: {sentence}; {remedy}")
    number, bit = named.most_common(1)[0][0]
    return shelf.choose(number, bit) or zoo.by_id(number)


def _shares(assembly: Assembly) -> dict[str, Any]:
    places = assembly.received.any(axis=2)
    return {
        "symbols": {"received": assembly.symbols_received, "total": assembly.model.binding.symbol_count},
        "places": {"received": int(np.count_nonzero(places)), "total": places.size},
    }


def _numbers(assembly: Assembly, cut_bytes: int, out: Path, map: Path | None) -> dict[str, Any]:
    seen = assembly.symbols_received > 0
    return {
        "model": assembly.model.name,
        "revision": assembly.model.binding.revision,
        "frame": assembly.frame,
        "packets": {
            "seen": assembly.seen,
            "used": assembly.used,
            "duplicate": assembly.duplicates,
            "parity": assembly.parity,
            "recovered": assembly.recovered,
            "rejected": dict(sorted(assembly.rejected.items())),
        },
        **_shares(assembly),
        "cut_bytes": cut_bytes,
        "out": str(out) if seen else None,
        "map": str(map) if seen and map else None,
    }


REASONS = {
    "length": "too short or too long for a packet",
    "check": "damaged on the way",
    "version": "of an unknown version",
    "kind": "of an unknown kind",
    "model": "made by another model (choose it with --model)",
    "revision": "made by another revision of the model (name the archive that holds it with --archive)",
    "frame": "of another frame (choose it with --frame)",
    "range": "naming symbols that the model does not have",
    "body": "with a malformed body",
    "conflict": "of another frame with the same number (--all DIR shows both)",
    "mac": "sealed with another key, by another device, or forged",
    "unsealed": "not sealed, so anybody may have sent them",
}


def _tell(numbers: dict[str, Any], to_stderr: bool) -> None:
    packets, symbols = numbers["packets"], numbers["symbols"]
    lines = [
        f"{numbers['out'] or 'no picture'}: {packets['used']} of {packets['seen']} packets used, "
        f"{symbols['received']:,} of {symbols['total']:,} symbols "
        f"({100 * symbols['received'] / symbols['total']:.0f} %), model {numbers['model']}"
    ]
    lines += _filled_in(numbers)
    if numbers["map"]:
        lines.append(f"  map of what was received: {numbers['map']}")
    lines += _losses(packets, numbers["cut_bytes"])
    typer.echo("\n".join(lines), err=to_stderr)


def _tell_all(numbers: dict[str, Any], folder: Path, to_stderr: bool) -> None:
    packets, frames = numbers["packets"], numbers["frames"]
    lines = [f"{folder}: {len(frames)} frames, {packets['used']} of {packets['seen']} packets used"]
    for frame in frames:
        symbols = frame["symbols"]
        lines.append(
            f"  {Path(frame['out']).name}: {frame['packets']} packets, {symbols['received']:,} of "
            f"{symbols['total']:,} symbols, model {frame['model']}@{frame['revision']}"
        )
    lines += _losses(packets, numbers["cut_bytes"])
    typer.echo("\n".join(lines), err=to_stderr)


def _filled_in(numbers: dict[str, Any]) -> list[str]:
    """How much of the picture is the decoder's own, so that nobody takes it for evidence."""
    symbols, places = numbers["symbols"], numbers["places"]
    if symbols["received"] in (0, symbols["total"]):
        return []
    empty = places["total"] - places["received"]
    share = 100 - 100 * symbols["received"] / symbols["total"]
    where = f"of {empty} of {places['total']} places nothing came" if empty else "something came of every place"
    return [f"  {share:.0f} % of the symbols are filled in by the decoder, not seen; {where}"]


def _losses(packets: dict[str, Any], cut_bytes: int) -> list[str]:
    lines = [f"  {packets['duplicate']} brought nothing new"] if packets["duplicate"] else []
    lines += [f"  {count} rejected: {REASONS.get(reason, reason)}" for reason, count in packets["rejected"].items()]
    if cut_bytes:
        lines.append(f"  the file ends inside a packet; its last {cut_bytes} bytes were left out")
    return lines
