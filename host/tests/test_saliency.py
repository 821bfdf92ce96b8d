# SPDX-License-Identifier: Apache-2.0
"""The order by saliency as the host sees it: the map, the sender's choice, and packets that need neither."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from glimpse.binding import Model, read_header
from glimpse.errors import GlimpseError
from glimpse.export.blob import build_blob
from glimpse.export.folder import blob_from_folder
from support import wire_reference as reference
from support.networks import codec_for
from support.photos import test_photos as make_photos
from support.random_networks import Plan, Step, build_tflite, saliency_plan

ENCODER = build_tflite(saliency_plan((44, 52)), 3)  # a latent of 11 x 13 x 7
SPEC = codec_for(ENCODER, contexts=True, saliency=(4, 5))
MODEL = Model(build_blob(ENCODER, SPEC))
PHOTO = make_photos(44, 52, 3)[-1]
LATENT, SIDE = MODEL.encode_outputs(PHOTO)
SYMBOLS = MODEL.quantise(LATENT)


def reference_codec() -> reference.Codec:
    """The model's codec as the reference takes it."""
    assert SPEC.saliency is not None and SPEC.cumulative is not None and SPEC.contexts is not None
    height, width, channels = MODEL.latent_shape
    return reference.Codec(
        SPEC.model,
        SPEC.revision,
        height,
        width,
        channels,
        SPEC.levels,
        2,
        0,
        0,
        tuple(SPEC.minimum),
        tuple(SPEC.step),
        tuple(tuple(table) for table in SPEC.cumulative),
        tuple(reference.Context(**asdict(context)) for context in SPEC.contexts),
        reference.Saliency(**asdict(SPEC.saliency)),
    )


def firsts(packets: list[bytes]) -> list[int]:
    return [read_header(packet).first for packet in packets]


def test_map_is_the_references() -> None:
    levels = reference.saliency_map(reference_codec(), SIDE.ravel().tolist())
    seen = MODEL.saliency_map(SIDE)
    assert seen.shape == (4, 5) and seen.dtype == np.uint8 and seen.max() <= 31
    assert {(y, x): int(seen[y, x]) for y in range(4) for x in range(5)} == levels


@pytest.mark.parametrize("coding", ["raw", "range"])
@pytest.mark.parametrize("payload", [11, 51, 242])
def test_packets_are_the_references(coding: str, payload: int) -> None:
    packets = MODEL.pack(SYMBOLS, frame=3, coding=coding, payload=payload, saliency=SIDE)
    number = {"raw": reference.RAW, "range": reference.RANGE}[coding]
    sizes = iter([payload] * 10_000)
    assert packets == reference.pack(reference_codec(), SYMBOLS.tobytes(), 3, number, sizes, SIDE.ravel().tolist())


def test_each_packet_alone_gives_its_symbols() -> None:
    packets = MODEL.pack(SYMBOLS, payload=51, saliency=SIDE)
    everything = np.zeros_like(SYMBOLS)
    for packet in packets:
        symbols, received = np.full_like(SYMBOLS, 255), np.zeros_like(SYMBOLS)
        assert MODEL.unpack(packet, symbols, received) == received.sum() > 0
        np.testing.assert_array_equal(symbols[received == 1], SYMBOLS[received == 1])
        everything |= received
    assert everything.all()


def test_salient_cells_come_first() -> None:
    side = np.full((11, 13), -128, np.int8)
    side[6:, 8:] = 127
    packets = MODEL.pack(SYMBOLS, payload=51, budget=200, saliency=side)
    symbols, received = np.zeros_like(SYMBOLS), np.zeros_like(SYMBOLS)
    for packet in packets[:2]:
        MODEL.unpack(packet, symbols, received)
    assert received[6:, 8:].mean() > 3 * received[:5].mean()


def test_without_a_side_output_packets_follow_the_ranks() -> None:
    plain = MODEL.pack(SYMBOLS, payload=51)
    assert firsts(plain) == sorted(firsts(plain)) != firsts(MODEL.pack(SYMBOLS, payload=51, saliency=SIDE))
    assert MODEL.pack(SYMBOLS, payload=51, saliency=np.empty(0, np.int8)) == plain


def test_gain_can_be_another_one() -> None:
    own = MODEL.pack(SYMBOLS, payload=51, saliency=SIDE)
    assert MODEL.pack(SYMBOLS, payload=51, saliency=SIDE, gain=0.2) == own  # 0.2 * 31 * 256 = 1587
    many = {gain: firsts(MODEL.pack(SYMBOLS, payload=51, saliency=SIDE, gain=gain)) for gain in (0, 8)}
    assert many[0] != many[8]
    symbols, received = np.zeros_like(SYMBOLS), np.zeros_like(SYMBOLS)
    for packet in MODEL.pack(SYMBOLS, payload=51, budget=250, saliency=SIDE, gain=8):
        MODEL.unpack(packet, symbols, received)
    assert received[..., :3].sum() > 5 * received[..., 3:].sum()
    for gain in (-0.1, 9):
        with pytest.raises(GlimpseError, match="gain"):
            MODEL.pack(SYMBOLS, saliency=SIDE, gain=gain)


def test_wrong_side_outputs_and_symbols_are_refused() -> None:
    with pytest.raises(GlimpseError, match="must be int8 of 11 x 13"):
        MODEL.pack(SYMBOLS, saliency=SIDE.reshape(-1)[1:])
    with pytest.raises(GlimpseError, match="must be int8"):
        MODEL.saliency_map(SIDE.astype(np.uint8))
    with pytest.raises(GlimpseError, match="symbol 64 is not one of the 64 levels"):
        MODEL.pack(np.full_like(SYMBOLS, 64))
    plain = Model(build_blob(ENCODER, codec_for(ENCODER)))
    with pytest.raises(GlimpseError, match="no saliency map"):
        plain.saliency_map(SIDE)
    assert plain.pack(SYMBOLS, coding="raw", saliency=SIDE) == plain.pack(SYMBOLS, coding="raw")


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"rows": 12}, "finer than the latent"),
        ({"columns": 0}, "finer than the latent or empty"),
        ({"block": 0}, "blocks of 0 channels"),
        ({"block": 8}, "blocks of 8 channels"),
        ({"rows": 10, "columns": 10}, "300 blocks of cells"),
        ({"bits": 9}, "9 bits"),
        ({"gain": 65536}, "gain"),
        ({"tolerance": -1}, "tolerance"),
        ({"curve": [0] * 255}, "curve"),
    ],
)
def test_impossible_maps_are_refused(change: dict, sentence: str) -> None:
    assert SPEC.saliency is not None
    with pytest.raises(GlimpseError, match=sentence):
        build_blob(ENCODER, replace(SPEC, saliency=replace(SPEC.saliency, **change)))


def test_a_map_and_its_order_go_together() -> None:
    with pytest.raises(GlimpseError, match="needs a map"):
        build_blob(ENCODER, replace(SPEC, saliency=None))
    with pytest.raises(GlimpseError, match="does not go with"):
        build_blob(ENCODER, replace(SPEC, order="channel", stride=1))
    with pytest.raises(GlimpseError, match="no stride"):
        build_blob(ENCODER, replace(SPEC, stride=1))


def test_a_side_output_of_another_shape_does_not_steer() -> None:
    plan = saliency_plan((44, 52))
    plan.steps[-1] = Step("conv", (3, 3), (1, 1), True, 2, input=2)
    wide = build_tflite(plan, 3)
    with pytest.raises(GlimpseError, match="refused"):
        Model(build_blob(wide, SPEC))
    alone = build_tflite(Plan(plan.photo, plan.steps[:2], [1]), 3)
    model = Model(build_blob(alone, SPEC))
    assert model.pack(SYMBOLS, saliency=model.encode_outputs(PHOTO)[1]) == model.pack(SYMBOLS)


def test_a_folder_says_it_in_its_own_units(tmp_path: Path) -> None:
    (tmp_path / "encoder.tflite").write_bytes(ENCODER)
    toml = (
        '[model]\nname = "eye"\nid = 4\nrevision = 2\n[codec]\nbits = 6\norder = "saliency"\n'
        "[saliency]\nmap = [4, 5]\ngain = 0.2\nblock = 3\ntolerance = 0.252\n"
    )
    (tmp_path / "model.toml").write_text(toml)
    assert SPEC.saliency is not None and SPEC.contexts is not None
    tables = {
        "minimum": SPEC.minimum,
        "step": SPEC.step,
        "cumulative": SPEC.cumulative,
        "contexts": [asdict(context) for context in SPEC.contexts],
        "saliency": SPEC.saliency.curve,
    }
    (tmp_path / "tables.json").write_text(json.dumps(tables))
    model = Model(blob_from_folder(tmp_path))
    own = replace(SPEC, model=4, revision=2, name="eye")
    assert model.blob == build_blob(ENCODER, own)
    for broken in (toml.replace("[saliency]", "[other]"), toml.replace("bits = 6", "bits = 6\nlevels = 72")):
        (tmp_path / "model.toml").write_text(broken)
        with pytest.raises(GlimpseError, match="cannot be used"):
            blob_from_folder(tmp_path)


def test_starting_where_it_matters_leaves_few_scraps(tmp_path: Path) -> None:
    """Starting with the best segment each time would break this bound at every one of these payloads."""
    from glimpse import zoo
    from glimpse.evaluation.packets import measure
    from PIL import Image

    files = []
    for i, photo in enumerate(make_photos(224, 224, 3)):
        files.append(tmp_path / f"{i}.png")
        Image.fromarray(photo).save(files[-1])
    for payload, ways in measure(zoo.load("limitnet"), files).items():
        if int(payload) >= 51:
            assert ways["rank"]["packets"] <= ways["saliency"]["packets"] < 1.25 * ways["rank"]["packets"], payload
