# SPDX-License-Identifier: Apache-2.0
"""The decoder network on the host: a latent and what of it arrived, to a picture."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from glimpse.errors import GlimpseError

# A decoder takes tens of milliseconds: more threads would wait for each other.
THREADS = 2
_INPUTS = ("latent", "mask")
_quiet_lock = threading.Lock()


class DecoderSource(Protocol):
    """What a PictureDecoder needs of a model (see glimpse.zoo.ZooModel)."""

    name: str
    decoder_tflite: bytes


class PictureDecoder:
    """A model's decoder.tflite, loaded once.

    Not for use by several threads at a time: the interpreter holds one set of tensors.
    """

    def __init__(self, model: DecoderSource) -> None:
        """Loads the network and checks everything that decode relies on.

        Raises:
            GlimpseError: LiteRT is missing, or the file is not a decoder of a latent and a mask.
        """
        self.name = model.name
        self._interpreter = _load(model.decoder_tflite, model.name)
        self._indices = _inputs_by_name(self._interpreter, model.name)
        details = {item["index"]: item for item in self._interpreter.get_input_details()}
        shapes = [tuple(int(side) for side in details[index]["shape"]) for index in self._indices]
        self._output = self._interpreter.get_output_details()[0]
        output_shape = tuple(int(side) for side in self._output["shape"])
        floats = all(details[index]["dtype"] == np.float32 for index in self._indices)
        sound = shapes[0] == shapes[1] and len(shapes[0]) == 4 and shapes[0][0] == 1
        if not (sound and floats and len(output_shape) == 4 and output_shape[::3] == (1, 3)):
            raise GlimpseError(
                f"the decoder of model {model.name} has inputs {shapes} and output {output_shape}, not a latent, its "
                "mask and one RGB picture; export the model again"
            )
        self.latent_shape: tuple[int, ...] = shapes[0][1:]
        self.picture_shape: tuple[int, ...] = output_shape[1:]

    def decode(self, latent: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The picture that a latent, or the part of it that arrived, stands for.

        Args:
            latent: float32 [height, width, channels] in quantiser steps, 0 where missing.
            mask: float32 of the same shape, 1 where received and 0 where missing.

        Returns:
            uint8 [picture height, picture width, 3].

        Raises:
            GlimpseError: an array of another shape.
        """
        for index, values in zip(self._indices, (latent, mask), strict=True):
            if values.shape != self.latent_shape:
                raise GlimpseError(f"model {self.name} takes latents of shape {self.latent_shape}, not {values.shape}")
            self._interpreter.set_tensor(index, np.ascontiguousarray(values, np.float32)[np.newaxis])
        self._interpreter.invoke()
        picture = self._interpreter.get_tensor(self._output["index"])[0]
        return np.rint(np.clip(np.nan_to_num(picture), 0, 1) * 255).astype(np.uint8)


def _load(blob: bytes, name: str) -> Any:
    try:
        with _quiet_native_stderr():
            from ai_edge_litert.interpreter import Interpreter

            interpreter = Interpreter(model_content=blob, num_threads=THREADS)
            interpreter.allocate_tensors()
            # The delegate prepares, and writes to the terminal, at the first run.
            interpreter.invoke()
    except ImportError as error:
        raise GlimpseError("LiteRT is not installed; type: pip install ai-edge-litert") from error
    except (ValueError, RuntimeError) as error:
        raise GlimpseError(f"the decoder of model {name} cannot be loaded ({error}); export the model again") from error
    return interpreter


def _inputs_by_name(interpreter: Any, name: str) -> tuple[int, int]:
    """Tensor indices of latent and mask, which only their names tell apart.

    The converter calls a tensor `serving_default_latent:0`; the signature keeps the Keras name itself.
    """
    details = interpreter.get_input_details()
    for key, signature in interpreter.get_signature_list().items():
        if set(signature["inputs"]) == set(_INPUTS):
            runner = interpreter.get_signature_runner(key).get_input_details()
            return runner["latent"]["index"], runner["mask"]["index"]
    found = [[item["index"] for item in details if wanted in item["name"].lower()] for wanted in _INPUTS]
    if len(details) != 2 or any(len(indices) != 1 for indices in found) or found[0] == found[1]:
        names = ", ".join(item["name"] for item in details)
        raise GlimpseError(
            f"the decoder of model {name} has inputs {names} where one must be named latent and one mask; "
            "export the model again"
        )
    return found[0][0], found[1][0]


@contextlib.contextmanager
def _quiet_native_stderr() -> Iterator[None]:
    """Hides what C++ code writes to standard error.

    LiteRT has no setting for its lines on delegates; they go to the descriptor past Python's sys.stderr.
    Python's own exceptions are not touched.
    """
    with _quiet_lock:
        try:
            sys.stderr.flush()
            kept = os.dup(2)
        except (OSError, ValueError, AttributeError):  # no standard error: nothing to hide
            yield
            return
        try:
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
