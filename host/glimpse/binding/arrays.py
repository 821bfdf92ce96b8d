# SPDX-License-Identifier: Apache-2.0
"""NumPy's memory as the C code takes it."""

import numpy as np

from glimpse._core import ffi


def pointer(kind: str, array: np.ndarray) -> object:
    """Where an array's elements lie.

    Args:
        kind: C type, e.g. "uint8_t *"; that of the elements.
        array: contiguous; the caller keeps it for as long as C uses the pointer.
    """
    return ffi.cast(kind, array.ctypes.data)
