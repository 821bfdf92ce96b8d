# SPDX-License-Identifier: Apache-2.0
"""Keras weight files at half their size."""

import io
from pathlib import Path

import numpy as np


def compact(file: Path) -> bytes:
    """A .weights.h5 file with its numbers as float16, compressed; Keras loads it like the original."""
    import h5py

    target = io.BytesIO()
    with h5py.File(file) as source, h5py.File(target, "w") as small:

        def copy(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                narrow = item.dtype == np.float32 and item.ndim > 0
                values = item[()].astype(np.float16) if narrow else item[()]
                options = {"compression": "gzip", "shuffle": True} if item.ndim > 0 and item.size else {}
                made = small.create_dataset(name, data=values, **options)
            else:
                made = small.require_group(name)
            made.attrs.update(item.attrs)

        small.attrs.update(source.attrs)
        source.visititems(copy)
    return target.getvalue()
