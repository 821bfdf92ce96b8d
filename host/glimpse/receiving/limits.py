# SPDX-License-Identifier: Apache-2.0
"""How much a receiver holds, whatever arrives."""

from dataclasses import dataclass, fields

from glimpse.binding import MAX_PAYLOAD, MAX_SYMBOLS
from glimpse.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """Where the oldest gives way.

    Attributes:
        nodes: that are remembered; the one silent for longest is forgotten.
        frames: held over all nodes; the one that brought nothing for longest is dropped.
        frames_per_node: held of one node, at least 2: the one that is being sent and an earlier one.
        packet_bytes: of packets kept per frame to be stored, and as many again for parity packets to help; the symbols
            stay when packets go.
        kept: packets that nothing here understands, over all nodes.
        waiting: difference packets that wait for their reference, over all nodes.
        references: that difference packets may name, over all nodes; those of the node silent for longest go first.
        references_per_node: of one node and model: as many acknowledgements as may be on their way.
        silence: seconds without a packet after which a frame takes no more: longer than any pause within a frame, and
            under fair use a node pauses for a day. After it a node may start again at any number.
    """

    nodes: int = 1000
    frames: int = 1000
    frames_per_node: int = 4
    packet_bytes: int = 32768
    kept: int = 256
    waiting: int = 256
    references: int = 1000
    references_per_node: int = 8
    silence: float = 90000.0

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
        reference = 2 * MAX_SYMBOLS + MAX_SYMBOLS // 8
        frame = 2 * MAX_SYMBOLS + reference + 2 * self.packet_bytes
        return self.frames * frame + self.references * reference + (self.kept + self.waiting) * MAX_PAYLOAD
