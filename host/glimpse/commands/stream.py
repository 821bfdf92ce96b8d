# SPDX-License-Identifier: Apache-2.0
"""`glimpse stream`: frames from a node until stopped.

JSON: target, model, frames [{frame, packets, bytes, seconds, psnr_db (null without a photo to compare with)}].
"""

import itertools
import math
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from glimpse import zoo
from glimpse.commands.options import (
    DEFAULT_MODEL,
    BudgetOption,
    Coding,
    CodingOption,
    Fit,
    FitOption,
    JsonOption,
    ModelOption,
    PatternOption,
    PayloadOption,
    TargetOption,
    require_tables,
)
from glimpse.decoder import PictureDecoder
from glimpse.errors import GlimpseError, UsageError
from glimpse.files import make_folder, write_json, write_whole
from glimpse.photo import fit_photo, load_photo, save_picture
from glimpse.quality import psnr
from glimpse.reassemble import Assembly
from glimpse.targets import Capture, open_node

PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>Glimpse</title>
<style>body{margin:2em;font:1em system-ui;background:#111;color:#ddd}
img{width:min(90vmin,672px);image-rendering:pixelated}</style>
<img src="live.png" alt="the newest frame"><p>The newest frame; this page looks again every second.</p>
"""


def stream(
    photos: Annotated[
        list[Path] | None, typer.Argument(help="Photos that the node sees in turn instead of its camera.")
    ] = None,
    target: TargetOption = "native",
    pattern: PatternOption = False,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many; without it, Ctrl-C stops.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the live picture.")] = Path("out/stream"),
    model: ModelOption = DEFAULT_MODEL,
    payload: PayloadOption = 51,
    budget: BudgetOption = None,
    coding: CodingOption = Coding.RANGE,
    fit: FitOption = Fit.CROP,
    json: JsonOption = None,
) -> None:
    """Frames until stopped: OUT/live.png is always the newest, OUT/index.html shows it in a browser."""
    if photos and pattern:
        raise UsageError("photos and --pattern exclude each other; choose one")
    chosen = zoo.load(model)
    require_tables(chosen, coding)
    source = _source(photos, chosen, fit)
    first = next(source)  # a photo that cannot be read is told before anything is written
    make_folder(out)
    write_whole(out / "index.html", PAGE.encode())
    say = partial(typer.echo, err=json == "-")  # standard output belongs to the numbers then
    say(f"live picture: {out / 'index.html'} (Ctrl-C stops)")
    decoder = PictureDecoder(chosen)
    done: list[dict] = []
    try:
        with open_node(target, chosen) as node:
            for rows in itertools.islice(itertools.chain([first], source), frames):
                start = time.monotonic()
                assembly = Assembly(chosen, decoder=decoder)
                frame = node.capture(
                    rows,
                    payload=payload,
                    coding=coding.value,
                    frame=None,
                    budget=budget,
                    pattern=pattern,
                    on_packet=assembly.add,
                )
                seen = assembly.picture()
                save_picture(out / "live.png", seen)
                done.append(_numbers(frame, rows, seen, time.monotonic() - start))
                say(_line(len(done), done[-1]))
    except KeyboardInterrupt:
        say(f"stopped after {len(done)} frames")
    if json:
        write_json(json, {"target": target, "model": chosen.name, "frames": done})


def _numbers(frame: Capture, photo: np.ndarray | None, seen: np.ndarray, seconds: float) -> dict[str, Any]:
    quality = math.inf if photo is None else psnr(photo, seen)
    return {
        "frame": frame.frame,
        "packets": len(frame.packets),
        "bytes": sum(map(len, frame.packets)),
        "seconds": round(seconds, 3),
        "psnr_db": round(quality, 3) if math.isfinite(quality) else None,
    }


def _line(number: int, n: dict[str, Any]) -> str:
    quality = "" if n["psnr_db"] is None else f", {n['psnr_db']:.2f} dB"
    return f"frame {number}: {n['packets']} packets, {n['bytes']} bytes{quality}, {n['seconds']:.2f} s"


def _source(photos: list[Path] | None, model: zoo.ZooModel, fit: Fit) -> Iterator[np.ndarray | None]:
    """The photos in turn, for ever; None stands for the node's own camera or pattern."""
    if not photos:
        yield from itertools.repeat(None)
        return
    files = [
        file
        for path in photos
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        if not file.name.startswith(".")
    ]
    if not files:
        raise GlimpseError(f"there are no photos in {', '.join(map(str, photos))}; name photos or a folder of them")
    for file in itertools.cycle(files):
        yield fit_photo(load_photo(file), model.binding.photo_width, model.binding.photo_height, fit.value)
