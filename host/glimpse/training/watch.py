# SPDX-License-Identifier: Apache-2.0
"""What a person sees of a training: a bar on the terminal, and TensorBoard."""

import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from glimpse.training.trainer import Schedule


class Watch(keras.callbacks.Callback):
    """A bar with loss, PSNR, MS-SSIM, photos a second and the time left; a line an epoch where nobody watches."""

    def __init__(self, schedule: Schedule, batch: int) -> None:
        super().__init__()
        self.schedule, self.batch = schedule, batch
        self.console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("preparing", total=1.0)
        self.steps, self.start, self.last = 0, time.time(), {}

    def __enter__(self) -> Self:
        """Shows the bar."""
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes it away."""
        self.bar.stop()

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock when the data is there."""
        self.start = time.time()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Moves the bar."""
        self.steps += 1
        if self.steps % 5:
            return
        seconds = time.time() - self.start
        by_step = self.steps / self.schedule.steps if self.schedule.steps else 0.0
        by_time = seconds / 60 / self.schedule.minutes if self.schedule.minutes else 0.0
        text = f"{_words(logs or {})}  {self.steps * self.batch / seconds:.1f} photos/s"
        self.bar.update(self.task, completed=min(1.0, max(by_step, by_time)), description=text)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keeps the numbers; writes them where no bar is shown."""
        self.last = {k: float(v) for k, v in (logs or {}).items()}
        if self.bar.disable:
            seconds = time.time() - self.start
            held = _words({k.removeprefix("val_"): v for k, v in self.last.items() if k.startswith("val_")})
            self.console.print(
                f"epoch {epoch + 1}  {_words(self.last)}  validation {held}  {self.steps} batches in {seconds:.0f} s",
                soft_wrap=True,
            )

    def numbers(self) -> dict[str, Any]:
        """Steps, epochs' end on the validation split."""
        found = {
            k: round(self.last.get(f"val_{k}", self.last.get(k, 0.0)), 5) for k in ("loss", "psnr", "ms_ssim", "bpp")
        }
        return {"steps": self.steps, **found}


def _words(logs: dict) -> str:
    names = {"loss": "loss {:.4f}", "psnr": "{:.2f} dB", "ms_ssim": "MS-SSIM {:.4f}", "bpp": "{:.3f} bpp"}
    more = {
        "saliency": "saliency {:.3f}",
        "top1": "top-1 {:.2f}",
        "divergence": "divergence {:.3f}",
        "agreement": "agreement {:.2f}",
        "features": "features {:.3f}",
    }
    return "  ".join(text.format(float(logs[k])) for k, text in (names | more).items() if k in logs)


class EventLog(keras.callbacks.Callback):
    """TensorBoard's events in OUT/events, on any backend; nothing where tensorboardX is not installed."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            self.writer = None
        else:
            self.writer = SummaryWriter(str(out / "events"))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """One point for each number."""
        if self.writer is not None:
            for name, value in (logs or {}).items():
                self.writer.add_scalar(name, float(value), epoch)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Closes the file."""
        if self.writer is not None:
            self.writer.close()
