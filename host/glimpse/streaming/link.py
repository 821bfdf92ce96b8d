# SPDX-License-Identifier: Apache-2.0
"""A link that carries what a trace says, one packet after another."""

import math
from collections import deque
from dataclasses import dataclass

from glimpse.streaming.trace import Trace


@dataclass(frozen=True)
class Sent:
    """A packet that the link has carried.

    Attributes:
        frame: whose it was.
        packet: its bytes.
        start: when the link began with it.
        end: when it was through.
    """

    frame: int
    packet: bytes
    start: float
    end: float


@dataclass(frozen=True)
class _Waiting:
    frame: int
    packet: bytes
    handed: float
    until: float


class TraceLink:
    """Packets wait in line; one whose turn does not come in time is given up, one that is on the air is not.

    Args:
        trace: what the link carries.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.given_up: dict[int, int] = {}
        self._line: deque[_Waiting] = deque()
        self._flight: Sent | None = None
        self._free = 0.0

    def hand(self, frame: int, packets: list[bytes], now: float, patience: float) -> None:
        """Puts packets in line.

        Args:
            frame: whose they are.
            packets: in sending order.
            now: seconds, not before the last call's.
            patience: seconds within which their turn must come.
        """
        self._line.extend(_Waiting(frame, packet, now, now + patience) for packet in packets)

    def advance(self, now: float) -> list[Sent]:
        """Lets time pass; the packets that came through."""
        done: list[Sent] = []
        while True:
            if self._flight is not None:
                if self._flight.end > now:
                    break
                done.append(self._flight)
                self._free, self._flight = self._flight.end, None
            if not self._line:
                break
            first = self._line[0]
            start = max(self._free, first.handed)
            if start > first.until:
                self.given_up[first.frame] = self.given_up.get(first.frame, 0) + len(self._line.popleft().packet)
                continue
            if start > now:
                break
            self._line.popleft()
            self._flight = Sent(first.frame, first.packet, start, self.trace.finish(start, len(first.packet)))
        # Behind a packet that is stuck nothing has a turn, but time runs out all the same.
        while self._line and self._line[0].until < now:
            first = self._line.popleft()
            self.given_up[first.frame] = self.given_up.get(first.frame, 0) + len(first.packet)
        return done

    @property
    def waiting(self) -> int:
        """Bytes in line and on the air."""
        return sum(len(item.packet) for item in self._line) + (len(self._flight.packet) if self._flight else 0)

    def busy_with(self, frame: int) -> bool:
        """Whether a packet of this frame is in line or on the air."""
        return any(item.frame == frame for item in self._line) or (
            self._flight is not None and self._flight.frame == frame
        )

    @property
    def flight(self) -> tuple[float, int] | None:
        """The packet on the air, as its sender knows it: since when, and how many bytes."""
        return (self._flight.start, len(self._flight.packet)) if self._flight else None

    def next_end(self) -> float:
        """When the packet on the air will be through; infinite when nothing is, or never."""
        return self._flight.end if self._flight else math.inf
