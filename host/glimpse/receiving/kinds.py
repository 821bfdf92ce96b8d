# SPDX-License-Identifier: Apache-2.0
"""The places where a new kind of packet, or a new version of the format, joins the receiver."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from glimpse.errors import GlimpseError

if TYPE_CHECKING:
    from glimpse.binding import Header
    from glimpse.receiving.receiver import Arrival, Receiver, Reception

IMAGE = 0


class Refused(GlimpseError):
    """A packet that a handler or an opener does not take; it is counted under its reason.

    Args:
        reason: one short word, a key of the counters.
        sentence: the reason for a person.
        keep: keep the packet, because a later version or another key may understand it.
    """

    def __init__(self, reason: str, sentence: str, keep: bool = False) -> None:
        super().__init__(sentence)
        self.reason, self.keep = reason, keep


Handler = Callable[["Receiver", "Arrival", "Header"], "Reception"]
"""Takes a version 1 packet of one kind whose length and check hold.

It may raise Refused or binding.PacketError, which are counted. Symbols go into frames by `Receiver.place`; what is no
symbols (telemetry) comes back in `Reception.brought`; packets that were recovered from others go to `Receiver.add`.
"""

Opener = Callable[[str, bytes], bytes]
"""Turns a packet of another version of the format into one of version 1, its check included: (node, packet) -> packet.

It may raise Refused. It sees the bytes before any check, because only it knows what checks them. One for version 1
itself can refuse packets of nodes that must seal theirs; it gives the others back as they are.
"""


def take_image(receiver: Receiver, arrival: Arrival, header: Header) -> Reception:
    """Kind 0: symbols of one frame."""
    return receiver.place(arrival, header, arrival.packet)


HANDLERS: dict[int, Handler] = {IMAGE: take_image}
"""By kind. Kinds without an entry are rejected with the reason kind, and kept."""

OPENERS: dict[int, Opener] = {}
"""By a packet's first two bits. Versions above 1 without an entry are rejected with the reason version, and kept."""
