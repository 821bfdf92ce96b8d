# SPDX-License-Identifier: Apache-2.0
"""Cameras for support.unicorn_board: sensors behind two wires, and what lies between them and the memory.

They are strict: a register that the driver leaves unset, a pin that it forgets, a transfer into the wrong place fails
the test. What they know comes from RM0385, the nRF5340 Product Specification, the sensors' datasheets and Arducam's
hardware application note, not from the drivers.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

READS = 5  # of a flag, until what it stands for has happened


class BoardError(AssertionError):
    """The firmware did what the real board would not take."""


def at(base: int, *offsets: int) -> tuple[int, ...]:
    return tuple(base + offset for offset in offsets)


class Device:
    """Some registers of a board, by address; `values` are the board's."""

    registers: ClassVar[set[int]] = set()

    def __init__(self, values: dict[int, int]) -> None:
        self.values = values

    def get(self, address: int) -> int:
        return self.values.get(address, 0)

    def read(self, address: int) -> int:
        return self.get(address)

    def write(self, address: int, value: int) -> None:
        self.values[address] = value

    def require(self, holds: bool, sentence: str) -> None:
        if not holds:
            raise BoardError(sentence)


class Sensor:
    """An OmniVision sensor at the two wires; `frame` gives its next picture.

    picture: uint16 [height, width], RGB565. The frames after a reset come nearer to it, as an exposure does.
    settled: number of the first frame that is the picture.
    """

    ADDRESS = 0x30
    PRODUCT = 0

    def __init__(self, picture: np.ndarray, settled: int = 4) -> None:
        self.picture, self.settled = picture, settled
        self.awake = False
        self.values: dict[tuple[int, int], int] = {}
        self.log: list[tuple[int, int, int]] = []  # bank, register, value
        self.number = self.bank = self.frames = 0

    def take(self, message: Sequence[int]) -> None:
        """Bytes that were written to it in one go."""
        self.number = message[0]
        if len(message) == 1:
            return
        self.log.append((self.bank, message[0], message[1]))
        self.values[self.bank, message[0]] = message[1]
        if self.is_reset(message[0], message[1]):
            self.values.clear()
            self.frames = self.bank = 0

    def is_reset(self, number: int, value: int) -> bool:
        return number == 0x12 and value >= 0x80

    def give(self) -> int:
        return self.PRODUCT if self.number == 0x0A else self.values.get((self.bank, self.number), 0)

    def frame(self) -> np.ndarray:
        """uint16 [height, width]: the next frame, darker than the picture while exposure is on its way."""
        self.frames += 1
        shade = min(self.frames, self.settled)
        parts = [(self.picture >> shift & mask) * shade // self.settled for shift, mask in ((11, 31), (5, 63), (0, 31))]
        return (parts[0] << 11 | parts[1] << 5 | parts[2]).astype(np.uint16)


class Ov9655(Sensor):
    PRODUCT = 0x96

    def rows(self) -> np.ndarray:
        """uint8 [240, 640]: the next frame's bytes, as on the eight data lines."""
        wanted = {
            0x12: 0x63,
            0x72: 0x11,
            0x73: 0x01,
            0xC7: 0x81,
        }  # RGB of VGA, each second pixel, a quarter of the clock
        seen = {number: self.values.get((0, number)) for number in wanted}
        if seen != wanted or self.values.get((0, 0x40), 0) & 0x30 != 0x10 or self.picture.shape != (240, 320):
            raise BoardError(f"the sensor does not give QVGA in RGB565: {seen}")
        low_first = self.values.get((0, 0x3A), 0) & 0x0C == 0x0C
        return self.frame().astype("<u2" if low_first else ">u2").view(np.uint8)


class Ov2640(Sensor):
    PRODUCT = 0x26

    def take(self, message: Sequence[int]) -> None:
        if len(message) == 2 and message[0] == 0xFF:
            self.log.append((self.bank, *message))
            self.bank = message[1] & 1
        else:
            super().take(message)

    def give(self) -> int:
        if self.number == 0x0A and self.bank == 0:
            return 0
        return super().give()

    def is_reset(self, number: int, value: int) -> bool:
        return self.bank == 1 and super().is_reset(number, value)

    def window(self) -> tuple[int, int, int, int]:
        """Left, top, width, height of what is scaled, in pixels of 800 x 600."""
        low = [self.values.get((0, number), 0) for number in (0x51, 0x52, 0x53, 0x54)]
        high = self.values.get((0, 0x55), 0)
        width = low[0] | (high & 0x08) << 5 | (self.values.get((0, 0x57), 0) & 0x80) << 2
        height = low[1] | (high & 0x80) << 1
        return low[2] | (high & 0x07) << 8, low[3] | (high & 0x70) << 4, 4 * width, 4 * height

    def size(self) -> tuple[int, int]:
        """Width and height of what comes out."""
        high = self.values.get((0, 0x5C), 0)
        width = self.values.get((0, 0x5A), 0) | (high & 3) << 8
        return 4 * width, 4 * (self.values.get((0, 0x5B), 0) | (high & 4) << 6)

    def stream(self) -> bytes:
        """The bytes of the next frame."""
        wanted = {(1, 0x12): 0x40, (0, 0x05): 0, (0, 0xE0): 0, (0, 0xC0): 100, (0, 0xC1): 75}
        seen = {number: self.values.get(number) for number in wanted}
        mode = self.values.get((0, 0xDA), 0)
        if seen != wanted or mode & 0x1C != 0x08 or self.picture.shape != self.size()[::-1]:
            raise BoardError(f"the sensor does not give {self.picture.shape} in RGB565: {seen}, {self.size()}")
        left, top, width, height = self.window()
        if left + width > 800 or top + height > 600 or min(width / self.size()[0], height / self.size()[1]) < 1:
            raise BoardError(f"the sensor cannot scale {self.window()} to {self.size()}")
        return self.frame().astype("<u2" if mode & 1 else ">u2").tobytes()


# ---- STM32F746


class I2c(Device):
    """I2C1 as master (RM0385 section 30), with a sensor at its wires or none."""

    BASE = 0x40005400
    CR1, CR2, TIMING, ISR, ICR, RXDR, TXDR = at(BASE, 0, 0x04, 0x10, 0x18, 0x1C, 0x24, 0x28)
    registers: ClassVar = {CR1, CR2, TIMING, ISR, ICR, RXDR, TXDR}
    TXIS, RXNE, NACK, STOP = 2, 4, 0x10, 0x20

    def __init__(self, values: dict[int, int], is_ready: Callable[[], bool]) -> None:
        super().__init__(values)
        self.sensor: Sensor | None = None
        self.is_ready = is_ready
        self.message: list[int] = []
        self.left = self.flags = 0

    def read(self, address: int) -> int:
        if address == self.ISR:
            return self.flags
        if address == self.RXDR:
            self.require(self.flags & self.RXNE != 0, "RXDR is read before RXNE")
            self.flags = self.STOP
            return self.sensor.give() if self.sensor else 0xFF
        return super().read(address)

    def write(self, address: int, value: int) -> None:
        super().write(address, value)
        if address == self.CR1 and not value & 1:
            self.flags = self.left = 0
        elif address == self.ICR:
            self.flags &= ~value
        elif address == self.TXDR:
            self._take(value)
        elif address == self.CR2 and value & 0x2000:
            self._start(value)

    def _start(self, value: int) -> None:
        timing = self.get(self.TIMING)
        tick = ((timing >> 28) + 1) / 54e6
        self.require(self.get(self.CR1) & 1 == 1 and self.is_ready(), "I2C1 starts before its clock and pins are ready")
        self.require(tick * ((timing & 0xFF) + 1) >= 4.7e-6, "SCL is low for less than 4.7 us")
        self.require(tick * ((timing >> 8 & 0xFF) + 1) >= 4.0e-6, "SCL is high for less than 4 us")
        self.require(value & 0x2000000 != 0, "the driver and this model know AUTOEND only")
        answers = self.sensor is not None and self.sensor.awake and value >> 1 & 0x7F == self.sensor.ADDRESS
        self.message, self.left = [], value >> 16 & 0xFF
        self.flags = self.NACK | self.STOP if not answers else self.RXNE if value & 0x400 else self.TXIS

    def _take(self, value: int) -> None:
        self.require(self.flags & self.TXIS != 0, "TXDR is written before TXIS")
        self.message.append(value)
        if len(self.message) == self.left and self.sensor:
            self.sensor.take(self.message)
            self.flags = self.STOP


class Dcmi(Device):
    """The DCMI's snapshots through stream 1 of DMA2 (RM0385 sections 18 and 8), of an OV9655."""

    BASE, DMA = 0x50050000, 0x40026400
    CR, RISR, ICR, START, SIZE, DR = at(BASE, 0, 0x08, 0x14, 0x20, 0x24, 0x28)
    LISR, LIFCR = DMA, DMA + 0x08
    S_CR, S_NDTR, S_PAR, S_M0AR = at(DMA + 0x28, 0, 0x04, 0x08, 0x0C)
    registers: ClassVar = {CR, RISR, ICR, START, SIZE, LISR, LIFCR, S_CR, S_NDTR, S_PAR, S_M0AR}
    DONE = 1 << 11

    def __init__(
        self,
        values: dict[int, int],
        is_ready: Callable[[], bool],
        store: Callable[[int, bytes], None],
        ram: tuple[int, int],
    ) -> None:
        super().__init__(values)
        self.sensor: Ov9655 | None = None
        self.is_ready, self.store, self.ram = is_ready, store, ram
        self.flags = self.reads = self.snapshots = 0
        self.loses = False  # DMA2 comes too late for a word

    def read(self, address: int) -> int:
        if address == self.LISR:
            self.reads += 1
            return self.flags if self.reads > READS else 0
        return super().read(address)

    def write(self, address: int, value: int) -> None:
        super().write(address, value)
        if address == self.LIFCR:
            self.flags &= ~value
        elif address == self.CR and value & 0x4001 == 0x4001:
            self._capture(value)

    def _capture(self, value: int) -> None:
        stream, words = self.get(self.S_CR), self.get(self.S_NDTR)
        self.require(self.is_ready(), "DCMI captures before its clocks and pins are ready")
        self.require(value & 0xFFE == 0x0A6, f"DCMI is set to 0x{value:X}, not to a cut snapshot of 8 bits")
        self.require(stream & 0x0E007EC1 == 0x02005401, f"DMA2's stream 1 is set to 0x{stream:X}")
        self.require(self.get(self.S_PAR) == self.DR, "DMA2 does not read the DCMI")
        if self.sensor is None or not self.sensor.awake:
            return  # no clock, no frame
        start, size = self.get(self.START), self.get(self.SIZE)
        top, left = start >> 16, start & 0x3FFF
        rows = self.sensor.rows()[top : top + (size >> 16) + 1, left : left + (size & 0x3FFF) + 1]
        target, data = self.get(self.S_M0AR), rows.tobytes()
        self.require(rows.shape == ((size >> 16) + 1, (size & 0x3FFF) + 1), "the window leaves the sensor's picture")
        self.require(4 * words == len(data), f"DMA2 waits for {words} words, and {len(data)} bytes come")
        self.require(target % 32 == 0 and len(data) % 32 == 0, "other data share cache lines with the picture")
        self.require(self.ram[0] <= target <= sum(self.ram) - len(data), f"DMA2 writes to 0x{target:08X}")
        self.store(target, data)
        self.flags, self.reads = self.DONE, 0
        self.values[self.RISR] = 2 if self.loses else 0
        self.snapshots += 1


# ---- nRF5340


class Twim(Device):
    """TWIM2 (product specification, section TWIM), with a sensor at its wires or none."""

    BASE = 0x5000B000
    START_RX, START_TX, STOP, STOPPED, ERROR, SHORTS, SOURCE, ENABLE, SCL, SDA, FREQUENCY = at(
        BASE, 0, 0x08, 0x14, 0x104, 0x124, 0x200, 0x4C4, 0x500, 0x508, 0x50C, 0x524
    )
    RX, RX_COUNT, TX, TX_COUNT, ADDRESS = at(BASE, 0x534, 0x538, 0x544, 0x548, 0x588)
    registers: ClassVar = {
        *(START_RX, START_TX, STOP, STOPPED, ERROR, SHORTS, SOURCE, ENABLE, SCL, SDA, FREQUENCY),
        *(RX, RX_COUNT, TX, TX_COUNT, ADDRESS),
    }

    def __init__(self, values: dict[int, int], memory: "Memory", is_ready: Callable[[], bool]) -> None:
        super().__init__(values)
        self.sensor: Sensor | None = None
        self.memory, self.is_ready = memory, is_ready

    def write(self, address: int, value: int) -> None:
        super().write(address, value)
        if address in (self.START_RX, self.START_TX) and value:
            self._start(address == self.START_RX)
        elif address == self.STOP and value:
            self.values[self.STOPPED] = 1

    def _start(self, reads: bool) -> None:
        self.require(self.get(self.ENABLE) == 6 and self.is_ready(), "TWIM2 starts before it and its pins are ready")
        self.require(self.get(self.FREQUENCY) == 0x01980000, "SCCB is not at 100 kHz")
        self.require(self.get(self.SHORTS) & (0x1000 if reads else 0x200) != 0, "nothing stops TWIM2")
        if self.sensor is None or not self.sensor.awake or self.get(self.ADDRESS) != self.sensor.ADDRESS:
            self.values[self.ERROR] = 1
            return
        if reads:
            self.require(self.get(self.RX_COUNT) == 1, "SCCB gives one byte at a time")
            self.memory.store(self.get(self.RX), bytes([self.sensor.give()]))
        else:
            self.sensor.take(self.memory.load(self.get(self.TX), self.get(self.TX_COUNT)))
        self.values[self.STOPPED] = 1


class Memory:
    """The RAM that EasyDMA reaches."""

    def __init__(self, machine, ram: tuple[int, int]) -> None:
        self.machine, self.ram = machine, ram

    def load(self, address: int, count: int) -> bytes:
        return bytes(self.machine.mem_read(self._checked(address, count), count)) if count else b""

    def store(self, address: int, data: bytes) -> None:
        if data:
            self.machine.mem_write(self._checked(address, len(data)), data)

    def _checked(self, address: int, count: int) -> int:
        if not self.ram[0] <= address <= sum(self.ram) - count:
            raise BoardError(f"EasyDMA of {count} bytes at 0x{address:08X}, which is not RAM")
        return address


class Arducam:
    """Arducam Mini 2MP: a memory for pictures, its registers behind SPI, and an OV2640."""

    def __init__(self, sensor: Ov2640) -> None:
        self.sensor = sensor
        self.values = {0x40: 0x40}
        self.picture = b""
        self.at = self.waits = 0
        self.command: int | None = None
        self.captures = 0
        self.cleared = False
        self.loses = False  # the first half of every frame

    def select(self) -> None:
        self.command = None

    def clock(self, byte: int) -> int:
        """One byte each way."""
        if self.command is None:
            self.command = byte
            return 0
        if self.command == 0x3C:
            self.at += 1
            return self.picture[self.at - 1] if self.at <= len(self.picture) else 0
        if self.command & 0x80:
            self._write(self.command & 0x7F, byte)
            return 0
        return self._read(self.command)

    def _read(self, number: int) -> int:
        if number == 0x41:
            self.waits -= 1
            return 0x08 if self.waits < 0 and self.picture else 0
        if number in (0x42, 0x43, 0x44):
            return len(self.picture) >> 8 * (number - 0x42) & 0xFF
        return self.values.get(number, 0)

    def _write(self, number: int, value: int) -> None:
        self.values[number] = value
        if number == 0x06:
            self.sensor.awake = value & 7 == 5  # power, no reset, no standby
        elif number == 0x04 and value & 1:
            self.picture, self.at, self.cleared = b"", 0, True
        elif number == 0x04 and value & 2:
            if not self.cleared:
                raise BoardError("a capture into a memory that was not cleared")
            self.picture = self.sensor.stream() if self.sensor.awake else b""
            self.picture = self.picture[len(self.picture) // 2 :] if self.loses else self.picture
            self.waits, self.cleared = READS, False
            self.captures += 1


class Spim(Device):
    """SPIM3 (product specification, section SPIM), with a module at its lines or none."""

    BASE = 0x5000C000
    START, END, ENABLE, SCK, MOSI, MISO, FREQUENCY = at(BASE, 0x010, 0x118, 0x500, 0x508, 0x50C, 0x510, 0x524)
    RX, RX_COUNT, TX, TX_COUNT, CONFIG, ORC = at(BASE, 0x534, 0x538, 0x544, 0x548, 0x554, 0x5C0)
    registers: ClassVar = {START, END, ENABLE, SCK, MOSI, MISO, FREQUENCY, RX, RX_COUNT, TX, TX_COUNT, CONFIG, ORC}

    def __init__(self, values: dict[int, int], memory: Memory, is_ready: Callable[[], bool]) -> None:
        super().__init__(values)
        self.module: Arducam | None = None
        self.memory, self.is_ready = memory, is_ready
        self.selected = False
        self.reads = 0

    def select(self, on: bool) -> None:
        self.selected = on
        if on and self.module:
            self.module.select()

    def read(self, address: int) -> int:
        if address == self.END and self.reads:
            self.reads -= 1
            return 0
        return super().read(address)

    def write(self, address: int, value: int) -> None:
        super().write(address, value)
        if address == self.START and value:
            self._transfer()

    def _transfer(self) -> None:
        self.require(self.get(self.ENABLE) == 7 and self.is_ready(), "SPIM3 starts before it and its pins are ready")
        self.require(self.get(self.CONFIG) == 0, "the module wants mode 0, the highest bit first")
        self.require(self.selected, "SPIM3 starts and nobody is selected")
        self.require(self.get(self.FREQUENCY) == 0x80000000, "SPIM3 is not at the module's 8 MHz")
        sent = self.memory.load(self.get(self.TX), self.get(self.TX_COUNT))
        count = self.get(self.RX_COUNT)
        clocks = max(len(sent), count)
        sent = sent.ljust(clocks, bytes([self.get(self.ORC)]))
        taken = bytes(self.module.clock(byte) if self.module else 0xFF for byte in sent)
        self.memory.store(self.get(self.RX), taken[:count])
        self.values[self.END], self.reads = 1, 2
