# SPDX-License-Identifier: Apache-2.0
"""Photos in one folder a class, with the numbers that a classifier gives its classes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.files import read_bytes
from glimpse.photo import fit_photo, load_photo
from glimpse.training.augment import random_view
from glimpse.training.split import SUFFIXES

BACKGROUND = "background"
"""TensorFlow's ImageNet classifiers have 1001 classes, this one first."""

IMAGENETTE = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}
"""WordNet's numbers, which are Imagenette's folder names, and a name of each class in ImageNet's list."""

MAX_LABELS_BYTES = 1 << 22


def read_labels(path: Path, classes: int | None = None) -> list[str]:
    """The classes' names; a name's place is its class's number.

    Args:
        path: a text file with one class a line, synonyms between commas.
        classes: of the classifier. A file of one less lacks the background, which is then put first.

    Raises:
        GlimpseError: unreadable, not text, empty, or for another number of classes.
    """
    try:
        labels = [line.strip() for line in read_bytes(path, "list of labels", MAX_LABELS_BYTES).decode().splitlines()]
    except UnicodeDecodeError as error:
        raise GlimpseError(f"{path} is not a text file in UTF-8; give one class a line") from error
    while labels and not labels[-1]:
        labels.pop()
    if classes is not None and len(labels) == classes - 1 and labels[:1] != [BACKGROUND]:
        labels.insert(0, BACKGROUND)
    if not labels or (classes is not None and len(labels) != classes):
        wanted = "" if classes is None else f"; the classifier has {classes}"
        raise GlimpseError(f"{path} names {len(labels)} classes{wanted}")
    return labels


def class_number(folder: str, labels: Sequence[str]) -> int:
    """The number of the class that a folder is named after.

    Args:
        folder: a label, one of its synonyms (capitals and underscores do not matter) or a number in IMAGENETTE.
        labels: from read_labels.

    Raises:
        GlimpseError: no such class, or more than one.
    """
    name = _plain(IMAGENETTE.get(folder, folder))
    found = [i for i, label in enumerate(labels) if name in {_plain(label), *map(_plain, label.split(","))}]
    if len(found) != 1:
        count = "several classes" if found else "no class"
        raise GlimpseError(f"the folder name '{folder}' stands for {count} of the classifier; name it after one label")
    return found[0]


def find_labelled(folder: Path, labels: Sequence[str]) -> list[tuple[Path, int]]:
    """Photos and the numbers of their classes, sorted by class folder and name.

    Args:
        folder: with one folder of photos (JPEG, PNG, WebP) for each class.
        labels: from read_labels.

    Raises:
        GlimpseError: no folders, one that names no class, or no photos.
    """
    if not folder.is_dir():
        raise GlimpseError(f"{folder} is not a folder; give one with a folder of photos for each class")
    found: list[tuple[Path, int]] = []
    for inner in sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")):
        number = class_number(inner.name, labels)
        found += [(file, number) for file in sorted(inner.iterdir()) if file.suffix.lower() in SUFFIXES]
    if not found:
        raise GlimpseError(f"{folder} has no photos in folders that are named after classes")
    return found


def load_labelled(files: Sequence[tuple[Path, int]], size: int = 224) -> tuple[np.ndarray, np.ndarray]:
    """Centre crops and class numbers: uint8 [n, size, size, 3] and int32 [n].

    Raises:
        GlimpseError: an unreadable photo.
    """
    photos = np.empty((len(files), size, size, 3), np.uint8)
    for i, (file, _) in enumerate(files):
        photos[i] = fit_photo(load_photo(file), size, size)
    return photos, np.array([number for _, number in files], np.int32)


def labelled_batches(
    photos: np.ndarray, numbers: np.ndarray, batch: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless random batches of crops, mirrored, with jittered colours.

    Args:
        photos: uint8 [n, size, size, 3].
        numbers: int32 [n].
        batch: photos in a batch.
        seed: the same one gives the same batches.

    Yields:
        Photos float32 [batch, size, size, 3] in 0..1 and class numbers int32 [batch].
    """
    rng = np.random.default_rng(seed)
    while True:
        chosen = rng.integers(len(photos), size=batch)
        views = [random_view(photos[i], None, photos.shape[1], rng)[0] for i in chosen]
        yield np.stack(views), numbers[chosen]


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").lower().split())
