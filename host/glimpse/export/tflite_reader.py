# SPDX-License-Identifier: Apache-2.0
"""Reads an int8 encoder network from a .tflite file, without TensorFlow.

Only what nodes can run is accepted; everything else is refused with a sentence that names it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import tflite

from glimpse.errors import GlimpseError

Kind = Literal["conv", "depthwise", "max_pool"]

PHOTO = -1
"""The `input` of a layer that reads the photo."""

_OPERATORS = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
_ACTIVATIONS = {value: name for name, value in vars(tflite.ActivationFunctionType).items() if isinstance(value, int)}


@dataclass(frozen=True)
class Quantisation:
    """Real value = scale * (stored - zero). Several scales: one for each index along `axis`."""

    scales: np.ndarray
    """float32 [1] or [channels]."""
    zero: int
    axis: int

    @property
    def scale(self) -> np.float32:
        """The scale of a tensor that has one."""
        return np.float32(self.scales[0])


@dataclass(frozen=True)
class Layer:
    """One layer. Shapes are (height, width, channels)."""

    kind: Kind
    name: str
    input: int
    """Index of the layer whose output it reads, or PHOTO."""
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    """Rows above and columns to the left; below and to the right follow from the shapes."""
    in_quantisation: Quantisation
    out_quantisation: Quantisation
    minimum: int
    maximum: int
    """The fused activation's range, int8."""
    weights: np.ndarray | None = None
    """int8: conv [out, height, width, in], depthwise [height, width, out], pool None."""
    weight_scales: np.ndarray | None = None
    """float32 [out]."""
    bias: np.ndarray | None = None
    """int32 [out]."""


@dataclass(frozen=True)
class Network:
    """An encoder: layers in an order in which they can run."""

    photo_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    latent: int
    """Index of the layer whose output is the latent: the model's first output."""
    side: int | None
    """The same for the model's second output, if it has one."""


@dataclass(frozen=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    dtype: int
    quantisation: Quantisation | None
    data: bytes


def read_network(encoder: bytes) -> Network:
    """Reads an int8 .tflite encoder.

    Raises GlimpseError, one sentence, when the bytes are not such a file or the network holds anything that nodes
    cannot run exactly.
    """
    try:
        return _Reader(encoder).network()
    except GlimpseError:
        raise
    except Exception as error:  # flatbuffers' accessors raise anything at all on damaged files
        raise GlimpseError(f"The encoder is not a readable .tflite file ({error}).") from error


class _Reader:
    def __init__(self, encoder: bytes) -> None:
        if len(encoder) < 8 or encoder[4:8] != b"TFL3":
            raise GlimpseError("The encoder is not a .tflite file: export it as an int8 TensorFlow Lite model.")
        self.model = tflite.Model.GetRootAs(bytearray(encoder), 0)
        if self.model.SubgraphsLength() != 1:
            raise GlimpseError(f"The encoder has {self.model.SubgraphsLength()} subgraphs; nodes run models of one.")
        self.graph = self.model.Subgraphs(0)
        self.layers: list[Layer] = []
        self.producers: dict[int, int] = {}
        """Tensor index to the layer that makes it, or PHOTO."""

    def network(self) -> Network:
        photo_shape = self._read_photo()
        for index in range(self.graph.OperatorsLength()):
            self._read_operator(self.graph.Operators(index))
        outputs = [self._output(index) for index in range(self.graph.OutputsLength())]
        if len(outputs) not in (1, 2) or len(set(outputs)) != len(outputs):
            raise GlimpseError(
                f"The encoder has {len(outputs)} outputs; nodes run models with a latent, and at most "
                "one output beside it."
            )
        return Network(photo_shape, tuple(self.layers), outputs[0], outputs[1] if len(outputs) == 2 else None)

    def _read_photo(self) -> tuple[int, int, int]:
        if self.graph.InputsLength() != 1:
            raise GlimpseError(f"The encoder has {self.graph.InputsLength()} inputs; nodes feed one photo.")
        index = self.graph.Inputs(0)
        tensor = self._tensor(index)
        shape, quantisation = self._image(tensor)
        if shape[2] != 3:
            raise GlimpseError(f"The encoder's input has {shape[2]} channels; a photo has 3 (RGB).")
        if quantisation.zero != -128 or not math.isclose(float(quantisation.scale), 1 / 255, rel_tol=1e-4):
            raise GlimpseError(
                f"The encoder's input has scale {float(quantisation.scale):.6g} and zero point "
                f"{quantisation.zero}; quantise it for inputs from 0 to 1 (scale 1/255, zero point "
                "-128)."
            )
        self.producers[index] = PHOTO
        return shape

    def _tensor(self, index: int) -> _Tensor:
        tensor = self.graph.Tensors(index)
        shape = tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength()))
        buffer = self.model.Buffers(tensor.Buffer())
        data = b"" if buffer is None or buffer.DataIsNone() else buffer.DataAsNumpy().tobytes()
        name = (tensor.Name() or b"").decode(errors="replace")
        return _Tensor(name, shape, tensor.Type(), self._quantisation(tensor, name), data)

    @staticmethod
    def _quantisation(tensor: tflite.Tensor, name: str) -> Quantisation | None:
        stored = tensor.Quantization()
        if stored is None or stored.ScaleLength() == 0:
            return None
        zeros = {int(stored.ZeroPoint(i)) for i in range(stored.ZeroPointLength())} or {0}
        if len(zeros) != 1:
            raise GlimpseError(f"Tensor '{name}' has several zero points; nodes run tensors with one.")
        scales = np.array([stored.Scale(i) for i in range(stored.ScaleLength())], dtype=np.float32)
        return Quantisation(scales, zeros.pop(), stored.QuantizedDimension())

    @staticmethod
    def _image(tensor: _Tensor) -> tuple[tuple[int, int, int], Quantisation]:
        """Shape and quantisation of an int8 activation tensor [1, height, width, channels]."""
        if tensor.dtype != tflite.TensorType.INT8:
            raise GlimpseError(
                f"Tensor '{tensor.name}' is not int8; export the encoder with full int8 quantisation "
                "of inputs, outputs and weights."
            )
        if len(tensor.shape) != 4 or tensor.shape[0] != 1 or min(tensor.shape) < 1:
            raise GlimpseError(
                f"Tensor '{tensor.name}' has shape {list(tensor.shape)}; nodes run [1, height, width, channels]."
            )
        quantisation = tensor.quantisation
        if quantisation is None or len(quantisation.scales) != 1 or not quantisation.scale > 0:
            raise GlimpseError(
                f"Tensor '{tensor.name}' has no single quantisation scale; quantise activations per tensor."
            )
        if not -128 <= quantisation.zero <= 127:
            raise GlimpseError(f"Tensor '{tensor.name}' has zero point {quantisation.zero}, which is not an int8.")
        _, height, width, channels = tensor.shape
        return (height, width, channels), quantisation

    def _producer(self, index: int) -> int:
        if index not in self.producers:
            raise GlimpseError(f"Tensor '{self._tensor(index).name}' is read but no layer before makes it.")
        return self.producers[index]

    def _output(self, position: int) -> int:
        producer = self._producer(self.graph.Outputs(position))
        if producer == PHOTO:
            raise GlimpseError("The encoder gives its input out unchanged; it needs at least one layer.")
        return producer

    def _operator_code(self, operator: tflite.Operator) -> int:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        return max(code.BuiltinCode(), code.DeprecatedBuiltinCode())  # small codes are stored in the old field only

    def _read_operator(self, operator: tflite.Operator) -> None:
        code = self._operator_code(operator)
        if code == tflite.BuiltinOperator.CONV_2D:
            self._read_convolution(operator, "conv")
        elif code == tflite.BuiltinOperator.DEPTHWISE_CONV_2D:
            self._read_convolution(operator, "depthwise")
        elif code == tflite.BuiltinOperator.MAX_POOL_2D:
            self._read_max_pool(operator)
        elif code in (tflite.BuiltinOperator.RELU, tflite.BuiltinOperator.RELU6):
            self._fuse(operator, code)
        else:
            raise GlimpseError(
                f"The encoder uses the operator {_OPERATORS.get(code, code)}, which nodes do not run; "
                "they run CONV_2D, DEPTHWISE_CONV_2D, MAX_POOL_2D, RELU and RELU6."
            )

    @staticmethod
    def _options(operator: tflite.Operator, kind: type) -> object:
        table = operator.BuiltinOptions()
        options = kind()
        options.Init(table.Bytes, table.Pos)
        return options

    def _read_convolution(self, operator: tflite.Operator, kind: Kind) -> None:
        depthwise = kind == "depthwise"
        options = self._options(operator, tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)
        filters = self._tensor(operator.Inputs(1))
        if options.DilationWFactor() != 1 or options.DilationHFactor() != 1:
            raise GlimpseError(f"The kernel '{filters.name}' is dilated; nodes run dilation 1 only.")
        if filters.dtype != tflite.TensorType.INT8 or len(filters.shape) != 4 or not filters.data:
            raise GlimpseError(
                f"The kernel '{filters.name}' is not a constant int8 tensor of four dimensions; "
                "quantise weights to int8."
            )
        layer = self._layer(operator, kind, filters.shape[1:3], options)
        weights = np.frombuffer(filters.data, dtype=np.int8).reshape(filters.shape)
        outputs = layer.out_shape[2]
        expected = (1, *layer.kernel, outputs) if depthwise else (outputs, *layer.kernel, layer.in_shape[2])
        if weights.shape != expected or (depthwise and outputs % layer.in_shape[2] != 0):
            raise GlimpseError(
                f"The kernel '{filters.name}' has shape {list(weights.shape)}, not {list(expected)}; "
                "grouped convolutions are not run by nodes."
            )
        self._add(
            operator,
            replace(
                layer,
                weights=weights[0] if depthwise else weights,
                weight_scales=self._weight_scales(filters, outputs, 3 if depthwise else 0),
                bias=self._bias(operator, outputs),
            ),
        )

    @staticmethod
    def _weight_scales(filters: _Tensor, outputs: int, axis: int) -> np.ndarray:
        quantisation = filters.quantisation
        if quantisation is None or quantisation.zero != 0 or not bool(np.all(quantisation.scales > 0)):
            raise GlimpseError(f"The kernel '{filters.name}' is not quantised symmetrically (zero point 0).")
        if len(quantisation.scales) == 1:
            return np.repeat(quantisation.scales, outputs)
        if len(quantisation.scales) != outputs or quantisation.axis != axis:
            raise GlimpseError(
                f"The kernel '{filters.name}' has {len(quantisation.scales)} scales along dimension "
                f"{quantisation.axis}; nodes run one for each of {outputs} outputs."
            )
        return quantisation.scales

    def _bias(self, operator: tflite.Operator, outputs: int) -> np.ndarray:
        if operator.InputsLength() < 3 or operator.Inputs(2) < 0:
            return np.zeros(outputs, dtype=np.int32)
        bias = self._tensor(operator.Inputs(2))
        if bias.dtype != tflite.TensorType.INT32 or bias.shape != (outputs,) or len(bias.data) != 4 * outputs:
            raise GlimpseError(f"The bias '{bias.name}' is not a constant int32 vector of {outputs}.")
        return np.frombuffer(bias.data, dtype="<i4")

    def _read_max_pool(self, operator: tflite.Operator) -> None:
        options = self._options(operator, tflite.Pool2DOptions)
        layer = self._layer(operator, "max_pool", (options.FilterHeight(), options.FilterWidth()), options)
        if not _same_quantisation(layer.in_quantisation, layer.out_quantisation):
            raise GlimpseError(f"The pooling layer '{layer.name}' changes the quantisation, which nodes do not run.")
        self._add(operator, layer)

    def _layer(self, operator: tflite.Operator, kind: Kind, kernel: tuple[int, ...], options: object) -> Layer:
        """What all layers share; weights are still missing."""
        source = self._tensor(operator.Inputs(0))
        target = self._tensor(operator.Outputs(0))
        in_shape, in_quantisation = self._image(source)
        out_shape, out_quantisation = self._image(target)
        stride = (options.StrideH(), options.StrideW())
        same = options.Padding() == tflite.Padding.SAME
        sides = [_padded(*sizes, same) for sizes in zip(in_shape[:2], kernel, stride, strict=True)]
        if (sides[0][0], sides[1][0]) != out_shape[:2]:
            raise GlimpseError(
                f"Layer '{target.name}' should give {sides[0][0]} x {sides[1][0]} values but its tensor "
                f"is {out_shape[0]} x {out_shape[1]}."
            )
        minimum, maximum = _activation_range(options.FusedActivationFunction(), out_quantisation, target.name)
        return Layer(
            kind,
            target.name,
            self._producer(operator.Inputs(0)),
            in_shape,
            out_shape,
            (kernel[0], kernel[1]),
            stride,
            (sides[0][1], sides[1][1]),
            in_quantisation,
            out_quantisation,
            minimum,
            maximum,
        )

    def _add(self, operator: tflite.Operator, layer: Layer) -> None:
        self.producers[operator.Outputs(0)] = len(self.layers)
        self.layers.append(layer)

    def _fuse(self, operator: tflite.Operator, code: int) -> None:
        """Takes a RELU that stands alone into the layer before it."""
        source, target = operator.Inputs(0), operator.Outputs(0)
        producer = self._producer(source)
        _, before = self._image(self._tensor(source))
        _, after = self._image(self._tensor(target))
        if producer == PHOTO or self._readers(source) != 1 or not _same_quantisation(before, after):
            raise GlimpseError(
                f"The activation '{self._tensor(target).name}' cannot be joined to the layer before it: "
                "another layer reads its input, or it changes the quantisation."
            )
        fused = (
            tflite.ActivationFunctionType.RELU
            if code == tflite.BuiltinOperator.RELU
            else tflite.ActivationFunctionType.RELU6
        )
        low, high = _activation_range(fused, after, self._tensor(target).name)
        layer = self.layers[producer]
        low = min(max(low, layer.minimum), layer.maximum)
        self.layers[producer] = replace(layer, minimum=low, maximum=max(low, min(high, layer.maximum)))
        self.producers[target] = producer

    def _readers(self, tensor: int) -> int:
        inputs = [self.graph.Operators(i).Inputs(0) for i in range(self.graph.OperatorsLength())]
        outputs = [self.graph.Outputs(i) for i in range(self.graph.OutputsLength())]
        return inputs.count(tensor) + outputs.count(tensor)


def _same_quantisation(a: Quantisation, b: Quantisation) -> bool:
    return a.zero == b.zero and bool(a.scale == b.scale)


def _padded(size: int, kernel: int, stride: int, same: bool) -> tuple[int, int]:
    """Output size and padding before, as TensorFlow computes them."""
    if kernel < 1 or stride < 1:
        raise GlimpseError(f"A kernel of {kernel} with stride {stride} is not possible.")
    out = -(-size // stride) if same else (size - kernel) // stride + 1
    return out, max((out - 1) * stride + kernel - size, 0) // 2


def _activation_range(activation: int, quantisation: Quantisation, name: str) -> tuple[int, int]:
    """The int8 range that a fused activation leaves; the division is in single precision, as TensorFlow Lite's."""
    kinds = tflite.ActivationFunctionType
    ranges = {
        kinds.NONE: (None, None),
        kinds.RELU: (0.0, None),
        kinds.RELU6: (0.0, 6.0),
        kinds.RELU_N1_TO_1: (-1.0, 1.0),
    }
    if activation not in ranges:
        raise GlimpseError(
            f"Layer '{name}' has the activation {_ACTIVATIONS.get(activation, activation)}; nodes run "
            "RELU, RELU6, RELU_N1_TO_1 or none."
        )

    def stored(real: float | None, otherwise: int) -> int:
        if real is None:
            return otherwise
        ratio = float(np.float32(real) / quantisation.scale)
        rounded = quantisation.zero + int(math.copysign(math.floor(abs(ratio) + 0.5), ratio))
        return min(max(rounded, -128), 127)

    low, high = ranges[activation]
    return stored(low, -128), stored(high, 127)
