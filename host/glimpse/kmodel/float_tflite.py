# SPDX-License-Identifier: Apache-2.0
"""The float network behind an int8 .tflite encoder, as a .tflite file: what nncase takes and quantises on its own."""

from __future__ import annotations

import flatbuffers
import numpy as np
import tflite

from glimpse.errors import GlimpseError
from glimpse.export.tflite_reader import PHOTO, Layer, Network

_CODES = {"conv": tflite.BuiltinOperator.CONV_2D, "max_pool": tflite.BuiltinOperator.MAX_POOL_2D}


def float_encoder(network: Network) -> bytes:
    """A float32 .tflite file whose weights and biases are the real values of the int8 ones.

    Args:
        network: convolutions and max-pools, one output.

    Returns:
        The file; its input is float32 [1, height, width, 3] from 0 to 1, its output the latent in real values.

    Raises:
        GlimpseError: a layer of another kind.
    """
    builder = flatbuffers.Builder(1 << 16)
    buffers = [_buffer(builder, None)]
    tensors = [_tensor(builder, "photo", network.photo_shape, 0)]
    operators = []
    results = {PHOTO: 0}
    kinds = list(_CODES)
    for index, layer in enumerate(network.layers):
        if layer.kind not in _CODES:
            raise GlimpseError(f"Layer '{layer.name}' is a {layer.kind} layer, which is not compiled to a kmodel.")
        inputs = [results[layer.input]]
        if layer.kind == "conv":
            for name, values in (("weights", _weights(layer)), ("bias", _bias(layer))):
                buffers.append(_buffer(builder, values))
                tensors.append(_tensor(builder, f"{name}{index}", values.shape, len(buffers) - 1, batch=False))
                inputs.append(len(tensors) - 1)
        tensors.append(_tensor(builder, f"layer{index}", layer.out_shape, 0))
        results[index] = len(tensors) - 1
        operators.append(_operator(builder, layer, kinds.index(layer.kind), inputs, results[index]))
    graph = _graph(builder, tensors, operators, results[network.latent])
    codes = [_code(builder, _CODES[kind]) for kind in kinds]
    parts = [_offsets(builder, items) for items in (codes, [graph], buffers)]
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, parts[0])
    tflite.ModelAddSubgraphs(builder, parts[1])
    tflite.ModelAddBuffers(builder, parts[2])
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _weights(layer: Layer) -> np.ndarray:
    return layer.weights.astype(np.float32) * layer.weight_scales.astype(np.float32)[:, None, None, None]


def _bias(layer: Layer) -> np.ndarray:
    scales = layer.weight_scales.astype(np.float64) * float(layer.in_quantisation.scale)
    return (layer.bias * scales).astype(np.float32)


def _activation(layer: Layer) -> int:
    """RELU and RELU6 are those ranges that start at the real zero."""
    kinds = tflite.ActivationFunctionType
    if layer.kind != "conv" or layer.minimum != layer.out_quantisation.zero:
        return kinds.NONE
    return kinds.RELU if layer.maximum == 127 else kinds.RELU6


def _offsets(builder: flatbuffers.Builder, items: list[int]) -> int:
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item)
    return builder.EndVector()


def _integers(builder: flatbuffers.Builder, values: list[int]) -> int:
    return builder.CreateNumpyVector(np.array(values, np.int32))


def _buffer(builder: flatbuffers.Builder, values: np.ndarray | None) -> int:
    vector = None if values is None else builder.CreateNumpyVector(np.frombuffer(values.tobytes(), np.uint8))
    tflite.BufferStart(builder)
    if vector is not None:
        tflite.BufferAddData(builder, vector)
    return tflite.BufferEnd(builder)


def _tensor(builder: flatbuffers.Builder, name: str, shape: tuple[int, ...], buffer: int, batch: bool = True) -> int:
    sizes = _integers(builder, [1, *shape] if batch else list(shape))
    text = builder.CreateString(name)
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, sizes)
    tflite.TensorAddType(builder, tflite.TensorType.FLOAT32)
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, text)
    return tflite.TensorEnd(builder)


def _operator(builder: flatbuffers.Builder, layer: Layer, code: int, inputs: list[int], output: int) -> int:
    convolution = layer.kind == "conv"
    kind = "Conv2DOptions" if convolution else "Pool2DOptions"
    same = layer.out_shape[:2] == tuple(
        -(-size // stride) for size, stride in zip(layer.in_shape[:2], layer.stride, strict=True)
    )
    fields = {
        "Padding": tflite.Padding.SAME if same else tflite.Padding.VALID,
        "StrideH": layer.stride[0],
        "StrideW": layer.stride[1],
        "FusedActivationFunction": _activation(layer),
    }
    if convolution:
        fields |= {"DilationHFactor": 1, "DilationWFactor": 1}
    else:
        fields |= {"FilterHeight": layer.kernel[0], "FilterWidth": layer.kernel[1]}
    getattr(tflite, f"{kind}Start")(builder)
    for name, value in fields.items():
        getattr(tflite, f"{kind}Add{name}")(builder, value)
    options = getattr(tflite, f"{kind}End")(builder)
    read, made = _integers(builder, inputs), _integers(builder, [output])
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, read)
    tflite.OperatorAddOutputs(builder, made)
    tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, kind))
    tflite.OperatorAddBuiltinOptions(builder, options)
    return tflite.OperatorEnd(builder)


def _code(builder: flatbuffers.Builder, code: int) -> int:
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, code)
    tflite.OperatorCodeAddBuiltinCode(builder, code)
    tflite.OperatorCodeAddVersion(builder, 1)
    return tflite.OperatorCodeEnd(builder)


def _graph(builder: flatbuffers.Builder, tensors: list[int], operators: list[int], output: int) -> int:
    stored, run = _offsets(builder, tensors), _offsets(builder, operators)
    entering, leaving = _integers(builder, [0]), _integers(builder, [output])
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, stored)
    tflite.SubGraphAddInputs(builder, entering)
    tflite.SubGraphAddOutputs(builder, leaving)
    tflite.SubGraphAddOperators(builder, run)
    return tflite.SubGraphEnd(builder)
