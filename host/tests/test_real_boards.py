# SPDX-License-Identifier: Apache-2.0
"""The firmware of the real boards, unmodified, exchanges a frame over its own UART registers, without the boards."""

import numpy as np
import pytest
from glimpse import zoo
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
