# SPDX-License-Identifier: Apache-2.0
"""One convolution of the KPU written down value by value, as docs/kmodel.md says it; slow."""

from __future__ import annotations

import numpy as np
from glimpse.kmodel.layout import ConvLayer


def run(layer: ConvLayer, picture: np.ndarray) -> np.ndarray:
    """uint8 [channels, height, width] to the pooled result."""
    convolved = np.array(
        [
            [[_value(layer, picture, o, y, x) for x in range(layer.in_width)] for y in range(layer.in_height)]
            for o in range(layer.out_channels)
        ]
    )
    return np.array(
        [
            [[_pooled(layer, channel, y, x) for x in range(layer.out_width)] for y in range(layer.out_height)]
            for channel in convolved
        ],
        np.uint8,
    )


def _value(layer: ConvLayer, picture: np.ndarray, channel: int, y: int, x: int) -> int:
    r = layer.registers
    products = pixels = weights = 0
    sources = [channel] if layer.depthwise else range(layer.in_channels)
    reach = layer.kernel // 2
    for index, source in enumerate(sources):
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                inside = 0 <= y + dy < layer.in_height and 0 <= x + dx < layer.in_width
                pixel = int(picture[source, y + dy, x + dx]) if inside else r.pad_value
                weight = int(layer.weights[channel, index, dy + reach, dx + reach])
                products += pixel * weight
                pixels += pixel
                weights += weight
    total = products + (r.arg_x * pixels >> r.shr_x) + (r.arg_w * weights >> r.shr_w) + r.arg_add * len(sources)
    norm = layer.norm
    return active(
        layer.activation, (total * int(norm.mul[channel]) >> int(norm.shift[channel])) + int(norm.add[channel])
    )


def active(table: object, value: int) -> int:
    piece = max((i for i in range(16) if value > table.start[i]), default=0)
    product, shift = (value - table.start[piece]) * table.mul[piece], table.shift[piece]
    whole, part = product >> shift, product & ((1 << shift) - 1)
    if shift and (2 * part > 1 << shift or (2 * part == 1 << shift and whole % 2 == 1)):
        whole += 1 if product >= 0 else -1
    return min(255, max(0, whole + table.add[piece]))


def _pooled(layer: ConvLayer, channel: np.ndarray, y: int, x: int) -> int:
    height, width = channel.shape

    def at(row: int, column: int) -> int:
        return int(channel[min(row, height - 1), min(column, width - 1)])

    name = layer.pool
    side = 4 if "4" in name else 2
    stride = 1 if name == "none" or "stride1" in name else side
    top, left = y * stride, x * stride
    window = [(top + i, left + j) for i in range(side) for j in range(side)]
    if name == "none":
        return at(top, left)
    if name.startswith("max"):
        return max(at(*place) for place in window)
    if name.startswith("mean"):
        return sum(at(*place) for place in window) // side**2
    return at(top, left + (name == "right_top2"))
