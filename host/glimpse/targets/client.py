# SPDX-License-Identifier: Apache-2.0
"""The host's half of the serial protocol (docs/serial-protocol.md), over any byte stream."""

import contextlib
import struct
import time
from abc import ABC, abstractmethod
from binascii import crc32
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from cobs import cobs

from glimpse.binding import CODINGS, MAX_PAYLOAD, MODEL_ALIGNMENT, protocol, serial_frame, status_text
from glimpse.binding.schedule import regions
from glimpse.binding.seal import DEVICE_BYTES, KEY_BYTES
from glimpse.errors import GlimpseError, UsageError
from glimpse.keys import DeviceKey
from glimpse.progress import Task, progress
from glimpse.targets.node import CODEC_STAGES, STAGES, Capture, CaptureStats, Node, NodeInfo

WRITE_CHUNK = 232  # model bytes in one message
MAX_LINE = 4096  # bytes without a zero after which a line is not a node's
GREETING = 0  # the sequence number of what a node says unasked when it starts
MODEMS = {None: "NODE_MODEM_NONE", "e5": "NODE_MODEM_E5", "rak3172": "NODE_MODEM_RAK3172"}
MOST_COUNTED = 0xFFFFFFFF  # of a stage: a node counts no further
KEEP_RATE = 0xFF  # GLIMPSE_AT_KEEP_RATE


class Stream(ABC):
    """Bytes to and from a node."""

    @abstractmethod
    def read(self, timeout: float) -> bytes:
        """What has arrived, after waiting at most `timeout` seconds; empty: nothing.

        Raises:
            GlimpseError: the other end is gone.
        """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Sends everything."""

    def close(self) -> None:  # noqa: B027
        """Lets go."""


@dataclass(frozen=True)
class Message:
    """One message: type, sequence number, body."""

    type: int
    sequence: int
    body: bytes


@dataclass(frozen=True)
class Health:
    """Counters since boot, and why the node booted.

    Attributes:
        model_state: of the model in use: "proven", "on trial" (no photo made yet), or "given up": the one that was on
            trial before it.
        model_key: only signed models are taken.
    """

    reset_cause: str
    next_frame: int
    boots: int
    broken_frames: int
    serial_overruns: int
    stack_peak: int
    model_state: str
    model_key: bool


class MessageReader:
    """Cuts a byte stream into messages; whatever is not one is counted and kept for the error report."""

    def __init__(self) -> None:
        self.waiting = bytearray()
        self.broken = 0
        self.last_noise = b""

    def feed(self, data: bytes) -> list[Message]:
        """Messages completed by these bytes."""
        self.waiting += data
        *frames, rest = bytes(self.waiting).split(b"\0")
        if len(rest) > MAX_LINE:  # no node says so much in one breath: another program, or another baud rate
            self.broken += 1
            self.last_noise, rest = rest[-80:], b""
        self.waiting = bytearray(rest)
        return [message for frame in frames if frame and (message := self._decode(frame))]

    def _decode(self, frame: bytes) -> Message | None:
        try:
            data = cobs.decode(frame)
        except cobs.DecodeError:
            data = b""
        if len(data) < 6 or crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
            self.broken += 1
            self.last_noise = frame[-80:]
            return None
        return Message(data[0], data[1], data[2:-4])


def parse_identity(body: bytes) -> NodeInfo:
    """A NODE_IDENTITY body.

    Raises:
        GlimpseError: not one, or of a protocol version that this host does not speak.
    """
    try:
        version, wire, _blob, slot = body[:4]
        if version != protocol("NODE_PROTOCOL_VERSION"):
            raise GlimpseError(
                f"the node speaks serial protocol {version}, this host {protocol('NODE_PROTOCOL_VERSION')}; "
                "flash the node again"
            )
        at, texts = 4, []
        for _ in range(3):
            texts.append(body[at + 1 : at + 1 + body[at]].decode())
            at += 1 + body[at]
        core_hz, message, width, buffer, latent, used, slot_bytes = struct.unpack_from("<IHHIIII", body, at)
        at += 24
        number, revision, length = body[at : at + 3]
        at += 3
        name = body[at : at + length].decode()
        at += length
        check, photo_width, photo_height, columns, rows, channels, bits, tables = struct.unpack_from(
            "<IHHHHBBB", body, at
        )
        at += 15
        named = len(body) > at  # a K210 node says no more
        given = body[at + 1 : at + 1 + body[at]].decode(errors="replace") if named else ""
        modem = struct.unpack_from("6B", body, at + 1 + body[at]) if named else (0,)
    except (ValueError, struct.error, IndexError) as error:
        raise GlimpseError("the node's identity is malformed; flash the firmware of this version") from error
    return NodeInfo(
        board=texts[1],
        firmware=texts[0],
        protocol=version,
        wire=wire,
        counter_unit=texts[2],
        core_hz=core_hz,
        buffer_bytes=buffer,
        buffer_bytes_used=used,
        latent_bytes=latent,
        slot_bytes=slot_bytes,
        max_message=message,
        max_photo_width=width,
        slot=None if slot == protocol("NODE_BUILTIN_MODEL") else slot,
        model=name,
        model_id=number,
        revision=revision,
        model_check=check,
        photo=(photo_width, photo_height),
        latent=(rows, columns, channels),
        bits=bits,
        has_range_tables=bool(tables),
        name=given,
        modem=modem if modem[0] else (),
    )


def modem_fields(
    dialect: str | None,
    *,
    region: str = "EU868",
    data_rate: int | None = None,
    port: int = 1,
    adaptive: bool = True,
    confirmed: bool = False,
    fair_use: bool = False,
    pattern: bool = False,
) -> tuple[int, ...]:
    """The fields of a MODEM request; see SerialNode.set_modem.

    Raises:
        UsageError: there is no such region, or more downlinks are asked for than the policy has.
    """
    if confirmed and fair_use:
        raise UsageError("an acknowledgement of every packet takes more than the 10 downlinks a day of fair use")
    names = [known.name for known in regions()]
    if region not in names:
        raise UsageError(f"there is no region {region!r}; choose one of {', '.join(names)}")
    chosen = {
        "NODE_MODEM_ADAPTIVE": adaptive,
        "NODE_MODEM_CONFIRMED": confirmed,
        "NODE_MODEM_FAIR_USE": fair_use,
    }
    return (
        protocol(MODEMS[dialect]),
        port,
        KEEP_RATE if data_rate is None else data_rate,
        sum(protocol(name) for name, wanted in chosen.items() if wanted),
        names.index(region),
        protocol("NODE_SOURCE_PATTERN" if pattern else "NODE_SOURCE_CAMERA"),
    )


class SerialNode(Node):
    """A node at the other end of a stream.

    Args:
        stream: open, in any state; what the node said before is skipped.
        what: the node in words, for errors.
        patience: seconds without a byte before a node counts as silent.
    """

    def __init__(self, stream: Stream, what: str, patience: float = 10.0) -> None:
        self.stream, self.what, self.patience = stream, what, patience
        self.reader = MessageReader()
        self.pending: list[Message] = []
        self.sequence = 0

    # ---- messages

    def send(self, kind: str, body: bytes = b"") -> int:
        """Sends a request; returns its sequence number."""
        self.sequence = self.sequence % 255 + 1  # 0 is the node's own greeting
        self.stream.write(serial_frame(bytes((protocol(kind), self.sequence)) + body))
        return self.sequence

    def receive(self, sequence: int, patience: float | None = None, midway: bool = False) -> Message:
        """The next message that answers this request.

        Args:
            sequence: of the request.
            patience: seconds; None: this node's usual.
            midway: part of the answer has come, so a greeting means that the node has restarted since.

        Raises:
            GlimpseError: refused, or nothing came in time.
        """
        limit = patience if patience is not None else self.patience
        deadline = time.monotonic() + limit
        while True:
            while self.pending:
                message = self.pending.pop(0)
                if message.sequence == sequence:
                    self._raise_if_refused(message)
                    return message
                if message.sequence == GREETING and midway:
                    raise GlimpseError(f"{self.what} restarted in the middle of an answer; try again")
            left = deadline - time.monotonic()
            if left <= 0:
                noise = f"; last on the line: {self.reader.last_noise!r}" if self.reader.broken else ""
                raise GlimpseError(
                    f"{self.what} does not answer for {limit:g} s; reset it or flash the Glimpse firmware{noise}"
                )
            self.pending += self.reader.feed(self.stream.read(min(0.5, left)))

    def _raise_if_refused(self, message: Message) -> None:
        if message.type == protocol("NODE_REFUSED"):
            status = int.from_bytes(message.body[:1], "little", signed=True)
            raise GlimpseError(f"{self.what} refused: {status_text(status)}")

    def _fields(self, layout: str, body: bytes) -> tuple[int, ...]:
        try:
            return struct.unpack(layout, body)
        except struct.error as error:
            raise GlimpseError(f"{self.what} sent a malformed answer; flash the firmware of this version") from error

    def request(self, kind: str, body: bytes = b"", patience: float | None = None) -> Message:
        """One request, one answer."""
        return self.receive(self.send(kind, body), patience)

    # ---- the node

    def identify(self) -> NodeInfo:
        """Who it is and what it can do; asks again while the node may still be starting."""
        for attempt in range(3):
            try:
                return parse_identity(self.request("NODE_IDENTIFY", patience=self.patience / 4).body)
            except GlimpseError:
                if attempt == 2:
                    raise
        raise AssertionError

    def health(self) -> Health:
        """Counters since boot."""
        body = self.request("NODE_STATUS").body
        body += bytes(2) if len(body) == 18 else b""  # a K210 node has one model, built in
        cause, frame, *numbers, state, key = self._fields("<BBIIIIBB", body)
        causes, states = ("power-on", "software", "watchdog", "other"), ("proven", "on trial", "given up")
        return Health(causes[min(cause, 3)], frame, *numbers, states[min(state, 2)], bool(key))

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
        """Encodes one frame; a photo travels over the serial line row by row. See Node.capture."""
        source = "PATTERN" if pattern else "CAMERA" if photo is None else "UPLOAD"
        if source != "UPLOAD":
            return self._capture(f"NODE_SOURCE_{source}", photo, payload, coding, frame, budget, on_packet)
        with progress("sending the photo", len(photo)) as task:
            return self._capture("NODE_SOURCE_UPLOAD", photo, payload, coding, frame, budget, on_packet, task)

    def _capture(
        self,
        source: str,
        photo: np.ndarray | None,
        payload: int,
        coding: str,
        frame: int | None,
        budget: int | None,
        on_packet: Callable[[bytes], None] | None,
        task: Task | None = None,
    ) -> Capture:
        body = struct.pack(
            "<BBBBI",
            protocol(source),
            CODINGS[coding],
            protocol("NODE_NEXT_FRAME") if frame is None else frame,
            payload,
            budget or protocol("NODE_NO_BUDGET"),
        )
        sequence = self.send("NODE_CAPTURE", body)
        packets: list[bytes] = []
        midway = False
        while True:
            message = self.receive(sequence, 60.0, midway=midway)
            midway = True
            if message.type == protocol("NODE_PACKET"):
                packets.append(message.body)
                if on_packet:
                    on_packet(message.body)
            elif message.type == protocol("NODE_NEXT_ROW") and photo is not None:
                (row,) = self._fields("<H", message.body)
                if row >= len(photo):
                    raise GlimpseError(
                        f"{self.what} asks for row {row} of a photo of {len(photo)}; flash the node again"
                    )
                sequence = self.send("NODE_ROW", photo[row].tobytes())
                if task:
                    task.advance()
            elif message.type == protocol("NODE_DONE"):
                return self._done(message.body, packets)

    def _done(self, body: bytes, packets: list[bytes]) -> Capture:
        frame, count, _bytes, symbols, *stages, stack = self._fields("<BHII4II", body)
        if count != len(packets):
            raise GlimpseError(
                f"{self.what} sent {count} packets, {len(packets)} came through the serial line; capture again"
            )
        by_stage = dict(zip(STAGES, stages, strict=True))
        at_least = MOST_COUNTED in (by_stage[stage] for stage in CODEC_STAGES)
        return Capture(frame, packets, CaptureStats(self._unit(), by_stage, symbols, stack, at_least))

    def _unit(self) -> str:
        if not hasattr(self, "unit"):
            self.unit = self.identify().counter_unit
        return self.unit

    # ---- telemetry and downlinks

    def _telemetry(self, kind: str, body: bytes) -> list[bytes]:
        sequence = self.send(kind, body)
        packets: list[bytes] = []
        while (message := self.receive(sequence, midway=bool(packets))).type == protocol("NODE_PACKET"):
            packets.append(message.body)
        return packets

    def telemetry(self, payload: int = MAX_PAYLOAD) -> list[bytes]:
        """Telemetry packets of at most `payload` bytes: all that the node knows of itself."""
        return self._telemetry("NODE_TELEMETRY", bytes((payload,)))

    def downlink(self, packet: bytes, payload: int = MAX_PAYLOAD) -> list[bytes]:
        """Gives the node a downlink packet as if it had come by radio; the telemetry packets that answer.

        Args:
            packet: as binding.control.write_downlink makes it.
            payload: most bytes of an answering packet.

        Raises:
            GlimpseError: the node rejects the packet, or fell silent.
        """
        return self._telemetry("NODE_DOWNLINK", bytes((payload,)) + packet)

    def install_key(self, key: DeviceKey | None) -> None:
        """Gives the node a key, or with None takes its key away; no request reads it back.

        Raises:
            GlimpseError: the node refuses it.
        """
        body = bytes(KEY_BYTES + DEVICE_BYTES) + bytes((protocol("NODE_SEAL_OFF"),))
        if key:
            mode = protocol("NODE_SEAL_SECRET" if key.secret else "NODE_SEAL_AUTHENTIC")
            body = key.key + key.device + bytes((mode,))
        self.request("NODE_KEY", body)

    def set_modem(
        self,
        dialect: str | None,
        *,
        region: str = "EU868",
        data_rate: int | None = None,
        port: int = 1,
        adaptive: bool = True,
        confirmed: bool = False,
        fair_use: bool = False,
        pattern: bool = False,
    ) -> None:
        """Sends the node out on its own: photos by its period setting, through a modem on its second line.

        Args:
            dialect: of the modem, one of MODEMS; None: no modem, the node waits for requests again.
            region: whose duty cycles it keeps.
            data_rate: to begin with; None: the modem's.
            port: LoRaWAN's, 1..223.
            adaptive: the network may change the data rate.
            confirmed: ask for an acknowledgement of every packet.
            fair_use: keep to the network's fair use policy too.
            pattern: the test pattern in the place of the camera.

        Raises:
            GlimpseError: the node refuses: no such region or rate there, or no line for a modem.
        """
        self.use_modem(
            modem_fields(
                dialect,
                region=region,
                data_rate=data_rate,
                port=port,
                adaptive=adaptive,
                confirmed=confirmed,
                fair_use=fair_use,
                pattern=pattern,
            )
        )

    def use_modem(self, fields: tuple[int, ...]) -> None:
        """As set_modem, with what modem_fields gives; a node says in its identity what it has."""
        self.request("NODE_MODEM", bytes(fields))

    # ---- models

    def use_model(self, blob: bytes, check: int) -> None:
        """Makes the node use this model: the one in use, one already in a slot, or one sent now.

        Args:
            blob: the model blob.
            check: its CRC-32 as the blob states it.

        Raises:
            GlimpseError: no room, or the node refuses it.
        """
        info = self.identify()
        if info.model_check == check:
            return
        slot = 1 if info.slot == 0 else 0
        for candidate in (protocol("NODE_BUILTIN_MODEL"), slot) if info.slot_bytes else ():
            if self.stored(candidate) != check:
                continue
            with contextlib.suppress(GlimpseError):  # there, but damaged: it is sent again
                self.select(candidate, older=True)
                if self.identify().model_check == check:
                    return
        self.send_model(blob, slot, older=True)

    def stored(self, slot: int) -> int | None:
        """The CRC-32 that the model in a slot states, whole or not; None: there is none."""
        there, check = self._fields("<BI", self.request("NODE_STORED", bytes((slot,))).body)
        return check if there else None

    def select(self, slot: int, older: bool = False) -> None:
        """Switches to the model of a slot; it is on trial until it has made a photo.

        Args:
            slot: 0, 1, or NODE_BUILTIN_MODEL.
            older: also to an older revision of the model in use.

        Raises:
            GlimpseError: the node refuses: damaged, not signed, older.
        """
        self.request("NODE_SELECT", bytes((slot, protocol("NODE_SELECT_OLDER") if older else 0)))

    def update_model(self, signed: bytes, older: bool = False) -> None:
        """Writes a model, signed or not, into the slot that is not in use, and switches to it.

        Raises:
            GlimpseError: no room, a model on trial that needs both slots, or the node refuses it.
        """
        self.send_model(signed, 1 if self.identify().slot == 0 else 0, older)

    def trust(self, public: bytes, endorsed: bytes | None = None) -> None:
        """Models must be signed by the owner of this public key from now on.

        Args:
            public: 32 bytes.
            endorsed: by the owner of the key before it, see Signer.endorse; None: there is none.

        Raises:
            GlimpseError: the node has another key and this one is not signed with it, or its model is not signed.
        """
        self.request("NODE_MODEL_KEY", public + (endorsed or bytes(64)))

    def set_name(self, name: str) -> None:
        """Gives the node a name, which it remembers and says.

        Raises:
            UsageError: longer than NODE_NAME_BYTES bytes of UTF-8, or with a zero in it.
        """
        text = name.encode()
        if len(text) > protocol("NODE_NAME_BYTES") or b"\0" in text:
            raise UsageError(f"{name!r} is too long for a name; at most {protocol('NODE_NAME_BYTES')} bytes")
        self.request("NODE_NAME", text)

    def send_model(self, blob: bytes, slot: int, older: bool = False) -> None:
        """Writes a model into a slot that is not in use, and switches to it."""
        info = self.identify()
        if len(blob) > info.slot_bytes:
            raise GlimpseError(
                f"the model has {len(blob)} bytes, a slot of {self.what} {info.slot_bytes}; choose a smaller model"
            )
        self.request("NODE_MODEL_ERASE", bytes((slot,)))
        blob += b"\xff" * (-len(blob) % MODEL_ALIGNMENT)
        with progress("sending the model", len(blob)) as task:
            for offset in range(0, len(blob), WRITE_CHUNK):
                chunk = blob[offset : offset + WRITE_CHUNK]
                self.request("NODE_MODEL_WRITE", struct.pack("<BBHI", slot, 0, 0, offset) + chunk)
                task.advance(len(chunk))
        self.select(slot, older)

    def close(self) -> None:
        """Lets go of the line."""
        self.stream.close()


def has_model(node: SerialNode, check: int, signed: bool) -> bool:
    """Whether a node uses this model already, signed if it is to be: what is built in needs no signature."""
    info = node.identify()
    return info.model_check == check and (not signed or info.slot is None or node.health().model_key)
