# SPDX-License-Identifier: Apache-2.0
"""A quantised .tflite classifier as a frozen Keras 3 model that gradients pass through.

Made for MobileNetV2 (Sandler et al. 2018); any network of the same operators will do. Task losses read its logits,
perceptual losses (Johnson et al. 2016, section 3) its feature maps.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
from keras import layers, ops

from glimpse.errors import GlimpseError
from glimpse.training.classifier_file import Grid, Operation, read_classifier


@keras.saving.register_keras_serializable("glimpse")
class OnGrid(layers.Layer):
    """Holds values where 8 bits can: between `low` and `high`, and with `rounding` on multiples of `scale` too.

    Gradients pass between the limits, through the rounding as if it were not there.
    """

    def __init__(self, low: float, high: float, scale: float, rounding: bool = False, **keywords: object) -> None:
        super().__init__(**keywords)
        self.low, self.high, self.scale, self.rounding = low, high, scale, rounding

    def call(self, x):  # noqa: ANN001, ANN201 - backend tensors
        """One batch of any shape."""
        # RELU6 as stored ends within half a step of 0 and 6, and the backends have a fast kernel for it.
        relu6 = abs(self.low) < self.scale / 2 and abs(self.high - 6) < self.scale / 2 and not self.rounding
        x = ops.relu6(x) if relu6 else ops.clip(x, self.low, self.high)
        if not self.rounding:
            return x
        return x + ops.stop_gradient(ops.floor(x / self.scale + 0.5) * self.scale - x)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """That of the input."""
        return input_shape

    def get_config(self) -> dict:
        """Keras serialisation."""
        own = {"low": self.low, "high": self.high, "scale": self.scale, "rounding": self.rounding}
        return {**super().get_config(), **own}


def load_classifier(path: Path | str, rounding: bool = False, size: int | None = None) -> keras.Model:
    """The classifier of a .tflite file in float32.

    Every operator's result is held to the range that its 8 bits and its activation allow, as in the file. A last
    softmax is left off: losses take logits, and the classes' order is the same without it.

    Args:
        path: the quantised network.
        rounding: round every result to what 8 bits hold, for agreement with the file to almost the last bit;
            gradients pass through the rounding unchanged. Slower.
        size: side of the photos in pixels where it is not the file's. The last average then goes over the
            whole map, whatever its size. A multiple of 32 keeps the strides even.

    Returns:
        A frozen model from photos [n, height, width, 3] (RGB in 0..1; what is beyond is not clipped, so that a
        decoder that overshoots still has gradients) to logits [n, classes]. Its layers are named after kind and
        number of the file's operators ("conv_0", "add_9"); `features` takes those names.

    Raises:
        GlimpseError: not a readable classifier, or a size that its layers cannot take.
    """
    file = read_classifier(path)
    shape = file.photo_shape if size is None else (size, size, 3)
    if min(shape) < 1:
        raise GlimpseError(f"photos of {size} pixels cannot be classified; give at least 1")
    photo = keras.Input(shape, name="photo")
    values = {file.photo: _to_layout(_stored_photo(file.photo_grid, rounding)(photo))}
    weights: list[tuple[layers.Layer, Operation]] = []
    for index, operation in enumerate(file.operations):
        try:
            values[operation.output] = _apply(operation, index, values, shape != file.photo_shape, rounding, weights)
        except ValueError as error:  # the sides do not fit a layer that depends on them
            raise GlimpseError(f"the classifier does not take photos of {shape[0]} x {shape[1]} pixels") from error
    logits = layers.Reshape((file.classes,), name="logits")(values[file.logits])
    model = keras.Model(photo, logits, name="classifier")
    for layer, operation in weights:
        layer.set_weights([operation.weights, operation.bias])
    model.trainable = False
    return model


def features(model: keras.Model, depths: Sequence[int | str], logits: bool = False) -> keras.Model:
    """The same network with intermediate maps as outputs; nothing behind the last of them is computed.

    Args:
        model: from load_classifier.
        depths: strides in pixels (2, 4, 8, 16, 32: the last map of that stride, which is the widest one, behind
            its activation) or names of layers.

    Returns:
        A frozen model from photos [n, height, width, 3] to a dictionary of maps [n, height/stride, width/stride,
        channels] by str(depth), also for a single depth.

    Raises:
        GlimpseError: a stride or name that the network does not have, or none at all.
    """
    if not depths and not logits:
        raise GlimpseError("no depth is named; give strides such as 4 and 8, or names of layers")
    named = {layer.name: layer.output for layer in model.layers if isinstance(layer, OnGrid)}
    row = 2 if _layout() == "channels_first" else 1
    strides: dict[int | str, keras.KerasTensor] = {}
    for output in named.values():
        if len(output.shape) == 4 and output.shape[row] > 1:
            strides[round(model.input.shape[1] / output.shape[row])] = output
    found = {}
    for depth in depths:
        maps = strides if isinstance(depth, int) else named
        if depth not in maps:
            raise GlimpseError(f"the classifier has no map '{depth}'; it has {', '.join(str(key) for key in maps)}")
        found[str(depth)] = _channels_last(maps[depth])
    if logits:
        found["logits"] = model.output
    taps = keras.Model(model.input, found, name="features")
    taps.trainable = False
    return taps


def _stored_photo(grid: Grid, rounding: bool) -> keras.Sequential:
    """Photos in 0..1 as the real numbers that the network computes with."""
    steps: list[layers.Layer] = [layers.Rescaling(255 * grid.scale, -grid.scale * grid.zero, name="rescale")]
    if rounding:
        steps.append(OnGrid(grid.low, grid.high, grid.scale, rounding, name="stored"))
    return keras.Sequential(steps, name="preprocess")


def _layout() -> str:
    """Torch runs planes without the two copies that Keras makes around each of its channels-last convolutions."""
    return "channels_first" if keras.backend.backend() == "torch" else "channels_last"


def _channels_last(x: keras.KerasTensor) -> keras.KerasTensor:
    """From the layout of the network."""
    return layers.Permute((2, 3, 1))(x) if _layout() == "channels_first" and len(x.shape) == 4 else x


def _to_layout(x: keras.KerasTensor) -> keras.KerasTensor:
    """From channels last."""
    return layers.Permute((3, 1, 2))(x) if _layout() == "channels_first" and len(x.shape) == 4 else x


def _apply(
    operation: Operation,
    index: int,
    values: dict[int, keras.KerasTensor],
    whole_maps: bool,
    rounding: bool,
    weights: list[tuple[layers.Layer, Operation]],
) -> keras.KerasTensor:
    """Adds one operation to the graph; its layer goes to `weights` where it takes any.

    With `whole_maps` an average that leaves one value a channel goes over the map as large as it is.
    """
    x = values[operation.inputs[0]]
    name = f"{operation.kind}_{index}"
    if operation.kind == "reshape":
        return _to_layout(layers.Reshape(operation.out_shape, name=name)(_channels_last(x)))
    if operation.kind == "add":
        x = layers.Add(name=f"{name}_sum")([x, values[operation.inputs[1]]])
    elif operation.kind == "pool":
        if whole_maps and operation.out_shape[:2] == (1, 1):
            x = layers.GlobalAveragePooling2D(_layout(), keepdims=True, name=f"{name}_mean")(x)
        else:
            mean = layers.AveragePooling2D(
                operation.window, operation.stride, data_format=_layout(), name=f"{name}_mean"
            )
            x = mean(x)
    else:
        layer = _weighted(operation, f"{name}_linear")
        weights.append((layer, operation))
        x = layer(x)
    grid = operation.grid
    return OnGrid(grid.low, grid.high, grid.scale, rounding, name=name)(x)


def _weighted(operation: Operation, name: str) -> layers.Layer:
    """Keras pads "same" with stride 2 as TensorFlow does, more below and to the right, on every backend."""
    weights = operation.weights
    # Zeros spare the drawing of random numbers that the file's replace at once.
    zeros = {"bias_initializer": "zeros", "name": name}
    if operation.kind == "dense":
        return layers.Dense(weights.shape[1], kernel_initializer="zeros", **zeros)
    if operation.kind == "conv":
        window = weights.shape[:2]
        return layers.Conv2D(
            weights.shape[3],
            window,
            operation.stride,
            operation.padding,
            _layout(),
            kernel_initializer="zeros",
            **zeros,
        )
    return layers.DepthwiseConv2D(
        weights.shape[:2],
        operation.stride,
        operation.padding,
        weights.shape[3],
        _layout(),
        depthwise_initializer="zeros",
        **zeros,
    )
