# SPDX-License-Identifier: Apache-2.0
"""The places where a new kind of packet, or a new version of the format, joins the receiver."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from glimpse.binding import KIND_DIFFERENCE, KIND_IMAGE, KIND_PARITY, KIND_TELEMETRY, PacketError
from glimpse.binding.control import read_telemetry
from glimpse.binding.parity import read_parity
from glimpse.difference import REFERENCE
from glimpse.errors import GlimpseError

if TYPE_CHECKING:
    from glimpse.binding import Header
    from glimpse.receiving.receiver import Receiver
    from glimpse.receiving.reception import Arrival, Reception


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


def take_difference(receiver: Receiver, arrival: Arrival, header: Header) -> Reception:
    """Kind 1: symbols of one frame, against those of an earlier one. Waits where that is not held."""
    try:
        return receiver.place(arrival, header, arrival.packet, *receiver.reading(arrival.node, arrival.packet, header))
    except PacketError as error:
        if error.reason == REFERENCE:
            receiver.wait(arrival)
        raise


def take_parity(receiver: Receiver, arrival: Arrival, header: Header) -> Reception:
    """Kind 2: helps others of its frame."""
    read_parity(arrival.packet)  # a malformed one begins no frame
    return receiver.help(arrival, header)


def take_telemetry(receiver: Receiver, arrival: Arrival, header: Header) -> Reception:
    """Kind 3: what a node says of itself."""
    return receiver.learn(arrival, read_telemetry(arrival.packet))


HANDLERS: dict[int, Handler] = {
    KIND_IMAGE: take_image,
    KIND_DIFFERENCE: take_difference,
    KIND_PARITY: take_parity,
    KIND_TELEMETRY: take_telemetry,
}
"""By kind. Kinds without an entry are rejected with the reason kind, and kept."""

OPENERS: dict[int, Opener] = {}
"""By a packet's first two bits. Versions above 1 without an entry are rejected with the reason version, and kept."""
