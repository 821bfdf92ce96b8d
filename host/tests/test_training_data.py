# SPDX-License-Identifier: Apache-2.0
"""Folders of photos with masks, with classes and with terms, as training reads them."""

from pathlib import Path

import numpy as np
import pytest
from glimpse.errors import GlimpseError
from glimpse.training.augment import KEPT_FOREGROUND, jitter, random_view
from glimpse.training.labelled_data import (
    IMAGENETTE,
    class_number,
    find_labelled,
    labelled_batches,
    load_labelled,
    read_labels,
)
from glimpse.training.saliency_data import find_pairs, load_pairs, mean_mask, saliency_batches
from PIL import Image

LABELS = ["background", "tench, Tinca tinca", "crane", "crane", "golf ball"]


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def object_on_black(seed: int, height: int = 56, width: int = 56) -> tuple[np.ndarray, np.ndarray]:
    """A white rectangle somewhere, so that the photo tells the mask."""
    random = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    top, left = random.integers(4, height - 24), random.integers(4, width - 24)
    mask[top : top + 16, left : left + 20] = 255
    return np.stack([mask] * 3, axis=2), mask


@pytest.fixture
def pairs_folder(tmp_path: Path) -> Path:
    lines = ["name,split,licence"]
    for i in range(4):
        photo, mask = object_on_black(i)
        save(tmp_path / f"pairs/img/p{i}.png", photo)
        save(tmp_path / f"pairs/mask/p{i}.png", mask)
        lines.append(f"p{i},{'val' if i == 3 else 'train'},CC0")
    (tmp_path / "pairs_manifest.csv").write_text("\n".join(lines))
    return tmp_path / "pairs"


def test_pairs_come_by_split(pairs_folder: Path):
    pairs = find_pairs(pairs_folder)
    assert {split: [pair.photo.stem for pair in some] for split, some in pairs.items()} == {
        "train": ["p0", "p1", "p2"],
        "val": ["p3"],
    }
    photos, masks = load_pairs(pairs["train"], 56)
    assert photos.shape == (3, 56, 56, 3)
    assert np.array_equal(photos[1], object_on_black(1)[0])
    assert np.array_equal(masks[2], object_on_black(2)[1])


def test_masks_are_cropped_like_their_photos(tmp_path: Path):
    photo, mask = object_on_black(7, 60, 90)
    save(tmp_path / "img/wide.png", photo)
    save(tmp_path / "mask/wide.png", mask)
    (tmp_path / "manifest.csv").write_text("file,split\nwide.png,train\n")
    photos, masks = load_pairs(find_pairs(tmp_path)["train"], 28)
    assert np.array_equal(photos[0, ..., 0], masks[0])


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("name,split\np9,train", "'p9', which is not in"),
        ("name\np0", "no column 'split'"),
        ("split\ntrain", "no column 'file'"),
        ("name,split\np0,train\np0,val", "'p0' twice"),
        ("name,split\n", "names no photo"),
        ('name,split\np0,"train', "not a manifest"),
    ],
)
def test_wrong_manifests_are_refused(pairs_folder: Path, manifest: str, sentence: str):
    path = pairs_folder / "manifest.csv"
    path.write_text(manifest)
    with pytest.raises(GlimpseError, match=sentence):
        find_pairs(pairs_folder)


def test_a_missing_manifest_and_odd_masks_are_refused(pairs_folder: Path):
    (pairs_folder.parent / "pairs_manifest.csv").rename(pairs_folder.parent / "elsewhere.csv")
    with pytest.raises(GlimpseError, match="has no manifest"):
        find_pairs(pairs_folder)
    pairs = find_pairs(pairs_folder, pairs_folder.parent / "elsewhere.csv")
    save(pairs_folder / "mask/p0.png", np.zeros((10, 30), np.uint8))
    with pytest.raises(GlimpseError, match="other proportions"):
        load_pairs(pairs["train"])


def test_a_mean_mask_holds_area():
    masks = np.random.default_rng(1).integers(0, 2, (3, 56, 56)).astype(np.float32)
    small = mean_mask(masks)
    assert small.shape == (3, 28, 28, 1)
    assert small[1, 5, 9, 0] == masks[1, 10:12, 18:20].mean()
    assert small.mean() == pytest.approx(masks.mean())
    with pytest.raises(GlimpseError, match="cannot be averaged"):
        mean_mask(masks[:, :50])


def test_batches_keep_photo_and_mask_together():
    drawn = [object_on_black(i) for i in range(5)]
    photos, masks = (np.stack(kind) for kind in zip(*drawn, strict=True))
    seen, marked, weights = next(saliency_batches(photos, masks, 16, seed=1))
    assert seen.shape == (16, 56, 56, 3) and seen.dtype == np.float32
    assert marked.shape == (16, 28, 28, 1) and np.all(weights == 1)
    assert seen.min() >= 0 and seen.max() <= 1 and marked.min() >= 0 and marked.max() <= 1
    for photo, mask in zip(seen, marked, strict=True):
        bright = photo.mean(axis=2) > (photo.min() + photo.max()) / 2
        assert np.abs(mean_mask(bright[None].astype(np.float32))[0] - mask).mean() < 0.02
    assert not np.array_equal(marked[0], marked[1])


def test_batches_repeat_with_their_seed():
    photos, masks = (np.stack(kind) for kind in zip(*[object_on_black(i) for i in range(3)], strict=True))
    first, again, other = (next(saliency_batches(photos, masks, 4, seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_plain_photos_have_no_weight():
    photo, mask = object_on_black(1)
    plain = [np.full((70, 80, 3), 128, np.uint8)]
    seen, marked, weights = next(saliency_batches(photo[None], mask[None], 64, 3, plain, plain_share=0.5))
    assert 16 < weights.sum() < 48
    for i in range(64):
        assert (seen[i].std(axis=(0, 1)).max() < 0.01) == (weights[i] == 0)
        assert (marked[i].max() == 0) == (weights[i] == 0)


def test_views_keep_the_object():
    mask = np.zeros((80, 80), np.uint8)
    mask[:12, :12] = 255
    photo = np.stack([mask] * 3, axis=2)
    rng = np.random.default_rng(2)
    for _ in range(100):
        _, seen = random_view(photo, mask, 80, rng)
        assert seen.mean() > 0.9 * KEPT_FOREGROUND * mask.mean() / 255


def test_jitter_changes_light_and_colour_within_bounds():
    random = np.random.default_rng(4)
    grey, photo = np.full((8, 8, 3), 0.5, np.float32), random.random((8, 8, 3), np.float32)
    changes = np.array([(jitter(grey, random) - grey).mean() for _ in range(400)])
    assert abs(changes.mean()) < 0.02 and np.abs(changes).max() < 0.2 and changes.std() > 0.02
    assert all(each.min() >= 0 and each.max() <= 1 for each in (jitter(photo, random) for _ in range(50)))


def test_labels_number_their_classes():
    assert class_number("n01440764", LABELS) == 1
    assert class_number("Tinca_Tinca", LABELS) == 1
    assert class_number("golf ball", LABELS) == 4
    with pytest.raises(GlimpseError, match="several classes"):
        class_number("crane", LABELS)
    with pytest.raises(GlimpseError, match="no class"):
        class_number("n03000684", LABELS)
    assert len(IMAGENETTE) == len(set(IMAGENETTE.values())) == 10


def test_a_missing_background_is_put_first(tmp_path: Path):
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS[1:]) + "\n")
    assert read_labels(path, 5) == LABELS
    assert read_labels(path) == read_labels(path, 4) == LABELS[1:]
    with pytest.raises(GlimpseError, match="names 4 classes; the classifier has 9"):
        read_labels(path, 9)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GlimpseError, match="not a text file"):
        read_labels(path)


def test_labelled_folders_give_photos_and_numbers(tmp_path: Path):
    for name, value in (("n01440764", 10), ("golf_ball", 200)):
        for i in range(2):
            save(tmp_path / name / f"{i}.png", np.full((30, 40, 3), value, np.uint8))
    files = find_labelled(tmp_path, LABELS)
    assert [(file.parent.name, number) for file, number in files] == 2 * [("golf_ball", 4)] + 2 * [("n01440764", 1)]
    photos, numbers = load_labelled(files, 32)
    assert photos.shape == (4, 32, 32, 3) and numbers.tolist() == [4, 4, 1, 1]
    seen, drawn = next(labelled_batches(photos, numbers, 20, 1))
    assert seen.shape == (20, 32, 32, 3) and set(drawn) == {1, 4}
    assert np.array_equal(seen.mean(axis=(1, 2, 3)) > 0.5, drawn == 4)


def test_folders_without_classes_are_refused(tmp_path: Path):
    with pytest.raises(GlimpseError, match="no photos in folders"):
        find_labelled(tmp_path, LABELS)
    (tmp_path / "unicorn").mkdir()
    with pytest.raises(GlimpseError, match="'unicorn' stands for no class"):
        find_labelled(tmp_path, LABELS)
