# SPDX-License-Identifier: Apache-2.0
"""What a detector still finds: mAP at an overlap of a half, against its own finds on the originals.

No labels are needed: what FastestDet (Ma 2022) sees with some certainty in the original pixels is taken for the truth,
so that the figure says what the codec costs and not how good the detector is.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from glimpse.errors import GlimpseError
from glimpse.files import read_bytes

CERTAIN = 0.5  # score from which a find on an original is the truth
FAINT = 0.05  # score below which a find is not even ranked
SAME_OBJECT = 0.5  # overlap (intersection over union) of a hit
SUPPRESS = 0.45  # overlap of two finds of one class that are one object
OBJECTNESS, CLASS = 0.6, 0.4  # exponents of the two factors of a score
MAX_FILE_BYTES = 1 << 28


@dataclass(frozen=True)
class Find:
    """One object: class number, score 0..1, box (left, top, right, bottom) in 0..1 of the picture."""

    label: int
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Judged:
    """One picture's finds against the truth of its original.

    Attributes:
        ranked: (class, score, hit) of every find.
        truth: class of every object of the original.
    """

    ranked: tuple[tuple[int, float, bool], ...]
    truth: tuple[int, ...]


class Detector:
    """FastestDet in ONNX: one grid of cells with an object's chance, box and class chances in each.

    Args:
        model: .onnx of one picture float32 [1, 3, height, width] (B, G, R in 0..1) to [1, 5 + classes, rows, columns].

    Raises:
        GlimpseError: onnxruntime missing, or not such a network.
    """

    def __init__(self, model: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise GlimpseError("detection needs the package onnxruntime; type: pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        data = read_bytes(model, "detector", MAX_FILE_BYTES)
        try:
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions have no common base
            raise GlimpseError(f"{model} is not an ONNX file that can be run; give FastestDet.onnx") from error
        source, result = self._session.get_inputs(), self._session.get_outputs()
        shapes = [each.shape for each in (*source, *result)]
        if len(shapes) != 2 or any(len(shape) != 4 for shape in shapes) or shapes[0][1] != 3 or shapes[1][1] < 6:
            raise GlimpseError(f"{model} has shapes {shapes}, not those of FastestDet; give FastestDet.onnx")
        self._input, self.size = source[0].name, (shapes[0][3], shapes[0][2])

    def find(self, picture: np.ndarray, least: float = FAINT) -> list[Find]:
        """Objects in a picture, the surest first.

        Args:
            picture: uint8 [height, width, 3].
            least: score from which a find counts.
        """
        scaled = Image.fromarray(picture).resize(self.size, Image.Resampling.BILINEAR)
        planes = np.moveaxis(np.asarray(scaled, np.float32)[..., ::-1] / 255, 2, 0)
        return finds_in(self._session.run(None, {self._input: planes[np.newaxis]})[0][0], least)

    def truth(self, original: np.ndarray) -> list[Find]:
        """What counts as being there."""
        return self.find(original, CERTAIN)


def finds_in(cells: np.ndarray, least: float) -> list[Find]:
    """Objects in the network's output, without doubles, the surest first.

    Args:
        cells: float [5 + classes, rows, columns]: chance of an object, offset of the box's centre from the cell's
            corner (tanh, in cells), its width and height (sigmoid, of the picture), chances of the classes.
        least: score from which a find counts.
    """
    labels = cells[5:].argmax(axis=0)
    scores = np.maximum(cells[0], 0) ** OBJECTNESS * np.maximum(cells[5:].max(axis=0), 0) ** CLASS
    rows, columns = np.nonzero(scores >= least)
    height, width = scores.shape
    found = []
    for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
        centre_x, centre_y = (x + np.tanh(cells[1, y, x])) / width, (y + np.tanh(cells[2, y, x])) / height
        half_x, half_y = (1 / (1 + np.exp(-cells[k, y, x])) / 2 for k in (3, 4))
        box = (centre_x - half_x, centre_y - half_y, centre_x + half_x, centre_y + half_y)
        found.append(Find(int(labels[y, x]), float(scores[y, x]), tuple(float(side) for side in box)))
    kept: list[Find] = []
    for find in sorted(found, key=lambda each: -each.score):
        if all(find.label != other.label or overlap(find.box, other.box) <= SUPPRESS for other in kept):
            kept.append(find)
    return kept


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes, 0..1."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def judge(finds: list[Find], truth: list[Find]) -> Judged:
    """Which finds are hits: the surest takes the true object of its class that it covers best, if still free."""
    free = list(truth)
    ranked = []
    for find in sorted(finds, key=lambda each: -each.score):
        same = [each for each in free if each.label == find.label]
        best = max(same, key=lambda each: overlap(find.box, each.box), default=None)
        hit = best is not None and overlap(find.box, best.box) >= SAME_OBJECT
        if hit:
            free.remove(best)
        ranked.append((find.label, find.score, hit))
    return Judged(tuple(ranked), tuple(each.label for each in truth))


def mean_average_precision(pictures: Iterable[Judged]) -> float | None:
    """mAP: area under precision over recall, averaged over the classes that are there.

    Precision at a recall is the best at that recall or a higher one (Everingham et al. 2010, section 4.2).

    Returns:
        0..1; None when no picture has an object.
    """
    ranked: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    count: dict[int, int] = defaultdict(int)
    for picture in pictures:
        for label in picture.truth:
            count[label] += 1
        for label, score, hit in picture.ranked:
            ranked[label].append((score, hit))
    if not count:
        return None
    return float(np.mean([_average_precision(ranked[label], total) for label, total in sorted(count.items())]))


def _average_precision(ranked: list[tuple[float, bool]], total: int) -> float:
    hits = np.array([hit for _, hit in sorted(ranked, key=lambda each: -each[0])], float)
    if not hits.size:
        return 0.0
    caught = np.cumsum(hits)
    precision = np.maximum.accumulate((caught / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float((precision * hits).sum() / total)
