# SPDX-License-Identifier: Apache-2.0
"""Accuracy, detection and saliency on cases whose answers are known."""

from pathlib import Path

import numpy as np
import pytest
from glimpse.errors import GlimpseError
from glimpse.evaluation.classify import Classifier, Look, credit, perceptual_distance
from glimpse.evaluation.detect import Detector, Find, Judged, finds_in, judge, mean_average_precision, overlap
from glimpse.evaluation.saliency import maps_of, score
from glimpse.evaluation.view import Viewer
from glimpse.zoo import load
from support.tiny_classifier import CLASSES, tiny_classifier

LABELS = ["cat", "dog, hound", "sea lion", "ship", "tench", "tree", "zebra"]


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    return Classifier(*files(tmp_path), ["dog", "sea_lion", "n01440764"])


def test_the_perceptual_distance_grows_with_what_is_lost(classifier: Classifier):
    photo = np.random.default_rng(3).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    original = classifier.look(photo)
    assert original.maps and all(each.ndim == 3 and each.dtype == np.float32 for each in original.maps)
    np.testing.assert_array_equal(original.scores, classifier.scores(photo))
    away = [perceptual_distance(original, classifier.look(picture)) for picture in (photo, photo ^ 3, photo ^ 127)]
    assert away[0] == 0 < away[1] < away[2]
    assert Viewer(photo, "dog", classifier).see(photo ^ 3).perceptual == away[1]


def test_maps_of_every_stride_count_alike():
    """Each as a part of its own mean square: (1/4 + 1) / 2."""
    ones, tens = np.ones((2, 2, 1), np.float32), np.full((4, 4, 3), 10, np.float32)
    found = perceptual_distance(Look(np.zeros(1), (ones, tens)), Look(np.zeros(1), (ones / 2, 0 * tens)))
    assert found == pytest.approx(0.625, abs=1e-5)


def files(folder: Path) -> tuple[Path, Path]:
    model, labels = folder / "tiny.tflite", folder / "labels.txt"
    model.write_bytes(tiny_classifier())
    labels.write_text("\n".join(LABELS))
    return model, labels


def test_a_first_guess_is_judged_among_all_labels_and_among_the_folders(classifier: Classifier):
    """Every class is tried as the right one: exactly the class of the highest score is credited, in both leagues."""
    assert len(LABELS) == CLASSES
    picture = np.random.default_rng(1).integers(0, 256, (40, 56, 3)).astype(np.uint8)
    scores = classifier.scores(picture)
    assert scores.shape == (CLASSES,) and len(set(scores.tolist())) > 1
    numbers = {"dog": 1, "sea_lion": 2, "n01440764": 4}
    assert classifier.numbers == numbers
    for folder, number in numbers.items():
        top1, ten = classifier.judge(picture, folder)
        assert (top1 > 0) == (scores[number] == scores.max())
        assert (ten > 0) == (scores[number] == max(scores[other] for other in numbers.values()))


def test_a_tie_is_shared():
    assert credit(np.array([3, 1, 2]), 0) == 1 and credit(np.array([3, 1, 2]), 2) == 0
    assert credit(np.array([5, 5, 5, 1]), 1) == pytest.approx(1 / 3)


def test_folders_that_name_no_class_are_refused(tmp_path: Path):
    with pytest.raises(GlimpseError, match="'holidays' stands for no class"):
        Classifier(*files(tmp_path), ["dog", "holidays"])
    with pytest.raises(GlimpseError, match="folders that are named after classes"):
        Classifier(*files(tmp_path), [])


def test_equal_pictures_are_judged_once(classifier: Classifier, monkeypatch: pytest.MonkeyPatch):
    photo = np.random.default_rng(2).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    calls = []
    monkeypatch.setattr(classifier, "right", lambda scores, folder: calls.append(folder) or (1.0, 1.0))
    viewer = Viewer(photo, "dog", classifier)
    first, second, other = viewer.see(photo), viewer.see(photo.copy()), viewer.see(255 - photo)
    assert first == second and first.top1 == 1.0 and other != first and calls == ["dog", "dog"]


def cells(*objects: tuple[int, int, int, float]) -> np.ndarray:
    """A 4 x 4 grid of 2 classes with objects (class, row, column, chance), half the picture wide."""
    grid = np.zeros((7, 4, 4))
    for label, row, column, chance in objects:
        grid[0, row, column] = chance
        grid[5 + label, row, column] = 1.0
    return grid


def test_cells_become_boxes():
    find, *rest = finds_in(cells((1, 2, 1, 0.81)), 0.05)
    assert not rest and find.label == 1 and find.score == pytest.approx(0.81**0.6)
    assert find.box == pytest.approx((0.0, 0.25, 0.5, 0.75))


def test_doubles_are_suppressed_within_a_class():
    assert [find.label for find in finds_in(cells((0, 0, 0, 0.9), (0, 3, 3, 0.8)), 0.05)] == [0, 0]
    grid = cells((0, 1, 1, 0.9), (0, 1, 2, 0.8))
    grid[1, 1, 2] = -5  # a whole cell to the left: onto its neighbour
    assert [find.score for find in finds_in(grid, 0.05)] == [pytest.approx(0.9**0.6)]
    grid[5:, 1, 2] = grid[5:, 1, 2][::-1].copy()
    assert [find.label for find in finds_in(grid, 0.05)] == [0, 1]
    assert finds_in(grid, 0.99) == []


def test_overlap():
    assert overlap((0, 0, 1, 1), (0, 0, 1, 1)) == 1
    assert overlap((0, 0, 1, 1), (0.5, 0, 1.5, 1)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 1, 1), (1, 1, 2, 2)) == 0


def find(score: float, left: float = 0.0, label: int = 0) -> Find:
    return Find(label, score, (left, 0.0, left + 0.4, 0.4))


def test_each_true_object_is_hit_once_and_by_its_own_class():
    judged = judge([find(0.9), find(0.8, 0.02), find(0.7, label=1), find(0.6, 0.5)], [find(1.0), find(1.0, 0.5)])
    assert judged.truth == (0, 0)
    assert [hit for _, _, hit in judged.ranked] == [True, False, False, True]


def test_mean_average_precision_of_known_rankings():
    assert mean_average_precision([Judged(((0, 0.9, True),), (0,))]) == 1
    assert mean_average_precision([Judged((), (0,))]) == 0
    assert mean_average_precision([Judged(((0, 0.9, False),), ())]) is None
    # Hit, miss, hit of two: precision 1 at recall 1/2 and 2/3 at recall 1.
    ranked = ((0, 0.9, True), (0, 0.8, False), (0, 0.7, True))
    assert mean_average_precision([Judged(ranked, (0, 0))]) == pytest.approx((1 + 2 / 3) / 2)
    # A class that is never found counts as much as one that is.
    assert mean_average_precision([Judged(((0, 0.9, True),), (0, 1))]) == 0.5


def test_what_is_no_detector_is_one_sentence(tmp_path: Path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "no.onnx").write_bytes(b"hello")
    with pytest.raises(GlimpseError, match="is not an ONNX file that can be run"):
        Detector(tmp_path / "no.onnx")
    with pytest.raises(GlimpseError, match="no such file"):
        Detector(tmp_path / "none.onnx")


def mask() -> np.ndarray:
    inside = np.zeros((32, 32), bool)
    inside[8:24, 8:24] = True
    return inside


def test_a_map_that_is_the_mask_is_perfect_and_its_opposite_is_not():
    assert score([(mask().astype(float), mask())]).numbers() == {
        "max_f": pytest.approx(1.0),
        "mae": pytest.approx(0.0),
        "threshold": pytest.approx(1 / 255),
        "photos": 1,
    }
    opposite = score([(1 - mask().astype(float), mask())])
    assert opposite.mae == pytest.approx(1) and opposite.max_f < 0.4


def test_a_map_of_one_value_has_the_precision_of_chance():
    """Everything is marked: precision 1/4, recall 1, F = 1.3 * P / (0.3 * P + 1)."""
    found = score([(np.full((8, 8), 0.5), mask())])
    assert found.max_f == pytest.approx(1.3 * 0.25 / (0.3 * 0.25 + 1))
    assert found.mae == pytest.approx(0.5, abs=0.01)


def test_small_maps_are_spread_over_the_mask():
    small = mask()[4::8, 4::8].astype(float)
    found = score([(small, mask())])
    assert found.max_f > 0.75 and found.mae < 0.2


def test_no_pairs_and_models_without_saliency_are_one_sentence():
    with pytest.raises(GlimpseError, match="no pairs"):
        score([])
    with pytest.raises(GlimpseError, match="has no saliency branch"):
        maps_of(load(), np.zeros((224, 224, 3), np.uint8))
