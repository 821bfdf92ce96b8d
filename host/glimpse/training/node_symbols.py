# SPDX-License-Identifier: Apache-2.0
"""What the int8 encoder really sends, for tuning a decoder on it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from glimpse import zoo
from glimpse.training.data import load_squares
from glimpse.training.definition import PHOTO_SIDE

MOST_PHOTOS = 4500


def node_levels(folder: Path, files: list[Path], seed: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Levels that the node's C code sends for photos.

    Args:
        folder: of the model.
        files: photos; each is centre-cropped, and a third of them once more at a smaller scale from elsewhere.
        seed: of that choice; None: centre crops only.

    Returns:
        levels float16 [n, h, w, c] in quantiser steps from the latent's zero, photos uint8 [n, 8h, 8w, 3].
    """
    m = zoo.load(str(folder)).binding
    photos = list(load_squares(files[:: max(1, len(files) // MOST_PHOTOS)], PHOTO_SIDE))
    if seed is not None:
        rng = np.random.default_rng(seed)
        for file in files[::3]:
            picture = Image.open(file).convert("RGB")
            side = int(min(picture.size) * rng.uniform(0.75, 1.0))
            left, top = rng.integers(picture.width - side + 1), rng.integers(picture.height - side + 1)
            box = (left, top, left + side, top + side)
            scaled = picture.resize((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS, box)
            photos.append(np.asarray(scaled)[:, ::-1].copy())
    levels = [m.latent_values(m.quantise(m.encode_latent(photo))).astype(np.float16) for photo in photos]
    return np.stack(levels), np.stack(photos)


def windows(
    levels: np.ndarray, photos: np.ndarray, batch: int, window: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless random batches of windows of the latent and the photo below them, float32.

    Args:
        levels: [n, h, w, c].
        photos: uint8 [n, 8h, 8w, 3].
        batch: pictures in a batch.
        window: side of the window in latent positions; the borders of a photo are in about half of the windows.
        seed: of the choice.
    """
    rng = np.random.default_rng(seed)
    room = levels.shape[1] - window
    while True:
        which = rng.integers(len(levels), size=batch)
        places = np.clip(rng.integers(-room // 4, room + room // 4 + 1, size=(batch, 2)), 0, room)
        cut = [(i, y, x) for i, (y, x) in zip(which, places, strict=True)]
        z = np.stack([levels[i, y : y + window, x : x + window] for i, y, x in cut])
        p = np.stack([photos[i, 8 * y : 8 * (y + window), 8 * x : 8 * (x + window)] for i, y, x in cut])
        yield z.astype(np.float32), p.astype(np.float32) / 255
