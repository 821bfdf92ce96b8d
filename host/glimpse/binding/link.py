# SPDX-License-Identifier: Apache-2.0
"""Links in the node's own code: a LoRaWAN modem driven by AT commands, and a wire with serial frames."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from glimpse._core import ffi, lib
from glimpse.binding.arrays import pointer
from glimpse.binding.model import CODINGS, MAX_PAYLOAD, Model, status_text
from glimpse.errors import GlimpseError

DIALECTS = ("e5", "rak3172")
CLOCK_TURN = 1 << 32  # the node's clock counts milliseconds in 32 bits


class Kind(StrEnum):
    """What happened on a link."""

    READY = "ready"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    DOWNLINK = "downlink"
    JOINED = "joined"
    LOST = "lost"


_KINDS = {getattr(lib, f"GLIMPSE_LINK_{kind.name}"): kind for kind in Kind}
_REASONS = {
    lib.GLIMPSE_LINK_NO_REASON: "",
    lib.GLIMPSE_LINK_TOO_LONG: "too long",
    lib.GLIMPSE_LINK_BUSY: "busy",
    lib.GLIMPSE_LINK_NOT_JOINED: "not joined",
    lib.GLIMPSE_LINK_RESTARTED: "restarted",
    lib.GLIMPSE_LINK_SILENT: "silent",
    lib.GLIMPSE_LINK_REFUSED: "refused",
}


@dataclass(frozen=True)
class Event:
    """What happened on a link.

    Attributes:
        kind: what.
        reason: of failed and lost: too long, busy, not joined, restarted, silent or refused; else empty.
        wait: of failed: seconds before the next packet, 0 where it is not known.
        port: of a downlink, 1..223.
        data: of a downlink.
    """

    kind: Kind
    reason: str = ""
    wait: float = 0.0
    port: int = 0
    data: bytes = b""


class ByteStream(Protocol):
    """A line to a modem or a node. Neither call waits."""

    def receive(self, capacity: int) -> bytes:
        """At most so many of the bytes that have arrived; empty: none."""

    def transmit(self, data: bytes) -> int:
        """Takes bytes; returns how many it took."""


class _Line:
    """A stream as the C code calls it; an exception ends the call and is raised where Python called."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.error: BaseException | None = None


@ffi.def_extern()
def glimpse_python_read(context: Any, buffer: Any, capacity: int) -> int:
    """The stream's bytes, for the C code."""
    line = ffi.from_handle(context)
    try:
        data = line.stream.receive(capacity)
        ffi.memmove(buffer, data, len(data))
        return len(data)
    except BaseException as error:  # Ctrl-C too
        line.error = error
        return 0


@ffi.def_extern()
def glimpse_python_write(context: Any, data: Any, count: int) -> int:
    """Bytes for the stream, from the C code."""
    line = ffi.from_handle(context)
    try:
        return line.stream.transmit(bytes(ffi.buffer(data, count)))
    except BaseException as error:  # Ctrl-C too
        line.error = error
        return 0


def _milliseconds(now: float) -> int:
    return round(now * 1000) % CLOCK_TURN


class Link:
    """Any link. Times are seconds of a clock that never runs backwards, real or virtual."""

    _link: Any
    _line: _Line

    @property
    def payload(self) -> int:
        """Most bytes of a packet that may be sent now; 0: none may."""
        return lib.glimpse_link_payload(self._link)

    def send(self, now: float, packet: bytes) -> None:
        """Takes one packet; an event says what became of it.

        Raises:
            GlimpseError: none may be sent now, or the packet is longer than `payload`.
        """
        status = lib.glimpse_link_send(self._link, _milliseconds(now), packet, len(packet))
        self._raise()
        if status < 0:
            raise GlimpseError(
                f"the link takes no packet of {len(packet)} bytes now ({status_text(status)}); send when it is ready"
            )

    def poll(self, now: float) -> Event | None:
        """The next event; None: nothing more for now. To be called until it is None.

        Raises:
            Exception: whatever the stream raised.
        """
        event = ffi.new("glimpse_link_event *")
        found = lib.glimpse_link_poll(self._link, _milliseconds(now), event)
        self._raise()
        if not found:
            return None
        data = bytes(ffi.buffer(event.bytes, event.count)) if event.count else b""
        return Event(_KINDS[event.kind], _REASONS[event.reason], event.wait / 1000, event.port, data)

    def wait(self, now: float) -> float:
        """Seconds until the link has something to do though no byte comes."""
        return lib.glimpse_link_wait(self._link, _milliseconds(now)) / 1000

    def _raise(self) -> None:
        error, self._line.error = self._line.error, None
        if error is not None:
            raise error

    def _stream(self, stream: ByteStream) -> Any:
        self._line = _Line(stream)
        self._handle = ffi.new_handle(self._line)
        return ffi.new("glimpse_stream *", (self._handle, lib.glimpse_python_read, lib.glimpse_python_write))


class SerialLink(Link):
    """A wire: each packet is one serial frame.

    Args:
        stream: the wire.
        payload: most bytes of a packet.

    Raises:
        GlimpseError: the payload is out of range.
    """

    def __init__(self, stream: ByteStream, payload: int = MAX_PAYLOAD) -> None:
        self._serial = ffi.new("glimpse_serial_link *")
        status = lib.glimpse_serial_link_begin(self._serial, self._stream(stream), payload)
        if status < 0:
            raise GlimpseError(f"a payload of {payload} bytes is not possible: {status_text(status)}")
        self._link = ffi.addressof(self._serial, "link")


class AtModem(Link):
    """A LoRaWAN modem, driven by the node's own driver. Keys, EUIs and region are in the modem (docs/modem.md).

    Args:
        stream: the line to the modem.
        dialect: one of DIALECTS.
        now: the clock, seconds.
        port: LoRaWAN port of the packets, 1..223.
        data_rate: to begin with, 0..15; None: the modem's.
        adaptive: the network may change the data rate.
        confirmed: ask for an acknowledgement of every packet.
        reset: reset the modem first.
        seed: of the spread of its join requests.

    Raises:
        GlimpseError: a parameter out of range.
    """

    def __init__(
        self,
        stream: ByteStream,
        dialect: str,
        now: float = 0.0,
        *,
        port: int = 1,
        data_rate: int | None = None,
        adaptive: bool = True,
        confirmed: bool = False,
        reset: bool = False,
        seed: int = 0,
    ) -> None:
        if dialect not in DIALECTS:
            raise GlimpseError(f"no dialect {dialect}; there are {' and '.join(DIALECTS)}")
        if not 1 <= port <= 223 or not (data_rate is None or 0 <= data_rate <= 15):
            raise GlimpseError(
                f"port {port} or data rate {data_rate} is out of range; ports are 1 to 223, data rates 0 to 15"
            )
        config = ffi.new("glimpse_at_config *")
        config.dialect = lib.glimpse_at_dialect_named(dialect.encode())
        config.stream = self._stream(stream)[0]
        config.port, config.seed = port, seed
        config.data_rate = lib.GLIMPSE_AT_KEEP_RATE if data_rate is None else data_rate
        config.adaptive, config.confirmed, config.reset = adaptive, confirmed, reset
        self._modem = ffi.new("glimpse_at_modem *")
        lib.glimpse_at_modem_begin(self._modem, config, _milliseconds(now))
        self._link = ffi.addressof(self._modem, "link")

    @property
    def joined(self) -> bool:
        """There is a network, as far as is known."""
        return self._modem.joined

    @property
    def pausing(self) -> bool:
        """The driver waits: after a refusal, or before it joins again."""
        return self._modem.state == lib.GLIMPSE_AT_PAUSING

    @property
    def counters(self) -> dict[str, int]:
        """Since the beginning: uplinks, downlinks, refusals, timeouts, strange (lines)."""
        names = ("uplinks", "downlinks", "refusals", "timeouts", "strange")
        return {name: getattr(self._modem, name) for name in names}


def modem_baud(dialect: str) -> int:
    """Baud rate that modems of a dialect are shipped with."""
    return lib.glimpse_at_dialect_named(dialect.encode()).baud


class Cutter:
    """Cuts one frame into packets as a link asks for them, and takes a packet back that did not leave.

    Args:
        model: whose symbols these are.
        symbols: uint8 [height, width, channels], each below `model.levels`.
        frame: number of the frame.
        coding: "raw" or "range".
        saliency: the side output as `Model.encode_outputs` gives it; None or empty: none.

    Raises:
        GlimpseError: a frame number or coding that is not possible.
    """

    def __init__(
        self, model: Model, symbols: np.ndarray, frame: int, coding: str, saliency: np.ndarray | None = None
    ) -> None:
        self._keep = np.ascontiguousarray(symbols, np.uint8), model  # the C structure points into both
        self._packer = ffi.new("glimpse_packer *")
        self._before: Any = None
        symbols_at = pointer("uint8_t *", self._keep[0])
        status = lib.glimpse_packer_begin(self._packer, model.codec, symbols_at, frame, CODINGS[coding])
        if status < 0:
            raise GlimpseError(f"frame {frame} or coding {coding} is not possible: {status_text(status)}")
        side = model._side_output(saliency)
        if side is not None:
            lib.glimpse_packer_steer(self._packer, pointer("int8_t *", side))

    def next(self, payload: int) -> bytes:
        """The most important packet of at most `payload` bytes; empty: everything has been cut."""
        self._before = ffi.new("glimpse_packer *", self._packer[0])
        packet = ffi.new("uint8_t[]", MAX_PAYLOAD)
        length = lib.glimpse_packer_next(self._packer, payload, packet)
        if length < 0:
            raise GlimpseError(f"a payload of {payload} bytes is not possible: {status_text(length)}")
        return bytes(ffi.buffer(packet, length))

    def take_back(self) -> None:
        """The last packet did not leave: its symbols come again, in a packet of whatever size fits then."""
        self._packer[0] = self._before[0]
