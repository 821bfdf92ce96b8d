# SPDX-License-Identifier: Apache-2.0
"""How close a picture is to its original: PSNR and MS-SSIM, both on 8-bit RGB."""

import math
from dataclasses import dataclass

import numpy as np

from glimpse.errors import GlimpseError

# Wang, Simoncelli, Bovik 2003, section 4: weights of the scales, finest first.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
# Wang, Bovik, Sheikh, Simoncelli 2004, section III: K1, K2, peak 255.
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
FULL_SIDE = WINDOW << (len(SCALE_WEIGHTS) - 1)
SHORT_SCALES = 3
SMALLEST_SIDE = WINDOW << (SHORT_SCALES - 1)


@dataclass(frozen=True)
class Quality:
    """Two pictures compared.

    Attributes:
        psnr_db: peak signal to noise ratio over all three channels; infinite for equal pictures.
        ms_ssim: 0..1, mean over R, G, B.
        measure: "MS-SSIM", or "MS-SSIM (3 scales)" for pictures too small for five.
    """

    psnr_db: float
    ms_ssim: float
    measure: str

    @property
    def ms_ssim_db(self) -> float:
        """-10 log10(1 - MS-SSIM); infinite for equal pictures."""
        return to_db(self.ms_ssim)


def compare(original: np.ndarray, picture: np.ndarray) -> Quality:
    """PSNR and MS-SSIM of a picture.

    Args:
        original: uint8 [height, width, 3], both sides at least 44.
        picture: the same shape.

    Raises:
        GlimpseError: shapes differ, or pictures too small.
    """
    scales = scale_count(*original.shape[:2])
    name = "MS-SSIM" if scales == len(SCALE_WEIGHTS) else f"MS-SSIM ({scales} scales)"
    return Quality(psnr(original, picture), ms_ssim(original, picture), name)


def psnr(original: np.ndarray, picture: np.ndarray) -> float:
    """Peak signal to noise ratio in dB: 10 log10(255^2 / mean squared error over pixels and channels).

    Args:
        original: uint8, any shape.
        picture: uint8, the same shape.

    Raises:
        GlimpseError: shapes differ or values are not 8-bit.
    """
    _check(original, picture)
    error = float(np.mean((original.astype(np.float64) - picture.astype(np.float64)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ms_ssim(original: np.ndarray, picture: np.ndarray) -> float:
    """Multi-scale structural similarity, 11x11 Gaussian window (sigma 1.5), whole windows only.

    Between scales pictures are halved by the mean of 2x2 pixels (an odd last row or column is dropped).
    Pictures with a side below 176 pixels are measured at 3 scales with the first three weights scaled to
    sum 1, which is another measure and must be named as such.

    Args:
        original: uint8 [height, width, channels], both sides at least 44.
        picture: the same shape.

    Returns:
        Mean over channels, 0..1.

    Raises:
        GlimpseError: shapes differ, values are not 8-bit, or pictures too small.
    """
    _check(original, picture)
    if original.ndim != 3:
        raise GlimpseError(f"MS-SSIM needs pictures [height, width, channels] and this one has shape {original.shape}")
    count = scale_count(*original.shape[:2])
    weights = np.array(SCALE_WEIGHTS[:count]) / sum(SCALE_WEIGHTS[:count])
    a, b = original.astype(np.float64), picture.astype(np.float64)
    total = np.ones(original.shape[2])
    for scale, weight in enumerate(weights):
        structure, whole = _similarity(a, b)
        # A negative mean has no real power; the published code would yield complex numbers here.
        total *= np.maximum(whole if scale == count - 1 else structure, 0.0) ** weight
        a, b = _halved(a), _halved(b)
    return float(total.mean())


def scale_count(height: int, width: int) -> int:
    """Scales at which a picture is measured: 5, or 3 for a side below 176 pixels.

    Raises:
        GlimpseError: a side below 44 pixels.
    """
    side = min(height, width)
    if side < SMALLEST_SIDE:
        raise GlimpseError(f"MS-SSIM needs pictures of at least {SMALLEST_SIDE} pixels a side, not {width}x{height}")
    return len(SCALE_WEIGHTS) if side >= FULL_SIDE else SHORT_SCALES


def to_db(similarity: float) -> float:
    """-10 log10(1 - x) of an MS-SSIM value 0..1; infinite at 1."""
    return math.inf if similarity >= 1 else -10 * math.log10(1 - similarity)


def _check(original: np.ndarray, picture: np.ndarray) -> None:
    if original.shape != picture.shape:
        raise GlimpseError(f"pictures to compare must have one shape, not {original.shape} and {picture.shape}")
    if original.dtype != np.uint8 or picture.dtype != np.uint8:
        raise GlimpseError(f"pictures to compare must be uint8, not {original.dtype} and {picture.dtype}")


def _similarity(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per channel, the means of contrast-structure and of the whole SSIM (2004 paper, equation 13)."""
    moments = _blurred(np.concatenate([a, b, a * a, b * b, a * b], axis=2))
    mean_a, mean_b, aa, bb, ab = np.split(moments, 5, axis=2)
    structure = (2 * (ab - mean_a * mean_b) + C2) / (aa - mean_a**2 + bb - mean_b**2 + C2)
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return structure.mean(axis=(0, 1)), (structure * luminance).mean(axis=(0, 1))


def _blurred(x: np.ndarray) -> np.ndarray:
    taps = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    taps /= taps.sum()
    height, width = x.shape[0] - WINDOW + 1, x.shape[1] - WINDOW + 1
    rows = sum(tap * x[i : i + height] for i, tap in enumerate(taps))
    return sum(tap * rows[:, i : i + width] for i, tap in enumerate(taps))


def _halved(x: np.ndarray) -> np.ndarray:
    height, width = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
    x = x[:height, :width]
    return (x[0::2, 0::2] + x[1::2, 0::2] + x[0::2, 1::2] + x[1::2, 1::2]) / 4
