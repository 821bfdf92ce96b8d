# SPDX-License-Identifier: Apache-2.0
"""The node of a trial: the node's own schedule, budget, modem driver and seal, on any clock."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glimpse import binding
from glimpse.binding import MAX_FRAME, MIN_PAYLOAD, Keeper, Model, PacketError, Reference
from glimpse.binding.control import PARITY_GROUP, Enough, Have, MoreHere, Whole, read_downlink
from glimpse.binding.link import Event, Kind, Link
from glimpse.binding.parity import Rule
from glimpse.binding.schedule import Budget, Schedule
from glimpse.binding.seal import DOWNLINK, SEAL_COST_BYTES, UPLINK, Opener, sealed_room
from glimpse.keys import DeviceKey

ADR_ANSWER_BYTES = 2  # LinkADRAns, beside the packet after a change of the data rate
HOLD = 1.0  # quantiser steps that a value may lie from its reference (docs/wire-format.md, Difference packets)


@dataclass(frozen=True)
class Photo:
    """What an encoder made of a photo.

    Attributes:
        latent: int8 [height, width, channels].
        side: the side output, int8 [height, width] or empty; None: none.
    """

    latent: np.ndarray
    side: np.ndarray | None = None


class Node:
    """Sends one photo after another.

    Args:
        model: its model.
        link: of its modem.
        budget: for all photos.
        rate: what the modem says that its data rate is.
        sends: how often a symbol goes out while nobody says whether it came.
        resend: what happens to lost symbols, a key of glimpse.binding.schedule.RESEND.
        coding: "raw" or "range".
        key: with which it seals; None: not at all.
        prior: photos leave as differences where that is cheaper.
        refresh: at most so many of them in a row; 0: any number.
        parity: parity packets for PARITY_GROUP packets; 0: none.
        parity_first: those for the first packets of a photo; 0: as for the others.
        deadline: seconds that a photo may take; None: any time.
        told: called with (what, details) when something happens.

    Attributes:
        wrong: downlinks that were not taken.
    """

    def __init__(
        self,
        model: Model,
        link: Link,
        budget: Budget,
        rate: Callable[[], int],
        *,
        sends: int = 3,
        resend: str = "importance",
        coding: str = "range",
        key: DeviceKey | None = None,
        prior: bool = False,
        refresh: int = 0,
        parity: int = 0,
        parity_first: int = 0,
        deadline: float | None = None,
        told: Callable[[str, dict[str, object]], None] = lambda what, details: None,
    ) -> None:
        self.model, self.link, self.budget, self._rate = model, link, budget, rate
        self._sends, self._resend, self._coding, self._deadline, self._told = sends, resend, coding, deadline, told
        self._seal = key.seal(UPLINK) if key else None
        self._opener = Opener(key.seal(DOWNLINK)) if key else None
        self._keeper = Keeper(model, refresh=refresh) if prior else None
        self._parity: list[Rule] = []
        if parity or parity_first:
            self._parity = [Rule(PARITY_GROUP, parity_first or parity), Rule(PARITY_GROUP, parity)]
        self._counter = 0
        self._sequence: int | None = None
        self._symbols: np.ndarray | None = None
        self._side: np.ndarray | None = None
        self._end_ms: int | None = None
        self._differs = False
        self._frame = -1
        self._rest: Schedule | None = None
        self._linked: tuple[int, int] | None = None
        self._flying = False
        self._adapting = False
        self._again: float | None = None
        self.wrong = 0

    # ---- one photo

    def begin(self, photo: Photo, now: float) -> None:
        """Takes a photo; the one before is given up."""
        self._frame = (self._frame + 1) % (MAX_FRAME + 1)
        symbols, held = self.model.quantise(photo.latent), None
        if self._keeper is not None:
            self._keeper.update(self._symbols)
            held = self._keeper.reference if self._keeper.may_differ else None
            if held is not None:
                symbols = binding.settle(self.model, held, photo.latent, HOLD)
            if not self._keeper.chooses_difference(self._frame, symbols, self._room() or MIN_PAYLOAD):
                held, symbols = None, self.model.quantise(photo.latent)
        self._symbols, self._side = symbols, photo.side
        self._end_ms = None if self._deadline is None else round(1000 * (now + self._deadline))
        self._schedule(held)
        self._told("photo", {"frame": self._frame, "kind": "image" if held is None else "difference"})

    def _schedule(self, held: Reference | None) -> None:
        """Sends the photo's symbols, against a reference or whole."""
        self._rest = Schedule(
            self.model,
            self.symbols,
            held=held,
            parity=self._parity,
            side=self._side,
            frame=self._frame,
            coding=self._coding,
            resend=self._resend,
            sends=self._sends,
            deadline_ms=self._end_ms,
        )
        self._differs = held is not None
        self._linked = self._again = None

    def _send_whole(self) -> None:
        """The receiver lacks what differences refer to."""
        if self._keeper is not None:
            self._keeper.again()
        self._told("whole", {"frame": self._frame})
        if self._differs:
            self._schedule(None)

    @property
    def frame(self) -> int:
        """Number of the photo being sent."""
        return self._frame

    @property
    def symbols(self) -> np.ndarray:
        """What it sends, uint8 [height, width, channels]."""
        assert self._symbols is not None
        return self._symbols

    @property
    def done(self) -> bool:
        """Nothing of the photo is left to do."""
        return self._rest is not None and self._rest.done and not self._flying

    def step(self, now: float) -> None:
        """Takes what the link brought, and gives it the next packet if one may go."""
        while event := self.link.poll(now):
            self._take(event)
        if not self._flying and self._rest is not None and not self._rest.done and self.link.payload:
            self._send(self._rest, now)

    def wait(self, now: float) -> float:
        """Seconds until there is something to do though nothing comes."""
        link = self.link.wait(now)
        return link if self._again is None else min(link, max(self._again - now, 0.001))

    def _room(self) -> int:
        """Most bytes of a packet, before it is sealed; 0: nothing can be sent."""
        room = sealed_room(self.link.payload) if self._seal else self.link.payload
        return room if room >= MIN_PAYLOAD else 0

    def _send(self, rest: Schedule, now: float) -> None:
        rate = self._rate()
        if self._linked is not None and rate != self._linked[0]:
            self._adapting = True
        beside = (SEAL_COST_BYTES if self._seal else 0) + (ADR_ANSWER_BYTES if self._adapting else 0)
        if self._linked != (rate, beside):
            rest.link(self.budget, rate, beside)
            self._linked = rate, beside
        room = self._room()
        self._again = None
        packet = rest.next(round(1000 * now), room) if room else None
        if packet is None:
            if rest.again_ms is not None and not rest.done:
                self._again = rest.again_ms / 1000
                self._told("wait", {"seconds": self._again - now})
            return
        payload = packet
        if self._seal is not None:
            payload = self._seal.close(self._counter, packet, self.link.payload)
            self._counter += 1
        self._flying = True
        self.link.send(now, payload)

    # ---- what the link says

    def _take(self, event: Event) -> None:
        rest = self._rest
        if event.kind in (Kind.SENT, Kind.ACKNOWLEDGED) and self._flying and rest is not None:
            self._flying = self._adapting = False
            rest.ready()
        elif event.kind is Kind.FAILED and self._flying and rest is not None:
            self._flying = False
            rest.failed()
            self._told("refused", {"reason": event.reason})
        elif event.kind is Kind.DOWNLINK:
            self._obey(event.data)

    def _obey(self, data: bytes) -> None:
        """A downlink packet, once."""
        try:
            packet = self._opener.take(data).packet if self._opener is not None else data
            downlink = read_downlink(packet, self.model.symbol_count)
        except PacketError:
            self.wrong += 1
            return
        if self._sequence == downlink.sequence or self._rest is None:
            return
        self._sequence = downlink.sequence
        if Whole() in downlink.commands:
            self._send_whole()
        if not any(isinstance(command, (Enough, Have, MoreHere)) for command in downlink.commands):
            return
        if (downlink.model, downlink.revision, downlink.frame) != (
            self.model.id,
            self.model.revision & 1,
            self._frame,
        ):
            self._told("skipped", {"frame": downlink.frame})
            return
        runs = [run for command in downlink.commands if isinstance(command, Have) for run in command.runs]
        for run in runs:
            self._rest.known(*run)
        if runs:
            # In class A nothing is on its way while an answer comes: what it does not name is lost.
            self._rest.lost()
            if self._keeper is not None:
                self._keeper.acknowledge(self._frame, runs)
            self._told("known", {"symbols": sum(count for _, count in runs)})
        for command in downlink.commands:
            if isinstance(command, Enough):
                self._rest.stop()
                self._told("enough", {})
            elif isinstance(command, MoreHere):
                region = command.top, command.bottom, command.left, command.right
                self._told("more here", {"region": list(region), "obeyed": self._rest.want(*region)})
        self._again = None
