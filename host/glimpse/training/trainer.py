# SPDX-License-Identifier: Apache-2.0
"""The training loop: rate of learning, checkpoints, log."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from glimpse.training.codec import Codec

NETWORKS = ("encoder", "decoder", "rate_model")
LOG = "log.jsonl"
VALIDATION_BATCH = 8


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn; whichever of steps and minutes ends first ends the training.

    Attributes:
        rate: of learning at its highest.
        steps: batches; None: no limit.
        minutes: of wall-clock time, for shared and slow machines; None: no limit.
        epoch: batches between two checkpoints.
        warmup: batches over which the rate rises at first.
        average: share of itself that a moving average of the weights keeps at each batch (Polyak and Juditsky 1992);
            it is what validates, and what the training ends with. 0: the weights themselves.
    """

    rate: float = 1e-3
    steps: int | None = None
    minutes: float | None = None
    epoch: int = 200
    warmup: int = 100
    average: float = 0.0


class Cosine(keras.callbacks.Callback):
    """A learning rate that falls along a cosine over the schedule, then stops."""

    def __init__(self, schedule: Schedule, done_before: float = 0.0) -> None:
        super().__init__()
        self.schedule, self.steps, self.start, self.before = schedule, 0, time.time(), done_before

    @property
    def done(self) -> float:
        """Share of the schedule that is over, 0..1."""
        s = self.schedule
        by_step = self.steps / s.steps if s.steps else 0.0
        by_time = (time.time() - self.start) / (60 * s.minutes) if s.minutes else 0.0
        return min(1.0, self.before + (1 - self.before) * max(by_step, by_time))

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Sets the rate."""
        fallen = 0.01 + 0.99 * (1 + np.cos(np.pi * self.done)) / 2
        self.steps += 1
        self.model.optimizer.learning_rate = self.schedule.rate * fallen * min(1.0, self.steps / self.schedule.warmup)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Stops at the end of the schedule."""
        if self.done >= 1:
            self.model.stop_training = True


class Checkpoint(keras.callbacks.Callback):
    """Writes weights and a log line after every epoch, whole or not at all."""

    def __init__(self, out: Path, cosine: Cosine) -> None:
        super().__init__()
        self.out, self.cosine, self.start = out, cosine, time.time()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves and logs."""
        save(self.model, self.out)
        _save_optimizer(self.model, self.out)
        _log(self.out, epoch, self.cosine.done, time.time() - self.start, logs or {})


def _log(out: Path, epoch: int, done: float, seconds: float, found: dict[str, Any]) -> None:
    line = {"epoch": epoch, "done": round(done, 4), "seconds": round(seconds)}
    line |= {k: round(float(v), 5) for k, v in found.items()}
    with (out / LOG).open("a") as log:
        log.write(json.dumps(line) + "\n")


def save(codec: Codec, out: Path) -> None:
    """Writes OUT/NETWORK.weights.h5 for each network, each replaced in one step."""
    for name in NETWORKS:
        network = getattr(codec, name)
        if network is None:
            continue
        part = out / f"{name}.part.weights.h5"
        keras.saving.save_weights(network, part) if name == "rate_model" else network.save_weights(part)
        part.replace(out / f"{name}.weights.h5")


def _save_optimizer(codec: Codec, out: Path) -> None:
    store: dict[str, np.ndarray] = {}
    codec.optimizer.save_own_variables(store)
    part = out / "optimizer.part.npz"
    np.savez(part, **{name: np.asarray(value, np.float32) for name, value in store.items()})
    part.replace(out / "optimizer.npz")


def _load_optimizer(codec: Codec, out: Path) -> None:
    """The moments of an interrupted training; without them it starts anew from the weights."""
    try:
        with np.load(out / "optimizer.npz") as store:
            codec.optimizer.build(codec.trainable_variables)
            codec.optimizer.load_own_variables(dict(store))
    except (OSError, ValueError, KeyError):
        return


def _done_before(out: Path) -> float:
    """Share of the schedule that the log in OUT says is over; 0 when it was finished, so that more can follow."""
    try:
        done = json.loads((out / LOG).read_text().splitlines()[-1])["done"]
    except (OSError, ValueError, KeyError, IndexError):
        return 0.0
    return done if done < 1 else 0.0


def fit(
    codec: Codec, batches: Iterable, held: Any, schedule: Schedule, out: Path, callbacks: list, resume: bool = False
) -> None:
    """Trains until the schedule ends.

    Args:
        codec: built.
        batches: of (x, y), endless.
        held: validation arrays (x, y).
        schedule: how long.
        out: folder of checkpoints and log; it exists.
        callbacks: more of Keras's callbacks, such as a progress bar.
        resume: the schedule goes on where the log in `out` ends, with the optimizer's moments.
    """
    # JAX without compiling would run operator by operator; torch and TensorFlow lose more by XLA's start than they win.
    compiled = keras.backend.backend() == "jax"
    averaged = {"use_ema": True, "ema_momentum": schedule.average} if schedule.average else {}
    codec.compile(optimizer=keras.optimizers.Adam(schedule.rate, global_clipnorm=1.0, **averaged), jit_compile=compiled)
    averaging = [keras.callbacks.SwapEMAWeights()] if averaged else []
    if resume:
        _load_optimizer(codec, out)
    else:
        # What training starts from, by the same pictures and draws: whether it helps shows from the first line on.
        start = codec.evaluate(*held, batch_size=VALIDATION_BATCH, verbose=0, return_dict=True)
        _log(out, -1, 0.0, 0.0, {f"val_{name}": value for name, value in start.items()})
    cosine = Cosine(schedule, _done_before(out) if resume else 0.0)
    codec.fit(
        batches,
        steps_per_epoch=schedule.epoch,
        epochs=10**6,
        validation_data=held,
        validation_batch_size=VALIDATION_BATCH,
        verbose=0,
        callbacks=[*averaging, cosine, Checkpoint(out, cosine), *callbacks],
    )
    save(codec, out)
