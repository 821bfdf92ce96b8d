# SPDX-License-Identifier: Apache-2.0
"""Reads a quantised classifier from a .tflite file as float32 operations, without TensorFlow and without Keras.

The scheme is that of Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", section 2: real = scale * (stored - zero), stored in 8 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from glimpse.errors import GlimpseError
from glimpse.files import read_bytes

Kind = Literal["conv", "depthwise", "dense", "add", "pool", "reshape"]

MAX_FILE_BYTES = 1 << 28
_KINDS: dict[int, Kind] = {
    schema.BuiltinOperator.CONV_2D: "conv",
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: "depthwise",
    schema.BuiltinOperator.FULLY_CONNECTED: "dense",
    schema.BuiltinOperator.ADD: "add",
    schema.BuiltinOperator.AVERAGE_POOL_2D: "pool",
    schema.BuiltinOperator.RESHAPE: "reshape",
    schema.BuiltinOperator.SQUEEZE: "reshape",
}
_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
_BYTES = {schema.TensorType.UINT8: np.uint8, schema.TensorType.INT8: np.int8}
_ACTIVATIONS = {
    schema.ActivationFunctionType.NONE: (-math.inf, math.inf),
    schema.ActivationFunctionType.RELU: (0.0, math.inf),
    schema.ActivationFunctionType.RELU6: (0.0, 6.0),
    schema.ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
}


@dataclass(frozen=True)
class Grid:
    """The real values that a stored tensor can hold: low, low + scale, ..., high."""

    scale: float
    zero: int
    low: float
    """Of the tensor's 8 bits, or of the activation before it where that is narrower."""
    high: float


@dataclass(frozen=True)
class Operation:
    """One operator on real numbers; its result is held on `grid`."""

    kind: Kind
    inputs: tuple[int, ...]
    """Tensors that it reads, as the file numbers them."""
    output: int
    grid: Grid
    out_shape: tuple[int, ...]
    """Without the batch."""
    stride: tuple[int, int] = (1, 1)
    window: tuple[int, int] = (1, 1)
    """Height and width of what "pool" averages."""
    padding: Literal["same", "valid"] = "valid"
    weights: np.ndarray | None = None
    """float32: conv [height, width, in, out], depthwise [height, width, in, multiplier], dense [in, out]."""
    bias: np.ndarray | None = None
    """float32 [out]."""


@dataclass(frozen=True)
class ClassifierFile:
    """A classifier's operations, in an order in which they can run, up to its logits."""

    photo: int
    """The tensor that holds the photo."""
    photo_shape: tuple[int, int, int]
    """(height, width, 3)."""
    photo_grid: Grid
    """Its stored values are the photo's bytes."""
    operations: tuple[Operation, ...]
    logits: int
    """The tensor before the softmax, or the last one where there is none."""

    @property
    def classes(self) -> int:
        """Number of logits."""
        return math.prod(self.operations[-1].out_shape)


def read_classifier(path: Path | str) -> ClassifierFile:
    """Reads a .tflite classifier whose tensors are 8 bits.

    Args:
        path: a network from one photo [1, height, width, 3], of bytes, to logits or (softmax) probabilities.

    Raises:
        GlimpseError: unreadable, not a .tflite file, damaged, or with something that is not such a classifier.
    """
    path = Path(path)
    data = read_bytes(path, "classifier", MAX_FILE_BYTES)
    if data[4:8] != b"TFL3":
        raise GlimpseError(f"{path} is not a .tflite file; give the classifier as a quantised TensorFlow Lite model")
    try:
        return _Reader(schema.ModelT.InitFromPackedBuf(bytearray(data), 0)).read()
    except GlimpseError as error:
        raise GlimpseError(f"{path}: {error}") from error
    except Exception as error:  # flatbuffers' accessors raise anything at all on damaged files
        raise GlimpseError(f"{path} is a damaged .tflite file ({error}); get a fresh copy") from error


class _Reader:
    def __init__(self, model: Any) -> None:
        if len(model.subgraphs) != 1:
            raise GlimpseError(f"the classifier has {len(model.subgraphs)} subgraphs; only one is understood")
        self.model, self.graph = model, model.subgraphs[0]
        self.known: set[int] = set()
        """Tensors that the photo or an operation so far gives."""

    def read(self) -> ClassifierFile:
        if len(self.graph.inputs) != 1 or len(self.graph.outputs) != 1:
            raise GlimpseError("a classifier has one input, the photo, and one output")
        photo, end = int(self.graph.inputs[0]), int(self.graph.outputs[0])
        shape = self._shape(photo)
        if len(shape) != 3 or shape[2] != 3:
            raise GlimpseError(f"the input is {list(shape)}; a photo is [height, width, 3]")
        grid = self._grid(photo)
        if self._tensor(photo).type != schema.TensorType.UINT8:
            # A signed input holds the photo's bytes less 128.
            grid = Grid(grid.scale, grid.zero + 128, grid.low, grid.high)
        self.known.add(photo)
        stored = list(self.graph.operators)
        if stored and self._code(stored[-1]) == schema.BuiltinOperator.SOFTMAX:
            softmax = stored.pop()
            if int(softmax.outputs[0]) != end:
                raise GlimpseError("the softmax is not the classifier's output")
            end = int(softmax.inputs[0])
        operations = tuple(self._operation(operator) for operator in stored)
        if not operations or operations[-1].output != end:
            raise GlimpseError("the last operator does not give the classifier's output")
        return ClassifierFile(photo, shape, grid, operations, end)

    def _code(self, operator: Any) -> int:
        code = self.model.operatorCodes[operator.opcodeIndex]
        return max(code.builtinCode, code.deprecatedBuiltinCode)  # small codes are in the old field only

    def _tensor(self, index: int) -> Any:
        if not 0 <= index < len(self.graph.tensors):
            raise GlimpseError(f"tensor {index} does not exist")
        return self.graph.tensors[index]

    def _name(self, index: int) -> str:
        name = self._tensor(index).name or b""
        return name.decode(errors="replace").split(";")[0]

    def _shape(self, index: int) -> tuple[int, ...]:
        """Without the batch, which is 1."""
        shape = tuple(int(side) for side in self._tensor(index).shape)
        if len(shape) < 2 or shape[0] != 1 or min(shape) < 1:
            raise GlimpseError(f"tensor '{self._name(index)}' is {list(shape)}; its first dimension is to be 1")
        return shape[1:]

    def _scales(self, index: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Scales and zero points, one or many, and the dimension along which they run."""
        stored = self._tensor(index).quantization
        scales = np.asarray([] if stored is None or stored.scale is None else stored.scale, np.float64)
        if scales.size == 0 or not np.all(np.isfinite(scales) & (scales > 0)):
            raise GlimpseError(f"tensor '{self._name(index)}' is not quantised; give the 8-bit classifier")
        zeros = np.asarray([] if stored.zeroPoint is None else stored.zeroPoint, np.int64)
        return scales, zeros if zeros.size else np.zeros_like(scales, np.int64), int(stored.quantizedDimension)

    def _grid(self, index: int, activation: int = schema.ActivationFunctionType.NONE) -> Grid:
        """Where an activation's limit falls between two stored values, the kernels take the nearer one."""
        kind = _BYTES.get(self._tensor(index).type)
        if kind is None:
            raise GlimpseError(f"tensor '{self._name(index)}' is not of 8 bits; give the quantised classifier")
        if activation not in _ACTIVATIONS:
            raise GlimpseError(f"'{self._name(index)}' has an activation other than RELU, RELU6 and RELU_N1_TO_1")
        scales, zeros, _ = self._scales(index)
        if scales.size != 1 or zeros.size != 1:
            raise GlimpseError(f"tensor '{self._name(index)}' has several scales; only weights may")
        scale, zero = float(scales[0]), int(zeros[0])
        limits = np.iinfo(kind)
        if not limits.min <= zero <= limits.max:
            raise GlimpseError(f"tensor '{self._name(index)}' has the zero point {zero}, which its 8 bits cannot hold")
        stored = [limits.min, limits.max]
        for end, limit in enumerate(_ACTIVATIONS[activation]):
            if math.isfinite(limit):
                held = zero + math.copysign(math.floor(abs(limit) / scale + 0.5), limit)
                stored[end] = int(np.clip(held, limits.min, limits.max))
        return Grid(scale, zero, scale * (stored[0] - zero), scale * (stored[1] - zero))

    def _real(self, index: int, kinds: dict[int, type]) -> np.ndarray:
        """A constant as float32."""
        tensor = self._tensor(index)
        if tensor.type not in kinds or not 0 <= tensor.buffer < len(self.model.buffers):
            raise GlimpseError(f"'{self._name(index)}' is not a constant of the type that a classifier has there")
        kind = np.dtype(kinds[tensor.type]).newbyteorder("<")
        shape = tuple(int(side) for side in tensor.shape)
        data = self.model.buffers[tensor.buffer].data
        data = b"" if data is None else np.asarray(data, np.uint8).tobytes()
        if min(shape, default=0) < 1 or len(data) != math.prod(shape) * kind.itemsize:
            raise GlimpseError(f"'{self._name(index)}' has {len(data)} bytes, which is not what its shape says")
        scales, zeros, axis = self._scales(index)
        if scales.size > 1 and (not 0 <= axis < len(shape) or shape[axis] != scales.size):
            raise GlimpseError(f"'{self._name(index)}' has {scales.size} scales, which is not what its shape says")
        if zeros.size not in (1, scales.size):
            raise GlimpseError(f"'{self._name(index)}' has {zeros.size} zero points for {scales.size} scales")
        along = [1] * len(shape)
        along[axis if scales.size > 1 else 0] = -1
        stored = np.frombuffer(data, kind).reshape(shape).astype(np.int64)
        zero = zeros.reshape(along) if zeros.size > 1 else zeros[0]
        return ((stored - zero) * scales.reshape(along)).astype(np.float32)

    def _operation(self, operator: Any) -> Operation:
        code = self._code(operator)
        if code not in _KINDS:
            known = ", ".join(_NAMES[each] for each in _KINDS)
            raise GlimpseError(f"operator {_NAMES.get(code, code)} is not understood; {known} and a last SOFTMAX are")
        kind = _KINDS[code]
        inputs, output = [int(i) for i in operator.inputs], int(operator.outputs[0])
        read = tuple(inputs[: 2 if kind == "add" else 1])
        if not self.known.issuperset(read) or output in self.known:
            raise GlimpseError(f"'{self._name(output)}' reads or writes tensors in an order that cannot run")
        options = operator.builtinOptions
        shape = self._shape(output)
        grid = self._grid(output, getattr(options, "fusedActivationFunction", 0))
        base = Operation(kind, read, output, grid, shape)
        if kind in ("conv", "depthwise", "dense"):
            base = self._weighted(base, inputs, options)
        elif kind == "pool":
            base = self._pool(base, options)
        elif kind == "add":
            if len(read) != 2 or {self._shape(i) for i in read} != {shape}:
                raise GlimpseError(f"'{self._name(output)}' adds tensors of different shapes")
        elif math.prod(self._shape(read[0])) != math.prod(shape):
            raise GlimpseError(f"'{self._name(output)}' is a reshape to another number of values")
        self.known.add(output)
        return base

    def _weighted(self, base: Operation, inputs: list[int], options: Any) -> Operation:
        if len(inputs) < 2:
            raise GlimpseError(f"'{self._name(base.output)}' has no weights")
        weights = self._real(inputs[1], _BYTES)
        source = self._shape(base.inputs[0])
        if base.kind == "dense":
            expected = (base.out_shape[-1], math.prod(source))
            found, arranged = weights.shape, weights.T
            stride, padding = (1, 1), "valid"
            if len(base.out_shape) != 1 or len(source) != 1:
                raise GlimpseError(f"'{self._name(base.output)}' is a dense layer on more than one vector")
        else:
            found, arranged, expected = self._kernel(base, weights, source)
            stride, padding = self._window(base, source, found[1:3], options)
        if found != expected:
            raise GlimpseError(f"the weights of '{self._name(base.output)}' are {list(found)}, not {list(expected)}")
        if base.kind == "depthwise":
            arranged = arranged.reshape(*arranged.shape[:2], source[2], -1)
        bias = np.zeros(base.out_shape[-1], np.float32)
        if len(inputs) > 2 and inputs[2] >= 0:
            bias = self._real(inputs[2], {schema.TensorType.INT32: np.int32})
        if bias.shape != (base.out_shape[-1],):
            raise GlimpseError(f"'{self._name(base.output)}' has {bias.size} biases for {base.out_shape[-1]} outputs")
        return replace(base, stride=stride, padding=padding, weights=np.ascontiguousarray(arranged), bias=bias)

    def _kernel(
        self, base: Operation, weights: np.ndarray, source: tuple[int, ...]
    ) -> tuple[tuple[int, ...], np.ndarray, tuple[int, ...]]:
        """The kernel's shape, the kernel as Keras has it, and the shape that it should have."""
        if weights.ndim != 4 or len(source) != 3 or len(base.out_shape) != 3:
            raise GlimpseError(f"'{self._name(base.output)}' is not a convolution over height and width")
        _, height, width, _ = weights.shape
        if base.kind == "conv":
            expected = (base.out_shape[2], height, width, source[2])
            return weights.shape, weights.transpose(1, 2, 3, 0), expected
        if base.out_shape[2] % source[2]:
            raise GlimpseError(f"'{self._name(base.output)}' makes {base.out_shape[2]} channels of {source[2]}")
        return weights.shape, weights[0], (1, height, width, base.out_shape[2])

    def _window(
        self, base: Operation, source: tuple[int, ...], window: tuple[int, ...], options: Any
    ) -> tuple[tuple[int, int], Literal["same", "valid"]]:
        """Stride and padding, once the output's sides agree with them."""
        stride = int(options.strideH), int(options.strideW)
        dilation = getattr(options, "dilationHFactor", 1), getattr(options, "dilationWFactor", 1)
        if min(*stride, *window) < 1 or dilation != (1, 1):
            raise GlimpseError(f"'{self._name(base.output)}' has a stride, window or dilation that is not understood")
        same = options.padding == schema.Padding.SAME
        sides = zip(source[:2], window, stride, strict=True)
        expected = tuple(-(-side // step) if same else (side - size) // step + 1 for side, size, step in sides)
        if base.out_shape[:2] != expected:
            raise GlimpseError(f"'{self._name(base.output)}' is {list(base.out_shape)}, not {list(expected)} wide")
        return stride, "same" if same else "valid"

    def _pool(self, base: Operation, options: Any) -> Operation:
        source = self._shape(base.inputs[0])
        window = int(options.filterHeight), int(options.filterWidth)
        if len(source) != 3 or len(base.out_shape) != 3 or source[2] != base.out_shape[2]:
            raise GlimpseError(f"'{self._name(base.output)}' does not average over height and width")
        stride, _ = self._window(base, source, window, options)
        ends = ((out - 1) * step + size for out, step, size in zip(base.out_shape[:2], stride, window, strict=True))
        if any(end > side for end, side in zip(ends, source[:2], strict=True)):
            raise GlimpseError(
                f"'{self._name(base.output)}' averages over the map's border; VALID padding is understood"
            )
        return replace(base, stride=stride, window=window)
