# SPDX-License-Identifier: Apache-2.0
"""Differentiable multi-scale structural similarity in Keras operations."""

import numpy as np
from keras import ops

# Wang, Simoncelli, Bovik 2003, section 4: the weights of the five scales.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03


def _blur(x, channels: int):  # noqa: ANN001, ANN202 - backend tensors
    taps = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    taps = (taps / taps.sum()).astype("float32")
    for shape in ((WINDOW, 1, 1, 1), (1, WINDOW, 1, 1)):
        kernel = ops.convert_to_tensor(np.tile(taps.reshape(shape), (1, 1, channels, 1)))
        x = ops.depthwise_conv(x, kernel, padding="valid")
    return x


def ms_ssim(a, b, scales: int = 3):  # noqa: ANN001, ANN201 - backend tensors
    """MS-SSIM of pictures in 0..1, mean over R, G, B.

    Args:
        a: batch [n, h, w, 3].
        b: batch of the same shape.
        scales: 5 is the standard measure (pictures of at least 176 pixels); training crops use 3 (at least 44),
            with the first three weights scaled to sum 1.

    Returns:
        One value per picture, [n].
    """
    weights = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
    c1, c2 = K1**2, K2**2
    total = None
    for i, weight in enumerate(weights):
        # One blur for all five moments: the depthwise convolution is the dear part.
        moments = _blur(ops.concatenate([a, b, a * a, b * b, a * b], axis=-1), 15)
        ma, mb, aa, bb, ab = (moments[..., 3 * k : 3 * k + 3] for k in range(5))
        term = (2 * (ab - ma * mb) + c2) / (aa - ma * ma + bb - mb * mb + c2)
        if i == scales - 1:
            term = term * (2 * ma * mb + c1) / (ma * ma + mb * mb + c1)
        term = ops.maximum(ops.mean(term, axis=(1, 2)), 1e-4) ** float(weight)
        total = term if total is None else total * term
        a, b = ops.average_pool(a, 2), ops.average_pool(b, 2)
    return ops.mean(total, axis=-1)
