# SPDX-License-Identifier: Apache-2.0
"""What nncase 1.9 compiles (kmodel version 5) as the layers of a version 3 file.

The registers, weights, batch norm and activation of a convolution are the same words in both; the rest of the file
is different (docs/kmodel.md). Only networks that run on the KPU from the input to the last convolution are taken.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import NamedTuple

from glimpse.errors import GlimpseError
from glimpse.kmodel.layout import ConvLayer, Kmodel, Output
from glimpse.kmodel.registers import ACTIVATION_BYTES, read_activation, read_registers

_VERSION = 5
_MODEL = struct.Struct("<4s7I")
_MODULE = struct.Struct("<16s8I")
_FUNCTION = struct.Struct("<8I")
_SECTION = struct.Struct("<16s4I")
_POOL_SIZE = 8  # bytes that describe a memory pool
_RANGE = struct.Struct("<BBHII")  # place, data type, module, start, size
_UPLOAD, _DOWNLOAD, _CONV = 0, 1, 2  # opcodes
_COPY_SIZE = 4 + 2 * _RANGE.size + 16  # opcode, two ranges, shape
_CONV_SIZE = 4 + 4 * _RANGE.size + 4 + 96  # opcode, four ranges, batches, registers
_INPUT, _CONSTANTS, _KPU = 0, 2, 64  # places in memory


class _Range(NamedTuple):
    place: int
    start: int
    size: int


def repack(compiled: bytes) -> Kmodel:
    """The layers of a compiled model; its output is what the last convolution gives, not dequantised.

    Raises:
        GlimpseError: one sentence; the file is not of version 5, is broken, or does more than convolutions on the KPU.
    """
    try:
        text, constants = _k210_sections(compiled)
        layers = _layers(text, constants)
    except (struct.error, IndexError) as error:
        raise GlimpseError(f"nncase's kmodel is cut short ({error}); compile it again") from error
    layers[-1] = replace(layers[-1], main_memory_out=0)
    size = layers[-1].out_bytes
    return Kmodel(list(layers), [Output(0, size)], -(-size // 8) * 8)


def _k210_sections(data: bytes) -> tuple[bytes, bytes]:
    """Code and constants of the one module that runs on the KPU."""
    magic, version, header_size, _, _, modules, _, _ = _MODEL.unpack_from(data)
    if magic != b"LDMK" or version != _VERSION:
        raise GlimpseError(f"nncase gave no kmodel of version {_VERSION}; install nncase 1.9")
    found = []
    at = header_size
    for _ in range(modules):
        kind, _, module_header, size, pools, shared, sections, functions, _ = _MODULE.unpack_from(data, at)
        if kind.rstrip(b"\0") == b"k210":
            if functions != 1:
                raise GlimpseError(f"nncase split the network into {functions} parts for the KPU; only one can be kept")
            place = at + module_header + _POOL_SIZE * (pools + shared)
            place += _FUNCTION.unpack_from(data, place)[1]
            found.append(_sections(data, place, sections))
        at += size
    if len(found) != 1:
        raise GlimpseError(f"nncase split the network into {len(found)} parts for the KPU; only one can be kept")
    return found[0].get(b".text", b""), found[0].get(b".rdata", b"")


def _sections(data: bytes, at: int, count: int) -> dict[bytes, bytes]:
    found = {}
    for _ in range(count):
        name, flags, gap, size, _ = _SECTION.unpack_from(data, at)
        at += _SECTION.size
        if flags & 1:
            raise GlimpseError("nncase merged the sections of its kmodel, which is not taken apart")
        at += gap
        if at + size > len(data):
            raise IndexError("a section reaches beyond the end")
        found[name.rstrip(b"\0")] = data[at : at + size]
        at += size
    return found


def _layers(text: bytes, constants: bytes) -> list[ConvLayer]:
    layers: list[ConvLayer] = []
    kpu = None  # where the last operation left its result
    at = 0
    while at < len(text):
        code = text[at]
        if code == _UPLOAD and not layers and kpu is None:
            source, target = _range(text, at + 4), _range(text, at + 4 + _RANGE.size)
            if source.place != _INPUT or target.place != _KPU:
                raise GlimpseError("nncase's kmodel does not start with its input on the KPU")
            kpu = target.start
            at += _COPY_SIZE
        elif code == _CONV:
            layer = _conv(text, at, constants)
            if layer.kpu_in != kpu:
                raise GlimpseError("a layer of nncase's kmodel does not read the layer before it")
            layers.append(layer)
            kpu = layer.kpu_out
            at += _CONV_SIZE
        elif code == _DOWNLOAD and layers and at + _COPY_SIZE == len(text):
            break
        else:
            raise GlimpseError("nncase's kmodel does more than run one convolution after the other")
    if not layers:
        raise GlimpseError("nncase's kmodel runs no convolution on the KPU")
    return layers


def _range(text: bytes, at: int) -> _Range:
    place, _, _, start, size = _RANGE.unpack_from(text, at)
    return _Range(place, start, size)


def _conv(text: bytes, at: int, constants: bytes) -> ConvLayer:
    ranges = [_range(text, at + 4 + _RANGE.size * i) for i in range(4)]
    parts = []
    for part in ranges[:3]:
        if part.place != _CONSTANTS or part.start + part.size > len(constants):
            raise GlimpseError("weights of nncase's kmodel lie outside its constants")
        parts.append(constants[part.start : part.start + part.size])
    registers_at = at + 4 + 4 * _RANGE.size
    (batches,) = struct.unpack_from("<I", text, registers_at)
    if batches != 1 or len(parts[2]) < ACTIVATION_BYTES:
        raise GlimpseError("nncase's kmodel takes several pictures at a time")
    # Whether a result is sent to main memory is a flag of the layer in version 3.
    registers = replace(read_registers(text, registers_at + 4), send_data_out=0)
    return ConvLayer(registers, parts[0], parts[1], read_activation(parts[2], 0), main_memory_out=None)
