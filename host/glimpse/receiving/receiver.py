# SPDX-License-Identifier: Apache-2.0
"""Packets of many nodes and frames in any order, bounded in memory."""

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from glimpse import binding
from glimpse.binding import (
    KIND_DIFFERENCE,
    MAX_FRAME,
    WIRE_VERSION,
    Header,
    Model,
    Reference,
    needed_reference,
    unpack_difference,
)
from glimpse.binding.control import Telemetry
from glimpse.difference import REFERENCE, References
from glimpse.errors import UsageError
from glimpse.reassemble import DUPLICATE, PARITY, PacketVerdict
from glimpse.receiving.frame import Frame
from glimpse.receiving.joining import Unpack, may_share, owner, unpacked
from glimpse.receiving.kinds import HANDLERS, OPENERS, Handler, Opener, Refused
from glimpse.receiving.limits import Limits
from glimpse.receiving.reception import Arrival, Kept, Reception
from glimpse.receiving.state import State
from glimpse.receiving.store import Store
from glimpse.receiving.tally import Tally
from glimpse.zoo import ZooModel

# A packet whose number is at most so far ahead of the open frame's is of a new frame (docs/wire-format.md, Frames).
AHEAD = (MAX_FRAME + 1) // 2
# Rejected for want of something that a receiver may be given later.
KEPT_REASONS = frozenset(("version", "kind", "model", "revision"))


class Models(Protocol):
    """Where the models come from: a glimpse.archive.Shelf, or OneModel."""

    def knows(self, number: int) -> bool:
        """Whether any revision of this model is at hand."""

    def choose(self, number: int, bit: int) -> ZooModel | None:
        """The model of a packet with this number and lowest bit of the revision."""


class Receiver:
    """Sorts packets into frames.

    Not for use by several threads at a time.

    Attributes:
        tally: counters over all nodes, those forgotten included.
        gave_way: what limits cost, by kind: nodes, frames, packets (of frames, that were kept), kept, waiting (their
            silence counts too), references.
    """

    def __init__(
        self,
        models: Models,
        limits: Limits | None = None,
        handlers: Mapping[int, Handler] | None = None,
        openers: Mapping[int, Opener] | None = None,
    ) -> None:
        """Starts with nothing received.

        Args:
            models: where the model of a packet is found.
            limits: how much is held; None: the defaults.
            handlers: by kind, in addition to the usual ones or instead of them.
            openers: by version, likewise.
        """
        self.models = models
        self.limits = limits or Limits()
        self.tally = Tally()
        self.gave_way: Counter[str] = Counter()
        self._handlers = {**HANDLERS, **(handlers or {})}
        self._openers = {**OPENERS, **(openers or {})}
        self._store = Store(self.limits, self.gave_way)
        self._kept: deque[Kept] = deque(maxlen=self.limits.kept)
        self._waiting: OrderedDict[tuple[str, bytes], tuple[Arrival, bool]] = OrderedDict()

    # ---- what comes in

    def add(self, node: str, packet: bytes, time: float = 0.0) -> Reception:
        """Takes one packet as it came from the air; nothing in it can raise.

        Args:
            node: who sent it, as the network says.
            packet: one radio payload.
            time: when it came, in seconds on any clock that goes forward; packets may come a little out of order.

        Raises:
            UsageError: the time is not a finite number.
        """
        if not math.isfinite(time):
            raise UsageError(f"the time of a packet is {time}; give seconds")
        try:
            reception = self._take(Arrival(node, bytes(packet), time))
        except (Refused, binding.PacketError) as error:
            reception = Reception(PacketVerdict(False, error.reason, str(error)))
            if getattr(error, "keep", error.reason in KEPT_REASONS):
                self._keep(Kept(node, bytes(packet), time, error.reason))
        self.tally.count(reception.verdict, reception.late)
        known = self._store.nodes.get(node)
        if known is not None:  # noise does not make a node, or noise could push out the real ones
            known.tally.count(reception.verdict, reception.late)
        return reception

    def _take(self, arrival: Arrival) -> Reception:
        """Opens a packet, reads its header and calls its kind's handler."""
        version = arrival.packet[0] >> 6 if arrival.packet else WIRE_VERSION
        opener = self._openers.get(version)
        if opener is not None:
            arrival = Arrival(arrival.node, opener(arrival.node, arrival.packet), arrival.time)
        return self._handle(arrival)

    def _handle(self, arrival: Arrival) -> Reception:
        """Calls the handler of an opened packet's kind."""
        header = binding.read_header(arrival.packet)
        handler = self._handlers.get(header.kind)
        if handler is None:
            raise Refused("kind", f"a packet of kind {header.kind}, which this version does not know", keep=True)
        return handler(self, arrival, header)

    def model_of(self, header: Header) -> ZooModel:
        """The model that a packet names.

        Raises:
            Refused: with the reason model or revision.
        """
        model = self.models.choose(header.model, header.revision)
        if model is not None:
            return model
        if self.models.knows(header.model):
            sentence = f"made by another revision of model {header.model}; add the archive that holds it"
            raise Refused("revision", sentence, keep=True)
        raise Refused("model", f"made by model {header.model}, which is not at hand", keep=True)

    def place(
        self,
        arrival: Arrival,
        header: Header,
        packet: bytes,
        unpack: Unpack = Model.unpack,
        reference: Reference | None = None,
    ) -> Reception:
        """Puts the symbols of a packet into the frame that they belong to (docs/wire-format.md, Frames).

        Args:
            arrival: what came, with its node and time.
            header: of `packet`.
            packet: that holds them.
            unpack: (model, packet, symbols, received) -> number of symbols, filling in the two arrays, uint8 [height,
                width, channels] of zeros; the usual one is for images. It may raise PacketError or Refused.
            reference: that `unpack` reads the packet against; one frame has one.

        Raises:
            Refused: model or revision is not at hand, or the packet is of an earlier frame that gave way.
            PacketError: the packet is malformed.
        """
        model = self.model_of(header)
        held, late = self._may_join(arrival, header, model)
        symbols, received, count = unpacked(model, packet, unpack)
        held = [frame for frame in held if may_share(frame, reference)]
        frame, begun, closed, dropped = self._enter(arrival, header, model, owner(held, symbols, received), late)
        verdict = self._add(frame, packet, (symbols, received, count), arrival.time, reference)
        if verdict.used or verdict.reason == DUPLICATE:
            self._bring_back(frame, packet, arrival.time)
        return Reception(verdict, frame, not frame.open, begun, closed, dropped)

    def help(self, arrival: Arrival, header: Header) -> Reception:
        """Gives a sound parity packet to the frame that it belongs to, the newest one with its number.

        Raises:
            Refused: model or revision is not at hand, or the packet is of an earlier frame that gave way.
        """
        model = self.model_of(header)
        held, late = self._may_join(arrival, header, model)
        newest = max(held, key=lambda frame: frame.serial, default=None)
        frame, begun, closed, dropped = self._enter(arrival, header, model, newest, late)
        frame.last = max(frame.last, arrival.time)
        symbols = self._bring_back(frame, arrival.packet, arrival.time)
        if arrival.packet not in frame.packets:
            left_out = frame.packets_left_out
            frame.keep(arrival.packet, self.limits.packet_bytes)
            self.gave_way["packets"] += frame.packets_left_out - left_out
        verdict = PacketVerdict(True, symbols=symbols)
        if not symbols:
            verdict = PacketVerdict(False, PARITY, "a parity packet that has brought nothing back so far")
        return Reception(verdict, frame, not frame.open, begun, closed, dropped)

    def reading(self, node: str, packet: bytes, header: Header) -> tuple[Unpack, Reference | None]:
        """How symbols of a packet of kind 0 or 1 are read, and against which reference; for `place`.

        Raises:
            Refused: model or revision is not at hand.
            PacketError: a difference packet that is malformed.
        """
        if header.kind != KIND_DIFFERENCE:
            return Model.unpack, None
        reference = self.references(node, self.model_of(header)).find(needed_reference(packet))

        def unpack(model: Model, packet: bytes, symbols: np.ndarray, received: np.ndarray) -> int:
            return unpack_difference(model, reference, packet, symbols, received)

        return unpack, reference

    def _may_join(self, arrival: Arrival, header: Header, model: ZooModel) -> tuple[list[Frame], bool]:
        """The frames that a packet may be of, and whether it is of an earlier one than is being sent.

        Raises:
            Refused: of one that gave way.
        """
        now, node = arrival.time, self._store.nodes.get(arrival.node)
        current = node.current if node else None
        if current is not None and now - current.last > self.limits.silence:
            current = None  # whatever the number is: the sender may have started again
        ahead = (header.frame - current.number) % (MAX_FRAME + 1) if current else 1
        late = ahead > AHEAD
        if late and node and now - node.dropped.get(header.frame, -math.inf) <= self.limits.silence:
            raise Refused("frame", f"of frame {header.frame}, which is held no more")
        # A number ahead is a new photo's, even where an old one with this number is still held.
        held = node.frames if node and not 1 <= ahead <= AHEAD else []
        return [frame for frame in held if frame.takes(header.frame, model, now, self.limits.silence)], late

    def _enter(
        self, arrival: Arrival, header: Header, model: ZooModel, frame: Frame | None, late: bool
    ) -> tuple[Frame, bool, tuple[Frame, ...], tuple[Frame, ...]]:
        """The packet's frame, begun if there is none: (frame, begun, closed, dropped) as in Reception."""
        begun, closed, dropped = frame is None, (), ()
        if frame is None:
            frame, closed, dropped = self._store.begin(arrival.node, header.frame, model, arrival.time, open_=not late)
            self.tally.frames += 1
        self._store.touch(frame)
        return frame, begun, closed, dropped

    def _add(
        self,
        frame: Frame,
        packet: bytes,
        brought: tuple[np.ndarray, np.ndarray, int],
        now: float,
        reference: Reference | None,
    ) -> PacketVerdict:
        """A packet's symbols into its frame."""
        left_out = frame.packets_left_out
        verdict = frame.add(packet, *brought, now, self.limits.packet_bytes)
        self.gave_way["packets"] += frame.packets_left_out - left_out
        if reference is not None and (verdict.used or verdict.reason == DUPLICATE):
            frame.assembly.reference = reference
        return verdict

    def _bring_back(self, frame: Frame, packet: bytes, now: float) -> int:
        """Lost packets that a packet helps to bring back, into its frame; how many symbols were new."""
        before = frame.assembly.symbols_received
        for lost in frame.assembly.recovery.add(packet):
            try:
                unpack, reference = self.reading(frame.node, lost, binding.read_header(lost))
                brought = unpacked(frame.model, lost, unpack)
            except binding.PacketError as error:
                if error.reason == REFERENCE:
                    self.wait(Arrival(frame.node, lost, now), counted=False)
                continue
            if not may_share(frame, reference):
                continue  # of a photo before with this number
            if self._add(frame, lost, brought, now, reference).reason in ("", DUPLICATE):
                self.tally.recovered += 1
                self._store.nodes[frame.node].tally.recovered += 1
        return frame.assembly.symbols_received - before

    # ---- references of difference packets

    def references(self, node: str, model: ZooModel) -> References:
        """What a node's difference packets may name; of a node that is not remembered an empty one."""
        return self._store.references(node, model)

    def acknowledge(self, frame: Frame, runs: list[tuple[int, int]] | None = None) -> list[tuple[int, int]]:
        """Holds what the node will take for its reference when this acknowledgement reaches it.

        Args:
            frame: that is held.
            runs: (first rank, count) of what came, as many as the acknowledgement has room for; None: all.

        Returns:
            The runs to acknowledge; none when nothing came or, one time in a thousand, when the reference's name is
            taken: then nothing may be said of this frame.
        """
        said = frame.assembly.acknowledge(runs)
        self._store.bound_references(frame.node)
        if said:
            self._retry(frame.node)
        return said

    def hold(self, node: str, model: ZooModel, number: int, symbols: np.ndarray, known: np.ndarray) -> bool:
        """Holds a reference that was acknowledged elsewhere, or before a restart; as References.hold.

        Returns:
            False when another one has its name, or the node is not remembered: send a packet of it here first.
        """
        if node not in self._store.nodes or not self.references(node, model).hold(number, symbols, known):
            return False
        self._store.bound_references(node)
        self._retry(node)
        return True

    def wait(self, arrival: Arrival, counted: bool = True) -> None:
        """Keeps a packet apart until its node has another reference, or for the time of a silence.

        Args:
            arrival: the packet.
            counted: it is being rejected for its reference; when it is used after all, the counters follow.
        """
        self._waiting.setdefault((arrival.node, arrival.packet), (arrival, counted))
        while len(self._waiting) > self.limits.waiting:
            self._waiting.popitem(last=False)
            self.gave_way["waiting"] += 1

    def _retry(self, node: str) -> None:
        """Takes the node's waiting packets again."""
        for key in [key for key in self._waiting if key[0] == node]:
            arrival, counted = self._waiting.pop(key)
            try:
                reception = self._handle(arrival)
            except (Refused, binding.PacketError) as error:
                if error.reason == REFERENCE:
                    self.wait(arrival, counted)
                    continue
                reception = Reception(PacketVerdict(False, error.reason, str(error)))
            if counted:
                for tally in (self.tally, self.node_tally(node)):
                    tally.uncount(REFERENCE)
                    tally.count(reception.verdict, reception.late)

    # ---- what nodes say of themselves

    def learn(self, arrival: Arrival, said: Telemetry) -> Reception:
        """Takes what a node says of itself."""
        known = self._store.nodes.get(arrival.node)
        state = known.state if known else None
        new = State(said, arrival.time, arrival.packet)
        if state is not None:
            taken = state.takes(arrival.packet, said, arrival.time)
            if taken is None:
                return Reception(PacketVerdict(False, DUPLICATE, "the node has said that already"), brought=said)
            new = taken
        node, dropped = self._store.remember(arrival.node)
        node.state = new
        self._store.nodes.move_to_end(arrival.node)
        return Reception(PacketVerdict(True), dropped=tuple(dropped), brought=said)

    def state(self, node: str) -> State | None:
        """What a node last said of itself; None: nothing yet."""
        known = self._store.nodes.get(node)
        return known.state if known else None

    def _keep(self, packet: Kept) -> None:
        if len(self._kept) == self._kept.maxlen:
            self.gave_way["kept"] += 1
        self._kept.append(packet)

    # ---- what can be asked

    def expire(self, now: float) -> list[Frame]:
        """Ends the frames that have been silent for too long, and gives each of them once; they stay held.

        Args:
            now: seconds, on the clock of the packets' times.
        """
        ended = self._store.end_silent(now)
        for key, (arrival, _) in list(self._waiting.items()):
            if now - arrival.time > self.limits.silence:
                del self._waiting[key]
                self.gave_way["waiting"] += 1
        return ended

    def restart(self, node: str) -> None:
        """Takes the node's next packet for the first of a new frame whatever its number is: it is known to have started
        again."""
        self._store.restart(node)

    def nodes(self) -> list[str]:
        """Names of the nodes that are remembered, the one silent for longest first."""
        return list(self._store.nodes)

    def node_tally(self, node: str) -> Tally:
        """Counters of one node; all zero when it is not remembered."""
        known = self._store.nodes.get(node)
        return known.tally if known else Tally()

    def frames(self, node: str | None = None) -> list[Frame]:
        """Frames that are held, of one node or of all, in the order in which they began."""
        held = (frame for frame in self._store.frames.values() if node in (None, frame.node))
        return sorted(held, key=lambda frame: frame.serial)

    def current(self, node: str) -> Frame | None:
        """The frame that a node is sending."""
        known = self._store.nodes.get(node)
        return known.current if known else None

    def kept(self) -> list[Kept]:
        """Packets that nothing here understands yet, oldest first: those of unknown versions, kinds and models."""
        return list(self._kept)

    def numbers(self) -> dict[str, Any]:
        """Counters for JSON: packets (over all), nodes {name: packets}, gave_way, kept."""
        return {
            "packets": self.tally.numbers(),
            "nodes": {name: node.tally.numbers() for name, node in self._store.nodes.items()},
            "gave_way": {kind: count for kind, count in sorted(self.gave_way.items()) if count},
            "kept": len(self._kept),
            "waiting": len(self._waiting),
        }
