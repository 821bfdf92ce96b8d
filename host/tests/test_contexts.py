# SPDX-License-Identifier: Apache-2.0
"""Contexts are learned for what the node computes, and they pay."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from glimpse.binding import FREQUENCY_TOTAL, Model, read_header
from glimpse.errors import GlimpseError
from glimpse.export.blob import CodecSpec, ContextSpec, build_blob
from glimpse.export.contexts import Channel, Walk, fit, packet_starts
from glimpse.export.folder import blob_from_folder
from glimpse.export.frequencies import frequencies
from glimpse.export.tables import cumulative_tables, write_tables
from support.networks import codec_for
from support.photos import test_photos as make_photos
from support.random_networks import Plan, Step, build_tflite

PLAN = Plan((48, 56), [Step("conv", (5, 5), (4, 4), True, 5)], [0])
ENCODER = build_tflite(PLAN, 1)
LEVELS = 20
CENTRES = np.full(5, 10)
ORDERS = {
    "channel": replace(codec_for(ENCODER), levels=LEVELS, stride=13),
    "interleaved": replace(codec_for(ENCODER), levels=LEVELS, order="interleaved", stride=17),
    "saliency": replace(codec_for(ENCODER, saliency=(3, 4)), levels=LEVELS),
}


def smooth_symbols(seed: int, photos: int) -> np.ndarray:
    """Symbols [n, 12, 14, 5] that resemble their neighbours, some channels busier than others."""
    rng = np.random.default_rng(seed)
    field = rng.normal(size=(photos, 12, 14, 5))
    for axis in (1, 2):
        field += np.roll(field, 1, axis) + np.roll(field, 2, axis)
    field[..., 1] += field[..., 0]
    scale = rng.uniform(0.2, 2, size=(photos, 1, 1, 1)) * np.array([1, 1.2, 0.5, 0.3, 0.1])
    return np.clip(np.rint(field * scale) + 10, 0, LEVELS - 1).astype(np.uint8)


def model_of(spec: CodecSpec) -> Model:
    return Model(build_blob(ENCODER, spec))


def fitted(spec: CodecSpec, symbols: np.ndarray) -> CodecSpec:
    contexts, tables = fit(symbols, model_of(spec).order(), LEVELS, CENTRES)
    return replace(spec, contexts=contexts, cumulative=tables)


def sent_bytes(model: Model, symbols: np.ndarray, payload: int) -> int:
    return sum(len(packet) for photo in symbols for packet in model.pack(photo, payload=payload))


@pytest.mark.parametrize("order", ["channel", "saliency"])
def test_the_same_symbols_take_fewer_bytes(order: str) -> None:
    training, others = smooth_symbols(1, 40), smooth_symbols(2, 10)
    plain = model_of(replace(ORDERS[order], cumulative=cumulative_tables(training, LEVELS)))
    model = model_of(fitted(ORDERS[order], training))
    for payload, share in ((222, 0.85), (51, 0.95)):
        assert sent_bytes(model, others, payload) < share * sent_bytes(plain, others, payload)
    for photo in others[:3]:
        symbols, received = np.zeros_like(photo), np.zeros_like(photo)
        for packet in reversed(model.pack(photo, payload=51)):
            model.unpack(packet, symbols, received)
        np.testing.assert_array_equal(symbols, photo)


@pytest.mark.parametrize("order", list(ORDERS))
def test_the_fit_computes_the_classes_that_the_core_computes(order: str) -> None:
    spec = fitted(ORDERS[order], smooth_symbols(1, 30))
    model, photo = model_of(spec), smooth_symbols(3, 1)
    assert spec.contexts is not None
    typical = np.array([context.typical for context in spec.contexts])
    order_of_ranks = model.order()
    tables = np.empty(photo.size, int)
    starts = np.empty((1, photo.size), np.int32)
    for packet in model.pack(photo[0], payload=51):
        first = read_header(packet).first
        count = model.unpack(packet, np.zeros(photo.shape[1:], np.uint8), np.zeros(photo.shape[1:], np.uint8))
        starts[0, order_of_ranks[first : first + count]] = first
        tables[order_of_ranks[first : first + count]] = model.table_numbers(photo[0], first, count)
    walk = Walk(photo, order_of_ranks, [starts])
    before = 0
    for c, context in enumerate(spec.contexts):
        twin = before + Channel(walk, c, CENTRES, typical).classes(context)
        np.testing.assert_array_equal(twin[0], tables.reshape(-1, 5)[:, c])
        before += context.classes
    assert max(context.classes for context in spec.contexts) > 4


def test_symbols_that_tell_nothing_of_each_other_get_few_classes() -> None:
    noise = np.random.default_rng(1).integers(0, LEVELS, size=(40, 12, 14, 5)).astype(np.uint8)
    contexts, tables = fit(noise, model_of(ORDERS["channel"]).order(), LEVELS, CENTRES)
    assert sum(context.classes for context in contexts) <= 10
    assert len(tables) == sum(context.classes for context in contexts)


def test_every_symbol_stays_possible() -> None:
    one = np.full((4, 12, 14, 5), 10, np.uint8)
    spec = fitted(ORDERS["channel"], one)
    assert spec.cumulative is not None
    assert all(min(np.diff(table)) >= 1 and table[-1] == FREQUENCY_TOTAL for table in spec.cumulative)
    model, photo = model_of(spec), smooth_symbols(1, 1)[0]
    symbols, received = np.zeros_like(photo), np.zeros_like(photo)
    for packet in model.pack(photo, payload=222):
        model.unpack(packet, symbols, received)
    np.testing.assert_array_equal(symbols, photo)


def test_frequencies_are_shares_of_the_whole() -> None:
    share = frequencies(np.array([1_000_000, 0, 1, 500_000]))
    assert share.sum() == FREQUENCY_TOTAL and share.min() == 1
    assert abs(share[0] - 2 * share[3]) <= 3
    lone, shared_base = np.array([1, 0, 0, 0]), np.array([10, 10, 10, 1000])
    assert frequencies(lone, shared_base)[3] > 20 * frequencies(lone)[3]


def test_packets_start_where_the_room_ends() -> None:
    order = np.arange(12)[::-1]
    starts = packet_starts(np.full((1, 12), 35.0), order, 30)  # 22 bytes of symbols: five of 35 bits
    assert starts[0][order].tolist() == [0] * 5 + [5] * 5 + [10] * 2
    assert packet_starts(np.full((1, 3), 1e6), np.arange(3), 11).tolist() == [[0, 1, 2]]


def test_tables_are_written_into_a_model_folder(tmp_path: Path) -> None:
    (tmp_path / "encoder.tflite").write_bytes(ENCODER)
    (tmp_path / "model.toml").write_text(
        '[model]\nname = "small"\nid = 4\nrevision = 2\n'
        '[codec]\nbits = 7\nlevels = 72\norder = "channel"\nstride = 13\n'
    )
    tables = {"minimum": [-128 * 256] * 5, "step": [900] * 5, "cumulative": None, "mine": 1}
    (tmp_path / "tables.json").write_text(json.dumps(tables))
    photos = make_photos(48, 56, 40)
    write_tables(tmp_path, photos, with_contexts=False)
    plain = Model(blob_from_folder(tmp_path))
    write_tables(tmp_path, photos)
    learned = json.loads((tmp_path / "tables.json").read_text())
    assert learned.keys() == {*tables, "contexts"}
    write_tables(tmp_path, photos, latents=np.stack([plain.encode_latent(photo) for photo in photos]))
    assert json.loads((tmp_path / "tables.json").read_text()) == learned  # what the caller knows is not computed again
    model = Model(blob_from_folder(tmp_path))
    assert (model.levels, model.bits) == (plain.levels, plain.bits) == (72, 7)
    symbols = np.stack([plain.quantise(plain.encode_latent(photo)) for photo in photos])
    assert sent_bytes(model, symbols, 222) < sent_bytes(plain, symbols, 222)
    with pytest.raises(GlimpseError, match="cannot be read"):
        write_tables(tmp_path / "nowhere", photos)


@pytest.mark.parametrize(
    "change",
    [
        {"centre": LEVELS},
        {"typical": 65536},
        {"classes": 0},
        {"classes": 17},
        {"taps": [(5, 0, 0, 1, 1)]},
        {"taps": [(0, 0, 128, 1, 1)]},
        {"taps": [(0, 0, 1, 1, 1)] * 17},
        {"value_limit": [0] * 6},
        {"activity_limit": [1, 0, 0, 0, 0, 0, 0]},
        {"class_of": [1] * 64},
    ],
)
def test_impossible_contexts_are_refused(change: dict) -> None:
    plain = ContextSpec(centre=10, typical=16, classes=1)
    tables = cumulative_tables(smooth_symbols(1, 2), LEVELS)
    spec = replace(ORDERS["channel"], cumulative=tables, contexts=[plain] * 5)
    assert model_of(spec).has_range_tables
    broken = [ContextSpec(**(asdict(plain) | change)), *[plain] * 4]
    with pytest.raises(GlimpseError, match="context of channel 0"):
        build_blob(ENCODER, replace(spec, contexts=broken))
    with pytest.raises(GlimpseError, match="contexts need tables"):
        build_blob(ENCODER, replace(spec, cumulative=None))
