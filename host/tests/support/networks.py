# SPDX-License-Identifier: Apache-2.0
"""What tests of networks share: codecs for any latent, reference interpreters, compiling firmware/nn."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

import numpy as np
from glimpse.export.blob import CodecSpec, ContextSpec, SaliencySpec
from glimpse.export.tflite_reader import read_network

from support.random_codecs import random_contexts, random_table

ROOT = Path(__file__).resolve().parents[3]
CMSIS_NN = ROOT / ".deps" / "cmsis_nn"
HAS_TFLITE_MICRO = importlib.util.find_spec("tflite_micro") is not None


def codec_for(
    encoder: bytes, tables: bool = False, contexts: bool = False, saliency: tuple[int, int] | None = None
) -> CodecSpec:
    """A codec that fits the latent of an encoder, of one patch or of several; its quantiser is of no interest.

    Args:
        encoder: .tflite file.
        tables: for the range coder, flat ones.
        contexts: with tables of their own, of all shapes.
        saliency: cells of a map that orders the symbols; None: by channel.
    """
    network = read_network(encoder)
    channels = network.layers[network.latent].out_shape[2]
    spec = CodecSpec(
        model=3,
        revision=1,
        name="test",
        levels=64,
        order="channel",
        stride=1,
        offset=0,
        minimum=[-128 * 256] * channels,
        step=[4 * 256] * channels,
        cumulative=[[512 * i for i in range(65)]] * channels if tables else None,
    )
    random = Random(channels)
    if contexts:
        drawn = random_contexts(random, spec.levels, channels)
        count = sum(context.classes for context in drawn)
        spec = replace(
            spec,
            cumulative=[list(random_table(random, spec.levels)) for _ in range(count)],
            contexts=[ContextSpec(**asdict(context)) for context in drawn],
        )
    if saliency:
        curve = [min(255, i + i // 8) for i in range(256)]
        spec = replace(
            spec,
            order="saliency",
            stride=0,
            saliency=SaliencySpec(*saliency, bits=5, block=min(3, channels), gain=1587, tolerance=2000, curve=curve),
        )
    return spec


def _as_input(photo: np.ndarray) -> np.ndarray:
    return (photo.astype(np.int16) - 128).astype(np.int8)[None]


class LiteRt:
    """LiteRT's reference kernels; or its fast ones, which round a value in thousands otherwise."""

    def __init__(self, encoder: bytes, fast: bool = False) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if fast else OpResolverType.BUILTIN_REF
        self.interpreter = Interpreter(model_content=encoder, experimental_op_resolver_type=kernels)
        self.interpreter.allocate_tensors()

    def run(self, photo: np.ndarray) -> list[np.ndarray]:
        """int8 [height, width, channels] for each output."""
        self.interpreter.set_tensor(self.interpreter.get_input_details()[0]["index"], _as_input(photo))
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(output["index"])[0] for output in self.interpreter.get_output_details()]


class TfliteMicro:
    """The interpreter of TensorFlow Lite Micro, from its wheel."""

    def __init__(self, encoder: bytes) -> None:
        from tflite_micro.python.tflite_micro import runtime

        self.outputs = 1 if read_network(encoder).side is None else 2
        self.interpreter = runtime.Interpreter.from_bytes(encoder, arena_size=1 << 24)

    def run(self, photo: np.ndarray) -> list[np.ndarray]:
        """int8 [height, width, channels] for each output."""
        self.interpreter.set_input(_as_input(photo), 0)
        self.interpreter.invoke()
        return [np.array(self.interpreter.get_output(index)[0]) for index in range(self.outputs)]


def kernel_sources() -> list[Path]:
    """The CMSIS-NN files that firmware/nn links."""
    listed = (ROOT / "firmware" / "nn" / "cmsis_nn_sources.txt").read_text().splitlines()
    return [CMSIS_NN / line.strip() for line in listed if line.strip() and not line.startswith("#")]


def compile_flags() -> list[str]:
    """For our own sources together with CMSIS-NN's."""
    return ["-std=c11", "-Wall", "-Wextra", "-I", str(ROOT / "firmware"), "-isystem", str(CMSIS_NN / "Include")]
