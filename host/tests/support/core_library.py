# SPDX-License-Identifier: Apache-2.0
"""The C core alone as a shared library, for tests that hold it against the reference."""

import ctypes
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from support.wire_reference import Codec, Context

FIRMWARE = Path(__file__).resolve().parents[3] / "firmware"
MONOCYPHER = FIRMWARE.parent / ".deps" / "monocypher"
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
PACKER_BYTES, WORKSPACE_BYTES = 4096, 1 << 15  # more than the C structures take
REASONS = {
    -4: "length",
    -5: "check",
    -7: "version",
    -8: "kind",
    -9: "model",
    -10: "revision",
    -11: "frame",
    -12: "range",
    -13: "body",
    -18: "reference",
}


def build_monocypher(folder: Path) -> Path:
    """Its object file, without the sanitizers, which take long; `pio test -e native` checks its addresses."""
    target = folder / "monocypher.o"
    subprocess.run(["gcc", "-w", "-O1", "-c", MONOCYPHER / "monocypher.c", "-o", target], check=True)
    return target


def build_sealing_program(
    folder: Path, name: str, sources: Iterable[Path], how: Sequence[str] = ("-O1", "-g", *SANITIZERS)
) -> Path:
    """A program of ours over link/seal.c, with the sanitizers on unless `how` says otherwise."""
    cipher, program = build_monocypher(folder), folder / name
    ours = [*sources, FIRMWARE / "link" / "seal.c", *sorted((FIRMWARE / "core").glob("*.c"))]
    headers = ["-I", FIRMWARE, "-isystem", MONOCYPHER]
    subprocess.run(["gcc", *WARNINGS, *how, *headers, *ours, cipher, "-o", program], check=True)
    return program


class TapStruct(ctypes.Structure):
    """glimpse_tap."""

    _fields_ = [
        ("channel", ctypes.c_uint8),
        *((name, ctypes.c_int8) for name in ("dy", "dx", "value_weight", "activity_weight")),
    ]


class ContextStruct(ctypes.Structure):
    """glimpse_context."""

    _fields_ = [
        ("first_table", ctypes.c_uint16),
        ("typical", ctypes.c_uint16),
        *((name, ctypes.c_uint8) for name in ("centre", "classes", "taps", "reserved")),
        ("value_limit", ctypes.c_int32 * 7),
        ("activity_limit", ctypes.c_int32 * 7),
        ("tap", TapStruct * 16),
        ("class_of", ctypes.c_uint8 * 64),
    ]


class SaliencyStruct(ctypes.Structure):
    """glimpse_saliency."""

    _fields_ = [
        *((name, ctypes.c_uint8) for name in ("rows", "columns", "bits", "block")),
        ("gain", ctypes.c_uint16),
        ("tolerance", ctypes.c_uint16),
        ("curve", ctypes.POINTER(ctypes.c_uint8)),
    ]


class CodecStruct(ctypes.Structure):
    """glimpse_codec."""

    _fields_ = [
        ("model", ctypes.c_uint8),
        ("revision", ctypes.c_uint8),
        ("height", ctypes.c_uint16),
        ("width", ctypes.c_uint16),
        ("channels", ctypes.c_uint8),
        ("order", ctypes.c_uint8),
        ("levels", ctypes.c_uint16),
        ("stride", ctypes.c_uint16),
        ("offset", ctypes.c_uint16),
        ("minimum", ctypes.POINTER(ctypes.c_int32)),
        ("step", ctypes.POINTER(ctypes.c_uint16)),
        ("cumulative", ctypes.POINTER(ctypes.c_uint16)),
        ("contexts", ctypes.POINTER(ContextStruct)),
        ("saliency", SaliencyStruct),
        ("tables", ctypes.c_void_p),
    ]


def context_structs(contexts: tuple[Context, ...]) -> ctypes.Array[ContextStruct]:
    """The contexts as C sees them."""
    structs, first = (ContextStruct * len(contexts))(), 0
    for struct, context in zip(structs, contexts, strict=True):
        struct.first_table, struct.typical, struct.centre = first, context.typical, context.centre
        struct.classes, struct.taps = context.classes, len(context.taps)
        struct.value_limit[:], struct.activity_limit[:] = context.value_limit, context.activity_limit
        for at, tap in enumerate(context.taps):
            struct.tap[at] = TapStruct(*tap)
        struct.class_of[:] = context.class_of
        first += context.classes
    return structs


def packets_of(next_packet: Callable[..., int], packer: object, payloads: Iterable[int]) -> list[bytes]:
    """Calls a packer's `next` until it has no more, with memory of exactly each payload."""
    packets = []
    for payload in payloads:
        packet = ctypes.create_string_buffer(payload)
        length = next_packet(packer, ctypes.c_size_t(payload), packet)
        if length == 0:
            break
        assert 0 < length <= payload, length
        packets.append(packet.raw[:length])
    return packets


def taken_or_reason(result: int, symbols: bytes, received: bytes) -> dict[int, int] | str:
    """What `unpack` into symbols of 0xEE did: those that it declared, by flat index, and no others; or why none."""
    taken = {at: symbols[at] for at, flag in enumerate(received) if flag}
    assert len(taken) == max(result, 0)
    assert all(symbol == 0xEE for at, symbol in enumerate(symbols) if at not in taken)
    return taken if result >= 0 else REASONS[result]


class CoreLibrary:
    """Calls into the compiled core with plain Python values."""

    def __init__(self, folder: Path) -> None:
        target = folder / "core.so"
        sources = [str(path) for path in sorted((FIRMWARE / "core").glob("*.c"))]
        command = ["gcc", *WARNINGS, "-O2", "-shared", "-fPIC", "-I", str(FIRMWARE), "-o", str(target), *sources]
        subprocess.run(command, check=True)
        self.c = ctypes.CDLL(str(target))
        self.work = ctypes.create_string_buffer(WORKSPACE_BYTES)

    @staticmethod
    def struct(codec: Codec) -> CodecStruct:
        """The codec as C sees it; ctypes keeps the arrays alive."""
        flat = [value for row in codec.cumulative or () for value in row]
        s = codec.saliency
        saliency = SaliencyStruct()
        if s is not None:
            curve = (ctypes.c_uint8 * 256)(*s.curve)
            saliency = SaliencyStruct(s.rows, s.columns, s.bits, s.block, s.gain, s.tolerance, curve)
        return CodecStruct(
            codec.model,
            codec.revision,
            codec.height,
            codec.width,
            codec.channels,
            codec.order,
            codec.levels,
            codec.stride,
            codec.offset,
            (ctypes.c_int32 * len(codec.minimum))(*codec.minimum),
            (ctypes.c_uint16 * len(codec.step))(*codec.step),
            (ctypes.c_uint16 * len(flat))(*flat) if flat else None,
            context_structs(codec.contexts) if codec.contexts else None,
            saliency,
        )

    def check(self, codec: Codec) -> int:
        """glimpse_codec_check."""
        return self.c.glimpse_codec_check(ctypes.byref(self.struct(codec)))

    def quantise(self, codec: Codec, latent: bytes) -> bytes:
        """glimpse_symbols_quantise, in place as a node does it."""
        memory = ctypes.create_string_buffer(latent, len(latent))
        self.c.glimpse_symbols_quantise(ctypes.byref(self.struct(codec)), memory, memory)
        return memory.raw

    def pack(
        self,
        codec: Codec,
        symbols: bytes,
        frame: int,
        coding: int,
        payloads: Iterable[int],
        side: Sequence[int] | None = None,
    ) -> list[bytes]:
        """All packets of a frame."""
        struct = self.struct(codec)
        packer = ctypes.create_string_buffer(PACKER_BYTES)
        started = self.c.glimpse_packer_begin(packer, ctypes.byref(struct), symbols, frame, coding)
        assert started == 0, started
        self.c.glimpse_packer_steer(packer, side and (ctypes.c_int8 * len(side))(*side))
        return packets_of(self.c.glimpse_packer_next, packer, payloads)

    def unpack(self, codec: Codec, frame: int | None, packet: bytes) -> dict[int, int] | str:
        """Symbols by flat index, or the reason why there are none."""
        symbols = ctypes.create_string_buffer(b"\xee" * codec.symbols, codec.symbols)
        received = ctypes.create_string_buffer(codec.symbols)
        result = self.c.glimpse_packet_unpack(
            ctypes.byref(self.struct(codec)),
            -1 if frame is None else frame,
            packet,
            ctypes.c_size_t(len(packet)),
            self.work,
            symbols,
            received,
        )
        return taken_or_reason(result, symbols.raw, received.raw)
