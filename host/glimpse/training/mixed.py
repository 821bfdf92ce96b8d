# SPDX-License-Identifier: Apache-2.0
"""Batches of plain photos, photos with saliency masks and photos with a class, as LimitNet's phases need them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.training.labelled_data import find_labelled, labelled_batches, load_labelled, read_labels
from glimpse.training.saliency_data import Pair, find_pairs, load_pairs, mean_mask, saliency_batches

if TYPE_CHECKING:
    from glimpse.training.job import Job

Batch = tuple[np.ndarray, dict[str, np.ndarray]]


def _with_parts(photo: np.ndarray, mask: np.ndarray | None = None, label: np.ndarray | None = None) -> Batch:
    n, side = len(photo), photo.shape[1] // 8
    return photo, {
        "photo": photo,
        "mask": np.zeros((n, side, side, 1), np.float32) if mask is None else mask.astype(np.float32),
        "weight": np.full(n, mask is not None, np.float32),
        "label": np.full(n, -1, np.int32) if label is None else label.astype(np.int32),
    }


def _joined(parts: list[Batch]) -> Batch:
    photo = np.concatenate([p for p, _ in parts])
    return photo, {key: np.concatenate([y[key] for _, y in parts]) for key in parts[0][1]}


def mixed_batches(job: "Job", plain: Iterator[np.ndarray], held: np.ndarray) -> tuple[Iterator[Batch], Batch]:
    """Batches in which every part of the objective has pictures to work on.

    The first half of a batch has classes where the task counts; a quarter, half without the task, has masks; what is
    left is plain.

    Args:
        job: with its folders.
        plain: endless batches of photos, of job.batch pictures.
        held: validation photos.

    Returns:
        Endless batches, and validation data: the photos held out and photos with masks of the manifest's own split.

    Raises:
        GlimpseError: a batch too small for its parts.
    """
    task, saliency = job.objective.task > 0, job.objective.saliency > 0
    labelled = job.batch // 2 if task else 0
    masked = (job.batch // 4 if task else job.batch // 2) if saliency else 0
    if job.batch - labelled - masked < 1 or (saliency and not masked) or (task and not labelled):
        raise GlimpseError(f"batches of {job.batch} are too small for this objective; use --batch 4 or more")
    side = job.crop // 8
    pairs = _pairs(job) if saliency else {}
    masks = saliency_batches(*load_pairs(pairs["train"], job.crop), masked, job.seed, side=side) if saliency else None
    classes = labelled_batches(*load_labelled(labelled_files(job), job.crop), labelled, job.seed) if task else None

    def stream() -> Iterator[Batch]:
        for photos in plain:
            parts = []
            if classes is not None:
                photo, label = next(classes)
                parts.append(_with_parts(photo, label=label))
            parts.append(_with_parts(photos[labelled + masked :]))
            if masks is not None:
                photo, mask, _ = next(masks)
                parts.append(_with_parts(photo, mask=mask))
            yield _joined(parts)

    held_parts = [_with_parts(held[:64])]
    if saliency:
        photo, mask = load_pairs(pairs["val"][:48], job.crop)
        marked = mean_mask(mask.astype(np.float32) / 255, side)
        held_parts.append(_with_parts(photo.astype(np.float32) / 255, mask=marked))
    return stream(), _joined(held_parts)


def _pairs(job: "Job") -> dict[str, list[Pair]]:
    assert job.saliency is not None
    pairs = find_pairs(job.saliency)
    if not (pairs.get("train") and pairs.get("val")):
        raise GlimpseError(f"the manifest of {job.saliency} needs photos in both splits, train and val")
    return pairs


def labelled_files(job: "Job") -> list[tuple[Path, int]]:
    """Photos with classes, for the task.

    Raises:
        GlimpseError: no names of the classes, or no photos.
    """
    assert job.labelled is not None
    if job.labels is None:
        raise GlimpseError("the task loss needs the names of the classifier's classes; give --labels FILE")
    return find_labelled(job.labelled, read_labels(job.labels))
