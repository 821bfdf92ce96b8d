# SPDX-License-Identifier: Apache-2.0
"""What a classifier still recognises: first guesses on received pictures against the photos' class folders."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from glimpse.errors import GlimpseError
from glimpse.training.classifier_file import read_classifier
from glimpse.training.labelled_data import class_number, read_labels


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
        if picture.shape[1::-1] != self.size:
            picture = np.asarray(Image.fromarray(picture).resize(self.size, Image.Resampling.BICUBIC))
        source = self._interpreter.get_input_details()[0]
        if source["dtype"] == np.int8:
            picture = (picture.astype(np.int16) - 128).astype(np.int8)
        self._interpreter.set_tensor(source["index"], picture[np.newaxis])
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._logits).ravel().astype(int)

    def judge(self, picture: np.ndarray, folder: str) -> tuple[float, float]:
        """Whether the first guess is right, among all labels and among the folder's classes.

        Args:
            picture: as for scores.
            folder: class folder of its photo.

        Returns:
            1 or 0 each; 1 / n when n classes share the highest score and the right one is among them.
        """
        scores, right = self.scores(picture), self.numbers[folder]
        return credit(scores, right), credit(scores[self.chosen], self.chosen.index(right))


def credit(scores: np.ndarray, right: int) -> float:
    """1 when scores[right] alone is the highest, 1 / n when n are, 0 when it is not."""
    best = np.flatnonzero(scores == scores.max())
    return 1 / len(best) if right in best else 0.0


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
