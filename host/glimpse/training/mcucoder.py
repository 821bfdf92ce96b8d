# SPDX-License-Identifier: Apache-2.0
"""MCUCoder (2024): the trunk without a last activation, channels in the order of their importance."""

import keras

from glimpse.training.definition import Definition
from glimpse.training.layers import from_planes, residual_decoder, to_planes, trunk


def build_encoder(size: int = 224) -> keras.Model:
    """The published encoder (Figure 2).

    Args:
        size: side of the square input in pixels, a multiple of 8.

    Returns:
        Model from photos [n, size, size, 3] in 0..1 to latents [n, size/8, size/8, 12], in units of one
        quantiser step (the symbols are the rounded latents).
    """
    inputs = keras.Input((size, size, 3), name="photo")
    return keras.Model(inputs, from_planes(trunk(to_planes(inputs), None)), name="mcucoder_encoder")


def build_decoder(size: int = 28) -> keras.Model:
    """A residual decoder of our own; `size` is the side of the latent."""
    return residual_decoder(size, 12, "mcucoder_decoder")


MCUCODER = Definition(
    name="mcucoder",
    id=1,
    channels=12,
    levels=32,
    order="channel",
    build_encoder=build_encoder,
    build_decoder=build_decoder,
)
# The same networks trained for squared error: another set of weights, another number in packets.
MCUCODER_MSE = Definition(
    name="mcucoder-mse",
    id=2,
    channels=12,
    levels=32,
    order="channel",
    build_encoder=build_encoder,
    build_decoder=build_decoder,
    distortion="mse",
    rate_weight=0.4,
)
