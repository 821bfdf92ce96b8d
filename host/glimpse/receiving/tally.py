# SPDX-License-Identifier: Apache-2.0
"""Counters of what became of packets."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from glimpse.reassemble import DUPLICATE, PARITY, PacketVerdict


@dataclass
class Tally:
    """What became of the packets of one node, or of all.

    Attributes:
        seen: packets given; the sum of used, duplicates, parity and rejected.
        used: brought something new.
        duplicates: sound, and everything in them was there already.
        parity: parity packets that brought nothing back when they came; they may have helped later.
        recovered: lost packets that came back; they are in none of the other counts.
        late: of those used, duplicates or parity, how many were of an earlier frame than the one being assembled.
        rejected: counts by reason.
        frames: begun.
    """

    seen: int = 0
    used: int = 0
    duplicates: int = 0
    parity: int = 0
    recovered: int = 0
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
        elif verdict.reason == PARITY:
            self.parity += 1
        else:
            self.rejected[verdict.reason] += 1
            return
        self.late += late

    def uncount(self, reason: str) -> None:
        """A packet that was rejected for this reason is looked at again."""
        self.seen -= 1
        self.rejected[reason] -= 1
        self.rejected = +self.rejected

    def numbers(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "seen": self.seen,
            "used": self.used,
            "duplicate": self.duplicates,
            "parity": self.parity,
            "recovered": self.recovered,
            "late": self.late,
            "rejected": dict(sorted(self.rejected.items())),
            "frames": self.frames,
        }
