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
from glimpse.training.classifier_file import ClassifierFile, Grid, Operation, read_classifier


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
        x = ops.clip(x, self.low, self.high)
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
        A frozen model from photos [n, height, width, 3] (RGB in 0..1) to logits [n, classes]. Its layers
        are named after kind and number of the file's operators ("conv_0", "add_9"); `features` takes those names.

    Raises:
        GlimpseError: not a readable classifier, or a size that its layers cannot take.
    """
    file = read_classifier(path)
    shape = file.photo_shape if size is None else (size, size, 3)
    photo = keras.Input(shape, name="photo")
    values = {file.photo: _stored_photo(file.photo_grid, rounding)(photo)}
    weights: list[tuple[layers.Layer, Operation]] = []
    for index, operation in enumerate(file.operations):
        try:
            values[operation.output] = _apply(operation, index, values, file, rounding, weights)
        except GlimpseError:
            raise
        except Exception as error:  # the backends differ in what they raise for maps that vanish
            raise GlimpseError(f"photos of {size} pixels do not go through the classifier; give more") from error
    logits = layers.Reshape((file.classes,), name="logits")(values[file.logits])
    model = keras.Model(photo, logits, name="classifier")
    for layer, operation in weights:
        layer.set_weights([operation.weights, operation.bias])
    model.trainable = False
    return model


def features(model: keras.Model, depths: Sequence[int | str]) -> keras.Model:
    """The same network with intermediate maps as outputs; nothing behind the last of them is computed.

    Args:
        model: from load_classifier.
        depths: strides in pixels (2, 4, 8, 16, 32: the last map of that stride, which is the widest one, behind
            its activation) or names of layers.

    Returns:
        A frozen model from photos [n, height, width, 3] to a list of maps [n, height/stride, width/stride, channels],
        in the order of `depths`.

    Raises:
        GlimpseError: a stride or name that the network does not have, or none at all.
    """
    if not depths:
        raise GlimpseError("no depth is named; give strides such as 4 and 8, or names of layers")
    named = {layer.name: layer.output for layer in model.layers if isinstance(layer, OnGrid) and layer.name != "stored"}
    sides = model.input.shape[1:3]
    strides: dict[int, keras.KerasTensor] = {}
    for output in named.values():
        if len(output.shape) == 4 and output.shape[1] > 1:
            strides[round(sides[0] / output.shape[1])] = output
    found = []
    for depth in depths:
        maps: dict = strides if isinstance(depth, int) else named
        if depth not in maps:
            raise GlimpseError(f"the classifier has no map '{depth}'; it has {', '.join(str(key) for key in maps)}")
        found.append(maps[depth])
    taps = keras.Model(model.input, found, name="features")
    taps.trainable = False
    return taps


def _stored_photo(grid: Grid, rounding: bool) -> keras.Sequential:
    """Photos in 0..1 as the real numbers that the network computes with."""
    steps: list[layers.Layer] = [layers.Rescaling(255 * grid.scale, -grid.scale * grid.zero, name="rescale")]
    if rounding:
        steps.append(OnGrid(grid.low, grid.high, grid.scale, rounding, name="stored"))
    return keras.Sequential(steps, name="preprocess")


def _apply(
    operation: Operation,
    index: int,
    values: dict[int, keras.KerasTensor],
    file: ClassifierFile,
    rounding: bool,
    weights: list[tuple[layers.Layer, Operation]],
) -> keras.KerasTensor:
    """Adds one operation to the graph; its layer goes to `weights` where it takes any."""
    x = values[operation.inputs[0]]
    name = f"{operation.kind}_{index}"
    if operation.kind == "reshape":
        # Of a picture of another size there is nothing sensible to reshape but a vector.
        return layers.Reshape(operation.out_shape, name=name)(x)
    if operation.kind == "add":
        x = layers.Add(name=f"{name}_sum")([x, values[operation.inputs[1]]])
    elif operation.kind == "pool":
        whole = operation.out_shape[:2] == (1, 1) and file.photo_shape != values[file.photo].shape[1:]
        if whole:
            x = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
        else:
            x = layers.AveragePooling2D(operation.window, operation.stride, name=f"{name}_mean")(x)
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
            weights.shape[3], window, operation.stride, operation.padding, kernel_initializer="zeros", **zeros
        )
    return layers.DepthwiseConv2D(
        weights.shape[:2],
        operation.stride,
        operation.padding,
        depth_multiplier=weights.shape[3],
        depthwise_initializer="zeros",
        **zeros,
    )
