# SPDX-License-Identifier: Apache-2.0
"""firmware/maix/check.py under MicroPython: what it says on boards that run the network, and on others."""

import json
import subprocess

import numpy as np
import pytest
from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.kmodel import layout
from glimpse.kmodel.simulator import Simulator
from glimpse.maix import check, disk, raw_repl
from glimpse.targets.k210 import Peripherals, command, kmodel_of
from support.micropython import needs_micropython

pytestmark = needs_micropython


@pytest.fixture(scope="module")
def files():
    return disk.node_files(zoo.load("starfish")) | {"main.py": b"import check\n"}


def run(folder, files, peripherals=None):
    """What the check prints on a board with this disk."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    board = peripherals or Peripherals(folder)
    pipes = (board.requests, board.answers)
    words = command(folder, None, None, pipes)
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, pass_fds=pipes
    ) as process:
        board.start()
        said = process.communicate(timeout=60)[1]
    board.close()
    return said


class Refusing(Peripherals):
    """A MaixPy that wants a DEQUANTIZE layer at the end."""

    def _load(self, body: bytes) -> bytes:
        if b"float" not in body:
            raise GlimpseError("[MAIXPY]kpu: load error:2002")
        return super()._load(body)


class Swapping(Peripherals):
    """A MaixPy with each pixel's bytes the other way round."""

    def _forward(self, body: bytes) -> bytes:
        red, green, blue = np.frombuffer(body, np.uint8, offset=5).reshape(3, -1).astype(int)
        pixel = (red * 31 + 127) // 255 << 11 | (green * 63 + 127) // 255 << 5 | (blue * 31 + 127) // 255
        pixel = (pixel & 255) << 8 | pixel >> 8
        planes = [
            (2 * 255 * v + most) // (2 * most)
            for v, most in ((pixel >> 11, 31), (pixel >> 5 & 63, 63), (pixel & 31, 31))
        ]
        return super()._forward(body[:5] + np.stack(planes).astype(np.uint8).tobytes())


def test_a_board_that_runs_the_network_is_told_so(tmp_path, files):
    said = run(tmp_path, files)
    assert "step 5, black: right" in said
    assert "VERDICT: yes: starfish.kmodel runs as simulated, pictures come with bits rounded" in said


def test_the_fallback_is_tried_where_the_network_is_refused(tmp_path, files):
    said = run(tmp_path, files, Refusing(tmp_path))
    assert "starfish.kmodel: REFUSED by this MaixPy: [MAIXPY]kpu: load error:2002" in said
    assert "VERDICT: yes: starfish-float.kmodel runs" in said


def test_swapped_bytes_are_found_out(tmp_path, files):
    said = run(tmp_path, files, Swapping(tmp_path))
    assert "pattern: right" in said
    assert "bytes swapped, bits rounded" in said
    assert "VERDICT: almost" in said


def test_wrong_arithmetic_is_a_no(tmp_path, files):
    """A network with other weights stands for an accelerator that computes something else."""
    other = bytearray(files["starfish.kmodel"])
    at = other.index(layout.parse(bytes(other)).layers[1].weights_data)
    other[at : at + 576] = bytes(reversed(other[at : at + 576]))
    wrong = {"starfish.kmodel": bytes(other), "starfish-float.kmodel": check.fallback(bytes(other))}
    expected = json.loads(files["check.json"])
    for variant in expected["variants"]:
        variant["size"], variant["sum"] = raw_repl.checksum(wrong[variant["file"]])
    said = run(tmp_path, files | wrong | {"check.json": json.dumps(expected).encode()})
    assert "black: WRONG values" in said
    assert "VERDICT: no" in said


@pytest.mark.parametrize("name", ["check.json", "starfish.kmodel", "starfish-float.kmodel"])
def test_a_half_written_disk_is_not_judged(tmp_path, files, name):
    data = files[name]
    said = run(tmp_path, {**files, name: data[:-3] + b"?" + data[-2:] if name.endswith("kmodel") else data[:100]})
    assert "VERDICT: not checked" in said


def test_a_network_in_flash_is_loaded_by_its_address():
    expected = check.expectation(kmodel_of(zoo.load("starfish").folder), 0x300000, "f")
    assert b'"file": 3145728,\n   "size": 0' in expected


def test_the_fallback_answers_the_same_as_floats():
    network = kmodel_of(zoo.load("starfish").folder)
    photo = np.random.default_rng(1).integers(0, 256, (3, 112, 112), np.uint8)
    floats = Simulator(layout.parse(check.fallback(network))).run(photo)
    assert floats.dtype == np.float32
    assert np.array_equal(floats, Simulator(layout.parse(network)).run(photo))


def test_a_network_that_takes_no_pictures_is_refused():
    network = layout.parse(kmodel_of(zoo.load("starfish").folder))
    rest = layout.write(layout.Kmodel(network.layers[1:], network.outputs, network.main_memory))
    with pytest.raises(GlimpseError, match="three colours"):
        check.expectation(rest, "x", "y")
