# SPDX-License-Identifier: Apache-2.0
"""Version 3 kmodel files, the ones that MaixPy v1 loads: parsed with every bound checked, and written.

The format is in docs/kmodel.md. All numbers are little endian; offsets count from the file's first byte.
"""

from __future__ import annotations

import struct

from glimpse.errors import GlimpseError
from glimpse.kmodel.layers import (
    CONV,
    DEQUANTIZE,
    LAYER_NAMES,
    POOLS,
    REQUANTIZE,
    ConvLayer,
    Dequantize,
    Kmodel,
    Layer,
    OtherLayer,
    Output,
    Requantize,
)
from glimpse.kmodel.registers import (
    ACTIVATION_BYTES,
    KPU_MEMORY,
    LINE,
    REGISTER_BYTES,
    Registers,
    lines_of,
    read_activation,
    read_registers,
    rows_of,
    write_activation,
    write_registers,
)

VERSION = 3
MOST_MEMORY = 6 << 20
"""Bytes of the K210's general memory."""

_HEADER = struct.Struct("<7I")
_PAIR = struct.Struct("<2I")
_CONV_BODY = struct.Struct("<6I")
_DEQUANTIZE_BODY = struct.Struct("<4I2f")
_REQUANTIZE_BODY = struct.Struct("<4I256s")
_MAIN_MEMORY_OUT = 1


class _Refused(Exception):
    """Why the file is not usable, as the end of a sentence."""


def parse(data: bytes, name: str = "the kmodel") -> Kmodel:
    """Reads a version 3 file.

    Args:
        data: the whole file, and nothing behind it.
        name: what errors call the file.

    Raises:
        GlimpseError: one sentence; the file is broken, cut short, of another version, or wants more than a K210 has.
    """
    try:
        return _parse(bytes(data))
    except _Refused as error:
        raise GlimpseError(f"{name} cannot be used: {error}") from None


def _parse(data: bytes) -> Kmodel:
    if data[:4] in (b"LDMK", b"KMDL"):
        version = int.from_bytes(data[4:8], "little")
        raise _Refused(
            f"it is a kmodel of version {version}, which MaixPy v1 does not load; write version 3 with "
            "glimpse export MODEL --kmodel"
        )
    if len(data) < _HEADER.size:
        raise _Refused(f"{len(data)} bytes are too few for a kmodel's header")
    version, flags, arch, count, _, main_memory, output_count = _HEADER.unpack_from(data)
    if version != VERSION or arch != 0:
        raise _Refused("it does not start like a version 3 kmodel; write one with glimpse export MODEL --kmodel")
    if main_memory > MOST_MEMORY:
        raise _Refused(f"it wants {main_memory:,} bytes of main memory, more than the K210's {MOST_MEMORY:,}")
    headers = _HEADER.size + _PAIR.size * output_count
    bodies = headers + _PAIR.size * count
    if bodies > len(data):
        raise _Refused(f"its list of {count} layers and {output_count} outputs reaches beyond its end")
    if count == 0 or output_count == 0:
        raise _Refused("it has no layers or no outputs")
    outputs = [Output(*_PAIR.unpack_from(data, _HEADER.size + _PAIR.size * i)) for i in range(output_count)]
    for output in outputs:
        if output.address + output.size > main_memory:
            raise _Refused("an output lies outside its main memory")
    weight_bytes = 1 if flags & 1 else 2
    layers: list[Layer] = []
    at = bodies
    for index in range(count):
        kind, size = _PAIR.unpack_from(data, headers + _PAIR.size * index)
        if at + size - len(data) in range(1, 8) and index == count - 1:
            size = len(data) - at  # nncase 0.1 counts the last body's padding but does not write it
        if size > len(data) - at:
            raise _Refused(f"it is cut short in layer {index + 1} of {count}")
        try:
            layers.append(_parse_layer(data, kind, at, size, main_memory, weight_bytes))
        except _Refused as error:
            raise _Refused(f"in layer {index + 1}, {LAYER_NAMES.get(kind, kind)}, {error}") from None
        at += size
    if at != len(data):
        raise _Refused(f"{len(data) - at:,} bytes lie behind its last layer")
    return Kmodel(layers, outputs, main_memory, weight_bytes)


def _parse_layer(data: bytes, kind: int, at: int, size: int, main_memory: int, weight_bytes: int) -> Layer:
    if kind == CONV:
        return _parse_conv(data, at, size, main_memory, weight_bytes)
    if kind == DEQUANTIZE:
        return _parse_dequantize(data, at, size, main_memory)
    if kind == REQUANTIZE:
        return _parse_requantize(data, at, size, main_memory)
    return OtherLayer(kind, data[at : at + size])


def _parse_dequantize(data: bytes, at: int, size: int, main_memory: int) -> Dequantize:
    if size < _DEQUANTIZE_BODY.size:
        raise _Refused("the body is too short")
    _, source, target, count, scale, bias = _DEQUANTIZE_BODY.unpack_from(data, at)
    if source + count > main_memory or target + 4 * count > main_memory:
        raise _Refused("the values lie outside main memory")
    return Dequantize(source, target, count, scale, bias)


def _parse_requantize(data: bytes, at: int, size: int, main_memory: int) -> Requantize:
    if size < _REQUANTIZE_BODY.size:
        raise _Refused("the body is too short")
    _, source, target, count, table = _REQUANTIZE_BODY.unpack_from(data, at)
    if source + count > main_memory or target + count > main_memory:
        raise _Refused("the values lie outside main memory")
    return Requantize(source, target, count, table)


def _parse_conv(data: bytes, at: int, size: int, main_memory: int, weight_bytes: int) -> ConvLayer:
    if size < _CONV_BODY.size:
        raise _Refused("the body is too short")
    flags, main_out, registers_at, weights_at, norm_at, activation_at = _CONV_BODY.unpack_from(data, at)
    _check_part(data, "registers", registers_at, REGISTER_BYTES, 8)
    registers = read_registers(data, registers_at)
    _check_registers(registers, weight_bytes)
    channels = registers.o_ch_num + 1
    weights_size = _weights_of_channel(registers, weight_bytes) * channels
    _check_part(data, "weights", weights_at, weights_size, 128)
    _check_part(data, "batch norm", norm_at, 8 * channels, 128)
    _check_part(data, "activation table", activation_at, ACTIVATION_BYTES, 256)
    activation = read_activation(data, activation_at)
    if max(activation.shift) > 43:
        raise _Refused("the activation table shifts by more than 43 bits")
    if list(activation.start) != sorted(activation.start):
        raise _Refused("the activation table's pieces are not in order")
    layer = ConvLayer(
        registers,
        data[weights_at : weights_at + weights_size],
        data[norm_at : norm_at + 8 * channels],
        activation,
        main_out if flags & _MAIN_MEMORY_OUT else None,
        weight_bytes,
    )
    if layer.main_memory_out is not None:
        # The DMA moves whole words of 8 bytes.
        if layer.main_memory_out + -(-layer.out_bytes // 8) * 8 > main_memory:
            raise _Refused("the result lies outside main memory")
        if registers.dma_total_byte + 1 != layer.out_bytes:
            raise _Refused(f"{registers.dma_total_byte + 1} bytes are moved to main memory, not {layer.out_bytes}")
    return layer


def _check_part(data: bytes, what: str, at: int, size: int, alignment: int) -> None:
    if at % alignment != 0:
        raise _Refused(f"the {what} do not start at a multiple of {alignment}")
    if at + size > len(data):
        raise _Refused(f"the {what} reach beyond the end of the file")


def _weights_of_channel(registers: Registers, weight_bytes: int) -> int:
    """Bytes of one output channel's weights."""
    side = 3 if registers.kernel_type else 1
    return side * side * (1 if registers.depth_wise_layer else registers.i_ch_num + 1) * weight_bytes


def _check_registers(registers: Registers, weight_bytes: int) -> None:
    r = registers
    if r.kernel_type > 1:
        raise _Refused(f"kernel type {r.kernel_type} is neither 1 x 1 (0) nor 3 x 3 (1)")
    if r.pool_type >= len(POOLS):
        raise _Refused(f"pooling type {r.pool_type} is unknown")
    if r.depth_wise_layer and r.i_ch_num != r.o_ch_num:
        raise _Refused("a depthwise layer has other channels out than in")
    stride = POOLS[r.pool_type][2]
    in_shape = r.i_ch_num + 1, r.i_col_high + 1, r.i_row_wid + 1
    out_shape = r.o_ch_num + 1, r.o_col_high + 1, r.o_row_wid + 1
    if (in_shape[1] // stride, in_shape[2] // stride) != out_shape[1:]:
        raise _Refused(f"{in_shape[1]} x {in_shape[2]} values do not become {out_shape[1]} x {out_shape[2]}")
    for way, address, shape in (("input", r.image_src_addr, in_shape), ("output", r.image_dst_addr, out_shape)):
        if (address + lines_of(*shape)) * LINE > KPU_MEMORY:
            raise _Refused(f"the {way} lies outside the KPU's memory")
    rows, out_rows = rows_of(in_shape[2]), rows_of(out_shape[2])
    if (r.row_switch_addr, r.coef_group) != (rows.lines, rows.groups) or r.channel_switch_addr != (
        rows.lines * in_shape[1]
    ):
        raise _Refused("the input's rows do not lie as their width asks for")
    if (r.wb_row_switch_addr, r.wb_group) != (out_rows.lines, out_rows.groups) or r.wb_channel_switch_addr != (
        out_rows.lines * out_shape[1]
    ):
        raise _Refused("the output's rows do not lie as their width asks for")
    loaded = r.o_ch_num_coef + 1
    if r.para_size != loaded * _weights_of_channel(r, weight_bytes) or loaded * (r.load_time + 1) < out_shape[0]:
        raise _Refused("the weights are not loaded whole")


def write(kmodel: Kmodel) -> bytes:
    """The file of a model, laid out as nncase 0.1 does: each layer's parts behind its body.

    Raises:
        GlimpseError: a number does not fit the format.
    """
    out = bytearray(
        _HEADER.pack(
            VERSION,
            1 if kmodel.weight_bytes == 1 else 0,
            0,
            len(kmodel.layers),
            _lowest_line(kmodel),
            kmodel.main_memory,
            len(kmodel.outputs),
        )
    )
    for output in kmodel.outputs:
        out += _PAIR.pack(output.address, output.size)
    headers = len(out)
    out += bytes(_PAIR.size * len(kmodel.layers))
    for index, layer in enumerate(kmodel.layers):
        start = len(out)
        try:
            kind = _write_layer(out, layer)
        except (ValueError, struct.error) as error:
            raise GlimpseError(f"layer {index + 1} cannot be written as a kmodel: {error}") from error
        _align(out, 8)
        _PAIR.pack_into(out, headers + _PAIR.size * index, kind, len(out) - start)
    return bytes(out)


def _lowest_line(kmodel: Kmodel) -> int:
    """The first line of the KPU's memory that is used; loaders do not read it."""
    convolutions = [layer for layer in kmodel.layers if isinstance(layer, ConvLayer)]
    return min((min(layer.kpu_in, layer.kpu_out) for layer in convolutions), default=0) // LINE


def _write_layer(out: bytearray, layer: Layer) -> int:
    """Appends a body and what belongs to it; returns the layer's type."""
    if isinstance(layer, Dequantize):
        out += _DEQUANTIZE_BODY.pack(
            _MAIN_MEMORY_OUT, layer.main_memory_in, layer.main_memory_out, layer.count, layer.scale, layer.bias
        )
        return DEQUANTIZE
    if isinstance(layer, Requantize):
        out += _REQUANTIZE_BODY.pack(
            _MAIN_MEMORY_OUT, layer.main_memory_in, layer.main_memory_out, layer.count, layer.table
        )
        return REQUANTIZE
    if isinstance(layer, OtherLayer):
        out += layer.body
        return layer.type
    body = len(out)
    out += bytes(_CONV_BODY.size)
    parts = (
        _append(out, write_registers(layer.registers), 8),
        _append(out, layer.weights_data, 128),
        _append(out, layer.norm_data, 128),
        _append(out, write_activation(layer.activation), 256),
    )
    flags = 0 if layer.main_memory_out is None else _MAIN_MEMORY_OUT
    _CONV_BODY.pack_into(out, body, flags, layer.main_memory_out or 0, *parts)
    return CONV


def _append(out: bytearray, part: bytes, alignment: int) -> int:
    _align(out, alignment)
    at = len(out)
    out += part
    return at


def _align(out: bytearray, alignment: int) -> None:
    out += bytes(-len(out) % alignment)
