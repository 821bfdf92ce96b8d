# SPDX-License-Identifier: Apache-2.0
"""`glimpse feedback`: the bytes that a receiver's "enough" saves at equal accuracy.

JSON:

- command, data, train, fit, payload, downlink_bytes (of one answer), photos {data: n, train: n}, skipped [{image,
  reason}];
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

from glimpse import zoo
from glimpse.commands.evaluate import EvaluationFit, _names, _some
from glimpse.commands.options import JsonOption, PayloadOption
from glimpse.decoder import PictureDecoder
from glimpse.errors import GlimpseError, UsageError
from glimpse.evaluation.classify import Classifier
from glimpse.evaluation.feedback_measure import SIGNALS, Track, savings, track
from glimpse.evaluation.feedback_table import table
from glimpse.evaluation.measure import photos_in
from glimpse.feedback import DOWNLINK_BYTES
from glimpse.files import check_place, write_json
from glimpse.photo import fit_photo, load_photo
from glimpse.progress import Task, progress


def feedback(
    data: Annotated[Path, typer.Option(help="Folder of class folders of photos to judge on.", show_default=False)],
    train: Annotated[Path, typer.Option(help="The same of photos to choose thresholds on.", show_default=False)],
    classifier: Annotated[Path, typer.Option(help="TensorFlow Lite classifier.", show_default=False)],
    labels: Annotated[Path, typer.Option(help="Its labels, one a line.", show_default=False)],
    models: Annotated[str, typer.Option(help="Models, separated by commas.")] = "limitnet,mcucoder",
    payload: PayloadOption = 222,
    fit: Annotated[EvaluationFit, typer.Option(help="crop the middle, or squash.")] = EvaluationFit.CROP,
    limit: Annotated[int | None, typer.Option(min=2, help="Most photos of each folder, spread over it.")] = None,
    json: JsonOption = None,
) -> None:
    """Bytes saved when the receiver says "enough", against the same budget for every photo."""
    console = Console(file=sys.stderr) if json == "-" else Console()
    if json not in (None, "-"):
        check_place(Path(json))
    if train.exists() and data.exists() and train.samefile(data):
        raise UsageError(f"thresholds chosen on the photos of {data} say nothing there; give --train another folder")
    files = {"train": _some(photos_in(train), limit), "data": _some(photos_in(data), limit)}
    folders = {name: train if name == "train" else data for name in files}
    names = _names(models)
    if not names:
        raise UsageError("there is nothing to send photos with; name --models")
    judge = Classifier(classifier, labels, {file.parent.name for each in files.values() for file in each})
    loaded = {name: zoo.load(name) for name in names}
    decoders = {name: PictureDecoder(model) for name, model in loaded.items()}
    skipped: list[dict[str, str]] = []
    tracks: dict[str, dict[str, list[Track]]] = {name: {} for name in names}
    with progress("photos", len(names) * sum(map(len, files.values()))) as task:
        for name in names:
            for part, each in files.items():
                task.say(f"{name}: {part}")
                found = _tracks(loaded[name], decoders[name], judge, folders[part], each, payload, fit, skipped, task)
                if len(found) < 2:
                    raise GlimpseError(f"fewer than two photos in {folders[part]} can be used; give more")
                tracks[name][part] = found
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
        "photos": {part: len(tracks[names[0]][part]) for part in files},
        "skipped": skipped,
        "savings": saved,
        "tracks": {
            name: {part: [one.numbers() for one in found] for part, found in each.items()}
            for name, each in tracks.items()
        },
    }
    for each in skipped:
        console.print(f"{each['image']}: {each['reason']}", style="dim", highlight=False, markup=False)
    console.print(table(numbers))
    if json is not None:
        write_json(json, numbers)


def _tracks(
    model: zoo.ZooModel,
    decoder: PictureDecoder,
    judge: Classifier,
    folder: Path,
    files: list[Path],
    payload: int,
    fit: EvaluationFit,
    skipped: list[dict[str, str]],
    task: Task,
) -> list[Track]:
    found = []
    for file in files:
        image = str(file.relative_to(folder))
        try:
            photo = fit_photo(load_photo(file), model.binding.photo_width, model.binding.photo_height, fit.value)
            found.append(track(model, decoder, judge, photo, image, file.parent.name, payload))
        except GlimpseError as error:
            skipped.append({"image": image, "reason": str(error)})
        task.advance()
    return found
