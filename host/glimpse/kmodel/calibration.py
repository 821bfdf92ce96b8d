# SPDX-License-Identifier: Apache-2.0
"""Pictures to measure the ranges of a network's layers on."""

from pathlib import Path

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.photo import fit_photo, load_photo
from glimpse.samples import sample_photos
from glimpse.training.split import split_files

PHOTOS = 32


def calibration_patches(side: int, patches: int, data: Path | None = None, count: int = PHOTOS) -> np.ndarray:
    """One patch of each of `count` photos.

    Args:
        side: of a photo, pixels.
        patches: along each side of a photo.
        data: folder of photos, of which those that train are taken at even distances; None: pieces of the sample
            photos.
        count: how many.

    Returns:
        uint8 [count, side / patches, side / patches, 3].

    Raises:
        GlimpseError: there are no photos, or one cannot be read.
    """
    if data is None:
        photos = _pieces(side, count)
    else:
        try:
            files, _ = split_files(data)
        except FileNotFoundError as error:
            raise GlimpseError(f"{error}; name a folder of photos with --data, or leave it out") from error
        if not files:
            raise GlimpseError(f"{data} has too few photos to calibrate on; name a folder with {count} or more")
        chosen = [files[i * len(files) // count] for i in range(count)]
        photos = np.array([fit_photo(load_photo(file), side, side) for file in chosen])
    every = patches * patches
    return np.array([patches_of(photo[None], patches)[i % every] for i, photo in enumerate(photos)])


def patches_of(photos: np.ndarray, per_side: int) -> np.ndarray:
    """Photos [n, side, side, 3] cut into patches [n * per_side^2, side / per_side, side / per_side, 3].

    As glimpse.export.package does, which needs Keras.
    """
    n, side = photos.shape[:2]
    own = side // per_side
    tiles = photos.reshape(n, per_side, own, per_side, own, 3)
    return tiles.transpose(0, 1, 3, 2, 4, 5).reshape(-1, own, own, 3)


def _pieces(side: int, count: int) -> np.ndarray:
    """Squares cut from the sample photos at other places and scales, mirrored every other time."""
    photos = [load_photo(path) for path in sample_photos().values()]
    rng = np.random.default_rng(210)
    pieces = []
    for index in range(count):
        photo = photos[index % len(photos)]
        size = int(min(photo.size) * rng.uniform(0.4, 1.0))
        left, top = (int(rng.integers(0, room - size + 1)) for room in photo.size)
        piece = fit_photo(photo.crop((left, top, left + size, top + size)), side, side)
        pieces.append(piece[:, ::-1] if index % 2 else piece)
    return np.array(pieces)
