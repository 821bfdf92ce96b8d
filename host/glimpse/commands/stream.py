# SPDX-License-Identifier: Apache-2.0
"""`glimpse stream`: frames from a node until stopped, at a fixed size or at what a link carries.

JSON: target, model, frames [{frame, packets, bytes, seconds, psnr_db (null without a photo to compare with)}].

With --link: target, model, link, fps, window, carried_bytes (that the link could carry while frames were taken; null
when it is measured), frames [{frame (counted from 0), time (s), rate (bytes/s that the link was taken for), budget,
planned (bytes of its packets), bytes, packets, channels, symbols (all that came), shown (the frame seen from then on,
null), psnr_db (of what is seen, against the input; null without one)}].
"""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image

from glimpse import zoo
from glimpse.binding import MIN_PAYLOAD
from glimpse.commands.options import (
    BudgetOption,
    Coding,
    CodingOption,
    Fit,
    FitOption,
    JsonOption,
    PatternOption,
    PayloadOption,
    TargetModelOption,
    TargetOption,
    model_for,
    require_tables,
)
from glimpse.decoder import PictureDecoder
from glimpse.errors import GlimpseError, UsageError
from glimpse.estimate import BY_CORE, estimated_ms
from glimpse.files import check_place, make_folder, write_json, write_whole
from glimpse.photo import fit_photo, load_photo, save_picture
from glimpse.quality import psnr
from glimpse.reassemble import Assembly
from glimpse.streaming.link import TraceLink
from glimpse.streaming.rate import RateControl
from glimpse.streaming.session import StreamFrame, Viewer, over_node, over_trace
from glimpse.streaming.trace import Trace, constant, read_trace
from glimpse.streaming.video import check_video_name, is_video, open_video, thinned, write_video
from glimpse.targets import Capture, open_node

MEASURED = "measured"
# Frames a second that a node is taken to manage where nothing tells: this process, and a board.
NATIVE_FPS, BOARD_FPS = 15.0, 2.0

PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>Glimpse</title>
<style>body{margin:2em;font:1em system-ui;background:#111;color:#ddd}
img{width:min(90vmin,672px);image-rendering:pixelated}</style>
<img src="live.png" alt="the newest frame"><p>The newest frame; this page looks again every second.</p>
"""


def stream(
    photos: Annotated[
        list[Path] | None,
        typer.Argument(help="Photos that the node sees in turn instead of its camera, or one video (.y4m, .mp4, ...)."),
    ] = None,
    target: TargetOption = "native",
    pattern: PatternOption = False,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many; without it, Ctrl-C stops.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the live picture.")] = Path("out/stream"),
    model: TargetModelOption = None,
    payload: PayloadOption = 51,
    budget: BudgetOption = None,
    coding: CodingOption = Coding.RANGE,
    fit: FitOption = Fit.CROP,
    link: Annotated[
        str | None,
        typer.Option(
            help="Frames as large as a link allows: bytes a second, a CSV file of `seconds,bytes a second`, or "
            f"{MEASURED}.",
            show_default="every frame whole",
        ),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.01, max=1000, help="Frames a second.", show_default="what the node can")
    ] = None,
    window: Annotated[
        float, typer.Option(min=0.1, max=3600, help="With --link: seconds within which a change is followed.")
    ] = 1.0,
    least: Annotated[
        int, typer.Option(min=MIN_PAYLOAD, max=65536, help="With --link: bytes below which no frame is worth sending.")
    ] = 200,
    record: Annotated[
        Path | None, typer.Option(help="Video of what is seen: .y4m or .mp4.", show_default=False)
    ] = None,
    json: JsonOption = None,
) -> None:
    """Frames until stopped: OUT/live.png is always the newest, OUT/index.html shows it in a browser."""
    if photos and pattern:
        raise UsageError("photos and --pattern exclude each other; choose one")
    trace = _trace(link)
    if record is not None:
        check_video_name(record)
        check_place(record)
    chosen = model_for(target, model)
    require_tables(chosen, coding)
    source, source_fps = _source(photos, chosen, fit)
    first = next(source)  # a photo that cannot be read is told before anything is written
    make_folder(out)
    write_whole(out / "index.html", PAGE.encode())
    say = partial(typer.echo, err=json == "-")  # standard output belongs to the numbers then
    say(f"live picture: {out / 'index.html'} (Ctrl-C stops)")
    decoder = PictureDecoder(chosen)
    numbers: dict[str, Any] = {"target": target, "model": chosen.name}
    done: list[dict] = []
    with open_node(target, chosen) as node:
        capture = partial(node.capture, payload=payload, coding=coding.value, frame=None, pattern=pattern)
        pace = fps or source_fps or NATIVE_FPS
        if link is not None and fps is None:
            pace = _node_fps(target, capture, first)
        pace = min(pace, source_fps or math.inf)
        pictures = itertools.chain([first], source)
        if source_fps and pace < source_fps:
            pictures = thinned(pictures, source_fps, pace)
        pictures = itertools.islice(pictures, frames)
        if link is None:
            seen = _whole_frames(pictures, partial(capture, budget=budget), chosen, decoder)
        else:
            control = RateControl(1 / pace, window, least, budget)
            viewer = Viewer(chosen, decoder)
            numbers |= {"link": link, "fps": round(pace, 3), "window": window, "carried_bytes": None}
            seen = _linked_frames(pictures, capture, trace, control, viewer)
        video = write_video(record, Fraction(pace).limit_denominator(1000)) if record else None
        try:
            for picture, row, line in seen:
                done.append(row)
                if picture is not None:
                    save_picture(out / "live.png", picture)
                if video is not None:
                    video.add(np.zeros(decoder.picture_shape, np.uint8) if picture is None else picture)
                say(f"frame {len(done)}: {line}")
        except KeyboardInterrupt:
            say(f"stopped after {len(done)} frames")
        finally:
            if video is not None:
                video.close()
    if trace is not None:
        numbers["carried_bytes"] = round(trace.carried(0, len(done) / pace))
        _tell_use(done, numbers, say)
    if json:
        write_json(json, numbers | {"frames": done})


Seen = Iterator[tuple[np.ndarray | None, dict[str, Any], str]]
"""Picture, row for JSON, line for a person, of one frame after another."""


def _whole_frames(
    photos: Iterator[np.ndarray | None],
    capture: Callable[..., Capture],
    model: zoo.ZooModel,
    decoder: PictureDecoder,
) -> Seen:
    """Every frame at its whole size, or at the same budget."""
    for photo in photos:
        start = time.monotonic()
        assembly = Assembly(model, decoder=decoder)
        frame = capture(photo, on_packet=assembly.add)
        seen = assembly.picture()
        n = _numbers(frame, photo, seen, time.monotonic() - start)
        quality = "" if n["psnr_db"] is None else f", {n['psnr_db']:.2f} dB"
        yield seen, n, f"{n['packets']} packets, {n['bytes']} bytes{quality}, {n['seconds']:.2f} s"


def _linked_frames(
    photos: Iterator[np.ndarray | None],
    capture: Callable[..., Capture],
    trace: Trace | None,
    control: RateControl,
    viewer: Viewer,
) -> Seen:
    """Every frame at what the link carries."""
    if trace is not None:
        frames = over_trace(
            photos, lambda photo, most: capture(photo, budget=most).packets, TraceLink(trace), control, viewer
        )
    else:
        frames = over_node(
            photos, lambda photo, most, take: capture(photo, budget=most, on_packet=take), control, viewer
        )
    for frame in frames:
        yield frame.picture, _linked_numbers(frame), _linked_line(frame)


def _numbers(frame: Capture, photo: np.ndarray | None, seen: np.ndarray, seconds: float) -> dict[str, Any]:
    return {
        "frame": frame.frame,
        "packets": len(frame.packets),
        "bytes": sum(map(len, frame.packets)),
        "seconds": round(seconds, 3),
        "psnr_db": _finite(math.inf if photo is None else psnr(photo, seen)),
    }


def _finite(quality: float) -> float | None:
    return round(quality, 3) if math.isfinite(quality) else None


def _linked_numbers(frame: StreamFrame) -> dict[str, Any]:
    return {
        "frame": frame.index,
        "time": round(frame.time, 3),
        "rate": round(frame.plan.rate, 1),
        "budget": frame.plan.bytes,
        "planned": frame.planned,
        "bytes": frame.bytes,
        "packets": frame.packets,
        "channels": frame.channels,
        "symbols": frame.symbols,
        "shown": frame.shown,
        "psnr_db": _finite(frame.psnr_db),
    }


def _linked_line(frame: StreamFrame) -> str:
    if not frame.plan.bytes:
        return f"{frame.time:.2f} s, left out: the link is busy"
    return (
        f"{frame.time:.2f} s, {frame.bytes} of {frame.plan.bytes} bytes, {frame.channels} channels, link taken for "
        f"{frame.plan.rate:,.0f} bytes/s"
    )


def _tell_use(done: list[dict[str, Any]], numbers: dict[str, Any], say: Callable[[str], None]) -> None:
    came, carried = sum(row["bytes"] for row in done), numbers["carried_bytes"]
    sent = sum(1 for row in done if row["bytes"])
    qualities = [row["psnr_db"] for row in done if row["psnr_db"] is not None]
    quality = f", {np.mean(qualities):.2f} dB on average" if qualities else ""
    say(f"{sent} of {len(done)} frames came, {came:,} bytes where the link carries {carried:,}{quality}")


def _trace(link: str | None) -> Trace | None:
    """What --link says; None without it, or when the link is measured."""
    if link is None or link == MEASURED:
        return None
    try:
        rate = float(link)
    except ValueError:
        return read_trace(Path(link))
    return constant(rate)


def _node_fps(target: str, capture: Callable[..., Capture], photo: np.ndarray | None) -> float:
    """Frames a second that a node manages: on emulated cores by the estimate for their boards."""
    core = target.removeprefix("sim:")
    if target == "native":
        return NATIVE_FPS
    if core not in BY_CORE:
        return BOARD_FPS
    instructions = capture(photo, budget=None).stats.instructions
    return 1000 / estimated_ms(instructions, core)[BY_CORE[core].board]["value"] if instructions else BOARD_FPS


def _source(
    photos: list[Path] | None, model: zoo.ZooModel, fit: Fit
) -> tuple[Iterator[np.ndarray | None], float | None]:
    """Photos in turn, for ever, or a video once, and its frames a second; None stands for the node's own camera."""
    width, height = model.binding.photo_width, model.binding.photo_height
    if not photos:
        return itertools.repeat(None), None
    if len(photos) == 1 and is_video(photos[0]):
        video = open_video(photos[0])
        pictures = (fit_photo(Image.fromarray(picture), width, height, fit.value) for picture in video)
        return _not_empty(pictures, photos[0]), float(video.rate)
    files = [
        file
        for path in photos
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        if not file.name.startswith(".")
    ]
    if not files:
        raise GlimpseError(f"there are no photos in {', '.join(map(str, photos))}; name photos or a folder of them")
    return (fit_photo(load_photo(file), width, height, fit.value) for file in itertools.cycle(files)), None


def _not_empty(pictures: Iterator[np.ndarray], path: Path) -> Iterator[np.ndarray]:
    empty = True
    for picture in pictures:
        empty = False
        yield picture
    if empty:
        raise GlimpseError(f"{path} holds no whole picture; give another video")
