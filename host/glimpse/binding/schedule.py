# SPDX-License-Identifier: Apache-2.0
"""Regions, airtime and budgets: what a link allows, in the node's own code."""

from dataclasses import dataclass

from glimpse._core import ffi, lib
from glimpse.errors import GlimpseError

FAIR_AIRTIME_MS, FAIR_DOWNLINKS = lib.GLIMPSE_FAIR_AIRTIME_MS, lib.GLIMPSE_FAIR_DOWNLINKS
_KINDS = {lib.GLIMPSE_LINK_LORAWAN: "lorawan", lib.GLIMPSE_LINK_SIGFOX: "sigfox", lib.GLIMPSE_LINK_NBIOT: "nbiot"}


@dataclass(frozen=True)
class DataRate:
    """One data rate of a region: spreading 0 where it is not LoRa, payload in bytes."""

    number: int
    spreading: int
    bandwidth_khz: int
    payload: int


class Region:
    """What a network and the law allow (firmware/core/region.h)."""

    def __init__(self, region: object) -> None:
        self.c = region
        self.name: str = ffi.string(region.name).decode()
        self.kind: str = _KINDS[region.kind]
        self.quiet_ms: int = region.quiet_ms
        self.hour_ms: int = region.band[region.default_band].hour_ms  # airtime in any hour, 0: no limit
        self.rates = tuple(
            DataRate(i, region.rate[i].spreading, region.rate[i].bandwidth_khz, self.payload(i))
            for i in range(region.rates)
        )

    def payload(self, rate: int, fopts: int = 0, repeater: bool = False) -> int:
        """Most bytes of a packet beside `fopts` bytes of MAC commands; 0: nothing fits."""
        return lib.glimpse_region_payload(self.c, rate, fopts, repeater)

    def airtime_us(self, rate: int, payload: int, fopts: int = 0) -> int:
        """Microseconds on the air of a packet of `payload` bytes."""
        return lib.glimpse_region_airtime(self.c, rate, payload, fopts)


def regions() -> list[Region]:
    """All regions that the node knows."""
    found = []
    while (region := lib.glimpse_region_numbered(len(found))) != ffi.NULL:
        found.append(Region(region))
    return found


class Budget:
    """What a node may still send (firmware/core/budget.h), in milliseconds of a clock that starts at 0.

    Args:
        region: where it is.
        fair_use: with the network's fair use policy.
        bands: a bit for each sub-band in use; 0: the default channels' band.

    Raises:
        GlimpseError: the region has no such band.
    """

    def __init__(self, region: Region, *, fair_use: bool = False, bands: int = 0) -> None:
        count = lib.glimpse_budget_quotas(region.c, bands, fair_use)
        self._quotas = ffi.new("glimpse_quota[]", max(1, count))
        self.c = ffi.new("glimpse_budget *")
        if lib.glimpse_budget_begin(self.c, region.c, bands, fair_use, self._quotas, count, 0) < 0:
            raise GlimpseError(f"{region.name} has no such bands: {bands:#b}; name bands that it has")

    def earliest(self, airtime_us: int, now_ms: int) -> tuple[int | None, int]:
        """When a transmission may begin, in milliseconds (None: never), and in which band."""
        band = ffi.new("uint32_t *")
        when = lib.glimpse_budget_earliest_any(self.c, airtime_us, now_ms, band)
        return (None if when == lib.GLIMPSE_NEVER else when), band[0]

    def spend(self, band: int, airtime_us: int, now_ms: int) -> None:
        """Counts a transmission that begins at `now_ms`."""
        lib.glimpse_budget_spend(self.c, band, airtime_us, now_ms)
