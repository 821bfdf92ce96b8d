# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share, spelled and explained once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from glimpse import zoo
from glimpse.binding import MAX_FRAME, MAX_PAYLOAD, MIN_PAYLOAD
from glimpse.errors import UsageError

TARGETS = "native, sim:cortex-m7, sim:cortex-m33, sim:k210, serial:/dev/ttyACM0 or maix:/dev/ttyUSB0."


class Coding(StrEnum):
    """How symbols become bits."""

    RAW = "raw"
    RANGE = "range"


class Fit(StrEnum):
    """How a photo of any shape becomes the network's square."""

    CROP = "crop"
    SQUASH = "squash"
    PAD = "pad"


class EvaluationFit(StrEnum):
    """How a photo becomes the pixels that codecs are compared on."""

    CROP = "crop"
    SQUASH = "squash"


TargetOption = Annotated[str, typer.Option(help=f"Where the node is: {TARGETS}")]
ModelOption = Annotated[str, typer.Option(help="Name of a model, or its folder.")]
PayloadOption = Annotated[
    int, typer.Option(min=MIN_PAYLOAD, max=MAX_PAYLOAD, help="Most bytes of a packet, header included.")
]
BudgetOption = Annotated[
    int | None, typer.Option(min=MIN_PAYLOAD, max=2**32 - 1, help="Most bytes of the whole frame, headers included.")
]
CodingOption = Annotated[Coding, typer.Option(help="raw: bits as they are; range: entropy coded.")]
FrameOption = Annotated[int, typer.Option(min=0, max=MAX_FRAME, help="Number of the frame.")]
FitOption = Annotated[Fit, typer.Option(help="crop the middle, squash, or pad with grey.")]
JsonOption = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON; - is standard output.")
]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Packets are sealed with this key.", show_default=False)
]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="File to write.")]
PatternOption = Annotated[bool, typer.Option("--pattern", help="The node's test pattern instead of a photo.")]
ArchiveOption = Annotated[
    list[Path] | None,
    typer.Option(help="Folder with old revisions of models, looked at first; may be repeated.", show_default=False),
]
DEFAULT_MODEL = zoo.DEFAULT
K210_MODEL = "starfish"  # the one that its accelerator runs
TargetModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", help="Name of a model, or its folder.", show_default=f"{DEFAULT_MODEL}; for a K210 {K210_MODEL}"
    ),
]


def model_for(target: str, model: str | None) -> zoo.ZooModel:
    """The model that was asked for, or the one that suits the target."""
    k210 = target == "sim:k210" or target.partition(":")[0] == "maix"
    return zoo.load(model or (K210_MODEL if k210 else DEFAULT_MODEL))


def require_tables(model: zoo.ZooModel, coding: Coding) -> None:
    """Refuses entropy coding with a model that has no tables for it, before a node is asked."""
    if coding is Coding.RANGE and not model.binding.has_range_tables:
        raise UsageError(f"model {model.name} has no tables for range coding; use --coding raw")
