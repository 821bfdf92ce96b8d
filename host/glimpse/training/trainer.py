# SPDX-License-Identifier: Apache-2.0
"""Trains mcucoder: `python -m glimpse.training.trainer --data DIR --out DIR`."""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np

from glimpse.training import mcucoder
from glimpse.training.codec import LossyCodec
from glimpse.training.data import load_photos, load_squares, random_crops
from glimpse.training.split import split_files


class TimedCosine(keras.callbacks.Callback):
    """A learning rate that falls along a cosine over wall-clock minutes, then stops: for shared and slow machines."""

    def __init__(self, rate: float, minutes: float, warmup_steps: int = 100) -> None:
        super().__init__()
        self.rate, self.seconds, self.warmup, self.steps, self.start = rate, 60 * minutes, warmup_steps, 0, time.time()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Sets the rate."""
        done = min(1.0, (time.time() - self.start) / self.seconds)
        self.steps += 1
        rate = self.rate * (0.01 + 0.99 * (1 + np.cos(np.pi * done)) / 2) * min(1.0, self.steps / self.warmup)
        self.model.optimizer.learning_rate = rate

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Stops when the time is over."""
        self.model.stop_training = time.time() - self.start > self.seconds


class Checkpoint(keras.callbacks.Callback):
    """Writes the networks' weights and a log line after every epoch, whole or not at all."""

    def __init__(self, codec: LossyCodec, out: Path, networks: tuple[str, ...] = ("encoder", "decoder")) -> None:
        super().__init__()
        self.codec, self.out, self.networks, self.start = codec, out, networks, time.time()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves and logs."""
        save(self.codec, self.out, self.networks)
        line = {
            "epoch": epoch,
            "seconds": round(time.time() - self.start),
            **{k: float(v) for k, v in (logs or {}).items()},
        }
        with (self.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")


def save(codec: LossyCodec, out: Path, networks: tuple[str, ...]) -> None:
    """Writes OUT/encoder.weights.h5 and OUT/decoder.weights.h5, each replaced in one step."""
    for name in networks:
        part = out / f"{name}.part.weights.h5"
        getattr(codec, name).save_weights(part)
        part.replace(out / f"{name}.weights.h5")


def build(crop: int, resume: Path | None, levels: int = mcucoder.LEVELS) -> LossyCodec:
    """The codec at a crop size, with weights from a folder if given."""
    codec = LossyCodec(mcucoder.build_encoder(crop), mcucoder.build_decoder(crop // 8), levels)
    if resume:
        codec.encoder.load_weights(resume / "encoder.weights.h5")
        codec.decoder.load_weights(resume / "decoder.weights.h5")
    return codec


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=200, help="steps in an epoch")
    parser.add_argument(
        "--minutes", type=float, default=60, help="wall-clock time; the learning rate falls to its end over it"
    )
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(options.seed)
    training, validation = split_files(options.data)
    photos = [p for p in load_photos(training) if min(p.shape[:2]) >= options.crop]
    held = load_squares(validation, options.crop).astype(np.float32) / 255
    codec = build(options.crop, options.resume)
    codec.compile(optimizer=keras.optimizers.Adam(options.rate, clipnorm=1.0), jit_compile=False)
    crops = ((b, b) for b in random_crops(photos, options.crop, options.batch, options.seed))
    codec.fit(
        crops,
        steps_per_epoch=options.steps,
        epochs=10**6,
        validation_data=(held, held),
        validation_batch_size=16,
        verbose=2,
        callbacks=[TimedCosine(options.rate, options.minutes), Checkpoint(codec, options.out)],
    )


if __name__ == "__main__":
    main()
