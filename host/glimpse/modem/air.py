# SPDX-License-Identifier: Apache-2.0
"""The network at the other end of an emulated modem's air: what it hears, and what it says back."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Uplink:
    """One uplink that the network received.

    Attributes:
        time: seconds, when it ended.
        data_rate: it came with.
        port: 1..223; 0 without payload.
        payload: application bytes, as they arrived.
    """

    time: float
    data_rate: int
    port: int
    payload: bytes


@dataclass(frozen=True)
class Answer:
    """What the network sends in the receive windows after an uplink.

    Attributes:
        port: of the payload, 0 without one.
        payload: application bytes.
        data_rate: that the node is to change to; None: stay.
        acknowledged: the uplink was confirmed, and this says so.
        pending: there is more to say.
    """

    port: int = 0
    payload: bytes = b""
    data_rate: int | None = None
    acknowledged: bool = False
    pending: bool = False


class Air:
    """A lossy air with a network behind it.

    Args:
        loss: share of frames that are lost, 0..1, in both directions and joining included.
        damage: share of the payloads that come with flipped bits all the same.
        seed: of the chances.
        deliver: called with each uplink with a payload that arrives.
        rate_changes: after so many uplinks received, the data rate that the network asks for.

    Attributes:
        downlinks: (port, payload) that wait for an uplink.
        uplinks: that the network received, with and without payload.
        lost: frames lost, in both directions.
    """

    def __init__(
        self,
        *,
        loss: float = 0.0,
        damage: float = 0.0,
        seed: int = 0,
        deliver: Callable[[Uplink], None] | None = None,
        rate_changes: dict[int, int] | None = None,
    ) -> None:
        self.loss, self.damage = loss, damage
        self.deliver = deliver or (lambda uplink: None)
        self.rate_changes = dict(rate_changes or {})
        self.downlinks: deque[tuple[int, bytes]] = deque()
        self.uplinks = self.lost = self.damaged = 0
        self._chance = random.Random(seed)

    def loses(self) -> bool:
        """Whether the next frame is lost."""
        lost = self._chance.random() < self.loss
        self.lost += lost
        return lost

    def noise(self, low: int, high: int) -> int:
        """A number between the two, for what nobody decides."""
        return self._chance.randint(low, high)

    def receive(self, uplink: Uplink, *, confirmed: bool, adaptive: bool) -> Answer | None:
        """An uplink has ended: None, when it was lost or nothing is to be said, or the answer.

        Args:
            uplink: as it was sent.
            confirmed: an acknowledgement is asked for.
            adaptive: the node lets the network choose the data rate.
        """
        if self.loses():
            return None
        self.uplinks += 1
        if uplink.payload:
            self.deliver(self._damaged(uplink))
        due = [count for count in self.rate_changes if count <= self.uplinks] if adaptive else []
        rate = self.rate_changes.pop(max(due)) if due else None
        port, payload = self.downlinks[0] if self.downlinks else (0, b"")
        if not (confirmed or payload or rate is not None) or self.loses():
            return None
        if payload:
            self.downlinks.popleft()
        return Answer(port, payload, rate, confirmed, bool(self.downlinks))

    def _damaged(self, uplink: Uplink) -> Uplink:
        if self._chance.random() >= self.damage:
            return uplink
        self.damaged += 1
        payload = bytearray(uplink.payload)
        for _ in range(self._chance.randint(1, 3)):
            payload[self._chance.randrange(len(payload))] ^= 1 << self._chance.randrange(8)
        return Uplink(uplink.time, uplink.data_rate, uplink.port, bytes(payload))
