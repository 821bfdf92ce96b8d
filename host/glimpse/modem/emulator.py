# SPDX-License-Identifier: Apache-2.0
"""The emulated modem: what a real one does between its serial line and the air, on any clock."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from glimpse.modem.air import Air, Answer, Uplink
from glimpse.modem.radio import JOIN_ACCEPT, JOIN_REQUEST, LORAWAN_OVERHEAD, Region, airtime

REACTION = 0.02  # seconds from a command to its answer
RX1, RX2, JOIN_RX1, JOIN_RX2 = 1.0, 2.0, 5.0, 6.0  # seconds from an uplink's end to a receive window
WINDOW = 0.2  # seconds that an empty second window takes
START = 0.5  # seconds that a modem takes to start
MAX_LINE = 1024
RATE_ANSWER = 2  # LinkADRAns: bytes of the next uplink that the payload cannot have


@dataclass(frozen=True)
class Refusal:
    """Why a transmission does not begin.

    Attributes:
        reason: busy, not joined, too long, or duty.
        wait: seconds, of duty.
        limit: bytes, of too long.
    """

    reason: str
    wait: float = 0.0
    limit: int = 0


class Dialect(Protocol):
    """How a modem speaks."""

    name: str

    def command(self, line: str) -> None:
        """One line that was typed."""

    def started(self) -> None:
        """The modem has started."""


class EmulatedModem:
    """A modem on a byte stream. Every call tells the time, seconds of a clock that never runs backwards.

    It keeps to payload limits and duty cycles by refusing, as real ones do: a sub-band that was used for t seconds
    rests for t / duty - t (LoRaMac-node's rule). A confirmed uplink is tried once.

    Args:
        dialect: makes the dialect for a modem: `E5` or `Rak3172`.
        region: whose rules hold.
        air: with the network.
        data_rate: when it starts.
        keep_duty: False: as if there were no duty cycles.
        now: the clock.

    Attributes:
        airtime: seconds on the air since the beginning.
        refused: transmissions that did not begin, by reason.
    """

    def __init__(
        self,
        dialect: Callable[["EmulatedModem"], Dialect],
        region: Region,
        air: Air,
        *,
        data_rate: int = 0,
        keep_duty: bool = True,
        now: float = 0.0,
    ) -> None:
        self.region, self.air, self.now = region, air, now
        self.first_rate = data_rate
        self.adaptive = True
        self.confirmed = False
        self.port = 8
        self.airtime = 0.0
        self.refused: dict[str, int] = {}
        self.band_free = [now] * len(region.duties) if keep_duty else []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._out = bytearray()
        self._line = bytearray()
        self._gone = False
        self.dialect = dialect(self)
        self._power_up()

    def _power_up(self) -> None:
        self.data_rate = self.first_rate
        self.joined = self.busy = self._gone = False
        self.pending_answer = 0  # bytes of MAC commands that wait for an uplink

    # ---- the line

    def feed(self, now: float, data: bytes) -> None:
        """Bytes that the node has written."""
        self.advance(now)
        if self._gone:
            return
        for byte in data:
            if byte not in b"\r\n":
                if len(self._line) < MAX_LINE:
                    self._line.append(byte)
            elif self._line:
                line = self._line.decode("ascii", "replace").strip()
                self._line.clear()
                self.later(REACTION, lambda line=line: self.dialect.command(line))

    def take(self, now: float, capacity: int = 1 << 16) -> bytes:
        """At most so many of the bytes that the modem has written."""
        self.advance(now)
        data = bytes(self._out[:capacity])
        del self._out[:capacity]
        return data

    def say(self, *lines: str) -> None:
        """Writes lines."""
        if not self._gone:
            self._out += "".join(f"{line}\r\n" for line in lines).encode()

    # ---- time

    def later(self, delay: float, action: Callable[[], None]) -> None:
        """Does something in so many seconds, unless the modem is reset before."""
        heapq.heappush(self._events, (self.now + delay, next(self._number), action))

    def advance(self, now: float) -> None:
        """Does what is due."""
        while self._events and self._events[0][0] <= now:
            time, _, action = heapq.heappop(self._events)
            self.now = max(self.now, time)
            action()
        self.now = max(self.now, now)

    @property
    def next_time(self) -> float | None:
        """When the modem has something to do though nothing is typed; None: never."""
        return self._events[0][0] if self._events else None

    @property
    def waiting(self) -> bool:
        """There are bytes to take."""
        return bool(self._out)

    def reset(self, now: float, off: float = 0.0) -> None:
        """Power goes, for so many seconds: whatever the modem was doing, session and all, is forgotten."""
        self.advance(now)
        self._events.clear()  # what is on the serial line already, stays
        self._line.clear()
        self._power_up()
        self._gone = True
        self.later(off + START, self._start)

    def _start(self) -> None:
        self._gone = False
        self.dialect.started()

    # ---- the radio

    @property
    def limit(self) -> int:
        """Payload bytes of the next uplink."""
        return max(self.region.rates[self.data_rate].payload - self.pending_answer, 0)

    def set_rate(self, data_rate: int) -> bool:
        """Changes the data rate; False: the region has no such one."""
        if not 0 <= data_rate < len(self.region.rates):
            return False
        self.data_rate = data_rate
        return True

    def _transmit(self, size: int) -> float | Refusal:
        """Takes the air for a frame: seconds that it lasts, or why not now."""
        lasts = airtime(self.region.rates[self.data_rate], size)
        # Before it has joined, a node has the join channels only.
        bands = self.band_free if self.joined else self.band_free[:1]
        if bands:
            at = min(range(len(bands)), key=lambda band: bands[band])
            if bands[at] > self.now:
                return self._refuse(Refusal("duty", wait=bands[at] - self.now))
            self.band_free[at] = self.now + lasts / self.region.duties[at]
        self.airtime += lasts
        self.busy = True
        return lasts

    def _refuse(self, refusal: Refusal) -> Refusal:
        self.refused[refusal.reason] = self.refused.get(refusal.reason, 0) + 1
        return refusal

    def join(self, done: Callable[[bool], None]) -> Refusal | None:
        """Asks for a network; `done` is told whether one answered, when the receive windows are over."""
        if self.busy:
            return self._refuse(Refusal("busy"))
        lasts = self._transmit(JOIN_REQUEST)
        if isinstance(lasts, Refusal):
            return lasts
        heard = not self.air.loses() and not self.air.loses()
        answer = airtime(self.region.rates[self.data_rate], JOIN_ACCEPT, downlink=True)

        def end() -> None:
            self.busy = False
            self.joined = heard
            done(heard)

        self.later(lasts + (JOIN_RX1 + answer if heard else JOIN_RX2 + WINDOW), end)
        return None

    def send(
        self, port: int, payload: bytes, done: Callable[[Answer | None], None], *, confirmed: bool = False
    ) -> Refusal | None:
        """Sends an uplink; `done` is told what came back, when the receive windows are over.

        Args:
            port: 1..223; 0 with an empty payload, which carries MAC commands only.
            payload: application bytes.
            done: called with the network's answer, or None.
            confirmed: ask for an acknowledgement.
        """
        if self.busy:
            return self._refuse(Refusal("busy"))
        if not self.joined:
            return self._refuse(Refusal("not joined"))
        if len(payload) > self.limit:
            return self._refuse(Refusal("too long", limit=self.limit))
        lasts = self._transmit(LORAWAN_OVERHEAD + self.pending_answer + len(payload) - (0 if payload else 1))
        if isinstance(lasts, Refusal):
            return lasts
        self.pending_answer = 0
        rate, adaptive = self.data_rate, self.adaptive

        def sent() -> None:
            uplink = Uplink(self.now, rate, port, payload)
            answer = self.air.receive(uplink, confirmed=confirmed, adaptive=adaptive)
            down = LORAWAN_OVERHEAD + len(answer.payload) if answer else 0
            took = RX1 + airtime(self.region.rates[rate], down, downlink=True) if answer else RX2 + WINDOW
            self.later(took, lambda: end(answer))

        def end(answer: Answer | None) -> None:
            self.busy = False
            if answer is not None and answer.data_rate is not None and self.set_rate(answer.data_rate):
                self.pending_answer = RATE_ANSWER
            done(answer)

        self.later(lasts, sent)
        return None
