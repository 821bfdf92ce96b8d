# SPDX-License-Identifier: Apache-2.0
"""Model folders with random weights, as large as the published ones."""

import json
from pathlib import Path

from glimpse.export.tflite_reader import read_network
from glimpse.zoo import ZooModel

from support.random_networks import NONE, PUBLISHED_TRUNK, RELU, Plan, Step, build_tflite, starfish

TOML = """[model]
name = "{name}"
id = {id}
revision = 0
patches = {patches}

[codec]
bits = 8
"""
INTERLEAVED = 'order = "interleaved"\nstride = 1\n'
SALIENCY = """order = "saliency"

[saliency]
map = [8, 8]
bits = 5
gain = 0.2
block = 3
tolerance = 0.02
"""


def limitnet() -> Plan:
    """The published trunk with ReLU at its end, and LimitNet's side branch on the latent: 3x3 convolutions to 12, 16,
    16, 8, 4 and 1 channel."""
    *first, last = PUBLISHED_TRUNK.steps
    trunk = [*first, Step("conv", last.kernel, last.stride, True, 12, RELU, last.input)]
    for channels in (16, 16, 8, 4, 1):
        trunk.append(Step("conv", (3, 3), (1, 1), True, channels, RELU if channels > 1 else NONE, len(trunk) - 1))
    return Plan(PUBLISHED_TRUNK.photo, trunk, [2, 7])


def write_folder(
    folder: Path, plan: Plan, *, patches: int = 1, name: str = "random", seed: int = 1, by_saliency: bool = False
) -> ZooModel:
    """A model folder without a decoder. Its raw packets hold the int8 latent, value for value, row by row or, of a plan
    that has a side output, by saliency."""
    encoder = build_tflite(plan, seed)
    network = read_network(encoder)
    channels = network.layers[network.latent].out_shape[2]
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "encoder.tflite", encoder)
    toml = TOML.format(name=name, id=29, patches=patches) + (SALIENCY if by_saliency else INTERLEAVED)
    _write(folder / "model.toml", toml.encode())
    tables: dict[str, object] = {"minimum": [-32768] * channels, "step": [256] * channels}
    if by_saliency:
        tables["saliency"] = list(range(256))
    _write(folder / "tables.json", json.dumps(tables).encode())
    return ZooModel(folder)


def _write(file: Path, content: bytes) -> None:
    """Leaves an identical file alone, so that no image is built again for it."""
    if not file.is_file() or file.read_bytes() != content:
        file.write_bytes(content)


def starfish_folder(folder: Path) -> ZooModel:
    """The published Starfish encoder, 2 x 2 patches, 80,064 weights."""
    return write_folder(folder, starfish(2), patches=2, name="starfish")


def limitnet_folder(folder: Path) -> ZooModel:
    """The published LimitNet encoder with its side branch, which orders what is sent."""
    return write_folder(folder, limitnet(), name="limitnet", by_saliency=True)
