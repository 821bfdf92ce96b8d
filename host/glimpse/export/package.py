# SPDX-License-Identifier: Apache-2.0
"""Writes a model folder from trained weights: `python -m glimpse.export.package --weights DIR --data DIR --out DIR`.

Two steps, because the decoder may be tuned in between on what the int8 encoder really sends:
`--step encoder` writes encoder.tflite, model.toml and tables.json, `--step decoder` writes decoder.tflite.
"""

import argparse
import json
import tomllib
from pathlib import Path

import numpy as np

from glimpse.binding import Model
from glimpse.export.blob import good_stride
from glimpse.export.folder import blob_from_folder
from glimpse.export.quantise import float16_decoder, int8_encoder
from glimpse.export.tables import lowest_levels, quantiser_steps, write_tables
from glimpse.files import write_whole
from glimpse.training import mcucoder
from glimpse.training.data import load_squares
from glimpse.training.split import split_files

PACKET_SYMBOLS = 72  # raw 5-bit symbols of a 51-byte packet: what one loss takes away
MODEL_TOML = """# Which network, which quantiser, which order. Written by glimpse.export.package.
[model]
name = "{name}"
id = {id}
revision = {revision}

[codec]
bits = {bits}
order = "channel"
stride = {stride}
offset = {offset}
"""


def latent_scale(tflite: bytes) -> tuple[float, int]:
    """Scale and zero point of the network's (first) output."""
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=tflite).get_output_details()[0]["quantization"]


def write_encoder(weights: Path, photos: np.ndarray, out: Path, revision: int) -> None:
    """encoder.tflite, model.toml and tables.json."""
    encoder = mcucoder.build_encoder()
    encoder.load_weights(weights / "encoder.weights.h5")
    tflite = int8_encoder(encoder, photos[:: max(1, len(photos) // 256)])
    write_whole(out / "encoder.tflite", tflite)
    rows, columns, channels = (int(n) for n in encoder.output_shape[1:])
    stride = good_stride(rows, columns, PACKET_SYMBOLS)
    write_whole(
        out / "model.toml",
        MODEL_TOML.format(
            name="mcucoder",
            id=1,
            revision=revision,
            bits=mcucoder.SYMBOL_BITS,
            stride=stride,
            offset=rows * columns * 5 // 13,
        ).encode(),
    )
    scale, zero = latent_scale(tflite)
    minimum, step = quantiser_steps(scale, zero, [-(1 << (mcucoder.SYMBOL_BITS - 1))] * channels)
    tables = {"minimum": minimum, "step": step, "cumulative": None}
    write_whole(out / "tables.json", json.dumps(tables).encode())
    model = Model(blob_from_folder(out))
    latents = np.stack([model.encode_latent(photo) for photo in photos])
    lowest = lowest_levels(latents, scale, zero, mcucoder.SYMBOL_BITS)
    tables["minimum"], tables["step"] = quantiser_steps(scale, zero, lowest)
    write_whole(out / "tables.json", json.dumps(tables).encode())
    write_tables(out, photos)
    print(f"lowest levels: {lowest}")


def write_decoder(weights: Path, out: Path) -> None:
    """decoder.tflite."""
    decoder = mcucoder.build_decoder()
    decoder.load_weights(weights / "decoder.weights.h5")
    write_whole(out / "decoder.tflite", float16_decoder(decoder))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument(
        "--data", type=Path, required=True, help="training photos; the validation split is not looked at"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--step", choices=("encoder", "decoder", "both"), default="both")
    parser.add_argument("--photos", type=int, default=1000)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.step != "decoder":
        training, _ = split_files(options.data)
        photos = load_squares(training[:: max(1, len(training) // options.photos)], mcucoder.INPUT_SHAPE[0])
        toml = options.out / "model.toml"
        revision = tomllib.loads(toml.read_text())["model"]["revision"] + 1 if toml.is_file() else 1
        write_encoder(options.weights, photos, options.out, revision)
    if options.step != "encoder":
        write_decoder(options.weights, options.out)


if __name__ == "__main__":
    main()
