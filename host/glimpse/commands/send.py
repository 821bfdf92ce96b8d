# SPDX-License-Identifier: Apache-2.0
"""`glimpse send`: a photo through a real LoRaWAN modem on a serial port.

JSON: photo, model, dialect, port (serial), frame, packets and bytes (that have left), acknowledged, finished, failed
{reason: n}, joins, lost {reason: n}, downlinks [{port, hex}], seconds.
"""

import random
from pathlib import Path
from typing import Annotated, Any

import typer

from glimpse import zoo
from glimpse.binding.link import AtModem, Cutter, Event, Kind, modem_baud
from glimpse.commands.modem import DialectName, DialectOption
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
    require_tables,
)
from glimpse.files import check_place, write_json
from glimpse.glp import write_packets
from glimpse.photo import fit_photo, load_photo
from glimpse.progress import Task, progress
from glimpse.serial_line import SerialLine
from glimpse.uplink import PATIENCE, Sender, Sent


def send(
    photo: Annotated[Path, typer.Argument(help="Photo: JPEG, PNG, WebP, TIFF, ...", show_default=False)],
    port: Annotated[str, typer.Option(help="Serial port of the modem, e.g. /dev/ttyUSB0.", show_default=False)],
    dialect: DialectOption = DialectName.E5,
    dr: Annotated[int | None, typer.Option(min=0, max=15, help="Data rate to begin with; else the modem's.")] = None,
    adr: Annotated[bool, typer.Option(help="The network may change the data rate.")] = True,
    confirmed: Annotated[bool, typer.Option(help="Ask for an acknowledgement of every packet.")] = False,
    fport: Annotated[int, typer.Option(min=1, max=223, help="LoRaWAN port of the packets.")] = 1,
    baud: Annotated[int | None, typer.Option(min=300, help="Of the serial port; else as the modem is shipped.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Reset the modem first; it joins again.")] = False,
    patience: Annotated[float, typer.Option(min=1, help="Seconds without a packet that leaves.")] = PATIENCE,
    model: ModelOption = DEFAULT_MODEL,
    budget: BudgetOption = None,
    coding: CodingOption = Coding.RANGE,
    frame: FrameOption = 0,
    fit: FitOption = Fit.CROP,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Packet file for what has left.")] = None,
    json: JsonOption = None,
) -> None:
    """PHOTO through a LoRaWAN modem: joins if need be, and sends as the modem allows. Ctrl-C ends it early."""
    for place in (out, Path(json) if json and json != "-" else None):
        if place:
            check_place(place, photo)
    chosen = zoo.load(model)
    require_tables(chosen, coding)
    rgb = fit_photo(load_photo(photo), chosen.binding.photo_width, chosen.binding.photo_height, fit.value)
    latent, side = chosen.binding.encode_outputs(rgb)
    cutter = Cutter(chosen.binding, chosen.binding.quantise(latent), frame, coding.value, side)
    line = SerialLine(port, baud or modem_baud(dialect))
    try:
        link = AtModem(
            line,
            dialect.value,
            line.now,
            port=fport,
            data_rate=dr,
            adaptive=adr,
            confirmed=confirmed,
            reset=reset,
            seed=random.SystemRandom().getrandbits(32),
        )
        with progress("looking for the modem") as task:
            sender = Sender(link, cutter, budget=budget, told=lambda event: _say(task, sender, event))
            try:
                sender.run(line, patience)
            finally:  # whatever ends it, what has left is said
                numbers = {
                    "photo": str(photo),
                    "model": chosen.name,
                    "dialect": dialect.value,
                    "port": port,
                    "frame": frame,
                    **_numbers(sender.sent),
                    "seconds": round(line.now, 3),
                }
                if out:
                    write_packets(out, sender.sent.packets)
                if json:
                    write_json(json, numbers)
                if json != "-":
                    _tell(numbers, out)
    finally:
        line.close()


def _say(task: Task, sender: Sender, event: Event) -> None:
    done = f"{len(sender.sent.packets)} packets, {sender.sent.size} bytes have left"
    if event.kind is Kind.FAILED and event.reason == "busy":
        task.say(f"{done}; the modem has to wait {event.wait:.0f} s")
    elif event.kind is Kind.LOST:
        task.say(f"{done}; the network is lost ({event.reason}), joining again")
    else:
        task.say(done)


def _numbers(sent: Sent) -> dict[str, Any]:
    return {
        "packets": len(sent.packets),
        "bytes": sent.size,
        "acknowledged": sent.acknowledged,
        "finished": sent.finished,
        "failed": dict(sent.failed),
        "joins": sent.joins,
        "lost": dict(sent.losses),
        "downlinks": [{"port": port, "hex": data.hex()} for port, data in sent.downlinks],
    }


def _tell(numbers: dict[str, Any], out: Path | None) -> None:
    part = "" if numbers["finished"] else ", not all of the frame"
    place = f" -> {out}" if out else ""
    print(
        f"{numbers['packets']} packets, {numbers['bytes']} bytes have left in {numbers['seconds']:.0f} s{part}{place}"
    )
