# SPDX-License-Identifier: Apache-2.0
"""What a node last said of itself, put together from telemetry packets in whatever order they came."""

from dataclasses import dataclass, fields, replace
from typing import Any

from glimpse.binding.control import MAX_SEQUENCE, Telemetry

LATE = 32  # telemetry packets that another one may overtake; further back, the node has started again


@dataclass(frozen=True)
class State:
    """What a node said last, field by field.

    Attributes:
        telemetry: every field as the newest packet with it has it; header and `skipped` are of the newest packet.
        time: when that came, on the receiver's clock.
        packet: the newest one.
    """

    telemetry: Telemetry
    time: float
    packet: bytes

    def takes(self, packet: bytes, new: Telemetry, time: float) -> "State | None":
        """The state after a further packet; None: it is the newest one once more."""
        if packet == self.packet:
            return None
        behind = (self.telemetry.number - new.number) % (MAX_SEQUENCE + 1)
        if 1 <= behind <= LATE:
            return replace(self, telemetry=_over(self.telemetry, new))
        return State(_over(new, self.telemetry), time, packet)


def _over(newer: Telemetry, older: Telemetry) -> Telemetry:
    """The newer one, with what only the older one says."""
    missing: dict[str, Any] = {
        each.name: getattr(older, each.name) for each in fields(newer) if getattr(newer, each.name) is None
    }
    if newer.frame != older.frame:  # these are about a photo, and it is another one
        missing = {name: value for name, value in missing.items() if name not in ("time", "age", "trigger")}
    return replace(newer, **missing, settings={**older.settings, **newer.settings})
