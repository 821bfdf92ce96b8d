# SPDX-License-Identifier: Apache-2.0
"""`glimpse flash`: programs a board, or sends a model to a node that already runs."""

from pathlib import Path
from typing import Annotated

import typer

from glimpse import firmware
from glimpse.commands.options import TargetModelOption, model_for
from glimpse.errors import UsageError
from glimpse.firmware import BOARDS
from glimpse.maix import kflash
from glimpse.maix.flash import Plan, flash_maix
from glimpse.progress import progress
from glimpse.targets import open_node


def flash(
    target: Annotated[
        str,
        typer.Option(
            help="serial:/dev/ttyACM0 (a board), maix:/dev/ttyUSB0 (a K210 board), maix (only its SD card or package) "
            "or sim:cortex-m7 (an emulated one)."
        ),
    ],
    board: Annotated[
        str | None,
        typer.Option(
            help=f"The board behind a serial target: {' or '.join(BOARDS)}; behind a maix target: "
            f"{', '.join(kflash.BOARDS)} (kflash's names, {kflash.DEFAULT_BOARD} without one)."
        ),
    ] = None,
    model: TargetModelOption = None,
    only_model: Annotated[
        bool, typer.Option("--only-model", help="Leave the firmware alone; send the model over the serial line.")
    ] = False,
    micropython: Annotated[
        Path | None,
        typer.Option("--firmware", metavar="FILE", help="MaixPy v1 (.bin) for a K210 board.", show_default=False),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option("--sd", metavar="DIR", help="Write the K210 node's files to this SD card.", show_default=False),
    ] = None,
    package: Annotated[
        Path | None,
        typer.Option("--kfpkg", metavar="FILE", help="Keep what kflash programs in this file.", show_default=False),
    ] = None,
    baud: Annotated[
        int, typer.Option(min=9600, max=7_500_000, help="Speed at which kflash writes.")
    ] = kflash.DEFAULT_BAUD,
) -> None:
    """Builds the firmware, programs the board through its debug probe, and asks the node who it is.

    A K210 board gets MaixPy v1 (from a file of yours), the network and the node's scripts instead.
    """
    kind, _, port = target.partition(":")
    chosen = model_for(target, model)
    if kind == "maix":
        if only_model:
            raise UsageError("a K210 node's model lies on its disk; leave --only-model out")
        for line in flash_maix(Plan(port or None, chosen, micropython, card, package, board, baud)):
            print(line)
        return
    if micropython or card or package:
        raise UsageError("--firmware, --sd and --kfpkg are for K210 boards; use --target maix:/dev/ttyUSB0")
    if target == "native":
        raise UsageError("native runs in this computer and needs no flashing; name a board or an emulated one")
    if not only_model and not target.startswith("sim:"):
        if board not in BOARDS:
            raise UsageError(f"say which board hangs on {target}: --board {' or --board '.join(BOARDS)}")
        with progress(f"programming {board}"):
            firmware.program(board, chosen.folder)
    with open_node(target, chosen) as node:
        info = node.identify()
    where = "built in" if info.slot is None else f"slot {info.slot}"
    print(f"{info.board}, firmware {info.firmware}: runs {info.model} revision {info.revision} ({where})")
