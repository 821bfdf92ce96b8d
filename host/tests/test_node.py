# SPDX-License-Identifier: Apache-2.0
"""What a node answers: requests good and bad, garbage on the line, models sent to it, restarts."""

import random
import struct

import numpy as np
import pytest
from glimpse import binding, zoo
from glimpse.binding.control import Downlink, Set, write_downlink
from glimpse.errors import GlimpseError
from glimpse.export.blob import build_blob
from glimpse.targets import open_node
from support.networks import codec_for
from support.nodes import ProgramNode
from support.photos import test_photos as make_photos
from support.random_networks import build_tflite, random_plan


@pytest.fixture
def node(program, tmp_path):
    with ProgramNode(program, tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def model():
    return zoo.load()


@pytest.fixture(scope="module")
def photo(model):
    return make_photos(model.binding.photo_height, model.binding.photo_width, 25)[-1]


def native(model, photo, **options):
    return open_node("native", model).capture(photo, **options).packets


def small_model(seed):
    """A random network that any node has room for, as a blob; its packets of raw 8-bit symbols are its latent."""
    for attempt in range(100):
        encoder = build_tflite(random_plan(np.random.default_rng([seed, attempt])), seed)
        blob = build_blob(encoder, codec_for(encoder))
        loaded = binding.Model(blob)
        if loaded.buffer_bytes <= 20480 and loaded.symbol_count <= 9408 and loaded.side_bytes <= 784:
            return blob, loaded
    raise AssertionError("no random network is small enough")


def test_says_who_it_is(node, model):
    info = node.identify()
    assert (info.board, info.model, info.model_check) == ("native", model.name, model.binding.check)
    assert info.buffer_bytes_used <= info.buffer_bytes
    assert info.latent == model.binding.latent_shape
    assert node.health().boots == 1


def test_a_photo_sent_over_the_line_gives_the_packets_of_the_host(node, model, photo):
    assert node.capture(photo, payload=51, coding="range", frame=7).packets == native(model, photo, frame=7)


def test_camera_file_and_pattern(node, model, photo, tmp_path):
    (tmp_path / "camera.rgb").write_bytes(photo.tobytes() + photo[::-1].tobytes())
    for expected in (photo, photo[::-1], photo):
        assert node.capture(None, coding="raw").packets == native(model, expected, coding="raw")
    pattern = binding.pattern(model.binding.photo_width, model.binding.photo_height)
    assert node.capture(None, pattern=True).packets == native(model, pattern)


def scaled(picture, window, size):
    """The part (left, top, width, height) of a picture, each pixel the mean of its area, rounded as a node does."""

    def shares(count):  # [size, count]: how much of each of our pixels lies in each of the camera's
        ours, theirs = np.arange(size) * count, np.arange(count) * size
        ends = np.minimum(ours[:, None] + count, theirs + size) - np.maximum(ours[:, None], theirs)
        return np.maximum(ends, 0)

    left, top, width, height = window
    part = picture[top : top + height, left : left + width].astype(np.int64)
    rows = np.einsum("xw,hwc->hxc", shares(width), part)
    lines = (256 * rows + width // 2) // width
    return ((np.einsum("yh,hxc->yxc", shares(height), lines) + 128 * height) // (256 * height)).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "crop", "window"),
    [
        ((320, 240), (0, 255, 0, 255), (40, 0, 240, 240)),  # the middle of the whole picture
        ((640, 480), (64, 191, 128, 255), (360, 120, 240, 240)),  # its right half, between the quarters
        ((224, 224), (0, 127, 0, 127), (0, 0, 112, 112)),  # enlarged
        ((101, 333), (100, 140, 7, 250), (24, 130, 53, 53)),
        ((3, 2), (0, 255, 0, 255), (0, 0, 2, 2)),
    ],
)
def test_the_crop_setting_cuts_the_cameras_picture(node, model, tmp_path, size, crop, window):
    width, height = size
    picture = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    (tmp_path / "camera.ppm").write_bytes(b"P6\n%d %d\n255\n" % size + picture.tobytes())
    node.downlink(write_downlink(Downlink(1, (Set({"crop": crop}),))))
    expected = scaled(picture, window, model.binding.photo_width)
    assert node.capture(None, coding="raw").packets == native(model, expected, coding="raw")


@pytest.mark.parametrize(
    "file", [b"", b"P6", b"P5\n4 4\n255\n" + bytes(99), b"P6\n4 4\n65535\n" + bytes(99), b"P6 0 4 255\n"]
)
def test_a_camera_file_that_is_no_picture_is_refused(node, tmp_path, file):
    (tmp_path / "camera.ppm").write_bytes(file)
    with pytest.raises(GlimpseError, match="camera"):
        node.capture(None)


@pytest.mark.parametrize(("payload", "budget"), [(11, 100), (51, 1000), (242, 61), (51, 11)])
def test_budget_caps_the_frame(node, model, photo, payload, budget):
    packets = node.capture(photo, payload=payload, budget=budget).packets
    assert packets == native(model, photo, payload=payload, budget=budget)
    assert budget - 11 < sum(map(len, packets)) <= budget
    assert max(map(len, packets)) <= payload


def test_frames_are_counted_over_restarts(program, tmp_path):
    for start in (0, 2):
        with ProgramNode(program, tmp_path) as node:
            numbers = [node.capture(None, pattern=True, frame=None, budget=20).frame for _ in range(2)]
            assert numbers == [start, start + 1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 7,
        b"\0" * 9,
        struct.pack("<BBBBI", 3, 0, 0, 51, 0),
        struct.pack("<BBBBI", 2, 2, 0, 51, 0),
        struct.pack("<BBBBI", 2, 0, 64, 51, 0),
        struct.pack("<BBBBI", 2, 0, 0, 10, 0),
        struct.pack("<BBBBI", 2, 0, 0, 243, 0),
        struct.pack("<BBBBI", 0, 0, 0, 51, 0),
    ],
)
def test_impossible_captures_are_refused(node, body):
    with pytest.raises(GlimpseError, match="refused"):
        node.request("NODE_CAPTURE", body)
    assert node.capture(None, pattern=True, budget=51).packets


@pytest.mark.parametrize(("source", "coding", "payload"), [(3, 0, 51), (2, 2, 51), (2, 0, 243), (0, 0, 51)])
def test_a_refused_capture_costs_no_frame_number_and_no_flash(node, tmp_path, source, coding, payload):
    node.identify()
    kept = (tmp_path / "settings_a.bin").read_bytes()
    why = "no camera" if source == 0 else "out of range"
    with pytest.raises(GlimpseError, match=why):
        node.request("NODE_CAPTURE", struct.pack("<BBBBI", source, coding, 255, payload, 0))
    assert (tmp_path / "settings_a.bin").read_bytes() == kept
    assert node.capture(None, pattern=True, frame=None, budget=20).frame == 0


def test_rows_out_of_turn_or_of_the_wrong_size_are_refused(node, model):
    with pytest.raises(GlimpseError, match="refused"):
        node.request("NODE_ROW", b"\0" * (3 * model.binding.photo_width))
    node.request("NODE_CAPTURE", struct.pack("<BBBBI", 1, 0, 0, 51, 0))
    with pytest.raises(GlimpseError, match="refused"):
        node.request("NODE_ROW", b"\0" * 10)


def test_survives_garbage(node, model, photo):
    rng = random.Random(1)
    sound = binding.serial_frame(bytes((binding.protocol("NODE_STATUS"), 9)))
    for _ in range(3000):
        noise = bytearray(rng.choice((rng.randbytes(rng.randrange(1, 300)), sound, b"\0" * 3)))
        if noise == sound:
            noise[rng.randrange(len(noise))] ^= 1 << rng.randrange(8)
        node.stream.write(bytes(noise))
    node.stream.write(b"\0")
    health = node.health()
    assert health.broken_frames > 1000
    assert health.boots == 1
    assert node.capture(photo).packets == native(model, photo)


def test_unknown_requests_with_a_sound_check_are_refused(node):
    rng = random.Random(2)
    known = {
        binding.protocol(n)
        for n in (
            "NODE_IDENTIFY",
            "NODE_CAPTURE",
            "NODE_ROW",
            "NODE_STATUS",
            "NODE_SELECT",
            "NODE_MODEL_ERASE",
            "NODE_MODEL_WRITE",
            "NODE_RESET",
            "NODE_LINE",
            "NODE_DOWNLINK",
            "NODE_TELEMETRY",
        )
    }
    for kind in sorted(set(range(256)) - known):
        node.sequence = node.sequence % 255 + 1
        node.stream.write(binding.serial_frame(bytes((kind, node.sequence)) + rng.randbytes(rng.randrange(40))))
        with pytest.raises(GlimpseError, match="refused"):
            node.receive(node.sequence)


def test_a_model_is_sent_used_and_kept(program, tmp_path):
    blob, loaded = small_model(1)
    rgb = make_photos(loaded.photo_height, loaded.photo_width, 20)[-1]
    with ProgramNode(program, tmp_path) as node:
        node.use_model(blob, loaded.check)
        assert node.identify().slot == 0
        expected = loaded.pack(loaded.quantise(loaded.encode_latent(rgb)), coding="raw")
        assert node.capture(rgb, coding="raw").packets == expected
    with ProgramNode(program, tmp_path) as node:
        assert node.identify().model_check == loaded.check
        other, other_loaded = small_model(2)
        node.use_model(other, other_loaded.check)
        assert node.identify().slot == 1
        node.use_model(blob, loaded.check)
        assert node.identify().slot == 0


def test_a_damaged_model_is_refused_and_the_old_one_stays(program, tmp_path, model):
    blob, _ = small_model(3)
    damaged = bytearray(blob)
    damaged[len(damaged) // 2] ^= 1
    with ProgramNode(program, tmp_path) as node:
        with pytest.raises(GlimpseError, match="refused"):
            node.send_model(bytes(damaged), 0)
        assert node.identify().model_check == model.binding.check


def test_a_slot_that_went_bad_falls_back_to_the_built_in_model(program, tmp_path, model):
    blob, loaded = small_model(4)
    with ProgramNode(program, tmp_path) as node:
        node.use_model(blob, loaded.check)
    slot = tmp_path / "slot0.bin"
    slot.write_bytes(b"\0" * slot.stat().st_size)
    with ProgramNode(program, tmp_path) as node:
        assert node.identify().model_check == model.binding.check


def test_restarts_when_told(node):
    node.request("NODE_RESET")
    assert node.health().boots == 2
    assert node.health().reset_cause == "software"


def test_sound_frames_with_random_bodies_never_break_it(node, model, photo):
    """Every request there is but the restart, with a check that holds and a body of chance."""
    rng = random.Random(4)
    kinds = [
        "IDENTIFY",
        "CAPTURE",
        "ROW",
        "STATUS",
        "SELECT",
        "MODEL_ERASE",
        "MODEL_WRITE",
        "LINE",
        "DOWNLINK",
        "TELEMETRY",
    ]
    for _ in range(2000):
        kind = rng.choice(kinds)
        body = bytearray(rng.randbytes(rng.choice((0, 1, 2, 8, 12, 20, 40, 240, rng.randrange(900)))))
        if kind == "CAPTURE" and len(body) == 8:
            body[0] = 1  # an upload: nothing is encoded until the last row
        node.sequence = node.sequence % 255 + 1
        node.stream.write(binding.serial_frame(bytes((binding.protocol(f"NODE_{kind}"), node.sequence)) + body))
        try:
            node.receive(node.sequence)
        except GlimpseError as error:
            assert "refused" in str(error)
    node.request("NODE_SELECT", bytes((binding.protocol("NODE_BUILTIN_MODEL"),)))
    assert node.health().boots == 1
    assert node.capture(photo).packets == native(model, photo)
