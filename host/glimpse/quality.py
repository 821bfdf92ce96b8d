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
    """PSNR and MS-SSIM of a picture; with one original and many pictures, Reference is faster.

    Args:
        original: uint8 [height, width, 3], both sides at least 44.
        picture: the same shape.

    Raises:
        GlimpseError: shapes differ, or pictures too small.
    """
    return Reference(original).compare(picture)


class Reference:
    """An original that many pictures are compared with: what depends on it alone is computed once.

    Args:
        original: uint8 [height, width, channels], both sides at least 44.

    Raises:
        GlimpseError: values are not 8-bit, not three axes, or too small.
    """

    def __init__(self, original: np.ndarray) -> None:
        _check(original, original)
        if original.ndim != 3:
            raise GlimpseError(
                f"MS-SSIM needs pictures [height, width, channels] and this one has shape {original.shape}"
            )
        self.original = original
        self._count = scale_count(*original.shape[:2])
        self._scales: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        x = _planes(original)
        for _ in range(self._count):
            mean = _blurred(x)
            self._scales.append((x, mean, _blurred(x * x) - mean**2))
            x = _halved(x)

    def compare(self, picture: np.ndarray) -> Quality:
        """PSNR and MS-SSIM of a picture of the original's shape.

        Raises:
            GlimpseError: shapes differ or values are not 8-bit.
        """
        name = "MS-SSIM" if self._count == len(SCALE_WEIGHTS) else f"MS-SSIM ({self._count} scales)"
        return Quality(psnr(self.original, picture), self.ms_ssim(picture), name)

    def ms_ssim(self, picture: np.ndarray) -> float:
        """As the function ms_ssim."""
        _check(self.original, picture)
        weights = np.array(SCALE_WEIGHTS[: self._count]) / sum(SCALE_WEIGHTS[: self._count])
        y = _planes(picture)
        total = np.ones(len(y))
        for scale, weight in enumerate(weights):
            structure, whole = _similarity(self._scales[scale], y)
            # A negative mean has no real power; the published code would yield complex numbers here.
            total *= np.maximum(whole if scale == self._count - 1 else structure, 0.0) ** weight
            y = _halved(y)
        return float(total.mean())


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
    return Reference(original).ms_ssim(picture)


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


def _planes(picture: np.ndarray) -> np.ndarray:
    """float64 [channels, height, width]: rows lie together, as the filter likes them."""
    return np.ascontiguousarray(np.moveaxis(picture, 2, 0), np.float64)


def _similarity(scale: tuple[np.ndarray, np.ndarray, np.ndarray], y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per channel, the means of contrast-structure and of the whole SSIM (2004 paper, equation 13).

    Args:
        scale: planes of the original, their local mean and variance.
        y: planes of the picture, [channels, height, width].
    """
    x, mean_x, variance_x = scale
    mean_y = _blurred(y)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    variance_y, covariance = _blurred(y * y) - mean_y**2, _blurred(x * y) - product
    structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
    luminance = (2 * product + C1) / (squares + C1)
    return structure.mean(axis=(1, 2)), (structure * luminance).mean(axis=(1, 2))


def _blurred(x: np.ndarray) -> np.ndarray:
    """Planes [channels, height, width] under the window, where it is whole."""
    # Loading SciPy takes longer than comparing two pictures does, and most commands compare none.
    from scipy.ndimage import correlate1d

    taps = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    taps /= taps.sum()
    edge = WINDOW // 2
    rows = correlate1d(x, taps, axis=2)[:, :, edge : x.shape[2] - edge]
    return correlate1d(rows, taps, axis=1)[:, edge : x.shape[1] - edge]


def _halved(x: np.ndarray) -> np.ndarray:
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    x = x[:, :height, :width]
    return (x[:, 0::2, 0::2] + x[:, 1::2, 0::2] + x[:, 0::2, 1::2] + x[:, 1::2, 1::2]) / 4
