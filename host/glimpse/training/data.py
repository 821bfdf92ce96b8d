# SPDX-License-Identifier: Apache-2.0
"""Folders of photos as training crops."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image


def load_photos(files: list[Path], smallest: int) -> list[np.ndarray]:
    """RGB pictures [h, w, 3] as uint8; those with a side below `smallest` are scaled up to it, large ones down."""
    photos = []
    for file in files:
        picture = Image.open(file).convert("RGB")
        short = min(picture.size)
        wanted = min(max(short, smallest), 2 * smallest)
        if wanted != short:
            size = tuple(max(smallest, round(side * wanted / short)) for side in picture.size)
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        photos.append(np.asarray(picture))
    return photos


def load_squares(files: list[Path], size: int) -> np.ndarray:
    """Centre crops scaled to `size` pixels: [n, size, size, 3] uint8."""
    pictures = []
    for file in files:
        picture = Image.open(file).convert("RGB")
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        box = (left, top, left + side, top + side)
        pictures.append(np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS, box)))
    return np.stack(pictures)


def random_crops(photos: list[np.ndarray], crop: int, batch: int, seed: int) -> Iterator[np.ndarray]:
    """Endless batches [batch, crop, crop, 3] of float32 in 0..1: random scale, place, mirror and a little noise.

    Scaling down before the crop removes the blocks that the photos' own compression left (MCUCoder trains on
    noise-downsampled crops for that reason).
    """
    rng = np.random.default_rng(seed)
    # Fresh noise for every pixel would take longer than everything else here: pictures take turns from a stock.
    stock = rng.standard_normal((16 * crop, crop, 3), np.float32) * np.float32(0.004)
    while True:
        out = np.empty((batch, crop, crop, 3), np.float32)
        for i in range(batch):
            photo = photos[rng.integers(len(photos))]
            longest = min(photo.shape[:2])
            side = int(rng.integers(crop, longest + 1)) if rng.random() < 0.5 else crop
            y, x = rng.integers(photo.shape[0] - side + 1), rng.integers(photo.shape[1] - side + 1)
            patch = photo[y : y + side, x : x + side]
            if side != crop:
                patch = np.asarray(Image.fromarray(patch).resize((crop, crop), Image.Resampling.BICUBIC))
            out[i] = patch[:, ::-1] if rng.random() < 0.5 else patch
        out *= np.float32(1 / 255)
        for picture in out:
            start = rng.integers(len(stock) - crop)
            picture += stock[start : start + crop]
        yield np.clip(out, 0, 1, out=out)
