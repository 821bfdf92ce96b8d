# SPDX-License-Identifier: Apache-2.0
"""Photos with masks of what a person looks at, for LimitNet's saliency branch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.photo import fit_photo, load_photo
from glimpse.training.augment import random_view
from glimpse.training.manifest import find_manifest, read_manifest
from glimpse.training.split import SUFFIXES

PHOTO_SIZE = 224
MAP_SIZE = 28
"""Side of the saliency map that the branch gives: an eighth of the photo's (LimitNet, section 3)."""


@dataclass(frozen=True)
class Pair:
    """A photo and its mask."""

    photo: Path
    mask: Path


def find_pairs(folder: Path, manifest: Path | None = None) -> dict[str, list[Pair]]:
    """The pairs of a folder, by the split that its manifest puts them in.

    Args:
        folder: with img/NAME.* and mask/NAME.* (JPEG, PNG, WebP).
        manifest: a CSV file with the columns `name` (or `file`) and `split`; by default what find_manifest finds.

    Returns:
        For every value of `split` ("train", "val") its pairs, in the manifest's order.

    Raises:
        GlimpseError: no manifest, not a manifest, or a photo or mask that it names and that is not there.
    """
    path = manifest or find_manifest(folder)
    if path is None:
        raise GlimpseError(
            f"{folder} has no manifest; write {folder / 'manifest.csv'} with the columns name and split "
            "(train or val) for its photos in img/ and masks in mask/"
        )
    stated = read_manifest(path, "split")
    photos, masks = _by_name(folder / "img"), _by_name(folder / "mask")
    pairs: dict[str, list[Pair]] = {}
    for row in stated.rows:
        name = Path(row[stated.key]).stem if stated.key == "file" else row["name"]
        for files, kind in ((photos, "img"), (masks, "mask")):
            if name not in files:
                raise GlimpseError(f"{path} names '{name}', which is not in {folder / kind}; add it or drop the line")
        pairs.setdefault(row["split"], []).append(Pair(photos[name], masks[name]))
    if not pairs:
        raise GlimpseError(f"{path} names no photo; add a line for each")
    return pairs


def load_pairs(pairs: Sequence[Pair], size: int = PHOTO_SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Photos and masks, centre-cropped and scaled alike.

    Args:
        pairs: at least one.
        size: side in pixels.

    Returns:
        Photos uint8 [n, size, size, 3] and masks uint8 [n, size, size], 255 where salient.

    Raises:
        GlimpseError: no pairs, an unreadable picture, or a mask of other proportions than its photo.
    """
    if not pairs:
        raise GlimpseError("there are no pairs of photo and mask to load; check the manifest's split column")
    photos = np.empty((len(pairs), size, size, 3), np.uint8)
    masks = np.empty((len(pairs), size, size), np.uint8)
    for i, pair in enumerate(pairs):
        photo, mask = load_photo(pair.photo), load_photo(pair.mask)
        if photo.width * mask.height != photo.height * mask.width:
            raise GlimpseError(f"{pair.mask} has other proportions than its photo; make it as large as the photo")
        photos[i] = fit_photo(photo, size, size)
        masks[i] = fit_photo(mask, size, size)[..., 0]
    return photos, masks


def mean_mask(masks: np.ndarray, side: int = MAP_SIZE) -> np.ndarray:
    """Masks at the saliency map's size, every value the mean of the area that it stands for.

    Args:
        masks: [n, height, width] in 0..1.
        side: of the map; divides height and width.

    Returns:
        float32 [n, side, side, 1] in 0..1.

    Raises:
        GlimpseError: sides that are no multiples.
    """
    n, height, width = masks.shape
    if height % side or width % side:
        raise GlimpseError(f"a mask of {height} x {width} pixels cannot be averaged to {side} x {side} values")
    blocks = masks.reshape(n, side, height // side, side, width // side)
    return blocks.mean(axis=(2, 4), dtype=np.float32)[..., None]


def saliency_batches(
    photos: np.ndarray,
    masks: np.ndarray,
    batch: int,
    seed: int,
    plain: Sequence[np.ndarray] = (),
    plain_share: float = 0.0,
    side: int = MAP_SIZE,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless random batches: crops that keep the object, mirrored, with jittered colours.

    Args:
        photos: uint8 [n, size, size, 3].
        masks: uint8 [n, size, size], 255 where salient.
        batch: photos in a batch.
        seed: the same one gives the same batches.
        plain: photos without masks, uint8 [height, width, 3] each, to keep the reconstruction general.
        plain_share: of a batch's photos that come from `plain`, in the mean; 0..1.
        side: of the saliency map.

    Yields:
        Photos float32 [batch, size, size, 3] in 0..1; masks float32 [batch, side, side, 1] in 0..1; weights
        float32 [batch], 1 for a photo with a mask and 0 for a plain one, whose mask is zero and means nothing.
    """
    rng = np.random.default_rng(seed)
    size = photos.shape[1]
    while True:
        seen = np.empty((batch, size, size, 3), np.float32)
        marked = np.zeros((batch, size, size), np.float32)
        weights = np.ones(batch, np.float32)
        for i in range(batch):
            if len(plain) and rng.random() < plain_share:
                weights[i] = 0
                seen[i], _ = random_view(plain[rng.integers(len(plain))], None, size, rng)
            else:
                chosen = rng.integers(len(photos))
                seen[i], marked[i] = random_view(photos[chosen], masks[chosen], size, rng)
        yield seen, mean_mask(marked, side), weights


def _by_name(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise GlimpseError(f"{folder} is not a folder; pairs are photos in img/ and masks in mask/")
    return {file.stem: file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES}
