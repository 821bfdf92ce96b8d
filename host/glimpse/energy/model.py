# SPDX-License-Identifier: Apache-2.0
"""From instructions and airtime to millijoules: always an estimate, always with its interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from glimpse.binding.schedule import DataRate, Region
from glimpse.errors import UsageError
from glimpse.estimate import BY_CORE


@dataclass(frozen=True)
class Range:
    """A number and the interval that it lies in."""

    value: float
    low: float
    high: float

    def __add__(self, other: Range) -> Range:
        """The interval of a sum whose parts may both be off the same way."""
        return Range(self.value + other.value, self.low + other.low, self.high + other.high)

    def __mul__(self, other: Range | float) -> Range:
        """The interval of a product of positive numbers."""
        if isinstance(other, Range):
            return Range(self.value * other.value, self.low * other.low, self.high * other.high)
        return Range(self.value * other, self.low * other, self.high * other)

    def numbers(self, digits: int = 3) -> dict[str, float]:
        """As it stands in JSON."""
        return {key: round(getattr(self, key), digits) for key in ("value", "low", "high")}


NOTHING = Range(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Supply:
    """What something takes while it works.

    Attributes:
        milliamperes: at that voltage.
        volts: of the supply.
        source: where the current comes from.
    """

    milliamperes: Range
    volts: float
    source: str

    @property
    def milliwatts(self) -> Range:
        """Power."""
        return self.milliamperes * self.volts


CORES = {
    "cortex-m7": Supply(Range(100.0, 70.0, 180.0), 3.3, "assumed for an STM32F746 at 216 MHz, of its core alone"),
    "cortex-m33": Supply(Range(7.8, 7.0, 8.6), 3.0, "nRF5340 at 128 MHz and 3 V; +/- 10 % assumed"),
}
"""By core: the board's processor while it computes."""
SENDING = {
    "lorawan": Supply(
        Range(45.0, 31.5, 58.5), 3.0, "fits the charges in Starfish's Table 1 to 1.2 %; +/- 30 % assumed"
    ),
    "sigfox": Supply(Range(45.0, 31.5, 58.5), 3.0, "as LoRa: 14 dBm of the same band"),
    "nbiot": Supply(Range(220.0, 100.0, 300.0), 3.6, "assumed, for 23 dBm; attaching to the network is not counted"),
}
"""By kind of link: the radio while it sends."""
LISTENING = Supply(Range(11.0, 5.5, 16.5), 3.0, "SX1276: 10.8 mA while receiving; +/- 50 % assumed")
"""The radio in the two windows after a LoRaWAN uplink."""
WINDOWS_MS = 60  # two receive windows that hear nothing, together, at the fast data rates
WINDOW_SYMBOLS = 8


@dataclass(frozen=True)
class Way:
    """A link at one data rate, and how many bytes it takes in a packet."""

    region: Region
    rate: DataRate
    payload: int

    @property
    def name(self) -> str:
        """For tables: "EU868 SF9", "EU868 FSK", "Sigfox"."""
        if self.region.kind != "lorawan":
            return self.region.name
        if not self.rate.spreading:
            return f"{self.region.name} FSK"
        wide = f"/{self.rate.bandwidth_khz}" if self.rate.bandwidth_khz != 125 else ""
        return f"{self.region.name} SF{self.rate.spreading}{wide}"

    @property
    def bytes_per_second(self) -> float:
        """What full packets carry one after another while they are on the air, waiting not counted."""
        return self.payload / (self.region.airtime_us(self.rate.number, self.payload) / 1e6)


def listening_ms(region: Region, rate: DataRate) -> float:
    """How long a node listens after each uplink, milliseconds; 0 where nothing can come."""
    if not region.quiet_ms:
        return 0.0
    symbol_ms = (1 << rate.spreading) / rate.bandwidth_khz if rate.spreading else 0.0
    return max(WINDOWS_MS, 2 * WINDOW_SYMBOLS * symbol_ms)


def compute_seconds(instructions: float, core: str) -> Range:
    """How long a board with this core computes.

    Args:
        instructions: counted on the emulated core.
        core: "cortex-m7" or "cortex-m33".

    Raises:
        UsageError: another core.
    """
    if core not in BY_CORE:
        raise UsageError(f"there is no model of the energy of {core!r}; choose {', '.join(BY_CORE)}")
    e = BY_CORE[core]
    return Range(e.cycles, e.low, e.high) * (instructions / e.hz)


def compute_mj(instructions: float, core: str) -> Range:
    """What these instructions take, millijoules. Arguments and errors as of compute_seconds."""
    return compute_seconds(instructions, core) * CORES[core].milliwatts


def radio_mj(way: Way, packets: Iterable[int]) -> Range:
    """What sending takes, millijoules, the windows after each packet included.

    Args:
        way: the link.
        packets: bytes of each.
    """
    sizes = list(packets)
    seconds = sum(way.region.airtime_us(way.rate.number, size) for size in sizes) / 1e6
    windows = len(sizes) * listening_ms(way.region, way.rate) / 1e3
    return SENDING[way.region.kind].milliwatts * seconds + LISTENING.milliwatts * windows


def cut(size: int, payload: int) -> list[int]:
    """Bytes of each packet of a file that is cut into full ones without headers: the best that a file can do."""
    full, rest = divmod(size, payload)
    return [payload] * full + ([rest] if rest else [])
