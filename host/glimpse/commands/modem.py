# SPDX-License-Identifier: Apache-2.0
"""`glimpse modem`: an emulated LoRaWAN modem on a pseudo-terminal.

JSON, written at the end: dialect, region, uplinks (with a payload, received), bytes, lost, damaged, airtime_seconds,
refused {reason: n}.
"""

import signal
import sys
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, BinaryIO

import typer

from glimpse.commands.options import JsonOption
from glimpse.errors import UsageError
from glimpse.files import check_place, write_json
from glimpse.glp import MAGIC
from glimpse.modem.air import Air, Uplink
from glimpse.modem.e5 import E5
from glimpse.modem.emulator import EmulatedModem
from glimpse.modem.line import PtyModem
from glimpse.modem.radio import find_region
from glimpse.modem.rak3172 import Rak3172


class DialectName(StrEnum):
    """Modems whose AT commands are known."""

    E5 = "e5"
    RAK3172 = "rak3172"


SPEAKERS = {DialectName.E5: E5, DialectName.RAK3172: Rak3172}
DialectOption = Annotated[DialectName, typer.Option(help="How the modem speaks: LoRa-E5 or RAK3172 (RUI3).")]


class _Sink:
    """Received payloads: counted, told, and in a packet file as soon as they come."""

    def __init__(self, file: BinaryIO | None) -> None:
        self.file, self.count, self.bytes = file, 0, 0
        if file:
            file.write(MAGIC)
            file.flush()

    def __call__(self, uplink: Uplink) -> None:
        self.count += 1
        self.bytes += len(uplink.payload)
        if self.file:
            self.file.write(len(uplink.payload).to_bytes(2, "little") + uplink.payload)
            self.file.flush()
        typer.echo(
            f"{uplink.time:10.2f} s  DR{uplink.data_rate}  port {uplink.port}  {len(uplink.payload)} bytes", err=True
        )


def _pair(text: str, what: str) -> tuple[int, str]:
    number, colon, rest = text.partition(":")
    if not colon or not number.isdecimal():
        raise UsageError(f"{text} is not {what}")
    return int(number), rest


def _downlink(text: str) -> tuple[int, bytes]:
    what = "a downlink; write PORT:HEX, for example 5:0102"
    port, digits = _pair(text, what)
    try:
        payload = bytes.fromhex(digits)
    except ValueError as error:
        raise UsageError(f"{text} is not {what}") from error
    if not 1 <= port <= 223 or not 1 <= len(payload) <= 242:
        raise UsageError(f"{text} is not possible; ports are 1 to 223 and downlinks have 1 to 242 bytes")
    return port, payload


def _change(text: str, rates: int) -> tuple[int, int]:
    what = "a change of the data rate; write UPLINKS:RATE, for example 10:0"
    uplinks, rate = _pair(text, what)
    if not rate.isdecimal() or int(rate) >= rates:
        raise UsageError(f"{text} is not {what}, with a rate of 0 to {rates - 1}")
    return uplinks, int(rate)


def modem(
    dialect: DialectOption = DialectName.E5,
    region: Annotated[str, typer.Option(help="EU868, US915 or IN865.")] = "EU868",
    dr: Annotated[int, typer.Option(min=0, max=15, help="Data rate when it starts.")] = 0,
    loss: Annotated[float, typer.Option(min=0, max=100, help="Percent of the frames that get lost.")] = 0.0,
    damage: Annotated[float, typer.Option(min=0, max=100, help="Percent of the payloads that come damaged.")] = 0.0,
    change: Annotated[
        list[str] | None, typer.Option(help="UPLINKS:RATE: after so many, the network changes the data rate.")
    ] = None,
    downlink: Annotated[list[str] | None, typer.Option(help="PORT:HEX that the network sends, once.")] = None,
    duty: Annotated[bool, typer.Option(help="Keep to the region's duty cycles.")] = True,
    speed: Annotated[float, typer.Option(min=0.01, max=10000, help="Seconds of its clock in a real one.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of losses and damage.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Packet file for what the network receives.")] = None,
    json: JsonOption = None,
) -> None:
    """An emulated LoRaWAN modem on a terminal that a node, or a person, can talk to. Ctrl-C ends it."""
    rules = find_region(region)
    if dr >= len(rules.rates):
        raise UsageError(f"{rules.name} has no data rate {dr}; choose 0 to {len(rules.rates) - 1}")
    changes = dict(_change(text, len(rules.rates)) for text in change or [])
    waiting = [_downlink(text) for text in downlink or []]
    for place in (out, Path(json) if json and json != "-" else None):
        if place:
            check_place(place)
    file = out.open("wb") if out else None
    try:
        sink = _Sink(file)
        air = Air(loss=loss / 100, damage=damage / 100, seed=seed, deliver=sink, rate_changes=changes)
        air.downlinks.extend(waiting)
        emulated = EmulatedModem(SPEAKERS[dialect], rules, air, data_rate=dr, keep_duty=duty)
        _serve(PtyModem(emulated, speed), to_stderr=json == "-")
    finally:
        if file:
            file.close()
    numbers = {
        "dialect": dialect.value,
        "region": rules.name,
        "uplinks": sink.count,
        "bytes": sink.bytes,
        "lost": air.lost,
        "damaged": air.damaged,
        "airtime_seconds": round(emulated.airtime, 3),
        "refused": emulated.refused,
    }
    if json:
        write_json(json, numbers)
    if json != "-":
        print(
            f"{sink.count} payloads, {sink.bytes} bytes received; {air.lost} frames lost; "
            f"{emulated.airtime:.1f} s on the air" + (f" -> {out}" if out else "")
        )


def _serve(terminal: PtyModem, *, to_stderr: bool) -> None:
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        print(terminal.path, file=sys.stderr if to_stderr else sys.stdout, flush=True)
        terminal.run(lambda: stopped)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        terminal.close()
