# SPDX-License-Identifier: Apache-2.0
"""Photos of a folder through codecs: one Row for every operating point, on one or two processes."""

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np

from glimpse import zoo
from glimpse.errors import GlimpseError, UsageError
from glimpse.evaluation import classical
from glimpse.evaluation.classify import Classifier
from glimpse.evaluation.codec import Codec
from glimpse.evaluation.curves import MOST_BPP, Row
from glimpse.evaluation.detect import Detector
from glimpse.evaluation.learned import model_named
from glimpse.evaluation.loss import LossRow, loss_rows
from glimpse.evaluation.variant import base_name
from glimpse.evaluation.view import Viewer
from glimpse.photo import Fit, fit_photo, load_photo
from glimpse.training.split import SUFFIXES, VALIDATION_EVERY

DEFAULT_SIDE = 224
Setting = TypeVar("Setting")
Done = TypeVar("Done")


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        models: names or folders of the zoo.
        baselines: names of glimpse.evaluation.classical.
        payload: most bytes of a packet, headers included.
        fit: how photos become the codecs' pixels.
        height: of those pixels.
        width: of those pixels.
        points: prefixes of a model's packets to look at; None: every one.
        losses: chances of losing a packet, 0..1; empty: no loss.
        seeds: how often each loss is drawn.
        most_bpp: rate up to which codecs are compared, bits per pixel.
        classifier: model file; None: no accuracy.
        labels: file of its labels.
        folders: class folders of the photos.
        detector: ONNX file; None: no detection.
    """

    models: tuple[str, ...]
    baselines: tuple[str, ...]
    payload: int
    fit: Fit
    height: int = DEFAULT_SIDE
    width: int = DEFAULT_SIDE
    points: int | None = None
    losses: tuple[float, ...] = ()
    seeds: int = 3
    most_bpp: float = MOST_BPP
    classifier: Path | None = None
    labels: Path | None = None
    folders: tuple[str, ...] = ()
    detector: Path | None = None


@dataclass(frozen=True)
class Measured:
    """What became of one photo.

    Attributes:
        image: its name, with its class folder if there is one.
        rows: one for each operating point.
        losses: one for each model, loss and seed.
        problem: why it was skipped; empty when it was not.
    """

    image: str
    rows: tuple[Row, ...] = ()
    losses: tuple[LossRow, ...] = ()
    problem: str = ""


def photos_in(folder: Path, split: str = "all") -> list[Path]:
    """The photo files of a folder, or, where it has none itself, of its subfolders (one for each class), sorted.

    Args:
        folder: to look in.
        split: "all"; "validation": every 20th, which training leaves out; "training": the others.

    Raises:
        GlimpseError: no such folder, or nothing in it that looks like a photo.
    """
    if not folder.is_dir():
        raise GlimpseError(f"there is no folder {folder}; name a folder of photos")
    try:
        files = [f for f in sorted(folder.iterdir()) if _is_photo(f)]
        files = files or [f for f in sorted(folder.glob("*/*")) if _is_photo(f)]
    except OSError as error:
        raise GlimpseError(f"cannot read the folder {folder}: {(error.strerror or '').lower()}") from error
    if not files:
        endings = ", ".join(sorted(ENDINGS))
        raise GlimpseError(f"{folder} has no photos ({endings}); name a folder that has")
    if split == "validation":
        return files[::VALIDATION_EVERY]
    return [f for i, f in enumerate(files) if i % VALIDATION_EVERY] if split == "training" else files


ENDINGS = SUFFIXES | {".avif", ".bmp", ".ppm", ".tif", ".tiff"}


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def shape_of(models: tuple[str, ...]) -> tuple[int, int]:
    """(height, width) of the pixels that all models take; without any, DEFAULT_SIDE squared.

    Raises:
        GlimpseError: a model is missing, or two take different pixels.
    """
    bindings = {name: zoo.load(base_name(name)).binding for name in models}
    shapes = {name: (each.photo_height, each.photo_width) for name, each in bindings.items()}
    if len(set(shapes.values())) > 1:
        each = ", ".join(f"{name} {width}x{height}" for name, (height, width) in shapes.items())
        raise GlimpseError(f"models that take photos of different sizes cannot be compared ({each}); name one size")
    return next(iter(shapes.values()), (DEFAULT_SIDE, DEFAULT_SIDE))


class Bench:
    """A plan with everything loaded that it needs.

    Raises:
        UsageError: two codecs have one name.
        GlimpseError: something is missing.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.models = [model_named(name, plan.payload, plan.points) for name in plan.models]
        self.codecs: list[Codec] = [*self.models, *(classical.make(name, plan.payload) for name in plan.baselines)]
        names = [codec.name for codec in self.codecs]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UsageError(
                f"two codecs are called {twice!r}, so their numbers would mix; rename one in its model.toml"
            )
        self.classifier = self.detector = None
        if plan.classifier is not None and plan.labels is not None:
            self.classifier = Classifier(plan.classifier, plan.labels, plan.folders)
        if plan.detector is not None:
            self.detector = Detector(plan.detector)

    def measure(self, path: Path, image: str) -> Measured:
        """One photo through all codecs; what is wrong with the photo is told, never raised."""
        plan = self.plan
        try:
            photo = fit_photo(load_photo(path), plan.width, plan.height, plan.fit)
            viewer = Viewer(photo, path.parent.name, self.classifier, self.detector)
            rows = [row for codec in self.codecs for row in _rows(codec, photo, image, viewer)]
            losses = [
                row for model in self.models for row in loss_rows(model, photo, image, plan.losses, plan.seeds, viewer)
            ]
        except GlimpseError as error:
            return Measured(image, problem=str(error))
        return Measured(image, tuple(rows), tuple(losses))


def _rows(codec: Codec, photo: np.ndarray, image: str, viewer: Viewer) -> Iterator[Row]:
    pixels = photo.shape[0] * photo.shape[1]
    for coded in codec.points(photo):
        seen = viewer.see(coded.picture)
        yield Row(codec.name, coded.setting, image, coded.bytes, pixels, **vars(seen))


_bench: Bench | None = None


def _prepare(plan: Plan) -> None:
    """In a process of the pool."""
    global _bench
    _bench = Bench(plan)


def _measure(path: Path, image: str) -> Measured:
    assert _bench is not None
    return _bench.measure(path, image)


def measure(
    bench: Bench, folder: Path, files: list[Path], jobs: int, on_photo: Callable[[Measured], None]
) -> list[Measured]:
    """All photos, in the order of `files` however many processes work.

    Args:
        bench: what to measure.
        folder: names of photos are relative to it.
        files: photos.
        jobs: processes; 1: this one alone.
        on_photo: called as soon as a photo is done.
    """
    names = [str(path.relative_to(folder)) for path in files]
    if jobs == 1 or len(files) == 1:
        done = []
        for path, name in zip(files, names, strict=True):
            done.append(bench.measure(path, name))
            on_photo(done[-1])
        return done
    return in_processes(_prepare, bench.plan, _measure, list(zip(files, names, strict=True)), jobs, on_photo)


def in_processes(
    prepare: Callable[[Setting], None],
    plan: Setting,
    do: Callable[..., Done],
    work: Sequence[tuple],
    jobs: int,
    on_done: Callable[[Done], None],
) -> list[Done]:
    """Work on several processes, its results in order.

    Args:
        prepare: called with `plan` in each process; like `do`, a function of a module.
        plan: what it needs.
        do: called with the parts of each piece of work.
        work: the pieces.
        jobs: processes.
        on_done: called with each result as soon as it is there.

    Raises:
        GlimpseError: a process ended.
    """
    # Started afresh: a copy of this process would hold locks of the progress bar's thread.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), prepare, (plan,))
    try:
        with _without_interrupts():
            futures: dict[Future[Done], int] = {pool.submit(do, *each): number for number, each in enumerate(work)}
        done: dict[int, Done] = {}
        for future in as_completed(futures):
            done[futures[future]] = future.result()
            on_done(done[futures[future]])
        return [done[number] for number in range(len(work))]
    except BrokenProcessPool as error:
        raise GlimpseError("a process ended before its time, perhaps for want of memory; try --jobs 1") from error
    except BaseException:
        for process in list((pool._processes or {}).values()):
            with contextlib.suppress(OSError):
                process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes started here never see Ctrl-C: ending them is this one's business, which sees it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
