# SPDX-License-Identifier: Apache-2.0
"""`glimpse demo`: the whole chain on a few photos, with pictures at the end.

JSON: target, model, payload, coding, seed, bench (a list, each as of `glimpse bench`, the target first), photos [{name,
packets, bytes, bits_per_pixel, views [{loss, share, packets, bytes, symbols {received, total}, psnr_db, ms_ssim,
measure}]}], contact_sheet, page. A psnr_db of null is infinite: equal pictures.
"""

import io
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from glimpse.bench import measure
from glimpse.commands.options import JsonOption, PayloadOption, TargetModelOption, TargetOption, model_for
from glimpse.decoder import PictureDecoder
from glimpse.errors import GlimpseError
from glimpse.files import check_place, make_folder, write_json, write_whole
from glimpse.journey import survivors, views
from glimpse.photo import fit_photo, load_photo
from glimpse.report import Demo, PhotoResult, contact_sheet, cost_lines, cost_table, page, quality_table
from glimpse.samples import sample_photos
from glimpse.targets import open_node
from glimpse.zoo import ZooModel

LOSSES = (0.0, 0.2, 0.4, 0.6)
SIMULATED = ("sim:cortex-m7", "sim:cortex-m33")
SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)


def demo(
    photos: Annotated[list[Path] | None, typer.Argument(help="Photos; without any, four samples.")] = None,
    target: TargetOption = "sim:cortex-m7",
    model: TargetModelOption = None,
    payload: PayloadOption = 51,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the contact sheet and the page.")] = Path(
        "out/demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Of the losses: the same seed, the same pictures.")] = 1,
    json: JsonOption = None,
) -> None:
    """The whole chain on photos: a node encodes, a link loses packets, pictures appear."""
    console = Console(stderr=json == "-", highlight=False)
    sheet, html = out / "contact-sheet.png", out / "index.html"
    try:
        make_folder(out)
        for path in (sheet, html):
            check_place(path)
        result = _run(_named(photos), target, model_for(target, model), payload, seed)
        _write(result, sheet, html)
    except KeyboardInterrupt:
        print(f"stopped; nothing in {out} is half written", file=sys.stderr)
        raise typer.Exit(130) from None
    _show(result, console)
    # Paths stay on one line, however long, so that they can be copied.
    for what, path in (("contact sheet", sheet), ("page", html)):
        console.print(f"{what}: {path}", soft_wrap=True, markup=False)
    if json is not None:
        write_json(json, {**result.numbers(), "contact_sheet": str(sheet), "page": str(html)})


def _named(photos: list[Path] | None) -> dict[str, Path]:
    if not photos:
        return sample_photos()
    named: dict[str, Path] = {}
    for path in photos:
        name = path.stem if path.stem not in named else str(path)
        named[name] = path
    return named


def _run(photos: dict[str, Path], target: str, model: ZooModel, payload: int, seed: int) -> Demo:
    size = (model.binding.photo_width, model.binding.photo_height)
    originals = {name: fit_photo(load_photo(path), *size) for name, path in photos.items()}
    coding = "range" if model.binding.has_range_tables else "raw"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"starting {target}", total=1 + len(originals) * (1 + len(LOSSES)))
        captures = {}
        with open_node(target, model) as node:
            for name, rgb in originals.items():
                progress.update(task, description=f"encoding {name} on {target}")
                captures[name] = node.capture(rgb, payload=payload, coding=coding).packets
                progress.advance(task)
        progress.update(task, description="measuring memory and instructions")
        costs = _costs(target, model, next(iter(originals.values())), payload, coding)
        progress.advance(task)
        decoder = PictureDecoder(model)
        results = []
        for number, (name, rgb) in enumerate(originals.items()):
            progress.update(task, description=f"decoding {name}")
            results.append(_photo_result(model, decoder, name, rgb, captures[name], (seed, number), progress, task))
    return Demo(target, model.name, payload, coding, seed, model.binding.symbol_count, costs, results)


def _costs(target: str, model: ZooModel, rgb: np.ndarray, payload: int, coding: str) -> list[dict]:
    """One measured frame on the target and, beside an emulated core, on the other: both boards get an estimate."""
    costs = [measure(target, model, rgb, frames=1, payload=payload, coding=coding)]
    if target in SIMULATED:
        (other,) = set(SIMULATED) - {target}
        try:
            costs.append(measure(other, model, rgb, frames=1, payload=payload, coding=coding))
        except GlimpseError as error:  # the pictures are there: a missing column is no reason to lose them
            print(f"no figures of {other}: {str(error).splitlines()[0]}", file=sys.stderr)
    return costs


def _photo_result(
    model: ZooModel,
    decoder: PictureDecoder,
    name: str,
    rgb: np.ndarray,
    packets: list[bytes],
    seed: tuple[int, int],
    progress: Progress,
    task: TaskID,
) -> PhotoResult:
    rows = []
    for number, loss in enumerate(LOSSES):
        came = [packets[index] for index in survivors(len(packets), loss, (*seed, number))]
        rows.append(views(model, decoder, rgb, came, loss, SHARES))
        progress.advance(task)
    return PhotoResult(name, rgb, len(packets), sum(map(len, packets)), rows)


def _write(result: Demo, sheet: Path, html: Path) -> None:
    """Both files, drawn before the first is written, each replaced in one step."""
    buffer = io.BytesIO()
    contact_sheet(result).save(buffer, "PNG")
    text = page(result).encode()
    write_whole(sheet, buffer.getvalue())
    write_whole(html, text)


def _show(result: Demo, console: Console) -> None:
    console.print(quality_table(result))
    costs = cost_table(result)
    if costs is not None:
        console.print()
        console.print(costs)
        for line in cost_lines(result.costs):
            console.print(line, style="dim", soft_wrap=True)
    console.print()
