# SPDX-License-Identifier: Apache-2.0
"""The node's C code in this process: same packets, no emulator."""

import time
from collections.abc import Callable

import numpy as np

from glimpse import __version__, binding
from glimpse.errors import GlimpseError
from glimpse.targets.node import Capture, CaptureStats, Node, NodeInfo
from glimpse.zoo import ZooModel


class NativeNode(Node):
    """Encodes with glimpse.binding; counts nanoseconds."""

    def __init__(self, model: ZooModel) -> None:
        self.model = model.binding
        self.next_frame = 0

    def identify(self) -> NodeInfo:
        """Who it is and what it can do."""
        m = self.model
        return NodeInfo(
            board="native",
            firmware=__version__,
            protocol=binding.protocol("NODE_PROTOCOL_VERSION"),
            wire=binding.WIRE_VERSION,
            counter_unit="ns",
            core_hz=0,
            buffer_bytes=m.buffer_bytes,
            buffer_bytes_used=m.buffer_bytes,
            latent_bytes=m.symbol_count,
            slot_bytes=0,
            max_message=0,
            max_photo_width=m.photo_width,
            slot=None,
            model=m.name,
            model_id=m.id,
            revision=m.revision,
            model_check=m.check,
            photo=(m.photo_width, m.photo_height),
            latent=m.latent_shape,
            bits=m.bits,
            has_range_tables=m.has_range_tables,
        )

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
        """Encodes one frame; see Node.capture."""
        if photo is None and not pattern:
            raise GlimpseError(
                "this computer's own process has no camera; give a photo, or --pattern for a test pattern"
            )
        if frame is None:
            frame = self.next_frame
            self.next_frame = (frame + 1) & binding.MAX_FRAME
        times = [time.perf_counter_ns()]
        rows = binding.pattern(self.model.photo_width, self.model.photo_height) if pattern or photo is None else photo
        times.append(time.perf_counter_ns())
        latent, side = self.model.encode_outputs(rows)
        times.append(time.perf_counter_ns())
        symbols = self.model.quantise(latent)
        times.append(time.perf_counter_ns())
        packets = self.model.pack(symbols, frame=frame, coding=coding, payload=payload, budget=budget, saliency=side)
        times.append(time.perf_counter_ns())
        for packet in packets:
            if on_packet:
                on_packet(packet)
        sent = self._symbols_in(packets)
        stages = dict(zip(("acquire", "network", "quantise", "pack"), np.diff(times).tolist(), strict=True))
        return Capture(frame, packets, CaptureStats("ns", stages, sent))

    def _symbols_in(self, packets: list[bytes]) -> int:
        symbols, received = (np.zeros(self.model.latent_shape, np.uint8) for _ in range(2))
        for packet in packets:
            self.model.unpack(packet, symbols, received)
        return int(np.count_nonzero(received))  # a packet may repeat symbols of another
