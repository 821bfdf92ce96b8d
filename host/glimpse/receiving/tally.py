# SPDX-License-Identifier: Apache-2.0
"""Counters of what became of packets."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from glimpse.reassemble import DUPLICATE, PacketVerdict


@dataclass
class Tally:
    """What became of the packets of one node, or of all.

    Attributes:
        seen: packets given; the sum of used, duplicates and rejected.
        used: brought something new.
        duplicates: sound, and everything in them was there already.
        late: of those used or duplicates, how many were of an earlier frame than the one being assembled.
        rejected: counts by reason.
        frames: begun.
    """

    seen: int = 0
    used: int = 0
    duplicates: int = 0
    late: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    frames: int = 0

    def count(self, verdict: PacketVerdict, late: bool) -> None:
        """Adds one packet."""
        self.seen += 1
        if verdict.used:
            self.used += 1
        elif verdict.reason == DUPLICATE:
            self.duplicates += 1
        else:
            self.rejected[verdict.reason] += 1
            return
        self.late += late

    def numbers(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "seen": self.seen,
            "used": self.used,
            "duplicate": self.duplicates,
            "late": self.late,
            "rejected": dict(sorted(self.rejected.items())),
            "frames": self.frames,
        }
