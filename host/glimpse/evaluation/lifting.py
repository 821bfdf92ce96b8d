# SPDX-License-Identifier: Apache-2.0
"""The 9/7 wavelet by lifting (Cohen, Daubechies, Feauveau 1992; Daubechies, Sweldens 1998, section 7.7)."""

from functools import lru_cache

import numpy as np

STEPS = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
SCALE = 1.149604398860241
BANDS = ("hl", "lh", "hh")  # horizontal detail, vertical detail, both

Bands = dict[tuple[str, int], np.ndarray]


def transform(plane: np.ndarray, levels: int) -> Bands:
    """Bands of a plane, symmetric at its borders.

    Args:
        plane: float [height, width], both sides at least 2 ** levels.
        levels: halvings.

    Returns:
        ("ll", levels), and ("hl", n), ("lh", n), ("hh", n) for n from levels (coarsest) down to 1: float arrays.
    """
    bands: Bands = {}
    rest = plane.astype(np.float64)
    for level in range(1, levels + 1):
        low, high = _split(rest)
        rest, bands["lh", level] = (half.T for half in _split(low.T))
        bands["hl", level], bands["hh", level] = (half.T for half in _split(high.T))
    bands["ll", levels] = rest
    return bands


def inverse(bands: Bands, levels: int) -> np.ndarray:
    """The plane whose transform these bands are."""
    rest = bands["ll", levels]
    for level in range(levels, 0, -1):
        low = _join(rest.T, bands["lh", level].T).T
        high = _join(bands["hl", level].T, bands["hh", level].T).T
        rest = _join(low, high)
    return rest


@lru_cache
def norm(band: str, level: int) -> float:
    """Length of the picture that one coefficient of a band alone is, away from the borders."""
    levels, side = level, 16 << level
    bands = transform(np.zeros((side, side)), levels)
    bands[band, level][8, 8] = 1.0
    return float(np.linalg.norm(inverse(bands, levels)))


def _split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low and high half of every row; of an odd length the low half has one more."""
    low, high = x[:, 0::2].copy(), x[:, 1::2].copy()
    for number, factor in enumerate(STEPS):
        if number % 2 == 0:
            high += factor * _around_odd(low, high.shape[1])
        else:
            low += factor * _around_even(high, low.shape[1])
    return low * SCALE, high / SCALE


def _join(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    low, high = low / SCALE, high * SCALE
    for number, factor in reversed(list(enumerate(STEPS))):
        if number % 2 == 0:
            high -= factor * _around_odd(low, high.shape[1])
        else:
            low -= factor * _around_even(high, low.shape[1])
    x = np.empty((low.shape[0], low.shape[1] + high.shape[1]))
    x[:, 0::2], x[:, 1::2] = low, high
    return x


def _around_odd(low: np.ndarray, count: int) -> np.ndarray:
    """Sum of the two even samples next to each odd one; past the end the last again, as symmetry has it."""
    right = low[:, 1 : count + 1]
    return low[:, :count] + (right if right.shape[1] == count else np.concatenate([right, low[:, -1:]], axis=1))


def _around_even(high: np.ndarray, count: int) -> np.ndarray:
    """Sum of the two odd samples next to each even one; past both ends the nearest again."""
    padded = np.concatenate([high[:, :1], high, high[:, -1:]], axis=1)
    return padded[:, :count] + padded[:, 1 : count + 1]
