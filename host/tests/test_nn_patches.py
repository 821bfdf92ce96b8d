# SPDX-License-Identifier: Apache-2.0
"""Photos cut into patches: the executor, which never holds a photo, gives what TensorFlow Lite gives for each patch by
itself, put together in place."""

from pathlib import Path

import numpy as np
import pytest
from glimpse.binding import Model
from glimpse.errors import GlimpseError
from glimpse.export.blob import PATCHES, build_blob
from support.networks import LiteRt, codec_for
from support.photos import test_photos
from support.random_networks import Plan, Step, build_tflite, random_plan, starfish

SEEDS = 20
RELU = 1


def _node(encoder: bytes, patches: int) -> Model:
    return Model(build_blob(encoder, codec_for(encoder), patches))


def _by_patches(oracle: LiteRt, photo: np.ndarray, patches: int) -> list[np.ndarray]:
    """Outputs of the network for each patch of a photo [height, width, 3], in the places of their patches."""
    rows = [np.split(row, patches, axis=1) for row in np.split(photo, patches, axis=0)]
    outputs = [[oracle.run(patch) for patch in row] for row in rows]
    count = len(outputs[0][0])
    return [np.block([[[each[index]] for each in row] for row in outputs]) for index in range(count)]


def _check(node: Model, oracle: LiteRt, photo: np.ndarray, patches: int) -> None:
    expected = _by_patches(oracle, photo, patches)
    latent, side = node.encode_outputs(photo)
    np.testing.assert_array_equal(latent, expected[0])
    assert side.size == sum(each.size for each in expected[1:])
    np.testing.assert_array_equal(side, expected[1].ravel() if len(expected) == 2 else [])


@pytest.mark.parametrize("patches", PATCHES)
def test_random_networks(patches: int) -> None:
    sides = 0
    for seed in range(SEEDS):
        plan = random_plan(np.random.default_rng(seed), largest=20, most_channels=8)
        encoder = build_tflite(plan, seed)
        node, oracle = _node(encoder, patches), LiteRt(encoder)
        assert (node.photo_height, node.photo_width) == (patches * plan.photo[0], patches * plan.photo[1])
        sides += node.side_bytes > 0
        rng = np.random.default_rng(seed)
        for _ in range(2):  # the second photo must not see what the first left in the windows
            shape = (node.photo_height, node.photo_width, 3)
            _check(node, oracle, rng.integers(0, 256, shape).astype(np.uint8), patches)
    assert sides > 2


@pytest.mark.parametrize("patches", PATCHES)
def test_narrow_starfish(patches: int) -> None:
    encoder = build_tflite(starfish(patches, channels=12), 2)
    node, oracle = _node(encoder, patches), LiteRt(encoder)
    assert (node.photo_height, node.photo_width, node.latent_shape) == (224, 224, (28, 28, 8))
    for photo in test_photos(224, 224, 25)[-3:]:
        _check(node, oracle, photo, patches)


def test_published_starfish() -> None:
    encoder = build_tflite(starfish(2), 3)
    node = _node(encoder, 2)
    _check(node, LiteRt(encoder), test_photos(224, 224, 25)[-1], 2)
    assert node.buffer_bytes <= 76_000  # of one patch the largest tensor alone has 802,816


def test_patches_do_not_see_each_other() -> None:
    """What tells patches from one network over the whole photo."""
    encoder = build_tflite(starfish(2, channels=12), 2)
    node = _node(encoder, 2)
    photo = test_photos(224, 224, 25)[-1].copy()
    before = node.encode_latent(photo)
    photo[:112, :112] = 255 - photo[:112, :112]
    after = node.encode_latent(photo)
    assert (before[:14, :14] != after[:14, :14]).any()
    np.testing.assert_array_equal(before[14:], after[14:])
    np.testing.assert_array_equal(before[:14, 14:], after[:14, 14:])


def test_a_folder_says_how_many(tmp_path: Path) -> None:
    from glimpse.export.folder import blob_from_folder

    plan = Plan((8, 8), [Step("conv", (3, 3), (2, 2), True, 2, RELU, -1)], [0])
    (tmp_path / "encoder.tflite").write_bytes(build_tflite(plan, 1))
    (tmp_path / "tables.json").write_text('{"minimum": [0, 0], "step": [256, 256]}')
    toml = '[model]\nname = "four"\nid = 4\nrevision = 0\n{}\n[codec]\nbits = 5\norder = "channel"\nstride = 7\n'
    (tmp_path / "model.toml").write_text(toml.format("patches = 2"))
    model = Model(blob_from_folder(tmp_path))
    assert (model.patches, model.photo_height, model.latent_shape) == (2, 16, (8, 8, 2))
    (tmp_path / "model.toml").write_text(toml.format(""))
    model = Model(blob_from_folder(tmp_path))
    assert (model.patches, model.photo_height, model.latent_shape) == (1, 8, (4, 4, 2))
    (tmp_path / "model.toml").write_text(toml.format("patches = 3"))
    with pytest.raises(GlimpseError, match="3 patches"):
        blob_from_folder(tmp_path)


def test_a_latent_larger_than_packets_can_address_is_refused() -> None:
    plan = Plan((40, 40), [Step("conv", (1, 1), (1, 1), True, 8, 0, -1)], [0])
    encoder = build_tflite(plan, 1)
    assert _node(encoder, 1).symbol_count == 12800
    with pytest.raises(GlimpseError, match="more than packets can address"):
        _node(encoder, 2)
