# SPDX-License-Identifier: Apache-2.0
"""`glimpse model`: models for nodes that are out there: signed here, sent over their serial line, tried before trusted.

JSON of `status`: target, model, revision, check (CRC-32 of its blob), slot (null: built in), state ("proven",
"on trial", "given up"), signed_only. No output shows a signer's seed.
"""

from pathlib import Path
from typing import Annotated

import typer

from glimpse import zoo
from glimpse.binding import Model
from glimpse.commands.options import DEFAULT_MODEL, JsonOption, ModelOption
from glimpse.errors import GlimpseError, UsageError
from glimpse.files import write_json, write_whole
from glimpse.signing import make_signer, read_signer, split_signed
from glimpse.targets import open_running
from glimpse.targets.client import SerialNode, has_model

app = typer.Typer(no_args_is_help=True, help="Models for nodes: sign them, send them, see what a node has.")

NodeOption = Annotated[str, typer.Option("--target", help="serial:/dev/ttyACM0, sim:cortex-m7 or sim:cortex-m33.")]
SignerFile = Annotated[Path, typer.Argument(help="File of the signer.", show_default=False)]
SignOption = Annotated[
    Path | None, typer.Option("--sign", metavar="FILE", help="Sign the model with this signer.", show_default=False)
]
OlderOption = Annotated[bool, typer.Option("--older", help="Also an older revision of the model in use.")]
STATES = {
    "proven": "in use",
    "on trial": "on trial: it has made no photo yet, and the one before it is kept",
    "given up": "in use again: the one that was on trial made no photo",
}


@app.command("new-signer")
def new_signer(file: SignerFile) -> None:
    """A new signer, in a file that only you may read. Who has it may send models to your nodes."""
    signer = make_signer(file)
    print(f"{file}: a signer, public key {signer.public.hex()}")


@app.command()
def trust(
    file: SignerFile,
    target: NodeOption,
    replaces: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The signer that the node has now.", show_default=False)
    ] = None,
) -> None:
    """Makes a node take only models of this signer from now on. Only the signer can change that."""
    signer = read_signer(file)
    endorsed = read_signer(replaces).endorse(signer.public) if replaces else None
    with open_running(target) as node:
        node.trust(signer.public, endorsed)
    print(f"{target}: takes models signed with {file} only")


@app.command()
def sign(
    file: SignerFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")],
    model: ModelOption = DEFAULT_MODEL,
) -> None:
    """Writes a signed model as a file, for whoever is to send it without having the signer."""
    chosen = zoo.load(model)
    write_whole(out, read_signer(file).sign(chosen.blob))
    print(f"{out}: {chosen.name} revision {chosen.binding.revision}, signed")


@app.command()
def send(
    target: NodeOption,
    model: ModelOption = DEFAULT_MODEL,
    file: Annotated[
        Path | None, typer.Option(help="A file of glimpse model sign, in the place of --model.", show_default=False)
    ] = None,
    sign: SignOption = None,
    older: OlderOption = False,
) -> None:
    """Sends a model into the slot that is not in use, and switches to it. It is on trial until it has made a photo."""
    if file and sign:
        raise UsageError("--file is signed already; leave --sign out, or name a model with --model")
    data = _read(file) if file else zoo.load(model).blob
    if sign:
        data = read_signer(sign).sign(data)
    blob, signature = split_signed(data)
    with open_running(target) as node:
        if has_model(node, Model(blob).check, signature is not None):
            print(f"{target}: has it already")
        else:
            node.update_model(data, older)
        _show(target, node, None)


@app.command()
def back(target: NodeOption) -> None:
    """Goes back to the model that is built into the firmware."""
    from glimpse.binding import protocol

    with open_running(target) as node:
        node.select(protocol("NODE_BUILTIN_MODEL"), older=True)
        _show(target, node, None)


@app.command()
def status(target: NodeOption, json: JsonOption = None) -> None:
    """Which model a node uses, and whether it has made a photo with it."""
    with open_running(target) as node:
        _show(target, node, json)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise GlimpseError(
            f"cannot read {file}: {(error.strerror or 'failed').lower()}; give a file of glimpse model sign"
        ) from error


def _show(target: str, node: SerialNode, json: str | None) -> None:
    info, health = node.identify(), node.health()
    numbers = {
        "target": target,
        "model": info.model,
        "revision": info.revision,
        "check": info.model_check,
        "slot": info.slot,
        "state": health.model_state,
        "signed_only": health.model_key,
    }
    if json:
        write_json(json, numbers)
    if json == "-":
        return
    where = "built in" if info.slot is None else f"slot {info.slot}"
    print(f"{target}: {info.model} revision {info.revision} ({where}), {STATES[health.model_state]}")
    print(f"  takes {'signed models only' if health.model_key else 'models with or without a signature'}")
