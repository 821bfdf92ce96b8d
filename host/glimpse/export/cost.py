# SPDX-License-Identifier: Apache-2.0
"""What a network costs by its shapes alone: multiplications and weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from glimpse.export.folder import patches_from_folder, read_file
from glimpse.export.tflite_reader import Layer, Network, read_network


@dataclass(frozen=True)
class Cost:
    """Of one photo."""

    macs: int
    """Multiply-accumulate operations of all layers, for all patches; padding counts like pixels, pooling not at all."""
    weights: int
    """Without biases and scales."""


def network_cost(network: Network, patches: int = 1) -> Cost:
    """The cost of a network that runs on patches * patches parts of a photo (docs/model-blob.md)."""
    return Cost(patches * patches * sum(map(_layer_macs, network.layers)), sum(map(_layer_weights, network.layers)))


def cost_of(folder: Path | str) -> Cost:
    """The cost of a model folder's encoder.

    Raises GlimpseError when the folder cannot be read or nodes cannot run the network.
    """
    return network_cost(read_network(read_file(Path(folder) / "encoder.tflite")), patches_from_folder(folder))


def layer_macs(folder: Path | str) -> list[tuple[Layer, int]]:
    """The layers of a model folder's encoder in the order of its blob, each with its multiplications for one photo.

    Raises GlimpseError as cost_of does.
    """
    patches = patches_from_folder(folder)
    network = read_network(read_file(Path(folder) / "encoder.tflite"))
    return [(layer, patches * patches * _layer_macs(layer)) for layer in network.layers]


def _layer_weights(layer: Layer) -> int:
    return 0 if layer.weights is None else int(layer.weights.size)


def _layer_macs(layer: Layer) -> int:
    """Every weight meets every output position once."""
    return prod(layer.out_shape[:2]) * _layer_weights(layer)
