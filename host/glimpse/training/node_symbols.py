# SPDX-License-Identifier: Apache-2.0
"""What a node really sends, for tuning a decoder on it: its int8 levels, in its packets, in its order."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from glimpse import zoo
from glimpse.binding import Model
from glimpse.training.data import load_squares
from glimpse.training.definition import PHOTO_SIDE
from glimpse.training.labelled_data import load_labelled

MOST_PHOTOS = 4500
PACKET = 51  # bytes; longer packets are drawn as a few of these
MOST_JOINED = 5  # 51-byte packets that are lost together, as one of 222 bytes would be
FEWEST_PACKETS = 4
OWN_LINKS = 0.5  # share of the links that end where a deployment's do

Batch = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Frames:
    """Photos and what a node sends for them.

    Attributes:
        levels: float16 [n, h, w, c] in quantiser steps from the latent's zero.
        turns: uint16 [n, h, w, c], number of the packet that carries the symbol; 0 leaves first.
        photos: uint8 [n, 8h, 8w, 3].
        labels: int32 [n], class of the photo, -1 where it is not known.
    """

    levels: np.ndarray
    turns: np.ndarray
    photos: np.ndarray
    labels: np.ndarray

    def __add__(self, other: "Frames") -> "Frames":
        """Both, one after the other."""
        mine, theirs = vars(self), vars(other)
        return Frames(**{key: np.concatenate([mine[key], theirs[key]]) for key in mine})


def node_frames(folder: Path, files: list[Path], seed: int | None) -> Frames:
    """What the node's C code sends for photos.

    Args:
        folder: of the model.
        files: photos; each is centre-cropped, and a third of them once more at a smaller scale from elsewhere.
        seed: of that choice; None: centre crops only.
    """
    photos = list(load_squares(files[:: max(1, len(files) // MOST_PHOTOS)], PHOTO_SIDE))
    if seed is not None:
        rng = np.random.default_rng(seed)
        for file in files[::3]:
            photos.append(_other_view(np.asarray(Image.open(file).convert("RGB")), rng))
    return _sent(folder, photos, [-1] * len(photos))


def labelled_frames(folder: Path, files: list[tuple[Path, int]], seed: int) -> Frames:
    """The same for photos with classes, each centre-cropped and twice more at a smaller scale from elsewhere.

    Args:
        folder: of the model.
        files: from labelled_data.find_labelled.
        seed: of the views.
    """
    rng = np.random.default_rng(seed)
    photos, labels = load_labelled(files, PHOTO_SIDE)
    views = [*photos, *(_other_view(photo, rng) for photo in (*photos, *photos))]
    return _sent(folder, views, [*labels] * 3)


def _other_view(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mirrored square of at least three quarters of the photo's side, from anywhere in it."""
    height, width = photo.shape[:2]
    side = int(min(height, width) * rng.uniform(0.75, 1.0))
    left, top = rng.integers(width - side + 1), rng.integers(height - side + 1)
    box = (left, top, left + side, top + side)
    scaled = Image.fromarray(photo).resize((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS, box)
    return np.asarray(scaled)[:, ::-1].copy()


def _sent(folder: Path, photos: list[np.ndarray], labels: list[int]) -> Frames:
    model = zoo.load(str(folder)).binding
    levels, turns = [], []
    for photo in photos:
        latent, side = model.encode_outputs(photo)
        symbols = model.quantise(latent)
        levels.append(model.latent_values(symbols).astype(np.float16))
        turns.append(_turns(model, model.pack(symbols, payload=PACKET, saliency=side)))
    return Frames(np.stack(levels), np.stack(turns), np.stack(photos), np.array(labels, np.int32))


def _turns(model: Model, packets: list[bytes]) -> np.ndarray:
    out = np.zeros(model.latent_shape, np.uint16)
    symbols, before = np.zeros(model.latent_shape, np.uint8), np.zeros(model.latent_shape, np.uint8)
    for number, packet in enumerate(packets):
        received = np.zeros(model.latent_shape, np.uint8)
        model.unpack(packet, symbols, received)
        out[(received > before)] = number
        before |= received
    return out


class Arrivals:
    """Draws what comes of a frame: the packets sent before the link ends, less those that are lost.

    Args:
        tail_drop: the link may end before the frame does; how many packets fit is spread evenly on a logarithmic scale.
        erased: share of the frames that lose packets, at a rate uniform in 0..0.7.
        bytes_rate: probability that a single symbol is lost in those frames instead; None: packets.
        seed: of the draw.
        whole: share of the frames that are sent to their ends.
        ends: (fewest, most) bytes between which half of the links end, also evenly on a logarithmic scale: those of a
            deployment; the others teach the decoder the rest. None: all end anywhere.
    """

    def __init__(
        self,
        tail_drop: bool,
        erased: float,
        bytes_rate: float | None,
        seed: int,
        whole: float = 0.1,
        ends: tuple[int, int] | None = None,
    ) -> None:
        self.tail_drop, self.erased, self.bytes_rate, self.whole = tail_drop, erased, bytes_rate, whole
        self.ends = ends
        self.rng = np.random.default_rng(seed)

    def draw(self, turns: np.ndarray) -> np.ndarray:
        """1 where a symbol came.

        Args:
            turns: of the symbols of one frame, or of a window of it.

        Returns:
            float32 of the same shape.
        """
        rng, count = self.rng, int(turns.max()) + 1
        received = np.ones(turns.shape, bool)
        if self.tail_drop and count > FEWEST_PACKETS and rng.random() >= self.whole:
            fewest, most = float(FEWEST_PACKETS), float(count)
            if self.ends is not None and rng.random() < OWN_LINKS:
                fewest, most = np.clip(np.array(self.ends) / PACKET, 1, count)
            received = turns < np.exp(rng.uniform(np.log(fewest), np.log(most)))
        if rng.random() < self.erased:
            if self.bytes_rate is not None:
                received &= rng.random(turns.shape) >= self.bytes_rate
            else:
                joined, start = int(rng.integers(1, MOST_JOINED + 1)), int(rng.integers(MOST_JOINED))
                alive = rng.random((count + start) // joined + 1) >= rng.uniform(0.0, 0.7)
                received &= alive[(turns.astype(int) + start) // joined]
        return received.astype(np.float32)


def node_batches(parts: list[tuple[Frames, int]], arrivals: Arrivals, window: int, seed: int) -> Iterator[Batch]:
    """Endless random batches of windows of frames.

    Args:
        parts: frames, and how many of a batch come from them.
        arrivals: draws what comes of each.
        window: side of the window in latent positions; the borders of a photo are in about half of the windows.
        seed: of the choice.

    Yields:
        levels and received, float32 [n, window, window, c]; photo, float32 [n, 8 window, 8 window, 3] in 0..1, and
        label [n].
    """
    rng = np.random.default_rng(seed)
    while True:
        drawn = [_window(frames, int(rng.integers(len(frames.levels))), arrivals, window, rng)
                 for frames, count in parts for _ in range(count)]  # fmt: skip
        levels, received, photo, label = (np.stack(each) for each in zip(*drawn, strict=True))
        x = {"levels": levels.astype(np.float32), "received": received}
        yield x, {"photo": photo.astype(np.float32) / 255, "label": label}


def _window(
    frames: Frames, at: int, arrivals: Arrivals, window: int, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    room = frames.levels.shape[1] - window
    y, x = np.clip(rng.integers(-room // 4, room + room // 4 + 1, size=2), 0, room)
    inside = np.s_[y : y + window, x : x + window]
    received = arrivals.draw(frames.turns[at])[inside]
    photo = frames.photos[at, 8 * y : 8 * (y + window), 8 * x : 8 * (x + window)]
    return frames.levels[at][inside], received, photo, frames.labels[at]
