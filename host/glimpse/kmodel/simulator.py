# SPDX-License-Identifier: Apache-2.0
"""Executes version 3 kmodels with the KPU's integer arithmetic, step by step as docs/kmodel.md says.

The results are those of nncase 1.9's simulator, bit for bit. Whether the hardware rounds halves and meets the edges
of activation pieces in the same way is not known; files of glimpse.kmodel.from_tflite do not depend on either.
"""

from __future__ import annotations

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.kmodel.layout import POOLS, ConvLayer, Dequantize, Kmodel, Requantize
from glimpse.kmodel.registers import KPU_MEMORY, LINE, Activation, lines_of, rows_of

_SUM_BITS = 36


class Simulator:
    """A K210 with one model loaded."""

    def __init__(self, kmodel: Kmodel) -> None:
        """Checks that the model can be run.

        Raises:
            GlimpseError: a layer is of a type, or in a mode, that is not simulated.
        """
        for index, layer in enumerate(kmodel.layers):
            _check(layer, index)
        first, last = kmodel.layers[0], [layer for layer in kmodel.layers if isinstance(layer, ConvLayer)][-1]
        self.in_shape = (first.in_channels, first.in_height, first.in_width)
        self.out_shape = (last.out_channels, last.out_height, last.out_width)
        """Of the last convolution, whose values the result holds."""
        self.kmodel = kmodel
        output = kmodel.outputs[0]
        self._floats = isinstance(kmodel.layers[-1], Dequantize)
        if output.size != int(np.prod(self.out_shape)) * (4 if self._floats else 1):
            raise GlimpseError(
                "the kmodel's first output is not the result of its last layer, which is all we simulate"
            )

    def run(self, image: np.ndarray) -> np.ndarray:
        """Runs the model once.

        Args:
            image: uint8 [channels, height, width].

        Returns:
            The first output [channels, height, width]: uint8, or float32 if the model ends with a dequantize layer.

        Raises:
            GlimpseError: the image has another shape, or sums leave the KPU's 36 bits.
        """
        if image.shape != self.in_shape or image.dtype != np.uint8:
            raise GlimpseError(f"the kmodel takes uint8 {list(self.in_shape)}, not {image.dtype} {list(image.shape)}")
        kpu = np.zeros(KPU_MEMORY, np.uint8)
        main = np.zeros(self.kmodel.main_memory, np.uint8)
        _upload(kpu, self.kmodel.layers[0].kpu_in, image)
        for index, layer in enumerate(self.kmodel.layers):
            if isinstance(layer, ConvLayer):
                result = _run_conv(layer, kpu, index)
                _upload(kpu, layer.kpu_out, result)
                if layer.main_memory_out is not None:
                    main[layer.main_memory_out :][: result.size] = result.ravel()
            elif isinstance(layer, Requantize):
                table = np.frombuffer(layer.table, np.uint8)
                main[layer.main_memory_out :][: layer.count] = table[main[layer.main_memory_in :][: layer.count]]
            else:
                with np.errstate(over="ignore", invalid="ignore"):  # a file may hold any scale
                    real = main[layer.main_memory_in :][: layer.count] * np.float32(layer.scale)
                    real += np.float32(layer.bias)
                main[layer.main_memory_out :][: 4 * layer.count] = real.astype("<f4").view(np.uint8)
        output = self.kmodel.outputs[0]
        stored = main[output.address :][: output.size]
        return (stored.view("<f4") if self._floats else stored).reshape(self.out_shape).copy()


def _check(layer: object, index: int) -> None:
    if isinstance(layer, Dequantize | Requantize) and index > 0:
        return
    if not isinstance(layer, ConvLayer):
        name = getattr(layer, "name", "not a convolution")
        raise GlimpseError(
            f"layer {index + 1} of the kmodel, {name}, is not simulated; convolutions are, and quantising their results"
        )
    r = layer.registers
    if r.ram_flag or r.full_add or r.first_stride or r.bypass_conv or r.pad_type:
        raise GlimpseError(f"layer {index + 1} of the kmodel uses a mode of the KPU that is not simulated")


def _upload(kpu: np.ndarray, at: int, picture: np.ndarray) -> None:
    _lines(kpu, at, *picture.shape)[...] = _grouped(picture)


def _lines(kpu: np.ndarray, at: int, channels: int, height: int, width: int) -> np.ndarray:
    """The picture's place in memory [blocks, height, groups, width] without the gaps."""
    rows = rows_of(width)
    blocks = -(-channels // rows.groups)
    size = lines_of(channels, height, width) * LINE
    pitch = rows.lines * LINE if rows.groups == 1 else rows.pitch
    return kpu[at : at + size].reshape(blocks, height, rows.groups, pitch)[..., :width]


def _grouped(picture: np.ndarray) -> np.ndarray:
    """[channels, height, width] to [blocks, height, groups, width]; what is missing in the last block is zero."""
    channels, height, width = picture.shape
    groups = rows_of(width).groups
    missing = -channels % groups
    if missing:
        picture = np.concatenate([picture, np.zeros((missing, height, width), picture.dtype)])
    return picture.reshape(-1, groups, height, width).swapaxes(1, 2)


def _download(kpu: np.ndarray, at: int, channels: int, height: int, width: int) -> np.ndarray:
    lines = _lines(kpu, at, channels, height, width)
    return lines.swapaxes(1, 2).reshape(-1, height, width)[:channels]


def _run_conv(layer: ConvLayer, kpu: np.ndarray, index: int) -> np.ndarray:
    """The result uint8 [channels, height, width] of one layer, pooled."""
    picture = _download(kpu, layer.kpu_in, layer.in_channels, layer.in_height, layer.in_width)
    sums = _checked(_sums(layer, picture), index)
    norm = layer.norm
    values = (sums * norm.mul[:, None] >> norm.shift[:, None]) + norm.add[:, None]
    active = activate(layer.activation, _checked(values, index))
    return _pool(active.reshape(layer.out_channels, layer.in_height, layer.in_width), layer.registers.pool_type)


def _checked(values: np.ndarray, index: int) -> np.ndarray:
    limit = 1 << (_SUM_BITS - 1)
    if values.min() < -limit or values.max() >= limit:
        raise GlimpseError(f"the sums of the kmodel's layer {index + 1} leave the KPU's {_SUM_BITS} bits")
    return values


def _sums(layer: ConvLayer, picture: np.ndarray) -> np.ndarray:
    """int64 [out channels, pixels]: the products, and the corrections for the zero points of pixels and weights."""
    r = layer.registers
    side = layer.kernel
    channels, height, width = picture.shape
    around = side // 2
    padded = np.full((channels, height + 2 * around, width + 2 * around), r.pad_value, np.uint8)
    padded[:, around : around + height, around : around + width] = picture
    # Doubles hold these integers exactly, and their matrix product is fast.
    taps = np.empty((channels, side * side, height, width))
    for row in range(side):
        for column in range(side):
            taps[:, row * side + column] = padded[:, row : row + height, column : column + width]
    weights = layer.weights.astype(np.float64)
    if layer.depthwise:
        taps = taps.reshape(channels, side * side, -1)
        products = (weights.reshape(channels, 1, -1) @ taps)[:, 0]
        pixels = taps.sum(1)
    else:
        taps = taps.reshape(channels * side * side, -1)
        products = weights.reshape(len(weights), -1) @ taps
        pixels = taps.sum(0)[None]
    of_weights = layer.weights.reshape(len(weights), -1).sum(1, dtype=np.int64)[:, None]
    summed = 1 if layer.depthwise else channels
    return (
        products.astype(np.int64)
        + (r.arg_x * pixels.astype(np.int64) >> r.shr_x)
        + (r.arg_w * of_weights >> r.shr_w)
        + r.arg_add * summed
    )


def activate(table: Activation, values: np.ndarray) -> np.ndarray:
    """The activation of int64 values, uint8 in the same shape.

    A half is rounded to the even neighbour; a product that is negative and above the half goes one down instead of up,
    as in nncase's simulator (only pieces that fall have such).
    """
    first, last = np.maximum(np.searchsorted(table.start, (values.min(), values.max()), side="left") - 1, 0)
    result = np.empty(values.shape, np.uint8)
    for piece in range(first, last + 1):
        above = values > table.start[piece] if piece > first else slice(None)
        result[above] = np.clip(_on_piece(table, piece, values[above]), 0, 255)
    return result


def _on_piece(table: Activation, piece: int, values: np.ndarray) -> np.ndarray | int:
    """What one piece makes of values, before clamping."""
    mul, shift, add = table.mul[piece], table.shift[piece], table.add[piece]
    if mul == 0:
        return add
    product = (values - table.start[piece]) * mul
    if shift == 0:
        return product + add
    whole = product >> shift
    # Just below a half more, and the rest of it where the whole is odd.
    rounded = product + ((1 << shift >> 1) - 1) + (whole & 1) >> shift
    return (rounded if mul > 0 else np.where(product < 0, 2 * whole - rounded, rounded)) + add


def _pool(picture: np.ndarray, kind: int) -> np.ndarray:
    name, side, stride = POOLS[kind]
    if side == 1:
        return picture
    _, height, width = picture.shape
    if stride == 1:  # the window reaches beyond the last row and column
        edge = "edge" if name.startswith("mean") else "constant"
        picture = np.pad(picture, ((0, 0), (0, 1), (0, 1)), edge)
    rows, columns = height // stride * stride, width // stride * stride
    views = np.stack(
        [
            picture[:, row : row + rows : stride, column : column + columns : stride]
            for row in range(side)
            for column in range(side)
        ]
    )
    if name.startswith("max"):
        return views.max(0)
    if name.startswith("mean"):
        return (views.sum(0, dtype=np.int64) // (side * side)).astype(np.uint8)
    return views[1 if name == "right_top2" else 0]
