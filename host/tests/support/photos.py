# SPDX-License-Identifier: Apache-2.0
"""Photos to feed networks with: real ones, and what cameras give when something is wrong."""

from __future__ import annotations

import numpy as np
from skimage import data, transform

_NAMES = ("astronaut", "chelsea", "coffee", "rocket", "cat")


def _real(height: int, width: int) -> list[np.ndarray]:
    photos = []
    for name in _NAMES:
        try:
            photos.append(getattr(data, name)())
        except Exception:  # some of them are fetched from the internet when first asked for
            continue
    return [
        np.rint(255 * transform.resize(photo, (height, width), anti_aliasing=True)).astype(np.uint8) for photo in photos
    ]


def test_photos(height: int, width: int, count: int) -> list[np.ndarray]:
    """`count` photos uint8 [height, width, 3]: constant, saturated, noise, and pieces of real photos."""
    rng = np.random.default_rng(224)
    shape = (height, width, 3)
    photos = [np.full(shape, value, np.uint8) for value in (0, 1, 127, 128, 254, 255)]
    photos += [np.where(rng.random(shape) < share, 255, 0).astype(np.uint8) for share in (0.01, 0.5, 0.99)]
    photos += [rng.integers(0, 256, shape).astype(np.uint8) for _ in range(10)]
    real = _real(2 * height, 2 * width)
    while len(photos) < count:
        photo = real[len(photos) % len(real)]
        top, left = rng.integers(0, height + 1), rng.integers(0, width + 1)
        piece = photo[top : top + height, left : left + width]
        gain = 1.0 if len(photos) % 3 else rng.uniform(0.3, 2.0)
        photos.append(np.clip(piece * gain, 0, 255).astype(np.uint8))
    return photos[:count]


test_photos.__test__ = False
