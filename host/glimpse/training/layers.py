# SPDX-License-Identifier: Apache-2.0
"""Layers and blocks that several networks share."""

import keras
from keras import layers, ops


def planes() -> str:
    """The layout in which this backend convolves without copying; weights are the same in both.

    Keras copies every map twice on torch when channels come last, a quarter of a training's time.
    """
    return "channels_first" if keras.backend.backend() == "torch" else "channels_last"


def to_planes(x):  # noqa: ANN001, ANN201 - symbolic tensors
    """[n, h, w, c] in the layout of `planes`."""
    return layers.Permute((3, 1, 2))(x) if planes() == "channels_first" else x


def from_planes(x):  # noqa: ANN001, ANN201 - symbolic tensors
    """[n, h, w, c] again."""
    return layers.Permute((2, 3, 1))(x) if planes() == "channels_first" else x


def conv(filters: int, kernel: int, strides: int = 1, **keywords: object) -> layers.Conv2D:
    """A convolution with TensorFlow's SAME padding, in the layout of `planes`."""
    return layers.Conv2D(filters, kernel, strides, "same", data_format=planes(), **keywords)


@keras.saving.register_keras_serializable("glimpse")
class DepthToSpace(layers.Layer):
    """Moves blocks of channels to space: [n, h, w, b*b*c] -> [n, b*h, b*w, c], as tf.nn.depth_to_space does.

    In the layout of `planes`, which may be [n, c, h, w].
    """

    def __init__(self, block: int, **keywords: object) -> None:
        super().__init__(**keywords)
        self.block = block

    def call(self, x):  # noqa: ANN001, ANN201 - backend tensors
        """Rearranges one batch; on TensorFlow as the one operator that LiteRT has a kernel for."""
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            return tf.nn.depth_to_space(x, self.block)
        b = self.block
        if planes() == "channels_first":
            _, c, h, w = x.shape
            x = ops.reshape(x, (-1, b, b, c // (b * b), h, w))
            return ops.reshape(ops.transpose(x, (0, 3, 4, 1, 5, 2)), (-1, c // (b * b), h * b, w * b))
        _, h, w, c = x.shape
        x = ops.reshape(x, (-1, h, w, b, b, c // (b * b)))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, h * b, w * b, c // (b * b)))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Shape after the move."""
        if planes() == "channels_first":
            n, c, h, w = input_shape
            return n, c // self.block**2, h * self.block, w * self.block
        n, h, w, c = input_shape
        return n, h * self.block, w * self.block, c // self.block**2

    def get_config(self) -> dict:
        """Keras serialisation."""
        return {**super().get_config(), "block": self.block}


def quiet(seed: int) -> keras.initializers.Initializer:
    """Weights so small that a residual branch starts as almost nothing."""
    return keras.initializers.VarianceScaling(0.1, "fan_in", seed=seed)


def residual(x, channels: int, name: str):  # noqa: ANN001, ANN201 - symbolic tensors
    """Two 3x3 convolutions beside the identity."""
    y = conv(channels, 3, activation="relu", name=f"{name}_a")(x)
    return layers.Add(name=f"{name}_add")([x, conv(channels, 3, kernel_initializer=quiet(5), name=f"{name}_b")(y)])


def trunk(photo, activation: str | None):  # noqa: ANN001, ANN201 - symbolic tensors
    """The trunk that LimitNet and MCUCoder publish: 7x7/2 and 5x5/4 with ReLU, then 3x3; 10,524 weights.

    Args:
        photo: [n, size, size, 3] in 0..1, size a multiple of 8, in the layout of `planes`.
        activation: of the last layer; None (MCUCoder 2024, Figure 2) or "relu" (LimitNet 2024, section 3.2).

    Returns:
        [n, size/8, size/8, 12] in the same layout.
    """
    x = conv(16, 7, 2, activation="relu", name="conv1")(photo)
    x = conv(16, 5, 4, activation="relu", name="conv2")(x)
    # A latent of unit variance would round to nothing: start with a few quantiser steps.
    wide = keras.initializers.VarianceScaling(50.0, "fan_in", seed=3)
    return conv(12, 3, activation=activation, kernel_initializer=wide, name="conv3")(x)


def residual_decoder(size: int, channels: int, name: str, width: int = 96, depth: int = 6) -> keras.Model:
    """A residual decoder, most of it at latent resolution, that is told which symbols arrived.

    Args:
        size: side of the square latent.
        channels: of the latent.
        name: of the network.
        width: channels of the residual blocks.
        depth: number of residual blocks.

    Returns:
        Model from [latent [n, size, size, channels] in quantiser steps, zero where missing;
        mask of the same shape, 1 where received] to photos [n, 8*size, 8*size, 3], nominally in 0..1.
    """
    latent = keras.Input((size, size, channels), name="latent")
    mask = keras.Input((size, size, channels), name="mask")
    scaled = layers.Rescaling(1 / 8, name="scaled", dtype="float32")(latent)
    both = to_planes(layers.Concatenate(name="both", dtype="float32")([scaled, mask]))
    x = conv(width, 3, activation="relu", name="stem")(both)
    for i in range(depth):
        x = residual(x, width, f"block{i}")
    # A linear path straight from the latent carries the coarse picture; the rest learns what is left.
    coarse = conv(192, 3, name="coarse", dtype="float32")(both)
    x = conv(2 * width, 3, activation="relu", name="up1")(x)
    x = DepthToSpace(2, name="up1_up")(x)
    x = residual(residual(x, width // 2, "fine0"), width // 2, "fine1")
    x = conv(48, 3, kernel_initializer=quiet(7), name="detail")(x)
    picture = layers.Add(name="picture", dtype="float32")(
        [DepthToSpace(8, name="coarse_up", dtype="float32")(coarse), DepthToSpace(4, name="fine_up")(x)]
    )
    return keras.Model([latent, mask], from_planes(picture), name=name)
