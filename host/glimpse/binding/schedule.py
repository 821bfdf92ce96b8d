# SPDX-License-Identifier: Apache-2.0
"""What a link allows, and which packet is sent now: regions, budgets and the schedule, in the node's own code."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glimpse._core import ffi, lib
from glimpse.binding.arrays import pointer
from glimpse.binding.difference import Reference, reference_view
from glimpse.binding.model import CODINGS, MAX_PAYLOAD, Model, status_text
from glimpse.binding.parity import MAX_PARITY, Rule
from glimpse.errors import GlimpseError

FAIR_AIRTIME_MS, FAIR_DOWNLINKS = lib.GLIMPSE_FAIR_AIRTIME_MS, lib.GLIMPSE_FAIR_DOWNLINKS
RESEND = {
    "importance": lib.GLIMPSE_RESEND_BY_IMPORTANCE,
    "at-once": lib.GLIMPSE_RESEND_AT_ONCE,
    "afterwards": lib.GLIMPSE_RESEND_AFTERWARDS,
}
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
        self.region = region
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


class Schedule:
    """What a node still sends of one frame, and when (firmware/core/schedule.h); times in milliseconds.

    Args:
        model: whose symbols they are.
        symbols: uint8 [height, width, channels].
        side: the side output, int8 [height, width], or None.
        frame: 0..MAX_FRAME.
        coding: "raw" or "range".
        resend: a key of RESEND.
        sends: how often a symbol goes out while nobody says whether it came; 0: until the deadline.
        deadline_ms: no packet ends later; None: no deadline.
        held: the frame leaves as what changed against this reference; None: as an image.
        parity: a rule for each group of packets in the order of sending, the last one for all that follow.

    Raises:
        GlimpseError: a parameter out of range.
    """

    def __init__(
        self,
        model: Model,
        symbols: np.ndarray,
        *,
        held: Reference | None = None,
        parity: Sequence[Rule] = (),
        side: np.ndarray | None = None,
        frame: int = 0,
        coding: str = "range",
        resend: str = "importance",
        sends: int = 1,
        deadline_ms: int | None = None,
    ) -> None:
        self._keep = [model, np.ascontiguousarray(symbols, np.uint8).reshape(model.latent_shape).copy()]
        codec = model.codec
        bytes_needed = lib.glimpse_schedule_memory(codec)
        self._memory = ffi.new("uint8_t[]", bytes_needed)
        self._packet = ffi.new("uint8_t[]", MAX_PAYLOAD)
        self._c = ffi.new("glimpse_schedule *")
        symbols_at = pointer("uint8_t *", self._keep[1])
        self._check(lib.glimpse_schedule_begin(self._c, codec, symbols_at, frame, CODINGS[coding], 0), "this frame")
        if side is not None and side.size:
            steering = np.ascontiguousarray(side, np.int8)
            lib.glimpse_schedule_steer(self._c, pointer("int8_t *", steering))
        self._check(lib.glimpse_schedule_remember(self._c, self._memory, bytes_needed), "the memory")
        self._check(lib.glimpse_schedule_resend(self._c, RESEND[resend], sends), "this policy")
        if deadline_ms is not None:
            lib.glimpse_schedule_deadline(self._c, deadline_ms)
        if held is not None:
            packer, view = ffi.new("glimpse_difference_packer *"), reference_view(held)
            self._keep += [held, packer, view]
            self._check(lib.glimpse_difference_begin(packer, codec, view, symbols_at, frame), "this frame")
            self._check(lib.glimpse_schedule_difference(self._c, packer), "a difference")
        if parity:
            protection, rules = ffi.new("glimpse_protection *"), ffi.new("glimpse_protection_rule[]", len(parity))
            words = ffi.new("uint8_t[]", MAX_PARITY * MAX_PAYLOAD)
            self._keep += [protection, rules, words]
            for i, rule in enumerate(parity):
                rules[i] = (rule.packets, rule.parity)
            scattered = bool(model.side_bytes)
            status = lib.glimpse_protection_begin(protection, rules, len(parity), scattered, words, len(words))
            self._check(status, "this parity")
            lib.glimpse_schedule_protect(self._c, protection)

    @staticmethod
    def _check(status: int, what: str) -> int:
        if status < 0:
            raise GlimpseError(f"{what} is not possible: {status_text(status)}")
        return status

    def link(self, budget: Budget, rate: int, fopts: int = 0, repeater: bool = False) -> None:
        """The link as it is now; again whenever it changes."""
        self._keep.append(budget)
        self._check(lib.glimpse_schedule_link(self._c, budget.c, rate, fopts, repeater), f"data rate {rate}")

    def next(self, now_ms: int, payload: int) -> bytes | None:
        """The packet to send now; None: ask again at `again_ms`, or never when `done`."""
        length = self._check(lib.glimpse_schedule_next(self._c, now_ms, payload, self._packet), "this payload")
        return bytes(ffi.buffer(self._packet, length)) if length else None

    @property
    def done(self) -> bool:
        """Nothing is left to do."""
        return bool(self._c.done)

    @property
    def again_ms(self) -> int | None:
        """When to ask again after `next` gave None; None: not before something else has changed."""
        return None if self._c.again == lib.GLIMPSE_NEVER else self._c.again

    @property
    def airtime_us(self) -> int:
        """Of the last packet, with a link."""
        return self._c.airtime_us

    def known(self, first: int, count: int) -> None:
        """The receiver has these ranks."""
        self._check(lib.glimpse_schedule_known(self._c, first, count), "this acknowledgement")

    def lost(self) -> None:
        """What was sent and is not known is lost."""
        lib.glimpse_schedule_lost(self._c)

    def want(self, top: int, bottom: int, left: int, right: int) -> bool:
        """This region of the latent first; False for a model whose packets lie all over the picture."""
        return bool(self._check(lib.glimpse_schedule_want(self._c, top, bottom, left, right), "this region"))

    def stop(self) -> None:
        """Enough."""
        lib.glimpse_schedule_stop(self._c)

    def failed(self) -> None:
        """The last packet did not leave."""
        lib.glimpse_schedule_failed(self._c)

    def ready(self) -> None:
        """The receive windows need not be waited for."""
        lib.glimpse_schedule_ready(self._c)
