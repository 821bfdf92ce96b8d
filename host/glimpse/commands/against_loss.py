# SPDX-License-Identifier: Apache-2.0
"""`glimpse evaluate --against-loss`: models with and without parity, and streams under erasure codes, at equal bytes.

JSON: command, data, photos, tuned_on (photos that redundancy was chosen on), size, fit, rates, payloads, losses, seeds,
models, links {name: what it is}, typical_loss, order {model: 0..1, see glimpse.evaluation.redundancy.Curve}, and

- chosen [{codec, protection, link, payload, bpp, loss, packets, bytes (of a packet), rules [[packets, parity], ...]}];
- against_loss [{codec, protection, link, payload, bpp, loss, bytes, ms_ssim, psnr_db, ms_ssim_db}]: means over photos.

protection: none; suited (ours), uniform and weighted (a stream's): chosen for the link and the loss; fixed: chosen once
for typical_loss, of ours the best that has any parity. loss: 0..1. bytes: sent, everything counted.
"""

import shlex
import sys
from pathlib import Path

from rich.console import Console

from glimpse.errors import UsageError
from glimpse.evaluation import against_loss
from glimpse.evaluation.loss_plan import Plan
from glimpse.evaluation.loss_table import loss_tables
from glimpse.evaluation.measure import photos_in, shape_of
from glimpse.files import write_json
from glimpse.progress import progress

# Chosen on two photos, redundancy cost others up to 0.06 of MS-SSIM in single settings; sixteen choose no better than
# these do.
TRAINING_PHOTOS = 8


def run_against_loss(
    console: Console,
    data: Path,
    files: list[Path],
    tune_on: Path | None,
    models: tuple[str, ...],
    losses: tuple[float, ...],
    seeds: int,
    fit: str,
    jobs: int,
    plot: Path | None,
    json: str | None,
) -> None:
    """Measures, and shows and writes what was found.

    Raises:
        UsageError: no training photos named.
    """
    if tune_on is None:
        raise UsageError("--against-loss chooses redundancy on training photos; name their folder with --tune-on")
    training = photos_in(tune_on, "validation")
    training = [training[number * len(training) // TRAINING_PHOTOS] for number in range(TRAINING_PHOTOS)]
    height, width = shape_of(models)
    plan = Plan(models, (width, height), fit, losses=losses, seeds=seeds)
    with progress("training photos", len(training) + 1 + len(files)) as task:

        def on_photo(text: str) -> None:
            task.advance()
            task.say(text)

        numbers = against_loss.run(plan, data, files, sorted(set(training)), jobs, on_photo)
    numbers = {"command": shlex.join(["glimpse", *sys.argv[1:]]), "data": str(data), **numbers}
    for table in loss_tables(numbers):
        console.print(table)
    if plot is not None:
        from glimpse.evaluation.loss_plots import write_loss_plots

        for path in write_loss_plots(numbers, plot):
            console.print(f"{path}", highlight=False, markup=False)
    if json is not None:
        write_json(json, numbers)
