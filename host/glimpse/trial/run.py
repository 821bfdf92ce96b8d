# SPDX-License-Identifier: Apache-2.0
"""Node, emulated modem, lossy air and receiver together, on a clock that jumps instead of waiting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from glimpse.archive import OneModel
from glimpse.binding.link import AtModem
from glimpse.binding.schedule import Budget, regions
from glimpse.binding.seal import MIN_SEALED_PAYLOAD, SEAL_COST_BYTES
from glimpse.errors import UsageError
from glimpse.feedback import Policy
from glimpse.keys import DeviceKey
from glimpse.links import IidLoss, Loss
from glimpse.modem.air import Air, Answer, Uplink
from glimpse.modem.e5 import E5
from glimpse.modem.emulator import EmulatedModem
from glimpse.modem.line import VirtualLine
from glimpse.modem.radio import find_region
from glimpse.receiving import Frame, Keys, Receiver
from glimpse.receiving.answer import Answers, Rules
from glimpse.trial.node import Node, Photo
from glimpse.zoo import ZooModel

NAME = "node"
TRANSMISSIONS = 1 << 14  # whose losses are drawn at a time
LONGEST = 14 * 86400.0  # seconds of the clock, when nothing ends a trial before
PORT = 1


@dataclass(frozen=True)
class Setup:
    """What is tried.

    Attributes:
        model: of the node.
        region: EU868 or US915.
        rate: data rate to begin with.
        loss: of transmissions, in both directions.
        sends: how often a symbol goes out while nobody says whether it came.
        resend: what happens to lost symbols, a key of glimpse.binding.schedule.RESEND.
        coding: "raw" or "range".
        fair_use: 30 s of uplink and 10 downlinks a day.
        answers: how the receiver answers; None: never.
        policy: when a picture is enough; None: when it is whole.
        key: node and receiver seal with it; None: they do not.
        prior: photos leave as differences against the last acknowledged ones.
        refresh: at most so many of them in a row; 0: any number.
        parity: parity packets for 8 packets; 0: none.
        parity_first: those for the first 8 packets of a photo; 0: as for the others.
        deadline: seconds that a photo may take.
        every: seconds from photo to photo; None: the next when one is done.
        rate_changes: after so many uplinks received, the data rate that the network asks for.
        seed: of the losses.
    """

    model: ZooModel
    region: str = "EU868"
    rate: int = 3
    loss: Loss = field(default_factory=lambda: IidLoss(0.0))
    sends: int = 3
    resend: str = "importance"
    coding: str = "range"
    fair_use: bool = False
    answers: Rules | None = field(default_factory=Rules)
    policy: Callable[[Frame], Policy] | None = None
    key: DeviceKey | None = None
    prior: bool = False
    refresh: int = 0
    parity: int = 0
    parity_first: int = 0
    deadline: float | None = None
    every: float | None = None
    rate_changes: dict[int, int] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Step:
    """Something that happened.

    Attributes:
        time: seconds.
        what: photo (begins), sent, lost, downlink, downlink lost, wait, rate, known, enough, more here, whole, skipped
            (a downlink about another photo), refused (by the modem), done.
        details: numbers, by name.
    """

    time: float
    what: str
    details: dict[str, Any]

    def numbers(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        return {"time": round(self.time, 3), "what": self.what, **self.details}


class _Losses:
    """The losses of a model, one transmission after another, for ever."""

    def __init__(self, loss: Loss, seed: int) -> None:
        self._loss, self._rng = loss, np.random.default_rng(seed)
        self._left: list[bool] = []

    def next(self) -> bool:
        if not self._left:
            self._left = self._loss.lost(TRANSMISSIONS, self._rng)[::-1].tolist()
        return self._left.pop()


class _Air(Air):
    """An air that loses as a model says, and tells what it did."""

    def __init__(
        self,
        losses: _Losses,
        told: Callable[[float, str, dict[str, Any]], None],
        ended: Callable[[float], None],
        **how: Any,
    ) -> None:
        super().__init__(**how)
        self._losses, self._tell, self._ended = losses, told, ended

    def loses(self) -> bool:
        lost = self._losses.next()
        self.lost += lost
        return lost

    def receive(self, uplink: Uplink, *, confirmed: bool, adaptive: bool) -> Answer | None:
        before = self.uplinks
        self._ended(uplink.time)
        answer = super().receive(uplink, confirmed=confirmed, adaptive=adaptive)
        if self.uplinks == before:
            self._tell(uplink.time, "lost", {"bytes": len(uplink.payload), "data_rate": uplink.data_rate})
        elif self.downlinks:
            # The network has sent it once; whoever wants it said says it again.
            self._tell(uplink.time, "downlink lost", {"bytes": len(self.downlinks[0][1])})
            self.downlinks.clear()
        elif answer is not None and answer.payload:
            self._tell(uplink.time, "downlink", {"bytes": len(answer.payload)})
        if answer is not None and answer.data_rate is not None:
            self._tell(uplink.time, "rate", {"data_rate": answer.data_rate})
        return answer


class Trial:
    """One link.

    Args:
        setup: what is tried.
        look: called with (frame, number of the photo) after every packet that brought something; what it returns
            (ms_ssim, ...) stands in the step.

    Attributes:
        steps: what happened.
        frames: of the receiver, for each photo; None where nothing came.
        transmissions: (end, seconds) of every time on the air.
    """

    def __init__(self, setup: Setup, look: Callable[[Frame, int], dict[str, Any]] = lambda frame, number: {}) -> None:
        self.setup, self._look = setup, look
        self.steps: list[Step] = []
        self.frames: list[Frame | None] = []
        self.transmissions: list[tuple[float, float]] = []
        region = next((each for each in regions() if each.name == setup.region), None)
        radio = find_region(setup.region)
        if region is None or setup.rate >= len(radio.rates) or setup.rate >= len(region.rates):
            raise UsageError(f"{setup.region} has no DR{setup.rate}; choose another data rate")
        if setup.key is not None and region.payload(setup.rate) < MIN_SEALED_PAYLOAD:
            raise UsageError(
                f"{setup.region} DR{setup.rate} takes {region.payload(setup.rate)} bytes, and sealed packets need "
                f"{MIN_SEALED_PAYLOAD}; choose a faster data rate"
            )
        keys = Keys()
        if setup.key is not None:
            keys.add(NAME, setup.key)
        self.receiver = Receiver(OneModel(setup.model), openers=keys.openers)
        self.answers = None if setup.answers is None else self._answers(setup.answers)
        self._down = keys.downlink(NAME)
        self._down_counter = 0
        self.air = _Air(
            _Losses(setup.loss, setup.seed),
            self._tell,
            self._count_airtime,
            deliver=self._deliver,
            rate_changes=setup.rate_changes,
        )
        # Duty cycles are the node's to keep here, so that its own budget is what is tried.
        self.modem = EmulatedModem(E5, radio, self.air, data_rate=setup.rate, keep_duty=False)
        self.modem.joined = True  # long ago
        self.line = VirtualLine(self.modem)
        self.node = Node(
            setup.model.binding,
            AtModem(self.line, "e5", self.line.now, port=PORT, data_rate=setup.rate),
            Budget(region, fair_use=setup.fair_use),
            lambda: self.modem.data_rate,
            sends=setup.sends,
            resend=setup.resend,
            coding=setup.coding,
            key=setup.key,
            prior=setup.prior,
            refresh=setup.refresh,
            parity=setup.parity,
            parity_first=setup.parity_first,
            deadline=setup.deadline,
            told=lambda what, details: self._tell(self.line.now, what, details),
        )

    def _answers(self, rules: Rules) -> Answers:
        if not self.setup.fair_use:
            rules = replace(rules, a_day=None)
        return Answers(self.receiver, rules, self.setup.policy)

    def _tell(self, time: float, what: str, details: dict[str, Any]) -> None:
        self.steps.append(Step(time, what, details))

    def _deliver(self, uplink: Uplink) -> None:
        """An uplink has arrived: to the receiver, and what it answers into the receive window."""
        reception = self.receiver.add(NAME, uplink.payload, uplink.time)
        frame, verdict = reception.frame, reception.verdict
        details: dict[str, Any] = {"bytes": len(uplink.payload), "data_rate": uplink.data_rate}
        if frame is not None:
            self.frames[-1] = frame
            details["symbols"] = frame.assembly.symbols_received
            if verdict.used:
                details |= self._look(frame, len(self.frames) - 1)
        if not verdict.used:
            details["reason"] = verdict.reason
        self._tell(uplink.time, "sent", details)
        self.air.downlinks.clear()
        if self.answers is None:
            return
        room = self.modem.region.rates[uplink.data_rate].payload
        sealing = self._down is not None
        packet = self.answers.after(NAME, reception, uplink.time, room - SEAL_COST_BYTES * sealing)
        if packet is not None and self._down is not None:
            packet = self._down.close(self._down_counter, packet, room)
            self._down_counter += 1
        if packet is not None:
            self.air.downlinks.append((PORT, packet))

    def run(self, photos: Sequence[Photo]) -> None:
        """Sends the photos, one after another; nothing is random but the losses."""
        for number, photo in enumerate(photos):
            begin = 0.0 if self.setup.every is None else number * self.setup.every
            while self.line.now < begin:
                self.node.step(self.line.now)
                self.line.sleep(begin - self.line.now)
            self.frames.append(None)
            self.node.begin(photo, self.line.now)
            end = LONGEST if self.setup.every is None else (number + 1) * self.setup.every
            while not self.node.done and self.line.now < min(end, LONGEST):
                self.node.step(self.line.now)
                if not self.node.done:
                    self.line.sleep(min(self.node.wait(self.line.now), end - self.line.now))
            self._tell(self.line.now, "done", {"frame": self.node.frame})

    def _count_airtime(self, end: float) -> None:
        """Notes when the radio was on."""
        lasted = self.modem.airtime - sum(seconds for _, seconds in self.transmissions)
        self.transmissions.append((end, lasted))

    def numbers(self) -> dict[str, Any]:
        """Sums for JSON: see glimpse.commands.trial."""
        count = {what: sum(step.what == what for step in self.steps) for what in ("sent", "lost", "downlink")}
        return {
            "uplinks": count["sent"] + count["lost"],
            "uplinks_lost": count["lost"],
            "uplink_bytes": sum(step.details["bytes"] for step in self.steps if step.what in ("sent", "lost")),
            "downlinks": sum(step.what in ("downlink", "downlink lost") for step in self.steps),
            "downlinks_lost": sum(step.what == "downlink lost" for step in self.steps),
            "airtime_s": round(self.modem.airtime, 3),
            "waited_s": round(sum(step.details["seconds"] for step in self.steps if step.what == "wait"), 3),
            "seconds": round(self.line.now, 3),
            "packets": self.receiver.tally.numbers(),
        }
