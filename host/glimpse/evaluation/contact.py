# SPDX-License-Identifier: Apache-2.0
"""What arrives of a photo while there is contact, and what a classifier makes of it (LimitNet, section 3.5.1, Table 6).

What is assumed of a contact: it has an end that the sender knows, so the last packet is made to fit; packets leave one
after another; each is lost or not by a draw of its own. `Policy.RESEND`: the receiver says of each packet whether it
came, and the sender knows `delay` seconds after the packet's end; what it says costs no bytes of the sender's and is
never lost; then the sender sends again, of what it knows to be lost, the most important packet, before anything
that has not been sent. For a stream that ends at its first gap this is what TCP does with selective acknowledgements.
`Policy.ONCE`: each packet leaves once, and nobody answers.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from glimpse.binding import MIN_PAYLOAD
from glimpse.evaluation.shipment import Shipment
from glimpse.links import Trace


class Policy(StrEnum):
    """What a sender does about lost packets."""

    ONCE = "once"
    RESEND = "resend"


@dataclass(frozen=True)
class Arrived:
    """What became of one contact.

    Attributes:
        received: packets that came, or beginnings of them, by number.
        transmissions: packets sent, repeated ones counted each time.
        lost: of these.
        sent_bytes: of all transmissions.
        received_bytes: of those that came.
    """

    received: dict[int, bytes]
    transmissions: int
    lost: int
    sent_bytes: int
    received_bytes: int


def transmit(
    shipment: Shipment, payload: int, link: Trace, seconds: float, lost: np.ndarray, policy: Policy, delay: float
) -> Arrived:
    """One photo through one contact.

    Args:
        shipment: the photo.
        payload: most bytes of a packet.
        link: how fast it is, the contact beginning at 0.
        seconds: the contact's length.
        lost: bool, whether the first, second, ... transmission is lost; as many as can leave.
        policy: about lost packets.
        delay: from the end of a packet until the sender knows what became of it, seconds.
    """
    received: dict[int, bytes] = {}
    unknown: list[tuple[float, int]] = []  # (when the sender learns of the loss, number of the packet), in time
    missing: set[int] = set()  # numbers that the sender knows to be lost
    now, fresh, count, gone, sent, came = 0.0, 0, 0, 0, 0, 0
    while True:
        while unknown and unknown[0][0] <= now:
            missing.add(unknown.pop(0)[1])
        size = min(payload, int(link.room(now, seconds) + 1e-6))
        if size < MIN_PAYLOAD or count == len(lost):
            break
        number = min(missing) if missing else fresh
        packet = shipment.packet(number, size)
        if packet is None:
            if not unknown or unknown[0][0] >= seconds:
                break
            now = unknown[0][0]  # everything has been sent; a loss may become known yet
            continue
        if number == fresh:
            fresh += 1
        missing.discard(number)
        now = link.done(now, len(packet))
        sent += len(packet)
        if lost[count]:
            gone += 1
            if policy is Policy.RESEND:
                unknown.append((now + delay, number))
        else:
            received[number] = packet
            came += len(packet)
        count += 1
    return Arrived(received, count, gone, sent, came)
