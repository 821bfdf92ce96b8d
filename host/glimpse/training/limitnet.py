# SPDX-License-Identifier: Apache-2.0
"""LimitNet (MobiSys 2024): the trunk with ReLU at its end and a branch that says where the picture matters."""

import keras

from glimpse.training.definition import Definition
from glimpse.training.layers import conv, from_planes, residual_decoder, to_planes, trunk

GAIN = 0.2  # of a channel's rank in the score of a symbol (section 3.4)


def build_encoder(size: int = 224) -> keras.Model:
    """Trunk and saliency branch (section 3.2 and 3.3).

    Args:
        size: side of the square input in pixels, a multiple of 8.

    Returns:
        Model from photos [n, size, size, 3] in 0..1 to the latent [n, size/8, size/8, 12], at least 0 and in quantiser
        steps, and the logits of the saliency [n, size/8, size/8, 1]; the sigmoid that belongs to them is a table on
        the node.
    """
    inputs = keras.Input((size, size, 3), name="photo")
    latent = trunk(to_planes(inputs), "relu")
    x = latent
    for i, channels in enumerate((16, 16, 8, 4)):
        x = conv(channels, 3, activation="relu", name=f"saliency{i + 1}")(x)
    logits = conv(1, 3, name="saliency5")(x)
    return keras.Model(inputs, [from_planes(latent), from_planes(logits)], name="limitnet_encoder")


def build_decoder(size: int = 28) -> keras.Model:
    """A residual decoder of our own; `size` is the side of the latent."""
    return residual_decoder(size, 12, "limitnet_decoder")


LIMITNET = Definition(
    name="limitnet",
    id=3,
    channels=12,
    levels=64,
    order="saliency",
    build_encoder=build_encoder,
    build_decoder=build_decoder,
    distortion="mse",
    rate_weight=0.4,
    lowest=0,
    saliency=True,
)
