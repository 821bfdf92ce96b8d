# SPDX-License-Identifier: Apache-2.0
"""Writes a version 3 kmodel straight from an int8 .tflite encoder: the same bytes every time, no compiler needed.

A byte of the KPU is TensorFlow Lite's int8 + 128, for pixels, values between layers, weights and the result. The sums
are then those of TensorFlow Lite exactly; only the scaling behind them is rounded elsewhere (docs/kmodel.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.export.tflite_reader import Layer, read_network
from glimpse.kmodel.layout import ConvLayer, Dequantize, Kmodel, Output
from glimpse.kmodel.layout import write as write_file
from glimpse.kmodel.registers import (
    KPU_MEMORY,
    LINE,
    SEGMENTS,
    Activation,
    BatchNorm,
    Registers,
    lines_of,
    rows_of,
    write_batch_norm,
)

MOST_CHANNELS = 1024
MOST_FILE = 0xD00000 - 0x300000
"""Bytes of flash between a kmodel's usual place and the file system."""
_LEAST_SIDE = 4
_MOST_HEIGHT, _MOST_WIDTH = 256, 512  # as nncase's
_LOAD_BYTES = 30 << 10  # of weights at a time
_MOST_LOADS = 64
_POOL_TYPES = {2: 1, 4: 3}  # side and stride of a max-pool to pool_type

_NORM_SHIFT = 15
_NORM_MUL_BITS = 22  # of 24; as many as nncase uses
_FRACTION_BITS = 16  # at most
_SLOPE_BITS = 14
_SLOPE = (1 << _SLOPE_BITS) + 1
_SUM_LIMIT = 1 << 35


@dataclass(frozen=True)
class _Step:
    """One run of the KPU: a convolution and the max-pool behind it."""

    conv: Layer
    pool: int
    """Side and stride, 1: none."""
    out_shape: tuple[int, int, int]
    """(height, width, channels) after pooling."""
    minimum: int
    maximum: int


def write(tflite: bytes, dequantize: bool = False) -> bytes:
    """The kmodel of an encoder. One execution takes the network's input, which is one patch where a photo has several.

    Args:
        tflite: int8 .tflite file: convolutions of 1 x 1 or 3 x 3 with SAME padding and stride 1, each followed by a
            2 x 2 or 4 x 4 max-pool or none, one after the other.
        dequantize: end with a layer that gives the same numbers 0..255 as float32, which every firmware expects.

    Returns:
        A version 3 file. Its input is uint8 [channels, height, width], its output the same: TensorFlow Lite's int8
        plus 128.

    Raises:
        GlimpseError: one sentence, naming the layer: the KPU cannot run the network.
    """
    steps = _steps(tflite)
    layers: list[ConvLayer | Dequantize] = []
    top = KPU_MEMORY // LINE
    for index, step in enumerate(steps):
        # Pictures change sides: one lies at the start of the KPU's memory, the next at its end.
        source = lines_of(*_channels_first(step.conv.in_shape))
        target = lines_of(*_channels_first(step.out_shape))
        if source + target > top:
            raise GlimpseError(
                f"Layer '{_short(step.conv.name)}' cannot run on the KPU: its input and output take "
                f"{(source + target) * LINE:,} bytes of the {KPU_MEMORY:,}; use smaller patches or fewer channels."
            )
        places = (0, top - target) if index % 2 == 0 else (top - source, 0)
        layers.append(_conv(step, *places))
    height, width, channels = steps[-1].out_shape
    size = height * width * channels
    layers[-1] = replace(layers[-1], main_memory_out=0)
    memory = -(-size // 8) * 8
    output = Output(0, size)
    if dequantize:
        output = Output(memory, 4 * size)
        layers.append(Dequantize(0, memory, size, 1.0, 0.0))
        memory += 4 * size
    file = write_file(Kmodel(list(layers), [output], memory))
    if len(file) > MOST_FILE:
        raise GlimpseError(
            f"The kmodel would have {len(file):,} bytes, more than the {MOST_FILE:,} of its place in flash; "
            "use a smaller network."
        )
    return file


def _short(name: str) -> str:
    """TensorFlow names an operator after all that was fused into it."""
    return name.partition(";")[0]


def _channels_first(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    return shape[2], shape[0], shape[1]


def _steps(tflite: bytes) -> list[_Step]:
    network = read_network(tflite)
    if network.side is not None or network.latent != len(network.layers) - 1:
        raise GlimpseError("The encoder has a branch beside its latent; a kmodel holds layers one after the other.")
    steps: list[_Step] = []
    for index, layer in enumerate(network.layers):
        if layer.input != index - 1:
            raise GlimpseError(f"Layer '{_short(layer.name)}' does not read the layer before it; a kmodel's layers do.")
        if layer.kind == "conv":
            _check_conv(layer)
            steps.append(_Step(layer, 1, layer.out_shape, layer.minimum, layer.maximum))
        elif layer.kind == "max_pool":
            steps[-1:] = [_pooled(steps, layer)]
        else:
            raise GlimpseError(
                f"Layer '{_short(layer.name)}' is a depthwise convolution; kmodels are written without them."
            )
    return steps


def _check_conv(layer: Layer) -> None:
    height, width, channels = layer.in_shape
    refused = f"Layer '{_short(layer.name)}' cannot run on the KPU: "
    if layer.kernel not in ((1, 1), (3, 3)):
        raise GlimpseError(f"{refused}its kernel is {layer.kernel[0]} x {layer.kernel[1]}, not 1 x 1 or 3 x 3.")
    if layer.stride != (1, 1):
        raise GlimpseError(f"{refused}its stride is not 1; use stride 1 and a 2 x 2 max-pool.")
    if layer.out_shape[:2] != layer.in_shape[:2]:
        raise GlimpseError(f"{refused}its edges are not padded; use SAME padding.")
    if max(channels, layer.out_shape[2]) > MOST_CHANNELS:
        most = max(channels, layer.out_shape[2])
        raise GlimpseError(f"{refused}it has {most} channels, more than {MOST_CHANNELS}.")
    if min(height, width) < _LEAST_SIDE or height > _MOST_HEIGHT or width > _MOST_WIDTH:
        raise GlimpseError(
            f"{refused}its input is {height} x {width}, outside {_LEAST_SIDE} x {_LEAST_SIDE} to "
            f"{_MOST_HEIGHT} x {_MOST_WIDTH}."
        )
    loads = -(-layer.out_shape[2] // _channels_at_once(layer))
    if loads > _MOST_LOADS:
        raise GlimpseError(
            f"{refused}its weights are loaded in {loads} parts, more than {_MOST_LOADS}; use fewer channels."
        )


def _pooled(steps: list[_Step], layer: Layer) -> _Step:
    """The last step with a max-pool behind it."""
    refused = f"Max-pool '{_short(layer.name)}' cannot run on the KPU: "
    if not steps or steps[-1].pool != 1:
        raise GlimpseError(f"{refused}no convolution stands directly before it.")
    side = layer.kernel[0]
    if side not in _POOL_TYPES or layer.kernel != (side, side) or layer.stride != (side, side):
        raise GlimpseError(f"{refused}its window is not 2 x 2 or 4 x 4 with a stride of the same.")
    if layer.out_shape[:2] != (layer.in_shape[0] // side, layer.in_shape[1] // side):
        raise GlimpseError(f"{refused}its last window reaches beyond the edge; use sides that are multiples of {side}.")
    step = steps[-1]
    low = min(max(step.minimum, layer.minimum), layer.maximum)
    high = max(low, min(step.maximum, layer.maximum))
    return replace(step, pool=side, out_shape=layer.out_shape, minimum=low, maximum=high)


def _channels_at_once(layer: Layer) -> int:
    """Output channels whose weights fit one load; at least one, since 1024 x 9 bytes do."""
    return min(layer.out_shape[2], _LOAD_BYTES // (layer.kernel[0] ** 2 * layer.in_shape[2]))


def _conv(step: _Step, source: int, target: int) -> ConvLayer:
    """The layer of a step whose pictures start at these lines of the KPU's memory."""
    layer = step.conv
    norm, activation = _scaling(step)
    weights = (layer.weights.transpose(0, 3, 1, 2).astype(np.int16) + 128).astype(np.uint8)
    return ConvLayer(
        _registers(step, source, target), weights.tobytes(), write_batch_norm(norm), activation, main_memory_out=None
    )


def _registers(step: _Step, source: int, target: int) -> Registers:
    layer = step.conv
    channels, height, width = _channels_first(layer.in_shape)
    out_channels, out_height, out_width = _channels_first(step.out_shape)
    rows, out_rows = rows_of(width), rows_of(out_width)
    at_once = _channels_at_once(layer)
    zero = layer.in_quantisation.zero + 128
    taps = layer.kernel[0] ** 2
    return Registers(
        image_src_addr=source,
        image_dst_addr=target,
        i_ch_num=channels - 1,
        o_ch_num=out_channels - 1,
        o_ch_num_coef=at_once - 1,
        i_row_wid=width - 1,
        i_col_high=height - 1,
        o_row_wid=out_width - 1,
        o_col_high=out_height - 1,
        kernel_type=1 if layer.kernel == (3, 3) else 0,
        pool_type=_POOL_TYPES.get(step.pool, 0),
        load_para=1,
        dma_burst_size=15,
        pad_value=zero,
        load_coor=1,
        load_time=-(-out_channels // at_once) - 1,
        para_size=at_once * taps * channels,
        channel_switch_addr=rows.lines * height,
        row_switch_addr=rows.lines,
        coef_group=rows.groups,
        load_act=1,
        wb_channel_switch_addr=out_rows.lines * out_height,
        wb_row_switch_addr=out_rows.lines,
        wb_group=out_rows.groups,
        # Sum of (x - zero)(w - 128), from the sums of x w, x and w.
        arg_x=-128,
        arg_w=-zero,
        arg_add=128 * zero * taps,
        channel_byte_num=out_height * out_width - 1,
        dma_total_byte=out_height * out_width * out_channels - 1,
    )


def _scaling(step: _Step) -> tuple[BatchNorm, Activation]:
    """Batch norm and activation that take a channel's sum to its byte.

    The batch norm gives the byte with `bits` binary places; the activation rounds them away. The activation's slope is
    a little above 2^-bits and the batch norm's factor below in turn, so that no value in range lies half way between
    two bytes: how the hardware rounds halves does not matter then.

    TensorFlow Lite rounds twice, first to `kept` binary places, then halves away from zero. That moves the border
    between two values by half of the last place towards zero, which is imitated.
    """
    layer = step.conv
    factors = (
        layer.weight_scales.astype(np.float64)
        * float(layer.in_quantisation.scale)
        / float(layer.out_quantisation.scale)
    )
    bias = layer.bias.astype(np.float64)
    sums = layer.kernel[0] ** 2 * layer.in_shape[2] * 255.0 * 127
    bits = _fraction_bits(layer.name, factors, bias, sums)
    unit = 2.0**bits * (1 << _SLOPE_BITS) / _SLOPE
    kept = -(np.frexp(factors)[1].astype(np.float64))
    early = np.where(kept > 0, 2.0 ** -(kept + 1), 0.0)
    zero, low, high = layer.out_quantisation.zero + 128, step.minimum + 128, step.maximum + 128
    mul = np.rint(factors * unit * (1 << _NORM_SHIFT)).astype(np.int64)
    # The shift loses half a unit on average.
    add = np.rint((bias * factors + zero + early) * unit + 0.5).astype(np.int64)
    norm = BatchNorm(mul, np.full(len(mul), _NORM_SHIFT), add)

    slope = (_SLOPE, bits + _SLOPE_BITS)
    pieces = [(-_SUM_LIMIT, 0, 0, low)]
    if zero > low:
        pieces.append((round((low + 2 * np.median(early)) * unit), *slope, low))
    pieces.append((round(max(zero, low) * unit), *slope, max(zero, low)))
    if high < 255:
        pieces.append((round(high * unit), 0, 0, high))
    pieces += [(_SUM_LIMIT - 1, 0, 0, high)] * (SEGMENTS - len(pieces))
    start, mul_of_piece, shift, base = zip(*pieces, strict=True)
    return norm, Activation(start, mul_of_piece, shift, base)


def _fraction_bits(name: str, factors: np.ndarray, bias: np.ndarray, sums: float) -> int:
    """As many binary places as the KPU's words have room for."""
    for bits in range(_FRACTION_BITS, 3, -1):
        unit = 2.0**bits
        largest = (np.abs(bias) * factors + 256) * unit
        if (
            factors.max() * unit * (1 << _NORM_SHIFT) < 1 << _NORM_MUL_BITS
            and largest.max() < 1 << 31
            and (sums * factors * unit + largest).max() < _SUM_LIMIT
        ):
            return bits
    raise GlimpseError(f"Layer '{name}' cannot run on the KPU: its scales or biases are too large for its words.")
