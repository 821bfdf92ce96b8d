# SPDX-License-Identifier: Apache-2.0
"""The TFLM back end sends, packet for packet, what the streaming executor in this process sends."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from glimpse import firmware, zoo
from glimpse.errors import GlimpseError
from glimpse.export import tflm
from glimpse.targets import open_node
from glimpse.targets.client import SerialNode
from glimpse.targets.sim import ENVIRONMENTS
from support.photos import test_photos as make_photos
from support.unicorn_board import UnicornBoard
from test_real_boards import BoardStream

PHOTOS = 100
CORES = ["cortex-m7-tflm", "cortex-m33-tflm"]
BOARD, BOARD_PHOTOS = "stm32f746g_disco", (10, 19, 20)  # noise, and pieces of real photos
HOW = "firmware/nn/tflm/README.md says where TFLM comes from; then run `pio run -e {}`"


def where_built(environment, action):
    """What `action` gives, which builds an image again that is older than its sources; skips where there is none."""
    if not firmware.elf_path(environment).is_file():
        pytest.skip(f"{environment} is not built: {HOW.format(environment)}")
    try:
        return action()
    except GlimpseError as error:
        if str(error).startswith(f"building {environment} failed"):  # TFLM is gone since
            pytest.skip(f"{environment} is older than its sources: {HOW.format(environment)}")
        raise


@pytest.fixture(params=CORES)
def node(request):
    with where_built(ENVIRONMENTS[request.param], lambda: open_node(f"sim:{request.param}", zoo.load())) as opened:
        yield opened


@pytest.mark.tflm
def test_packets_of_photos(node):
    model = zoo.load()
    rows, columns = model.binding.photo_height, model.binding.photo_width
    with open_node("native", model) as native:
        for number, photo in enumerate(make_photos(rows, columns, PHOTOS)):
            coding = ("range", "raw")[number % 2]
            expected = native.capture(photo, payload=242, coding=coding).packets
            assert node.capture(photo, payload=242, coding=coding).packets == expected, f"photo {number}"


@pytest.mark.tflm
def test_packets_of_the_board_with_its_sdram():
    """The real board's image in Unicorn: the SDRAM is set up, then holds interpreter and tensors, photo after photo."""
    environment = f"{BOARD}_tflm"
    board = UnicornBoard(where_built(environment, lambda: firmware.build(environment)), BOARD)
    model, node = zoo.load(), SerialNode(BoardStream(board), BOARD)
    info = node.identify()
    assert info.buffer_bytes_used > 224 * 224 * 3 + 112 * 112 * 16, "whole tensors, not rows"
    photos = make_photos(model.binding.photo_height, model.binding.photo_width, max(BOARD_PHOTOS) + 1)
    with open_node("native", model) as native:
        for number in BOARD_PHOTOS:
            coding = ("range", "raw")[number % 2]
            expected = native.capture(photos[number], payload=242, coding=coding).packets
            assert node.capture(photos[number], payload=242, coding=coding).packets == expected, f"photo {number}"
    assert 0 < node.health().stack_peak < 4096


@pytest.mark.tflm
def test_runs_no_model_but_its_own(node):
    """A sound model of a slot is refused in a sentence, and the built-in one goes on."""
    model = zoo.load()
    other = bytearray(model.blob)
    other[other.index(b"mcucoder")] ^= 0x20  # another name: another check, still sound
    other[12:16] = np.uint32(zlib.crc32(bytes(other[16:]))).tobytes()
    with pytest.raises(GlimpseError, match="needs more than this build offers"):
        node.use_model(bytes(other), zlib.crc32(bytes(other[16:])))
    photo = make_photos(model.binding.photo_height, model.binding.photo_width, 1)[0]
    assert node.capture(photo).packets


def test_plan_of_the_arena():
    """The published trunk: photo and first output together, scratch of its first kernel, TFLM's own structures."""
    encoder = (Path(zoo.load().folder) / "encoder.tflite").read_bytes()
    tensors = 224 * 224 * 3 + 112 * 112 * 16
    assert tensors + 1108 < tflm.arena_bytes(encoder) < tensors + 4096


def test_header_belongs_to_the_blob(tmp_path):
    model = zoo.load()
    assert tflm.main([str(model.folder), str(tmp_path / "header.h")]) == 0
    text = (tmp_path / "header.h").read_text()
    assert f"GLIMPSE_BUILTIN_TFLITE_CHECK 0x{model.binding.check:08X}u" in text
    assert tflm.main([]) == 2
    assert tflm.main([str(tmp_path), str(tmp_path / "other.h")]) == 1
