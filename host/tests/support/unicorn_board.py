# SPDX-License-Identifier: Apache-2.0
"""Runs the unmodified firmware of a real board in Unicorn, with the board's registers answered in Python.

QEMU's machines have other peripherals than the real boards. Here the core meets the addresses, ready flags, DMA and
flash of the real one: a wrong address, a wait for a flag that never comes or a transmit buffer in flash fails the
test, with the address. There is no interrupt controller (nothing is ever interrupted) and no real time: a byte is on
its way until a flag of the transmitter was read a few times, and to cut it off fails the test.
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm_const

SLICE = 50_000  # instructions between two looks at `until`
WORD = 0xFFFFFFFF
READS_PER_BYTE = 8  # of a transmitter's flag, until a byte has gone out


class BoardError(AssertionError):
    """The firmware did what the real board would not take."""


class Peripherals:
    """The registers of one board: named blocks of plain storage, some with a meaning.

    blocks: {name: (base, {offset, ...})}. What is not listed does not exist.
    """

    blocks: ClassVar[dict[str, tuple[int, set[int]]]] = {}
    flash: tuple[int, int] = (0, 0)
    ram: tuple[int, int] = (0, 0)

    def __init__(self, board: "UnicornBoard") -> None:
        self.board = board
        self.values: dict[int, int] = {}
        self.marks: list[int] = []  # what the two pins of ports/mark.h have said, one after another
        self.known = {base + offset: name for name, (base, offsets) in self.blocks.items() for offset in offsets}

    def read(self, address: int) -> int:
        if address not in self.known:
            raise BoardError(f"read of 0x{address:08X}, where the board has no register that is known here")
        return self.values.get(address, 0)

    def write(self, address: int, value: int) -> None:
        if address not in self.known:
            raise BoardError(f"write to 0x{address:08X}, where the board has no register that is known here")
        self.values[address] = value

    def sending(self) -> bool:
        """Whether a byte is still on its way out."""
        return False

    def flash_write(self, address: int, value: int) -> None:
        raise BoardError(f"write to flash at 0x{address:08X} outside of programming")


class Stm32f746(Peripherals):
    """Reset and clock control, power, flash, USART1, watchdog, two GPIO ports (RM0385)."""

    flash = (0x08000000, 0x100000)
    ram = (0x20000000, 0x50000)
    RCC, PWR, FLASH, USART, IWDG = 0x40023800, 0x40007000, 0x40023C00, 0x40011000, 0x40003000
    GPIOG = 0x40021800
    GPIO_REGISTERS = frozenset({0x00, 0x08, 0x0C, 0x20, 0x24})
    blocks: ClassVar = {
        "RCC": (RCC, {0x00, 0x04, 0x08, 0x30, 0x40, 0x44, 0x74}),
        "PWR": (PWR, {0x00, 0x04}),
        "FLASH": (FLASH, {0x00, 0x04, 0x0C, 0x10}),
        "USART1": (USART, {0x00, 0x0C, 0x18, 0x1C, 0x20, 0x24, 0x28}),
        "IWDG": (IWDG, {0x00, 0x04, 0x08, 0x0C}),
        "GPIOA": (0x40020000, set(GPIO_REGISTERS)),
        "GPIOB": (0x40020400, set(GPIO_REGISTERS)),
        "GPIOG": (GPIOG, {0x00, 0x18}),
    }
    SECTORS: ClassVar = {  # number: offset, bytes
        **{n: (0x8000 * n, 0x8000) for n in range(4)},
        4: (0x20000, 0x20000),
        **{n: (0x40000 * (n - 4), 0x40000) for n in range(5, 8)},
    }

    def __init__(self, board: "UnicornBoard") -> None:
        super().__init__(board)
        self.values[self.RCC] = 0x83
        self.values[self.RCC + 0x74] = 0x0E000000  # power-on, brown-out, pin
        self.values[self.FLASH + 0x10] = 0x80000000  # locked
        self.keys: list[int] = []
        self.shifting = 0  # reads of ISR until the byte in the shift register has gone out
        self.held = False  # TDR holds the next one

    def read(self, address: int) -> int:
        value = super().read(address)
        if address == self.RCC:  # HSE and PLL are ready when they are on
            return value | (value & 0x10000) << 1 | (value & 0x1000000) << 1
        if address == self.RCC + 0x08:
            return value | (value & 3) << 2
        if address == self.PWR + 0x04:
            return (self.values.get(self.PWR, 0) >> 16 & 3) << 16
        if address == self.USART + 0x1C:
            self._shift()
            return (0 if self.held else 0x80) | (0 if self.shifting else 0x40) | (0x20 if self.board.incoming else 0)
        if address == self.USART + 0x24:
            return self.board.incoming.popleft() if self.board.incoming else 0
        return value

    def sending(self) -> bool:
        return self.shifting > 0

    def _shift(self) -> None:
        if self.shifting:
            self.shifting -= 1
            if not self.shifting and self.held:
                self.shifting, self.held = READS_PER_BYTE, False

    def _send(self, byte: int) -> None:
        self._require(self.USART, 0x9, "USART1 sends before UE and TE are set")
        if self.held:
            raise BoardError("TDR is written before TXE")
        self.held = self.shifting > 0
        self.shifting = self.shifting or READS_PER_BYTE
        self.board.received.append(byte)

    def write(self, address: int, value: int) -> None:
        if address == self.USART and value & 0x9 != 0x9 and self.sending():
            raise BoardError("USART1 is switched off before TC")
        super().write(address, value)
        if address == self.GPIOG + 0x18:  # BSRR: the lower half sets, the upper half clears
            self._mark(value)
        elif address == self.USART + 0x28:
            self._send(value & 0xFF)
        elif address == self.FLASH + 0x04:
            self.keys.append(value)
            if self.keys[-2:] == [0x45670123, 0xCDEF89AB]:
                self.values[self.FLASH + 0x10] = 0
        elif address == self.FLASH + 0x0C:
            self.values[address] = 0  # flags are cleared by writing them
        elif address == self.FLASH + 0x10 and value & 0x10000:
            self._require(self.FLASH + 0x10, 0x2, "STRT without SER")
            start, size = self.SECTORS[value >> 3 & 0xF]
            self.board.machine.mem_write(self.flash[0] + start, b"\xff" * size)
            self.values[address] = value & ~0x10000

    def flash_write(self, address: int, value: int) -> None:
        if self.values[self.FLASH + 0x10] & 0x80000001 != 1:
            super().flash_write(address, value)

    def _mark(self, value: int) -> None:
        self._require(self.RCC + 0x30, 1 << 6, "port G is used before its clock runs")
        if (value >> 6 | value >> 22) & 3 != 3:
            raise BoardError("a mark leaves one of its pins as it was")
        self.marks.append(value >> 6 & 3)

    def _require(self, address: int, bits: int, sentence: str) -> None:
        if self.values.get(address, 0) & bits != bits:
            raise BoardError(sentence)


class Nrf5340(Peripherals):
    """Clock, reset, cache, access protection, port P0, UARTE0, watchdog, flash controller of the application core."""

    flash = (0x00000000, 0x100000)
    ram = (0x20000000, 0x80000)
    CLOCK, UARTE, NVMC = 0x50005000, 0x50008000, 0x50039000
    P1 = 0x50842800
    blocks: ClassVar = {
        "CACHE": (0x50001000, {0x500, 0x504}),
        "CLOCK": (CLOCK, {0x000, 0x100, 0x558}),
        "RESET": (0x50005000, {0x400}),
        "CTRLAP": (0x50006000, {0x544, 0x54C}),
        "P0": (0x50842500, {0x08, 0x18, *range(0x200, 0x280, 4)}),
        "P1": (P1, {0x04, *range(0x200, 0x280, 4)}),
        "UARTE0": (
            UARTE,
            {0x000, 0x004, 0x008, 0x00C, 0x110, 0x120, 0x124, 0x144, 0x158, 0x304, 0x308, 0x480, 0x500, 0x508, 0x50C}
            | {0x510, 0x514, 0x524, 0x534, 0x538, 0x544, 0x548, 0x56C},
        ),
        "WDT0": (0x50018000, {0x000, 0x504, 0x508, 0x50C, 0x600}),
        "NVMC": (NVMC, {0x400, 0x504}),
    }

    def __init__(self, board: "UnicornBoard") -> None:
        super().__init__(board)
        self.receiving = False
        self.transmitting = False  # from STARTTX until TXSTOPPED was seen
        self.ends: dict[int, int] = {}  # event of the transmitter: reads until it comes
        board.machine.mem_map(0x00FF0000, 0x10000)  # FICR and UICR, as shipped: nothing but erased words
        board.machine.mem_write(0x00FF0000, b"\xff" * 0x10000)

    def read(self, address: int) -> int:
        if address == self.UARTE + 0x110:
            self._receive()
        if address == self.NVMC + 0x400:
            return 1
        if address in self.ends:
            self._come_nearer(address)
        return super().read(address)

    def sending(self) -> bool:
        return self.transmitting

    def _come_nearer(self, event: int) -> None:
        self.ends[event] -= 1
        if not self.ends[event]:
            del self.ends[event]
            self.values[event] = 1
            if event == self.UARTE + 0x158:
                self.transmitting = False

    def write(self, address: int, value: int) -> None:
        uarte = self.UARTE
        if address == uarte + 0x500 and value != 8 and self.sending():
            raise BoardError("UARTE0 is switched off before TXSTOPPED")
        super().write(address, value)
        if address == self.P1 + 0x04:
            self.marks.append(value >> 4 & 3)
        elif address == self.CLOCK and value:
            self.values[self.CLOCK + 0x100] = 1
        elif address == uarte and value:
            self.receiving = True
        elif address == uarte + 0x004 and value:
            self.receiving = False
            self.values[uarte + 0x144] = 1
        elif address == uarte + 0x008 and value:
            self._transmit()
        elif address == uarte + 0x00C and value and self.transmitting:
            self.ends[uarte + 0x158] = READS_PER_BYTE
        elif address == uarte + 0x480:
            self.values[address] = 0  # sources are cleared by writing them

    def _dma(self, pointer: int, count: int) -> tuple[int, int]:
        start, size = self.values.get(pointer, 0), self.values.get(count, 0)
        if self.values.get(self.UARTE + 0x500) != 8:
            raise BoardError("UARTE0 is used before it is enabled")
        if not (self.ram[0] <= start and start + size <= sum(self.ram)):
            raise BoardError(f"EasyDMA of {size} bytes at 0x{start:08X}, which is not RAM")
        return start, size

    def _transmit(self) -> None:
        start, size = self._dma(self.UARTE + 0x544, self.UARTE + 0x548)
        if self.UARTE + 0x120 in self.ends:
            raise BoardError("STARTTX before ENDTX")
        self.board.received += self.board.machine.mem_read(start, size)
        self.transmitting = True
        self.ends[self.UARTE + 0x120] = READS_PER_BYTE

    def _receive(self) -> None:
        start, size = self._dma(self.UARTE + 0x534, self.UARTE + 0x538)
        if self.receiving and len(self.board.incoming) >= size > 0:
            self.board.machine.mem_write(start, bytes(self.board.incoming.popleft() for _ in range(size)))
            self.receiving = False
            self.values[self.UARTE + 0x110] = 1

    def flash_write(self, address: int, value: int) -> None:
        mode = self.values.get(self.NVMC + 0x504, 0)
        if mode == 2 and value == WORD and address % 4096 == 0:
            self.board.machine.mem_write(address, b"\xff" * 4096)
        elif mode != 1:
            super().flash_write(address, value)


class Core:
    """System control space and debug unit: what the firmware sets up of the core itself (Armv7-M B3.2, C1.8)."""

    SYSTEM: ClassVar = {
        *(0xD00, 0xD08, 0xD0C, 0xD14, 0xD24, 0xD28, 0xD2C, 0xD34, 0xD38, 0xD7C, 0xD80, 0xD84, 0xD88, 0xDFC),
        *(0xF50, 0xF58, 0xF5C, 0xF60, 0xF64, 0xF68, 0xF6C, 0xF70, 0xF74),  # cache maintenance
        *range(0x100, 0x120, 4),  # NVIC: enable, disable
        *range(0x180, 0x1A0, 4),
    }
    DEBUG: ClassVar = {0x1000, 0x1004, 0x1FB0}

    def __init__(self, board: "UnicornBoard") -> None:
        self.board = board
        self.values: dict[int, int] = {}

    def read(self, address: int) -> int:
        self._check(address)
        if address == 0xE0001004:
            return self.board.instructions & WORD
        return self.values.get(address, 0)

    def write(self, address: int, value: int) -> None:
        self._check(address)
        self.values[address] = value
        if address == 0xE000ED0C and value == 0x05FA0004:
            if self.board.peripherals.sending():
                raise BoardError("the core resets before the last byte has gone out")
            self.board.reset_requested = True
            self.board.machine.emu_stop()

    def _check(self, address: int) -> None:
        offset = address - 0xE000E000
        if offset not in self.SYSTEM and address - 0xE0000000 not in self.DEBUG:
            raise BoardError(f"access to 0x{address:08X}, a system register that is not known here")


BOARDS = {
    "stm32f746g_disco": (Stm32f746, arm_const.UC_CPU_ARM_CORTEX_M7),
    "nrf5340dk": (Nrf5340, arm_const.UC_CPU_ARM_CORTEX_M33),
}


class UnicornBoard:
    """A board with a firmware in it, not yet started.

    received      bytes that the firmware has sent, from the start
    send(bytes)   bytes that the firmware will find on its serial line
    run(...)      lets it run until something holds
    """

    def __init__(self, elf: Path, board: str) -> None:
        peripherals, model = BOARDS[board]
        self.received = bytearray()
        self.incoming: deque[int] = deque()
        self.instructions = 0
        self.reset_requested = False
        self.failure: BoardError | None = None
        self.machine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.machine.ctl_set_cpu_model(model)
        self.machine.mem_map(*peripherals.flash)
        self.machine.mem_map(*peripherals.ram)
        self.machine.mem_write(peripherals.flash[0], b"\xff" * peripherals.flash[1])
        self.peripherals = peripherals(self)
        self._answer(0x40000000, 0x20000000, self.peripherals)
        self._answer(0xE0000000, 0x00100000, Core(self))
        self._load(elf)
        hooks = unicorn.UC_HOOK_MEM_READ_UNMAPPED | unicorn.UC_HOOK_MEM_WRITE_UNMAPPED
        self.machine.hook_add(hooks | unicorn.UC_HOOK_MEM_FETCH_UNMAPPED, self._on_unmapped)
        start, size = peripherals.flash
        self.machine.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._on_flash_write, begin=start, end=start + size - 1)
        stack, entry = (int.from_bytes(self.machine.mem_read(start + at, 4), "little") for at in (0, 4))
        self.machine.reg_write(arm_const.UC_ARM_REG_SP, stack)
        self.next = entry

    def send(self, data: bytes) -> None:
        """Put bytes on the board's serial line."""
        self.incoming.extend(data)

    def run(self, until: Callable[["UnicornBoard"], bool], instructions: int = 50_000_000) -> None:
        """Run until `until(board)` holds; fail when it does not within so many instructions."""
        limit = self.instructions + instructions
        while not until(self):
            if self.instructions >= limit:
                tail = bytes(self.received[-200:])
                raise BoardError(f"nothing of what was waited for in {instructions} instructions; sent last: {tail!r}")
            try:
                self.machine.emu_start(self.next | 1, 0, count=SLICE)
            except unicorn.UcError as error:
                place = self.machine.reg_read(arm_const.UC_ARM_REG_PC)
                raise self.failure or BoardError(f"the core stopped at 0x{place:08X}: {error}") from error
            if self.failure:
                raise self.failure
            self.instructions += SLICE
            self.next = self.machine.reg_read(arm_const.UC_ARM_REG_PC)
            if self.reset_requested and not until(self):
                raise BoardError(f"the firmware reset the board; sent last: {bytes(self.received[-300:])!r}")

    def _load(self, elf: Path) -> None:
        with elf.open("rb") as file:
            for segment in ELFFile(file).iter_segments("PT_LOAD"):
                if segment["p_filesz"]:
                    self.machine.mem_write(segment["p_paddr"], segment.data())

    def _answer(self, base: int, size: int, registers: Peripherals | Core) -> None:
        def read(_machine, offset, width, _data):
            return self._guarded(lambda: self._word(width, offset) or registers.read(base + offset))

        def write(_machine, offset, width, value, _data):
            self._guarded(lambda: self._word(width, offset) or registers.write(base + offset, value))

        self.machine.mmio_map(base, size, read, None, write, None)

    @staticmethod
    def _word(width: int, offset: int) -> None:
        if width != 4 or offset % 4:
            raise BoardError(f"access of {width} bytes to a register of 4")

    def _guarded(self, action: Callable[[], int | None]) -> int:
        """Unicorn swallows exceptions of its callbacks: keep the first and stop."""
        try:
            return action() or 0
        except BoardError as failure:
            place = self.machine.reg_read(arm_const.UC_ARM_REG_PC)
            self.failure = self.failure or BoardError(f"{failure} (near pc 0x{place:08X})")
            self.machine.emu_stop()
            return 0

    def _on_unmapped(self, _machine, _kind, address, _size, _value, _data) -> bool:
        def fail() -> None:
            raise BoardError(f"access to 0x{address:08X}, where the board has nothing")

        self._guarded(fail)
        return False

    def _on_flash_write(self, _machine, _kind, address, _size, value, _data) -> None:
        self._guarded(lambda: self.peripherals.flash_write(address, value & WORD))
