# SPDX-License-Identifier: Apache-2.0
"""Writes docs/vectors/kmodel-v3.zip with nncase: PYTHONPATH=host/tests python -m support.make_vectors_kmodel."""

import numpy as np
from glimpse.export.tflite_reader import read_network
from glimpse.kmodel.float_tflite import float_encoder
from glimpse.kmodel.layout import write
from glimpse.kmodel.nncase import Compiled, compile_network

from support.kpu_networks import VECTORS, Vector, kpu_plan, write_vectors
from support.photos import test_photos
from support.random_networks import build_tflite

NETWORKS = 12
PICTURES = 2


def compiled(seed: int, pictures: int = PICTURES) -> tuple[np.ndarray, Compiled]:
    """A random network compiled on noise and pieces of photos, and what it was run on [n, height, width, 3]."""
    plan = kpu_plan(np.random.default_rng(seed))
    network = read_network(build_tflite(plan, seed))
    photos = np.array(test_photos(*plan.photo, 20 + pictures))[-12:]
    return photos[:pictures], compile_network(float_encoder(network), photos, photos[:pictures])


def vector(seed: int) -> Vector:
    pictures, made = compiled(seed)
    results = np.rint((made.results - made.bias) / made.scale).astype(np.uint8)
    pixels = pictures.transpose(0, 3, 1, 2).tobytes()
    original = made.version5 if seed == 0 else None
    return Vector(f"network{seed:02}", write(made.kmodel), pixels, results.tobytes(), original)


def main() -> None:
    write_vectors([vector(seed) for seed in range(NETWORKS)])
    print(f"{VECTORS}: {VECTORS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
