# SPDX-License-Identifier: Apache-2.0
"""What a receiver says to a node after its packets: what has come, enough, or more here (docs/receiving.md)."""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from glimpse.binding import MAX_PAYLOAD, MIN_PAYLOAD
from glimpse.binding.control import (
    MAX_SEQUENCE,
    Command,
    Downlink,
    Enough,
    Have,
    MoreHere,
    Telemetry,
    Whole,
    read_downlink,
    write_downlink,
)
from glimpse.binding.schedule import FAIR_DOWNLINKS
from glimpse.difference import REFERENCE
from glimpse.errors import UsageError
from glimpse.feedback import Answer, Look, Policy
from glimpse.reassemble import DUPLICATE
from glimpse.receiving.frame import Frame
from glimpse.receiving.receiver import Receiver
from glimpse.receiving.reception import Reception

DAY = 86400.0
LONGEST_PAUSE = 8  # packets of a frame between two answers, with a quota


@dataclass(frozen=True)
class Rules:
    """How often and how long.

    Attributes:
        a_day: downlinks to a node in any 24 hours; None: as many as one likes.
        every: packets of a frame after which the node is told what came, so that it sends what was lost before what is
            less important; None: only when it repeats what is here, or seems to be at the end.
        payload: most bytes of an answer.
    """

    a_day: int | None = FAIR_DOWNLINKS
    every: int | None = None
    payload: int = 51

    def __post_init__(self) -> None:
        if not MIN_PAYLOAD <= self.payload <= MAX_PAYLOAD:
            raise UsageError(f"an answer has {MIN_PAYLOAD} to {MAX_PAYLOAD} bytes, not {self.payload}")
        if (self.a_day is not None and self.a_day < 0) or (self.every is not None and self.every < 1):
            raise UsageError("answers go out 0 times a day or more, after 1 packet or more")


@dataclass
class _Talk:
    """About one frame."""

    policy: Policy | None
    bytes: int = 0
    since: int = 0  # packets, since the last answer
    pause: int = 1  # packets that it takes until the next
    ended: bool = False  # its last rank has come
    asked: tuple[int, int, int, int] | None = None
    inside: int = 0  # symbols received of the region that a policy wants


@dataclass
class _Line:
    """To one node."""

    sequence: int = 0
    unread: int = 0  # packets in a row that refer to what is not held
    pause: int = 1  # so many of them until it is told again
    times: deque[float] = field(default_factory=deque)


class Answers:
    """Decides after every packet whether its node is told something, which in class A can only be then.

    An acknowledgement goes out when the picture is whole, when a packet brought nothing new, when the last rank came,
    when the node says that it has sent all of the photo, and after every so many packets. With a quota the pauses
    between the answers about one frame double, so that a link that loses answers does not use up the day.

    A packet that refers to something not held here (the receiver began anew, or gave it up) is answered with the wish
    for image packets, again after 2, 4 and then 8 such packets.

    Args:
        receiver: whose frames they are about.
        rules: how often, and how long.
        policy: makes a policy for a frame; None: a picture is enough when it is whole.

    Attributes:
        said: answers so far, by command.
        unsaid: answers that the quota did not leave room for.
    """

    def __init__(
        self,
        receiver: Receiver,
        rules: Rules | None = None,
        policy: Callable[[Frame], Policy] | None = None,
    ) -> None:
        self.receiver, self.rules, self._policy = receiver, rules or Rules(), policy
        self.said: Counter[str] = Counter()
        self.unsaid = 0
        self._talks: OrderedDict[int, _Talk] = OrderedDict()
        self._lines: OrderedDict[str, _Line] = OrderedDict()

    def after(self, node: str, reception: Reception, time: float, room: int = MAX_PAYLOAD) -> bytes | None:
        """The downlink packet to send now, or None.

        Args:
            node: whose packet it was.
            reception: what the packet led to.
            time: seconds, on the clock of the packets' times.
            room: bytes that the link takes now.
        """
        size = min(room, self.rules.payload)
        self._count_on(node, reception)
        if reception.verdict.reason == REFERENCE:
            return self._ask_for_whole(node, time, size)
        ended = self._ended(node, reception)
        frame = reception.frame or ended
        if frame is None or not frame.open or size < MIN_PAYLOAD:
            return None
        self._line(node).unread, self._line(node).pause = 0, 1  # what it sends can be read
        talk = self._talk(frame)
        talk.since += 1
        talk.bytes = sum(map(len, frame.packets))
        commands = self._wishes(frame, talk, ended is not None or reception.verdict.reason == DUPLICATE)
        if not commands or (talk.since < talk.pause and ended is None):
            return None
        line = self._line(node)
        if not self._may_speak(line, time):
            self.unsaid += 1
            return None
        packet = self._write(frame, line, commands, size)
        if packet is not None:
            line.times.append(time)
            talk.since = 0
            talk.pause = min(2 * talk.pause, LONGEST_PAUSE) if self.rules.a_day is not None else 1
            if (here := next((each for each in commands if isinstance(each, MoreHere)), None)) is not None:
                talk.asked = here.top, here.bottom, here.left, here.right
        return packet

    def _count_on(self, node: str, reception: Reception) -> None:
        """A node that has heard of later downlinks than are known here takes only those after them."""
        said = reception.brought
        if isinstance(said, Telemetry) and said.answer is not None:
            line, following = self._line(node), (said.answer.sequence + 1) % (MAX_SEQUENCE + 1)
            if 0 < (following - line.sequence) % (MAX_SEQUENCE + 1) <= MAX_SEQUENCE // 2:
                line.sequence = following

    def _ask_for_whole(self, node: str, time: float, size: int) -> bytes | None:
        line = self._line(node)
        line.unread += 1
        if line.unread < line.pause or size < MIN_PAYLOAD:
            return None
        if not self._may_speak(line, time):
            self.unsaid += 1
            return None
        packet = write_downlink(Downlink(line.sequence, (Whole(),)), size)
        line.unread, line.pause = 0, min(2 * line.pause, LONGEST_PAUSE)
        line.sequence = (line.sequence + 1) % (MAX_SEQUENCE + 1)
        line.times.append(time)
        self.said["whole"] += 1
        return packet

    def _ended(self, node: str, reception: Reception) -> Frame | None:
        """The frame of which a node says that it has sent all: it tells the photo's age (docs/field.md)."""
        said, frame = reception.brought, self.receiver.current(node)
        told = isinstance(said, Telemetry) and said.trigger is not None and said.age is not None
        if not told or frame is None or reception.verdict.reason == DUPLICATE:
            return None
        model = frame.model.binding
        same = (said.model, said.revision, said.frame) == (model.id, model.revision & 1, frame.number)
        return frame if same else None

    def _wishes(self, frame: Frame, talk: _Talk, again: bool) -> list[Command]:
        """What there is to say; Have stands for itself and is filled in later."""
        received, model = frame.assembly.received, frame.model.binding
        have = Have(received=received, model=model)
        if frame.whole:
            return [have]  # one run, and the node has nothing left to send
        ended = bool(received.reshape(-1)[model.order()[-1]])
        due = again or (ended and not talk.ended) or (self.rules.every is not None and talk.since >= self.rules.every)
        talk.ended = ended
        commands: list[Command] = []
        if talk.policy is not None:
            reply = talk.policy.reply(Look(frame.picture(), received, talk.bytes))
            region = reply.region
            if reply.answer is Answer.ENOUGH:
                return [Enough(), have]  # what came is what later frames may refer to
            if reply.answer is Answer.MORE_HERE and region is not None:
                here = region.top, region.bottom, region.left, region.right
                inside = received[region.top : region.bottom, region.left : region.right]
                count, before = int(np.count_nonzero(inside)), talk.inside
                talk.inside = count
                # A node that goes on sending something else has not heard it.
                unheard = count == before and count < inside.size
                commands += [MoreHere(*here)] if here != talk.asked or unheard else []
        return [*commands, have] if due or commands else []

    def _write(self, frame: Frame, line: _Line, commands: list[Command], size: int) -> bytes | None:
        """The packet; None when nothing can be said."""
        model = frame.model.binding

        def write(chosen: list[Command]) -> bytes:
            return write_downlink(
                Downlink(line.sequence, tuple(chosen), model.id, model.revision & 1, frame.number), size
            )

        others = [each for each in commands if not isinstance(each, Have)]
        packet = write(commands) if np.any(frame.assembly.received) else None
        runs = _runs(packet, model.symbol_count) if packet else []
        if runs and not self.receiver.acknowledge(frame, runs):
            packet = None  # the name of that reference is taken: nothing may be acknowledged
        if packet is None:
            if not others:
                return None
            packet = write(others)
        elif runs:
            self.said["have"] += 1
        self.said.update({"enough" if isinstance(each, Enough) else "more here": 1 for each in others})
        line.sequence = (line.sequence + 1) % (MAX_SEQUENCE + 1)
        return packet

    def _talk(self, frame: Frame) -> _Talk:
        if frame.serial not in self._talks:
            self._talks[frame.serial] = _Talk(self._policy(frame) if self._policy else None)
            while len(self._talks) > self.receiver.limits.nodes:
                self._talks.popitem(last=False)
        return self._talks[frame.serial]

    def _line(self, node: str) -> _Line:
        line = self._lines.setdefault(node, _Line())
        self._lines.move_to_end(node)
        while len(self._lines) > self.receiver.limits.nodes:
            self._lines.popitem(last=False)
        return line

    def _may_speak(self, line: _Line, time: float) -> bool:
        while line.times and time - line.times[0] >= DAY:
            line.times.popleft()
        return self.rules.a_day is None or len(line.times) < self.rules.a_day


def _runs(packet: bytes, symbols: int) -> list[tuple[int, int]]:
    """What a downlink says has come."""
    return [run for each in read_downlink(packet, symbols).commands if isinstance(each, Have) for run in each.runs]
