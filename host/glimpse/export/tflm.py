# SPDX-License-Identifier: Apache-2.0
"""Writes a model's encoder as a C++ header for TensorFlow Lite Micro: python -m glimpse.export.tflm MODEL_DIR OUT_H.

The header holds what firmware/nn/tflm needs beside the model blob: the .tflite file, the blob's check, by which the two
are known to belong together, and the size of the arena.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import tflite

from glimpse.errors import GlimpseError
from glimpse.export.folder import blob_from_folder
from glimpse.export.header import bytes_text, run, write_if_changed

_CHECK = struct.Struct("<12xI")
"""The CRC-32 in the header of a blob; docs/model-blob.md."""
_PATCHES_AT = 39

_ALIGNMENT = 16
_OPERATORS = {
    tflite.BuiltinOperator.CONV_2D: "CONV_2D",
    tflite.BuiltinOperator.DEPTHWISE_CONV_2D: "DEPTHWISE_CONV_2D",
    tflite.BuiltinOperator.MAX_POOL_2D: "MAX_POOL_2D",
}

# What TFLM keeps in its arena besides tensor data, on a core with pointers of 4 bytes: what was measured
# (firmware/nn/tflm/README.md), rounded up.
_BASE_BYTES = 1536
_OPERATOR_BYTES = 320
_CHANNEL_BYTES = 8
_TENSOR_BYTES = 32


@dataclass(frozen=True)
class _Buffer:
    """A piece of the arena that is needed from one operator to another."""

    size: int
    first: int
    last: int

    def meets(self, other: _Buffer) -> bool:
        return self.first <= other.last and other.first <= self.last


def arena_bytes(encoder_tflite: bytes) -> int:
    """How much arena TFLM needs at most for an encoder that `read_network` accepts.

    Raises GlimpseError when the encoder has an operator that firmware/nn/tflm does not register.
    """
    model = tflite.Model.GetRootAs(bytearray(encoder_tflite), 0)
    graph = model.Subgraphs(0)
    operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]
    channels = 0
    for operator in operators:
        code = model.OperatorCodes(operator.OpcodeIndex())
        if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) not in _OPERATORS:
            raise GlimpseError(
                "The encoder has an activation that stands alone, which the TFLM back end does not run; "
                "join it to the layer before it, or use the streaming back end."
            )
        channels += graph.Tensors(operator.Outputs(0)).Shape(3)
    kept = (
        _BASE_BYTES
        + _OPERATOR_BYTES * len(operators)
        + _CHANNEL_BYTES * channels
        + _TENSOR_BYTES * graph.TensorsLength()
    )
    return _aligned(kept) + _planned(_buffers(graph, operators))


def _buffers(graph: tflite.SubGraph, operators: list[tflite.Operator]) -> list[_Buffer]:
    """Every activation, from the operator that makes it to the last that reads it, and the kernels' scratch."""
    first: dict[int, int] = {graph.Inputs(0): 0}
    last: dict[int, int] = {}
    buffers = []
    for index, operator in enumerate(operators):
        first[operator.Outputs(0)] = index
        last[operator.Outputs(0)] = index
        last[operator.Inputs(0)] = index
        buffers.append(_Buffer(_scratch(graph, operator), index, index))
    for position in range(graph.OutputsLength()):
        last[graph.Outputs(position)] = len(operators)
    for tensor, start in first.items():
        buffers.append(_Buffer(_aligned(_bytes(graph, tensor)), start, last[tensor]))
    return buffers


def _scratch(graph: tflite.SubGraph, operator: tflite.Operator) -> int:
    """CMSIS-NN's most, without the vector extension: two columns of int16 that a kernel covers."""
    if operator.InputsLength() < 2:
        return 0
    kernel = graph.Tensors(operator.Inputs(1))
    depth = graph.Tensors(operator.Inputs(0)).Shape(3)
    return _aligned(4 * (kernel.Shape(1) * kernel.Shape(2) * depth + 3))


def _planned(buffers: list[_Buffer]) -> int:
    """What TFLM's greedy planner makes of them: the largest first, each into the lowest gap that fits."""
    placed: list[tuple[int, _Buffer]] = []
    for buffer in sorted(buffers, key=lambda b: -b.size):
        at = 0
        for start, other in sorted(((s, b) for s, b in placed if b.meets(buffer)), key=lambda entry: entry[0]):
            if start - at >= buffer.size:
                break
            at = max(at, start + other.size)
        placed.append((at, buffer))
    return max(start + buffer.size for start, buffer in placed)


def _bytes(graph: tflite.SubGraph, tensor: int) -> int:
    size = 1
    for axis in range(graph.Tensors(tensor).ShapeLength()):
        size *= graph.Tensors(tensor).Shape(axis)
    return size


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def header_text(encoder_tflite: bytes, blob: bytes, origin: str) -> str:
    """A C++ header of the encoder that belongs to `blob`. origin: named in its first comment."""
    (check,) = _CHECK.unpack_from(blob)
    return f"""/* Made from {origin}; do not edit. */
#ifndef GLIMPSE_BUILTIN_TFLITE_H
#define GLIMPSE_BUILTIN_TFLITE_H

#include <stdint.h>

#define GLIMPSE_BUILTIN_TFLITE_CHECK 0x{check:08X}u /* of the model blob made from the same folder */
#define GLIMPSE_BUILTIN_TFLITE_ARENA_BYTES {arena_bytes(encoder_tflite)}u

alignas(16) static const uint8_t glimpse_builtin_tflite[{len(encoder_tflite)}] = {{
{bytes_text(encoder_tflite)}
}};

#endif
"""


def write_header(model_dir: Path | str, out: Path | str) -> None:
    """Writes the header of a model folder, and leaves an identical file alone so that nothing is rebuilt for it.

    Raises GlimpseError when the folder is no usable model or the file cannot be written.
    """
    blob = blob_from_folder(model_dir)
    if blob[_PATCHES_AT] != 1:
        raise GlimpseError("The TFLM back end does not run a photo as patches; use the streaming back end.")
    encoder = (Path(model_dir) / "encoder.tflite").read_bytes()
    write_if_changed(Path(out), header_text(encoder, blob, f"the model folder {Path(model_dir).name}"))


def main(arguments: list[str]) -> int:
    """Writes the flatbuffer and its arena's size as a C header; exit status as `run`."""
    return run("glimpse.export.tflm", write_header, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
