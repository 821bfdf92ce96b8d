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

from support.unicorn_camera import Arducam, BoardError, Dcmi, Device, I2c, Memory, Ov9655, Spim, Twim
from support.unicorn_sdram import Sdram

SLICE = 50_000  # instructions between two looks at `until`
WORD = 0xFFFFFFFF
READS_PER_BYTE = 8  # of a transmitter's flag, until a byte has gone out


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
        self.devices: dict[int, Device] = {}

    def attach(self, device: Device) -> None:
        """From now on this device answers its registers."""
        self.devices |= dict.fromkeys(device.registers, device)

    def read(self, address: int) -> int:
        if address in self.devices:
            return self.devices[address].read(address)
        if address not in self.known:
            raise BoardError(f"read of 0x{address:08X}, where the board has no register that is known here")
        return self.values.get(address, 0)

    def write(self, address: int, value: int) -> None:
        if address in self.devices:
            self.devices[address].write(address, value)
            return
        if address not in self.known:
            raise BoardError(f"write to 0x{address:08X}, where the board has no register that is known here")
        self.values[address] = value

    def sending(self) -> bool:
        """Whether a byte is still on its way out."""
        return False

    def flash_write(self, address: int, value: int) -> None:
        raise BoardError(f"write to flash at 0x{address:08X} outside of programming")


class Stm32f746(Peripherals):
    """Reset and clock control, power, flash, USART1, watchdog, GPIO ports, and the camera's I2C1, DCMI and DMA2
    (RM0385)."""

    flash = (0x08000000, 0x100000)
    ram = (0x20000000, 0x50000)
    RCC, PWR, FLASH, USART, IWDG = 0x40023800, 0x40007000, 0x40023C00, 0x40011000, 0x40003000
    GPIO, GPIOG, SYSCFG = 0x40020000, 0x40021800, 0x40013800
    CAMERA_PINS = ("H9", "H10", "H11", "H12", "H14", "D3", "E5", "E6", "A4", "A6", "G9")  # UM1907, connector P1
    blocks: ClassVar = {
        "RCC": (RCC, {0x00, 0x04, 0x08, 0x30, 0x34, 0x38, 0x40, 0x44, 0x74}),
        "PWR": (PWR, {0x00, 0x04}),
        "FLASH": (FLASH, {0x00, 0x04, 0x0C, 0x10}),
        "USART1": (USART, {0x00, 0x0C, 0x18, 0x1C, 0x20, 0x24, 0x28}),
        "SYSCFG": (SYSCFG, {0x00, 0x10}),
        "IWDG": (IWDG, {0x00, 0x04, 0x08, 0x0C}),
        **{
            f"GPIO{'ABCDEFGH'[n]}": (0x40020000 + 0x400 * n, {0x00, 0x04, 0x08, 0x0C, 0x18, 0x20, 0x24})
            for n in range(8)
        },
        "EXTI": (0x40013C00, {0x00, 0x08, 0x14}),
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
        self.i2c = I2c(self.values, lambda: self._has(0x40, 1 << 21) and self._are_open("B8", "B9"))
        self.dcmi = Dcmi(self.values, self._is_camera_ready, board.machine.mem_write, self.ram)
        self.attach(self.i2c)
        self.attach(self.dcmi)
        self.sdram = Sdram(self.values, self._is_memory_ready, self._memory_appears)
        self.attach(self.sdram)

    def plug(self, sensor: Ov9655) -> None:
        """A camera on connector P1."""
        self.i2c.sensor = self.dcmi.sensor = sensor

    def _has(self, enable: int, bits: int) -> bool:
        return self.values.get(self.RCC + enable, 0) & bits == bits

    def _function(self, pin: str) -> int | None:
        """Of a pin in the hands of a peripheral, the number of the function."""
        port, number = self.GPIO + 0x400 * "ABCDEFGH".index(pin[0]), int(pin[1:])
        if not self._has(0x30, 1 << "ABCDEFGH".index(pin[0])) or self.values.get(port, 0) >> 2 * number & 3 != 2:
            return None
        return self.values.get(port + 0x20 + number // 8 * 4, 0) >> 4 * (number % 8) & 15

    def _are_open(self, *pins: str) -> bool:
        """Pins of I2C1 that are pulled down only."""
        drains = self.values.get(self.GPIO + 0x400 + 0x04, 0)
        return all(self._function(pin) == 4 and drains >> int(pin[1:]) & 1 for pin in pins)

    def _memory_appears(self, start: int, size: int) -> None:
        """As after power-on: anything may be in it."""
        self.board.machine.mem_map(start, size)
        self.board.machine.mem_write(start, b"\xa5" * size)

    def _is_memory_ready(self) -> bool:
        pins = all(self._function(f"{port}{pin}") == 12 for port, few in Sdram.PINS.items() for pin in few)
        return pins and self._has(0x38, 1) and self.values.get(self.SYSCFG, 0) & 0xC00 == 0x400

    def _is_camera_ready(self) -> bool:
        pins = all(self._function(pin) == 13 for pin in self.CAMERA_PINS)
        return pins and self._has(0x30, 1 << 22) and self._has(0x34, 1)

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
        elif address == self.GPIO + 0x1C18 and self.dcmi.sensor:  # PH13, high: standby
            self.dcmi.sensor.awake = bool(value & 1 << 29) or (self.dcmi.sensor.awake and not value & 1 << 13)
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
    CLOCK, UARTE, RTC, NVMC, P1 = 0x50005000, 0x50008000, 0x50014000, 0x50039000, 0x50842800
    SDA, SCL, CS, MOSI, MISO, SCK = 2, 3, 12, 13, 14, 15  # of port P1, on the kit's Arduino header
    CYCLES_PER_TICK = 128_000_000 // 32768
    blocks: ClassVar = {
        "CACHE": (0x50001000, {0x500, 0x504}),
        "CLOCK": (CLOCK, {0x000, 0x008, 0x100, 0x518, 0x558}),
        "RESET": (0x50005000, {0x400}),
        "CTRLAP": (0x50006000, {0x544, 0x54C}),
        "P0": (0x50842500, {0x08, 0x18, *range(0x200, 0x280, 4)}),
        "P1": (P1, {0x04, 0x08, 0x0C, 0x18, *range(0x200, 0x280, 4)}),
        "UARTE0": (
            UARTE,
            {0x000, 0x004, 0x008, 0x00C, 0x110, 0x120, 0x124, 0x144, 0x158, 0x304, 0x308, 0x480, 0x500, 0x508, 0x50C}
            | {0x510, 0x514, 0x524, 0x534, 0x538, 0x544, 0x548, 0x56C},
        ),
        "GPIOTE0": (0x5000D000, {0x100, 0x304, 0x510}),
        "RTC0": (RTC, {0x000, 0x140, 0x304, 0x308, 0x504, 0x508, 0x540}),
        "WDT0": (0x50018000, {0x000, 0x504, 0x508, 0x50C, 0x600}),
        "NVMC": (NVMC, {0x400, 0x504}),
    }

    def __init__(self, board: "UnicornBoard") -> None:
        super().__init__(board)
        self.receiving = False
        self.transmitting = False  # from STARTTX until TXSTOPPED was seen
        self.ends: dict[int, int] = {}  # event of the transmitter: reads until it comes
        memory = Memory(board.machine, self.ram)
        self.directions = 0  # of port P1: which pins are outputs
        self.twim = Twim(self.values, memory, self._are_wires_ready)
        self.spim = Spim(self.values, memory, self._is_line_ready)
        self.attach(self.twim)
        self.attach(self.spim)
        board.machine.mem_map(0x00FF0000, 0x10000)  # FICR and UICR, as shipped: nothing but erased words
        board.machine.mem_write(0x00FF0000, b"\xff" * 0x10000)

    def read(self, address: int) -> int:
        if address == self.UARTE + 0x110:
            self._receive()
        if address == self.NVMC + 0x400:
            return 1
        if address == self.RTC + 0x504:
            return self.board.instructions // self.CYCLES_PER_TICK & 0xFFFFFF
        if address in self.ends:
            self._come_nearer(address)
        return super().read(address)

    def plug(self, module: Arducam) -> None:
        """A camera on the Arduino header."""
        self.spim.module, self.twim.sensor = module, module.sensor

    def _selects(self, register: int, pin: int) -> bool:
        return self.values.get(register) == 0x20 | pin

    def _are_wires_ready(self) -> bool:
        pins = all(self.values.get(self.P1 + 0x200 + 4 * pin) == 0x60C for pin in (self.SDA, self.SCL))
        return pins and self._selects(Twim.SDA, self.SDA) and self._selects(Twim.SCL, self.SCL)

    def _is_line_ready(self) -> bool:
        outputs = all(self.directions >> pin & 1 for pin in (self.CS, self.MOSI, self.SCK))
        pins = {Spim.SCK: self.SCK, Spim.MOSI: self.MOSI, Spim.MISO: self.MISO}
        return outputs and all(self._selects(register, pin) for register, pin in pins.items())

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
        if address == self.P1 + 0x18:
            self.directions |= value
        elif address in (self.P1 + 0x08, self.P1 + 0x0C) and value >> self.CS & 1:
            self.spim.select(address == self.P1 + 0x0C)
        elif address == self.P1 + 0x04:
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
        *(0x010, 0x014, 0x018, 0xD04),  # SysTick and what takes its interrupt back
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
        self._answer(0xA0000000, 0x00001000, self.peripherals)
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
