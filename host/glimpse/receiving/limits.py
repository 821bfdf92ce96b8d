# SPDX-License-Identifier: Apache-2.0
"""How much a receiver holds, whatever arrives."""

from dataclasses import dataclass, fields

from glimpse.binding import MAX_PAYLOAD
from glimpse.errors import UsageError

MAX_SYMBOLS = 16384  # of a latent (docs/wire-format.md, Overview)


@dataclass(frozen=True)
class Limits:
    """Where the oldest gives way.

    Attributes:
        nodes: that are remembered; the one silent for longest is forgotten.
        frames: held over all nodes; the one that brought nothing for longest is dropped.
        frames_per_node: held of one node, at least 2: the one that is being sent and an earlier one.
        packet_bytes: of packets kept per frame, to be stored or to help others; the symbols stay when packets go.
        kept: packets that nothing here understands, over all nodes.
        silence: seconds without a packet after which a frame takes no more: longer than any frame takes to send.
            After it a node may start again at any number.
    """

    nodes: int = 1000
    frames: int = 1000
    frames_per_node: int = 4
    packet_bytes: int = 32768
    kept: int = 256
    silence: float = 3600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise UsageError(f"a receiver's limit {field.name} is {value}; give a number above 0")
        if self.frames_per_node < 2:
            raise UsageError("a receiver's limit frames_per_node is 1; give at least 2, for late packets' sake")

    @property
    def bytes(self) -> int:
        """Most bytes of symbols and packets, with the largest latents; objects around them come on top."""
        return self.frames * (2 * MAX_SYMBOLS + self.packet_bytes) + self.kept * MAX_PAYLOAD
