# SPDX-License-Identifier: Apache-2.0
"""Nodes that are remembered and their frames: where the oldest gives way."""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from glimpse.difference import DifferenceAssembly, References
from glimpse.parity import Recovery
from glimpse.receiving.decoders import Decoders, LazyDecoder
from glimpse.receiving.frame import Frame
from glimpse.receiving.limits import Limits
from glimpse.receiving.state import State
from glimpse.receiving.tally import Tally
from glimpse.zoo import ZooModel


@dataclass
class Node:
    """What is remembered of one node.

    Attributes:
        tally: its packets.
        frames: the one untouched for longest first.
        current: the one that is being sent.
        dropped: numbers of frames held no more, and the last time of each.
        references: that its difference packets may name, by model.
        state: what it last said of itself.
    """

    tally: Tally = field(default_factory=Tally)
    frames: list[Frame] = field(default_factory=list)
    current: Frame | None = None
    dropped: dict[int, float] = field(default_factory=dict)
    references: dict[ZooModel, References] = field(default_factory=dict)
    state: State | None = None


class Store:
    """Nodes and frames within limits.

    Args:
        limits: how much is held.
        gave_way: counts here what that cost: nodes, frames, references.

    Attributes:
        nodes: by name, the one silent for longest first.
        frames: by serial, the one untouched for longest first.
    """

    def __init__(self, limits: Limits, gave_way: Counter[str]) -> None:
        self.nodes: OrderedDict[str, Node] = OrderedDict()
        self.frames: OrderedDict[int, Frame] = OrderedDict()
        self._limits, self._gave_way = limits, gave_way
        self._decoders = Decoders()
        self._serial = 0

    def remember(self, name: str) -> tuple[Node, list[Frame]]:
        """A node, and the frames of those that are forgotten because a new one finds no room.

        The node silent for longest is forgotten first.
        """
        dropped: list[Frame] = []
        while name not in self.nodes and len(self.nodes) >= self._limits.nodes:
            oldest, node = next(iter(self.nodes.items()))
            dropped += [self._drop(frame) for frame in list(node.frames)]
            del self.nodes[oldest]
            self._gave_way["nodes"] += 1
        return self.nodes.setdefault(name, Node()), dropped

    def begin(
        self, name: str, number: int, model: ZooModel, time: float, open_: bool
    ) -> tuple[Frame, tuple[Frame, ...], tuple[Frame, ...]]:
        """A new frame of a node.

        Args:
            name: of the node.
            number: of the frame, as on the air.
            model: whose symbols it has.
            time: of its first packet.
            open_: the node is sending it; false: it is an earlier one, of which a late packet came.

        Returns:
            (frame, those that are open no more, those that gave way to it).
        """
        node, dropped = self.remember(name)
        closed: tuple[Frame, ...] = ()
        if open_ and node.current is not None:
            node.current.open = False
            closed = (node.current,)
        self._serial += 1
        references, recovery = self.references(name, model), Recovery(self._limits.packet_bytes)
        assembly = DifferenceAssembly(model, references, number, LazyDecoder(self._decoders, model), recovery)
        frame = Frame(name, self._serial, number, assembly, time, time, open_)
        node.frames.append(frame)
        self.frames[frame.serial] = frame
        if open_:
            node.current = frame
        node.dropped.pop(number, None)
        node.tally.frames += 1
        while len(node.frames) > self._limits.frames_per_node:
            dropped.append(self._drop(next(item for item in node.frames if item is not frame and not item.open)))
        while len(self.frames) > self._limits.frames:
            dropped.append(self._drop(next(iter(self.frames.values()))))
        return frame, closed, tuple(dropped)

    def touch(self, frame: Frame) -> None:
        """Makes a frame and its node the last ones to give way."""
        self.nodes.move_to_end(frame.node)
        self.frames.move_to_end(frame.serial)
        frames = self.nodes[frame.node].frames
        frames.remove(frame)
        frames.append(frame)

    def end_silent(self, now: float) -> list[Frame]:
        """Ends the frames that have been silent for too long; each is told once, and stays held."""
        ended = [f for f in self.frames.values() if not f.done and now - f.last > self._limits.silence]
        for frame in ended:
            self._end(frame)
        return ended

    def restart(self, name: str) -> None:
        """A node is known to have started again: its frames are over, and any number is a new one's."""
        node = self.nodes.get(name)
        if node is None:
            return
        for frame in node.frames:
            frame.open, frame.done = False, True
        node.current = None
        node.dropped.clear()

    def references(self, name: str, model: ZooModel) -> References:
        """What a node's difference packets may name; of a node that is not remembered an empty one."""
        node = self.nodes.get(name)
        held = node.references.get(model) if node else None
        if held is None:
            held = References(model, self._limits.references_per_node)
            if node:
                node.references[model] = held
        return held

    def bound_references(self, newest: str) -> None:
        """Lets go of the references of nodes that have been silent for longest, when all together are too many."""
        total = sum(len(held) for node in self.nodes.values() for held in node.references.values())
        for name, node in self.nodes.items():
            if total <= self._limits.references:
                return
            if name != newest:
                count = sum(map(len, node.references.values()))
                node.references.clear()
                self._gave_way["references"] += count
                total -= count

    def _end(self, frame: Frame) -> None:
        frame.open, frame.done = False, True
        node = self.nodes[frame.node]
        if node.current is frame:
            node.current = None

    def _drop(self, frame: Frame) -> Frame:
        """Lets go of a frame; whoever has it in hand can still draw it."""
        self._end(frame)
        node = self.nodes[frame.node]
        node.frames.remove(frame)
        del self.frames[frame.serial]
        node.dropped[frame.number] = frame.last
        self._gave_way["frames"] += 1
        return frame
