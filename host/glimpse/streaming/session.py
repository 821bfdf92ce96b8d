# SPDX-License-Identifier: Apache-2.0
"""Frames of a node over a link of changing bandwidth, and what is seen at the other end."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from glimpse.decoder import PictureDecoder
from glimpse.quality import psnr
from glimpse.reassemble import Assembly
from glimpse.streaming.link import TraceLink
from glimpse.streaming.rate import Plan, RateControl
from glimpse.zoo import ZooModel

Encode = Callable[[np.ndarray | None, int], list[bytes]]
"""Packets of one frame: (photo, most bytes) -> payloads, the most important first."""


@dataclass(eq=False)
class StreamFrame:
    """One frame of a stream.

    Attributes:
        index: counts the frames that the camera took, from 0.
        time: when it was taken, in seconds.
        plan: what it was given; of 0 bytes: it was left out.
        photo: that it is of, until `picture` has been compared with it; None of the node's own camera.
        planned: bytes of its packets.
        packets: that came in time.
        bytes: of these.
        picture: what is shown from then on, that of an earlier frame when nothing of this one came; None: nothing yet.
        shown: index of the frame that `picture` is of.
        symbols: that came.
        channels: of which any symbol came.
        psnr_db: of `picture` against `photo`; infinite where one of them is missing.
    """

    index: int
    time: float
    plan: Plan
    photo: np.ndarray | None = None
    planned: int = 0
    packets: int = 0
    bytes: int = 0
    picture: np.ndarray | None = None
    shown: int | None = None
    symbols: int = 0
    channels: int = 0
    psnr_db: float = math.inf


class Viewer:
    """Makes pictures of frames, and holds the last one over those of which nothing came."""

    def __init__(self, model: ZooModel, decoder: PictureDecoder) -> None:
        self.model, self.decoder = model, decoder
        self._picture: np.ndarray | None = None
        self._shown: int | None = None

    def show(self, frame: StreamFrame, packets: list[bytes]) -> None:
        """Fills in what came of a frame, and its picture."""
        assembly = Assembly(self.model, decoder=self.decoder)
        for packet in packets:
            assembly.add(packet)
        frame.packets, frame.bytes = len(packets), sum(map(len, packets))
        frame.symbols = assembly.symbols_received
        frame.channels = int(assembly.received.any(axis=(0, 1)).sum())
        if assembly.symbols_received:
            self._picture, self._shown = assembly.picture(), frame.index
        frame.picture, frame.shown = self._picture, self._shown
        if frame.photo is not None and frame.picture is not None:
            frame.psnr_db = psnr(frame.photo, frame.picture)
        frame.photo = None


def over_trace(
    photos: Iterable[np.ndarray | None], encode: Encode, link: TraceLink, control: RateControl, viewer: Viewer
) -> Iterator[StreamFrame]:
    """Sends frames in the trace's own time, which has nothing to do with the clock: the same input, the same result.

    Args:
        photos: a frame every `control.interval` seconds; None: the node's own camera.
        encode: the node.
        link: fresh.
        control: fresh.
        viewer: at the other end.

    Yields:
        The frames in order, each when nothing of it can come any more.
    """
    open_frames: deque[tuple[StreamFrame, list[bytes]]] = deque()
    by_index: dict[int, list[bytes]] = {}

    def pass_time(now: float) -> Iterator[StreamFrame]:
        for sent in link.advance(now):
            control.sent(len(sent.packet), sent.start, sent.end)
            if sent.frame in by_index:
                by_index[sent.frame].append(sent.packet)
        while open_frames:
            frame, packets = open_frames[0]
            # A packet stuck on the air holds up the next frames, not the picture of those before.
            overdue = now - frame.time > frame.plan.patience + control.window
            if link.busy_with(frame.index) and not overdue:
                return
            open_frames.popleft()
            by_index.pop(frame.index, None)
            if frame.plan.bytes:
                viewer.show(frame, packets)
            yield frame

    now = 0.0
    for index, photo in enumerate(photos):
        now = index * control.interval
        yield from pass_time(now)
        plan = control.plan(now, link.waiting, link.flight)
        packets = encode(photo, plan.bytes) if plan.bytes else []
        frame = StreamFrame(index, now, plan, photo, sum(map(len, packets)))
        if not plan.bytes:  # at once, so that no photos pile up while the link is stuck
            viewer.show(frame, [])
        link.hand(index, packets, now, plan.patience)
        by_index[index] = []
        open_frames.append((frame, by_index[index]))
    while open_frames:  # the link goes on after the camera's last frame
        frame = open_frames[0][0]
        last = frame.time + frame.plan.patience + control.window
        now = max(now, min(last + 1e-3, link.next_end()))
        yield from pass_time(now)


def over_node(
    photos: Iterable[np.ndarray | None],
    capture: Callable[[np.ndarray | None, int, Callable[[bytes], None]], object],
    control: RateControl,
    viewer: Viewer,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[StreamFrame]:
    """Frames over whatever lies between the node and here, measured by when packets come.

    Args:
        photos: a frame every `control.interval` seconds, or as fast as the node can; None: its own camera.
        capture: the node: (photo, most bytes, called with every packet).
        control: fresh.
        viewer: at this end.
        clock: seconds, going forward.
        sleep: waits for so many seconds.

    Yields:
        The frames, each when it is there.
    """
    begin = clock()
    for index, photo in enumerate(photos):
        now = clock() - begin
        plan = control.plan(now, 0)
        packets: list[bytes] = []
        came: list[float] = []

        def take(packet: bytes, packets: list[bytes] = packets, came: list[float] = came) -> None:
            came.append(clock() - begin)
            packets.append(packet)
            if len(came) > 1:  # before the first one the node was thinking, not sending
                control.sent(len(packet), came[-2], came[-1])

        capture(photo, plan.bytes, take)
        frame = StreamFrame(index, now, plan, photo, sum(map(len, packets)))
        viewer.show(frame, packets)
        yield frame
        sleep(max(0.0, now + control.interval - (clock() - begin)))
