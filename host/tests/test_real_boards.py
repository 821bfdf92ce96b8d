# SPDX-License-Identifier: Apache-2.0
"""The firmware of the real boards starts and talks on their own registers, without the boards."""

from pathlib import Path

import pytest
from support.unicorn_board import UnicornBoard

BUILDS = Path(__file__).resolve().parents[2] / ".pio" / "build"


@pytest.fixture(params=["stm32f746g_disco", "nrf5340dk"])
def board(request):
    elf = BUILDS / request.param / "firmware.elf"
    if not elf.is_file():
        pytest.skip(f"{request.param} is not built; run `make firmware`")
    return UnicornBoard(elf, request.param)


def test_starts_and_waits_for_commands(board):
    """A few million instructions without a wrong access, a fault or a reset."""
    board.run(until=lambda b: b.instructions >= 3_000_000)
    assert b"fault" not in board.received
