# SPDX-License-Identifier: Apache-2.0
"""`glimpse evaluate`: models and classical codecs on the same pixels, every byte counted.

JSON:

- command, data, split, fit, size [width, height], payload, points (null: every packet), most_bpp, anchor, measure
  ("MS-SSIM", or "MS-SSIM (3 scales)" for small pictures), interpolation (of the BD-rates);
- photos: names of those measured; skipped [{image, reason}];
- codecs {codec: title}; models: names of those that are Glimpse's; left_out [sentences];
- rows [{codec, setting, image, bytes, bpp, psnr_db, ms_ssim, ms_ssim_db}]: every photo at every operating point; with
  labels also top1 and top1_ten (1 right, 0 wrong) and perceptual (distance of the classifier's inner maps, 0: none, see
  glimpse.evaluation.classify.perceptual_distance). A dB value is null for a picture equal to its original;
- means {codec: [{budget, photos, bytes, bpp, psnr_db, ms_ssim, ms_ssim_db}]}: averages over photos at equal budgets of
  bytes (see glimpse.evaluation.curves), photos: how many have a value there; with labels also top1 and top1_ten, with
  a detector map50 (0..1);
- task_means {codec: {top1, top1_ten, map50}}: averages over budgets of 300..3000 bytes, 0 where nothing is seen yet;
- table {codec: [{bpp, psnr_db, ms_ssim_db, top1, top1_ten, map50}]}: the mean curves at fixed rates, null outside;
- bd_rate {codec: {psnr_percent, ms_ssim_percent, and for each of psnr and ms_ssim: *_photos, *_percent_of_curves, *_db,
  *_overlap_db}}: *_percent: rate needed more than the anchor at equal quality, mean of the photos' own BD-rates up to
  most_bpp, and *_photos: how many have one; *_percent_of_curves: BD-rate of the mean curves; *_db: quality gained at
  equal rate, of the mean curves; *_overlap_db: the range of quality [low, high] that these have in common. With labels
  or a detector also top1, top1_ten and map50: what is gained (0..1) at equal rate. null where not defined, with
  sentences in bd_problems {codec: {key or measure: sentence}};
- saliency {model: {branch or map: {max_f, mae, threshold, photos}}}, if asked for;
- with --sequence instead: command, every, fit and sequences, see glimpse.commands.sequence;
- with --against-loss instead of all this: see glimpse.commands.against_loss;
- loss {rows [{codec, image, loss, seed, bytes, psnr_db, ms_ssim, ms_ssim_db}], means [the same over photos and seeds]};
  with labels also top1, top1_ten and perceptual, with a detector map50 in the means.
"""

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from glimpse import zoo
from glimpse.commands.against_loss import run_against_loss
from glimpse.commands.lists import list_names, read_percentages, spread_out
from glimpse.commands.options import EvaluationFit, JsonOption, PayloadOption
from glimpse.commands.sequence import Asked, EveryOption, HoldOption, SequenceOption, evaluate_sequences
from glimpse.errors import GlimpseError, UsageError
from glimpse.evaluation import classical
from glimpse.evaluation import saliency as saliency_scores
from glimpse.evaluation.curves import MOST_BPP
from glimpse.evaluation.loss_plan import LOSSES
from glimpse.evaluation.measure import Bench, Measured, Plan, measure, photos_in, shape_of
from glimpse.evaluation.result import Result, summarise
from glimpse.evaluation.sequence import HOLD
from glimpse.evaluation.table import tables
from glimpse.evaluation.variant import base_name
from glimpse.files import check_place, make_folder, write_json
from glimpse.progress import progress

ANCHOR = "jpeg"
SALIENCY_SPLIT = "val"


class Split(StrEnum):
    """Which photos of the folder."""

    ALL = "all"
    VALIDATION = "validation"
    TRAINING = "training"


def evaluate(
    data: Annotated[Path | None, typer.Option(help="Folder of photos.", show_default=False)] = None,
    models: Annotated[
        str | None, typer.Option(help="Models, separated by commas; none: no model.", show_default="all at hand")
    ] = None,
    baselines: Annotated[
        str, typer.Option(help=f"Classical codecs: {', '.join(classical.names())}; none: none.")
    ] = ",".join(classical.DEFAULTS),
    payload: PayloadOption = 222,
    fit: Annotated[EvaluationFit, typer.Option(help="crop the middle, or squash.")] = EvaluationFit.CROP,
    anchor: Annotated[str, typer.Option(help="Codec that BD-rates compare with.")] = ANCHOR,
    most_bpp: Annotated[
        float, typer.Option("--max-bpp", min=0.05, max=24, help="Compare up to this rate, bits per pixel.")
    ] = MOST_BPP,
    split: Annotated[Split, typer.Option(help="Which photos; validation: every 20th by name.")] = Split.ALL,
    limit: Annotated[int | None, typer.Option(min=1, help="Most photos, spread over the folder.")] = None,
    points: Annotated[int | None, typer.Option(min=1, help="Prefixes of a model's packets to look at.")] = None,
    loss: Annotated[str | None, typer.Option(help="Also lose packets: percentages, such as 0,10,20.")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Draws of each loss.")] = 3,
    classifier: Annotated[Path | None, typer.Option(help="TensorFlow Lite classifier: accuracy too.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Its labels, one a line.")] = None,
    detector: Annotated[Path | None, typer.Option(help="FastestDet.onnx: detection too.")] = None,
    saliency: Annotated[
        Path | None, typer.Option(help="Folder with img/, mask/ and a manifest: compare saliency maps with masks.")
    ] = None,
    sequence: SequenceOption = None,
    every: EveryOption = 1,
    hold: HoldOption = HOLD,
    against_loss: Annotated[
        bool, typer.Option("--against-loss", help="Quality against loss instead, with and without parity.")
    ] = False,
    tune_on: Annotated[
        Path | None, typer.Option(help="Folder of training photos that --against-loss chooses redundancy on.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes at a time.")] = 2,
    plot: Annotated[Path | None, typer.Option(help="Folder for plots.", show_default=False)] = None,
    json: JsonOption = None,
) -> None:
    """Quality against bytes: models and classical codecs on a folder of photos."""
    console = Console(file=sys.stderr) if json == "-" else Console()
    if json not in (None, "-"):
        check_place(Path(json))
    if (data is None) == (not sequence):
        raise UsageError("name either a folder of photos with --data or a fixed camera's frames with --sequence")
    if sequence:
        names = tuple(zoo.names()) if models is None else list_names(models)
        asked = Asked(tuple(sequence), names, payload, fit.value, read_percentages(loss) or (0.0,), every, limit, hold)
        evaluate_sequences(asked, console, json)
        return
    assert data is not None
    if plot is not None:
        make_folder(plot)
    files = spread_out(photos_in(data, split.value), limit)
    if against_loss:
        losses = read_percentages(loss) or LOSSES
        names = tuple(zoo.names()) if models is None else list_names(models)
        run_against_loss(console, data, files, tune_on, names, losses, seeds, fit.value, jobs, plot, json)
        return
    chosen, left_out = _codecs(models, baselines, payload)
    height, width = shape_of(chosen[0])
    if (classifier is None) != (labels is None):
        raise UsageError("accuracy needs both --classifier and --labels; give the missing one")
    folders = tuple(sorted({file.parent.name for file in files}))
    plan = Plan(
        *chosen,
        payload,
        fit.value,
        height,
        width,
        points,
        read_percentages(loss),
        seeds,
        most_bpp,
        classifier,
        labels,
        folders,
        detector,
    )
    # Whatever is missing is told before hours of work.
    bench = Bench(plan)
    if anchor not in {codec.name for codec in bench.codecs}:
        raise UsageError(f"the anchor {anchor!r} is not among the codecs; name it in --baselines or choose another")
    if saliency is not None and not _with_saliency(plan):
        raise UsageError("none of the models has a saliency branch; leave --saliency out")
    result = _measure(bench, data, files, jobs)
    numbers = summarise(result, bench, anchor)
    numbers = {
        "command": shlex.join(["glimpse", *sys.argv[1:]]),
        "data": str(data),
        "split": split.value,
        **numbers,
        "left_out": left_out,
    }
    if saliency is not None:
        numbers["saliency"] = _saliency(plan, saliency)
    _tell(console, numbers, plot)
    if json is not None:
        write_json(json, numbers)


def _tell(console: Console, numbers: dict[str, Any], plot: Path | None) -> None:
    skipped = (f"{each['image']}: {each['reason']}" for each in numbers["skipped"])
    for sentence in (*numbers["left_out"], *skipped):
        console.print(sentence, style="dim", highlight=False, markup=False)
    for table in tables(numbers):
        console.print(table)
    if plot is not None:
        from glimpse.evaluation.plots import write_plots

        for path in write_plots(numbers, plot):
            console.print(f"{path}", highlight=False, markup=False)


def _with_saliency(plan: Plan) -> list[str]:
    names = dict.fromkeys(base_name(each) for each in plan.models)
    return [name for name in names if zoo.load(name).binding.side_bytes]


def _saliency(plan: Plan, folder: Path) -> dict[str, Any]:
    """Scores of the maps of every model that has one, on the validation split."""
    scores: dict[str, Any] = {}
    for name in _with_saliency(plan):
        with progress(f"saliency of {name}"):
            found = saliency_scores.evaluate(name, folder, SALIENCY_SPLIT, plan.fit)
        scores[name] = {source: score.numbers() for source, score in found.items()}
    return scores


def _codecs(models: str | None, baselines: str, payload: int) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], list]:
    """Models and baselines that can be used here, and a sentence for each that cannot."""
    names = tuple(zoo.names()) if models is None else list_names(models)
    kept, left_out = [], []
    for name in list_names(baselines):
        try:
            classical.make(name, payload)
            kept.append(name)
        except UsageError:
            raise
        except GlimpseError as error:
            left_out.append(str(error))
    if not names and not kept:
        raise UsageError("there is nothing to compare; name models or baselines")
    return (names, tuple(kept)), left_out


def _measure(bench: Bench, data: Path, files: list[Path], jobs: int) -> Result:
    with progress(f"0 of {len(files)} photos", len(files)) as task:
        count = 0

        def on_photo(done: Measured) -> None:
            nonlocal count
            count += 1
            task.advance()
            task.say(f"{count} of {len(files)} photos: {done.image}")

        result = Result(tuple(measure(bench, data, files, jobs, on_photo)))
    if not result.used:
        first = result.skipped[0]
        raise GlimpseError(f"none of the {len(files)} photos in {data} can be used; the first: {first.problem}")
    return result
