# SPDX-License-Identifier: Apache-2.0
"""The networks as published, and the graph that trains them, on whatever backend of Keras there is."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from support.keras_backend import BACKEND

if BACKEND is None:
    pytest.skip("no backend of Keras is installed: pip install 'glimpse-lpwan[train]'", allow_module_level=True)
import keras
from glimpse.errors import GlimpseError, UsageError
from glimpse.quality import ms_ssim as measured_ms_ssim
from glimpse.training import limitnet, mcucoder, starfish
from glimpse.training import rescale as rescale_module
from glimpse.training.codec import Codec, Objective
from glimpse.training.data import random_crops
from glimpse.training.layers import DepthToSpace, residual_decoder
from glimpse.training.link import Link, ranks
from glimpse.training.losses import ms_ssim
from glimpse.training.rate import RateModel
from glimpse.training.registry import DEFINITIONS, definition
from glimpse.training.rescale import rescale, rescale_prices, steps_of
from glimpse.training.transplant import SHIFT, SIDE, transplant

RNG = np.random.default_rng(5)
SHAPES = [name for name in DEFINITIONS if name != "mcucoder-mse"]  # whose networks are mcucoder's
SMALL = 64  # pixels


def photos(count: int, side: int = SMALL) -> np.ndarray:
    """Smooth pictures in 0..1."""
    coarse = RNG.random((count, 4, 4, 3)).astype(np.float32)
    return np.repeat(np.repeat(coarse, side // 4, axis=1), side // 4, axis=2)


def test_the_trunk_has_the_published_weights() -> None:
    assert mcucoder.build_encoder(SMALL).count_params() == 10_524


def test_starfish_has_the_published_weights() -> None:
    convolutions = [w for w in starfish.build_encoder(SMALL).trainable_weights if len(w.shape) == 4]
    assert [tuple(w.shape) for w in convolutions] == [(3, 3, 3, 64), (3, 3, 64, 64), (3, 3, 64, 64), (3, 3, 64, 8)]
    assert sum(int(np.prod(w.shape)) for w in convolutions) == 80_064


def test_the_saliency_branch_is_as_published() -> None:
    encoder = limitnet.build_encoder(SMALL)
    branch = [encoder.get_layer(f"saliency{i}") for i in range(1, 6)]
    assert [layer.filters for layer in branch] == [16, 16, 8, 4, 1]
    assert {layer.kernel_size for layer in branch} == {(3, 3)}
    latent, logits = encoder(photos(2))
    assert tuple(latent.shape) == (2, 8, 8, 12) and tuple(logits.shape) == (2, 8, 8, 1)
    assert float(np.min(np.asarray(latent))) >= 0


@pytest.mark.parametrize("name", SHAPES)
def test_every_codec_makes_a_picture_of_any_part(name: str) -> None:
    d = DEFINITIONS[name]
    codec = Codec(
        d, SMALL, Objective(mse=1, rate=0.1), d.build_encoder(SMALL // d.patches), d.build_decoder(SMALL // 8)
    )
    x = photos(2)
    for training in (False, True):
        out = codec(x, training=training)
        assert tuple(out["picture"].shape) == (2, SMALL, SMALL, 3)
        assert np.isfinite(np.asarray(out["picture"])).all() and (np.asarray(out["bits"]) >= 0).all()
        assert np.isfinite(float(codec.compute_loss(x, x, out)))


def test_patches_are_encoded_each_by_itself() -> None:
    d = starfish.definition(patches=2)
    codec = Codec(d, SMALL, Objective(mse=1), d.build_encoder(SMALL // 2), d.build_decoder(SMALL // 8))
    x = photos(1)
    whole, _ = codec.encoded(x)
    alone = codec.encoder(x[:, SMALL // 2 :, : SMALL // 2])
    np.testing.assert_allclose(np.asarray(whole)[:, 4:, :4], np.asarray(alone), atol=1e-4)


def test_levels_are_whole_and_within_bounds() -> None:
    d = definition("starfish", levels=5)
    codec = Codec(d, SMALL, Objective(mse=1), d.build_encoder(SMALL // 2), d.build_decoder(SMALL // 8))
    levels = np.asarray(codec.quantised(np.linspace(-9, 9, 100, dtype=np.float32)))
    assert np.array_equal(levels, np.rint(levels)) and set(np.unique(levels)) == {-2, -1, 0, 1, 2}


def test_the_loss_is_the_measure_that_is_reported() -> None:
    a = photos(1, 192)
    b = np.clip(a + RNG.normal(0, 0.05, a.shape), 0, 1).astype(np.float32)
    eight = [np.rint(255 * p[0]).astype(np.uint8) for p in (a, b)]
    exact = [p[None].astype(np.float32) / 255 for p in eight]
    assert float(np.asarray(ms_ssim(*exact))[0]) == pytest.approx(measured_ms_ssim(*eight), abs=2e-4)
    assert float(np.asarray(ms_ssim(*exact, thin=True))[0]) == pytest.approx(measured_ms_ssim(*eight), abs=0.01)


def test_depth_to_space_puts_channels_where_tensorflow_does() -> None:
    x = np.arange(2 * 3 * 8, dtype=np.float32).reshape(1, 2, 3, 8)
    wanted = x.reshape(1, 2, 3, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(1, 4, 6, 2)
    np.testing.assert_array_equal(np.asarray(DepthToSpace(2)(x)), wanted)


@pytest.mark.parametrize("name", SHAPES)
def test_ranks_are_an_order_and_follow_the_codec(name: str) -> None:
    d = DEFINITIONS[name]
    order = ranks(d, 28)
    assert sorted(order.ravel()) == list(range(28 * 28 * d.channels))
    if d.order == "channel":
        assert [int(order[..., c].min()) // 784 for c in range(d.channels)] == list(range(d.channels))
    if d.order == "saliency":  # a cell's three channels leave together
        assert order[0:4, 0:4, 0:3].max() < 48 and order[..., 3:].min() == 784 * 3


def test_the_link_drops_the_end_and_whole_packets() -> None:
    link = Link(mcucoder.MCUCODER, 8, keras.random.SeedGenerator(3), erased=1.0)
    sent = np.asarray(link.sent(40))
    for mask in sent:
        assert mask.ravel()[np.argsort(link.ranks.ravel())].tolist() == sorted(mask.ravel(), reverse=True)
    assert 0.3 < sent.mean() < 0.75
    arrived = np.asarray(link.arrived(200))
    assert 0.5 < arrived.mean() < 0.8  # losses are uniform in 0..0.7
    runs = [np.count_nonzero(np.diff(m.ravel()[np.argsort(link.ranks.ravel())])) for m in arrived]
    assert max(runs) <= 2 * (link.count // 60 + 2)  # no packet is shorter than 60 symbols


def test_known_neighbours_make_predictable_symbols_cheap() -> None:
    model = RateModel(2)
    smooth = np.tile(np.arange(8, dtype=np.float32)[None, :, None, None], (1, 1, 8, 2))
    bits = [np.asarray(model(smooth, np.full_like(smooth, known))).mean() for known in (0.0, 1.0)]
    assert bits[1] < bits[0]
    everything = sum(
        2.0 ** -np.asarray(model(np.full((1, 1, 1, 2), v, np.float32), np.zeros((1, 1, 1, 2), np.float32)))
        for v in range(-40, 41)
    )
    np.testing.assert_allclose(everything, 1.0, atol=2e-3)  # prices of all symbols together are one symbol


def test_limitnet_can_start_as_mcucoder() -> None:
    encoder, decoder = mcucoder.build_encoder(SIDE), mcucoder.build_decoder(SIDE // 8)
    out, back = transplant(encoder, decoder)
    x = photos(1, SIDE)
    latent = np.clip(np.asarray(encoder(x)), -15, 15)
    np.testing.assert_allclose(np.asarray(out(x)[0]), np.maximum(np.asarray(encoder(x)) + SHIFT, 0), atol=1e-3)
    mask = (RNG.random(latent.shape) < 0.7).astype(np.float32)
    np.testing.assert_allclose(
        np.asarray(back([(latent + SHIFT) * mask, mask])), np.asarray(decoder([latent * mask, mask])), atol=1e-3
    )


def test_crops_are_within_the_photo_and_repeatable() -> None:
    source = [RNG.integers(0, 256, (80, 90, 3), np.uint8), RNG.integers(0, 256, (64, 64, 3), np.uint8)]
    first, second = (next(random_crops(source, 64, 4, seed=7)) for _ in range(2))
    assert first.shape == (4, 64, 64, 3) and first.min() >= 0 and first.max() <= 1
    np.testing.assert_array_equal(first, second)


def test_a_decoder_is_tuned_on_what_a_node_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from glimpse import zoo
    from glimpse.training.job import Job, run
    from glimpse.training.node_symbols import node_frames
    from glimpse.training.trainer import Schedule
    from PIL import Image

    narrow = partial(residual_decoder, channels=12, name="narrow", width=8, depth=1)
    monkeypatch.setitem(DEFINITIONS, "mcucoder", replace(mcucoder.MCUCODER, build_decoder=narrow))
    for i, photo in enumerate(photos(21, 64)):
        Image.fromarray((255 * photo).astype(np.uint8)).save(tmp_path / f"{i:02}.png")
    model = zoo.load("mcucoder")
    frames = node_frames(model.folder, sorted(tmp_path.glob("*.png"))[:2], None)
    sent = model.binding.quantise(model.binding.encode_latent(frames.photos[1]))
    np.testing.assert_array_equal(frames.levels[1], model.binding.latent_values(sent))
    job = Job("mcucoder", tmp_path, tmp_path / "out", objective=Objective(mse=1), node=model.folder,
              schedule=Schedule(3e-3, steps=20, epoch=10, warmup=1), crop=48, batch=4)  # fmt: skip
    codec = run(job, [])
    log = [json.loads(line) for line in (job.out / "log.jsonl").read_text().splitlines()]
    assert codec.encoder is None and not (job.out / "encoder.weights.h5").exists()
    assert log[-1]["loss"] < log[1]["loss"]


@pytest.mark.parametrize("name", ["mcucoder", "limitnet"])
def test_wider_steps_are_the_same_networks(name: str) -> None:
    d, x = DEFINITIONS[name], photos(2)
    encoder, decoder = d.build_encoder(SMALL), d.build_decoder(SMALL // 8)
    outputs = [np.asarray(out) for out in keras.tree.flatten(encoder(x))]
    mask = (RNG.random(outputs[0].shape) < 0.7).astype(np.float32)
    picture = np.asarray(decoder([outputs[0] * mask, mask]))
    steps = steps_of("2,1.5,1.25", d.channels)
    assert steps.tolist() == [2, 1.5] + [1.25] * (d.channels - 2)
    rescale(encoder, decoder, steps)
    latent, *logits = (np.asarray(out) for out in keras.tree.flatten(encoder(x)))
    np.testing.assert_allclose(latent * steps, outputs[0], atol=1e-3)
    if logits:
        np.testing.assert_allclose(logits[0], outputs[1], atol=1e-3)
    np.testing.assert_allclose(np.asarray(decoder([latent * mask, mask])), picture, atol=1e-3)


def test_prices_in_wider_steps() -> None:
    levels = np.rint(RNG.normal(0, 40, (2, 16, 16, 12))).astype(np.float32)
    known = (RNG.random(levels.shape) < 0.6).astype(np.float32)
    rate = RateModel(12)
    rate(levels, known)
    rate.parameters.assign(np.stack([RNG.normal(0, s, 12) for s in (3, 1, 0.5, 0.3, 0.3)]).astype(np.float32))
    parameters = np.asarray(rate.parameters).copy()
    parameters[1] += 3.5  # distributions as wide as the levels
    rate.parameters.assign(parameters)
    fine = np.asarray(rate(levels, known)).mean()
    rescale_prices(rate, np.full(12, 4, np.float32))
    # A step four times as wide saves two bits of a symbol, where distributions are wide against it.
    assert np.asarray(rate(levels / 4, known)).mean() == pytest.approx(fine - 2, abs=0.1)


@pytest.mark.parametrize("text", ["", "a,b", "0,1", "1,-2", ",".join("1" * 13)])
def test_steps_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(GlimpseError, match=r"such as 2,1\.5,1\.25"):
        steps_of(text, 12)


def test_only_the_trunk_has_steps_to_widen(tmp_path: Path) -> None:
    steps = np.full(8, 2, np.float32)
    with pytest.raises(UsageError, match="steps of starfish are set when it is trained"):
        rescale_module.run(DEFINITIONS["starfish"], tmp_path, tmp_path / "out", steps)
    with pytest.raises(GlimpseError, match="holds no weights of mcucoder"):
        rescale_module.run(DEFINITIONS["mcucoder"], tmp_path, tmp_path / "out", np.full(12, 2, np.float32))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["limitnet", "starfish"])
def test_arrivals_are_packets_that_the_node_sends(name: str, tmp_path: Path) -> None:
    from glimpse import zoo
    from glimpse.training.node_symbols import PACKET, Arrivals, node_frames
    from PIL import Image

    Image.fromarray((255 * photos(1, 224)[0]).astype(np.uint8)).save(tmp_path / "a.png")
    model = zoo.load(name).binding
    frames = node_frames(zoo.load(name).folder, [tmp_path / "a.png"], None)
    turns, photo = frames.turns[0], frames.photos[0]
    latent, side = model.encode_outputs(photo)
    packets = model.pack(model.quantise(latent), payload=PACKET, saliency=side)
    assert turns.max() == len(packets) - 1
    prefix, symbols = np.zeros(turns.shape, np.uint8), np.zeros(turns.shape, np.uint8)
    for packet in packets[:5]:
        model.unpack(packet, symbols, prefix)
    np.testing.assert_array_equal(prefix == 1, turns < 5)

    link = Arrivals(True, 0.0, None, seed=1)
    every = [link.draw(turns) for _ in range(40)]
    for received in every:  # without loss: whole packets, up to some packet
        sent = set(turns[received == 1].tolist())
        assert sent == set(range(len(sent))) and received.sum() == np.isin(turns, list(sent)).sum()
    assert len({int(received.sum()) for received in every}) > 10
    near = Arrivals(True, 0.0, None, seed=4, whole=0.0, ends=(6 * PACKET, 9 * PACKET))
    came = np.array([turns[near.draw(turns) == 1].max() + 1 for _ in range(400)])
    inside = ((came >= 6) & (came <= 9)).mean()  # half of them, and those that end there anyway
    assert 0.5 < inside < 0.5 + 0.5 * np.log(10 / 5) / np.log(turns.max() / 4) + 0.1
    assert Arrivals(False, 0.0, None, seed=1).draw(turns).all()
    lossy = Arrivals(False, 1.0, None, seed=2)
    holed = [lossy.draw(turns) for _ in range(60)]
    assert np.mean(holed) == pytest.approx(0.65, abs=0.1)  # losses are uniform in 0..0.7
    assert all(len(np.unique(holes[turns == k])) == 1 for holes in holed[:5] for k in np.unique(turns))
    assert Arrivals(False, 1.0, 0.1, seed=3).draw(turns).mean() == pytest.approx(0.9, abs=0.02)


def test_a_task_needs_classes_and_distillation_none(tmp_path: Path) -> None:
    from glimpse.training.codec import Codec
    from keras import layers, ops

    narrow = residual_decoder(6, 12, "narrow", width=8, depth=1)
    pixels = keras.Input((48, 48, 3))
    logits = layers.Dense(5, kernel_initializer=keras.initializers.Constant(0.1))(
        layers.GlobalAveragePooling2D()(pixels)
    )
    frozen = keras.Model(pixels, {"logits": logits, "2": layers.AveragePooling2D(2)(pixels)})
    frozen.trainable = False
    x = photos(4, 48)
    y = {"photo": x, "label": np.array([1, 2, -1, -1])}
    seen = {"picture": ops.convert_to_tensor(x), "bits": ops.zeros(4)}

    def loss(**weights: float) -> float:
        codec = Codec(mcucoder.MCUCODER, 48, Objective(**weights), None, narrow, classifier=frozen)
        return float(codec.compute_loss(y=y, y_pred=seen))

    assert loss(distillation=1.0) == pytest.approx(0, abs=1e-6) and loss(perceptual=1.0) == pytest.approx(0, abs=1e-6)
    assert loss(task=1.0) == pytest.approx(np.log(5), rel=1e-4)  # five classes alike
    y["photo"] = 1 - x
    assert loss(perceptual=1.0) > 0.01


def test_vgg16_sees_what_changed(tmp_path: Path) -> None:
    from glimpse.errors import GlimpseError
    from glimpse.training.job import Job
    from glimpse.training.vgg import DEPTHS, vgg_features

    keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3)).save_weights(
        tmp_path / "vgg.weights.h5"
    )
    model = vgg_features(tmp_path / "vgg.weights.h5", 32)
    a, b = (model(x) for x in (photos(1, 32), 1 - photos(1, 32)))
    assert list(a) == list(DEPTHS) and tuple(a["block3_conv3"].shape) == (1, 8, 8, 256)
    assert all(np.abs(np.asarray(a[name]) - np.asarray(b[name])).max() > 0 for name in DEPTHS)
    (tmp_path / "other.h5").write_bytes(b"no weights")
    with pytest.raises(GlimpseError, match="no weights of VGG16"):
        vgg_features(tmp_path / "other.h5", 32)
    with pytest.raises(UsageError, match="knows no classes"):
        Job("mcucoder", tmp_path, tmp_path, objective=Objective(distillation=1), crop=224, classifier=Path("vgg.h5"))


def test_impossible_codecs_are_refused_in_a_sentence() -> None:
    for arguments in (("nothing",), ("mcucoder", 4), ("starfish", 9), ("starfish", None, 1)):
        with pytest.raises(UsageError, match=r"\w"):
            definition(*arguments)


def test_a_training_learns_stops_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The published decoder takes a minute to compile; a narrow one learns the same way.
    narrow = partial(residual_decoder, channels=12, name="narrow", width=8, depth=1)
    monkeypatch.setitem(DEFINITIONS, "mcucoder", replace(mcucoder.MCUCODER, build_decoder=narrow))
    from glimpse.training.job import Job, build, load_weights, run
    from glimpse.training.trainer import Schedule
    from PIL import Image

    folder = tmp_path / "photos"
    folder.mkdir()
    for i, photo in enumerate(photos(24, 96)):
        Image.fromarray((255 * photo).astype(np.uint8)).save(folder / f"{i:02}.png")
    job = Job("mcucoder", folder, tmp_path / "out", objective=Objective(mse=1, rate=0.01),
              schedule=Schedule(3e-3, steps=40, epoch=20, warmup=1), crop=48, batch=4)  # fmt: skip
    run(job, [])
    log = [json.loads(line) for line in (job.out / "log.jsonl").read_text().splitlines()]
    assert log[-1]["loss"] < log[1]["loss"] and log[-1]["done"] == 1
    # The first line is of the weights it started from, by what validates later ones.
    assert log[0]["epoch"] == -1 and log[-1]["val_loss"] < log[0]["val_loss"] and "loss" not in log[0]
    before = (job.out / "encoder.weights.h5").read_bytes()
    run(job, [], resume=True)
    assert (job.out / "encoder.weights.h5").read_bytes() != before
    epochs = [json.loads(line)["epoch"] for line in (job.out / "log.jsonl").read_text().splitlines()]
    assert epochs[: len(log)] == [line["epoch"] for line in log] and -1 not in epochs[1:]
    with pytest.raises(GlimpseError, match="does not fit"):
        load_weights(build(Job("starfish", folder, job.out, crop=48)), job.out)
