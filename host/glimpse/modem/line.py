# SPDX-License-Identifier: Apache-2.0
"""Lines between a node's driver and an emulated modem: in this process, and as a pseudo-terminal."""

import contextlib
import os
import select
import time
import tty
from collections.abc import Callable

from glimpse.modem.emulator import EmulatedModem

LONGEST_NAP = 0.2  # seconds, so that Ctrl-C and a stop are soon seen


class VirtualLine:
    """The driver's end of a line to a modem in this process, on a clock that jumps instead of waiting.

    Attributes:
        now: the clock, seconds.
    """

    def __init__(self, modem: EmulatedModem) -> None:
        self.modem, self.now = modem, modem.now

    def receive(self, capacity: int) -> bytes:
        """What the modem has written."""
        return self.modem.take(self.now, capacity)

    def transmit(self, data: bytes) -> int:
        """Writes to the modem."""
        self.modem.feed(self.now, data)
        return len(data)

    def sleep(self, wait: float) -> None:
        """Jumps to when the modem has something to say, or so many seconds on, whichever comes first."""
        target, nearest = self.now + max(wait, 0.001), self.modem.next_time
        self.now = min(target, max(nearest, self.now)) if nearest is not None else target
        self.modem.advance(self.now)


class PtyModem:
    """A modem on a pseudo-terminal, in real time.

    Args:
        modem: its clock starts at 0.
        speed: seconds of the modem's clock in a real one.

    Attributes:
        path: of the terminal that a node or a terminal program opens.
    """

    def __init__(self, modem: EmulatedModem, speed: float = 1.0) -> None:
        self.modem, self.speed = modem, speed
        self._master, self._slave = os.openpty()  # held open, so that a program may come and go
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._start = time.monotonic()

    @property
    def now(self) -> float:
        """The modem's clock, seconds."""
        return (time.monotonic() - self._start) * self.speed

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Works until told to stop."""
        while not until():
            self.step()

    def step(self) -> None:
        """Waits for bytes or for the modem, a moment at most, and passes on what there is."""
        nearest = self.modem.next_time
        nap = LONGEST_NAP if nearest is None else min(max((nearest - self.now) / self.speed, 0), LONGEST_NAP)
        ready, _, _ = select.select([self._master], [], [], nap)
        if ready:
            with contextlib.suppress(OSError):  # nobody has the terminal open just now
                self.modem.feed(self.now, os.read(self._master, 4096))
        data = self.modem.take(self.now)
        with contextlib.suppress(BlockingIOError):  # nobody reads: a serial line would lose the bytes too
            if data:
                os.write(self._master, data)

    def close(self) -> None:
        """Takes the terminal away."""
        os.close(self._master)
        os.close(self._slave)
