# SPDX-License-Identifier: Apache-2.0
"""Writes a model folder from trained weights. Needs TensorFlow as Keras's backend.

Two parts, because the decoder may be tuned in between on what the int8 encoder really sends: the encoder's is
encoder.tflite, model.toml and tables.json, the decoder's decoder.tflite; both put their weights into checkpoint/.
"""

import json
import tomllib
from pathlib import Path

import numpy as np

from glimpse.binding import Model
from glimpse.export.blob import banded_stride, interleaving_stride
from glimpse.export.folder import blob_from_folder
from glimpse.export.quantise import check_float, float16_decoder, int8_encoder
from glimpse.export.tables import lowest_levels, quantiser_steps, write_tables
from glimpse.export.weights import compact
from glimpse.files import make_folder, write_whole
from glimpse.training.definition import PHOTO_SIDE, Definition
from glimpse.training.limitnet import GAIN
from glimpse.training.link import BLOCK, CELLS

REPRESENTATIVE = 256  # photos that calibrate the activations' ranges
TOLERANCE = 0.02  # saliency that a packet must win to start in the middle of symbols that wait


def patches_of(photos: np.ndarray, per_side: int) -> np.ndarray:
    """Photos [n, side, side, 3] cut into patches [n * per_side^2, side / per_side, side / per_side, 3]."""
    n, side = photos.shape[:2]
    own = side // per_side
    tiles = photos.reshape(n, per_side, own, per_side, own, 3)
    return tiles.transpose(0, 1, 3, 2, 4, 5).reshape(-1, own, own, 3)


def latent_scale(tflite: bytes, output: int = 0) -> tuple[float, int]:
    """Scale and zero point of one of the network's outputs."""
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=tflite).get_output_details()[output]["quantization"]


def model_toml(definition: Definition, revision: int) -> str:
    """model.toml of a codec."""
    side = PHOTO_SIDE // 8
    lines = [
        "# Which network, which quantiser, which order. Written by glimpse export.",
        "[model]",
        f'name = "{definition.name}"',
        f"id = {definition.id}",
        f"revision = {revision}",
        *([f"patches = {definition.patches}"] if definition.patches > 1 else []),
        "",
        "[codec]",
        f"bits = {definition.bits}",
        *([f"levels = {definition.levels}"] if definition.levels != 1 << definition.bits else []),
        f'order = "{definition.order}"',
    ]
    if definition.order == "saliency":
        lines += ["", "[saliency]", f"map = [{CELLS}, {CELLS}]", "bits = 5", f"gain = {GAIN}"]
        lines += [f"block = {BLOCK}", f"tolerance = {TOLERANCE}"]
    elif definition.order == "channel":
        # Against symbols spread as far as they go: 4 % fewer bytes at 222 and 8 % at 51. With 30 % of packets lost that
        # costs up to half a dB at 222, where a packet is most of a channel, and next to nothing at 51.
        lines += [f"stride = {banded_stride(side, side)}", f"offset = {side * side * 5 // 13}"]
    else:
        # Against symbols spread as far as they go: 8 % fewer bytes at 222 and 6 % at 51; the similarity falls by 0.003
        # more with 20 % of packets lost and by 0.02 more with 40 %.
        lines += [f"stride = {interleaving_stride(side, side, definition.channels)}", "offset = 0"]
    return "\n".join(lines) + "\n"


def saliency_curve(scale: float, zero: int) -> list[int]:
    """Saliency 0..255 for each int8 value -128..127 of the branch: the sigmoid that LimitNet ends it with."""
    logits = (np.arange(-128, 128) - zero) * scale
    return np.rint(255 / (1 + np.exp(-logits))).astype(int).tolist()


def write_encoder(definition: Definition, weights: Path, photos: np.ndarray, out: Path) -> dict:
    """encoder.tflite, model.toml, tables.json and the encoder's checkpoint.

    Args:
        definition: of the codec.
        weights: folder of a training.
        photos: training photos, uint8 [n, 224, 224, 3].
        out: model folder; its revision is counted up if there is one.

    Returns:
        float_drift (quantiser steps between Keras and TFLite, unquantised), frame_bytes {payload: mean bytes of a whole
        frame of these photos, headers included}.
    """
    make_folder(out)
    encoder = definition.build_encoder(PHOTO_SIDE // definition.patches)
    encoder.load_weights(weights / "encoder.weights.h5")
    drift = check_float(encoder, patches_of(photos[:4], definition.patches))
    chosen = photos[:: max(1, len(photos) // REPRESENTATIVE)]
    tflite = int8_encoder(encoder, patches_of(chosen, definition.patches)[:: definition.patches])
    toml = out / "model.toml"
    revision = (tomllib.loads(toml.read_text())["model"]["revision"] + 1) % 256 if toml.is_file() else 1
    write_whole(out / "encoder.tflite", tflite)
    write_whole(toml, model_toml(definition, revision).encode())
    scale, zero = latent_scale(tflite)
    channels = definition.channels
    minimum, step = quantiser_steps(scale, zero, [definition.first_level] * channels)
    tables: dict = {"minimum": minimum, "step": step, "cumulative": None}
    if definition.saliency:
        tables["saliency"] = saliency_curve(*latent_scale(tflite, 1))
    write_whole(out / "tables.json", json.dumps(tables).encode())
    model = Model(blob_from_folder(out))
    latents = np.stack([model.encode_latent(photo) for photo in photos])
    lowest = lowest_levels(latents, scale, zero, definition.levels)
    tables["minimum"], tables["step"] = quantiser_steps(scale, zero, lowest)
    write_whole(out / "tables.json", json.dumps(tables).encode())
    write_tables(out, photos, latents=latents)
    _checkpoint(weights, out, ("encoder", "rate_model"))
    return {"float_drift": round(drift, 6), "frame_bytes": frame_bytes(Model(blob_from_folder(out)), photos[:50])}


def frame_bytes(model: Model, photos: np.ndarray) -> dict[str, int]:
    """Mean bytes of whole frames, headers included, for packets of 51 and 222 bytes."""
    sizes: dict[str, list[int]] = {"51": [], "222": []}
    for photo in photos:
        latent, side = model.encode_outputs(photo)
        for payload, found in sizes.items():
            packets = model.pack(model.quantise(latent), payload=int(payload), saliency=side)
            found.append(sum(map(len, packets)))
    return {payload: round(float(np.mean(found))) for payload, found in sizes.items()}


def write_decoder(definition: Definition, weights: Path, out: Path) -> None:
    """decoder.tflite and the decoder's checkpoint."""
    decoder = definition.build_decoder(PHOTO_SIDE // 8)
    decoder.load_weights(weights / "decoder.weights.h5")
    write_whole(out / "decoder.tflite", float16_decoder(decoder))
    _checkpoint(weights, out, ("decoder",))


def _checkpoint(weights: Path, out: Path, networks: tuple[str, ...]) -> None:
    """The weights from which training goes on, as float16."""
    make_folder(out / "checkpoint")
    for name in networks:
        file = weights / f"{name}.weights.h5"
        if file.is_file():
            write_whole(out / "checkpoint" / file.name, compact(file))
