# SPDX-License-Identifier: Apache-2.0
"""How well a model's saliency map marks what people marked: maximum F-measure and mean absolute error."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.photo import Fit, fit_photo, load_photo
from glimpse.training.saliency_data import Pair, find_pairs
from glimpse.zoo import ZooModel

# Achanta et al. 2009, section 4: precision counts more than recall.
BETA_SQUARED = 0.3
THRESHOLDS = 256


@dataclass(frozen=True)
class Score:
    """A map source over a set of pairs.

    Attributes:
        max_f: largest F-measure over all thresholds of the precision and recall averaged over photos, 0..1.
        mae: mean absolute difference of map and mask over pixels and photos, 0..1.
        threshold: of the map (0..1) at which F is largest.
        photos: how many.
    """

    max_f: float
    mae: float
    threshold: float
    photos: int

    def numbers(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        return {"max_f": self.max_f, "mae": self.mae, "threshold": self.threshold, "photos": self.photos}


def score(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Score:
    """Compares maps with masks.

    Args:
        pairs: (map float [height, width] in 0..1, mask bool [rows, columns]) each; a map is brought to its mask's
            size by bilinear interpolation.

    Raises:
        GlimpseError: no pair.
    """
    precisions, recalls, errors = [], [], []
    for values, mask in pairs:
        level = np.rint(_resized(values, mask.shape) * (THRESHOLDS - 1)).astype(int)
        # How many pixels reach each threshold: counted from the highest level down.
        inside, whole = (
            np.bincount(level[chosen], minlength=THRESHOLDS)[::-1].cumsum()[::-1]
            for chosen in (mask, np.ones_like(mask))
        )
        precisions.append(np.where(whole > 0, inside / np.maximum(whole, 1), 1.0))
        recalls.append(inside / max(int(mask.sum()), 1))
        errors.append(np.abs(level / (THRESHOLDS - 1) - mask).mean())
    if not errors:
        raise GlimpseError("there are no pairs of photo and mask to compare; check the manifest's split column")
    precision, recall = np.mean(precisions, axis=0), np.mean(recalls, axis=0)
    weighted = BETA_SQUARED * precision + recall
    f = (1 + BETA_SQUARED) * precision * recall / np.where(weighted > 0, weighted, 1)
    best = int(f.argmax())
    return Score(float(f[best]), float(np.mean(errors)), best / (THRESHOLDS - 1), len(errors))


def _resized(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    image = Image.fromarray(np.clip(values, 0, 1).astype(np.float32))
    return np.clip(np.asarray(image.resize(shape[::-1], Image.Resampling.BILINEAR)), 0, 1)


def maps_of(model: ZooModel, photo: np.ndarray) -> dict[str, np.ndarray]:
    """A model's saliency of a photo, 0..1, as the network gives it and as the node orders by it.

    Args:
        model: with a side branch.
        photo: uint8 [photo_height, photo_width, 3].

    Returns:
        "branch" [latent height, latent width]: sigmoid of the int8 side output; "map", where the model orders by
        it: the few-bit map.

    Raises:
        GlimpseError: no side branch.
    """
    loaded = model.binding
    _, side = loaded.encode_outputs(photo)
    rows, columns, _ = loaded.latent_shape
    if side.size != rows * columns:
        raise GlimpseError(f"model {model.name} has no saliency branch")
    scale, zero = _grid(model)
    branch = 1 / (1 + np.exp(-scale * (side.astype(np.float64) - zero)))
    maps = {"branch": branch.reshape(rows, columns)}
    if loaded.order_name == "saliency":  # another order makes no map of the branch
        levels = loaded.saliency_map(side).astype(np.float64)
        maps["map"] = levels / ((1 << loaded.map_bits) - 1)
    return maps


def _grid(model: ZooModel) -> tuple[float, int]:
    """(scale, zero point) of the encoder's one-channel output."""
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(str(model.folder / "encoder.tflite"))
    for output in network.get_output_details():
        if output["shape"][-1] == 1:
            return output["quantization"]
    raise GlimpseError(f"the encoder of model {model.name} has no output of one channel; export the model again")


def evaluate(model: str, folder: Path, split: str, fit: Fit) -> dict[str, Score]:
    """Scores of a model's maps on a folder of photos and masks.

    Args:
        model: name or folder of the zoo.
        folder: as training.saliency_data.find_pairs takes it.
        split: value of the manifest's column.
        fit: of photos and masks alike.

    Raises:
        GlimpseError: no such data, or a model without a saliency branch.
    """
    chosen = zoo.load(model)
    pairs = find_pairs(folder)
    if split not in pairs:
        raise GlimpseError(f"the manifest of {folder} has no split {split!r}; it has {', '.join(sorted(pairs))}")
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for pair in pairs[split]:
        photo, mask = _loaded(pair, chosen, fit)
        for name, values in maps_of(chosen, photo).items():
            found.setdefault(name, []).append((values, mask))
    return {name: score(each) for name, each in found.items()}


def _loaded(pair: Pair, model: ZooModel, fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    width, height = model.binding.photo_width, model.binding.photo_height
    photo, mask = (fit_photo(load_photo(path), width, height, fit) for path in (pair.photo, pair.mask))
    return photo, mask[..., 0] >= 128
