# SPDX-License-Identifier: Apache-2.0
"""Models for tests that send them: of a few hundred bytes, for photos of 8 x 8 pixels."""

from dataclasses import replace

from glimpse.export.blob import build_blob

from support.networks import codec_for
from support.random_networks import Plan, Step, build_tflite


def tiny_model(revision: int) -> bytes:
    """A blob, another one for each revision."""
    encoder = build_tflite(Plan((8, 8), [Step("conv", (3, 3), (2, 2), outputs=3)], [0]), revision)
    return build_blob(encoder, replace(codec_for(encoder), revision=revision))
