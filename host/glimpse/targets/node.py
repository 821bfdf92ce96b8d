# SPDX-License-Identifier: Apache-2.0
"""What every node offers, wherever it runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

STAGES = ("acquire", "network", "quantise", "pack")
# Stages that are the codec's own work; acquiring a row is the camera's and the port's.
CODEC_STAGES = ("network", "quantise", "pack")


@dataclass(frozen=True)
class NodeInfo:
    """What a node says it is."""

    board: str
    firmware: str
    protocol: int
    wire: int
    counter_unit: str  # what stages are counted in: instructions, cycles, ns or us
    core_hz: int  # 0 where emulated
    buffer_bytes: int  # that the build offers to a model
    buffer_bytes_used: int
    latent_bytes: int
    slot_bytes: int
    max_message: int
    max_photo_width: int
    slot: int | None  # that holds the model in use; None: built in
    model: str
    model_id: int
    revision: int
    model_check: int
    photo: tuple[int, int]  # width, height
    latent: tuple[int, int, int]  # height, width, channels
    bits: int
    has_range_tables: bool
    name: str = ""  # that the node was given; empty: none
    modem: tuple[int, ...] = ()  # of a node on its own: the fields of a MODEM request (docs/serial-protocol.md)


@dataclass(frozen=True)
class CaptureStats:
    """Counts of one frame.

    Attributes:
        unit: "instructions", "cycles", "ns" or "us".
        by_stage: acquire, network, quantise, pack, in that unit.
        symbols: sent.
        stack_peak: bytes since boot, 0 where unknown.
        at_least: network, quantise or pack took more than the node can count: its count and the total are lower
            bounds.
    """

    unit: str
    by_stage: dict[str, int]
    symbols: int
    stack_peak: int = 0
    at_least: bool = False

    @property
    def total(self) -> int:
        """The codec's own work: network, quantise, pack."""
        return sum(self.by_stage[stage] for stage in CODEC_STAGES)

    @property
    def instructions(self) -> int | None:
        """`total` where instructions are counted, else None."""
        return self.total if self.unit == "instructions" else None

    @property
    def instructions_by_stage(self) -> dict[str, int]:
        """`by_stage` where instructions are counted, else empty."""
        return dict(self.by_stage) if self.unit == "instructions" else {}


@dataclass(frozen=True)
class Capture:
    """One frame's radio payloads, the most important first."""

    frame: int
    packets: list[bytes] = field(repr=False)
    stats: CaptureStats


class Node(ABC):
    """A camera node, real, emulated or in this process."""

    @abstractmethod
    def identify(self) -> NodeInfo:
        """Who it is and what it can do."""

    @abstractmethod
    def capture(
        self,
        photo: np.ndarray | None,
        *,
        payload: int = 51,
        coding: str = "range",
        frame: int | None = 0,
        budget: int | None = None,
        pattern: bool = False,
        on_packet: Callable[[bytes], None] | None = None,
    ) -> Capture:
        """Encodes one frame.

        Args:
            photo: uint8 [height, width, 3] to encode; None: the node's own camera.
            payload: most bytes of a packet.
            coding: "raw" or "range".
            frame: 0..63; None: the node counts.
            budget: most bytes of the frame, headers included.
            pattern: the node's test pattern instead of a photo or camera.
            on_packet: called with every packet as it arrives.

        Raises:
            GlimpseError: the node refused or fell silent.
        """

    def close(self) -> None:  # noqa: B027 - most nodes have something to close, not all
        """Lets go of the node."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
