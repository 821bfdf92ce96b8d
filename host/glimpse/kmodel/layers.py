# SPDX-License-Identifier: Apache-2.0
"""What a version 3 kmodel is made of: its layers, the outputs, and the names of layer types and poolings."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glimpse.kmodel.registers import LINE, Activation, BatchNorm, Registers, read_batch_norm

DEQUANTIZE = 12
REQUANTIZE = 13
CONV = 10240
LAYER_NAMES = {
    1: "add",
    2: "quantized add",
    3: "global max pool 2d",
    4: "quantized global max pool 2d",
    5: "global average pool 2d",
    6: "quantized global average pool 2d",
    7: "max pool 2d",
    8: "quantized max pool 2d",
    9: "average pool 2d",
    10: "quantized average pool 2d",
    11: "quantize",
    DEQUANTIZE: "dequantize",
    REQUANTIZE: "requantize",
    14: "l2 normalization",
    15: "softmax",
    16: "concat",
    17: "quantized concat",
    18: "fully connected",
    19: "quantized fully connected",
    20: "tensorflow flatten",
    21: "quantized tensorflow flatten",
    22: "resize nearest neighbor",
    23: "quantized resize nearest neighbor",
    24: "channelwise dequantize",
    25: "logistic",
    CONV: "k210 conv",
    10241: "k210 add padding",
    10242: "k210 remove padding",
    10243: "k210 upload",
}

_SHAPE = "width height channels"
_IN_OUT = "flags main_memory_in main_memory_out"
# The 32-bit words that bodies of other layers start with; what follows them are tables and weights.
_WORDS = {
    1: "flags main_memory_in_a main_memory_in_b main_memory_out count",
    2: "flags main_memory_in_a main_memory_in_b main_memory_out count in_a_offset in_a_mul in_a_shift in_b_offset "
    "in_b_mul in_b_shift out_offset out_mul out_shift",
    5: f"{_IN_OUT} kernel_size channels",
    8: f"{_IN_OUT} in_width in_height in_channels out_width out_height out_channels kernel_width kernel_height "
    "stride_width stride_height padding_width padding_height",
    9: f"{_IN_OUT} in_width in_height in_channels out_width out_height out_channels kernel_width kernel_height "
    "stride_width stride_height padding_width padding_height activation",
    11: f"{_IN_OUT} count",
    14: f"{_IN_OUT} channels",
    15: f"{_IN_OUT} channels",
    16: "flags main_memory_out input_count",
    17: "flags main_memory_out input_count",
    18: f"{_IN_OUT} in_channels out_channels activation",
    20: f"{_IN_OUT} {_SHAPE}",
    22: f"{_IN_OUT} in_width in_height in_channels out_width out_height align_corners",
    23: f"{_IN_OUT} in_width in_height in_channels out_width out_height align_corners",
    24: f"{_IN_OUT} channels channel_size",
    25: f"{_IN_OUT} channels",
    10241: "flags main_memory_in kpu_memory_out channels",
    10242: f"{_IN_OUT} channels",
    10243: f"flags main_memory_in kpu_memory_out {_SHAPE}",
}

# Pooling by pool_type: name, side, stride.
POOLS = (
    ("none", 1, 1),
    ("max2", 2, 2),
    ("mean2", 2, 2),
    ("max4", 4, 4),
    ("mean4", 4, 4),
    ("left_top2", 2, 2),
    ("right_top2", 2, 2),
    ("left_top4", 4, 4),
    ("mean2_stride1", 2, 1),
    ("max2_stride1", 2, 1),
)


@dataclass(frozen=True)
class Output:
    """A result: `size` bytes in main memory."""

    address: int
    size: int


@dataclass(frozen=True)
class ConvLayer:
    """A convolution of stride 1 with zero padding, batch norm, activation and pooling, run by the KPU."""

    registers: Registers
    weights_data: bytes
    """[out, in, row, column] one after the other, of 1 or 2 bytes as Kmodel.weight_bytes says; depthwise without in."""
    norm_data: bytes
    activation: Activation
    main_memory_out: int | None
    """Address of the copy in main memory; None: the result stays in the KPU's memory."""
    weight_bytes: int = 1

    @property
    def in_channels(self) -> int:
        """Channels of the picture that is read."""
        return self.registers.i_ch_num + 1

    @property
    def in_height(self) -> int:
        """Rows of the picture that is read."""
        return self.registers.i_col_high + 1

    @property
    def in_width(self) -> int:
        """Columns of the picture that is read."""
        return self.registers.i_row_wid + 1

    @property
    def out_channels(self) -> int:
        """Channels of the result."""
        return self.registers.o_ch_num + 1

    @property
    def out_height(self) -> int:
        """Rows of the result, after pooling."""
        return self.registers.o_col_high + 1

    @property
    def out_width(self) -> int:
        """Columns of the result, after pooling."""
        return self.registers.o_row_wid + 1

    @property
    def kernel(self) -> int:
        """1 or 3."""
        return 3 if self.registers.kernel_type else 1

    @property
    def depthwise(self) -> bool:
        """Whether each channel has a kernel of its own and goes to one output channel."""
        return bool(self.registers.depth_wise_layer)

    @property
    def pool(self) -> str:
        """One of the names in POOLS."""
        return POOLS[self.registers.pool_type][0]

    @property
    def kpu_in(self) -> int:
        """Byte address of the input in the KPU's memory."""
        return self.registers.image_src_addr * LINE

    @property
    def kpu_out(self) -> int:
        """Byte address of the result in the KPU's memory."""
        return self.registers.image_dst_addr * LINE

    @property
    def out_bytes(self) -> int:
        """Bytes of the result without the KPU's gaps between rows."""
        return self.out_channels * self.out_height * self.out_width

    @cached_property
    def weights(self) -> np.ndarray:
        """uint8 or uint16 [out, in, kernel, kernel]; in is 1 where depthwise."""
        shape = (self.out_channels, 1 if self.depthwise else self.in_channels, self.kernel, self.kernel)
        return np.frombuffer(self.weights_data, "u1" if self.weight_bytes == 1 else "<u2").reshape(shape)

    @cached_property
    def norm(self) -> BatchNorm:
        """Of the output channels."""
        return read_batch_norm(self.norm_data)


@dataclass(frozen=True)
class Dequantize:
    """Bytes of main memory to float32: value * scale + bias, in single precision."""

    main_memory_in: int
    main_memory_out: int
    count: int
    scale: float
    bias: float


@dataclass(frozen=True)
class Requantize:
    """Bytes of main memory to other bytes, by a table of 256."""

    main_memory_in: int
    main_memory_out: int
    count: int
    table: bytes


@dataclass(frozen=True)
class OtherLayer:
    """A layer of a published model that is described, not executed."""

    type: int
    body: bytes

    @property
    def name(self) -> str:
        """Of the layer's type."""
        return LAYER_NAMES.get(self.type, f"unknown type {self.type}")

    @property
    def fields(self) -> dict[str, int]:
        """The body's first words by name, as far as the type is known and the body is long enough."""
        names = _WORDS.get(self.type, "").split()
        words = struct.unpack_from(f"<{len(self.body) // 4}i", self.body)
        return dict(zip(names, words, strict=False))


Layer = ConvLayer | Dequantize | Requantize | OtherLayer


@dataclass(frozen=True)
class Kmodel:
    """A parsed file."""

    layers: list[Layer]
    outputs: list[Output]
    main_memory: int
    """Bytes of main memory that layers and outputs use."""
    weight_bytes: int = 1
    """1 in the accelerator's 8-bit mode, else 2."""
