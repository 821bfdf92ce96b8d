# SPDX-License-Identifier: Apache-2.0
"""Downlink packets (docs/wire-format.md), written and read by the node's own code."""

from dataclasses import dataclass, field

import numpy as np

from glimpse._core import ffi, lib
from glimpse.binding.arrays import pointer
from glimpse.binding.model import MAX_PAYLOAD, MAX_SYMBOLS, Model, PacketError
from glimpse.binding.settings import SETTING_TYPES, Settings, settings_dict, settings_struct
from glimpse.errors import GlimpseError

MAX_SEQUENCE = lib.GLIMPSE_MAX_SEQUENCE
COMMAND_NAMES = {
    lib.GLIMPSE_COMMAND_HAVE: "have",
    lib.GLIMPSE_COMMAND_ENOUGH: "enough",
    lib.GLIMPSE_COMMAND_MORE: "more",
    lib.GLIMPSE_COMMAND_MORE_TO: "more to",
    lib.GLIMPSE_COMMAND_MORE_HERE: "more here",
    lib.GLIMPSE_COMMAND_STATUS: "status",
    lib.GLIMPSE_COMMAND_REBOOT: "reboot",
    lib.GLIMPSE_COMMAND_WHOLE: "whole",
} | {number: name for name, number in SETTING_TYPES.items()}


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
class Whole:
    """Image packets please: the receiver lacks what difference packets refer to."""


@dataclass(frozen=True)
class Set:
    """Settings to change, all together or none: period and deadline in seconds, crop (top, bottom, left, right) in
    1/256 of the camera's picture with the last inside, budget and payload in bytes, channels, slot, prior (photos in
    a row that are sent as their changes), parity (packets for PARITY_GROUP others), parity_first
    (those of a frame's first, most important ones; 0: as of the others), quiet (photos that nowhere differ by more grey
    levels from the last one sent are not sent)."""

    settings: Settings


@dataclass(frozen=True)
class Unknown:
    """A command that this version cannot read."""

    type: int
    value: bytes


Command = Have | Enough | More | MoreTo | MoreHere | Status | Reboot | Whole | Set | Unknown


@dataclass(frozen=True)
class Downlink:
    """A downlink packet; model, revision (its lowest bit) and frame matter to commands about a frame only."""

    sequence: int
    commands: tuple[Command, ...]
    model: int = 0
    revision: int = 0
    frame: int = 0


def _put(writer: object, command: Command) -> bool:
    """Appends a command; false when it does not fit or has a number out of range."""
    match command:
        case Have(received=received, model=model):
            if received is None or model is None:
                raise ValueError("to write Have, give it received and model")
            flags = np.ascontiguousarray(received, np.uint8)
            if flags.size != model.symbol_count:
                raise ValueError(f"received must have {model.symbol_count} elements, not {flags.size}")
            return not flags.any() or lib.glimpse_downlink_have(writer, model.codec, pointer("uint8_t *", flags)) > 0
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
        case Whole():
            return lib.glimpse_downlink_put(writer, lib.GLIMPSE_COMMAND_WHOLE, 0)
        case Set(settings):
            struct = settings_struct(settings)
            fields = ffi.addressof(writer, "fields")
            return all(lib.glimpse_settings_put(struct, SETTING_TYPES[name], fields) for name in settings)
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
        lib.GLIMPSE_COMMAND_WHOLE: Whole(),
    }
    if kind in simple:
        return simple[kind]
    struct = ffi.new("glimpse_settings *", lib.glimpse_settings_default())
    if lib.glimpse_settings_take(struct, ffi.addressof(command.field)) != 1:
        return Unknown(kind, value)
    name = COMMAND_NAMES[kind]
    return Set({name: settings_dict(struct)[name]})


def read_downlink(packet: bytes, symbols: int = MAX_SYMBOLS) -> Downlink:
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
