# SPDX-License-Identifier: Apache-2.0
"""What tells one codec of the zoo from another, in training and export."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

PHOTO_SIDE = 224  # pixels; every published system encodes squares of this size
STRIDE = 8  # photo pixels for each latent position, in both directions


@dataclass(frozen=True)
class Definition:
    """A codec before it has weights.

    Attributes:
        name: of the model's folder.
        id: of the model in packets, 0..31.
        channels: of the latent.
        levels: of a symbol, 2..256.
        order: in which symbols leave.
        build_encoder: side of a patch in pixels -> Keras model to the latent (and the logits of the saliency).
        build_decoder: side of the latent -> Keras model from latent and mask to the picture.
        patches: the photo is encoded in patches x patches pieces.
        distortion: what training makes small unless asked otherwise.
        rate_weight: of one bit per pixel in the loss, beside 1 - MS-SSIM or 100 times the squared error.
        lowest: smallest level in steps; None: levels lie around zero.
        saliency: the encoder has a branch that says where the picture matters.
        coarse_encoder: its layers are wide enough to bear bfloat16 in training.
        tail_drop: training drops the last ranks of pictures, so that every prefix of the packets is a picture.
    """

    name: str
    id: int
    channels: int
    levels: int
    order: Literal["channel", "interleaved", "saliency"]
    build_encoder: Callable[[int], Any]
    build_decoder: Callable[[int], Any]
    patches: int = 1
    distortion: Literal["ms-ssim", "mse"] = "ms-ssim"
    rate_weight: float = 0.1
    lowest: int | None = None
    saliency: bool = False
    coarse_encoder: bool = False
    tail_drop: bool = True

    @property
    def first_level(self) -> int:
        """Smallest level in quantiser steps during training."""
        return -(self.levels // 2) if self.lowest is None else self.lowest

    @property
    def bits(self) -> int:
        """Bits of a symbol that is sent as it is."""
        return max(1, (self.levels - 1).bit_length())
