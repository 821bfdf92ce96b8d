# SPDX-License-Identifier: Apache-2.0
"""Telemetry and downlink packets (docs/wire-format.md), written and read by the node's own code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from glimpse._core import ffi, lib
from glimpse.binding.model import MAX_PAYLOAD, Model, PacketError
from glimpse.errors import GlimpseError

MAX_SEQUENCE = lib.GLIMPSE_MAX_SEQUENCE
BUILTIN_SLOT = lib.GLIMPSE_SLOT_BUILTIN
PARITY_GROUP = lib.GLIMPSE_PARITY_GROUP

TRIGGERS = ("schedule", "request", "button", "motion", "change", "start")
RESET_CAUSES = ("power-on", "software", "watchdog", "other")
RESULTS = ("done", "unknown", "range", "frame", "malformed", "storage")
_SENTENCES = {
    "done": "done",
    "unknown": "the node does not know {command}; the rest was done",
    "range": "{command} is out of range, or the node has no such model or no room for it; no setting was changed",
    "frame": "{command} is about a frame that the node is not sending",
    "malformed": "{command} makes no sense to the node; the rest was done",
    "storage": "the node's flash refused; nothing was changed",
}
_SETTING_TYPES = {
    "period": lib.GLIMPSE_SETTING_PERIOD,
    "deadline": lib.GLIMPSE_SETTING_DEADLINE,
    "crop": lib.GLIMPSE_SETTING_CROP,
    "budget": lib.GLIMPSE_SETTING_BUDGET,
    "payload": lib.GLIMPSE_SETTING_PAYLOAD,
    "channels": lib.GLIMPSE_SETTING_CHANNELS,
    "slot": lib.GLIMPSE_SETTING_SLOT,
    "prior": lib.GLIMPSE_SETTING_PRIOR,
    "parity": lib.GLIMPSE_SETTING_PARITY,
}
SETTINGS = tuple(_SETTING_TYPES)
_COMMAND_NAMES = {
    lib.GLIMPSE_COMMAND_HAVE: "have",
    lib.GLIMPSE_COMMAND_ENOUGH: "enough",
    lib.GLIMPSE_COMMAND_MORE: "more",
    lib.GLIMPSE_COMMAND_MORE_TO: "more to",
    lib.GLIMPSE_COMMAND_MORE_HERE: "more here",
    lib.GLIMPSE_COMMAND_STATUS: "status",
    lib.GLIMPSE_COMMAND_REBOOT: "reboot",
} | {number: name for name, number in _SETTING_TYPES.items()}

Setting = int | tuple[int, int, int, int]
Settings = Mapping[str, Setting]


# ---- commands


@dataclass(frozen=True)
class Have:
    """What the receiver has of the frame.

    Attributes:
        runs: (first rank, count) each, rising; to write, what the packet says is filled in by `write_downlink` from
            `received`.
        received: to write: uint8 [height, width, channels], not 0 where a symbol came.
        model: to write: whose order the ranks are of.
    """

    runs: tuple[tuple[int, int], ...] = ()
    received: np.ndarray | None = field(default=None, compare=False, repr=False)
    model: Model | None = field(default=None, compare=False, repr=False)

    @property
    def count(self) -> int:
        """Symbols that it names."""
        return sum(count for _, count in self.runs)


@dataclass(frozen=True)
class Enough:
    """Send no more of this frame."""


@dataclass(frozen=True)
class More:
    """So many radio bytes more of this frame, 0..65535."""

    bytes: int


@dataclass(frozen=True)
class MoreTo:
    """All of this frame up to this rank, the last one."""

    rank: int


@dataclass(frozen=True)
class MoreHere:
    """A region of the latent before the rest; bottom and right are the first outside, at most 256."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True)
class Status:
    """Telemetry please."""


@dataclass(frozen=True)
class Reboot:
    """Start again, after the answer."""


@dataclass(frozen=True)
class Set:
    """Settings to change, all together or none: period and deadline in seconds, crop (top, bottom, left, right) in
    1/256 of the camera's picture with the last inside, budget and payload in bytes, channels, slot, prior (photos in
    a row that are sent as their changes), parity (packets for PARITY_GROUP others)."""

    settings: Settings


@dataclass(frozen=True)
class Unknown:
    """A command that this version cannot read."""

    type: int
    value: bytes


Command = Have | Enough | More | MoreTo | MoreHere | Status | Reboot | Set | Unknown


@dataclass(frozen=True)
class Downlink:
    """A downlink packet; model, revision (its lowest bit) and frame matter to commands about a frame only."""

    sequence: int
    commands: tuple[Command, ...]
    model: int = 0
    revision: int = 0
    frame: int = 0


def _settings_struct(settings: Settings) -> object:
    struct = ffi.new("glimpse_settings *", lib.glimpse_settings_default())
    for name, value in settings.items():
        if name not in _SETTING_TYPES:
            raise GlimpseError(f"there is no setting {name}; there are {', '.join(SETTINGS)}")
        _check_setting(name, value)
        setattr(struct, name, value)
    return struct


def _check_setting(name: str, value: Setting) -> None:
    """Asks the C core whether a node would take it."""
    lengths = {"period": 3, "deadline": 3, "budget": 2}
    try:
        if name == "crop":
            text = bytes(value) if isinstance(value, tuple) and len(value) == 4 else b""
        else:
            text = int(value).to_bytes(lengths.get(name, 1), "big")
    except (TypeError, ValueError, OverflowError):
        text = b""
    memory = ffi.new("uint8_t[]", text)
    one = ffi.new("glimpse_field *", {"type": _SETTING_TYPES[name], "length": len(text), "value": memory})
    probe = ffi.new("glimpse_settings *", lib.glimpse_settings_default())
    if lib.glimpse_settings_take(probe, one) != 1:
        raise GlimpseError(f"{name} {value} is out of range; docs/wire-format.md lists what a node takes")


def _put(writer: object, command: Command) -> bool:
    """Appends a command; false when it does not fit or has a number out of range."""
    match command:
        case Have(received=received, model=model):
            if received is None or model is None:
                raise ValueError("to write Have, give it received and model")
            flags = np.ascontiguousarray(received, np.uint8)
            if flags.size != model.symbol_count:
                raise ValueError(f"received must have {model.symbol_count} elements, not {flags.size}")
            pointer = ffi.cast("uint8_t *", flags.ctypes.data)
            return not flags.any() or lib.glimpse_downlink_have(writer, model._codec, pointer) > 0
        case Enough():
            return lib.glimpse_downlink_put(writer, lib.GLIMPSE_COMMAND_ENOUGH, 0)
        case More(count):
            return lib.glimpse_downlink_put(writer, lib.GLIMPSE_COMMAND_MORE, count)
        case MoreTo(rank):
            return lib.glimpse_downlink_put(writer, lib.GLIMPSE_COMMAND_MORE_TO, rank)
        case MoreHere(top, bottom, left, right):
            return lib.glimpse_downlink_here(writer, ffi.new("glimpse_area *", (top, bottom, left, right)))
        case Status():
            return lib.glimpse_downlink_put(writer, lib.GLIMPSE_COMMAND_STATUS, 0)
        case Reboot():
            return lib.glimpse_downlink_put(writer, lib.GLIMPSE_COMMAND_REBOOT, 0)
        case Set(settings):
            struct = _settings_struct(settings)
            fields = ffi.addressof(writer, "fields")
            return all(lib.glimpse_settings_put(struct, _SETTING_TYPES[name], fields) for name in settings)
        case _:
            raise ValueError(f"{command} cannot be written")


def write_downlink(downlink: Downlink, payload: int = 51) -> bytes:
    """A downlink packet of at most `payload` bytes; Have takes what the other commands leave, and may say less.

    Raises:
        GlimpseError: the commands do not fit, or a number is out of range.
    """
    packet = ffi.new("uint8_t[]", MAX_PAYLOAD)
    writer = ffi.new("glimpse_downlink_writer *")
    try:
        header = ffi.new(
            "glimpse_downlink_header *",
            {
                "model": downlink.model,
                "revision": downlink.revision & 1,
                "frame": downlink.frame,
                "sequence": downlink.sequence,
            },
        )
        if lib.glimpse_downlink_begin(writer, header, packet, payload) < 0:
            raise OverflowError
        for command in sorted(downlink.commands, key=lambda command: isinstance(command, Have)):
            if not _put(writer, command):
                raise GlimpseError(
                    f"{command} does not fit a downlink of {payload} bytes, or is out of range; send it in another one"
                )
    except OverflowError as error:
        raise GlimpseError(
            f"downlink {downlink.sequence} of {payload} bytes has a number out of range; "
            "docs/wire-format.md lists what a node takes"
        ) from error
    length = lib.glimpse_downlink_end(writer)
    if length == 0:
        raise GlimpseError("a downlink without a command is not possible; give it one")
    return bytes(ffi.buffer(packet, length))


def _runs(value: bytes, symbols: int) -> tuple[tuple[int, int], ...] | None:
    """The runs of a Have, None when they are malformed."""
    reader, run = ffi.new("glimpse_runs_reader *"), ffi.new("glimpse_run *")
    memory = ffi.new("uint8_t[]", value)
    if lib.glimpse_runs_begin(reader, memory, len(value), symbols) < 0:
        return None
    runs = []
    while lib.glimpse_runs_next(reader, run) > 0:
        runs.append((run.first, run.count))
    return tuple(runs)


def _command(command: object, symbols: int) -> Command:
    kind, value = command.field.type, bytes(ffi.buffer(command.field.value, command.field.length))
    if command.result != 0:
        return Unknown(kind, value)
    if kind == lib.GLIMPSE_COMMAND_HAVE:
        runs = _runs(value, symbols)
        return Unknown(kind, value) if runs is None else Have(runs)
    region = command.region
    simple = {
        lib.GLIMPSE_COMMAND_ENOUGH: Enough(),
        lib.GLIMPSE_COMMAND_MORE: More(command.number),
        lib.GLIMPSE_COMMAND_MORE_TO: MoreTo(command.number),
        lib.GLIMPSE_COMMAND_MORE_HERE: MoreHere(region.top, region.bottom, region.left, region.right),
        lib.GLIMPSE_COMMAND_STATUS: Status(),
        lib.GLIMPSE_COMMAND_REBOOT: Reboot(),
    }
    if kind in simple:
        return simple[kind]
    struct = ffi.new("glimpse_settings *", lib.glimpse_settings_default())
    if lib.glimpse_settings_take(struct, ffi.addressof(command.field)) != 1:
        return Unknown(kind, value)
    name = _COMMAND_NAMES[kind]
    return Set({name: _settings_dict(struct)[name]})


def read_downlink(packet: bytes, symbols: int = 1 << 14) -> Downlink:
    """A downlink packet as a node reads it; each setting comes as a Set of its own.

    Args:
        packet: one radio payload.
        symbols: of the frame that Have is about.

    Raises:
        PacketError: with reason length, check, version, kind or body.
    """
    memory = ffi.new("uint8_t[]", packet or b"\0")
    struct, command = ffi.new("glimpse_downlink *"), ffi.new("glimpse_command *")
    status = lib.glimpse_downlink_read(memory, len(packet), struct)
    if status < 0:
        raise PacketError(status)
    commands = []
    while lib.glimpse_downlink_next(struct, command) > 0:
        commands.append(_command(command, symbols))
    header = struct.header
    return Downlink(header.sequence, tuple(commands), header.model, header.revision, header.frame)


# ---- telemetry


@dataclass(frozen=True)
class Answer:
    """What became of the last downlink that the node took.

    Attributes:
        sequence: its number.
        result: one of RESULTS, or its number when this version does not know it.
        command: the number of the command that the result is about, 0 when done.
    """

    sequence: int
    result: str
    command: int = 0

    @property
    def sentence(self) -> str:
        """For a person."""
        name = _COMMAND_NAMES.get(self.command, f"command {self.command}")
        return _SENTENCES.get(self.result, "the node answers {command} with result " + self.result).format(command=name)


@dataclass(frozen=True)
class Telemetry:
    """A telemetry packet; None: not in it.

    Attributes:
        model: number of the model in use; revision: the lowest bit of its revision.
        frame: the last one taken, which time, age and trigger are about.
        number: of the packet, modulo 16384.
        time: when the photo was taken, seconds since 1970-01-01 UTC.
        age: seconds since the photo was taken.
        battery: mV.
        temperature: 0.1 degrees Celsius.
        trigger: number, see TRIGGERS.
        link: data rate, RSSI in dBm and SNR in 0.25 dB of the last downlink.
        node: starts modulo 65536, whole revision of the model, number of the reset cause (see RESET_CAUSES).
        answer: to the last downlink.
        settings: in force, those that the packet names.
        skipped: fields that this version cannot read.
    """

    model: int
    revision: int = 0
    frame: int = 0
    number: int = 0
    time: int | None = None
    age: int | None = None
    battery: int | None = None
    temperature: int | None = None
    trigger: int | None = None
    link: tuple[int, int, int] | None = None
    node: tuple[int, int, int] | None = None
    answer: Answer | None = None
    settings: Settings = field(default_factory=dict)
    skipped: int = 0


_TELEMETRY_TYPES = {
    "time": lib.GLIMPSE_TELEMETRY_TIME,
    "age": lib.GLIMPSE_TELEMETRY_AGE,
    "battery": lib.GLIMPSE_TELEMETRY_BATTERY,
    "temperature": lib.GLIMPSE_TELEMETRY_TEMPERATURE,
    "trigger": lib.GLIMPSE_TELEMETRY_TRIGGER,
}
_LINK = ("data_rate", "rssi", "snr")
_NODE = ("boots", "whole_revision", "reset_cause")


def _settings_dict(struct: object) -> dict[str, Setting]:
    crop = struct.crop
    numbers = {name: getattr(struct, name) for name in SETTINGS if name != "crop"}
    return numbers | {"crop": (crop.top, crop.bottom, crop.left, crop.right)}


def write_telemetry(telemetry: Telemetry, payload: int = 51) -> list[bytes]:
    """Telemetry packets of at most `payload` bytes each, as few as it takes.

    Raises:
        GlimpseError: a number out of range.
    """
    struct = ffi.new("glimpse_telemetry *")
    packets: list[bytes] = []
    try:
        struct.settings = _settings_struct(telemetry.settings)[0]
        for name in ("model", "revision", "frame", "number"):
            setattr(struct, name, getattr(telemetry, name))
        present = [_SETTING_TYPES[name] for name in telemetry.settings]
        for name, number in _TELEMETRY_TYPES.items():
            if getattr(telemetry, name) is not None:
                setattr(struct, name, getattr(telemetry, name))
                present.append(number)
        for names, values, number in (
            (_LINK, telemetry.link, lib.GLIMPSE_TELEMETRY_LINK),
            (_NODE, telemetry.node, lib.GLIMPSE_TELEMETRY_NODE),
        ):
            if values is not None:
                present.append(number)
                for name, value in zip(names, values, strict=True):
                    setattr(struct, name, value)
        if telemetry.answer is not None:
            answer = telemetry.answer
            result = RESULTS.index(answer.result) if answer.result in RESULTS else int(answer.result)
            struct.answer = {"sequence": answer.sequence, "result": result, "command": answer.command}
            present.append(lib.GLIMPSE_TELEMETRY_ANSWER)
        struct.present = sum(1 << number for number in present)
        packet = ffi.new("uint8_t[]", MAX_PAYLOAD)
        while (length := lib.glimpse_telemetry_write(struct, payload, packet)) > 0:
            packets.append(bytes(ffi.buffer(packet, length)))
        if length < 0:
            raise OverflowError
    except OverflowError as error:
        raise GlimpseError(
            f"telemetry in packets of {payload} bytes has a number out of range; docs/wire-format.md lists them"
        ) from error
    return packets


def read_telemetry(packet: bytes) -> Telemetry:
    """A telemetry packet.

    Raises:
        PacketError: with reason length, check, version, kind or body.
    """
    memory = ffi.new("uint8_t[]", packet or b"\0")
    struct = ffi.new("glimpse_telemetry *")
    skipped = lib.glimpse_telemetry_read(memory, len(packet), struct)
    if skipped < 0:
        raise PacketError(skipped)

    def has(number: int) -> bool:
        return bool(struct.present >> number & 1)

    answer, result = struct.answer, struct.answer.result
    known = _settings_dict(struct.settings)
    return Telemetry(
        model=struct.model,
        revision=struct.revision,
        frame=struct.frame,
        number=struct.number,
        link=tuple(getattr(struct, name) for name in _LINK) if has(lib.GLIMPSE_TELEMETRY_LINK) else None,
        node=tuple(getattr(struct, name) for name in _NODE) if has(lib.GLIMPSE_TELEMETRY_NODE) else None,
        answer=Answer(answer.sequence, RESULTS[result] if result < len(RESULTS) else str(result), answer.command)
        if has(lib.GLIMPSE_TELEMETRY_ANSWER)
        else None,
        settings={name: known[name] for name, number in _SETTING_TYPES.items() if has(number)},
        skipped=skipped,
        **{name: getattr(struct, name) for name, number in _TELEMETRY_TYPES.items() if has(number)},
    )


def merge_telemetry(packets: Iterable[bytes]) -> Telemetry | None:
    """What several packets of one report say together; None when there are none.

    Raises:
        PacketError: as read_telemetry.
    """
    merged: dict[str, object] | None = None
    for part in map(read_telemetry, packets):
        values = {f.name: getattr(part, f.name) for f in fields(part)}
        if merged is None:
            merged = values
            continue
        settings = {**merged["settings"], **part.settings}
        skipped = merged["skipped"] + part.skipped
        merged |= {name: value for name, value in values.items() if value is not None}
        merged |= {"settings": settings, "skipped": skipped}
    return Telemetry(**merged) if merged else None
