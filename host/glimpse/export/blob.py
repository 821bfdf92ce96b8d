# SPDX-License-Identifier: Apache-2.0
"""Writes model blobs, the form in which a node holds a model. docs/model-blob.md is the specification."""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.export.tflite_reader import PHOTO, Layer, Network, read_network

MAGIC = b"GLPM"
VERSION = 3
NAME_BYTES = 16
FREQUENCY_SUM = 1 << 15
MAX_MINIMUM = 1 << 20
MAX_CLASSES = 16
MAX_TAPS = 16
CONTEXT_SIDE = 8
MAX_SEGMENTS = 256
_LIMITS = CONTEXT_SIDE - 1

_HEADER = struct.Struct("<4sHHII16sHHBbbBIIIIII")
_LAYER = struct.Struct("<BbBBBBBBHHHHHHbbbbIIIIII")
_CODEC = struct.Struct("<BBBBHHHBBHHIIIIIBBBBHH20x")
_CONTEXT = struct.Struct(f"<HHBBBB{_LIMITS}i{_LIMITS}i{5 * MAX_TAPS}s{CONTEXT_SIDE**2}s")
_TABLE = struct.Struct("<HBB")
_CHECKED_FROM = 16
PATCHES = (1, 2, 4)
_KINDS = {"conv": 1, "depthwise": 2, "max_pool": 3}
_ORDERS = {"interleaved": 0, "channel": 1, "saliency": 2}
_MOST_SHIFT = 30


@dataclass(frozen=True)
class ContextSpec:
    """How the tables of one channel are chosen (glimpse_context in firmware/core/codec.h)."""

    centre: int
    """The symbol for nothing."""
    typical: int
    """Usual |symbol - centre| in 1/16."""
    classes: int
    """Tables of this channel, 1..16."""
    taps: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    """At most 16 of (channel, dy, dx, value weight, activity weight)."""
    value_limit: list[int] = field(default_factory=lambda: [0] * _LIMITS)
    """[7] not falling."""
    activity_limit: list[int] = field(default_factory=lambda: [0] * _LIMITS)
    """[7] not falling."""
    class_of: list[int] = field(default_factory=lambda: [0] * CONTEXT_SIDE**2)
    """[64] = [value][activity]."""


@dataclass(frozen=True)
class SaliencySpec:
    """The order by saliency (glimpse_saliency in firmware/core/codec.h)."""

    rows: int
    columns: int
    bits: int
    """Of a map cell's level, 1..8."""
    block: int
    """Channels that are sent together."""
    gain: int
    """What a channel less is worth, in 1/256 of a level."""
    tolerance: int
    """In 1/256 of a level."""
    curve: list[int]
    """[256] saliency 0..255 of the side output's values -128..127."""


@dataclass(frozen=True)
class CodecSpec:
    """What becomes of the latent: quantiser, order, tables (firmware/core/codec.h gives ranges and units)."""

    model: int
    """Model id in packets, 0..31."""
    revision: int
    """0..255; its lowest bit travels in packets."""
    name: str
    """At most 15 bytes of UTF-8."""
    levels: int
    """Values of a symbol, 2..256."""
    order: Literal["channel", "interleaved", "saliency"]
    stride: int = 0
    """Of the permutation, coprime to its length; 0 by saliency."""
    offset: int = 0
    minimum: list[int] = field(default_factory=list)
    """[channels] int8 latent value of symbol 0, in 1/256."""
    step: list[int] = field(default_factory=list)
    """[channels] distance between symbols in 1/256 of an int8 step, 1..65535."""
    cumulative: list[list[int]] | None = None
    """[tables][levels + 1], from 0 to 32768, strictly rising, those of channel 0 first; None: no entropy coding."""
    contexts: list[ContextSpec] | None = None
    """[channels]; None: one table for each channel."""
    saliency: SaliencySpec | None = None
    """With the order by saliency only."""


def build_blob(encoder_tflite: bytes, spec: CodecSpec, patches: int = 1) -> bytes:
    """The model blob of an int8 encoder and its codec; the same input gives the same bytes.

    patches: 1, 2 or 4 along each side of the photo; the network runs on each of them by itself, so that the photo is
    `patches` times as high and wide as the network's input, and the latent as its output.

    Raises GlimpseError when nodes cannot run the network or the codec does not fit its latent.
    """
    if patches not in PATCHES:
        raise GlimpseError(f"{patches} patches along a side of the photo are not possible; choose 1, 2 or 4.")
    network = read_network(encoder_tflite)
    rows, columns, channels = network.layers[network.latent].out_shape
    latent = (patches * rows, patches * columns, channels)
    _check_spec(spec, latent)
    body = _Body(_HEADER.size)
    # Tables come first: a layer record needs to know where they lie.
    records = b"".join(_layer_record(body, layer) for layer in network.layers)
    codec = _codec_record(body, spec, latent)
    layers_at = body.add(records)
    codec_at = body.add(codec)
    return _with_header(network, spec, patches, body, layers_at, codec_at)


class _Body:
    """Everything behind the header; sections start at multiples of four bytes."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.content = bytearray()

    def add(self, section: bytes) -> int:
        """Returns the offset of the section in the blob."""
        at = self.start + len(self.content)
        self.content += section + bytes(-len(section) % 4)
        return at


def _with_header(network: Network, spec: CodecSpec, patches: int, body: _Body, layers_at: int, codec_at: int) -> bytes:
    name = spec.name.encode().ljust(NAME_BYTES, b"\0")
    height, width, _ = network.photo_shape
    if patches * max(height, width) > 65535:
        raise GlimpseError(f"A photo of {patches * height} x {patches * width} is larger than a model blob can say.")
    side = -1 if network.side is None else network.side

    def header(check: int) -> bytes:
        return _HEADER.pack(
            MAGIC,
            VERSION,
            0,
            _HEADER.size + len(body.content),
            check,
            name,
            patches * height,
            patches * width,
            len(network.layers),
            network.latent,
            side,
            patches,
            layers_at,
            codec_at,
            0,
            0,
            0,
            0,
        )

    blob = header(0) + bytes(body.content)
    return header(zlib.crc32(blob[_CHECKED_FROM:])) + bytes(body.content)


def quantise_multiplier(scale: float) -> tuple[int, int]:
    """A positive real factor as (Q31 multiplier, left shift), computed as TensorFlow Lite's QuantizeMultiplier does."""
    if scale == 0.0:
        return 0, 0
    fraction, shift = math.frexp(scale)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def _scales(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts of a layer's outputs, int32 each."""
    assert layer.weight_scales is not None
    factors = [
        float(layer.in_quantisation.scale) * float(scale) / float(layer.out_quantisation.scale)
        for scale in layer.weight_scales
    ]
    pairs = [quantise_multiplier(factor) for factor in factors]
    for _, shift in pairs:
        if not -_MOST_SHIFT <= shift <= _MOST_SHIFT:
            raise GlimpseError(
                f"Layer '{layer.name}' scales its sums by 2 to the power {shift}, which nodes do not "
                "run; retrain or requantise the encoder."
            )
    multipliers, shifts = zip(*pairs, strict=True)
    return np.array(multipliers, dtype="<i4"), np.array(shifts, dtype="<i4")


def _stored_weights(layer: Layer) -> bytes:
    """Kernel columns before rows, as the node's row windows lie; of a convolution, two outputs and four values in the
    order in which its kernel takes them (docs/model-blob.md)."""
    assert layer.weights is not None
    if layer.kind == "depthwise":
        return layer.weights.transpose(1, 0, 2).tobytes()
    flat = layer.weights.transpose(0, 2, 1, 3).reshape(layer.weights.shape[0], -1)
    full = np.pad(flat, ((0, -flat.shape[0] % 2), (0, -flat.shape[1] % 4)))
    # [pair of outputs, output of the pair, group of four, half of the group, value of the half]
    pairs = full.reshape(full.shape[0] // 2, 2, full.shape[1] // 4, 2, 2)
    return pairs.transpose(0, 2, 4, 3, 1).tobytes()


def _stored_bias(layer: Layer, shifts: np.ndarray) -> bytes:
    """The biases with the input's zero point in them, so that nodes multiply the input as it is.

    Raises GlimpseError when sums could overflow: nodes refuse that, but here something can be done about it.
    """
    assert layer.weights is not None and layer.bias is not None
    axes = (0, 1) if layer.kind == "depthwise" else (1, 2, 3)
    weights = layer.weights.astype(np.int64)
    bias = layer.bias.astype(np.int64) - layer.in_quantisation.zero * weights.sum(axis=axes)
    most = (128 * np.abs(weights).sum(axis=axes) + np.abs(bias)) << np.maximum(shifts, 0).astype(np.int64)
    half = (1 << np.maximum(-shifts, 0).astype(np.int64)) >> 1
    if np.any(most + half > 2**31 - 1 - 128):
        raise GlimpseError(f"The sums of layer '{layer.name}' could overflow 32 bits; its scales are implausible.")
    return bias.astype("<i4").tobytes()


def _layer_record(body: _Body, layer: Layer) -> bytes:
    weights_at = bias_at = multiplier_at = shift_at = weight_bytes = 0
    if layer.weights is not None and layer.bias is not None:
        multipliers, shifts = _scales(layer)
        bias = _stored_bias(layer, shifts)
        weights = _stored_weights(layer)
        weight_bytes = len(weights)
        weights_at = body.add(weights)
        bias_at = body.add(bias)
        multiplier_at = body.add(multipliers.tobytes())
        shift_at = body.add(shifts.tobytes())
    _check_sizes(layer)
    return _LAYER.pack(
        _KINDS[layer.kind],
        -1 if layer.input == PHOTO else layer.input,
        *layer.kernel,
        *layer.stride,
        *layer.pad,
        *layer.in_shape,
        *layer.out_shape,
        layer.in_quantisation.zero,
        layer.out_quantisation.zero,
        layer.minimum,
        layer.maximum,
        weights_at,
        bias_at,
        multiplier_at,
        shift_at,
        weight_bytes,
        0,
    )


def _check_sizes(layer: Layer) -> None:
    if max(*layer.kernel, *layer.stride, *layer.pad) > 255 or max(*layer.in_shape, *layer.out_shape) > 65535:
        raise GlimpseError(f"Layer '{layer.name}' is larger than a model blob can say.")


def _check_spec(spec: CodecSpec, latent: tuple[int, int, int]) -> None:
    channels = latent[2]
    positions = latent[0] * latent[1]
    problems = [
        (0 <= spec.model <= 31, f"model id {spec.model} is not 0..31"),
        (0 <= spec.revision <= 255, f"revision {spec.revision} is not 0..255"),
        (0 < len(spec.name.encode()) < NAME_BYTES, f"the name '{spec.name}' does not have 1..15 bytes"),
        (2 <= spec.levels <= 256, f"{spec.levels} levels are not 2..256"),
        (spec.order in _ORDERS, f"the order '{spec.order}' is none of {', '.join(_ORDERS)}"),
        (channels <= 64 and positions * channels <= 16384, f"a latent of {latent} is more than packets can address"),
        (len(spec.minimum) == channels, f"{len(spec.minimum)} minimums for {channels} channels"),
        (len(spec.step) == channels, f"{len(spec.step)} steps for {channels} channels"),
        (all(1 <= step <= 65535 for step in spec.step), "a step is not 1..65535"),
        (all(abs(low) <= MAX_MINIMUM for low in spec.minimum), f"a minimum is beyond +-{MAX_MINIMUM}"),
    ]
    for holds, problem in problems:
        if not holds:
            raise _impossible(spec, problem)
    if spec.order == "saliency":
        _check_saliency(spec, latent)
    else:
        _check_permutation(spec, positions if spec.order == "channel" else positions * channels)
    _check_tables(spec, channels)


def _impossible(spec: CodecSpec, problem: str) -> GlimpseError:
    return GlimpseError(f"The codec of model '{spec.name}' is impossible: {problem}.")


def _check_permutation(spec: CodecSpec, cycle: int) -> None:
    if spec.saliency is not None:
        raise _impossible(spec, f"a saliency map does not go with the order '{spec.order}'")
    if math.gcd(spec.stride, cycle) != 1 or not 1 <= spec.stride <= min(cycle, 65535):
        raise _impossible(spec, f"stride {spec.stride} is not coprime to {cycle} and in 1..{cycle}")
    if not 0 <= spec.offset < min(cycle, 65536):
        raise _impossible(spec, f"offset {spec.offset} is not below {cycle}")


def _check_saliency(spec: CodecSpec, latent: tuple[int, int, int]) -> None:
    saliency = spec.saliency
    if saliency is None:
        raise _impossible(spec, "the order 'saliency' needs a map")
    if (spec.stride, spec.offset) != (0, 0):
        raise _impossible(spec, "the order 'saliency' has no stride and no offset")
    height, width, channels = latent
    if not (1 <= saliency.rows <= min(height, 255) and 1 <= saliency.columns <= min(width, 255)):
        raise _impossible(
            spec, f"a map of {saliency.rows} x {saliency.columns} cells is finer than the latent or empty"
        )
    segments = -(-channels // max(1, saliency.block)) * saliency.rows * saliency.columns
    problems = [
        (1 <= saliency.block <= channels, f"blocks of {saliency.block} channels are not 1..{channels}"),
        (segments <= MAX_SEGMENTS, f"{segments} blocks of cells are more than {MAX_SEGMENTS}"),
        (1 <= saliency.bits <= 8, f"map levels of {saliency.bits} bits are not 1..8"),
        (0 <= saliency.gain <= 65535, "the gain is out of range"),
        (0 <= saliency.tolerance <= 65535, "the tolerance is out of range"),
        (len(saliency.curve) == 256 and all(0 <= v <= 255 for v in saliency.curve), "the curve is not 256 bytes"),
    ]
    for holds, problem in problems:
        if not holds:
            raise _impossible(spec, problem)


def _check_tables(spec: CodecSpec, channels: int) -> None:
    wanted = channels
    if spec.contexts is not None:
        if len(spec.contexts) != channels or spec.cumulative is None:
            raise _impossible(spec, f"contexts need tables, and one context for each of {channels} channels")
        for channel, context in enumerate(spec.contexts):
            if not _context_is_sound(context, spec.levels, channels):
                raise _impossible(spec, f"the context of channel {channel} is out of bounds")
        wanted = sum(context.classes for context in spec.contexts)
    if spec.cumulative is None:
        return
    sound = len(spec.cumulative) == wanted and all(
        len(table) == spec.levels + 1
        and table[0] == 0
        and table[-1] == FREQUENCY_SUM
        and all(a < b for a, b in itertools.pairwise(table))
        for table in spec.cumulative
    )
    if not sound:
        raise _impossible(
            spec,
            f"{wanted} cumulative tables must rise strictly from 0 to {FREQUENCY_SUM} in {spec.levels} steps each",
        )


def _context_is_sound(context: ContextSpec, levels: int, channels: int) -> bool:
    limits = (context.value_limit, context.activity_limit)
    return (
        0 <= context.centre < levels
        and 0 <= context.typical <= 65535
        and 1 <= context.classes <= MAX_CLASSES
        and len(context.taps) <= MAX_TAPS
        and all(0 <= tap[0] < channels and all(-128 <= part <= 127 for part in tap[1:]) for tap in context.taps)
        and all(len(row) == _LIMITS and all(-(1 << 31) <= limit < 1 << 31 for limit in row) for row in limits)
        and all(a <= b for row in limits for a, b in itertools.pairwise(row))
        and len(context.class_of) == CONTEXT_SIDE**2
        and all(0 <= number < context.classes for number in context.class_of)
    )


def _context_records(contexts: list[ContextSpec]) -> bytes:
    records, first = b"", 0
    for context in contexts:
        taps = b"".join(struct.pack("<Bbbbb", *tap) for tap in context.taps)
        records += _CONTEXT.pack(
            first,
            context.typical,
            context.centre,
            context.classes,
            len(context.taps),
            0,
            *context.value_limit,
            *context.activity_limit,
            taps,
            bytes(context.class_of),
        )
        first += context.classes
    return records


def _tables(spec: CodecSpec) -> bytes:
    """Where each table's values lie, and the values: without the ends, where every symbol has frequency 1."""
    assert spec.cumulative is not None
    at = 2 * len(spec.cumulative)
    places, values = b"", b""
    for table in spec.cumulative:
        often = [symbol for symbol, (a, b) in enumerate(itertools.pairwise(table)) if b - a > 1]
        first, last = often[0], often[-1]  # of 32768, one has more than its share
        if at > 65535:
            raise _impossible(spec, "its tables take more than 128 KiB")
        places += _TABLE.pack(at, first, last)
        values += np.array(table[first : last + 1], dtype="<u2").tobytes()
        at += last + 1 - first
    return places + values


def _codec_record(body: _Body, spec: CodecSpec, latent: tuple[int, int, int]) -> bytes:
    minimum_at = body.add(np.array(spec.minimum, dtype="<i4").tobytes())
    step_at = body.add(np.array(spec.step, dtype="<u2").tobytes())
    cumulative_at = contexts_at = curve_at = flags = 0
    if spec.cumulative is not None:
        cumulative_at = body.add(_tables(spec))
        flags |= 1
    if spec.contexts is not None:
        contexts_at = body.add(_context_records(spec.contexts))
        flags |= 2
    saliency = spec.saliency
    if saliency is not None:
        curve_at = body.add(bytes(saliency.curve))
    return _CODEC.pack(
        spec.model,
        spec.revision,
        _ORDERS[spec.order],
        flags,
        spec.levels,
        *latent,
        0,
        spec.stride,
        spec.offset,
        minimum_at,
        step_at,
        cumulative_at,
        contexts_at,
        curve_at,
        saliency.rows if saliency else 0,
        saliency.columns if saliency else 0,
        saliency.bits if saliency else 0,
        saliency.block if saliency else 0,
        saliency.gain if saliency else 0,
        saliency.tolerance if saliency else 0,
    )


def banded_stride(height: int, width: int, bands: int = 2) -> int:
    """The permutation stride whose runs of ranks fill diagonal bands of a height x width grid.

    A packet's symbols then lie close enough to foretell each other (glimpse.export.contexts), while what a lost packet
    takes is a few narrow bands across the picture, with others between. More bands foretell less and conceal more.
    It is `bands` rows and one column, or the nearest number that is coprime to the number of positions.

    Raises GlimpseError when the grid is empty.
    """
    if height < 1 or width < 1:
        raise GlimpseError(f"No stride goes through {height} x {width} positions.")
    positions, wanted = height * width, bands * width + 1
    strides = [stride for stride in range(1, positions + 1) if math.gcd(stride, positions) == 1]
    return min(strides, key=lambda stride: (abs(stride - wanted), stride))


def interleaving_stride(height: int, width: int, channels: int, bands: int = 2) -> int:
    """The stride through all symbols of a [height, width, channels] latent that fills bands in every channel.

    Successive ranks go through the channels one after another, so that a packet holds as many symbols of each; the
    symbols that it holds of one channel lie in diagonal bands, other bands for other channels, so that what is lost
    at a position are a few of its channels. The bands are for the same reason as those of `banded_stride`.

    Raises GlimpseError when the grid is empty.
    """
    count, wanted = height * width * channels, bands * width + 1
    if count < 1:
        raise GlimpseError(f"No stride goes through {height} x {width} x {channels} symbols.")
    strides = [s for s in range(1, count + 1) if math.gcd(s, count) == 1 and s % channels == 1 % channels]
    return min(strides, key=lambda stride: (abs(stride - wanted), stride))
