# SPDX-License-Identifier: Apache-2.0
"""Rate control: how many bytes the next frame gets, so that the link is full and nothing piles up in front of it.

MCUCoder (2024) drops channels from the end of the latent until a frame fits the bandwidth. Here a frame is cut at any
symbol, and a cut is all that a bit rate needs: the encoder runs once, whatever the rate.
"""

from collections import deque
from dataclasses import dataclass

MOST_BYTES = 1 << 20  # more than any frame has: what an endless rate means


@dataclass(frozen=True)
class Plan:
    """What a frame is given.

    Attributes:
        bytes: most of its packets' bytes; 0: leave this frame out, the link is busy.
        rate: bytes a second that the link is taken for; 0 while nothing is known.
        patience: seconds within which its packets must have their turn.
    """

    bytes: int
    rate: float
    patience: float


class RateControl:
    """Buffer based, with the link's rate measured while it is busy.

    What waits in front of the link counts against the next frame, so the two together never ask more of the link than
    it is taken to carry until the frame after. The rate is that of the packets of the last half window: idle time does
    not count, so a link that turned faster shows it with its first packets.

    Args:
        interval: seconds from frame to frame.
        window: seconds after which a change of the link must have been followed; a frame's packets that had no turn
            within it are given up (later on a link too slow for a frame of `least` bytes in that time).
        least: bytes below which a frame is not worth sending; frames are left out until there is room for so many.
        most: bytes of a frame at most; None: all of it.
        share: of the link that is used, so that measuring errors do not make a queue.
    """

    def __init__(
        self, interval: float, window: float = 1.0, least: int = 200, most: int | None = None, share: float = 0.9
    ) -> None:
        self.interval, self.window, self.least, self.most, self.share = interval, window, least, most, share
        self._sent: deque[tuple[float, float, int]] = deque()

    def sent(self, size: int, start: float, end: float) -> None:
        """A packet left: the link was busy with its `size` bytes from `start` to `end`, in seconds."""
        self._sent.append((start, end, size))

    def rate(self, now: float, flight: tuple[float, int] | None = None) -> float:
        """Bytes a second that the link carries now, as far as can be known; 0: unknown.

        Args:
            now: seconds.
            flight: since when the packet on the air is there, and its bytes.
        """
        since = now - self.window / 2
        while len(self._sent) > 1 and self._sent[0][0] < since:
            self._sent.popleft()
        busy = sum(end - start for start, end, _ in self._sent)
        rate = sum(size for *_, size in self._sent) / max(busy, 1e-9)
        if flight is not None and rate > 0 and now > flight[0]:
            rate = min(rate, flight[1] / (now - flight[0]))  # it is still not through: slower than that
        return rate

    def plan(self, now: float, waiting: int, flight: tuple[float, int] | None = None) -> Plan:
        """What the frame taken now is given.

        Args:
            now: seconds.
            waiting: bytes in front of the link, the packet on the air included.
            flight: as for `rate`.
        """
        rate = self.rate(now, flight)
        room = int(self.share * rate * self.interval) - waiting
        if room < self.least:
            room = 0 if waiting else self.least  # an idle link is tried, whatever it was like before
        room = min(room, self.most or MOST_BYTES)
        return Plan(room, rate, max(self.window, 1.5 * room / rate if rate else 0.0))
