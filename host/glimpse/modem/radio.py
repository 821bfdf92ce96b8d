# SPDX-License-Identifier: Apache-2.0
"""What the air allows: data rates, payloads, airtime, duty cycles.

LoRaWAN Regional Parameters RP002 (data rates, maximum payload N without a repeater); ETSI EN 300 220 (duty cycles of
the EU868 sub-bands); Semtech AN1200.13 (airtime).
"""

import math
from dataclasses import dataclass

from glimpse.errors import UsageError

LORAWAN_OVERHEAD = 13  # MAC header, address, control, counter, port and integrity code around a payload
JOIN_REQUEST, JOIN_ACCEPT = 23, 33  # bytes on the air


@dataclass(frozen=True)
class Rate:
    """A data rate.

    Attributes:
        payload: most application bytes of an uplink.
        spreading: LoRa's spreading factor, 7..12; 0 is FSK at 50 kbit/s.
        bandwidth: Hz.
    """

    payload: int
    spreading: int
    bandwidth: int = 125_000


@dataclass(frozen=True)
class Region:
    """What a region allows.

    Attributes:
        name: as LoRaWAN calls it.
        number: as RUI3's AT+BAND counts.
        rates: by number.
        duties: share of time that each sub-band may be used, those of the join channels first; empty: no limit.
    """

    name: str
    number: int
    rates: tuple[Rate, ...]
    duties: tuple[float, ...] = ()


_EU868 = tuple(Rate(payload, sf) for payload, sf in ((51, 12), (51, 11), (51, 10), (115, 9), (242, 8), (242, 7)))
REGIONS = {
    region.name: region
    for region in (
        # channels 868.1, 868.3, 868.5 MHz; and those from 867.1 to 867.9 MHz that networks add
        Region("EU868", 4, (*_EU868, Rate(242, 7, 250_000), Rate(242, 0)), (0.01, 0.01)),
        Region("US915", 5, (Rate(11, 10), Rate(53, 9), Rate(125, 8), Rate(242, 7), Rate(242, 8, 500_000))),
        Region("IN865", 3, _EU868),
    )
}


def find_region(name: str) -> Region:
    """A region by its name.

    Raises:
        UsageError: there is none of that name here.
    """
    if name.upper() not in REGIONS:
        raise UsageError(f"no region {name}; there are {', '.join(REGIONS)}")
    return REGIONS[name.upper()]


def airtime(rate: Rate, size: int, *, downlink: bool = False) -> float:
    """Seconds that a LoRaWAN frame is on the air.

    Args:
        rate: its data rate.
        size: bytes, LoRaWAN's own included.
        downlink: without the payload CRC.
    """
    if rate.spreading == 0:
        return 8 * (size + 12) / 50_000  # preamble 5, sync word 3, length 1, CRC 2, and one of slack
    symbol = 2**rate.spreading / rate.bandwidth
    slow = 1 if symbol >= 0.016 else 0
    bits = 8 * size - 4 * rate.spreading + 28 + (0 if downlink else 16)
    symbols = max(math.ceil(bits / (4 * (rate.spreading - 2 * slow))) * 5, 0)
    return (12.25 + 8 + symbols) * symbol
