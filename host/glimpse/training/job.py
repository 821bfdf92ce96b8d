# SPDX-License-Identifier: Apache-2.0
"""One training, from its settings to the weights in a folder."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from glimpse.errors import GlimpseError, UsageError
from glimpse.files import make_folder, write_whole
from glimpse.training.codec import Codec, Objective
from glimpse.training.data import load_photos, load_squares, random_crops
from glimpse.training.definition import PHOTO_SIDE, Definition
from glimpse.training.node_symbols import Arrivals, Frames, labelled_frames, node_batches, node_frames
from glimpse.training.registry import definition
from glimpse.training.split import split_files
from glimpse.training.trainer import NETWORKS, Schedule, fit

SETTINGS = "run.json"
VGG_SUFFIX = ".h5"  # of VGG16's weights; other classifiers are .tflite files
FEATURE_STRIDES = (2, 4, 8, 16, 32)  # depths of the classifier that the perceptual distance looks at


@dataclass(frozen=True)
class Job:
    """Everything that a training depends on; it is written to OUT/run.json.

    Attributes:
        model: name of the codec.
        data: folder of photos.
        out: folder for weights and log.
        start: folder with weights to start from, None: from nothing.
        objective: weights of the terms of the loss.
        schedule: how long and how fast.
        drop: "suffix" or "gradual".
        batch: pictures.
        crop: side in pixels.
        erased: share of pictures that lose packets in training.
        lost_bytes: rate of single lost symbols instead (Starfish), None: packets.
        patches: in all, None: as published.
        levels: of a symbol, None: as published.
        precision: "float32", or "bfloat16" for the convolutions that bear it.
        node: model folder whose int8 encoder and quantiser are used; only the decoder learns then.
        ends: (fewest, most) bytes after which the links of half of the pictures end; only with a node. None: anywhere.
        saliency: folder of photos and masks.
        labelled: folder of class folders.
        classifier: TFLite file for task, perceptual loss and distillation, or VGG16's weights for the perceptual loss.
        labels: names of the classifier's classes.
        terms: "any", or "open" for openly licensed photos only.
        manifest: CSV of the photos' terms.
        seed: of everything.
    """

    model: str
    data: Path
    out: Path
    start: Path | None = None
    objective: Objective = field(default_factory=Objective)
    schedule: Schedule = field(default_factory=Schedule)
    drop: str = "suffix"
    batch: int = 8
    crop: int = 192
    erased: float = 0.25
    lost_bytes: float | None = None
    patches: int | None = None
    levels: int | None = None
    precision: str = "float32"
    node: Path | None = None
    ends: tuple[int, int] | None = None
    saliency: Path | None = None
    labelled: Path | None = None
    classifier: Path | None = None
    labels: Path | None = None
    terms: str = "any"
    manifest: Path | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        grid = 8 * self.definition.patches
        if self.crop % grid or self.crop < 48:
            raise UsageError(f"crops of {self.crop} pixels do not fit; choose a multiple of {grid}, at least 48")
        goal = self.objective
        if goal.task and (self.classifier is None or self.labelled is None):
            raise UsageError("the task loss needs --classifier FILE and --labelled DIR")
        if (goal.perceptual or goal.distillation) and self.classifier is None:
            raise UsageError("perceptual loss and distillation need --classifier FILE")
        if (goal.task or goal.distillation) and self.classifier and self.classifier.suffix == VGG_SUFFIX:
            raise UsageError("VGG16 without its classifier knows no classes; use it for the perceptual loss alone")
        if (goal.task or goal.perceptual or goal.distillation) and self.crop != PHOTO_SIDE:
            raise UsageError(f"the classifier looks at {PHOTO_SIDE} pixels; use --crop {PHOTO_SIDE}")
        if self.ends is not None and (self.node is None or not 0 < self.ends[0] <= self.ends[1]):
            raise UsageError("--ends takes the fewest and the most bytes, such as 300-900, and needs --node MODEL")
        if self.objective.saliency and self.saliency is None:
            raise UsageError("the saliency loss needs --saliency DIR")

    @property
    def definition(self) -> Definition:
        """Of the codec, with the patches and levels of this job."""
        return definition(self.model, self.patches, self.levels)


def build(job: Job) -> Codec:
    """The codec with its starting weights.

    Raises:
        GlimpseError: weights that are missing or of another network.
    """
    keras.utils.set_random_seed(job.seed)
    d = job.definition
    classifier = None
    if job.classifier is not None and job.classifier.suffix == VGG_SUFFIX:
        from glimpse.training.vgg import vgg_features

        classifier = vgg_features(job.classifier, job.crop)
    elif job.classifier is not None:
        from glimpse.training import mobilenet

        depths = FEATURE_STRIDES if job.objective.perceptual else ()
        logits = job.objective.task > 0 or job.objective.distillation > 0
        classifier = mobilenet.features(mobilenet.load_classifier(job.classifier), depths, logits)
    low = "mixed_bfloat16" if job.precision == "bfloat16" else "float32"
    try:
        keras.config.set_dtype_policy(low if d.coarse_encoder else "float32")
        encoder = None if job.node else d.build_encoder(job.crop // d.patches)
        keras.config.set_dtype_policy(low)
        decoder = d.build_decoder(job.crop // 8)
    finally:
        keras.config.set_dtype_policy("float32")
    codec = Codec(
        d,
        job.crop,
        job.objective,
        encoder,
        decoder,
        drop=job.drop,
        classifier=classifier,
        erased=job.erased,
        bytes_rate=job.lost_bytes,
        seed=job.seed,
    )
    nothing = np.zeros((1, 4, 4, d.channels), np.float32)
    codec.rate_model(nothing, nothing)
    if job.start is not None:
        load_weights(codec, job.start)
    return codec


def load_weights(codec: Codec, folder: Path) -> None:
    """Puts a folder's weights into the networks; those of the rate model may be missing.

    Raises:
        GlimpseError: weights of a network that the codec has are not there, or of another shape.
    """
    for name in NETWORKS:
        network, file = getattr(codec, name), folder / f"{name}.weights.h5"
        if network is None:
            continue
        if not file.is_file():
            if name != "rate_model":
                raise GlimpseError(
                    f"{folder} has no {file.name}; name the folder of a training, or of a model's weights"
                )
            continue
        try:
            if name == "rate_model":
                keras.saving.load_weights(network, file)
            else:
                network.load_weights(file)
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise GlimpseError(f"{file} does not fit the {name} of {codec.definition.name}: {reason}") from error


def training_files(job: Job) -> tuple[list[Path], list[Path]]:
    """Photos that train and photos that validate, after the terms were looked at.

    Raises:
        GlimpseError: no photos, or no manifest where terms are asked for.
    """
    training, validation = split_files(job.data)
    if job.terms == "open":
        from glimpse.training.terms import open_files

        allowed = set(open_files(job.data, job.manifest))
        training = [file for file in training if file in allowed]
    if not training:
        raise GlimpseError(f"{job.data} has no photo to train on under these terms; name another folder or --terms any")
    return training, validation


def batches(job: Job, training: list[Path], validation: list[Path]) -> tuple[Iterator[Any], Any]:
    """Endless training batches, and validation arrays of at most 128 pictures."""
    if job.node is not None:
        return _node_batches(job, training, validation)
    held_photos = load_squares(validation[:: max(1, len(validation) // 112)], job.crop).astype(np.float32) / 255
    plain = random_crops(load_photos(training, job.crop), job.crop, job.batch, job.seed)
    if job.objective.saliency or job.objective.task:
        from glimpse.training.mixed import mixed_batches

        return mixed_batches(job, plain, held_photos)
    return ((photo, photo) for photo in plain), (held_photos, held_photos)


def _node_batches(job: Job, training: list[Path], validation: list[Path]) -> tuple[Iterator[Any], Any]:
    """As `batches`; the first half of a batch has classes where the task counts."""
    assert job.node is not None
    side, labelled = job.crop // 8, job.batch // 2 if job.objective.task else 0
    parts: list[tuple[Frames, int]] = []
    if labelled:
        from glimpse.training.mixed import labelled_files

        parts.append((labelled_frames(job.node, labelled_files(job), job.seed), labelled))
    parts.append((node_frames(job.node, training, job.seed), job.batch - labelled))

    def arrivals() -> Arrivals:
        return Arrivals(job.definition.tail_drop, job.erased, job.lost_bytes, job.seed, ends=job.ends)

    held = next(node_batches([(node_frames(job.node, validation[::2], None), 96)], arrivals(), side, 0))
    return node_batches(parts, arrivals(), side, job.seed), held


def run(job: Job, callbacks: list, resume: bool = False) -> Codec:
    """Trains.

    Args:
        job: what.
        callbacks: of Keras, such as a progress bar.
        resume: go on where job.out's log ends, with the optimizer as it was.

    Returns:
        The trained codec; its weights are in job.out.
    """
    make_folder(job.out)
    codec = build(job)
    files = training_files(job)
    write_whole(job.out / SETTINGS, (json.dumps(_plain(asdict(job)), indent=1) + "\n").encode())
    stream, held = batches(job, *files)
    fit(codec, stream, held, job.schedule, job.out, callbacks, resume)
    return codec


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value.name if isinstance(value, Path) else value
