# SPDX-License-Identifier: Apache-2.0
"""`glimpse feedback`: the bytes that a receiver's "enough" saves at equal accuracy.

JSON:

- command, data, train, fit, payload, downlink_bytes (of one answer), photos {data: n, train: n}, skipped
  [sentences];
- savings {model: [...]}: see glimpse.evaluation.feedback_measure.savings; signal: margin (of the classifier among all
  labels), margin_ten (among the folder's classes) or change_db (of the picture, without a classifier);
- tracks {model: {data: [...], train: [...]}}: each photo after every packet, {image, bytes, top1, top1_ten, margin,
  margin_ten, change_db}, from which all of this can be computed again.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from glimpse.commands.lists import list_names, spread_out
from glimpse.commands.options import EvaluationFit, JsonOption, PayloadOption
from glimpse.errors import GlimpseError, UsageError
from glimpse.evaluation.feedback_measure import SIGNALS, Plan, all_tracks, savings
from glimpse.evaluation.feedback_table import table
from glimpse.evaluation.measure import photos_in
from glimpse.feedback import DOWNLINK_BYTES
from glimpse.files import check_place, write_json
from glimpse.progress import progress


def feedback(
    data: Annotated[Path, typer.Option(help="Folder of class folders of photos to judge on.", show_default=False)],
    train: Annotated[Path, typer.Option(help="The same of photos to choose thresholds on.", show_default=False)],
    classifier: Annotated[Path, typer.Option(help="TensorFlow Lite classifier.", show_default=False)],
    labels: Annotated[Path, typer.Option(help="Its labels, one a line.", show_default=False)],
    models: Annotated[str, typer.Option(help="Models, separated by commas.")] = "limitnet,mcucoder",
    payload: PayloadOption = 222,
    fit: Annotated[EvaluationFit, typer.Option(help="crop the middle, or squash.")] = EvaluationFit.CROP,
    limit: Annotated[int | None, typer.Option(min=2, help="Most photos of each folder, spread over it.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes at a time.")] = 2,
    json: JsonOption = None,
) -> None:
    """Bytes saved when the receiver says "enough", against the same budget for every photo."""
    console = Console(file=sys.stderr) if json == "-" else Console()
    if json not in (None, "-"):
        check_place(Path(json))
    if train.exists() and data.exists() and train.samefile(data):
        raise UsageError(f"thresholds chosen on the photos of {data} say nothing there; give --train another folder")
    files = {"train": spread_out(photos_in(train), limit), "data": spread_out(photos_in(data), limit)}
    names = list_names(models)
    if not names:
        raise UsageError("there is nothing to send photos with; name --models")
    classes = tuple(sorted({file.parent.name for each in files.values() for file in each}))
    plan = Plan(names, payload, fit.value, classifier, labels, classes)
    work = [(file, str(file.relative_to(train))) for file in files["train"]]
    work += [(file, str(file.relative_to(data))) for file in files["data"]]
    with progress(f"{len(work)} photos", len(work)) as task:
        found = all_tracks(plan, work, jobs, lambda _: task.advance())
    split = len(files["train"])
    used = {
        part: [each for each in some if not isinstance(each, str)]
        for part, some in (("train", found[:split]), ("data", found[split:]))
    }
    skipped = [each for each in found if isinstance(each, str)]
    if min(map(len, used.values())) < 2:
        raise GlimpseError(f"fewer than two photos of a folder can be used; give more ({'; '.join(skipped[:1])})")
    tracks = {
        name: {part: [each[number] for each in some] for part, some in used.items()}
        for number, name in enumerate(names)
    }
    with progress("thresholds"):
        saved = {
            name: [
                point
                for signal, measures in SIGNALS.items()
                for measure in measures
                for point in savings(each["train"], each["data"], signal, measure)
            ]
            for name, each in tracks.items()
        }
    numbers: dict[str, Any] = {
        "command": shlex.join(["glimpse", *sys.argv[1:]]),
        "data": str(data),
        "train": str(train),
        "fit": fit.value,
        "payload": payload,
        "downlink_bytes": DOWNLINK_BYTES,
        "photos": {part: len(some) for part, some in used.items()},
        "skipped": skipped,
        "savings": saved,
        "tracks": {
            name: {part: [one.numbers() for one in found] for part, found in each.items()}
            for name, each in tracks.items()
        },
    }
    for each in skipped:
        console.print(each, style="dim", highlight=False, markup=False)
    console.print(table(numbers))
    if json is not None:
        write_json(json, numbers)
