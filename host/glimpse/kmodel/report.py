# SPDX-License-Identifier: Apache-2.0
"""Compares both ways to a kmodel with TensorFlow Lite and each other: python -m glimpse.kmodel.report --data PHOTOS.

Writes MODEL/results/kmodel.json: photos, executions; direct {equal (share of latent values that are TensorFlow Lite's),
one_off (share), largest (difference), snr_db}; nncase (null where it cannot run) {calibrated_on, bit_exact (executions
in which our simulator gives nncase's bytes), snr_db (of its latent against the direct writer's, in real values), direct
and nncase {psnr_db, ms_ssim} of the decoded pictures, ms_ssim_difference {mean, largest}}.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from glimpse import zoo
from glimpse.decoder import PictureDecoder
from glimpse.errors import GlimpseError
from glimpse.export.tflite_reader import Quantisation, read_network
from glimpse.files import make_folder, write_whole
from glimpse.kmodel import from_tflite
from glimpse.kmodel.calibration import calibration_patches, patches_of
from glimpse.kmodel.float_tflite import float_encoder
from glimpse.kmodel.layout import parse
from glimpse.kmodel.nncase import compile_network, environment_python
from glimpse.kmodel.simulator import Simulator
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import compare
from glimpse.training.split import split_files


def joined(latents: np.ndarray, per_side: int) -> np.ndarray:
    """Latents of patches [n * per_side^2, channels, h, w] as those of photos [n, per_side h, per_side w, channels]."""
    _, channels, height, width = latents.shape
    tiles = latents.reshape(-1, per_side, per_side, channels, height, width).transpose(0, 1, 4, 2, 5, 3)
    return tiles.reshape(-1, per_side * height, per_side * width, channels)


def simulated(file: bytes, patches: np.ndarray) -> np.ndarray:
    """What a kmodel gives for patches uint8 [n, height, width, 3], as real numbers [n, channels, h, w]."""
    simulator = Simulator(parse(file))
    return np.array([simulator.run(np.ascontiguousarray(patch.transpose(2, 0, 1))) for patch in patches], np.float64)


def interpreted(tflite: bytes, patches: np.ndarray) -> np.ndarray:
    """The same by TensorFlow Lite's reference kernels: int8 + 128."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=tflite, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    results = []
    for patch in patches:
        values = (patch.astype(np.int16) - 128).astype(np.int8)[None]
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
        interpreter.invoke()
        results.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0].astype(np.float64))
    return np.array(results).transpose(0, 3, 1, 2) + 128


def snr_db(wanted: np.ndarray, found: np.ndarray) -> float:
    """Power of what is wanted over that of the difference."""
    noise = float(np.mean((wanted - found) ** 2))
    return float("inf") if noise == 0 else 10 * float(np.log10(np.mean(wanted**2) / noise))


def report(model: zoo.ZooModel, photos: np.ndarray, data: Path | None, with_nncase: bool) -> dict[str, Any]:
    """The numbers above.

    Args:
        model: whose latent is the whole network's output.
        photos: uint8 [n, side, side, 3].
        data: folder of photos to calibrate nncase on; None: the sample photos.
        with_nncase: whether nncase is run.
    """
    tflite = (model.folder / "encoder.tflite").read_bytes()
    network = read_network(tflite)
    real = network.layers[network.latent].out_quantisation
    patches = patches_of(photos, model.binding.patches)
    direct = simulated(from_tflite.write(tflite), patches)
    wanted = interpreted(tflite, patches)
    off = np.abs(direct - wanted)
    numbers: dict[str, Any] = {
        "photos": len(photos),
        "executions": len(patches),
        "direct": {
            "equal": round(float(np.mean(off == 0)), 5),
            "one_off": round(float(np.mean(off == 1)), 5),
            "largest": int(off.max()),
            "snr_db": round(snr_db(_real(wanted, real), _real(direct, real)), 2),
        },
        "nncase": None,
    }
    if with_nncase:
        calibration = calibration_patches(photos.shape[1], model.binding.patches, data)
        compiled = compile_network(float_encoder(network), calibration, patches)
        own = np.array([Simulator(compiled.kmodel).run(np.ascontiguousarray(p.transpose(2, 0, 1))) for p in patches])
        bytes_of_nncase = np.rint((compiled.results - compiled.bias) / compiled.scale)
        numbers["nncase"] = {
            "calibrated_on": len(calibration),
            "bit_exact": int(np.sum(np.all(own == bytes_of_nncase, axis=(1, 2, 3)))),
            "snr_db": round(snr_db(_real(direct, real), compiled.results), 2),
            **_pictures(model, photos, direct, np.clip(np.rint(_stored(compiled.results, real)), 0, 255)),
        }
    return numbers


def _real(stored: np.ndarray, quantisation: Quantisation) -> np.ndarray:
    return (stored - 128 - quantisation.zero) * float(quantisation.scale)


def _stored(real: np.ndarray, quantisation: Quantisation) -> np.ndarray:
    return real / float(quantisation.scale) + quantisation.zero + 128


def _pictures(model: zoo.ZooModel, photos: np.ndarray, direct: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    """Quality of the pictures that all symbols of both latents give."""
    decoder = PictureDecoder(model)
    found: dict[str, list[tuple[float, float]]] = {"direct": [], "nncase": []}
    for name, latents in (("direct", direct), ("nncase", other)):
        for photo, latent in zip(photos, joined(latents, model.binding.patches), strict=True):
            symbols = model.binding.quantise((latent - 128).astype(np.int8))
            values = model.binding.latent_values(symbols)
            quality = compare(photo, decoder.decode(values, np.ones_like(values)))
            found[name].append((quality.psnr_db, quality.ms_ssim))
    difference = np.array(found["nncase"])[:, 1] - np.array(found["direct"])[:, 1]
    means = {name: np.mean(values, axis=0) for name, values in found.items()}
    return {
        **{name: {"psnr_db": round(float(p), 3), "ms_ssim": round(float(m), 5)} for name, (p, m) in means.items()},
        "ms_ssim_difference": {
            "mean": round(float(difference.mean()), 5),
            "largest": round(float(np.abs(difference).max()), 5),
        },
    }


def main() -> None:
    """Measures one model and writes results/kmodel.json."""
    parser = argparse.ArgumentParser(prog="python -m glimpse.kmodel.report")
    parser.add_argument("--model", default="starfish", help="name of a model, or its folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of photos; those held out are measured on")
    parser.add_argument("--photos", type=int, default=50)
    arguments = parser.parse_args()
    model = zoo.load(arguments.model)
    try:
        _, held_out = split_files(arguments.data)
    except FileNotFoundError as error:
        parser.error(str(error))
    chosen = [held_out[i * len(held_out) // arguments.photos] for i in range(min(arguments.photos, len(held_out)))]
    side = model.binding.photo_width
    photos = np.array([fit_photo(load_photo(file), side, side) for file in chosen])
    try:
        environment_python()
    except GlimpseError as error:
        print(f"without nncase: {error}")
        numbers = report(model, photos, arguments.data, with_nncase=False)
    else:
        numbers = report(model, photos, arguments.data, with_nncase=True)
    text = json.dumps(numbers, indent=1) + "\n"
    make_folder(model.folder / "results")
    write_whole(model.folder / "results" / "kmodel.json", text.encode())
    print(text, end="")


if __name__ == "__main__":
    main()
