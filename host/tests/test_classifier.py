# SPDX-License-Identifier: Apache-2.0
"""The float copy of a quantised classifier agrees with the file that it was made from."""

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from glimpse.errors import GlimpseError
from glimpse.evaluation.classify import Classifier
from glimpse.training.classifier_file import read_classifier
from support.tiny_classifier import CLASSES, SIX, tiny_classifier

KINDS = ["conv", "depthwise", "conv", "conv", "depthwise", "conv", "add", "conv", "pool"]
SHAPES = [(20, 22), (21, 17), (32, 32)]


@pytest.fixture
def training():
    pytest.importorskip("keras", reason="needs Keras and a backend: pip install 'glimpse-lpwan[train]'")
    try:
        from glimpse.training import mobilenet
    except ImportError as error:
        pytest.skip(f"Keras finds no backend ({error}): pip install 'glimpse-lpwan[train]'")
    return mobilenet


def written(folder: Path, seed: int = 1, signed: bool = False, height: int = 20, width: int = 22) -> Path:
    path = folder / "tiny.tflite"
    path.write_bytes(tiny_classifier(seed, signed, height, width))
    return path


def photos(count: int, height: int = 20, width: int = 22) -> np.ndarray:
    """Random blocks, so that neighbouring pixels are alike."""
    small = np.random.default_rng(3).integers(0, 256, (count, -(-height // 4), -(-width // 4), 3), np.uint8)
    return small.repeat(4, axis=1).repeat(4, axis=2)[:, :height, :width]


def stored(path: Path, pictures: np.ndarray, tensor: int) -> np.ndarray:
    """A tensor's 8 bits for each photo, by the reference kernels."""
    reference = Interpreter(
        str(path),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
    )
    reference.allocate_tensors()
    photo = reference.get_input_details()[0]
    found = []
    for picture in pictures:
        values = picture if photo["dtype"] == np.uint8 else (picture.astype(int) - 128).astype(np.int8)
        reference.set_tensor(photo["index"], values[None])
        reference.invoke()
        found.append(reference.get_tensor(tensor)[0].astype(int))
    return np.stack(found)


@pytest.mark.parametrize("signed", [False, True])
def test_operations_are_read_in_order(tmp_path: Path, signed: bool):
    file = read_classifier(written(tmp_path, signed=signed))
    ending = ["reshape", "dense"] if signed else ["conv", "reshape"]
    assert [operation.kind for operation in file.operations] == KINDS + ending
    assert file.photo_shape == (20, 22, 3)
    assert file.classes == CLASSES
    # The photo's bytes 0 and 255, whatever the sign that the file gives them.
    assert file.photo_grid.scale * (0 - file.photo_grid.zero) == pytest.approx(-1)
    assert file.photo_grid.scale * (255 - file.photo_grid.zero) == pytest.approx(127 / 128)


def test_a_range_is_that_of_the_activation_and_of_the_bits(tmp_path: Path):
    six, _, linear, narrow = (operation.grid for operation in read_classifier(written(tmp_path)).operations[:4])
    assert (six.low, six.high) == (0, pytest.approx(255 * SIX))
    assert (linear.low, linear.high) == (pytest.approx(-131 * 0.04), pytest.approx(124 * 0.04))
    assert (narrow.low, narrow.high) == (0, pytest.approx(4))


def test_weights_are_those_that_were_quantised(tmp_path: Path):
    """Checked by computing one pixel of the first layer by hand, padding left out."""
    path = written(tmp_path, height=32, width=32)
    picture = photos(1, 32, 32)
    first = read_classifier(path).operations[0]
    window = picture[0, 10:13, 14:17] / 128 - 1  # even sides pad below and to the right only
    expected = np.clip(np.einsum("ijk,ijko->o", window, first.weights) + first.bias, 0, 6)
    assert np.abs(stored(path, picture, first.output)[0, 5, 7] * SIX - expected).max() <= 0.51 * SIX


def test_damaged_files_are_refused_in_one_sentence(tmp_path: Path):
    whole = tiny_classifier()
    path = tmp_path / "damaged.tflite"
    random = np.random.default_rng(5)
    refused = 0
    for trial in range(300):
        damaged = bytearray(whole[: int(random.integers(len(whole)))] if trial % 3 == 0 else whole)
        for _ in range(4):
            damaged[random.integers(len(damaged))] = random.integers(256)
        path.write_bytes(damaged)
        try:
            read_classifier(path)
        except GlimpseError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("data", [b"", b"not a network at all"])
def test_other_files_are_refused(tmp_path: Path, data: bytes):
    path = tmp_path / "other.tflite"
    path.write_bytes(data)
    with pytest.raises(GlimpseError, match=r"not a \.tflite file"):
        read_classifier(path)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_rounded_copy_gives_almost_the_files_bytes(training, tmp_path: Path, signed: bool, height: int, width: int):
    path = written(tmp_path, 2, signed, height, width)
    pictures = photos(8, height, width)
    file = read_classifier(path)
    model = training.load_classifier(path, rounding=True)
    grid = file.operations[-1].grid
    ours = np.asarray(model.predict_on_batch(pictures.astype("float32") / 255))
    bits = np.rint(ours / grid.scale).astype(int) + grid.zero
    reference = stored(path, pictures, file.logits)
    assert np.ptp(reference) > 100
    # The kernels requantise with integers, which turns a few values by one; later layers spread that.
    assert np.abs(bits - reference).max() <= 3
    assert np.abs(bits - reference).mean() < 0.6


@pytest.mark.parametrize("signed", [False, True])
def test_float_copy_follows_the_file(training, tmp_path: Path, signed: bool):
    path = written(tmp_path, 2, signed)
    pictures = photos(32)
    file = read_classifier(path)
    grid = file.operations[-1].grid
    ours = np.asarray(training.load_classifier(path).predict_on_batch(pictures.astype("float32") / 255))
    reference = (stored(path, pictures, file.logits) - grid.zero) * grid.scale
    assert np.corrcoef(ours.ravel(), reference.ravel())[0, 1] > 0.995
    # The file's own ties go to either class.
    assert np.all(reference.max(axis=1) - reference[np.arange(32), ours.argmax(axis=1)] <= 3 * grid.scale)


@pytest.mark.parametrize("rounding", [False, True])
def test_copy_is_frozen_but_lets_gradients_through(training, tmp_path: Path, rounding: bool):
    """A photo that is itself a weight learns to be another class, through rounding too."""
    model = training.load_classifier(written(tmp_path), rounding=rounding)
    assert model.trainable_variables == []
    import keras
    from keras import ops

    start = photos(1).astype("float32") / 255
    x = keras.Input((1,))
    canvas = keras.layers.Dense(start.size, use_bias=False, kernel_initializer=keras.initializers.Constant(0.0))
    shaped = keras.layers.Reshape(start.shape[1:])(canvas(x))
    picture = keras.layers.Lambda(
        lambda delta: ops.clip(ops.add(delta, start), 0.0, 1.0), output_shape=start.shape[1:]
    )(shaped)
    trained = keras.Model(x, model(picture))
    trained.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    trained.optimizer.learning_rate = 0.02
    ones, target = np.ones((1, 1), "float32"), np.array([CLASSES - 1])
    losses = [float(trained.train_on_batch(ones, target)) for _ in range(12)]
    assert len(trained.trainable_variables) == 1
    assert losses[-1] < 0.9 * losses[0]


def test_features_are_the_last_map_of_each_stride(training, tmp_path: Path):
    path = written(tmp_path, height=32, width=32)
    model = training.load_classifier(path, rounding=True)
    pictures = photos(2, 32, 32)
    taps = training.features(model, [8, 2, "add_6"], logits=True)
    maps = taps.predict_on_batch(pictures.astype("float32") / 255)
    same = model.predict_on_batch(pictures.astype("float32") / 255)
    np.testing.assert_allclose(np.asarray(maps.pop("logits")), np.asarray(same), atol=1e-5)
    assert {name: m.shape for name, m in maps.items()} == {
        "8": (2, 4, 4, 16),
        "2": (2, 16, 16, 8),
        "add_6": (2, 8, 8, 6),
    }
    operations = read_classifier(path).operations
    for name, index in (("8", 7), ("2", 0), ("add_6", 6)):
        found = np.asarray(maps[name])
        grid = operations[index].grid
        reference = (stored(path, pictures, operations[index].output) - grid.zero) * grid.scale
        assert np.abs(found - reference).mean() < 0.5 * grid.scale
        assert np.ptp(reference) > 100 * grid.scale


def test_the_evaluation_looks_at_the_maps_that_training_looks_at(training, tmp_path: Path):
    path, labels = written(tmp_path, height=32, width=32), tmp_path / "labels.txt"
    labels.write_text("\n".join(f"class{number}" for number in range(CLASSES)))
    picture = photos(1, 32, 32)[0]
    maps = Classifier(path, labels, ["class1"]).look(picture).maps
    taps = training.features(training.load_classifier(path, rounding=True), [2, 4, 8])
    found = taps.predict_on_batch(picture[None].astype("float32") / 255)
    assert [each.shape for each in maps] == [np.asarray(found[key]).shape[1:] for key in ("2", "4", "8")]
    for own, other in zip(maps, found.values(), strict=True):
        assert np.abs(own - np.asarray(other)[0]).mean() < 0.01 * np.ptp(own)


@pytest.mark.parametrize("depths", [[], [3], ["conv_99"]])
def test_unknown_depths_are_named(training, tmp_path: Path, depths: list[int | str]):
    with pytest.raises(GlimpseError, match=r"no (depth|map)"):
        training.features(training.load_classifier(written(tmp_path)), depths)


def test_photos_of_another_size_are_averaged_as_a_whole(training, tmp_path: Path):
    """Every place of a grey photo looks the same, away from the border, so its map is known for any size."""
    path = written(tmp_path, height=32, width=32)
    flat = np.full((1, 32, 32, 3), 0.5, "float32")
    small = training.features(training.load_classifier(path), [8]).predict_on_batch(flat)["8"]
    large_model = training.load_classifier(path, size=64)
    large = training.features(large_model, [8]).predict_on_batch(np.full((1, 64, 64, 3), 0.5, "float32"))["8"]
    assert np.asarray(large)[..., 3, 3, :] == pytest.approx(np.asarray(small)[..., 1, 1, :], abs=1e-4)
    assert large_model.output.shape == (None, CLASSES)


def test_photos_too_small_for_the_file_are_refused(training, tmp_path: Path):
    with pytest.raises(GlimpseError, match="at least"):
        training.load_classifier(written(tmp_path), size=0)
