# SPDX-License-Identifier: Apache-2.0
"""What came in, and what it led to."""

from dataclasses import dataclass
from typing import Any

from glimpse.reassemble import PacketVerdict
from glimpse.receiving.frame import Frame


@dataclass(frozen=True)
class Arrival:
    """One packet as it came in.

    Attributes:
        node: who sent it.
        packet: a version 1 packet; one of another version has been opened.
        time: seconds, on the caller's clock.
    """

    node: str
    packet: bytes
    time: float


@dataclass(frozen=True)
class Kept:
    """A packet that nothing here understands yet, as it came."""

    node: str
    packet: bytes
    time: float
    reason: str


@dataclass(frozen=True)
class Reception:
    """What a packet led to.

    Attributes:
        verdict: used, duplicate, or rejected with its reason.
        frame: that it belongs to; None when rejected, or when it is of no frame.
        late: that frame is an earlier one than the node is sending now.
        begun: the packet began the frame.
        closed: the node's frame before, when this one began: only late packets can join it now.
        dropped: frames that gave way to it, of any node; they are held no more.
        brought: what a handler of another kind made of it.
    """

    verdict: PacketVerdict
    frame: Frame | None = None
    late: bool = False
    begun: bool = False
    closed: tuple[Frame, ...] = ()
    dropped: tuple[Frame, ...] = ()
    brought: Any = None
