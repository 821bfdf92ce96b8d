# SPDX-License-Identifier: Apache-2.0
"""What goes over a node's line, kept so that a failure can show it, and a cable that can be pulled."""

import time
from collections import deque
from dataclasses import dataclass

from glimpse.binding import protocol
from glimpse.targets.client import MessageReader, Stream

KEPT = 400  # pieces of either direction
SHOWN_BYTES = 24
TYPES = {
    protocol(f"NODE_{name}"): name.lower()
    for name in (
        *("IDENTIFY", "CAPTURE", "ROW", "STATUS", "SELECT", "MODEL_ERASE", "MODEL_WRITE", "RESET", "LINE", "DOWNLINK"),
        *("TELEMETRY", "MODEM", "STORED", "KEY", "NAME", "MODEL_KEY"),
        *("IDENTITY", "PACKET", "DONE", "NEXT_ROW", "HEALTH", "ACCEPTED", "REFUSED", "MODEL"),
    )
}
SECRET = "key"  # of which only the name is shown


@dataclass(frozen=True)
class Piece:
    """Bytes that went over the line.

    Attributes:
        seconds: since the line was opened.
        sent: by the host.
        data: the bytes.
        cut: they did not get through, the cable being pulled.
    """

    seconds: float
    sent: bool
    data: bytes
    cut: bool = False


class Wire(Stream):
    """A stream that remembers.

    Args:
        stream: the real one.

    Attributes:
        pulled: True: nothing gets through, as when the cable is out.
        pieces: the last ones, of both directions.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream, self.pulled = stream, False
        self.pieces: deque[Piece] = deque(maxlen=KEPT)
        self._opened = time.monotonic()

    def read(self, timeout: float) -> bytes:
        """What has arrived; see Stream.read."""
        data = self.stream.read(timeout)
        if data:
            self._keep(False, data)
        return b"" if self.pulled else data

    def write(self, data: bytes) -> None:
        """Sends everything, unless the cable is out."""
        self._keep(True, data)
        if not self.pulled:
            self.stream.write(data)

    def close(self) -> None:
        """Lets go."""
        self.stream.close()

    def _keep(self, sent: bool, data: bytes) -> None:
        self.pieces.append(Piece(time.monotonic() - self._opened, sent, data, self.pulled))

    def lines(self) -> list[str]:
        """Messages and other bytes in words, in their order; what a key request carries is left out."""
        readers = {True: MessageReader(), False: MessageReader()}
        said: list[str] = []
        for piece in self.pieces:
            reader = readers[piece.sent]
            broken = reader.broken
            way = f"{piece.seconds:9.3f} {'->' if piece.sent else '<-'}{' (cut)' if piece.cut else ''}"
            for message in reader.feed(piece.data):
                name = TYPES.get(message.type, f"type {message.type:#04x}")
                body = "..." if name == SECRET else _hex(message.body)
                said.append(f"{way} {name} #{message.sequence} {body}".rstrip())
            if reader.broken > broken:
                said.append(f"{way} no message: {_hex(reader.last_noise)}")
        return said


def _hex(data: bytes) -> str:
    more = f" ... {len(data)} bytes" if len(data) > SHOWN_BYTES else ""
    return data[:SHOWN_BYTES].hex(" ") + more
