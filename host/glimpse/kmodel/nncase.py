# SPDX-License-Identifier: Apache-2.0
"""The other way to a kmodel: nncase 1.9 quantises and compiles the float network, and its version 5 becomes version 3.

nncase's last release for the K210 needs Python 3.8 to 3.10, so it runs in an environment of its own. The same network
compiled twice differs by some bytes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.export.tflite_reader import read_network
from glimpse.files import make_folder
from glimpse.kmodel.float_tflite import float_encoder
from glimpse.kmodel.layout import Dequantize, Kmodel, Output, Requantize, write
from glimpse.kmodel.repack import repack
from glimpse.kmodel.simulator import Simulator
from glimpse.progress import progress

PINS = ("nncase==1.9.0.20230322", "numpy==1.26.4")
PYTHONS = ("3.10", "3.9")
"""That numpy 1.26 and nncase 1.9 both run on, the preferred one first."""
_READY = "glimpse-ready"
_JOB = Path(__file__).with_name("nncase_job.py")
_SECONDS = 1800


@dataclass(frozen=True)
class Compiled:
    """A network that nncase compiled, as it runs on the KPU."""

    kmodel: Kmodel
    """Ends with the last convolution."""
    scale: float
    """Latent in real values = scale * byte + bias."""
    bias: float
    results: np.ndarray
    """float32 [n, channels, height, width]: what nncase's simulator gave for the pictures."""
    version5: bytes
    """The file as nncase wrote it."""


def environment_folder() -> Path:
    """Where the environment is or will be: in build/ of a checkout, else in the user's cache."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "platformio.ini").is_file():
        return checkout / "build" / "nncase-env"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "glimpse" / "nncase-env"


def interpreter() -> Path | None:
    """A Python that nncase runs on: on PATH, or one of pyenv's; None when there is none."""
    versions = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser() / "versions"
    for version in PYTHONS:
        named = shutil.which(f"python{version}")
        candidates = [Path(named)] if named else []
        candidates += sorted(versions.glob(f"{version}.*/bin/python"))
        for candidate in candidates:
            if _version(candidate) == version:
                return candidate
    return None


def _version(python: Path) -> str | None:
    """What it says of itself: the shims of pyenv are there for versions that are not."""
    try:
        said = subprocess.run([python, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"Python (\d+\.\d+)\.", said.stdout)
    return found[1] if found and said.returncode == 0 else None


def ready() -> Path | None:
    """The environment's interpreter if the environment is there; None if it would have to be made."""
    folder = environment_folder()
    python, mark = folder / "bin" / "python", folder / _READY
    return python if mark.is_file() and python.exists() and mark.read_text() == "\n".join(PINS) else None


def environment_python() -> Path:
    """The environment's interpreter, after making the environment if need be (some 150 MB from PyPI).

    Raises:
        GlimpseError: no Python 3.9 or 3.10 is there, or nncase cannot be installed.
    """
    there = ready()
    if there is not None:
        return there
    folder = environment_folder()
    python = folder / "bin" / "python"
    base = interpreter()
    if base is None:
        raise GlimpseError(
            "nncase runs on Python 3.9 and 3.10 only and neither is on PATH or under pyenv; install one (pyenv install "
            "3.10), or leave --nncase out: the direct writer needs none"
        )
    make_folder(folder.parent)
    with progress("installing nncase"):
        _ran([base, "-m", "venv", "--clear", folder], "an environment for nncase cannot be made")
        _ran([python, "-m", "pip", "install", "--quiet", *PINS], "nncase cannot be installed")
    (folder / _READY).write_text("\n".join(PINS))
    return python


def compile_network(network: bytes, calibration: np.ndarray, pictures: np.ndarray) -> Compiled:
    """Compiles a float .tflite encoder and takes the result apart.

    Args:
        network: float32, input [1, height, width, 3] from 0 to 1.
        calibration: uint8 [n, height, width, 3], what the ranges of the layers are measured on.
        pictures: uint8 [m, height, width, 3], what to run in nncase's simulator.

    Raises:
        GlimpseError: nncase cannot be run, does not put the whole network on the KPU, or its simulator gives other
            results than ours.
    """
    python = environment_python()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "network.tflite").write_bytes(network)
        np.save(folder / "calibration.npy", np.ascontiguousarray(calibration.transpose(0, 3, 1, 2)))
        np.save(folder / "pictures.npy", np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
        _ran([python, "-I", _JOB, folder], "nncase cannot compile the network", folder)  # it leaves notes where it runs
        version5 = (folder / "compiled.kmodel").read_bytes()
        kmodel = repack(version5)
        results = np.load(folder / "results.npy")
    simulator = Simulator(kmodel)
    own = np.array([simulator.run(np.ascontiguousarray(picture.transpose(2, 0, 1))) for picture in pictures])
    return Compiled(kmodel, *_quantiser(own, results), results, version5)


def _ran(words: list[str | Path], failure: str, folder: Path | None = None) -> None:
    try:
        done = subprocess.run(
            [str(word) for word in words], cwd=folder, capture_output=True, text=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GlimpseError(f"{failure} ({error}); see docs/kmodel.md") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise GlimpseError(f"{failure} ({lines[-1]}); see docs/kmodel.md")


def _quantiser(own: np.ndarray, results: np.ndarray) -> tuple[float, float]:
    """Scale and bias that take our simulator's bytes to nncase's real values, all of them."""
    low, high = int(own.argmin()), int(own.argmax())
    steps = int(own.flat[high]) - int(own.flat[low])
    scale = (float(results.flat[high]) - float(results.flat[low])) / max(1, steps)
    bias = float(results.flat[low]) - scale * int(own.flat[low])
    if own.shape != results.shape or not np.allclose(own * scale + bias, results, rtol=0, atol=0.01 * scale):
        raise GlimpseError(
            "nncase's simulator and ours give different results for the same network; this is a bug: please report it "
            "with the model, or leave --nncase out"
        )
    return scale, bias


def write_with_nncase(tflite: bytes, calibration: np.ndarray, dequantize: bool = False) -> bytes:
    """The kmodel of an int8 .tflite encoder by way of nncase; takes and gives what from_tflite.write's file does.

    nncase chooses the ranges of all layers anew, the output's too; a table at the end goes back to the encoder's own.

    Args:
        tflite: int8 .tflite file.
        calibration: uint8 [n, height, width, 3], photos or patches of them.
        dequantize: as from_tflite.write.

    Raises:
        GlimpseError: as compile_network; or a layer is none that is compiled.
    """
    network = read_network(tflite)
    compiled = compile_network(float_encoder(network), calibration, calibration[:4])
    wanted = network.layers[network.latent].out_quantisation
    real = np.arange(256) * compiled.scale + compiled.bias
    table = np.clip(np.rint(real / float(wanted.scale)) + wanted.zero + 128, 0, 255).astype(np.uint8).tobytes()
    size = compiled.kmodel.outputs[0].size
    room = compiled.kmodel.main_memory
    # The table works in place; the same bytes as floats need a place of their own.
    layers = [*compiled.kmodel.layers, Requantize(0, 0, size, table)]
    finished = replace(compiled.kmodel, layers=layers)
    if dequantize:
        layers.append(Dequantize(0, room, size, 1.0, 0.0))
        finished = replace(finished, outputs=[Output(room, 4 * size)], main_memory=room + 4 * size)
    return write(finished)
