# SPDX-License-Identifier: Apache-2.0
"""Telemetry packets (docs/wire-format.md), written and read by the node's own code."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from glimpse._core import ffi, lib
from glimpse.binding.downlink import COMMAND_NAMES
from glimpse.binding.model import MAX_PAYLOAD, PacketError
from glimpse.binding.settings import SETTING_TYPES, Settings, settings_dict, settings_struct
from glimpse.errors import GlimpseError

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
        name = COMMAND_NAMES.get(self.command, f"command {self.command}")
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


def write_telemetry(telemetry: Telemetry, payload: int = 51) -> list[bytes]:
    """Telemetry packets of at most `payload` bytes each, as few as it takes.

    Raises:
        GlimpseError: a number out of range.
    """
    struct = ffi.new("glimpse_telemetry *")
    packets: list[bytes] = []
    try:
        struct.settings = settings_struct(telemetry.settings)[0]
        for name in ("model", "revision", "frame", "number"):
            setattr(struct, name, getattr(telemetry, name))
        present = [SETTING_TYPES[name] for name in telemetry.settings]
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
    known = settings_dict(struct.settings)
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
        settings={name: known[name] for name, number in SETTING_TYPES.items() if has(number)},
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
