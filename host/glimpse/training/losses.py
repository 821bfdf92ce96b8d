# SPDX-License-Identifier: Apache-2.0
"""Differentiable multi-scale structural similarity in Keras operations."""

import numpy as np
from keras import ops

# Wang, Simoncelli, Bovik 2003, section 4: the weights of the five scales.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03


def _blur_matrix(side: int, every: int) -> np.ndarray:
    """[side, windows]: Gaussian windows as a matrix, which a processor multiplies faster than it convolves."""
    taps = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    starts = range(0, side - WINDOW + 1, every)
    matrix = np.zeros((side, len(starts)), "float32")
    for i, start in enumerate(starts):
        matrix[start : start + WINDOW, i] = taps / taps.sum()
    return matrix


def _blur(x, every: int):  # noqa: ANN001, ANN202 - backend tensors
    down = ops.convert_to_tensor(_blur_matrix(x.shape[-2], every).T)
    across = ops.convert_to_tensor(_blur_matrix(x.shape[-1], every))
    return ops.matmul(down, ops.matmul(x, across))


def _halved(x):  # noqa: ANN001, ANN202 - backend tensors
    h, w = x.shape[2] // 2, x.shape[3] // 2
    return ops.mean(ops.reshape(x[:, :, : 2 * h, : 2 * w], (-1, x.shape[1], h, 2, w, 2)), axis=(3, 5))


def ms_ssim(a, b, scales: int = 5, thin: bool = False):  # noqa: ANN001, ANN201 - backend tensors
    """MS-SSIM of pictures in 0..1, mean over R, G, B.

    Args:
        a: batch [n, h, w, 3].
        b: batch of the same shape.
        scales: 5 is the standard measure (sides of at least 176 pixels); smaller crops use 3 (at least 44), with the
            first three weights scaled to sum 1.
        thin: look at every fourth window of the finest scale and every second of the next, in both directions. The
            mean over windows hardly changes, and training is a third faster.

    Returns:
        One value per picture, [n].
    """
    weights = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
    c1, c2 = K1**2, K2**2
    a, b = (ops.transpose(ops.cast(x, "float32"), (0, 3, 1, 2)) for x in (a, b))
    total = None
    for i, weight in enumerate(weights):
        # Of the two variances only the sum is needed.
        every = max(1, 4 >> i) if thin else 1
        moments = _blur(ops.concatenate([a, b, a * a + b * b, a * b], axis=1), every)
        ma, mb, squares, ab = (moments[:, 3 * k : 3 * k + 3] for k in range(4))
        means = ma * ma + mb * mb
        term = (2 * (ab - ma * mb) + c2) / (squares - means + c2)
        if i == scales - 1:
            term = term * (2 * ma * mb + c1) / (means + c1)
        term = ops.maximum(ops.mean(term, axis=(2, 3)), 1e-4) ** float(weight)
        total = term if total is None else total * term
        a, b = _halved(a), _halved(b)
    return ops.mean(total, axis=-1)


def scales_for(side: int) -> int:
    """Scales at which a crop of this side is compared: 5, or 3 below 176 pixels."""
    return len(SCALE_WEIGHTS) if side >= WINDOW << 4 else 3


def psnr(a, b):  # noqa: ANN001, ANN201 - backend tensors
    """PSNR in dB of each picture [n, h, w, 3] in 0..1; `b` is clipped to that range first."""
    error = ops.mean(ops.square(a - ops.clip(b, 0.0, 1.0)), axis=(1, 2, 3))
    return -10 * ops.log(error + 1e-8) / 2.302585
