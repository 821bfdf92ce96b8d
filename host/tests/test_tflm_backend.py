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
from glimpse.targets.sim import ENVIRONMENTS
from support.photos import test_photos as make_photos

PHOTOS = 100
CORES = ["cortex-m7-tflm", "cortex-m33-tflm"]
HOW = "firmware/nn/tflm/README.md says where TFLM comes from; then run `pio run -e {}`"


@pytest.fixture(params=CORES)
def node(request):
    environment = ENVIRONMENTS[request.param]
    if not firmware.elf_path(environment).is_file():
        pytest.skip(f"{environment} is not built: {HOW.format(environment)}")
    try:
        opened = open_node(f"sim:{request.param}", zoo.load())
    except GlimpseError as error:
        if str(error).startswith(f"building {environment} failed"):  # TFLM is gone since
            pytest.skip(f"{environment} is older than its sources: {HOW.format(environment)}")
        raise
    with opened:
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
