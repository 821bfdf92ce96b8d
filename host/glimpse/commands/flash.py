# SPDX-License-Identifier: Apache-2.0
"""`glimpse flash`: programs a board, or sends a model to a node that already runs."""

from typing import Annotated

import typer

from glimpse import firmware, zoo
from glimpse.commands.options import DEFAULT_MODEL, ModelOption
from glimpse.errors import GlimpseError, UsageError
from glimpse.progress import progress
from glimpse.targets import open_node

BOARDS = ("stm32f746g_disco", "nrf5340dk")


def flash(
    target: Annotated[str, typer.Option(help="serial:/dev/ttyACM0 (a board) or sim:cortex-m7 (an emulated one).")],
    board: Annotated[str | None, typer.Option(help=f"The board behind a serial target: {' or '.join(BOARDS)}.")] = None,
    model: ModelOption = DEFAULT_MODEL,
    only_model: Annotated[
        bool, typer.Option("--only-model", help="Leave the firmware alone; send the model over the serial line.")
    ] = False,
) -> None:
    """Builds the firmware, programs the board through its debug probe, and asks the node who it is."""
    chosen = zoo.load(model)
    if target == "native":
        raise UsageError("native runs in this computer and needs no flashing; name a board or an emulated one")
    if not only_model and not target.startswith("sim:"):
        if board not in BOARDS:
            raise UsageError(f"say which board hangs on {target}: --board {' or --board '.join(BOARDS)}")
        _upload(board, chosen)
    with open_node(target, chosen) as node:
        info = node.identify()
    where = "built in" if info.slot is None else f"slot {info.slot}"
    print(f"{info.board}, firmware {info.firmware}: runs {info.model} revision {info.revision} ({where})")


def _upload(board: str, model: zoo.ZooModel) -> None:
    firmware.build(board, model.folder)
    with progress(f"programming {board}"):
        result = firmware.platformio("run", "-s", "-e", board, "-t", "upload", model=model.folder)
    if result.returncode:
        lines = [line for line in (result.stderr + result.stdout).splitlines() if line.strip()] or ["no message"]
        errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error")]
        reason = (errors or lines[-1:])[0]
        raise GlimpseError(f"programming {board} failed: {reason}")
