# SPDX-License-Identifier: Apache-2.0
"""The host's end of a line to a real modem."""

import contextlib
import time

from glimpse.errors import GlimpseError
from glimpse.targets.serial_port import PortStream

LONGEST_NAP = 0.2  # seconds, so that Ctrl-C is soon seen


class SerialLine:
    """The driver's end of a real serial port.

    Args:
        device: e.g. /dev/ttyUSB0.
        baud: its speed.

    Raises:
        GlimpseError: the port is not there, busy or not permitted; later, when it goes away.
    """

    def __init__(self, device: str, baud: int) -> None:
        self._stream = PortStream(device, baud)
        self._start = time.monotonic()
        self._waiting = bytearray()

    @property
    def now(self) -> float:
        """The clock, seconds."""
        return time.monotonic() - self._start

    def receive(self, capacity: int) -> bytes:
        """What the modem has written."""
        if not self._waiting:
            self._waiting += self._stream.read(0)
        data = bytes(self._waiting[:capacity])
        del self._waiting[:capacity]
        return data

    def transmit(self, data: bytes) -> int:
        """Writes to the modem."""
        self._stream.write(data)
        return len(data)

    def sleep(self, wait: float) -> None:
        """Waits for bytes, at most so many seconds."""
        if not self._waiting:
            self._waiting += self._stream.read(min(max(wait, 0.001), LONGEST_NAP))

    def close(self) -> None:
        """Lets go of the port."""
        with contextlib.suppress(GlimpseError):
            self._stream.close()
