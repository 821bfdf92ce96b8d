# SPDX-License-Identifier: Apache-2.0
"""Sending one frame over a link that says when, and how much."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from glimpse.binding import MIN_PAYLOAD
from glimpse.binding.link import ByteStream, Cutter, Event, Kind, Link
from glimpse.errors import GlimpseError

PATIENCE = 900.0  # seconds without a packet that leaves


class Clocked(ByteStream, Protocol):
    """A line with a clock, real or virtual."""

    @property
    def now(self) -> float:
        """The clock, seconds."""

    def sleep(self, wait: float) -> None:
        """Waits for bytes, or at most so many seconds."""


@dataclass
class Sent:
    """What became of a frame's packets.

    Attributes:
        packets: those that left, in order; whether they arrived is not known.
        acknowledged: how many of them the network has said that it has.
        failed: how often a packet did not leave, by reason; it came again.
        downlinks: (port, bytes) that came in between.
        joins: how often a network was found.
        losses: how often it was lost, by reason.
        finished: everything has left, or all that the budget allows.
    """

    packets: list[bytes] = field(default_factory=list)
    acknowledged: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    downlinks: list[tuple[int, bytes]] = field(default_factory=list)
    joins: int = 0
    losses: Counter[str] = field(default_factory=Counter)
    finished: bool = False

    @property
    def size(self) -> int:
        """Bytes of the packets that left."""
        return sum(map(len, self.packets))


class Sender:
    """Sends one frame, packet by packet, each as large as the link allows at that moment.

    Args:
        link: whatever carries packets.
        cutter: of the frame.
        budget: most bytes of the whole frame; None: no limit.
        payload: most bytes of a packet; None: what the link allows.
        told: called with every event, after it has been counted.
    """

    def __init__(
        self,
        link: Link,
        cutter: Cutter,
        *,
        budget: int | None = None,
        payload: int | None = None,
        told: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.link, self.cutter, self.budget, self.payload, self.told = link, cutter, budget, payload, told
        self.sent = Sent()
        self._flying: bytes | None = None

    def step(self, now: float) -> None:
        """Takes the link's events and gives it the next packet, if it is ready for one."""
        while event := self.link.poll(now):
            self._count(event)
            self.told(event)
        if self._flying is None and not self.sent.finished and self.link.payload:
            self._send(now)

    def _count(self, event: Event) -> None:
        sent = self.sent
        if event.kind in (Kind.SENT, Kind.ACKNOWLEDGED) and self._flying is not None:
            sent.packets.append(self._flying)
            sent.acknowledged += event.kind is Kind.ACKNOWLEDGED
            self._flying = None
        elif event.kind is Kind.FAILED and self._flying is not None:
            sent.failed[event.reason] += 1
            self.cutter.take_back()
            self._flying = None
        elif event.kind is Kind.DOWNLINK:
            sent.downlinks.append((event.port, event.data))
        elif event.kind is Kind.JOINED:
            sent.joins += 1
        elif event.kind is Kind.LOST:
            sent.losses[event.reason] += 1

    def _send(self, now: float) -> None:
        room = self.link.payload if self.payload is None else min(self.link.payload, self.payload)
        if self.budget is not None:
            room = min(room, self.budget - self.sent.size)
        packet = self.cutter.next(room) if room >= MIN_PAYLOAD else b""
        if packet:
            self._flying = packet
            self.link.send(now, packet)
        else:
            self.sent.finished = True

    def run(self, line: Clocked, patience: float = PATIENCE) -> Sent:
        """Sends until everything has left.

        Args:
            line: with the clock; the link reads and writes it.
            patience: seconds that may pass without a packet that leaves.

        Raises:
            GlimpseError: that time has passed; `sent` says what left before.
        """
        count, last = 0, line.now
        while True:
            self.step(line.now)
            if self.sent.finished:
                return self.sent
            if len(self.sent.packets) != count:
                count, last = len(self.sent.packets), line.now
            if line.now - last > patience:
                raise GlimpseError(self._why(patience))
            line.sleep(min(self.link.wait(line.now), last + patience + 0.01 - line.now))

    def _why(self, patience: float) -> str:
        start = f"no packet has left for {patience:g} seconds"
        if self.sent.failed:
            reason, times = self.sent.failed.most_common(1)[0]
            return f"{start}; {times} packets failed as {reason}: look at the modem with a terminal, or wait longer"
        if self.sent.joins == 0:
            return f"{start} and no network was found; check keys, EUIs and region in the modem, and the antenna"
        return f"{start}; check the modem's cable and power"
