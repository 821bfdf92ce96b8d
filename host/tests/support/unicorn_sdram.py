# SPDX-License-Identifier: Apache-2.0
"""The SDRAM of the STM32F746G-DISCO for support.unicorn_board: memory that is there once its controller is set up."""

from collections.abc import Callable
from typing import ClassVar

from support.unicorn_camera import Device, at

CLOCK, PRECHARGE, REFRESH, MODE = 1, 2, 3, 4
TICK_NS = 1000 / 108
LEAST_NS = {"RAS": (8, 42), "RC": (12, 60), "RP": (20, 18), "RCD": (24, 18), "XSR": (4, 67)}
"""Of the MT48LC4M32B2-6A: position in SDTR1, ns."""


class Sdram(Device):
    """The FMC's first SDRAM bank (RM0385 section 13.7), swapped to 0x60000000 (7.2.1)."""

    BASE = 0xA0000000
    SDCR, SDTR, SDCMR, SDRTR, SDSR = at(BASE, 0x140, 0x148, 0x150, 0x154, 0x158)
    registers: ClassVar = {SDCR, SDTR, SDCMR, SDRTR, SDSR}
    PINS: ClassVar = {
        "C": (3,),
        "D": (0, 1, 8, 9, 10, 14, 15),
        "E": (0, 1, *range(7, 16)),
        "F": (*range(6), *range(11, 16)),
        "G": (0, 1, 4, 5, 8, 15),
        "H": (3, 5),
    }

    def __init__(
        self, values: dict[int, int], is_ready: Callable[[], bool], appear: Callable[[int, int], None]
    ) -> None:
        super().__init__(values)
        self.is_ready, self.appear = is_ready, appear
        self.commands: list[int] = []

    def write(self, address: int, value: int) -> None:
        super().write(address, value)
        if address == self.SDCMR:
            self._command(value)
        elif address == self.SDRTR:
            self.require(self.commands == [CLOCK, PRECHARGE, REFRESH, MODE], f"commands in this order: {self.commands}")
            rows_ms = ((value >> 1 & 0x1FFF) + 20) * TICK_NS * 4096 / 1e6
            self.require(62 < rows_ms <= 64, f"4096 rows are refreshed in {rows_ms:.1f} ms")
            self.appear(0x60000000, 0x800000)

    def _command(self, value: int) -> None:
        control, times = self.get(self.SDCR), self.get(self.SDTR)
        self.require(self.is_ready(), "the FMC is used before its clock and pins are ready and the bank is swapped")
        self.require(control & 0x7F == 0x54, "12 rows' bits, 8 columns', 16 data lines, four banks")
        self.require(control >> 10 & 3 == 2 and control >> 7 & 3 == 3, "108 MHz, and CAS latency 3 for it")
        self.require(not control & 0x200, "the memory is write-protected")
        for name, (place, least) in LEAST_NS.items():
            self.require(((times >> place & 15) + 1) * TICK_NS >= least, f"t{name} is less than {least} ns")
        ticks = {name: (times >> place & 15) + 1 for name, (place, _) in LEAST_NS.items()}
        self.require((times >> 16 & 15) + 1 >= ticks["RAS"] - ticks["RCD"], "tWR is less than tRAS - tRCD")
        self.require(value & 0x10 != 0, "a command for the first bank")
        self.commands.append(value & 7)
        if value & 7 == REFRESH:
            self.require((value >> 5 & 15) + 1 >= 2, "two refreshes or more")
        if value & 7 == MODE:
            self.require(value >> 9 & 0x1FFF == 0x230, "bursts of one, CAS latency 3")
