# SPDX-License-Identifier: Apache-2.0
"""Small quantised classifiers of the operators that MobileNetV2 has, written without TensorFlow."""

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

CLASSES = 7
SIX = 6 / 255


class ClassifierWriter:
    """Collects tensors and operators; every operator's output becomes the next one's usual input."""

    def __init__(self, seed: int, signed: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.type = schema.TensorType.INT8 if signed else schema.TensorType.UINT8
        self.stored = np.int8 if signed else np.uint8
        self.offset = -128 if signed else 0
        self.tensors: list[Any] = []
        self.operators: list[Any] = []
        self.codes: list[int] = []
        self.buffers: list[Any] = [schema.BufferT()]
        self.weights: dict[int, np.ndarray] = {}
        """By output tensor: the real weights as the file lays them out."""

    def tensor(
        self, shape: tuple[int, ...], kind: int, scales: list[float], zero: int, data: np.ndarray | None = None
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = f"t{len(self.tensors)}", list(shape), kind, 0
        if scales:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = scales, [zero] * len(scales)
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def values(self, shape: tuple[int, ...], scale: float, zero: int) -> int:
        return self.tensor(shape, self.type, [scale], zero + self.offset)

    def operator(self, code: int, inputs: list[int], output: int, kind: int = 0, options: object = None) -> int:
        if code not in self.codes:
            self.codes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self.codes.index(code), inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self.operators.append(operator)
        return output

    def weighted(self, code: int, source: int, output: int, shape: tuple[int, ...], kind: int, options: object) -> int:
        """Random weights that fill the ranges; with signed values every output channel has its own scale."""
        axis = 3 if code == schema.BuiltinOperator.DEPTHWISE_CONV_2D else 0
        outputs = shape[axis]
        fan_in = int(np.prod(shape)) // outputs
        unsigned = self.stored is np.uint8
        scales = [2.5 / 128 / fan_in**0.5] if unsigned else list(self.rng.uniform(0.5, 1.5, outputs) / 45 / fan_in**0.5)
        zero = 120 if unsigned else 0
        data = self.rng.integers(0, 256, shape, np.uint8) if unsigned else self.rng.integers(-127, 128, shape, np.int8)
        along = np.ones(len(shape), int)
        along[axis] = -1
        self.weights[output] = (data.astype(float) - zero) * np.array(scales).reshape(along if not unsigned else 1)
        weights = self.tensor(shape, self.type, scales, zero, data)
        self.tensors[weights].quantization.quantizedDimension = 0 if unsigned else axis
        step = self.tensors[source].quantization.scale[0]
        bias = self.rng.integers(-2000, 2000, outputs).astype(np.int32)
        biases = self.tensor((outputs,), schema.TensorType.INT32, [step * s for s in scales], 0, bias)
        return self.operator(code, [source, weights, biases], output, kind, options)

    def conv(self, source: int, output: int, window: int, stride: int, activation: int) -> int:
        options = schema.Conv2DOptionsT()
        options.padding, options.strideH, options.strideW = schema.Padding.SAME, stride, stride
        options.fusedActivationFunction = activation
        shape = (self.tensors[output].shape[3], window, window, self.tensors[source].shape[3])
        kind = schema.BuiltinOptions.Conv2DOptions
        return self.weighted(schema.BuiltinOperator.CONV_2D, source, output, shape, kind, options)

    def depthwise(self, source: int, output: int, stride: int, activation: int) -> int:
        options = schema.DepthwiseConv2DOptionsT()
        options.padding, options.strideH, options.strideW = schema.Padding.SAME, stride, stride
        options.depthMultiplier = self.tensors[output].shape[3] // self.tensors[source].shape[3]
        options.fusedActivationFunction = activation
        shape = (1, 3, 3, self.tensors[output].shape[3])
        kind = schema.BuiltinOptions.DepthwiseConv2DOptions
        return self.weighted(schema.BuiltinOperator.DEPTHWISE_CONV_2D, source, output, shape, kind, options)

    def dense(self, source: int, output: int) -> int:
        shape = (self.tensors[output].shape[1], self.tensors[source].shape[1])
        options, kind = schema.FullyConnectedOptionsT(), schema.BuiltinOptions.FullyConnectedOptions
        return self.weighted(schema.BuiltinOperator.FULLY_CONNECTED, source, output, shape, kind, options)

    def pool(self, source: int) -> int:
        """The average of the whole map."""
        _, height, width, channels = self.tensors[source].shape
        quantisation = self.tensors[source].quantization
        output = self.tensor((1, 1, 1, channels), self.type, list(quantisation.scale), quantisation.zeroPoint[0])
        options = schema.Pool2DOptionsT()
        options.padding, options.strideH, options.strideW = schema.Padding.VALID, 1, 1
        options.filterHeight, options.filterWidth = height, width
        kind = schema.BuiltinOptions.Pool2DOptions
        return self.operator(schema.BuiltinOperator.AVERAGE_POOL_2D, [source], output, kind, options)

    def reshape(self, source: int, shape: tuple[int, ...]) -> int:
        target = self.tensor((len(shape),), schema.TensorType.INT32, [], 0, np.array(shape, np.int32))
        quantisation = self.tensors[source].quantization
        output = self.tensor(shape, self.type, list(quantisation.scale), quantisation.zeroPoint[0])
        return self.operator(schema.BuiltinOperator.RESHAPE, [source, target], output)

    def softmax(self, source: int) -> int:
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        output = self.values(tuple(self.tensors[source].shape), 1 / 256, 0)
        kind = schema.BuiltinOptions.SoftmaxOptions
        return self.operator(schema.BuiltinOperator.SOFTMAX, [source], output, kind, options)

    def pack(self, photo: int, output: int) -> bytes:
        graph = schema.SubGraphT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = self.tensors, self.operators, [photo], [output]
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], self.buffers, []
        for number in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = number
            # Version 3 of the convolutions, 2 of the others: the first with signed values.
            code.version = 1 if self.stored is np.uint8 else 3 if number in (3, 4) else 2
            if number == schema.BuiltinOperator.FULLY_CONNECTED and self.stored is np.int8:
                code.version = 4
            if number == schema.BuiltinOperator.RESHAPE:
                code.version = 1
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(1 << 14)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def tiny_classifier(seed: int = 1, signed: bool = False, height: int = 20, width: int = 22) -> bytes:
    """Logits of 7 classes and a softmax, behind an inverted residual block with strides 2, 4 and 8.

    Args:
        seed: of the weights.
        signed: int8 with one scale for each output channel and a dense last layer, rather than uint8 with one scale
            for each tensor and a 1x1 convolution.
        height: of the photo; odd and even sides pad differently.
        width: of the photo.
    """
    w = ClassifierWriter(seed, signed)
    six, none = schema.ActivationFunctionType.RELU6, schema.ActivationFunctionType.NONE

    def sides(stride: int) -> tuple[int, int, int]:
        return 1, -(-height // stride), -(-width // stride)

    photo = w.values((1, height, width, 3), 1 / 128, 128)
    x = w.conv(photo, w.values((*sides(2), 8), SIX, 0), 3, 2, six)
    x = w.depthwise(x, w.values((*sides(4), 16), SIX, 0), 2, six)
    narrow = w.conv(x, w.values((*sides(4), 6), 0.04, 131), 1, 1, none)
    x = w.conv(narrow, w.values((*sides(4), 12), 4 / 255, 0), 1, 1, six)  # fewer bits than RELU6 has room for
    x = w.depthwise(x, w.values((*sides(4), 12), SIX, 0), 1, six)
    x = w.conv(x, w.values((*sides(4), 6), 0.04, 125), 1, 1, none)
    total = w.values((*sides(4), 6), 0.05, 127)
    x = w.operator(schema.BuiltinOperator.ADD, [x, narrow], total, schema.BuiltinOptions.AddOptions, _plain_add())
    x = w.conv(x, w.values((*sides(8), 16), SIX, 0), 3, 2, six)
    x = w.pool(x)
    if signed:
        x = w.dense(w.reshape(x, (1, 16)), w.values((1, CLASSES), 0.025, 120))
    else:
        x = w.reshape(w.conv(x, w.values((1, 1, 1, CLASSES), 0.025, 120), 1, 1, none), (1, CLASSES))
    return w.pack(photo, w.softmax(x))


def _plain_add() -> schema.AddOptionsT:
    options = schema.AddOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.NONE
    return options
