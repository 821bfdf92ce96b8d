# SPDX-License-Identifier: Apache-2.0
"""What a real board must answer to firmware/maix/check.py: two known pictures through the accelerator's simulator."""

import json
from binascii import crc32
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.kmodel import layout
from glimpse.kmodel.simulator import Simulator
from glimpse.maix.raw_repl import checksum

WIDENINGS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "bits shifted": lambda value, bits: value << (8 - bits),
    "high bits repeated": lambda value, bits: (value << (8 - bits)) | (value >> (2 * bits - 8)),
    "bits rounded": lambda value, bits: (value * 255 + (1 << (bits - 1)) - 1) // ((1 << bits) - 1),
}
"""How MaixPy may make bytes of the 5 and 6 bits of its pictures. Which one it is the check finds out; the node's
pictures differ by at most 7 of 255 between them. Pictures in firmware/maix/sim are rounded."""
FALLBACK = "-float.kmodel"
"""Ends the name of the variant that answers floats, in the place of .kmodel."""


def fallback(network: bytes, name: str = "the kmodel") -> bytes:
    """The same network with a DEQUANTIZE layer behind it, as published v3 files have: should a MaixPy want one.

    Its floats are the bytes themselves: scale 1, bias 0.

    Raises:
        GlimpseError: the file is broken.
    """
    model = layout.parse(network, name)
    source = model.outputs[0]
    start = -(-model.main_memory // 8) * 8
    floats = layout.Dequantize(source.address, start, source.size, 1.0, 0.0)
    size = 4 * source.size
    return layout.write(layout.Kmodel([*model.layers, floats], [layout.Output(start, size)], start + size))


def known_picture(width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Red, green and blue of the check's pattern, in 5, 6 and 5 bits: int [height, width] each; bits() of check.py."""
    y, x = np.mgrid[:height, :width]
    return ((x + y) >> 3) & 31, ((x * y) >> 5) & 63, ((x ^ (y << 1)) >> 2) & 31


def swapped(width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same, as it looks to a MaixPy that has each pixel's bytes the other way round."""
    red, green, blue = known_picture(width, height)
    pixel = red << 11 | green << 5 | blue
    pixel = (pixel & 255) << 8 | pixel >> 8
    return pixel >> 11, pixel >> 5 & 63, pixel & 31


def expectation(network: bytes, file: str | int, other: str) -> bytes:
    """check.json: sizes and sums of the network's files, and checksums of what it answers.

    Keys: width, height (of a picture), count (bytes of an answer), black, pattern {way of widening: CRC-32 of the
    answer}, variants [{file, size, sum, floats}], the usual one first (size 0: in flash, not looked at).

    Args:
        network: a v3 kmodel of three input planes.
        file: its name on the node's disk, or where it lies in flash.
        other: name of its fallback.

    Raises:
        GlimpseError: it is broken or takes no pictures.
    """
    numbers = {
        **_answers(network),
        "variants": [
            _variant(file, network if isinstance(file, str) else b"", floats=False),
            _variant(other, fallback(network), floats=True),
        ],
    }
    return (json.dumps(numbers, indent=1) + "\n").encode()


def _variant(file: str | int, data: bytes, *, floats: bool) -> dict[str, Any]:
    size, total = checksum(data)
    return {"file": file, "size": size, "sum": total, "floats": int(floats)}


@lru_cache(maxsize=4)
def _answers(network: bytes) -> dict[str, Any]:
    model = layout.parse(network)
    first = model.layers[0]
    if not isinstance(first, layout.ConvLayer) or first.in_channels != 3:
        raise GlimpseError("the kmodel takes no pictures of three colours; export the model again")
    width, height = first.in_width, first.in_height
    simulator = Simulator(model)

    def answer(planes: np.ndarray) -> int:
        return crc32(simulator.run(planes.astype(np.uint8)).tobytes())

    pattern = {}
    for way, colours in (("", known_picture(width, height)), ("bytes swapped, ", swapped(width, height))):
        red, green, blue = colours
        for name, widen in WIDENINGS.items():
            pattern[way + name] = answer(np.stack([widen(red, 5), widen(green, 6), widen(blue, 5)]))
    return {
        "width": width,
        "height": height,
        "count": model.outputs[0].size,
        "black": {"any": answer(np.zeros((3, height, width)))},
        "pattern": pattern,
    }
