# SPDX-License-Identifier: Apache-2.0
"""A node's days on a link, packet by packet against the node's own budget."""

import math
from dataclasses import dataclass
from typing import Any

from glimpse.binding.schedule import Budget, DataRate, Region
from glimpse.energy.model import listening_ms
from glimpse.errors import UsageError
from glimpse.planning.picture import Picture

DAY_MS = 86_400_000
DAYS = 3  # the last one is counted: by then the first day's full budget is spent


@dataclass(frozen=True)
class Power:
    """Currents in mA at the battery's voltage, and what it holds. The defaults and their sources: docs/sending.md."""

    transmit_ma: float = 45.0
    receive_ma: float = 11.0
    compute_ma: float = 7.8
    sleep_ma: float = 1.0
    camera_ma: float = 40.0
    camera_s: float = 1.0
    battery_mah: float = 2600.0


# How far each part may be off, as factors.
_SPREAD = {"transmit": (0.7, 1.3), "receive": (0.5, 1.5), "camera": (0.5, 2.0), "sleep": (0.5, 2.0)}


@dataclass(frozen=True)
class Link:
    """What the plan is for. loss: 0..1 of the packets; every_ms: between pictures, None: one after another."""

    region: Region
    rate: DataRate
    payload: int
    fopts: int = 0
    loss: float = 0.0
    every_ms: int | None = None
    fair_use: bool = False


def choose_rate(region: Region, spreading: int | None, number: int | None) -> DataRate:
    """The data rate with a spreading factor (the narrowest band), or a number.

    Raises:
        UsageError: the region has none.
    """
    if number is not None:
        if number >= len(region.rates):
            raise UsageError(f"{region.name} has no DR{number}; its data rates are DR0 to DR{len(region.rates) - 1}")
        return region.rates[number]
    if spreading is None:
        return region.rates[0] if region.kind != "lorawan" else region.rates[min(3, len(region.rates) - 1)]
    fitting = [rate for rate in region.rates if rate.spreading == spreading]
    if not fitting:
        there = sorted({rate.spreading for rate in region.rates if rate.spreading})
        offers = (
            f"its spreading factors are {', '.join(map(str, there))}" if there else "it is not LoRa; leave out --sf"
        )
        raise UsageError(f"{region.name} has no SF{spreading}; {offers}")
    return min(fitting, key=lambda rate: rate.bandwidth_khz)


class _Part:
    """The first packets of a picture.

    Attributes:
        bytes: of the picture, without what is sent again.
        packets: to send, whole ones.
        length: of one in bytes.
        airtime: of one in microseconds.
    """

    def __init__(self, link: Link, packets: float, size: float) -> None:
        self.bytes, self.packets = size, math.ceil(packets / (1 - link.loss))
        self.length = min(math.ceil(size / packets), link.payload)
        self.airtime = link.region.airtime_us(link.rate.number, self.length, link.fopts)


def plan(link: Link, picture: Picture, power: Power) -> dict[str, Any]:
    """All numbers of `glimpse plan`; keys as that command lists them.

    Every lost packet is sent again, so a picture takes 1 / (1 - loss) as many, the useful part of it too. Each packet
    of a part is as long as that part's are on average.
    """
    useful = _Part(link, picture.useful_packets, picture.useful_bytes)
    full = _Part(link, picture.full_packets, picture.full_bytes)
    done = _images_in_last_day(link, full)
    return {
        "region": link.region.name,
        "data_rate": link.rate.number,
        "spreading": link.rate.spreading or None,
        "bandwidth_khz": link.rate.bandwidth_khz or None,
        "payload": link.payload,
        "loss": link.loss,
        "fair_use": link.fair_use,
        "every_s": None if link.every_ms is None else link.every_ms / 1000,
        "useful": {"ms_ssim": picture.ms_ssim, **_times(link, useful)},
        "full": _times(link, full),
        "packet_bytes": full.length,
        "packet_airtime_ms": full.airtime / 1000,
        "images_a_day": done,
        "measured_on_photos": picture.photos,
        "energy": _energy(link, picture, power, full, done),
    }


def _send(link: Link, budget: Budget, part: _Part, ready: int) -> tuple[int, int, int]:
    """(start, end of the air, when the next may follow) of one packet, in milliseconds."""
    when, band = budget.earliest(part.airtime, ready)
    if when is None:
        raise UsageError(
            f"a packet of {part.length} bytes is {part.airtime / 1000:.0f} ms on the air, too long for "
            f"{link.region.name}; choose a smaller payload or a faster data rate"
        )
    budget.spend(band, part.airtime, when)
    end = when + -(-part.airtime // 1000)
    return when, end, end + link.region.quiet_ms


def _times(link: Link, part: _Part) -> dict[str, float]:
    """What a part takes, the seconds from the shutter, on a node that has been silent for a day."""
    budget, ready, waited, end = Budget(link.region, fair_use=link.fair_use), 0, 0, 0
    for _ in range(part.packets):
        start, end, following = _send(link, budget, part, ready)
        waited += start - ready
        ready = following
    return {
        "bytes": round(part.bytes),
        "packets": part.packets,
        "seconds": end / 1000,
        "waited_s": waited / 1000,
        "airtime_s": part.packets * part.airtime / 1e6,
    }


def _images_in_last_day(link: Link, full: _Part) -> float:
    """Full pictures of the last of DAYS days, parts of one included."""
    budget, ready, packets, image = Budget(link.region, fair_use=link.fair_use), 0, 0, 0
    while True:
        begin = max(ready, image * link.every_ms) if link.every_ms else ready
        ready = begin
        for _ in range(full.packets):
            start, _, ready = _send(link, budget, full, ready)
            if start >= DAYS * DAY_MS:
                return round(packets / full.packets, 2)
            packets += start >= (DAYS - 1) * DAY_MS
        image += 1


def _energy(link: Link, picture: Picture, power: Power, full: _Part, images: float) -> dict[str, Any]:
    """mAh a picture and days of the battery {value, low, high}: estimated."""
    windows_ms = listening_ms(link.region, link.rate)
    compute = picture.encode_ms or {"value": 0.0, "low": 0.0, "high": 0.0}
    parts = {
        "transmit": full.packets * full.airtime / 1e6 * power.transmit_ma,
        "receive": full.packets * windows_ms / 1e3 * power.receive_ma,
        "camera": power.camera_s * power.camera_ma,
    }
    day, each = {}, {}
    for at, bound in enumerate(("low", "high")):
        each[bound] = sum(parts[name] * _SPREAD[name][at] for name in parts) + compute[bound] / 1e3 * power.compute_ma
        day[bound] = images * each[bound] / 3600 + 24 * power.sleep_ma * _SPREAD["sleep"][at]
    each["value"] = sum(parts.values()) + compute["value"] / 1e3 * power.compute_ma
    day["value"] = images * each["value"] / 3600 + 24 * power.sleep_ma
    return {
        "estimated": True,
        "mah_a_picture": {key: round(each[key] / 3600, 4) for key in ("value", "low", "high")},
        "mas_by_part": {
            **{k: round(v, 2) for k, v in parts.items()},
            "compute": round(compute["value"] / 1e3 * power.compute_ma, 2),
        },
        "sleep_ma": power.sleep_ma,
        "battery_days": {
            "value": round(power.battery_mah / day["value"], 1),
            "low": round(power.battery_mah / day["high"], 1),
            "high": round(power.battery_mah / day["low"], 1),
        },
    }
