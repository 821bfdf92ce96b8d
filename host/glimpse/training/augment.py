# SPDX-License-Identifier: Apache-2.0
"""Random views of a photo, together with its mask where it has one."""

import numpy as np
from PIL import Image

SMALLEST_CROP = 0.6
"""Side of the smallest crop, of the photo's shorter side."""
KEPT_FOREGROUND = 0.5
"""A crop that keeps less of a mask's foreground is drawn again: it would teach that the object is nothing."""
_TRIES = 8
LUMA = np.array([0.299, 0.587, 0.114])
"""Shares of R, G and B in brightness (ITU-R BT.601)."""


def random_view(photo: np.ndarray, mask: np.ndarray | None, size: int, rng: np.random.Generator) -> tuple:
    """A random square of a photo, perhaps mirrored, with jittered colours.

    Args:
        photo: uint8 [height, width, 3].
        mask: uint8 [height, width], 255 where salient, or None.
        size: side of the result in pixels.
        rng: drawn from.

    Returns:
        The photo, float32 [size, size, 3] in 0..1, and the mask, float32 [size, size] in 0..1, or None.
    """
    top, left, side = _square(photo.shape[0], photo.shape[1], mask, rng)
    mirrored = rng.random() < 0.5
    seen = _scaled(photo[top : top + side, left : left + side], size, mirrored)
    view = jitter(seen.astype(np.float32) / 255, rng)
    if mask is None:
        return view, None
    return view, _scaled(mask[top : top + side, left : left + side], size, mirrored).astype(np.float32) / 255


def jitter(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other light, contrast, saturation and white balance.

    Args:
        photo: float32 [height, width, 3] in 0..1.
        rng: drawn from.

    Returns:
        The same shape and range.
    """
    contrast, saturation, light = rng.uniform(0.8, 1.25), rng.uniform(0.7, 1.3), rng.uniform(-0.08, 0.08)
    balance = rng.uniform(0.94, 1.06, 3)
    gain = contrast * balance
    # All four are linear in a pixel's colour, so that one matrix does them.
    matrix = (saturation * np.eye(3) + (1 - saturation) * LUMA[:, None]) * gain
    middle = float(photo.mean(axis=(0, 1)) @ LUMA)
    offset = middle * (1 - gain) + light
    return np.clip(photo @ matrix.astype(np.float32) + offset.astype(np.float32), 0, 1)


def _square(height: int, width: int, mask: np.ndarray | None, rng: np.random.Generator) -> tuple[int, int, int]:
    """Top, left and side of a random square; the largest one in the middle where no random one keeps the object."""
    shorter = min(height, width)
    for _ in range(_TRIES):
        side = int(rng.integers(int(np.ceil(SMALLEST_CROP * shorter)), shorter + 1))
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        if mask is None or mask[top : top + side, left : left + side].sum() >= KEPT_FOREGROUND * mask.sum():
            return top, left, side
    return (height - shorter) // 2, (width - shorter) // 2, shorter


def _scaled(picture: np.ndarray, size: int, mirrored: bool) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(picture[:, ::-1] if mirrored else picture))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
