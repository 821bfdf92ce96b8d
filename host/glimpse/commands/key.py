# SPDX-License-Identifier: Apache-2.0
"""`glimpse key`: keys for sealed packets, made here and installed on nodes. No output shows a key."""

from pathlib import Path
from typing import Annotated

import typer

from glimpse import zoo
from glimpse.binding.seal import DEVICE_BYTES
from glimpse.commands.options import DEFAULT_MODEL, ModelOption
from glimpse.errors import UsageError
from glimpse.keys import give_to_node, make_key, read_key
from glimpse.targets import open_node
from glimpse.targets.client import SerialNode

app = typer.Typer(no_args_is_help=True, help="Keys for sealed packets: make them, install them on nodes.")

KeyFile = Annotated[Path, typer.Argument(help="Key file.", show_default=False)]


@app.command()
def new(
    file: KeyFile,
    device: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Name of the device, 16 hexadecimal digits.", show_default="random"),
    ] = None,
    secret: Annotated[
        bool, typer.Option("--secret/--authentic", help="Encipher packets, or only authenticate them.")
    ] = True,
) -> None:
    """A new random key for one device, in a file that only you may read."""
    made = make_key(file, _device(device), secret)
    what = "authenticated and enciphered" if secret else "authenticated, not enciphered"
    typer.echo(f"{file}: a key for device {made.device.hex()}, packets {what}")


@app.command()
def install(
    file: KeyFile,
    target: Annotated[str, typer.Option(help="Where the node is, e.g. serial:/dev/ttyACM0.")],
    model: ModelOption = DEFAULT_MODEL,
) -> None:
    """Gives a node its key, once: from then on it seals what it sends."""
    key = read_key(file)
    with open_node(target, zoo.load(model)) as node:
        if not isinstance(node, SerialNode):
            raise UsageError(f"{target} keeps no key; use glimpse encode --key, or install it on a node")
        give_to_node(file)
        node.install_key(key)
    typer.echo(f"{file}: installed, the node is device {key.device.hex()} from now on")


@app.command()
def remove(
    target: Annotated[str, typer.Option(help="Where the node is, e.g. serial:/dev/ttyACM0.")],
    model: ModelOption = DEFAULT_MODEL,
) -> None:
    """Makes a node forget its key: from then on its packets go as they are."""
    with open_node(target, zoo.load(model)) as node:
        if not isinstance(node, SerialNode):
            raise UsageError(f"{target} keeps no key; name a node")
        node.install_key(None)
    typer.echo("removed: the node's packets are no longer sealed")


def _device(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        device = bytes.fromhex(text)
    except ValueError:
        device = b""
    if len(device) != DEVICE_BYTES:
        raise UsageError(f"{text!r} is not a device; give {2 * DEVICE_BYTES} hexadecimal digits")
    return device
