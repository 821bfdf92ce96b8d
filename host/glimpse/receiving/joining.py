# SPDX-License-Identifier: Apache-2.0
"""Which frame a packet joins: by its symbols, and by the reference that it was made against."""

from collections.abc import Callable

import numpy as np

from glimpse.binding import Model, Reference
from glimpse.receiving.frame import Frame
from glimpse.zoo import ZooModel

Unpack = Callable[[Model, bytes, np.ndarray, np.ndarray], int]
"""(model, packet, symbols, received) -> count, filling in the two arrays, uint8 [height, width, channels]."""


def may_share(frame: Frame, reference: Reference | None) -> bool:
    """Whether a packet read against this reference may be the frame's: a frame has one."""
    own = frame.assembly.reference
    return own is None or reference is None or own.name == reference.name


def unpacked(model: ZooModel, packet: bytes, unpack: Unpack) -> tuple[np.ndarray, np.ndarray, int]:
    """A packet's (symbols, received, count), as Frame.add takes them."""
    shape = model.binding.latent_shape
    symbols, received = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    return symbols, received, unpack(model.binding, packet, symbols, received)


def owner(frames: list[Frame], symbols: np.ndarray, received: np.ndarray) -> Frame | None:
    """Of several frames with one number, the one whose symbols a packet repeats most of and contradicts none of.

    The newest where that does not tell; None: it contradicts them all, so it is of a new photo.
    """
    best, most = None, -1
    for frame in sorted(frames, key=lambda item: -item.serial):
        common, differing = frame.assembly.compare(symbols, received)
        if not differing and common > most:
            best, most = frame, common
    return best
