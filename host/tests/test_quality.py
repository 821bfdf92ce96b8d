# SPDX-License-Identifier: Apache-2.0
"""PSNR and MS-SSIM against independent computations and their own properties."""

import math

import numpy as np
import pytest
from glimpse import quality
from glimpse.errors import GlimpseError
from glimpse.quality import compare, ms_ssim, psnr, scale_count, to_db
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def pictures(height: int = 224, width: int = 224, noise: float = 20.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A smooth picture with texture, and a disturbed copy."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 20
    smooth = np.stack([np.sin(x + c) * np.cos(y * (c + 1) / 2) for c in range(3)], axis=2) * 90 + 128
    original = np.clip(smooth + random.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
    return original, np.clip(original + random.normal(0, noise, smooth.shape), 0, 255).astype(np.uint8)


def test_psnr_is_that_of_scikit_image():
    a, b = pictures()
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=1e-9)


def test_psnr_of_a_known_error():
    a = np.full((8, 8, 3), 100, np.uint8)
    assert psnr(a, a + 1) == pytest.approx(20 * math.log10(255))
    assert psnr(a, a) == math.inf


@pytest.mark.parametrize("noise", [3, 20, 80])
def test_one_scale_is_the_ssim_of_scikit_image(noise: float):
    a, b = pictures(96, 120, noise)
    _, whole = quality._similarity(quality.Reference(a)._scales[0], quality._planes(b))
    for channel in range(3):
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
        # Its mean leaves out a border of 5 pixels, which are the windows that are not whole.
        expected = structural_similarity(a[..., channel], b[..., channel], **options)
        assert whole[channel] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("size", "scales"), [(224, 5), (64, 3)])
def test_scales_are_weighted_powers_of_an_independent_contrast_structure(size: int, scales: int):
    """MS-SSIM anew from scikit-image's maps: SSIM divided by luminance is contrast-structure."""
    a, b = pictures(size, size, 30)
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333][:scales])
    weights /= weights.sum()
    x, y = a.astype(float), b.astype(float)
    values = np.ones(3)
    for scale, weight in enumerate(weights):
        for channel in range(3):
            values[channel] *= term(x[..., channel], y[..., channel], last=scale == scales - 1) ** weight
        x, y = (p.reshape(p.shape[0] // 2, 2, p.shape[1] // 2, 2, 3).mean(axis=(1, 3)) for p in (x, y))
    assert ms_ssim(a, b) == pytest.approx(values.mean(), abs=1e-9)


def term(x: np.ndarray, y: np.ndarray, last: bool) -> float:
    from scipy.ndimage import gaussian_filter

    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255, "full": True}
    _, full = structural_similarity(x, y, **options)
    mean_x, mean_y = (gaussian_filter(p, 1.5, radius=5) for p in (x, y))
    luminance = (2 * mean_x * mean_y + 6.5025) / (mean_x**2 + mean_y**2 + 6.5025)
    return (full if last else full / luminance)[5:-5, 5:-5].mean()


def test_equal_pictures_are_perfect_and_more_noise_is_worse():
    a, _ = pictures()
    assert ms_ssim(a, a) == pytest.approx(1) and compare(a, a).psnr_db == math.inf
    levels = [ms_ssim(*pictures(noise=noise)) for noise in (2, 10, 40, 90)]
    assert levels == sorted(levels, reverse=True) and all(0 <= level <= 1 for level in levels)


def test_the_measure_is_symmetric_and_a_negative_is_no_error():
    a, b = pictures()
    assert ms_ssim(a, b) == pytest.approx(ms_ssim(b, a))
    assert ms_ssim(a, 255 - a) == 0


def test_small_pictures_are_measured_at_three_scales_and_named_so():
    assert (scale_count(176, 400), scale_count(175, 400), scale_count(44, 44)) == (5, 3, 3)
    a, b = pictures(100, 131)
    assert compare(a, b).measure == "MS-SSIM (3 scales)"
    assert compare(*pictures()).measure == "MS-SSIM"
    with pytest.raises(GlimpseError, match="at least 44 pixels"):
        scale_count(43, 400)


def test_decibels():
    assert to_db(0.9) == pytest.approx(10) and to_db(1.0) == math.inf


def test_only_comparable_pictures_are_compared():
    a, b = pictures()
    with pytest.raises(GlimpseError, match="one shape"):
        psnr(a, b[:100])
    with pytest.raises(GlimpseError, match="uint8"):
        psnr(a / 255.0, b / 255.0)
