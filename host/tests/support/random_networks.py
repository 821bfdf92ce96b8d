# SPDX-License-Identifier: Apache-2.0
"""Builds int8 .tflite encoders with random weights, without TensorFlow: small networks of every shape that nodes run,
and the published ones."""

from __future__ import annotations

from dataclasses import dataclass, field

import flatbuffers
import numpy as np
import tflite

INT8, INT32 = tflite.TensorType.INT8, tflite.TensorType.INT32
NONE, RELU, RELU6 = (
    tflite.ActivationFunctionType.NONE,
    tflite.ActivationFunctionType.RELU,
    tflite.ActivationFunctionType.RELU6,
)
_OPERATORS = {
    "conv": tflite.BuiltinOperator.CONV_2D,
    "depthwise": tflite.BuiltinOperator.DEPTHWISE_CONV_2D,
    "max_pool": tflite.BuiltinOperator.MAX_POOL_2D,
    "relu": tflite.BuiltinOperator.RELU,
}


@dataclass
class Step:
    """One layer to build: `outputs` are channels, `input` is the index of an earlier step or -1."""

    kind: str
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    same: bool = True
    outputs: int = 1
    activation: int = NONE
    input: int = -1


@dataclass
class Plan:
    """A network to build. outputs: the steps whose results leave the model, latent first."""

    photo: tuple[int, int]
    steps: list[Step]
    outputs: list[int] = field(default_factory=list)


PUBLISHED_TRUNK = Plan(
    (224, 224),
    [
        Step("conv", (7, 7), (2, 2), True, 16, RELU, -1),
        Step("conv", (5, 5), (4, 4), True, 16, RELU, 0),
        Step("conv", (3, 3), (1, 1), True, 12, NONE, 1),
    ],
    [2],
)


def starfish(patches: int, channels: int = 64, photo: int = 224) -> Plan:
    """The published Starfish encoder for one of patches * patches parts of a photo: 3x3 convolutions to 64, 64, 64 and
    8 channels, 2x2 max-pools between them."""
    steps = []
    for index in range(3):
        steps.append(Step("conv", (3, 3), (1, 1), True, channels, RELU, 2 * index - 1))
        steps.append(Step("max_pool", (2, 2), (2, 2), True, channels, NONE, 2 * index))
    steps.append(Step("conv", (3, 3), (1, 1), True, 8, NONE, 5))
    return Plan((photo // patches, photo // patches), steps, [6])


@dataclass
class _Tensor:
    shape: tuple[int, ...]
    scales: list[float]
    zero: int
    axis: int = 0
    kind: int = INT8
    data: np.ndarray | None = None


@dataclass
class _Operator:
    kind: str
    inputs: list[int]
    output: int
    step: Step | None = None


def saliency_plan(photo: tuple[int, int], channels: int = 7) -> Plan:
    """A latent of a quarter of the photo's sides, and from it a branch that gives one value for each position."""
    return Plan(
        photo,
        [
            Step("conv", (5, 5), (2, 2), True, 6, RELU, -1),
            Step("conv", (3, 3), (2, 2), True, channels, NONE, 0),
            Step("conv", (3, 3), (1, 1), True, 4, RELU, 1),
            Step("conv", (3, 3), (1, 1), True, 1, NONE, 2),
        ],
        [1, 3],
    )


def out_size(size: int, kernel: int, stride: int, same: bool) -> int:
    return -(-size // stride) if same else (size - kernel) // stride + 1


def random_plan(rng: np.random.Generator, largest: int = 40, most_channels: int = 20) -> Plan:
    """One to four layers with kernels of 1..7, strides of 1..4, odd sizes, sometimes a side branch or a lone RELU."""
    photo = (int(rng.integers(7, largest + 1)), int(rng.integers(7, largest + 1)))
    steps: list[Step] = []
    shapes: list[tuple[int, int, int]] = []
    trunk = int(rng.integers(1, 5))
    branch = int(rng.integers(1, 3)) if rng.random() < 0.4 else 0
    fork = int(rng.integers(0, trunk))
    for index in range(trunk + branch):
        source = fork if index == trunk else index - 1
        shape = (*photo, 3) if source < 0 else shapes[source]
        last = index in (trunk - 1, trunk + branch - 1)
        step = _random_step(rng, shape, source, last, most_channels)
        steps.append(step)
        sides = [out_size(shape[axis], step.kernel[axis], step.stride[axis], step.same) for axis in (0, 1)]
        shapes.append((sides[0], sides[1], step.outputs))
    return Plan(photo, steps, [trunk - 1] + ([trunk + branch - 1] if branch else []))


def _random_step(
    rng: np.random.Generator, shape: tuple[int, int, int], source: int, last: bool, most_channels: int
) -> Step:
    kind = str(rng.choice(["conv", "conv", "depthwise", "max_pool"]))
    kernel = (int(rng.integers(1, 8)), int(rng.integers(1, 8)))
    if rng.random() < 0.5:
        kernel = (kernel[0], kernel[0])
    if kind == "depthwise" and rng.random() < 0.4:
        kernel = (3, 3)
    # A stride far beyond what is left would shrink everything to one value.
    most = 5 if min(shape[:2]) > 12 else 3
    stride = (int(rng.integers(1, most)), int(rng.integers(1, most)))
    same = bool(rng.random() < 0.6) or kernel[0] > shape[0] or kernel[1] > shape[1]
    outputs = {
        "conv": int(rng.integers(1, most_channels + 1)),
        "max_pool": shape[2],
        "depthwise": shape[2] * int(rng.choice([1, 1, 2, 3, 4])),
    }[kind]
    if outputs > 48:
        kind, outputs = "conv", int(rng.integers(1, most_channels + 1))
    activation = NONE if last else int(rng.choice([NONE, RELU, RELU6]))
    if kind == "conv" and rng.random() < 0.15:
        return Step(kind, kernel, stride, same, outputs, -RELU, source)  # a RELU operator of its own
    return Step(kind, kernel, stride, same, outputs, activation, source)


def build_tflite(plan: Plan, seed: int) -> bytes:
    """The int8 .tflite file of a plan with random weights and scales that keep the values spread."""
    return _Network(plan, np.random.default_rng(seed)).file()


class _Network:
    def __init__(self, plan: Plan, rng: np.random.Generator) -> None:
        self.rng = rng
        self.tensors = [_Tensor((1, *plan.photo, 3), [1 / 255], -128)]
        self.operators: list[_Operator] = []
        results: list[int] = []
        for step in plan.steps:
            source = 0 if step.input < 0 else results[step.input]
            results.append(self._step(step, source))
        self.outputs = [results[index] for index in plan.outputs]

    def _add(self, tensor: _Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _step(self, step: Step, source: int) -> int:
        if step.kind == "max_pool":
            before = self.tensors[source]
            output = self._add(_Tensor(self._out_shape(step, before), before.scales, before.zero))
            self.operators.append(_Operator("max_pool", [source], output, step))
            return output
        output = self._convolution(step, source)
        if step.activation != -RELU:
            return output
        before = self.tensors[output]
        after = self._add(_Tensor(before.shape, before.scales, before.zero))
        self.operators.append(_Operator("relu", [output], after))
        return after

    @staticmethod
    def _out_shape(step: Step, source: _Tensor) -> tuple[int, int, int, int]:
        _, height, width, _ = source.shape
        return (
            1,
            out_size(height, step.kernel[0], step.stride[0], step.same),
            out_size(width, step.kernel[1], step.stride[1], step.same),
            step.outputs,
        )

    def _convolution(self, step: Step, source: int) -> int:
        before = self.tensors[source]
        channels = before.shape[3]
        depthwise = step.kind == "depthwise"
        shape = (1, *step.kernel, step.outputs) if depthwise else (step.outputs, *step.kernel, channels)
        weights = np.clip(np.rint(self.rng.normal(0, 40, shape)), -127, 127).astype(np.int8)
        scales = self.rng.uniform(0.001, 0.01, step.outputs).astype(np.float32)
        summands = step.kernel[0] * step.kernel[1] * (1 if depthwise else channels)
        spread = 40 * 60 * np.sqrt(summands)
        bias = np.rint(self.rng.normal(0, spread / 2, step.outputs)).astype(np.int32)
        out_scale = before.scales[0] * 0.005 * spread / 60 * self.rng.uniform(0.5, 2.0)
        rectified = step.activation in (RELU, RELU6)
        zero = -128 if rectified and self.rng.random() < 0.8 else int(self.rng.integers(-40, 41))
        filters = self._add(_Tensor(shape, [float(s) for s in scales], 0, 3 if depthwise else 0, INT8, weights))
        biases = self._add(_Tensor((step.outputs,), [before.scales[0] * float(s) for s in scales], 0, 0, INT32, bias))
        output = self._add(_Tensor(self._out_shape(step, before), [out_scale], zero))
        self.operators.append(_Operator(step.kind, [source, filters, biases], output, step))
        return output

    def file(self) -> bytes:
        return _write(self.tensors, self.operators, self.outputs)


def _write(tensors: list[_Tensor], operators: list[_Operator], outputs: list[int]) -> bytes:
    builder = flatbuffers.Builder(1 << 16)
    kinds = sorted({operator.kind for operator in operators})
    buffers = [_buffer(builder, data) for data in (None, *(tensor.data for tensor in tensors))]
    stored = [_tensor(builder, tensor, index) for index, tensor in enumerate(tensors)]
    run = [_operator(builder, operator, kinds.index(operator.kind), tensors) for operator in operators]
    graph = _subgraph(builder, stored, run, outputs)
    codes = [_operator_code(builder, kind) for kind in kinds]
    vectors = [_offsets(builder, items) for items in (codes, [graph], buffers)]
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, vectors[0])
    tflite.ModelAddSubgraphs(builder, vectors[1])
    tflite.ModelAddBuffers(builder, vectors[2])
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _offsets(builder: flatbuffers.Builder, items: list[int]) -> int:
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item)
    return builder.EndVector()


def _integers(builder: flatbuffers.Builder, values: list[int]) -> int:
    return builder.CreateNumpyVector(np.array(values, dtype=np.int32))


def _buffer(builder: flatbuffers.Builder, data: np.ndarray | None) -> int:
    vector = None
    if data is not None:
        content = np.frombuffer(data.tobytes(), dtype=np.uint8)
        builder.StartVector(1, len(content), 16)
        builder.head -= len(content)
        builder.Bytes[builder.head : builder.head + len(content)] = content.tobytes()
        vector = builder.EndVector()
    tflite.BufferStart(builder)
    if vector is not None:
        tflite.BufferAddData(builder, vector)
    return tflite.BufferEnd(builder)


def _tensor(builder: flatbuffers.Builder, tensor: _Tensor, index: int) -> int:
    scales = builder.CreateNumpyVector(np.array(tensor.scales, dtype=np.float32))
    zeros = builder.CreateNumpyVector(np.full(len(tensor.scales), tensor.zero, dtype=np.int64))
    tflite.QuantizationParametersStart(builder)
    tflite.QuantizationParametersAddScale(builder, scales)
    tflite.QuantizationParametersAddZeroPoint(builder, zeros)
    tflite.QuantizationParametersAddQuantizedDimension(builder, tensor.axis)
    quantisation = tflite.QuantizationParametersEnd(builder)
    shape = _integers(builder, list(tensor.shape))
    name = builder.CreateString(f"tensor{index}")
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, tensor.kind)
    tflite.TensorAddBuffer(builder, 0 if tensor.data is None else index + 1)
    tflite.TensorAddName(builder, name)
    tflite.TensorAddQuantization(builder, quantisation)
    return tflite.TensorEnd(builder)


def _options(builder: flatbuffers.Builder, operator: _Operator, multiplier: int) -> tuple[int, int]:
    """The options' table and its place in the union."""
    step = operator.step
    assert step is not None
    padding = tflite.Padding.SAME if step.same else tflite.Padding.VALID
    name, union = {
        "conv": ("Conv2DOptions", tflite.BuiltinOptions.Conv2DOptions),
        "depthwise": ("DepthwiseConv2DOptions", tflite.BuiltinOptions.DepthwiseConv2DOptions),
        "max_pool": ("Pool2DOptions", tflite.BuiltinOptions.Pool2DOptions),
    }[operator.kind]
    fields = {
        "Padding": padding,
        "StrideH": step.stride[0],
        "StrideW": step.stride[1],
        "FusedActivationFunction": max(step.activation, 0),
    }
    if operator.kind == "max_pool":
        fields |= {"FilterHeight": step.kernel[0], "FilterWidth": step.kernel[1]}
    else:
        fields |= {"DilationHFactor": 1, "DilationWFactor": 1}
    if operator.kind == "depthwise":
        fields |= {"DepthMultiplier": multiplier}
    getattr(tflite, f"{name}Start")(builder)
    for field_name, value in fields.items():
        getattr(tflite, f"{name}Add{field_name}")(builder, value)
    return getattr(tflite, f"{name}End")(builder), union


def _operator(builder: flatbuffers.Builder, operator: _Operator, code: int, tensors: list[_Tensor]) -> int:
    multiplier = tensors[operator.output].shape[3] // tensors[operator.inputs[0]].shape[3]
    options, union = (0, 0) if operator.step is None else _options(builder, operator, multiplier)
    inputs, outputs = _integers(builder, operator.inputs), _integers(builder, [operator.output])
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if union:
        tflite.OperatorAddBuiltinOptionsType(builder, union)
        tflite.OperatorAddBuiltinOptions(builder, options)
    return tflite.OperatorEnd(builder)


def _operator_code(builder: flatbuffers.Builder, kind: str) -> int:
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, _OPERATORS[kind])
    tflite.OperatorCodeAddBuiltinCode(builder, _OPERATORS[kind])
    tflite.OperatorCodeAddVersion(builder, 3 if kind in ("conv", "depthwise") else 2)
    return tflite.OperatorCodeEnd(builder)


def _subgraph(builder: flatbuffers.Builder, tensors: list[int], operators: list[int], outputs: list[int]) -> int:
    stored, run = _offsets(builder, tensors), _offsets(builder, operators)
    inputs, leaving = _integers(builder, [0]), _integers(builder, outputs)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, stored)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, leaving)
    tflite.SubGraphAddOperators(builder, run)
    return tflite.SubGraphEnd(builder)
