# SPDX-License-Identifier: Apache-2.0
"""`glimpse trial`: what a link does to pictures, from packet to packet, before hardware is bought.

JSON: model, region, data_rate, loss, burst (null: independent losses), seed, sends, resend, fair_use, sealed, prior,
refresh, parity, parity_first, answers, feedback, here (null); uplinks, uplinks_lost, uplink_bytes, downlinks,
downlinks_lost, airtime_s, waited_s (for the budget), seconds, packets (counters of the receiver); photos [{photo,
frame, kind (image or difference), uplinks, bytes, seconds (from its begin), shown (MS-SSIM of what is seen in the end,
also where that is an earlier photo's picture; null: no picture yet), ms_ssim, received, carried, filled_in (shares of
the symbols: of its own, of an earlier photo, made by the decoder), out; the last five null where nothing came, as when
nothing changed}]; ms_ssim (mean of what is shown); without (with --compare: uplinks, uplink_bytes, airtime_s, seconds
and ms_ssim of the same photos with neither prior nor parity; else null); steps [{time, what, ...}] in their order,
what being photo {frame, kind}, sent {bytes, data_rate, symbols, ms_ssim, or reason; with --here inside, the share of
that part's symbols received}, lost {bytes, data_rate}, downlink and downlink lost {bytes}, known {symbols}, enough,
more here {region, obeyed}, skipped {frame}, wait {seconds}, rate {data_rate}, refused {reason}, done {frame}.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from glimpse import zoo
from glimpse.binding.control import PARITY_GROUP
from glimpse.commands.options import (
    Coding,
    CodingOption,
    Fit,
    FitOption,
    JsonOption,
    KeyOption,
    ModelOption,
    require_tables,
)
from glimpse.errors import UsageError
from glimpse.feedback import ByChange, ByRegion, Policy, Region
from glimpse.files import check_place, make_folder, write_json
from glimpse.keys import read_key
from glimpse.links import GilbertElliott, IidLoss
from glimpse.photo import fit_photo, load_photo, save_picture
from glimpse.quality import Reference
from glimpse.receiving import Frame
from glimpse.receiving.answer import Rules
from glimpse.report.coverage import draw_coverage
from glimpse.trial.node import Photo
from glimpse.trial.run import Setup, Step, Trial
from glimpse.zoo import ZooModel


class Resend(StrEnum):
    """What happens to lost symbols."""

    IMPORTANCE = "importance"
    AT_ONCE = "at-once"
    AFTERWARDS = "afterwards"


class Feedback(StrEnum):
    """What the receiver wants of a picture."""

    WHOLE = "whole"
    ENOUGH = "enough"
    HERE = "here"


def trial(
    photos: Annotated[list[Path], typer.Argument(help="Photos, sent one after another.", show_default=False)],
    region: Annotated[str, typer.Option(help="EU868 or US915.")] = "EU868",
    dr: Annotated[int, typer.Option(min=0, max=15, help="Data rate.")] = 3,
    loss: Annotated[float, typer.Option(min=0, max=100, help="Percent of transmissions lost, both ways.")] = 0,
    burst: Annotated[
        float | None, typer.Option(min=1, help="Mean losses in a row; without it they are independent.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the losses.")] = 0,
    sends: Annotated[int, typer.Option(min=1, max=255, help="Times a symbol goes out while nobody answers.")] = 3,
    resend: Annotated[
        Resend,
        typer.Option(help="Lost symbols: the most important first, each packet until it came, or after all others."),
    ] = Resend.IMPORTANCE,
    answers: Annotated[bool, typer.Option(help="The receiver acknowledges.")] = True,
    ack_every: Annotated[
        int | None, typer.Option(min=1, help="Packets between acknowledgements; else when they seem needed.")
    ] = None,
    feedback: Annotated[
        Feedback,
        typer.Option(help="Enough when the picture is whole, or when it no longer changes; or a part of it first."),
    ] = Feedback.WHOLE,
    here: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(
            metavar="TOP BOTTOM LEFT RIGHT",
            help="With --feedback here: the part, in shares 0..1 of the photo; asked for after two packets.",
        ),
    ] = None,
    least_db: Annotated[
        float, typer.Option(min=0, help="With --feedback enough: PSNR of a picture against the one before.")
    ] = 40,
    fair_use: Annotated[bool, typer.Option("--fair-use", help="30 s of uplink and 10 downlinks a day.")] = False,
    prior: Annotated[bool, typer.Option("--prior", help="A fixed camera: photos leave as their changes.")] = False,
    refresh: Annotated[
        int, typer.Option(min=0, max=255, help="With --prior: after so many in a row one is sent whole; 0: never.")
    ] = 0,
    parity: Annotated[int, typer.Option(min=0, max=PARITY_GROUP, help="Parity packets for 8 packets.")] = 0,
    parity_first: Annotated[
        int, typer.Option(min=0, max=PARITY_GROUP, help="Those for a photo's first 8 packets; 0: as for the others.")
    ] = 0,
    compare: Annotated[bool, typer.Option("--compare", help="The same without --prior and --parity, too.")] = False,
    every: Annotated[float | None, typer.Option(min=1, help="Seconds from photo to photo.")] = None,
    deadline: Annotated[float | None, typer.Option(min=1, help="Seconds that a photo may take.")] = None,
    adr: Annotated[
        list[str] | None,
        typer.Option(metavar="COUNT:DR", help="The network changes the data rate after so many uplinks."),
    ] = None,
    model: ModelOption = "limitnet",
    coding: CodingOption = Coding.RANGE,
    fit: FitOption = Fit.CROP,
    key: KeyOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for pictures and maps of what came.", show_default=False)
    ] = None,
    json: JsonOption = None,
) -> None:
    """PHOTOS over an emulated link, in virtual time: packet by packet what comes, what is lost, what is answered."""
    if json not in (None, "-"):
        check_place(Path(json))
    chosen = zoo.load(model)
    require_tables(chosen, coding)
    share = loss / 100
    region_wanted = _wanted(here, feedback, answers, chosen)
    setup = Setup(
        chosen,
        _region(region),
        dr,
        IidLoss(share) if burst is None else GilbertElliott(share, burst),
        sends=sends,
        resend=resend.value,
        coding=coding.value,
        fair_use=fair_use,
        answers=Rules(every=ack_every) if answers else None,
        policy=_policy(feedback, least_db, region_wanted),
        key=read_key(key) if key else None,
        prior=prior,
        refresh=refresh,
        parity=parity,
        parity_first=parity_first,
        deadline=deadline,
        every=every,
        rate_changes=dict(_change(text) for text in adr or []),
        seed=seed,
    )
    width, height = chosen.binding.photo_width, chosen.binding.photo_height
    pictures = [fit_photo(load_photo(photo), width, height, fit.value) for photo in photos]
    originals = [Reference(picture) for picture in pictures]

    def look(frame: Frame, number: int) -> dict[str, Any]:
        seen: dict[str, Any] = {"ms_ssim": round(originals[number].compare(frame.picture()).ms_ssim, 4)}
        if (r := region_wanted) is not None:
            seen["inside"] = round(float(frame.coverage()[r.top : r.bottom, r.left : r.right].mean()), 4)
        return seen

    if out:
        make_folder(out)
    encoded = [Photo(*chosen.binding.encode_outputs(picture)) for picture in pictures]
    run = Trial(setup, look)
    run.run(encoded)
    plain = Trial(replace(setup, prior=False, parity=0, parity_first=0)) if compare else None
    if plain is not None:
        plain.run(encoded)
    numbers = {
        "model": chosen.name,
        "region": setup.region,
        "data_rate": dr,
        "loss": share,
        "burst": burst,
        "seed": seed,
        "sends": sends,
        "resend": resend.value,
        "fair_use": fair_use,
        "sealed": key is not None,
        "prior": prior,
        "refresh": refresh,
        "parity": parity,
        "parity_first": parity_first,
        "answers": answers,
        "feedback": feedback.value,
        "here": None if here is None else list(here),
        **run.numbers(),
        "photos": _photos(run, photos, originals, out),
        "ms_ssim": _mean(_shown(run, originals)),
        "without": None if plain is None else _sums(plain, originals),
        "steps": [step.numbers() for step in run.steps],
    }
    console = Console(stderr=json == "-", highlight=False)
    _tell(run, numbers, console)
    if json:
        write_json(json, numbers)


def _policy(feedback: Feedback, least_db: float, region: Region | None) -> Callable[[Frame], Policy] | None:
    if region is not None:
        return lambda frame: ByRegion(region)
    return (lambda frame: ByChange(least_db, float("inf"))) if feedback is Feedback.ENOUGH else None


def _wanted(
    here: tuple[float, float, float, float] | None, feedback: Feedback, answers: bool, model: ZooModel
) -> Region | None:
    """The cells of the latent that a part of the photo lies in."""
    if (here is None) == (feedback is Feedback.HERE):
        raise UsageError("a part of the photo is asked for with both --feedback here and --here TOP BOTTOM LEFT RIGHT")
    if here is None:
        return None
    top, bottom, left, right = here
    if not (0 <= top < bottom <= 1 and 0 <= left < right <= 1):
        raise UsageError(
            "--here takes shares 0..1 of the photo, top before bottom and left before right, e.g. 0.5 1 0 0.5"
        )
    if not answers:
        raise UsageError("a part of the photo is asked for in an answer; leave --no-answers out")
    if not model.binding.map_bits:
        raise UsageError(
            f"packets of model {model.name} lie all over the picture; take one that orders by saliency, e.g. limitnet"
        )
    rows, columns, _ = model.binding.latent_shape
    return Region(
        math.floor(top * rows), math.ceil(bottom * rows), math.floor(left * columns), math.ceil(right * columns)
    )


def _region(name: str) -> str:
    known = {each.lower(): each for each in ("EU868", "US915")}
    if name.lower() not in known:
        raise UsageError(
            f"an emulated LoRaWAN modem works in EU868 and US915, not in {name}; see glimpse plan for others"
        )
    return known[name.lower()]


def _change(text: str) -> tuple[int, int]:
    count, _, rate = text.partition(":")
    if not (count.isdecimal() and rate.isdecimal() and int(count) > 0 and int(rate) <= 15):
        raise UsageError(f"{text!r} is no change of the data rate; write COUNT:DR, e.g. 20:5")
    return int(count), int(rate)


def _shown(run: Trial, originals: list[Reference]) -> list[float | None]:
    """MS-SSIM of what is seen of each photo in the end: its own picture, or the one before where nothing came."""
    shown: list[float | None] = []
    picture = None
    for original, frame in zip(originals, run.frames, strict=True):
        picture = frame.picture() if frame else picture
        shown.append(None if picture is None else round(original.compare(picture).ms_ssim, 4))
    return shown


def _mean(qualities: list[float | None]) -> float | None:
    seen = [quality for quality in qualities if quality is not None]
    return round(float(np.mean(seen)), 4) if seen else None


def _sums(run: Trial, originals: list[Reference]) -> dict[str, Any]:
    numbers = run.numbers()
    kept = {name: numbers[name] for name in ("uplinks", "uplink_bytes", "airtime_s", "seconds")}
    return {**kept, "ms_ssim": _mean(_shown(run, originals))}


def _photos(run: Trial, photos: list[Path], originals: list[Reference], out: Path | None) -> list[dict[str, Any]]:
    """What came of each photo in the end, and its picture and map in the folder."""
    begins = [number for number, step in enumerate(run.steps) if step.what == "photo"]
    ends = [number for number, step in enumerate(run.steps) if step.what == "done"]
    rows = []
    shown = _shown(run, originals)
    for number, (photo, frame) in enumerate(zip(photos, run.frames, strict=True)):
        steps = run.steps[begins[number] : ends[number] + 1]
        seen = [step.details["ms_ssim"] for step in steps if "ms_ssim" in step.details]
        row: dict[str, Any] = {
            "photo": str(photo),
            "frame": steps[0].details["frame"],
            "kind": steps[0].details["kind"],
            "uplinks": sum(step.what in ("sent", "lost") for step in steps),
            "bytes": sum(step.details["bytes"] for step in steps if step.what in ("sent", "lost")),
            "seconds": round(steps[-1].time - steps[0].time, 3),
            "shown": shown[number],
            "ms_ssim": seen[-1] if seen else None,
            "received": None,
            "carried": None,
            "filled_in": None,
            "out": None,
        }
        if frame:
            own, carried = float(np.mean(frame.coverage())), float(np.mean(frame.carried()))
            row |= {
                "received": round(own, 4),
                "carried": round(carried, 4),
                "filled_in": round(max(0.0, 1 - own - carried), 4),
            }
        if frame and out:
            place, picture = out / f"{number:03d}-{photo.stem}.png", frame.picture()
            save_picture(place, picture)
            drawn = draw_coverage(picture, frame.coverage(), frame.carried())
            save_picture(place.with_name(f"{place.stem}-map.png"), drawn)
            row["out"] = str(place)
        rows.append(row)
    return rows


def _line(step: Step) -> str:
    """A step for a person."""
    n = step.details
    if step.what == "sent":
        news = f"{n['symbols']:6,} symbols" if "symbols" in n else n.get("reason", "")
        quality = f"   MS-SSIM {n['ms_ssim']:.3f}" if "ms_ssim" in n else ""
        text = f"packet  {n['bytes']:3} bytes DR{n['data_rate']}   {news}{quality}"
        text += f"   {100 * n['inside']:3.0f} % of the part" if "inside" in n else ""
        text += f"   {n['reason']}" if "reason" in n and "symbols" in n else ""
    elif step.what == "lost":
        text = f"packet  {n['bytes']:3} bytes DR{n['data_rate']}   lost"
    elif step.what in ("downlink", "downlink lost"):
        text = f"answer  {n['bytes']:3} bytes" + ("   lost" if step.what == "downlink lost" else "")
    else:
        text = {
            "photo": lambda: f"photo {n['frame']}, sent as {n['kind']}",
            "known": lambda: f"the node knows of {n['symbols']:,} symbols that came",
            "enough": lambda: "the node stops",
            "more here": lambda: f"the node sends {n['region']} first" if n["obeyed"] else "a region, not obeyed",
            "skipped": lambda: f"the answer is about photo {n['frame']}, and skipped",
            "wait": lambda: f"the budget is used up for {n['seconds']:.0f} s",
            "rate": lambda: f"the network asks for DR{n['data_rate']}",
            "refused": lambda: f"the modem refuses: {n['reason']}",
            "done": lambda: f"photo {n['frame']} is done",
        }[step.what]()
    return f"{step.time:10.1f} s  {text}"


def _tell(run: Trial, numbers: dict[str, Any], console: Console) -> None:
    for step in run.steps:
        console.print(_line(step), markup=False, soft_wrap=True)
    console.print(
        f"{numbers['uplinks']} packets, {numbers['uplinks_lost']} lost, {numbers['uplink_bytes']:,} bytes, "
        f"{numbers['airtime_s']:.1f} s on the air; {numbers['downlinks']} answers, {numbers['downlinks_lost']} lost; "
        f"{numbers['seconds']:.0f} s, of which {numbers['waited_s']:.0f} s waiting for the budget",
        soft_wrap=True,
    )
    if numbers["without"]:
        console.print(_comparison(numbers), soft_wrap=True)
    for row in numbers["photos"]:
        console.print(f"{row['photo']}: {_sentence(row)}", markup=False, soft_wrap=True)


def _comparison(numbers: dict[str, Any]) -> str:
    """With and without, in a line."""
    before, now = numbers["without"]["uplink_bytes"], numbers["uplink_bytes"]
    share = f"{100 * (now - before) / before:+.0f} %" if before else "nothing was sent without"
    with_, without = (
        "no picture" if each["ms_ssim"] is None else f"{each['ms_ssim']:.3f}" for each in (numbers, numbers["without"])
    )
    return f"without prior and parity {before:,} bytes, so {share}; MS-SSIM {with_}, without {without}"


def _sentence(row: dict[str, Any]) -> str:
    """What came of a photo."""
    if row["ms_ssim"] is None:
        return "nothing came" if row["uplinks"] else "nothing changed, so nothing was sent"
    return (
        f"MS-SSIM {row['ms_ssim']:.3f} after {row['seconds']:.0f} s; {100 * row['received']:.0f} % of the symbols "
        f"received, {100 * row['carried']:.0f} % as in an earlier photo, {100 * row['filled_in']:.0f} % filled in"
    )
