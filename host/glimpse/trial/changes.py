# SPDX-License-Identifier: Apache-2.0
"""Sending a difference frame: its packets, one after another, again those that nobody has acknowledged."""

from dataclasses import dataclass

import numpy as np

from glimpse import binding
from glimpse.binding import Model, Reference
from glimpse.binding.schedule import Budget


@dataclass
class _Packet:
    data: bytes
    first: int  # rank
    count: int
    unknown: bool = True


class Changes:
    """What a node still sends of one difference frame; the calls are those of glimpse.binding.schedule.Schedule.

    A packet is sent until all of it is acknowledged, at most `sends` times.

    Args:
        model: whose symbols they are.
        held: the reference.
        symbols: uint8 [height, width, channels].
        frame: 0..MAX_FRAME.
        sends: how often a packet goes out while nobody says whether it came.
        deadline_ms: no packet ends later; None: no deadline.
    """

    def __init__(
        self,
        model: Model,
        held: Reference,
        symbols: np.ndarray,
        *,
        frame: int,
        sends: int,
        deadline_ms: int | None = None,
    ) -> None:
        self._model, self._held, self._symbols, self._frame, self._sends = model, held, symbols, frame, sends
        self._deadline = deadline_ms
        self._known = np.zeros(model.symbol_count, bool)
        self._packets: list[_Packet] = []
        self._queue: list[_Packet] = []
        self._payload = self._round = self._rate = self._fopts = 0
        self._budget: Budget | None = None
        self._stopped = False
        self._last: _Packet | None = None
        self.done, self.again_ms, self.airtime_us = False, None, 0

    def link(self, budget: Budget, rate: int, fopts: int = 0) -> None:
        """The link as it is now."""
        self._budget, self._rate, self._fopts = budget, rate, fopts

    def _cut(self, payload: int) -> None:
        """Cuts the frame for this payload."""
        self._payload, self._packets = payload, []
        packets = binding.pack_difference(self._model, self._held, self._symbols, frame=self._frame, payload=payload)
        for packet in packets:
            symbols, received = np.zeros((2, *self._model.latent_shape), np.uint8)
            count = binding.unpack_difference(self._model, self._held, packet, symbols, received)
            self._packets.append(_Packet(packet, binding.read_header(packet).first, count))
        self._look()
        self._queue = [packet for packet in self._packets if packet.unknown]
        self._round = max(self._round, 1)

    def _look(self) -> None:
        for packet in self._packets:
            packet.unknown = not self._known[packet.first : packet.first + packet.count].all()

    def next(self, now_ms: int, payload: int) -> bytes | None:
        """The packet to send now; None: ask again at `again_ms`, or never when `done`."""
        assert self._budget is not None
        room = min(payload, self._budget_room())
        if room < self._payload or not self._payload:
            self._cut(room)
        self._queue = [packet for packet in self._queue if packet.unknown]
        if not self._queue and self._round < self._sends:
            self._round += 1
            self._queue = [packet for packet in self._packets if packet.unknown]
        self.done, self.again_ms = self._stopped or not self._queue, None
        if self.done:
            return None
        packet = self._queue[0]
        airtime = self._budget.region.airtime_us(self._rate, len(packet.data), self._fopts)
        when, band = self._budget.earliest(airtime, now_ms)
        if when is None or (self._deadline is not None and when + airtime / 1000 > self._deadline):
            self.done = True
            return None
        if when != now_ms:
            self.again_ms = when
            return None
        self._budget.spend(band, airtime, now_ms)
        self.airtime_us, self._last = airtime, self._queue.pop(0)
        return packet.data

    def _budget_room(self) -> int:
        assert self._budget is not None
        return self._budget.region.payload(self._rate, self._fopts)

    def failed(self) -> None:
        """The last packet did not leave."""
        if self._last is not None:
            self._queue.insert(0, self._last)
            self._last = None

    def known(self, first: int, count: int) -> None:
        """The receiver has these ranks."""
        self._known[first : first + count] = True
        self._look()

    def lost(self) -> None:
        """What was sent and is not known is lost."""
        self._queue = [packet for packet in self._packets if packet.unknown]

    def want(self, top: int, bottom: int, left: int, right: int) -> bool:
        """Differences have an order of their own."""
        return False

    def stop(self) -> None:
        """Enough."""
        self._stopped = True

    def ready(self) -> None:
        """The link says when it is ready itself."""
