# SPDX-License-Identifier: Apache-2.0
"""`glimpse evaluate --sequence`: what a fixed camera saves by sending what changed.

JSON:

- command, every (one frame of so many is taken), fit;
- sequences [{sequence, frames, model, payload, hold, rows, savings}], one for each sequence and model:
  - rows [{way, loss, budget, bytes, psnr_db, ms_ssim, ms_ssim_db, images, old}]: averages over the frames; way: images
    or prior, budget: most bytes of a frame, null: no limit, bytes: sent for a frame, images: frames sent as images,
    old: share of the symbols shown that were an older frame's;
  - savings [{loss, percent, percent_at_whole_images, whole_image_bytes, whole_image_ms_ssim_db, prior_whole_bytes,
    prior_whole_ms_ssim_db, prior_most_ms_ssim_db}]: percent: bytes saved at equal MS-SSIM, the Bjontegaard difference
    of the two ways; percent_at_whole_images: at the MS-SSIM of whole image frames, null where the prior way does not
    reach it (it holds what is near enough); the others say what whole frames cost and show.
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.evaluation.sequence import BUDGETS, Scene, frames_of, measure
from glimpse.files import write_json
from glimpse.photo import Fit
from glimpse.progress import progress

SequenceOption = Annotated[
    list[Path] | None,
    typer.Option(help="Instead of --data: frames of a fixed camera, a folder or a film; may be given again."),
]
EveryOption = Annotated[int, typer.Option(min=1, help="With --sequence: take one frame of so many.")]
HoldOption = Annotated[
    float, typer.Option(min=0, max=15, help="With --sequence: quantiser steps that count as no change.")
]


@dataclass(frozen=True)
class Asked:
    """What is measured; fields as the options of the command."""

    sequences: tuple[Path, ...]
    models: tuple[str, ...]
    payload: int
    fit: Fit
    losses: tuple[float, ...]
    every: int
    limit: int | None
    hold: float


def evaluate_sequences(asked: Asked, console: Console, json: str | None) -> None:
    """Measures, shows a table, writes the JSON.

    Raises:
        GlimpseError: no such model or frames, or fewer than two.
    """
    models = [zoo.load(name) for name in asked.models]
    found = []
    for path in asked.sequences:
        pictures = list(frames_of(path, asked.every, asked.limit))
        if len(pictures) < 2:
            raise GlimpseError(f"{path} has fewer than two frames to compare; name more, or a smaller --every")
        for model in models:
            with progress(f"{path.name}, {model.name}", 2 * len(BUDGETS) * len(asked.losses)) as task:
                scene = Scene(model, pictures, asked.fit)
                numbers = measure(scene, asked.payload, asked.losses, asked.hold, task.advance)
            found.append({"sequence": path.name, "frames": len(pictures), **numbers})
    table = Table("sequence", "model", "lost", "whole images", "whole prior", "saved at equal MS-SSIM")
    for each in found:
        for saving in each["savings"]:
            percent = saving["percent"]
            table.add_row(
                each["sequence"],
                each["model"],
                f"{100 * saving['loss']:g} %",
                f"{saving['whole_image_bytes']:.0f} B {saving['whole_image_ms_ssim_db']:.1f} dB",
                f"{saving['prior_whole_bytes']:.0f} B {saving['prior_whole_ms_ssim_db']:.1f} dB",
                "not comparable" if percent is None else f"{percent:.0f} %",
            )
    console.print(table)
    if json is not None:
        command = shlex.join(["glimpse", *sys.argv[1:]])
        write_json(json, {"command": command, "every": asked.every, "fit": asked.fit, "sequences": found})
