# SPDX-License-Identifier: Apache-2.0
"""The real boards' firmware, unmodified, takes a picture through its camera's own registers, without the boards."""

import numpy as np
import pytest
from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.firmware import build, memory
from glimpse.targets import open_node
from glimpse.targets.client import SerialNode
from support.unicorn_board import UnicornBoard
from support.unicorn_camera import Arducam, Ov2640, Ov9655
from test_real_boards import BoardStream

SETTLED = 5  # number of the frame from which on a sensor gives the picture


def scene(height, width):
    """uint16 [height, width], RGB565: gradients in all three colours, and something in it that has a left and a top."""
    y, x = np.mgrid[:height, :width]
    red, green, blue = 31 * x // (width - 1), 63 * y // (height - 1), 31 * (x + y) // (height + width - 2)
    red[20:60, 30:50], green[20:60, 30:50], blue[100:110, 60:200] = 31, 10, 3
    return (red << 11 | green << 5 | blue).astype(np.uint16)


def rgb888(picture):
    """uint8 [height, width, 3] of RGB565: the highest bits of each colour come again below."""
    red, green, blue = picture >> 11, picture >> 5 & 63, picture & 31
    return np.stack([8 * red + red // 4, 4 * green + green // 16, 8 * blue + blue // 4], axis=-1).astype(np.uint8)


def board_with_node(name):
    board = UnicornBoard(build(name), name)
    board.name = name
    return board, SerialNode(BoardStream(board), name)


def expected(picture):
    return open_node("native", zoo.load()).capture(rgb888(picture), coding="range").packets


def test_an_ov9655_on_the_discovery_board():
    board, node = board_with_node("stm32f746g_disco")
    sensor = Ov9655(scene(240, 320), settled=SETTLED)
    board.peripherals.plug(sensor)
    frame = node.capture(None, coding="range")
    assert frame.packets == expected(sensor.picture[8:232, 48:272])
    assert sensor.log[0] == (0, 0x12, 0x80), "reset before all else"
    assert SETTLED <= board.peripherals.dcmi.snapshots <= SETTLED + 3
    assert not sensor.awake, "it sleeps between pictures"
    sensor.picture = np.ascontiguousarray(sensor.picture[::-1])
    assert node.capture(None, coding="range").packets == expected(sensor.picture[8:232, 48:272])


def test_an_arducam_mini_on_the_nrf5340():
    board, node = board_with_node("nrf5340dk")
    module = Arducam(Ov2640(scene(224, 224), settled=SETTLED))
    board.peripherals.plug(module)
    frame = node.capture(None, coding="range")
    assert frame.packets == expected(module.sensor.picture)
    assert module.sensor.window() == (100, 0, 600, 600), "the middle of the picture, not distorted"
    assert (1, 0x12, 0x80) in module.sensor.log[:4], "reset before all else"
    assert SETTLED + 1 <= module.captures <= SETTLED + 4
    assert not module.sensor.awake, "it sleeps between pictures"
    module.sensor.picture = np.ascontiguousarray(module.sensor.picture[::-1])
    assert node.capture(None, coding="range").packets == expected(module.sensor.picture)


def test_a_snapshot_takes_at_most_100_kb_and_is_counted_apart():
    sizes = memory(build("stm32f746g_disco"))
    assert sizes["camera"] == 224 * 224 * 2 <= 100 * 1024
    assert sizes["static"] < 20_000
    assert memory(build("nrf5340dk"))["camera"] == 0, "its module has the memory"


@pytest.mark.parametrize("name", ["stm32f746g_disco", "nrf5340dk"])
def test_a_camera_of_another_make_is_refused(name):
    board, node = board_with_node(name)
    sensor = (Ov9655 if name == "stm32f746g_disco" else Ov2640)(scene(240, 320))
    sensor.PRODUCT = 0x56
    board.peripherals.plug(sensor if name == "stm32f746g_disco" else Arducam(sensor))
    with pytest.raises(GlimpseError, match="camera"):
        node.capture(None, frame=None)
    assert not sensor.awake
    assert node.capture(None, pattern=True, frame=None, budget=20).frame == 0, "it costs no frame number"


@pytest.mark.parametrize("name", ["stm32f746g_disco", "nrf5340dk"])
def test_a_picture_that_is_not_whole_is_refused(name):
    board, node = board_with_node(name)
    if name == "stm32f746g_disco":
        sensor = Ov9655(scene(240, 320))
        board.peripherals.plug(sensor)
        lossy = board.peripherals.dcmi
    else:
        sensor = Ov2640(scene(224, 224))
        lossy = Arducam(sensor)
        board.peripherals.plug(lossy)
    lossy.loses = True
    with pytest.raises(GlimpseError, match="camera"):
        node.capture(None, frame=None)
    assert not sensor.awake
    lossy.loses = False
    assert node.capture(None, frame=None, budget=20).frame == 0
