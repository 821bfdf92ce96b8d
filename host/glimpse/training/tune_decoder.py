# SPDX-License-Identifier: Apache-2.0
"""Tunes the decoder on what the int8 encoder really sends.

    python -m glimpse.training.tune_decoder --weights DIR --model models/mcucoder --data DIR --out DIR

The encoder is fixed by now: its int8 arithmetic and the integer quantiser are run once over the training photos by
the node's own C code, and the decoder learns on those symbols, with tail drop and erasure as before.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from glimpse import zoo
from glimpse.training import mcucoder
from glimpse.training.codec import LossyCodec
from glimpse.training.data import load_photos, load_squares, random_crops
from glimpse.training.split import split_files
from glimpse.training.trainer import Checkpoint, TimedCosine


def encoded_pairs(model: zoo.ZooModel, photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Levels int8 [n, h, w, c] that the node sends, in quantiser steps from the latent's zero, and the photos."""
    m = model.binding
    levels = [m.latent_values(m.quantise(m.encode_latent(photo))) for photo in photos]
    return np.rint(np.stack(levels)).astype(np.int8), photos


def batches(
    levels: np.ndarray, photos: np.ndarray, batch: int, window: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless random batches of windows of the latent and the photo below them, float32.

    Args:
        levels: int8 [n, h, w, c].
        photos: uint8 [n, 8h, 8w, 3].
        batch: pictures in a batch.
        window: side of the window in latent positions; the borders of a photo are in about half of the windows.
        seed: of the choice.
    """
    rng = np.random.default_rng(seed)
    room = levels.shape[1] - window
    while True:
        which = rng.integers(len(levels), size=batch)
        places = np.clip(rng.integers(-room // 4, room + room // 4 + 1, size=(batch, 2)), 0, room)
        z = np.stack([levels[i, y : y + window, x : x + window] for i, (y, x) in zip(which, places, strict=True)])
        p = np.stack(
            [
                photos[i, 8 * y : 8 * (y + window), 8 * x : 8 * (x + window)]
                for i, (y, x) in zip(which, places, strict=True)
            ]
        )
        yield z.astype(np.float32), p.astype(np.float32) / 255


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("weights", "model", "data", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--window", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100, help="steps in an epoch")
    parser.add_argument("--photos", type=int, default=3000, help="most photos to encode beforehand")
    parser.add_argument("--whole", type=float, default=0.25, help="share of pictures with all channels sent")
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(options.seed)
    model = zoo.load(str(options.model))
    size = mcucoder.INPUT_SHAPE[0]
    training, validation = split_files(options.data)
    training = training[:: max(1, round(1.25 * len(training) / options.photos))]
    # Whole photos at the size of use, and a quarter as many crops at another scale.
    crops = random_crops(load_photos(training[::2]), 192, 1, options.seed)
    scaled = [np.asarray(keras.ops.image.resize(next(crops)[0], (size, size))) for _ in range(len(training) // 4)]
    photos = np.concatenate(
        [load_squares(training, size), np.stack([(255 * s + 0.5).astype(np.uint8) for s in scaled])]
    )
    levels, photos = encoded_pairs(model, photos)
    held_levels, held_photos = encoded_pairs(model, load_squares(validation[::4], size))
    window = options.window
    decoder = mcucoder.build_decoder(window)
    decoder.load_weights(options.weights / "decoder.weights.h5")
    codec = LossyCodec(None, decoder, mcucoder.LEVELS, whole=options.whole, seed=options.seed)
    codec.compile(optimizer=keras.optimizers.Adam(options.rate, clipnorm=1.0), jit_compile=False)
    held = (
        held_levels[:, 4 : 4 + window, 4 : 4 + window].astype(np.float32),
        held_photos[:, 32 : 32 + 8 * window, 32 : 32 + 8 * window].astype(np.float32) / 255,
    )
    codec.fit(
        batches(levels, photos, options.batch, window, options.seed),
        steps_per_epoch=options.steps,
        epochs=10**6,
        validation_data=held,
        validation_batch_size=8,
        verbose=2,
        callbacks=[TimedCosine(options.rate, options.minutes), Checkpoint(codec, options.out, ("decoder",))],
    )


if __name__ == "__main__":
    main()
