# SPDX-License-Identifier: Apache-2.0
"""The emulated K210 node: its answers, its packets, what it remembers, and what it says when something is wrong."""

import dataclasses
import json
import random
import shutil
import struct

import numpy as np
import pytest
from glimpse import binding, zoo
from glimpse.errors import GlimpseError
from glimpse.glp import read_packets
from glimpse.kmodel import from_tflite, layout
from glimpse.photo import fit_photo, load_photo
from glimpse.samples import sample_photos
from glimpse.targets.client import GREETING, SerialNode, parse_identity
from glimpse.targets.k210 import (
    BLOB,
    KMODEL,
    K210Node,
    accelerator_latent,
    kmodel_of,
    run_script,
    seen_photo,
    to_rgb565,
    write_disk,
)
from support.micropython import needs_micropython

pytestmark = needs_micropython


@pytest.fixture(scope="module")
def model():
    return zoo.load("starfish")


@pytest.fixture(scope="module")
def photos():
    return [fit_photo(load_photo(path), 224, 224) for path in sample_photos().values()]


@pytest.fixture(scope="module")
def accelerator(model):
    """The latent of a photo [224, 224, 3] as the board sees it, int8 [28, 28, 8]; the same photo is asked for often."""
    known = {}

    def latent(photo):
        key = photo.tobytes()
        if key not in known:
            known[key] = accelerator_latent(model, photo)
        return known[key]

    return latent


@pytest.fixture(scope="module")
def node(model):
    with K210Node(model) as running:
        yield running


def expected(model, accelerator, photo, frame=0, **options):
    """What the C core makes of what the accelerator gives for each quarter of the photo."""
    return model.binding.pack(model.binding.quantise(accelerator(photo)), frame=frame, **options)


def test_says_who_it_is(node, model):
    info = node.identify()
    assert (info.board, info.model, info.model_check, info.slot) == ("maix", "starfish", model.binding.check, None)
    assert (info.latent, info.bits, info.photo) == (model.binding.latent_shape, model.binding.bits, (224, 224))
    assert (info.counter_unit, info.slot_bytes, info.has_range_tables) == ("us", 0, True)
    assert node.health().reset_cause == "power-on"


@pytest.mark.parametrize(("number", "coding", "payload"), [(0, "range", 51), (1, "raw", 242), (2, "range", 11)])
def test_photos_become_the_packets_of_the_c_core(node, model, accelerator, photos, number, coding, payload):
    capture = node.capture(photos[number], payload=payload, coding=coding, frame=9 + number)
    assert capture.packets == expected(model, accelerator, photos[number], 9 + number, payload=payload, coding=coding)
    assert (capture.frame, capture.stats.symbols) == (9 + number, model.binding.symbol_count)


def test_the_test_pattern_is_that_of_the_c_code(node, model, accelerator):
    pattern = binding.pattern(224, 224)
    assert node.capture(None, pattern=True).packets == expected(model, accelerator, pattern)


def test_a_photo_over_the_serial_line_gives_the_same(node, model, accelerator, photos):
    packets = SerialNode.capture(node, photos[3], payload=115, frame=3).packets
    assert packets == expected(model, accelerator, photos[3], 3, payload=115)


def test_the_accelerator_runs_once_a_patch(node, photos):
    before = node.peripherals.executions
    node.capture(photos[0], budget=60)
    assert node.peripherals.executions == before + 4


@pytest.mark.parametrize(("payload", "budget"), [(11, 100), (242, 61)])
def test_budget_caps_the_frame(node, model, accelerator, photos, payload, budget):
    packets = node.capture(photos[0], payload=payload, budget=budget).packets
    assert packets == expected(model, accelerator, photos[0], payload=payload, budget=budget)


def test_colours_are_those_of_the_board():
    levels = np.arange(256, dtype=np.uint8)
    grey = np.stack([levels] * 3, axis=-1)[None]
    seen = seen_photo(grey)[0]
    assert len(np.unique(seen[:, 0])) == len(np.unique(seen[:, 2])) == 32 and len(np.unique(seen[:, 1])) == 64
    assert np.abs(seen.astype(int) - grey[0]).max() <= 4
    assert seen[[0, 255]].tolist() == [[0] * 3, [255] * 3]
    np.testing.assert_array_equal(seen_photo(seen[None]), seen[None])
    # red first, as MaixPy's images lie in memory
    assert to_rgb565(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)).tolist() == [
        [[0xF8, 0], [0x07, 0xE0], [0, 0x1F]]
    ]


# ---- the line


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 7,
        struct.pack("<BBBBI", 3, 0, 0, 51, 0),
        struct.pack("<BBBBI", 2, 2, 0, 51, 0),
        struct.pack("<BBBBI", 2, 0, 64, 51, 0),
        struct.pack("<BBBBI", 2, 0, 0, 10, 0),
        struct.pack("<BBBBI", 2, 0, 0, 243, 0),
    ],
)
def test_impossible_captures_are_refused(node, body):
    frame = node.health().next_frame
    with pytest.raises(GlimpseError, match="refused"):
        node.request("NODE_CAPTURE", body)
    assert node.health().next_frame == frame


def test_rows_out_of_turn_or_of_the_wrong_size_are_refused(node):
    with pytest.raises(GlimpseError, match="called out of turn"):
        node.request("NODE_ROW", b"\0" * 672)
    node.request("NODE_CAPTURE", struct.pack("<BBBBI", 1, 0, 0, 51, 0))
    with pytest.raises(GlimpseError, match="refused"):
        node.request("NODE_ROW", b"\0" * 10)


def test_what_it_cannot_do_is_refused_by_kind(node):
    for kind in ("NODE_DOWNLINK", "NODE_TELEMETRY", "NODE_KEY", "NODE_MODEL_ERASE", "NODE_MODEL_WRITE"):
        with pytest.raises(GlimpseError, match="refused"):
            node.request(kind, bytes(41))
    with pytest.raises(GlimpseError, match="refused"):
        node.request("NODE_SELECT", b"\0")
    node.request("NODE_SELECT", b"\xff")
    node.request("NODE_LINE", b"\1")


def test_another_model_is_refused_with_a_sentence(node):
    other = zoo.load("limitnet")
    with pytest.raises(GlimpseError, match="a slot of the emulated K210 0"):
        node.use_model(other.blob, other.binding.check)


def test_survives_garbage(node, photos, model, accelerator):
    rng = random.Random(1)
    sound = binding.serial_frame(bytes((binding.protocol("NODE_STATUS"), 9)))
    before = node.health().broken_frames
    for number in range(300):
        noise = bytearray(rng.choice((rng.randbytes(rng.randrange(1, 300)), sound, b"\0" * 3, b"\x03" * 1500)))
        if noise == sound:
            noise[rng.randrange(len(noise))] ^= 1 << rng.randrange(8)
        node.stream.write(bytes(noise))
        if number % 50 == 0:
            node.stream.write(b"\0")
    node.stream.write(b"\0")
    health = node.health()
    assert health.broken_frames > before + 75 and health.boots == 1
    assert node.capture(photos[0]).packets == expected(model, accelerator, photos[0])


LINE = """
from glimpse_serial import Reader, encode
reader, found = Reader(), []
with open("payloads", "rb") as file:
    data = file.read()
at = 0
with open("frames", "wb") as out:
    while at < len(data):
        count = data[at] | data[at + 1] << 8
        frame = bytes(encode(data[at + 2 : at + 2 + count]))
        out.write(frame)
        at += 2 + count
        for i in range(0, len(frame), 7):
            reader.feed(frame[i : i + 7], lambda payload: found.append(bytes(payload)))
with open("back", "wb") as out:
    for payload in found:
        out.write(payload)
print(reader.broken)
"""


def test_frames_are_those_of_the_c_code():
    rng = random.Random(2)
    payloads = [rng.randbytes(n) for n in (1, 5, 249, 250, 251, 258, 508, 1024)]
    payloads += [bytes(rng.choice((0, 0, 7)) for _ in range(n)) for n in (1, 3, 253, 700)]
    payloads += [bytes(rng.randrange(1, 256) for _ in range(n)) for n in range(245, 260)]
    data = b"".join(len(payload).to_bytes(2, "little") + payload for payload in payloads)
    frames, back, printed = run_script(LINE, {"payloads": data}, ["frames", "back"])
    assert frames == b"".join(map(binding.serial_frame, payloads))
    assert back == b"".join(payloads) and printed == b"0\n"


# ---- what stays without power


def test_a_restart_keeps_the_count_of_frames(model, tmp_path):
    with K210Node(model, tmp_path) as node:
        assert node.capture(None, pattern=True, frame=None, budget=20).frame == 0
        node.request("NODE_RESET")
        parse_identity(node.receive(GREETING).body)
        health = node.health()
        assert (health.reset_cause, health.boots, health.next_frame) == ("software", 2, 1)
    assert json.loads((tmp_path / "state.json").read_text()) == {"boots": 2, "next_frame": 1}


def test_settings_are_read_and_those_of_the_modem_written(model, photos, tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps({"payload": 30, "channels": 1, "strange": 1}))
    with K210Node(model, tmp_path) as node:
        packets = node.capture(photos[0], payload=0).packets
        assert max(map(len, packets)) <= 30 and len(packets) < 10
        with pytest.raises(GlimpseError, match="refused"):
            node.set_modem("e5")  # nothing is on that line
        node.set_modem(None)
    kept = json.loads((tmp_path / "settings.json").read_text())
    assert (kept["payload"], kept["modem"], kept.get("strange")) == (30, 0, None)


STORE = """
from glimpse_settings import Store
for number in range(3):
    print(Store("/flash/%d.json" % number, {"a": 1, "b": 2}).values["a"])
store = Store("/flash/0.json", {"a": 1, "b": 2})
print(store.change(b=9), Store("/flash/0.json", {"a": 1, "b": 2})["b"])
"""


def test_a_power_cut_while_settings_are_written_costs_none():
    files = {"0.json": b'{"a": 5}', "0.jsonn": b'{"a": 6, "b', "1.jsonn": b'{"a": 7}', "2.json": b'{"a":'}
    (printed,) = run_script(STORE, files, [])
    assert printed.split() == [b"5", b"7", b"1", b"True", b"9"]


def test_the_card_keeps_every_frame_s_packets(model, photos, tmp_path):
    disk, card = tmp_path / "flash", tmp_path / "sd"
    card.mkdir()
    with K210Node(model, disk, card) as node:
        packets = [node.capture(photo, budget=500).packets for photo in photos[:2]]
    names = sorted(path.name for path in card.glob("*.glp"))
    assert names == ["000001-00001.glp", "000001-00002.glp"]
    assert [read_packets(card / name).packets for name in names] == packets


def test_a_node_on_its_card_needs_no_other_disk(model, photos, tmp_path):
    disk, card = tmp_path / "flash", tmp_path / "sd"
    disk.mkdir()
    write_disk(card, model)
    shutil.copy(card / KMODEL, disk)
    with K210Node(None, disk, card, prepared=True) as node:
        assert node.capture(photos[0], budget=100).packets
    assert (card / "state.json").is_file() and not (disk / "state.json").exists()


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_a_network_that_ends_in_floats(model, photos, accelerator, tmp_path, scale):
    """Of scale 1 they are the bytes themselves; others are refused."""
    floats = layout.parse(from_tflite.write((model.folder / "encoder.tflite").read_bytes(), dequantize=True))
    floats.layers[-1] = dataclasses.replace(floats.layers[-1], scale=scale)
    write_disk(tmp_path, model)
    (tmp_path / KMODEL).write_bytes(layout.write(floats))
    with K210Node(None, tmp_path, prepared=True) as node:
        if scale == 1:
            assert node.capture(photos[0]).packets == expected(model, accelerator, photos[0])
        else:
            with pytest.raises(GlimpseError, match="refused: not a model"):
                node.capture(photos[0])


# ---- what goes wrong

START = """
from glimpse_board import Board
from glimpse_node import Node
from glimpse_settings import SETTINGS, Store
from glimpse_status import NodeError
try:
    Node(Board(Store("/flash/settings.json", SETTINGS)), "/flash").start()
except NodeError as error:
    print(error.status, error)
"""


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (KMODEL, b"", "-14 /flash/starfish.kmodel is not a kmodel of version 3"),
        (KMODEL, b"\5\0\0\0" + bytes(100), "-14 /flash/starfish.kmodel is not a kmodel of version 3"),
        (BLOB, b"GLPM", "-4 the model blob is cut short"),
    ],
)
def test_a_bad_file_on_the_disk_is_told_apart(model, name, data, said):
    files = {BLOB: model.blob, KMODEL: kmodel_of(model.folder)} | {name: data}
    (printed,) = run_script(START, files, [])
    assert printed.decode().splitlines()[-1] == said


def test_control_c_leads_to_the_prompt_and_stops_the_watchdog(model, tmp_path):
    node = K210Node(model, tmp_path)
    try:
        node.stream.write(b"\r\x03\x03\x01")
        with pytest.raises(GlimpseError, match="ended with status 0"):  # main.py has ended: there is no prompt here
            node.receive(77, patience=5)
    finally:
        node.close()


def test_a_node_without_its_model_says_why_and_tries_again(tmp_path):
    write_disk(tmp_path, None)
    with pytest.raises(GlimpseError, match="does not answer for"):
        K210Node(None, tmp_path, prepared=True, patience=1.2)
