# SPDX-License-Identifier: Apache-2.0
"""`glimpse train`: a codec from photos.

OUT gets encoder, decoder and rate_model.weights.h5 and the optimizer's state after every epoch, run.json (the
settings), log.jsonl (one line an epoch; the first, epoch -1, validates the weights that training starts from) and
TensorBoard's events. JSON: model, out, seconds, steps, and of the held-out photos loss, psnr, ms_ssim and bpp (bits per
pixel as the rate model estimates them).
"""

import importlib.util
import json as json_module
import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from glimpse import zoo
from glimpse.commands.options import JsonOption
from glimpse.errors import GlimpseError, UsageError
from glimpse.files import make_folder, write_json

LOSSES = ("ms-ssim", "mse", "saliency", "task", "perceptual", "distillation")


class Backend(StrEnum):
    """What Keras computes with."""

    TORCH = "torch"
    JAX = "jax"
    TENSORFLOW = "tensorflow"


class Precision(StrEnum):
    """Of the convolutions."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Terms(StrEnum):
    """Which photos may be used."""

    ANY = "any"
    OPEN = "open"


class Drop(StrEnum):
    """Which symbols are not sent in training."""

    SUFFIX = "suffix"
    GRADUAL = "gradual"


def train(
    data: Annotated[Path, typer.Option(help="Folder of photos, at least 100.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for weights and log.", show_default=False)],
    model: Annotated[
        str | None, typer.Argument(help="mcucoder, mcucoder-mse, limitnet or starfish.", show_default="of --from")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Model of the zoo or folder of a training to start from.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with the training in OUT.")] = False,
    loss: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(LOSSES)}, with =WEIGHT behind it; repeat for a sum.", show_default="by model"),
    ] = None,
    rate_weight: Annotated[
        float | None, typer.Option(min=0, help="Weight of one bit per pixel.", show_default="by model")
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Wall-clock time.", show_default="no limit")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Batches.", show_default="20000 without --minutes")] = None,
    learning_rate: Annotated[float, typer.Option(min=1e-7, help="At its highest; it falls along a cosine.")] = 5e-4,
    average: Annotated[
        float, typer.Option(min=0, max=0.9999, help="Ends with a moving average of the weights that keeps this share.")
    ] = 0.0,
    batch: Annotated[int, typer.Option(min=1, help="Pictures in a batch.")] = 8,
    crop: Annotated[int, typer.Option(min=48, help="Side of training crops in pixels.")] = 192,
    epoch: Annotated[int, typer.Option(min=1, help="Batches between two checkpoints.")] = 200,
    drop: Annotated[Drop, typer.Option(help="gradual: by saliency and channel (LimitNet).")] = Drop.SUFFIX,
    erased: Annotated[float, typer.Option(min=0, max=1, help="Share of pictures that lose packets.")] = 0.25,
    lost_bytes: Annotated[
        float | None, typer.Option(min=0, max=1, help="Lose single symbols at this rate instead (Starfish).")
    ] = None,
    patches: Annotated[int | None, typer.Option(help="Starfish: 1, 4 or 16.", show_default="4")] = None,
    levels: Annotated[int | None, typer.Option(help="Bins of the quantiser.", show_default="by model")] = None,
    node: Annotated[
        Path | None, typer.Option(help="Model folder: tune the decoder alone on what its int8 encoder sends.")
    ] = None,
    ends: Annotated[
        str | None,
        typer.Option(help="With --node: bytes after which half of the links end, such as 300-900.", show_default="any"),
    ] = None,
    saliency: Annotated[Path | None, typer.Option(help="Folder of img/ and mask/, for the saliency loss.")] = None,
    labelled: Annotated[Path | None, typer.Option(help="Folder of class folders, for the task loss.")] = None,
    classifier: Annotated[
        Path | None, typer.Option(help="Quantised MobileNetV2 (.tflite), or weights of VGG16 (.h5); kept frozen.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Names of the classifier's classes, one a line.")] = None,
    terms: Annotated[
        Terms, typer.Option(help="open: only photos that the manifest calls openly licensed.")
    ] = Terms.ANY,
    manifest: Annotated[Path | None, typer.Option(help="CSV of the photos' origins and terms.")] = None,
    backend: Annotated[
        Backend | None,
        typer.Option(help="What Keras computes with.", show_default="KERAS_BACKEND, or what is installed"),
    ] = None,
    precision: Annotated[
        Precision, typer.Option(help="bfloat16 is quicker where the processor has it.")
    ] = Precision.FLOAT32,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 1,
    json: JsonOption = None,
) -> None:
    """Train a codec on a folder of photos, or go on from weights: `glimpse train --from mcucoder --data DIR`."""
    choose_backend(backend)
    from glimpse.training import job as jobs
    from glimpse.training.codec import Objective
    from glimpse.training.trainer import Schedule

    origin = _origin(start, out if resume else None)
    name = model or _model_of(origin)
    d = jobs.definition(name, patches, levels)
    weights = _weights(loss, d.distortion)
    objective = Objective(**weights, rate=d.rate_weight if rate_weight is None else rate_weight)
    warmup = 20 if resume else 100
    schedule = Schedule(learning_rate, steps or (None if minutes else 20000), minutes, epoch, warmup, average)
    make_folder(out)
    job = jobs.Job(
        model=name,
        data=data,
        out=out,
        start=origin,
        objective=objective,
        schedule=schedule,
        drop=drop.value,
        batch=batch,
        crop=crop,
        erased=erased,
        lost_bytes=lost_bytes,
        patches=patches,
        levels=levels,
        precision=precision.value,
        node=node,
        ends=_between(ends),
        saliency=saliency,
        labelled=labelled,
        classifier=classifier,
        labels=labels,
        terms=terms.value,
        manifest=manifest,
        seed=seed,
    )
    from glimpse.training.watch import EventLog, Watch

    began = time.time()
    with Watch(schedule, batch) as watch:
        try:
            jobs.run(job, [watch, EventLog(out)], resume=resume)
        except FileNotFoundError as error:
            raise GlimpseError(f"{error}; name a folder of photos with --data") from error
    numbers: dict[str, Any] = {"model": name, "out": str(out), "seconds": round(time.time() - began), **watch.numbers()}
    if json != "-":
        typer.echo(
            f"{out}: {numbers['steps']:,} batches in {numbers['seconds']} s; validation: loss {numbers['loss']:.4f}, "
            f"{numbers['psnr']:.2f} dB, MS-SSIM {numbers['ms_ssim']:.4f}, about {numbers['bpp']:.3f} bits a pixel; "
            f"next: glimpse export {out} --data {data} --out DIR"
        )
    if json is not None:
        write_json(json, numbers)


def choose_backend(backend: Backend | None) -> None:
    """Sets Keras's backend before Keras is imported.

    Raises:
        GlimpseError: Keras or the backend is not installed.
    """
    if importlib.util.find_spec("keras") is None:
        raise GlimpseError("training needs Keras; type: pip install 'glimpse-lpwan[train]'")
    wanted = backend.value if backend else os.environ.get("KERAS_BACKEND")
    if wanted is None:
        wanted = next((b.value for b in Backend if importlib.util.find_spec(b.value)), None)
    if wanted is None or importlib.util.find_spec(wanted) is None:
        named = wanted or "torch, jax or tensorflow"
        raise GlimpseError(f"Keras has no backend to compute with: {named} is not installed; pip install it")
    os.environ["KERAS_BACKEND"] = wanted
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _between(text: str | None) -> tuple[int, int] | None:
    """The two numbers of "300-900"."""
    if text is None:
        return None
    fewest, _, most = text.partition("-")
    if not (fewest.strip().isdigit() and most.strip().isdigit()):
        raise UsageError(f"{text!r} is not two numbers of bytes; give --ends the fewest and the most, such as 300-900")
    return int(fewest), int(most)


def _origin(start: str | None, resumed: Path | None) -> Path | None:
    """The folder with the weights to start from."""
    if resumed is not None:
        if not (resumed / "encoder.weights.h5").is_file() and not (resumed / "decoder.weights.h5").is_file():
            raise GlimpseError(f"{resumed} holds no training to go on with; leave --resume away to begin one")
        return resumed
    if start is None:
        return None
    if (Path(start) / "decoder.weights.h5").is_file():
        return Path(start)
    checkpoint = zoo.load(start).folder / "checkpoint"
    if not checkpoint.is_dir():
        raise GlimpseError(f"model {start} was shipped without weights to train on; name the folder of a training")
    return checkpoint


def _model_of(origin: Path | None) -> str:
    """Which codec a folder's weights belong to."""
    if origin is None:
        raise UsageError("say which codec to train, such as: glimpse train mcucoder --data DIR --out DIR")
    for file in (origin / "run.json", origin.parent / "run.json"):
        if file.is_file():
            try:
                return str(json_module.loads(file.read_text())["model"])
            except (ValueError, KeyError, TypeError) as error:
                raise GlimpseError(f"{file} is damaged; name the codec: glimpse train mcucoder --from ...") from error
    if (origin.parent / "model.toml").is_file():
        return zoo.load(str(origin.parent)).name
    raise UsageError(f"{origin} does not say which codec it is; name it: glimpse train mcucoder --from {origin}")


def _weights(losses: list[str] | None, default: str) -> dict[str, float]:
    """Weights by the names that Objective has, such as {"ms_ssim": 1.0}."""
    if not losses:
        # A little squared error holds the colours, which MS-SSIM hardly looks at.
        losses = ["ms-ssim=1", "mse=0.04"] if default == "ms-ssim" else ["mse=1"]
    weights: dict[str, float] = {}
    for text in losses:
        name, _, number = text.partition("=")
        try:
            value = float(number or 1)
        except ValueError:
            value = -1.0
        if name not in LOSSES or value <= 0:
            raise UsageError(f"--loss {text!r} is none of {', '.join(LOSSES)} with a positive weight, such as mse=0.5")
        weights[name.replace("-", "_")] = value
    return weights
