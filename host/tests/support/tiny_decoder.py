# SPDX-License-Identifier: Apache-2.0
"""A decoder network of two operators, written without TensorFlow."""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


def tiny_decoder(names: tuple[str, str], shape: tuple[int, int, int, int] = (1, 28, 28, 12)) -> bytes:
    """A .tflite file that shows depth_to_space(latent - mask, 2).

    Args:
        names: of the two inputs; the one that has "latent" in it (else the first) is the latent.
        shape: of both inputs; the channels are a multiple of 4.
    """
    n, height, width, channels = shape
    latent = 0 if "latent" in names[0] or "latent" not in names[1] else 1
    tensors = [
        _tensor(names[0], shape),
        _tensor(names[1], shape),
        _tensor("difference", shape),
        _tensor("picture", (n, 2 * height, 2 * width, channels // 4)),
    ]
    to_space = schema.DepthToSpaceOptionsT()
    to_space.blockSize = 2
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs = tensors, [0, 1], [3]
    graph.operators = [
        _operator(0, [latent, 1 - latent], 2, schema.BuiltinOptions.SubOptions, schema.SubOptionsT()),
        _operator(1, [2], 3, schema.BuiltinOptions.DepthToSpaceOptions, to_space),
    ]
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    model.operatorCodes = [_code(schema.BuiltinOperator.SUB), _code(schema.BuiltinOperator.DEPTH_TO_SPACE)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(name: str, shape: tuple[int, ...]) -> schema.TensorT:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), schema.TensorType.FLOAT32, 0
    return tensor


def _code(number: int) -> schema.OperatorCodeT:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = number
    code.version = 1
    return code


def _operator(code: int, inputs: list[int], output: int, kind: int, options: object) -> schema.OperatorT:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, [output]
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    return operator
