# SPDX-License-Identifier: Apache-2.0
"""Starfish (SenSys 2020): 3x3 convolutions and 2x2 max-pooling on zero-padded patches, and the mirror image of that."""

from functools import partial

import keras
from keras import layers

from glimpse.training.definition import Definition
from glimpse.training.layers import conv, from_planes, planes, quiet, residual, to_planes

CHANNELS = (64, 64, 64, 8)  # the published network: 80,064 weights
REPAIR = 6  # residual blocks, 64 channels wide


def build_encoder(size: int = 112, channels: tuple[int, ...] = CHANNELS) -> keras.Model:
    """Encoder of one patch (section 4.1): no batch normalisation, no activation before the latent.

    Args:
        size: side of the patch in pixels, a multiple of 8.
        channels: of the four convolutions; the first three are each followed by 2x2 max-pooling.

    Returns:
        Model from [n, size, size, 3] in 0..1 to latents [n, size/8, size/8, channels[-1]] in quantiser steps.
    """
    inputs = keras.Input((size, size, 3), name="photo")
    x = to_planes(inputs)
    for i, width in enumerate(channels[:-1]):
        x = conv(width, 3, activation="relu", name=f"conv{i + 1}")(x)
        x = layers.MaxPooling2D(2, data_format=planes(), name=f"pool{i + 1}")(x)
    wide = keras.initializers.VarianceScaling(50.0, "fan_in", seed=3)
    x = conv(channels[-1], 3, kernel_initializer=wide, name=f"conv{len(channels)}", dtype="float32")(x)
    return keras.Model(inputs, from_planes(x), name="starfish_encoder")


def build_decoder(size: int = 28, channels: tuple[int, ...] = CHANNELS, repair: int = REPAIR) -> keras.Model:
    """The encoder mirrored: nearest up-sampling, 3x3 convolutions, sigmoid at the end.

    It decodes all patches of a photo together, so that their borders do not show, and is told what arrived. The
    published decoder looks no further than a few positions around a hole; residual blocks in front of it look over
    the whole neighbourhood and add to its first layer what was lost.

    Args:
        size: side of the latent.
        channels: of the encoder.
        repair: number of those blocks; 0: as published.

    Returns:
        Model from latent and mask [n, size, size, channels[-1]] to photos [n, 8*size, 8*size, 3] in 0..1.
    """
    latent = keras.Input((size, size, channels[-1]), name="latent")
    mask = keras.Input((size, size, channels[-1]), name="mask")
    scaled = layers.Rescaling(1 / 8, name="scaled")(latent)
    x = to_planes(layers.Concatenate(name="both")([scaled, mask]))
    repaired = None
    if repair:
        repaired = conv(64, 3, activation="relu", name="stem")(x)
        for i in range(repair):
            repaired = residual(repaired, 64, f"repair{i + 1}")
        repaired = conv(channels[-2], 3, kernel_initializer=quiet(7), name="repaired")(repaired)
    for i, width in enumerate(reversed(channels[:-1])):
        x = conv(width, 3, name=f"conv{i + 1}")(x)
        if repaired is not None:
            x, repaired = layers.Add(name="add")([x, repaired]), None
        x = layers.Activation("relu", name=f"relu{i + 1}")(x)
        x = layers.UpSampling2D(2, data_format=planes(), interpolation="nearest", name=f"up{i + 1}")(x)
    x = conv(3, 3, name=f"conv{len(channels)}")(x)
    picture = layers.Activation("sigmoid", name="picture", dtype="float32")(x)
    return keras.Model([latent, mask], from_planes(picture), name="starfish_decoder")


def definition(patches: int = 2, channels: tuple[int, ...] = CHANNELS, levels: int = 32) -> Definition:
    """A Starfish codec.

    Args:
        patches: per side: 1, 2 or 4, that is 1, 4 or 16 in all.
        channels: of the four convolutions.
        levels: bins of the quantiser between encoder and decoder, 2..256 (section 4.2 uses 72).
    """
    return Definition(
        name="starfish",
        id=4,
        channels=channels[-1],
        levels=levels,
        order="interleaved",
        build_encoder=partial(build_encoder, channels=channels),
        build_decoder=partial(build_decoder, channels=channels),
        patches=patches,
        coarse_encoder=True,
        tail_drop=False,
        rate_weight=0.3,
    )


STARFISH = definition()
