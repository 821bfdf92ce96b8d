# SPDX-License-Identifier: Apache-2.0
"""What a classifier still recognises: first guesses on received pictures against the photos' class folders.

How far its inner maps have moved is a measure of its own, nearer to the eye than pixels are: the perceptual distance
(Johnson et al. 2016, section 3; Starfish, section 4.3).
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from glimpse.errors import GlimpseError
from glimpse.training.classifier_file import Grid, read_classifier
from glimpse.training.labelled_data import class_number, read_labels


@dataclass(frozen=True)
class Look:
    """What a classifier makes of one picture.

    Attributes:
        scores: logits as the file stores them, int [classes].
        maps: of each stride the last map, float32 [height, width, channels] in the network's own units.
    """

    scores: np.ndarray
    maps: tuple[np.ndarray, ...] = field(repr=False)


class Classifier:
    """A quantised TensorFlow Lite classifier, judged among all its labels and among the folder's classes alone.

    Args:
        model: .tflite of one photo uint8 [1, height, width, 3].
        labels: text file with one class a line.
        folders: names of the class folders, each named after a label or one of Imagenette's numbers.

    Raises:
        GlimpseError: unreadable files, a folder that names no class, or LiteRT missing.
    """

    def __init__(self, model: Path, labels: Path, folders: Iterable[str]) -> None:
        described = read_classifier(model)
        names = read_labels(labels, described.classes)
        self.numbers = {folder: class_number(folder, names) for folder in sorted(set(folders))}
        if not self.numbers:
            raise GlimpseError("accuracy needs photos in folders that are named after classes; see docs/evaluation.md")
        self.chosen = sorted(set(self.numbers.values()))
        self.size = described.photo_shape[1], described.photo_shape[0]
        self._logits = described.logits
        strides: dict[int, tuple[int, Grid]] = {}
        for each in described.operations:
            if len(each.out_shape) == 3 and each.out_shape[0] > 1:
                strides[round(self.size[1] / each.out_shape[0])] = each.output, each.grid
        self._maps = list(strides.values())
        self._interpreter = _interpreter(model)
        tensors = self._interpreter.get_tensor_details()
        # A difference of two scores times this is one of logits, the logarithm of the ratio of two probabilities.
        self.step = next(float(each["quantization"][0]) for each in tensors if each["index"] == self._logits)

    def scores(self, picture: np.ndarray) -> np.ndarray:
        """Logits as the file stores them, int [classes].

        Probabilities would do for one label, but most of them are rounded to zero, which says nothing among ten.

        Args:
            picture: uint8 [height, width, 3]; brought to the classifier's size where it has another.
        """
        self._run(picture)
        return self._interpreter.get_tensor(self._logits).ravel().astype(int)

    def look(self, picture: np.ndarray) -> Look:
        """Scores, and what the network saw on its way to them; training's perceptual loss has the same maps.

        Args:
            picture: as for scores.
        """
        scores = self.scores(picture)
        return Look(scores, tuple(self._real(index, grid) for index, grid in self._maps))

    def _real(self, index: int, grid: Grid) -> np.ndarray:
        """A tensor's values."""
        stored = self._interpreter.get_tensor(index)[0].astype(np.float32)
        return (stored - np.float32(grid.zero)) * np.float32(grid.scale)

    def _run(self, picture: np.ndarray) -> None:
        if picture.shape[1::-1] != self.size:
            picture = np.asarray(Image.fromarray(picture).resize(self.size, Image.Resampling.BICUBIC))
        source = self._interpreter.get_input_details()[0]
        if source["dtype"] == np.int8:
            picture = (picture.astype(np.int16) - 128).astype(np.int8)
        self._interpreter.set_tensor(source["index"], picture[np.newaxis])
        self._interpreter.invoke()

    def judge(self, picture: np.ndarray, folder: str) -> tuple[float, float]:
        """Whether the first guess is right, among all labels and among the folder's classes.

        Args:
            picture: as for scores.
            folder: class folder of its photo.

        Returns:
            1 or 0 each; 1 / n when n classes share the highest score and the right one is among them.
        """
        return self.right(self.scores(picture), folder)

    def right(self, scores: np.ndarray, folder: str) -> tuple[float, float]:
        """The same of scores that are known already."""
        right = self.numbers[folder]
        return credit(scores, right), credit(scores[self.chosen], self.chosen.index(right))


def credit(scores: np.ndarray, right: int) -> float:
    """1 when scores[right] alone is the highest, 1 / n when n are, 0 when it is not."""
    best = np.flatnonzero(scores == scores.max())
    return 1 / len(best) if right in best else 0.0


def perceptual_distance(original: Look, other: Look) -> float:
    """How far the maps are from the original's: mean squared difference, as a part of the original's mean square.

    Maps of every stride count alike, however large their values are.

    Returns:
        0 for equal pictures; more where less is left.
    """
    pairs = zip(original.maps, other.maps, strict=True)
    return float(np.mean([np.mean(np.square(a - b)) / (np.mean(np.square(a)) + 1e-6) for a, b in pairs]))


def _interpreter(model: Path) -> object:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise GlimpseError("LiteRT is not installed; type: pip install ai-edge-litert") from error
    with warnings.catch_warnings():
        # It warns that inner tensors cost memory: the logits are one.
        warnings.simplefilter("ignore")
        try:
            made = Interpreter(str(model), num_threads=1, experimental_preserve_all_tensors=True)
            made.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise GlimpseError(f"the classifier {model} cannot be loaded ({error})") from error
    return made
