# SPDX-License-Identifier: Apache-2.0
"""The MCUCoder encoder (2024 paper, Figure 2) and a decoder of our own, as Keras 3 models."""

import keras
from keras import layers, ops

INPUT_SHAPE = (224, 224, 3)
LATENT_CHANNELS = 12
SYMBOL_BITS = 5
LEVELS = 1 << SYMBOL_BITS


@keras.saving.register_keras_serializable("glimpse")
class DepthToSpace(layers.Layer):
    """Moves blocks of channels to space: [n, h, w, b*b*c] -> [n, b*h, b*w, c], as tf.nn.depth_to_space does."""

    def __init__(self, block: int, **keywords: object) -> None:
        super().__init__(**keywords)
        self.block = block

    def call(self, x):  # noqa: ANN001, ANN201 - backend tensors
        """Rearranges one batch; on TensorFlow as the one operator that LiteRT has a kernel for."""
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            return tf.nn.depth_to_space(x, self.block)
        b, (_, h, w, c) = self.block, x.shape
        x = ops.reshape(x, (-1, h, w, b, b, c // (b * b)))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, h * b, w * b, c // (b * b)))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Shape after the move."""
        n, h, w, c = input_shape
        return n, h * self.block, w * self.block, c // self.block**2

    def get_config(self) -> dict:
        """Keras serialisation."""
        return {**super().get_config(), "block": self.block}


def build_encoder(size: int = INPUT_SHAPE[0]) -> keras.Model:
    """The published trunk: 7x7/2 and 5x5/4 with ReLU, 3x3 without; 10,524 weights.

    Args:
        size: side of the square input in pixels, a multiple of 8.

    Returns:
        Model from photos [n, size, size, 3] in 0..1 to latents [n, size/8, size/8, 12], in units of one
        quantiser step (the symbols are the rounded latents).
    """
    x = inputs = keras.Input((size, size, 3), name="photo")
    x = layers.Conv2D(16, 7, 2, "same", activation="relu", name="conv1")(x)
    x = layers.Conv2D(16, 5, 4, "same", activation="relu", name="conv2")(x)
    # A latent of unit variance would round to nothing: start with a few quantiser steps.
    wide = keras.initializers.VarianceScaling(200.0, "fan_in", seed=3)
    x = layers.Conv2D(LATENT_CHANNELS, 3, 1, "same", kernel_initializer=wide, name="conv3")(x)
    return keras.Model(inputs, x, name="mcucoder_encoder")


def _residual(x, channels: int, name: str):  # noqa: ANN001, ANN202 - symbolic tensors
    y = layers.Conv2D(channels, 3, padding="same", activation="relu", name=f"{name}_a")(x)
    quiet = keras.initializers.VarianceScaling(0.1, "fan_in", seed=5)
    return layers.Add(name=f"{name}_add")(
        [x, layers.Conv2D(channels, 3, padding="same", kernel_initializer=quiet, name=f"{name}_b")(y)]
    )


def build_decoder(size: int = INPUT_SHAPE[0] // 8, width: int = 64, depth: int = 5) -> keras.Model:
    """A residual decoder at latent resolution that is told which symbols arrived.

    Args:
        size: side of the square latent.
        width: channels of the residual blocks.
        depth: number of residual blocks.

    Returns:
        Model from [latent [n, size, size, 12] in quantiser steps, zero where missing;
        mask [n, size, size, 12], 1 where received] to photos [n, 8*size, 8*size, 3], nominally in 0..1.
    """
    latent = keras.Input((size, size, LATENT_CHANNELS), name="latent")
    mask = keras.Input((size, size, LATENT_CHANNELS), name="mask")
    scaled = layers.Rescaling(1 / 8, name="scaled")(latent)
    both = layers.Concatenate(name="both")([scaled, mask])
    x = layers.Conv2D(width, 3, padding="same", activation="relu", name="stem")(both)
    for i in range(depth):
        x = _residual(x, width, f"block{i}")
    # A linear path straight from the latent carries the coarse picture; the rest learns what is left.
    coarse = DepthToSpace(8, name="coarse_up")(layers.Conv2D(192, 3, padding="same", name="coarse")(both))
    x = layers.Conv2D(128, 3, padding="same", activation="relu", name="up1")(x)
    x = DepthToSpace(2, name="up1_up")(x)
    x = _residual(x, 32, "fine")
    quiet = keras.initializers.VarianceScaling(0.1, "fan_in", seed=7)
    fine = DepthToSpace(4, name="fine_up")(
        layers.Conv2D(48, 3, padding="same", kernel_initializer=quiet, name="detail")(x)
    )
    return keras.Model([latent, mask], layers.Add(name="picture")([coarse, fine]), name="mcucoder_decoder")
