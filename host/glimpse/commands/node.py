# SPDX-License-Identifier: Apache-2.0
"""`glimpse node`: what a node says of itself, its settings, and a restart, by the packets that also go by radio.

JSON of `status` and `set`: target, settings {period, deadline (seconds), crop [top, bottom, left, right], budget,
payload (bytes), channels, slot (255: built in), prior (photos), parity and parity_first (packets), quiet (grey
levels)}, answer {sequence, result, command} or null, boots, reset_cause, model, model_revision, and of the last photo
frame and trigger (null: none since the start). `modem` and `reboot` have none.
"""

from typing import Annotated

import typer

from glimpse import zoo
from glimpse.binding import MAX_PAYLOAD, MIN_PAYLOAD, control
from glimpse.commands.options import DEFAULT_MODEL, JsonOption, KeyOption, ModelOption
from glimpse.commands.provision import provision
from glimpse.errors import GlimpseError, UsageError
from glimpse.files import write_json
from glimpse.targets import open_node
from glimpse.targets.client import MODEMS, SerialNode
from glimpse.targets.talk import Talk
from glimpse.times import seconds

app = typer.Typer(no_args_is_help=True, help="A node's telemetry, its settings, and a restart.")
NodeOption = Annotated[str, typer.Option("--target", help="serial:/dev/ttyACM0, sim:cortex-m7 or sim:cortex-m33.")]
UNIT_OF = {"period": " s", "deadline": " s", "budget": " bytes", "payload": " bytes"}


def _crop(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() for part in parts):
        raise UsageError(f"{text!r} is not a crop; write it as top,bottom,left,right in 0..255, e.g. 64,191,0,255")
    top, bottom, left, right = map(int, parts)
    return top, bottom, left, right


def _open(target: str, model: str) -> SerialNode:
    if target == "native":
        raise UsageError("native is this computer's own process and has no settings; name a board or an emulated one")
    node = open_node(target, zoo.load(model))
    if not isinstance(node, SerialNode):
        node.close()
        raise UsageError(f"{target} takes no downlinks; name a board or an emulated one")
    return node


app.command()(provision)


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if number < len(names) else str(number)


def _numbers(target: str, report: control.Telemetry) -> dict[str, object]:
    answer = report.answer
    boots, revision, cause = report.node or (None, None, None)
    return {
        "target": target,
        "settings": dict(report.settings),
        "answer": answer and {"sequence": answer.sequence, "result": answer.result, "command": answer.command},
        "boots": boots,
        "reset_cause": None if cause is None else _named(control.RESET_CAUSES, cause),
        "model": report.model,
        "model_revision": revision,
        "frame": None if report.trigger is None else report.frame,
        "trigger": None if report.trigger is None else _named(control.TRIGGERS, report.trigger),
    }


def _words(name: str, value: control.Setting) -> str:
    if name == "crop":
        return "whole picture" if value == (0, 255, 0, 255) else ",".join(map(str, value))
    if name == "slot":
        return "built in" if value == control.BUILTIN_SLOT else str(value)
    if value and name == "prior":
        return f"{value} photos in a row as their changes"
    if value and name == "parity":
        return f"{value} for {control.PARITY_GROUP} packets"
    if value and name == "parity_first":
        return f"{value} for the first {control.PARITY_GROUP} packets"
    if value and name == "quiet":
        return f"no photos that differ by {value} grey levels or less"
    none = {"period": "only when asked", "payload": "what the link takes", "channels": "all", "quiet": "every photo"}
    none |= {"prior": "every photo whole", "parity": "none", "parity_first": "as for the others"}
    return f"{value}{UNIT_OF.get(name, '')}" if value else none.get(name, "no limit")


def _show(target: str, report: control.Telemetry, json: str | None) -> None:
    numbers = _numbers(target, report)
    if json:
        write_json(json, numbers)
    if json == "-":
        return
    last = f"last downlink {report.answer.sequence}" if report.answer else "no downlink yet"
    print(
        f"{target}: model {numbers['model']} revision {numbers['model_revision']}, start {numbers['boots']} "
        f"({numbers['reset_cause']}), {last}"
    )
    for name in control.SETTINGS:
        if name in report.settings:
            print(f"  {name:12} {_words(name, report.settings[name])}")


@app.command()
def status(
    target: NodeOption, key: KeyOption = None, model: ModelOption = DEFAULT_MODEL, json: JsonOption = None
) -> None:
    """Telemetry: settings in force, starts, the last downlink."""
    with _open(target, model) as node:
        report = Talk(node, key).ask()
    if report is None:
        raise GlimpseError(f"{target} says nothing of itself; flash the firmware of this version")
    _show(target, report, json)


@app.command("set")
def change(
    target: NodeOption,
    period: Annotated[str | None, typer.Option(help="From photo to photo: 90s, 15m, 1h; 0: only when asked.")] = None,
    deadline: Annotated[str | None, typer.Option(help="To send a frame in: 90s, 15m, 1h; 0: any time.")] = None,
    crop: Annotated[
        str | None, typer.Option(help="Part of the camera's picture: top,bottom,left,right in 0..255, the last inside.")
    ] = None,
    budget: Annotated[int | None, typer.Option(min=0, max=65535, help="Bytes of a frame; 0: no limit.")] = None,
    payload: Annotated[
        int | None, typer.Option(min=0, max=MAX_PAYLOAD, help="Bytes of a packet; 0: what the link takes.")
    ] = None,
    channels: Annotated[int | None, typer.Option(min=0, max=64, help="Channels' worth of symbols; 0: all.")] = None,
    slot: Annotated[int | None, typer.Option(min=0, max=255, help="Stored model; 255: the built-in one.")] = None,
    prior: Annotated[
        int | None, typer.Option(min=0, max=255, help="Photos in a row sent as their changes; 0: every one whole.")
    ] = None,
    parity: Annotated[
        int | None, typer.Option(min=0, max=control.PARITY_GROUP, help="Parity packets for 8 packets; 0: none.")
    ] = None,
    parity_first: Annotated[
        int | None,
        typer.Option(min=0, max=control.PARITY_GROUP, help="Those for a frame's first 8; 0: as for the others."),
    ] = None,
    quiet: Annotated[
        int | None, typer.Option(min=0, max=255, help="Grey levels by which a photo must differ; 0: all are sent.")
    ] = None,
    key: KeyOption = None,
    model: ModelOption = DEFAULT_MODEL,
    json: JsonOption = None,
) -> None:
    """Changes settings, all that are named or none; a node remembers them without power."""
    if payload is not None and 0 < payload < MIN_PAYLOAD:
        raise UsageError(f"a packet has {MIN_PAYLOAD} bytes at least; use --payload {MIN_PAYLOAD} or more, or 0")
    named = {
        "period": seconds(period),
        "deadline": seconds(deadline),
        "crop": _crop(crop),
        "budget": budget,
        "payload": payload,
        "channels": channels,
        "slot": slot,
        "prior": prior,
        "parity": parity,
        "parity_first": parity_first,
        "quiet": quiet,
    }
    wanted = {name: value for name, value in named.items() if value is not None}
    if not wanted:
        raise UsageError("nothing to set; name a setting, e.g. --budget 2000")
    with _open(target, model) as node:
        report = Talk(node, key).tell(control.Set(wanted), control.Status())
    _show(target, report, json)


@app.command("modem")
def use_modem(
    target: NodeOption,
    dialect: Annotated[str, typer.Option(help="Of the modem on the second line: e5, rak3172, or none.")],
    region: Annotated[str, typer.Option(help="Whose duty cycles are kept: EU868, US915.")] = "EU868",
    dr: Annotated[int | None, typer.Option(min=0, max=15, help="Data rate to begin with; else the modem's.")] = None,
    adr: Annotated[bool, typer.Option(help="The network may change the data rate.")] = True,
    confirmed: Annotated[bool, typer.Option(help="Ask for an acknowledgement of every packet.")] = False,
    fair_use: Annotated[
        bool, typer.Option(help="30 s of airtime and 10 downlinks a day, The Things Network's policy.")
    ] = False,
    fport: Annotated[int, typer.Option(min=1, max=223, help="LoRaWAN port of the packets.")] = 1,
    pattern: Annotated[bool, typer.Option("--pattern", help="The test pattern in the place of the camera.")] = False,
    model: ModelOption = DEFAULT_MODEL,
) -> None:
    """Sends a node out on its own, through a LoRaWAN modem, from now on and after every start; `none` ends that."""
    if dialect not in (*filter(None, MODEMS), "none"):
        raise UsageError(f"no modem speaks {dialect}; choose e5, rak3172, or none")
    with _open(target, model) as node:
        node.set_modem(
            None if dialect == "none" else dialect,
            region=region,
            data_rate=dr,
            port=fport,
            adaptive=adr,
            confirmed=confirmed,
            fair_use=fair_use,
            pattern=pattern,
        )
    print(f"{target}: {'waits for requests' if dialect == 'none' else f'on its own, {dialect}, {region}'}")


@app.command()
def reboot(target: NodeOption, key: KeyOption = None, model: ModelOption = DEFAULT_MODEL) -> None:
    """Starts the node again, after it has said that it will."""
    with _open(target, model) as node:
        talk = Talk(node, key)
        talk.tell(control.Reboot())
        node.identify()  # asks until it has started: what is said to it before that is lost
        report = talk.ask()
    boots = report.node[0] if report and report.node else "?"
    print(f"{target}: start {boots}")
