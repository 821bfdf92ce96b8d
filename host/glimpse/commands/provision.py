# SPDX-License-Identifier: Apache-2.0
"""`glimpse node provision`: everything that a node needs to be on its own, in one command that can be typed again.

JSON: target, changed (names of what was not as wanted), name, model, revision, slot (null: built in), signed_only,
sealed, settings (as of `glimpse node status`), modem {dialect, port, data_rate (null: the modem's), adaptive,
confirmed, fair_use, region, source} or null.
"""

from pathlib import Path
from typing import Annotated

import typer

from glimpse import zoo
from glimpse.binding import control, protocol
from glimpse.binding.schedule import regions
from glimpse.commands.options import JsonOption, KeyOption
from glimpse.errors import GlimpseError, UsageError
from glimpse.files import write_json
from glimpse.keys import give_to_node, is_on_node, read_key
from glimpse.signing import read_signer
from glimpse.targets import open_running
from glimpse.targets.client import KEEP_RATE, MODEMS, SerialNode, has_model, modem_fields
from glimpse.targets.talk import Talk
from glimpse.times import seconds

NodeOption = Annotated[str, typer.Option("--target", help="serial:/dev/ttyACM0, sim:cortex-m7 or sim:cortex-m33.")]


def provision(
    target: NodeOption,
    name: Annotated[str | None, typer.Option(help="Of the camera, 16 bytes at most.", show_default=False)] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of a model, or its folder; else the one that the node uses.")
    ] = None,
    sign: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Signer: signs the model, and the node takes no others.")
    ] = None,
    key: KeyOption = None,
    period: Annotated[str | None, typer.Option(help="From photo to photo: 90s, 15m, 1h; 0: only when asked.")] = None,
    deadline: Annotated[str | None, typer.Option(help="To send a frame in: 90s, 15m, 1h; 0: any time.")] = None,
    budget: Annotated[int | None, typer.Option(min=0, max=65535, help="Bytes of a frame; 0: no limit.")] = None,
    quiet: Annotated[
        int | None, typer.Option(min=0, max=255, help="Grey levels by which a photo must differ; 0: all are sent.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Whose duty cycles are kept, e.g. EU868; starts the modem.")
    ] = None,
    dialect: Annotated[str, typer.Option(help="Of the modem on the second line: e5, rak3172.")] = "e5",
    dr: Annotated[int | None, typer.Option(min=0, max=15, help="Data rate to begin with; else the modem's.")] = None,
    adr: Annotated[bool, typer.Option(help="The network may change the data rate.")] = True,
    fair_use: Annotated[
        bool, typer.Option(help="30 s of airtime and 10 downlinks a day, The Things Network's policy.")
    ] = False,
    fport: Annotated[int, typer.Option(min=1, max=223, help="LoRaWAN port of the packets.")] = 1,
    pattern: Annotated[bool, typer.Option("--pattern", help="The test pattern in the place of the camera.")] = False,
    json: JsonOption = None,
) -> None:
    """Gives a node its name, model, keys, schedule and modem, of which it keeps what it has; then it is on its own."""
    if dialect not in (*filter(None, MODEMS),):
        raise UsageError(f"no modem speaks {dialect}; choose e5 or rak3172")
    if key:
        read_key(key)  # what is wrong with it is said before anything is changed
    signer = read_signer(sign) if sign else None
    chosen = zoo.load(model) if model else None
    modem = region and modem_fields(
        dialect, region=region, data_rate=dr, port=fport, adaptive=adr, fair_use=fair_use, pattern=pattern
    )
    settings = {"period": seconds(period), "deadline": seconds(deadline), "budget": budget, "quiet": quiet}
    changed: list[str] = []
    with open_running(target) as node:
        info = node.identify()
        if chosen and not has_model(node, chosen.binding.check, signer is not None):
            node.update_model(signer.sign(chosen.blob) if signer else chosen.blob, older=True)
            changed.append("model")
        if signer:
            if not node.health().model_key:
                changed.append("signer")
            node.trust(signer.public)
        if name is not None and info.name != name:
            node.set_name(name)
            changed.append("name")
        if key and _install(node, key):
            changed.append("key")
        changed += _set(Talk(node, key), {name: value for name, value in settings.items() if value is not None})
        if modem and info.modem != modem:
            node.use_modem(modem)
            changed.append("modem")
        _show(target, node, Talk(node, key), changed, json)


def _install(node: SerialNode, key: Path) -> bool:
    """False: the node has it already."""
    if is_on_node(key):
        Talk(node, key).ask()  # only with this key its packets can be opened
        return False
    give_to_node(key)
    node.install_key(read_key(key))
    return True


def _set(talk: Talk, wanted: dict[str, int]) -> list[str]:
    report = talk.ask()
    if report is None:
        raise GlimpseError("the node says nothing of itself; flash the firmware of this version")
    other = {name: value for name, value in wanted.items() if report.settings.get(name) != value}
    if other:
        talk.tell(control.Set(other))
    return list(other)


def _modem(fields: tuple[int, ...]) -> dict[str, object] | None:
    if not fields:
        return None
    dialect, port, rate, flags, region, source = fields
    return {
        "dialect": next((name for name, constant in MODEMS.items() if protocol(constant) == dialect), None),
        "port": port,
        "data_rate": None if rate == KEEP_RATE else rate,
        "adaptive": bool(flags & protocol("NODE_MODEM_ADAPTIVE")),
        "confirmed": bool(flags & protocol("NODE_MODEM_CONFIRMED")),
        "fair_use": bool(flags & protocol("NODE_MODEM_FAIR_USE")),
        "region": regions()[region].name,
        "source": "pattern" if source == protocol("NODE_SOURCE_PATTERN") else "camera",
    }


def _show(target: str, node: SerialNode, talk: Talk, changed: list[str], json: str | None) -> None:
    """What the node itself says that it has now."""
    info, health, report = node.identify(), node.health(), talk.ask()
    modem = _modem(info.modem)
    numbers = {
        "target": target,
        "changed": changed,
        "name": info.name,
        "model": info.model,
        "revision": info.revision,
        "slot": info.slot,
        "signed_only": health.model_key,
        "sealed": talk.sealed,
        "settings": dict(report.settings) if report else {},
        "modem": modem,
    }
    if json:
        write_json(json, numbers)
    if json == "-":
        return
    lines = {
        "name": info.name or "none",
        "model": f"{info.model} revision {info.revision}, {health.model_state}",
        "signer": "signed models only" if health.model_key else "any model",
        "key": "packets are sealed" if talk.sealed else "packets go as they are",
    }
    for name in ("period", "deadline"):
        value = report.settings.get(name) if report else None
        lines[name] = f"{value} s" if value else {"period": "photos only when asked", "deadline": "none"}[name]
    bytes_of_frame = report.settings.get("budget") if report else None
    lines["budget"] = f"{bytes_of_frame} bytes" if bytes_of_frame else "no limit"
    levels = report.settings.get("quiet") if report else None
    lines["quiet"] = f"what moved by {levels} grey levels" if levels else "every photo"
    lines["modem"] = (
        f"{modem['dialect']}, {modem['region']}, port {modem['port']}, {modem['source']}" if modem else "none"
    )
    print(f"{info.board} on {target}")
    for name, text in lines.items():
        print(f"  {name:9} {text}{'  (set now)' if name in changed else ''}")
