# SPDX-License-Identifier: Apache-2.0
"""The KPU's words: the twelve argument registers of a convolution, its batch-norm words and its activation table.

Names and bit positions are those of the K210's standalone SDK (lib/drivers/include/kpu.h).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

REGISTER_BYTES = 12 * 8
ACTIVATION_BYTES = 18 * 8
SEGMENTS = 16
LINE = 64
"""Bytes of one line of the KPU's memory, the unit of its addresses."""
KPU_MEMORY = 2 << 20
"""Bytes of the KPU's own memory, which holds the pictures between layers."""

_WORDS = struct.Struct("<12Q")
_SEGMENT_WORDS = struct.Struct("<16Q16B")


@dataclass(frozen=True)
class Registers:
    """What one convolution is told. Fields that count something hold one less, as in the hardware."""

    int_en: int = 0
    ram_flag: int = 0
    full_add: int = 0
    depth_wise_layer: int = 0
    image_src_addr: int = 0
    """In lines of 64 bytes, as image_dst_addr."""
    image_dst_addr: int = 0
    i_ch_num: int = 0
    o_ch_num: int = 0
    o_ch_num_coef: int = 0
    """Output channels whose weights are loaded at a time."""
    i_row_wid: int = 0
    i_col_high: int = 0
    o_row_wid: int = 0
    o_col_high: int = 0
    kernel_type: int = 0
    """0: 1 x 1, 1: 3 x 3."""
    pad_type: int = 0
    pool_type: int = 0
    first_stride: int = 0
    bypass_conv: int = 0
    load_para: int = 0
    dma_burst_size: int = 0
    pad_value: int = 0
    load_coor: int = 0
    load_time: int = 0
    para_size: int = 0
    """Bytes of weights that are loaded at a time."""
    coef_column_offset: int = 0
    coef_row_offset: int = 0
    channel_switch_addr: int = 0
    """Lines of one group of input channels."""
    row_switch_addr: int = 0
    """Lines of one input row."""
    coef_size: int = 0
    coef_group: int = 0
    """Input channels that share a line."""
    load_act: int = 0
    wb_channel_switch_addr: int = 0
    wb_row_switch_addr: int = 0
    wb_group: int = 0
    shr_w: int = 0
    shr_x: int = 0
    arg_w: int = 0
    arg_x: int = 0
    arg_add: int = 0
    send_data_out: int = 0
    channel_byte_num: int = 0
    dma_total_byte: int = 0


# Fields of each word from bit 0 up, with their bits; - is not used, s is signed. In the order of the class above. The
# addresses of batch norm, weights and activation (word 4, 5 and 7 from bit 32) are filled in by the loader.
_LAYOUT = (
    "int_en 1, ram_flag 1, full_add 1, depth_wise_layer 1",
    "image_src_addr 15, - 17, image_dst_addr 15",
    "i_ch_num 10, - 22, o_ch_num 10, - 6, o_ch_num_coef 10",
    "i_row_wid 10, i_col_high 9, - 13, o_row_wid 10, o_col_high 9",
    "kernel_type 3, pad_type 1, pool_type 4, first_stride 1, bypass_conv 1, load_para 1, - 5, dma_burst_size 8, "
    "pad_value 8",
    "load_coor 1, load_time 6, - 8, para_size 17",
    "coef_column_offset 4, coef_row_offset 12",
    "channel_switch_addr 15, - 1, row_switch_addr 4, coef_size 8, coef_group 3, load_act 1",
    "wb_channel_switch_addr 15, - 1, wb_row_switch_addr 4, wb_group 3",
    "shr_w 4, shr_x 4, arg_w 24s, arg_x 24s",
    "arg_add 40s",
    "send_data_out 1, - 15, channel_byte_num 16, dma_total_byte 32",
)


class _Place(NamedTuple):
    name: str
    word: int
    lowest: int
    bits: int
    signed: bool


def _places() -> Iterator[_Place]:
    for word, fields in enumerate(_LAYOUT):
        lowest = 0
        for field in fields.split(", "):
            name, size = field.split(" ")
            bits = int(size.rstrip("s"))
            if name != "-":
                yield _Place(name, word, lowest, bits, size.endswith("s"))
            lowest += bits


_PLACES = tuple(_places())
_EXTRACT = tuple((p.word, p.lowest, (1 << p.bits) - 1, (1 << (p.bits - 1)) if p.signed else 0) for p in _PLACES)


def read_registers(data: bytes, at: int) -> Registers:
    """The registers in the 96 bytes from `at`, which must be there."""
    words = _WORDS.unpack_from(data, at)
    return Registers(*[(((words[w] >> low) & mask) ^ sign) - sign for w, low, mask, sign in _EXTRACT])


def write_registers(registers: Registers) -> bytes:
    """96 bytes. Raises ValueError, naming the field, when a value does not fit its bits."""
    words = [0] * 12
    for place in _PLACES:
        value = getattr(registers, place.name)
        least, most = _limits(place.bits, place.signed)
        if not least <= value <= most:
            raise ValueError(f"{place.name} = {value} does not fit {place.bits} bits")
        words[place.word] |= (value & ((1 << place.bits) - 1)) << place.lowest
    return _WORDS.pack(*words)


def _limits(bits: int, signed: bool) -> tuple[int, int]:
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


@dataclass(frozen=True)
class BatchNorm:
    """What each output channel's sum goes through: (sum * mul >> shift) + add. Arrays int64 [channels]."""

    mul: np.ndarray
    """24 bits, signed."""
    shift: np.ndarray
    """0..15."""
    add: np.ndarray
    """32 bits, signed."""


def read_batch_norm(data: bytes | memoryview) -> BatchNorm:
    """The batch norm in 8 bytes for each channel."""
    words = np.frombuffer(data, dtype="<u8")
    return BatchNorm(
        _signed(words, 0, 24), (words >> np.uint64(56) & np.uint64(15)).astype(np.int64), _signed(words, 24, 32)
    )


def write_batch_norm(norm: BatchNorm) -> bytes:
    """8 bytes for each channel. Raises ValueError when a value does not fit its bits."""
    for name, values, (least, most) in (
        ("norm_mul", norm.mul, _limits(24, True)),
        ("norm_shift", norm.shift, _limits(4, False)),
        ("norm_add", norm.add, _limits(32, True)),
    ):
        if np.any(values < least) or np.any(values > most):
            raise ValueError(f"{name} lies outside {least}..{most}")
    mul, add = norm.mul & 0xFFFFFF, norm.add & 0xFFFFFFFF
    return (mul | add << 24 | norm.shift << 56).astype("<u8").tobytes()


def _signed(words: np.ndarray, lowest: int, bits: int) -> np.ndarray:
    raised = words << np.uint64(64 - lowest - bits)
    return raised.view(np.int64) >> (64 - bits)


@dataclass(frozen=True)
class Activation:
    """A function in 16 straight pieces; value v goes to (v - start) * mul / 2^shift + add, clamped to 0..255.

    Tuples of 16 integers. The piece that counts is the last one whose start lies below v.
    """

    start: tuple[int, ...]
    """36 bits, signed, ascending."""
    mul: tuple[int, ...]
    """16 bits, signed."""
    shift: tuple[int, ...]
    """0..43."""
    add: tuple[int, ...]
    """0..255."""


def read_activation(data: bytes, at: int) -> Activation:
    """The table in the 144 bytes from `at`, which must be there."""
    words = _SEGMENT_WORDS.unpack_from(data, at)
    return Activation(
        tuple([((word >> 24 & 0xFFFFFFFFF) ^ (1 << 35)) - (1 << 35) for word in words[:16]]),
        tuple([((word >> 8 & 0xFFFF) ^ 0x8000) - 0x8000 for word in words[:16]]),
        tuple([word & 0xFF for word in words[:16]]),
        words[16:],
    )


def write_activation(table: Activation) -> bytes:
    """144 bytes. Raises ValueError when a value does not fit its bits."""
    for name, values, (least, most) in (
        ("x_start", table.start, _limits(36, True)),
        ("y_mul", table.mul, _limits(16, True)),
        ("shift_number", table.shift, (0, 43)),
        ("result_bias", table.add, (0, 255)),
    ):
        if len(values) != SEGMENTS or min(values) < least or max(values) > most:
            raise ValueError(f"{name} is not {SEGMENTS} values from {least} to {most}")
    words = [
        shift | (mul & 0xFFFF) << 8 | (start & 0xFFFFFFFFF) << 24
        for start, mul, shift in zip(table.start, table.mul, table.shift, strict=True)
    ]
    return _SEGMENT_WORDS.pack(*words, *table.add)


class Rows(NamedTuple):
    """How a picture lies in the KPU's memory: whole lines of 64 bytes for a row, or a part of a line."""

    groups: int
    """Channels side by side in a line."""
    lines: int
    """Lines of a row."""
    pitch: int
    """Bytes between channels that share lines."""


def rows_of(width: int) -> Rows:
    """The layout of rows of `width` bytes."""
    if width <= 16:
        return Rows(4, 1, 16)
    if width <= 32:
        return Rows(2, 1, 32)
    return Rows(1, -(-width // LINE), LINE)


def lines_of(channels: int, height: int, width: int) -> int:
    """Lines of 64 bytes that a picture takes."""
    rows = rows_of(width)
    return rows.lines * height * -(-channels // rows.groups)
