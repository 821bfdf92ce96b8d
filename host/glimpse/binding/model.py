# SPDX-License-Identifier: Apache-2.0
"""A loaded model: its network, quantiser, order and packets, all in the node's own code."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from glimpse._core import ffi, lib
from glimpse.binding.arrays import pointer
from glimpse.errors import GlimpseError

CODINGS = {"raw": lib.GLIMPSE_CODING_RAW, "range": lib.GLIMPSE_CODING_RANGE}
ORDERS = {
    "interleaved": lib.GLIMPSE_ORDER_INTERLEAVED,
    "channel": lib.GLIMPSE_ORDER_CHANNEL,
    "saliency": lib.GLIMPSE_ORDER_SALIENCY,
}
MAX_CLASSES, MAX_TAPS, CONTEXT_SIDE = lib.GLIMPSE_MAX_CLASSES, lib.GLIMPSE_MAX_TAPS, lib.GLIMPSE_CONTEXT_SIDE
MIN_PAYLOAD, MAX_PAYLOAD = lib.GLIMPSE_MIN_PAYLOAD, lib.GLIMPSE_MAX_PAYLOAD
MAX_FRAME = lib.GLIMPSE_MAX_FRAME
MAX_SYMBOLS = lib.GLIMPSE_MAX_SYMBOLS
KIND_IMAGE, KIND_DIFFERENCE = lib.GLIMPSE_KIND_IMAGE, lib.GLIMPSE_KIND_DIFFERENCE
KIND_PARITY, KIND_TELEMETRY = lib.GLIMPSE_KIND_PARITY, lib.GLIMPSE_KIND_TELEMETRY
OVERHEAD_BYTES = lib.GLIMPSE_OVERHEAD_BYTES
MODEL_ALIGNMENT = lib.GLIMPSE_MODEL_ALIGNMENT
FREQUENCY_TOTAL = 1 << lib.GLIMPSE_FREQUENCY_BITS
WIRE_VERSION = lib.GLIMPSE_WIRE_VERSION

_REASONS = {
    lib.GLIMPSE_ERROR_LENGTH: "length",
    lib.GLIMPSE_ERROR_CHECK: "check",
    lib.GLIMPSE_ERROR_VERSION: "version",
    lib.GLIMPSE_ERROR_KIND: "kind",
    lib.GLIMPSE_ERROR_MODEL: "model",
    lib.GLIMPSE_ERROR_REVISION: "revision",
    lib.GLIMPSE_ERROR_FRAME: "frame",
    lib.GLIMPSE_ERROR_RANGE: "range",
    lib.GLIMPSE_ERROR_BODY: "body",
    lib.GLIMPSE_ERROR_REFERENCE: "reference",
}


def status_text(status: int) -> str:
    """The C core's phrase for one of its results."""
    return ffi.string(lib.glimpse_status_text(status)).decode()


def protocol(name: str) -> int:
    """A constant of the node's serial protocol, e.g. "NODE_CAPTURE"."""
    return getattr(lib, name)


class PacketError(GlimpseError):
    """A packet that cannot be used.

    Attributes:
        reason: short name, one of length, check, version, kind, model, revision, frame, range, body,
            reference.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status_text(status))
        self.status, self.reason = status, _REASONS.get(status, "other")


class ModelError(GlimpseError):
    """A model blob that the C code refuses."""

    def __init__(self, status: int, what: str = "the model blob") -> None:
        super().__init__(f"{what} is refused: {status_text(status)}; export the model again")
        self.status = status


@dataclass(frozen=True)
class Header:
    """The first four bytes of a packet, field by field (docs/wire-format.md)."""

    version: int
    model: int
    frame: int
    first: int
    kind: int
    coding: int
    revision: int


def read_header(packet: bytes) -> Header:
    """Header of a packet whose length, check and version hold.

    Raises:
        PacketError: with reason length, check or version.
    """
    header = ffi.new("glimpse_header *")
    status = lib.glimpse_packet_read(packet, len(packet), header)
    if status < 0:
        raise PacketError(status)
    return Header(header.version, header.model, header.frame, header.first, header.kind, header.coding, header.revision)


def serial_frame(message: bytes) -> bytes:
    """A message as it goes over a serial line: COBS, CRC-32, closing zero."""
    line = ffi.new("uint8_t[]", lib.glimpse_serial_bound(len(message)))
    return bytes(ffi.buffer(line, lib.glimpse_serial_encode(message, len(message), line, len(line))))


def pattern(width: int, height: int) -> np.ndarray:
    """The node's test pattern, uint8 [height, width, 3]."""
    rgb = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        lib.node_pattern_row(pointer("uint8_t *", rgb[y]), width, height, y)
    return rgb


class Model:
    """A loaded model blob: the int8 network, the quantiser, the order and the packets of one model.

    Args:
        blob: bytes of the model blob (docs/model-blob.md).

    Raises:
        ModelError: when the blob is damaged, unknown or impossible.
    """

    def __init__(self, blob: bytes) -> None:
        self.blob = bytes(blob)
        self._memory = ffi.new("int32_t[]", (len(blob) + 3) // 4)  # int32: aligned as the C code asks
        ffi.memmove(self._memory, self.blob, len(blob))
        self._model = ffi.new("glimpse_model *")
        status = lib.glimpse_model_load(self._model, self._memory, len(blob))
        if status < 0:
            raise ModelError(status)
        codec = self.codec = ffi.addressof(self._model, "codec")  # for the other files of this package
        self.name: str = ffi.string(self._model.name).decode()
        self.id: int = codec.model
        self.revision: int = codec.revision
        self.check: int = self._model.check
        self.photo_height: int = self._model.photo_height
        self.photo_width: int = self._model.photo_width
        self.patches: int = self._model.patches  # along each side
        self.latent_shape: tuple[int, int, int] = (codec.height, codec.width, codec.channels)
        self.order_name: str = next(name for name, number in ORDERS.items() if number == codec.order)
        self.levels: int = codec.levels
        self.map_bits: int = codec.saliency.bits  # of a cell of the saliency map; 0 in other orders
        self.bits: int = lib.glimpse_codec_bits(codec)
        self.symbol_count: int = codec.height * codec.width * codec.channels
        self.has_range_tables: bool = codec.cumulative != ffi.NULL
        self.buffer_bytes: int = lib.glimpse_encoder_buffer_size(self._model)
        self.side_bytes: int = lib.glimpse_encoder_side_size(self._model)
        self.latent_zero: int = self._model.layers[self._model.latent_layer].out_zero
        self.minimum = np.array([codec.minimum[c] for c in range(codec.channels)], np.int32)
        self.step = np.array([codec.step[c] for c in range(codec.channels)], np.int32)
        # The symbol for nothing in each channel: that of the latent's zero.
        zero = (256 * self.latent_zero - self.minimum + self.step // 2) // self.step
        self.centre = np.clip(zero, 0, self.levels - 1).astype(np.int32)
        self._work = ffi.new("glimpse_workspace *")

    def encode_latent(self, photo: np.ndarray) -> np.ndarray:
        """Runs the network as the node does, row by row.

        Args:
            photo: uint8 [photo_height, photo_width, 3].

        Returns:
            int8 [height, width, channels].
        """
        return self.encode_outputs(photo)[0]

    def encode_outputs(self, photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Latent as `encode_latent`, and the side output as flat int8 (empty without a side branch)."""
        shape = (self.photo_height, self.photo_width, 3)
        if photo.shape != shape or photo.dtype != np.uint8:
            raise ValueError(f"photo must be uint8 {shape}, not {photo.dtype} {photo.shape}")
        rows = np.ascontiguousarray(photo)
        latent = np.empty(self.latent_shape, np.int8)
        side = np.empty(self.side_bytes, np.int8)
        space = np.empty(self.buffer_bytes + 16, np.uint8)
        start = -space.ctypes.data % 16
        encoder = ffi.new("glimpse_encoder *")
        status = lib.glimpse_encoder_init(
            encoder,
            self._model,
            pointer("uint8_t *", space[start:]),
            self.buffer_bytes,
            pointer("int8_t *", latent),
            latent.size,
            pointer("int8_t *", side) if side.size else ffi.NULL,
            side.size,
        )
        status = status or lib.glimpse_frame_begin(encoder)
        for y in range(self.photo_height):
            status = status or lib.glimpse_frame_row(encoder, pointer("uint8_t *", rows[y]))
        status = status or lib.glimpse_frame_end(encoder)
        if status < 0:
            raise ModelError(status, f"the network of {self.name}")
        return latent, side

    def quantise(self, latent: np.ndarray) -> np.ndarray:
        """Symbols uint8 [height, width, channels] of an int8 latent of that shape."""
        latent = np.ascontiguousarray(latent, np.int8).reshape(self.latent_shape)
        symbols = np.empty(self.latent_shape, np.uint8)
        lib.glimpse_symbols_quantise(self.codec, pointer("int8_t *", latent), pointer("uint8_t *", symbols))
        return symbols

    def latent_values(self, symbols: np.ndarray) -> np.ndarray:
        """Symbols as the decoder network takes them: float32, in a channel's own steps from the latent's zero."""
        lowest = (self.minimum - 256 * self.latent_zero) / self.step
        return symbols.astype(np.float32) + lowest.astype(np.float32)

    def order(self) -> np.ndarray:
        """Flat index into [height, width, channels] of every symbol in sending order, int32 [symbol_count]."""
        order = ffi.new("glimpse_order *")
        lib.glimpse_order_seek(order, self.codec, 0)
        return np.array([lib.glimpse_order_next(order) for _ in range(self.symbol_count)], np.int32)

    def pack(
        self,
        symbols: np.ndarray,
        *,
        frame: int = 0,
        coding: str = "range",
        payload: int | Iterable[int] = 51,
        budget: int | None = None,
        saliency: np.ndarray | None = None,
        gain: float | None = None,
    ) -> list[bytes]:
        """Radio payloads of one frame, the most important first.

        Args:
            symbols: uint8 [height, width, channels], each below `levels`.
            frame: 0..MAX_FRAME.
            coding: "raw" or "range".
            payload: most bytes of a packet, MIN_PAYLOAD..MAX_PAYLOAD; or one number for each packet, the last repeated.
            budget: most bytes of the frame, headers included; None: no limit.
            saliency: the side output as `encode_outputs` gives it; steers a model that orders by saliency. None, or
                empty as it is without a side branch: symbols leave in the order of their ranks.
            gain: what a channel less counts against saliency 0..1 (LimitNet's G); None: the model's own.

        Raises:
            GlimpseError: a parameter out of range.
        """
        symbols = np.ascontiguousarray(symbols, np.uint8).reshape(self.latent_shape)
        if symbols.max() >= self.levels:
            raise GlimpseError(f"symbol {symbols.max()} is not one of the {self.levels} levels of model {self.name}")
        codec, side = self.codec, self._side_output(saliency)
        if gain is not None:
            codec = self._with_gain(gain)
        schedule = ffi.new("glimpse_schedule *")
        packet = ffi.new("uint8_t[]", MAX_PAYLOAD)
        packets: list[bytes] = []
        sizes = iter([payload]) if isinstance(payload, int) else iter(payload)
        size = MIN_PAYLOAD
        try:
            status = lib.glimpse_schedule_begin(
                schedule, codec, pointer("uint8_t *", symbols), frame, CODINGS[coding], budget or 0
            )
            if status < 0:
                raise GlimpseError(f"frame {frame} or coding {coding} is not possible: {status_text(status)}")
            if side is not None:
                lib.glimpse_schedule_steer(schedule, pointer("int8_t *", side))
            while True:
                size = next(sizes, size)
                status = lib.glimpse_schedule_next(schedule, 0, size, packet)
                if status < 0:
                    raise GlimpseError(f"a payload of {size} bytes is not possible: {status_text(status)}")
                if status == 0:
                    return packets
                packets.append(bytes(ffi.buffer(packet, status)))
        except OverflowError as error:
            raise GlimpseError(f"frame {frame}, payload {size} or budget {budget} is out of range") from error

    def _side_output(self, saliency: np.ndarray | None) -> np.ndarray | None:
        """The side output as int8 [height, width]; None when there is nothing to steer with."""
        if saliency is None or saliency.size == 0 or self.codec.order != lib.GLIMPSE_ORDER_SALIENCY:
            return None
        rows, columns, _ = self.latent_shape
        if saliency.dtype != np.int8 or saliency.size != rows * columns:
            raise GlimpseError(f"saliency must be int8 of {rows} x {columns}, not {saliency.dtype} {saliency.shape}")
        return np.ascontiguousarray(saliency).reshape(rows, columns)

    def _with_gain(self, gain: float) -> object:
        """A copy of the codec with another gain."""
        units = round(gain * ((1 << self.codec.saliency.bits) - 1) * 256)
        if not 0 <= units <= 65535:
            raise GlimpseError(f"a gain of {gain} is out of range; 0 to 8 is possible with a map of 5 bits")
        codec = ffi.new("glimpse_codec *", self.codec[0])
        codec.saliency.gain = units
        return codec

    def saliency_map(self, side: np.ndarray) -> np.ndarray:
        """The quantised map that steers a model ordered by saliency, uint8 [map rows, map columns].

        Args:
            side: the side output as `encode_outputs` gives it.

        Raises:
            GlimpseError: the model does not order by saliency, or the side output is not its own.
        """
        output = self._side_output(side)
        if output is None:
            raise GlimpseError(f"model {self.name} makes no saliency map")
        levels = np.empty((self.codec.saliency.rows, self.codec.saliency.columns), np.uint8)
        lib.glimpse_saliency_map(self.codec, pointer("int8_t *", output), pointer("uint8_t *", levels))
        return levels

    def table_numbers(self, symbols: np.ndarray, first: int, count: int) -> np.ndarray:
        """The table that codes each symbol of one packet, int32 [count], for a model with tables.

        Args:
            symbols: uint8 [height, width, channels].
            first: rank of the packet's first symbol.
            count: symbols in the packet.
        """
        symbols = np.ascontiguousarray(symbols, np.uint8).reshape(self.latent_shape)
        around = ffi.new("glimpse_surroundings *")
        order = ffi.new("glimpse_order *")
        lib.glimpse_surroundings_begin(around, self.codec, pointer("uint8_t *", symbols))
        lib.glimpse_order_seek(order, self.codec, first)
        numbers = np.empty(count, np.int32)
        for i in range(count):
            at = lib.glimpse_order_next(order)
            numbers[i] = lib.glimpse_surroundings_table(around, at)
            lib.glimpse_surroundings_add(around, at)
        return numbers

    def unpack(self, packet: bytes, symbols: np.ndarray, received: np.ndarray, frame: int | None = None) -> int:
        """Puts a packet's symbols into place; the arrays stay untouched when it is rejected.

        Args:
            packet: one radio payload.
            symbols: uint8 [height, width, channels], contiguous, changed in place.
            received: uint8 of the same shape, becomes 1 where a symbol came.
            frame: the frame that is being assembled; None takes any.

        Returns:
            Number of symbols in the packet.

        Raises:
            PacketError: with the reason.
        """
        status = lib.glimpse_packet_unpack(
            self.codec,
            -1 if frame is None else frame,
            packet,
            len(packet),
            self._work,
            pointer("uint8_t *", symbols),
            pointer("uint8_t *", received),
        )
        if status < 0:
            raise PacketError(status)
        return status
