# SPDX-License-Identifier: Apache-2.0
"""From instructions on an emulated core to milliseconds on a board: always an estimate, always with its interval."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """How many cycles an instruction of CMSIS-NN code takes on a board.

    Attributes:
        board: name for people.
        hz: clock.
        cycles: per instruction; low and high bound it.
        source: where the figures come from.
    """

    board: str
    hz: float
    cycles: float
    low: float
    high: float
    source: str


BY_CORE = {
    "cortex-m7": Estimate(
        "STM32F746",
        216e6,
        0.87,
        0.87 * 0.7,
        0.87 * 1.3,
        "two published networks at 216 MHz, 0.82 and 0.93 cycles an instruction; +/- 30 % assumed",
    ),
    "cortex-m33": Estimate(
        "nRF5340",
        128e6,
        1.26,
        1.26 * 0.87,
        1.26 * 1.10,
        "MLPerf Tiny v1.0 results at 128 MHz, four networks, leave-one-out -13..+10 %",
    ),
}


def estimated_ms(instructions: int, core: str) -> dict[str, dict[str, float]]:
    """Milliseconds on the board that has this core.

    Args:
        instructions: counted on the emulated core.
        core: "cortex-m7" or "cortex-m33".

    Returns:
        {board: {value, low, high}} in milliseconds.
    """
    e = BY_CORE[core]
    value, low, high = (round(instructions * cycles / e.hz * 1e3, 1) for cycles in (e.cycles, e.low, e.high))
    return {e.board: {"value": value, "low": low, "high": high}}
