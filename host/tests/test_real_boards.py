# SPDX-License-Identifier: Apache-2.0
"""The firmware of the real boards, unmodified, exchanges a frame over its own UART registers, without the boards."""

from dataclasses import replace

import numpy as np
import pytest
from glimpse import bench, firmware, zoo
from glimpse.binding import Model, pattern
from glimpse.errors import GlimpseError
from glimpse.firmware import build
from glimpse.signing import make_signer
from glimpse.targets import open_node
from glimpse.targets.client import SerialNode, Stream
from support.small_models import tiny_model
from support.unicorn_board import UnicornBoard


class BoardStream(Stream):
    """The board's UART as a stream: time passes on the board only while somebody waits for bytes."""

    def __init__(self, board):
        self.board, self.taken = board, 0

    def read(self, timeout):
        self.board.run(until=lambda b: len(b.received) > self.taken, instructions=200_000_000)
        data = bytes(self.board.received[self.taken :])
        self.taken += len(data)
        return data

    def write(self, data):
        self.board.send(data)


NONE, NETWORK, ACQUIRE, PACK = range(4)  # firmware/ports/mark.h


@pytest.fixture(params=["stm32f746g_disco", "nrf5340dk"])
def board(request):
    elf = build(request.param)
    board = UnicornBoard(elf, request.param)
    board.name = request.param
    return board


def test_starts_and_waits_for_commands(board):
    """A few million instructions without a wrong access, a fault or a reset."""
    board.run(until=lambda b: b.instructions >= 3_000_000)
    assert b"fault" not in board.received


def test_answers_in_full_before_it_resets(board):
    """The zero that ends the answer has left the chip when the core resets."""
    node = SerialNode(BoardStream(board), board.name)
    node.identify()
    node.request("NODE_RESET")
    board.run(until=lambda b: b.reset_requested)


def test_refuses_what_it_has_no_hardware_for(board):
    """No camera: that is what the refusal says, and it costs no frame number."""
    node = SerialNode(BoardStream(board), board.name)
    with pytest.raises(GlimpseError, match="camera"):
        node.capture(None, frame=None)
    assert node.capture(None, pattern=True, frame=None, budget=20).frame == 0


def test_takes_a_signed_model_into_its_flash_and_a_photo_for_it(board, tmp_path):
    """Keys, a model through the registers of the flash, and a photo row by row; a reset keeps all of it."""
    signer, blob = make_signer(tmp_path / "owner"), tiny_model(7)
    loaded = Model(blob)
    node = SerialNode(BoardStream(board), board.name)
    node.set_name("gate")
    node.trust(signer.public)
    with pytest.raises(GlimpseError, match="not signed"):
        node.update_model(blob)
    node.update_model(signer.sign(blob))
    assert node.health().model_state == "on trial"
    photo = np.arange(3 * loaded.photo_width * loaded.photo_height, dtype=np.uint8)
    rows = photo.reshape(loaded.photo_height, loaded.photo_width, 3)
    expected = loaded.pack(loaded.quantise(loaded.encode_latent(rows)), coding="raw")
    assert node.capture(rows, coding="raw").packets == expected
    health, info = node.health(), node.identify()
    assert (health.model_state, health.model_key) == ("proven", True)
    assert (info.name, info.slot, info.model_check) == ("gate", 0, loaded.check)
    assert 0 < health.stack_peak < 4096


def test_what_a_frame_costs_a_board_is_measured(board, monkeypatch):
    """Its clock makes milliseconds of its cycles, its image says what it occupies, if it is the one that it runs."""
    model = zoo.load()
    node = SerialNode(BoardStream(board), board.name)
    capture = node.capture
    monkeypatch.setattr(node, "capture", lambda photo, **options: capture(None, pattern=True, **options))
    monkeypatch.setattr(bench, "open_node", lambda target, model: node)
    photo = pattern(model.binding.photo_width, model.binding.photo_height)
    n = bench.measure("serial:/dev/board", model, photo, frames=1, budget=100)
    (ms,) = n["measured_ms"].values()
    hz = {"stm32f746g_disco": 216_000_000, "nrf5340dk": 128_000_000}[board.name]
    assert n["unit"] == "cycles" and ms["value"] == ms["low"] == ms["high"] == round(1000 * n["counts"][0] / hz, 3)
    assert sum(ms["by_stage"].values()) == pytest.approx(ms["value"], abs=0.002) and n["estimated_ms"] == {}
    ram, flash = n["ram_bytes"], n["flash_bytes"]
    assert 0 < n["stack_peak_bytes"] == ram["stack_peak"] < 4096 and n["memory_unknown"] is None
    assert ram["total"] == ram["static"] + model.binding.buffer_bytes + ram["stack_peak"]
    assert (flash["model"], flash["total"] - flash["code"]) == (len(model.blob), len(model.blob))

    info = node.identify()
    for change in ({"firmware": "0.0.9"}, {"buffer_bytes": 1}, {"latent_bytes": 1}):
        elf, why = bench._image(node, replace(info, **change), model)
        assert elf is None and "does not run the image" in why
    blob = bytearray(model.blob)
    blob[-1] ^= 1
    sizes = info.firmware, info.buffer_bytes, info.latent_bytes
    built = firmware.elf_path(board.name)
    assert not firmware.is_image(built, *sizes, bytes(blob)) and firmware.is_image(built, *sizes, None)
    monkeypatch.setattr(firmware, "elf_path", lambda *_: built.with_name("none.elf"))
    assert "there is no image" in bench._image(node, info, model)[1]
    assert "emulated boards" in bench._image(node, replace(info, board="maix"), model)[1]


def test_exchanges_a_frame(board):
    """Identity, a frame of the test pattern, and the node's health, over the registers of the real UART."""
    model = zoo.load()
    node = SerialNode(BoardStream(board), board.name)
    info = node.identify()
    assert (info.board, info.model_check) == (board.name, model.binding.check)
    assert info.counter_unit == "cycles"
    assert info.core_hz == {"stm32f746g_disco": 216_000_000, "nrf5340dk": 128_000_000}[board.name]
    rows = pattern(model.binding.photo_width, model.binding.photo_height)
    frame = node.capture(None, pattern=True, coding="range")
    assert frame.packets == open_node("native", model).capture(rows, coding="range").packets
    marks = board.peripherals.marks
    assert marks[-1] == NONE and marks[1::2] == [mark for mark in marks if mark != NONE], "every stage ends"
    stages = [mark for mark in marks if mark != NONE]
    rows = model.binding.photo_height
    assert stages[: 2 * rows + 2] == [ACQUIRE, NETWORK] * rows + [NETWORK, PACK]
    assert set(stages[2 * rows + 2 :]) == {PACK} and len(stages) - 2 * rows - 2 > len(frame.packets)
    # Polled, and by interrupt: none is ever delivered here, and the line must work all the same.
    for mode in (0, 1):
        node.request("NODE_LINE", bytes((mode,)))
        assert node.capture(None, pattern=True, budget=500).packets[:9] == frame.packets[:9]
    health = node.health()
    assert (health.boots, health.broken_frames, health.serial_overruns) == (1, 0, 0)
    assert 0 < health.stack_peak < 4096
