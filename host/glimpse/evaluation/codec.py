# SPDX-License-Identifier: Apache-2.0
"""What every codec here looks like, classical or learned: photos in, pictures with their cost in bytes out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Coded:
    """One photo at one operating point.

    Attributes:
        setting: what was set, such as "q30" or "12 packets".
        bytes: everything that is sent, headers included.
        picture: uint8 [height, width, 3], what the receiver sees.
    """

    setting: str
    bytes: int
    picture: np.ndarray = field(repr=False)


class Codec(Protocol):
    """A codec to compare.

    Attributes:
        name: as it is named on the command line.
        title: for people, in tables and plots.
    """

    name: str
    title: str

    def points(self, photo: np.ndarray) -> Iterator[Coded]:
        """The photo at every operating point, the fewest bytes first.

        Args:
            photo: uint8 [height, width, 3].
        """
        ...


def packet_bytes(stream: int, payload: int, header: int) -> int:
    """Bytes on the air of a stream that is cut into packets.

    Args:
        stream: its bytes.
        payload: most bytes of a packet, header included.
        header: bytes of each packet that carry no part of the stream.
    """
    room = payload - header
    return stream + header * -(-stream // room)
