# SPDX-License-Identifier: Apache-2.0
"""The streaming executor gives the int8 values of TensorFlow Lite, all of them, on any network and any photo."""

from pathlib import Path

import numpy as np
import pytest
from glimpse.binding import Model
from glimpse.export.blob import build_blob
from support.networks import HAS_TFLITE_MICRO, LiteRt, TfliteMicro, codec_for
from support.photos import test_photos
from support.random_networks import PUBLISHED_TRUNK, Plan, Step, build_tflite, random_plan

MODELS = Path(__file__).resolve().parents[2] / "models"
ENCODERS = sorted(MODELS.glob("*/encoder.tflite"))
ORACLES = [
    LiteRt,
    pytest.param(
        TfliteMicro,
        marks=pytest.mark.skipif(
            not HAS_TFLITE_MICRO, reason="tflite-micro is not installed: pip install --pre tflite-micro"
        ),
    ),
]


def _node(encoder: bytes) -> Model:
    return Model(build_blob(encoder, codec_for(encoder)))


def _same(node: Model, oracle: LiteRt | TfliteMicro, photo: np.ndarray) -> bool:
    latent, side = node.encode_outputs(photo)
    expected = oracle.run(photo)
    return np.array_equal(latent, expected[0]) and (
        side.size == 0 if len(expected) == 1 else np.array_equal(side, expected[1].ravel())
    )


def _photos(plan: Plan, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = (*plan.photo, 3)
    noise = [rng.integers(0, 256, shape).astype(np.uint8) for _ in range(2)]
    return [*noise, np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)]


@pytest.mark.parametrize("oracle", ORACLES)
def test_random_networks(oracle: type[LiteRt] | type[TfliteMicro]) -> None:
    for seed in range(60):
        plan = random_plan(np.random.default_rng(seed))
        encoder = build_tflite(plan, seed)
        node, reference = _node(encoder), oracle(encoder)
        for photo in _photos(plan, seed):
            assert _same(node, reference, photo), f"network {seed}: {plan}"


@pytest.mark.parametrize("oracle", ORACLES)
def test_published_trunk_with_random_weights(oracle: type[LiteRt] | type[TfliteMicro]) -> None:
    encoder = build_tflite(PUBLISHED_TRUNK, 1)
    node, reference = _node(encoder), oracle(encoder)
    for index, photo in enumerate(test_photos(224, 224, 30)):
        assert _same(node, reference, photo), f"photo {index}"


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("path", ENCODERS, ids=[path.parent.name for path in ENCODERS])
def test_encoders_of_the_zoo(path: Path, oracle: type[LiteRt] | type[TfliteMicro]) -> None:
    encoder = path.read_bytes()
    node, reference = _node(encoder), oracle(encoder)
    for index, photo in enumerate(test_photos(node.photo_height, node.photo_width, 100)):
        assert _same(node, reference, photo), f"photo {index}"


RELU = 1
CORNERS = {
    "one value": Plan((1, 1), [Step("conv", (1, 1), (1, 1), True, 1, 0, -1)], [0]),
    "kernel larger than the photo": Plan((3, 2), [Step("conv", (7, 7), (4, 4), True, 3, 0, -1)], [0]),
    "strides beyond the kernel": Plan(
        (23, 29),
        [Step("conv", (2, 1), (5, 4), False, 5, RELU, -1), Step("max_pool", (1, 1), (2, 3), True, 5, 0, 0)],
        [1],
    ),
    "one row": Plan((1, 31), [Step("depthwise", (3, 5), (1, 2), True, 6, 0, -1)], [0]),
    "one column": Plan((31, 1), [Step("max_pool", (5, 3), (2, 1), True, 3, 0, -1)], [0]),
    "side branch reads the latent": Plan(
        (24, 24),
        [
            Step("conv", (3, 3), (2, 2), True, 8, 0, -1),
            Step("conv", (3, 3), (1, 1), True, 4, RELU, 0),
            Step("conv", (1, 1), (1, 1), True, 1, 0, 1),
        ],
        [0, 2],
    ),
    "two layers read the photo": Plan(
        (16, 20),
        [Step("conv", (5, 5), (2, 2), True, 4, 0, -1), Step("max_pool", (2, 2), (2, 2), True, 3, 0, -1)],
        [0, 1],
    ),
    "sixteen layers": Plan((40, 40), [Step("conv", (3, 3), (1, 1), True, 4, RELU, i - 1) for i in range(16)], [15]),
}


@pytest.mark.parametrize("plan", CORNERS.values(), ids=CORNERS.keys())
def test_corners(plan: Plan) -> None:
    encoder = build_tflite(plan, 5)
    node, reference = _node(encoder), LiteRt(encoder)
    for photo in _photos(plan, 5):
        assert _same(node, reference, photo)


def test_buffers_of_the_published_trunk_stay_small() -> None:
    """Row windows and staging; README and the boards' memory budgets rely on it."""
    assert _node(build_tflite(PUBLISHED_TRUNK, 1)).buffer_bytes <= 17_500
