# SPDX-License-Identifier: Apache-2.0
"""Keras networks to TFLite: the encoder as int8 by post-training quantisation, the decoder with float16 weights.

Needs the `[train]` extra with TensorFlow as Keras's backend (KERAS_BACKEND=tensorflow).
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def _converter(network: Any) -> Iterator[Any]:
    import tensorflow as tf

    # By way of a SavedModel, which freezes Keras 3's variables for the converter.
    with tempfile.TemporaryDirectory() as folder:
        inputs = [tf.TensorSpec((1, *i.shape[1:]), tf.float32, name=i.name) for i in network.inputs]
        network.export(folder, verbose=False, input_signature=[inputs] if len(inputs) > 1 else inputs)
        yield tf.lite.TFLiteConverter.from_saved_model(folder)


def int8_encoder(encoder: Any, photos: np.ndarray) -> bytes:
    """Post-training quantisation with per-channel weights; a pixel p enters as int8 p - 128.

    Args:
        encoder: Keras model from photos in 0..1.
        photos: representative uint8 [n, height, width, 3]; a black-to-white ramp is added, so that the input range is
            exactly 0..1 whatever the photos are.

    Returns:
        The TFLite file.
    """
    import tensorflow as tf

    ramp = np.tile(np.linspace(0, 1, photos.shape[2], dtype=np.float32)[None, :, None], (photos.shape[1], 1, 3))

    def samples() -> Any:
        yield [ramp[None]]
        for photo in photos:
            yield [photo[None].astype(np.float32) / 255]

    with _converter(encoder) as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return converter.convert()


def float16_decoder(decoder: Any) -> bytes:
    """The decoder with float16 weights, computed in float32 by the host.

    Returns:
        The TFLite file; inputs latent and mask [1, h, w, c] float32, output [1, height, width, 3] float32.
    """
    import tensorflow as tf

    with _converter(decoder) as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        return converter.convert()
