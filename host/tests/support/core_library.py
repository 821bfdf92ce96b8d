# SPDX-License-Identifier: Apache-2.0
"""The C core alone as a shared library, for tests that hold it against the reference."""

import ctypes
import subprocess
from collections.abc import Iterable
from pathlib import Path

from support.wire_reference import Codec

FIRMWARE = Path(__file__).resolve().parents[3] / "firmware"
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
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
}


class CodecStruct(ctypes.Structure):
    """glimpse_codec."""

    _fields_ = [
        ("model", ctypes.c_uint8),
        ("revision", ctypes.c_uint8),
        ("height", ctypes.c_uint16),
        ("width", ctypes.c_uint16),
        ("channels", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("order", ctypes.c_uint8),
        ("stride", ctypes.c_uint16),
        ("offset", ctypes.c_uint16),
        ("minimum", ctypes.POINTER(ctypes.c_int32)),
        ("step", ctypes.POINTER(ctypes.c_uint16)),
        ("cumulative", ctypes.POINTER(ctypes.c_uint16)),
    ]


class CoreLibrary:
    """Calls into the compiled core with plain Python values."""

    def __init__(self, folder: Path) -> None:
        target = folder / "core.so"
        sources = [str(path) for path in sorted((FIRMWARE / "core").glob("*.c"))]
        command = ["gcc", *WARNINGS, "-O2", "-shared", "-fPIC", "-I", str(FIRMWARE), "-o", str(target), *sources]
        subprocess.run(command, check=True)
        self.c = ctypes.CDLL(str(target))

    @staticmethod
    def struct(codec: Codec) -> CodecStruct:
        """The codec as C sees it; ctypes keeps the arrays alive."""
        flat = [value for row in codec.cumulative or () for value in row]
        return CodecStruct(
            codec.model,
            codec.revision,
            codec.height,
            codec.width,
            codec.channels,
            codec.bits,
            codec.order,
            codec.stride,
            codec.offset,
            (ctypes.c_int32 * len(codec.minimum))(*codec.minimum),
            (ctypes.c_uint16 * len(codec.step))(*codec.step),
            (ctypes.c_uint16 * len(flat))(*flat) if flat else None,
        )

    def check(self, codec: Codec) -> int:
        """glimpse_codec_check."""
        return self.c.glimpse_codec_check(ctypes.byref(self.struct(codec)))

    def quantise(self, codec: Codec, latent: bytes) -> bytes:
        """glimpse_symbols_quantise, in place as a node does it."""
        memory = ctypes.create_string_buffer(latent, len(latent))
        self.c.glimpse_symbols_quantise(ctypes.byref(self.struct(codec)), memory, memory)
        return memory.raw

    def pack(self, codec: Codec, symbols: bytes, frame: int, coding: int, payloads: Iterable[int]) -> list[bytes]:
        """All packets of a frame."""
        struct = self.struct(codec)
        packer = ctypes.create_string_buffer(256)
        started = self.c.glimpse_packer_begin(packer, ctypes.byref(struct), symbols, frame, coding)
        assert started == 0, started
        packets = []
        for payload in payloads:
            packet = ctypes.create_string_buffer(payload)
            length = self.c.glimpse_packer_next(packer, ctypes.c_size_t(payload), packet)
            if length == 0:
                break
            assert 0 < length <= payload, length
            packets.append(packet.raw[:length])
        return packets

    def unpack(self, codec: Codec, frame: int | None, packet: bytes) -> dict[int, int] | str:
        """Symbols by flat index, or the reason why there are none."""
        symbols = ctypes.create_string_buffer(b"\xee" * codec.symbols, codec.symbols)
        received = ctypes.create_string_buffer(codec.symbols)
        result = self.c.glimpse_packet_unpack(
            ctypes.byref(self.struct(codec)),
            -1 if frame is None else frame,
            packet,
            ctypes.c_size_t(len(packet)),
            symbols,
            received,
        )
        taken = {at: symbols.raw[at] for at, flag in enumerate(received.raw) if flag}
        if result < 0:
            assert not taken
            assert symbols.raw == b"\xee" * codec.symbols
            return REASONS[result]
        assert len(taken) == result
        assert all(symbols.raw[at] == 0xEE for at in range(codec.symbols) if at not in taken)
        return taken
