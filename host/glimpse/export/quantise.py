# SPDX-License-Identifier: Apache-2.0
"""Keras networks to TFLite: the encoder as int8 by post-training quantisation, the decoder with float16 weights.

Needs the `[train]` extra with TensorFlow as Keras's backend (KERAS_BACKEND=tensorflow).
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from glimpse.errors import GlimpseError

MOST_DRIFT = 0.02  # quantiser steps between Keras and the converted float network


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
        encoder: Keras model from photos (or patches of them) in 0..1 to the latent, or to latent and saliency.
        photos: representative uint8 [n, height, width, 3] in the encoder's size; a black-to-white ramp is added, so
            that the input range is exactly 0..1 whatever the photos are.

    Returns:
        The TFLite file; its first output is the latent.
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
        return _latent_first(converter.convert(), [int(o.shape[-1]) for o in encoder.outputs])


def _latent_first(file: bytes, channels: list[int]) -> bytes:
    """The file with its outputs in the order of the Keras model, which the converter does not keep."""
    import tflite

    graph = tflite.Model.GetRootAs(bytearray(file), 0).Subgraphs(0)
    found = [int(graph.Tensors(graph.Outputs(i)).Shape(3)) for i in range(graph.OutputsLength())]
    if found == channels:
        return file
    if sorted(found) != sorted(channels) or len(found) != 2:
        raise GlimpseError(f"the converted encoder has outputs of {found} channels instead of {channels}")
    out = bytearray(file)
    # Two numbers change places in the vector of output tensors: nothing in a flatbuffer moves for that.
    swapped = np.frombuffer(out, np.uint8)
    at = graph.OutputsAsNumpy().__array_interface__["data"][0] - np.frombuffer(graph._tab.Bytes, np.uint8).ctypes.data
    swapped[at : at + 8] = np.roll(swapped[at : at + 8], 4)
    return bytes(out)


def check_float(encoder: Any, photos: np.ndarray) -> float:
    """Converts the encoder without quantising and compares it with Keras.

    Args:
        encoder: Keras model.
        photos: uint8 [n, height, width, 3], a few.

    Returns:
        Largest difference of the latents in quantiser steps.

    Raises:
        GlimpseError: they differ by more than rounding: the conversion changed the network.
    """
    from ai_edge_litert.interpreter import Interpreter

    with _converter(encoder) as converter:
        interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    latent = next(o for o in interpreter.get_output_details() if o["shape"][-1] == encoder.outputs[0].shape[-1])
    worst = 0.0
    for photo in photos:
        values = photo[None].astype(np.float32) / 255
        interpreter.set_tensor(source, values)
        interpreter.invoke()
        wanted = encoder(values, training=False)
        wanted = np.asarray(wanted[0] if isinstance(wanted, (list, tuple)) else wanted)
        worst = max(worst, float(np.abs(interpreter.get_tensor(latent["index"]) - wanted).max()))
    if worst > MOST_DRIFT:
        raise GlimpseError(
            f"the converted encoder differs from Keras's by {worst:.3f} quantiser steps; check TensorFlow"
        )
    return worst


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
