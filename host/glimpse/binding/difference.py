# SPDX-License-Identifier: Apache-2.0
"""Difference packets in the node's own code: what changed against symbols that both ends hold."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from glimpse._core import ffi, lib
from glimpse.binding.arrays import pointer
from glimpse.binding.model import KIND_DIFFERENCE, MAX_PAYLOAD, MIN_PAYLOAD, Model, PacketError, status_text
from glimpse.errors import GlimpseError

HOLD_UNIT = lib.GLIMPSE_HOLD_UNIT
REFERENCE_CHECKS = 1 << lib.GLIMPSE_REFERENCE_CHECK_BITS


@dataclass(frozen=True)
class Reference:
    """Symbols that sender and receiver hold, and their name on the air. Made by `reference`; treat as constant.

    Attributes:
        frame: that they were made from, 0..MAX_FRAME.
        check: of symbols and known, below REFERENCE_CHECKS.
        symbols: uint8 [height, width, channels], 0 where not known.
        known: bool of the same shape.
        bits: `known` as the C core takes it, a bitmap by flat index, lowest bit first.
    """

    frame: int
    check: int
    symbols: np.ndarray
    known: np.ndarray
    bits: np.ndarray

    @property
    def name(self) -> tuple[int, int]:
        """(frame, check), as packets name it."""
        return self.frame, self.check


def reference(model: Model, frame: int, symbols: np.ndarray, known: np.ndarray) -> Reference:
    """A reference of copies of these arrays.

    Args:
        model: whose symbols they are.
        frame: that they were made from, 0..MAX_FRAME.
        symbols: uint8 [height, width, channels], each known one below the model's levels.
        known: of the same shape, true where the receiver has the symbol.

    Raises:
        GlimpseError: a known symbol that is no level.
    """
    known = np.ascontiguousarray(known, bool).reshape(model.latent_shape)
    symbols = np.where(known, symbols.reshape(model.latent_shape), 0).astype(np.uint8)
    if symbols.max(initial=0) >= model.levels:
        raise GlimpseError(f"symbol {symbols.max()} is not one of the {model.levels} levels of model {model.name}")
    bits = np.packbits(known.reshape(-1), bitorder="little")
    check = lib.glimpse_reference_check(model.codec, pointer("uint8_t *", symbols), pointer("uint8_t *", bits))
    return Reference(frame, check, symbols, known, bits)


def reference_view(held: Reference) -> object:
    """The C structure; its arrays live as long as `held`."""
    view = ffi.new("glimpse_reference *")
    view.symbols, view.known = pointer("uint8_t *", held.symbols), pointer("uint8_t *", held.bits)
    view.frame, view.check = held.frame, held.check
    return view


def settle(model: Model, held: Reference, latent: np.ndarray, hold: float) -> np.ndarray:
    """Symbols of a latent that stay those of the reference as long as the latent lies near them.

    Args:
        model: whose latent it is.
        held: the reference.
        latent: int8 [height, width, channels].
        hold: how many quantiser steps a value may lie from its reference; half a step or less holds nothing.

    Returns:
        uint8 of the same shape.
    """
    latent = np.ascontiguousarray(latent, np.int8).reshape(model.latent_shape)
    symbols = np.empty(model.latent_shape, np.uint8)
    lib.glimpse_difference_settle(
        model.codec,
        reference_view(held),
        pointer("int8_t *", latent),
        round(hold * HOLD_UNIT),
        pointer("uint8_t *", symbols),
    )
    return symbols


def pack_difference(
    model: Model,
    held: Reference,
    symbols: np.ndarray,
    *,
    frame: int,
    payload: int | Iterable[int] = 51,
    budget: int | None = None,
) -> list[bytes]:
    """Radio payloads that bring a receiver from the reference to a frame, the most important first.

    Args:
        model: whose symbols they are.
        held: the reference.
        symbols: uint8 [height, width, channels], each below `levels`.
        frame: 0..MAX_FRAME.
        payload: most bytes of a packet, MIN_PAYLOAD..MAX_PAYLOAD; or one number for each packet, the last repeated.
        budget: most bytes of the frame, headers included; None: no limit.

    Returns:
        Nothing at all when nothing changed.

    Raises:
        GlimpseError: a parameter out of range.
    """
    symbols = np.ascontiguousarray(symbols, np.uint8).reshape(model.latent_shape)
    if symbols.max() >= model.levels:
        raise GlimpseError(f"symbol {symbols.max()} is not one of the {model.levels} levels of model {model.name}")
    packer, view = ffi.new("glimpse_difference_packer *"), reference_view(held)
    packet = ffi.new("uint8_t[]", MAX_PAYLOAD)
    packets: list[bytes] = []
    sizes = iter([payload]) if isinstance(payload, int) else iter(payload)
    size, left = MIN_PAYLOAD, budget
    try:
        status = lib.glimpse_difference_begin(packer, model.codec, view, pointer("uint8_t *", symbols), frame)
        if status < 0:
            raise GlimpseError(f"frame {frame} is not possible: {status_text(status)}")
        while True:
            size = next(sizes, size)
            most = size if left is None else min(size, left)
            if size >= MIN_PAYLOAD > most:
                return packets
            status = lib.glimpse_difference_next(packer, most, packet)
            if status < 0:
                raise GlimpseError(f"a payload of {size} bytes is not possible: {status_text(status)}")
            if status == 0:
                return packets
            packets.append(bytes(ffi.buffer(packet, status)))
            left = None if left is None else left - status
    except OverflowError as error:
        raise GlimpseError(f"frame {frame} or payload {size} is out of range") from error


def needed_reference(packet: bytes) -> tuple[int, int]:
    """(frame, check) of the reference that a difference packet names.

    Raises:
        PacketError: length, check, version, kind (not a difference) or body.
    """
    frame, check = ffi.new("uint8_t *"), ffi.new("uint16_t *")
    status = lib.glimpse_difference_needs(packet, len(packet), frame, check)
    if status < 0:
        raise PacketError(status)
    return frame[0], check[0]


def unpack_difference(
    model: Model,
    held: Reference | None,
    packet: bytes,
    symbols: np.ndarray,
    received: np.ndarray,
    frame: int | None = None,
) -> int:
    """Puts a difference packet's symbols into place; the arrays stay untouched when it is rejected.

    Args:
        model: whose symbols they are.
        held: the reference; None: there is none.
        packet: one radio payload.
        symbols: uint8 [height, width, channels], contiguous, changed in place.
        received: uint8 of the same shape, becomes 1 where a symbol came.
        frame: the frame that is being assembled; None takes any.

    Returns:
        Number of symbols from the packet's first to its last.

    Raises:
        PacketError: with the reason; `reference` when it was made against another one.
    """
    status = lib.glimpse_difference_unpack(
        model.codec,
        -1 if frame is None else frame,
        ffi.NULL if held is None else reference_view(held),
        packet,
        len(packet),
        ffi.new("glimpse_difference_workspace *"),
        pointer("uint8_t *", symbols),
        pointer("uint8_t *", received),
    )
    if status < 0:
        raise PacketError(status)
    return status


class Keeper:
    """The sender's side: what the receiver is known to have, and whether the next frame leaves as a difference.

    Args:
        model: whose symbols are sent.
        patience: so many frames may go without an answer before image frames follow, 0..255.
        refresh: at most so many difference frames in a row, 0..255; 0: any number.
    """

    def __init__(self, model: Model, patience: int = 4, refresh: int = 0) -> None:
        self._model = model
        self._symbols = np.zeros(model.latent_shape, np.uint8)
        bitmap = (model.symbol_count + 7) // 8
        self._known, self._acknowledged = ffi.new("uint8_t[]", bitmap), ffi.new("uint8_t[]", bitmap)
        self._keeper = ffi.new("glimpse_keeper *")
        self._packers = ffi.new("glimpse_packer *"), ffi.new("glimpse_difference_packer *")
        self._work = ffi.new("glimpse_keeper_work *", (*self._packers, self._acknowledged))
        symbols = pointer("uint8_t *", self._symbols)
        try:
            lib.glimpse_keeper_begin(self._keeper, model.codec, symbols, self._known, patience, refresh)
        except OverflowError as error:
            raise GlimpseError(
                f"a patience of {patience} and a refresh after {refresh} frames are not possible; 0 to 255 are"
            ) from error

    @property
    def may_differ(self) -> bool:
        """The next frame may be a difference, as far as can be said without it."""
        return lib.glimpse_keeper_may_differ(self._keeper)

    @property
    def reference(self) -> Reference | None:
        """A copy of the reference for the next frame; None: there is none."""
        if not self._keeper.valid:
            return None
        held = self._keeper.reference
        count = self._model.symbol_count
        bits = np.frombuffer(ffi.buffer(held.known, (count + 7) // 8), np.uint8)
        known = np.unpackbits(bits, count=count, bitorder="little").astype(bool)
        return reference(self._model, held.frame, self._symbols, known)

    def update(self, sent: np.ndarray | None) -> None:
        """Takes over what was acknowledged of the last frame; `sent`: its symbols, None before the first frame."""
        symbols = np.zeros(self._model.latent_shape, np.uint8) if sent is None else np.ascontiguousarray(sent, np.uint8)
        lib.glimpse_keeper_update(self._keeper, pointer("uint8_t *", symbols))

    def again(self) -> None:
        """The receiver has lost the reference: the frame under way, if there is one, leaves once more, as an image."""
        lib.glimpse_keeper_again(self._keeper)

    def chooses_difference(self, frame: int, symbols: np.ndarray, payload: int = 51) -> bool:
        """Whether a frame is to be sent as a difference, else as an image; it is under way from now on.

        Args:
            frame: 0..MAX_FRAME.
            symbols: uint8 [height, width, channels], each below `levels`.
            payload: most bytes of a packet, MIN_PAYLOAD..MAX_PAYLOAD.

        Raises:
            GlimpseError: frame or payload out of range.
        """
        symbols = np.ascontiguousarray(symbols, np.uint8)
        kind = lib.glimpse_keeper_choose(self._keeper, frame, pointer("uint8_t *", symbols), payload, self._work)
        if kind < 0:
            raise GlimpseError(f"frame {frame} or a payload of {payload} bytes is not possible: {status_text(kind)}")
        return kind == KIND_DIFFERENCE

    def acknowledge(self, frame: int, runs: list[tuple[int, int]]) -> bool:
        """The receiver has these runs (first rank, count) of a frame; False: they are not of the frame under way."""
        array = ffi.new("glimpse_run[]", [{"first": first, "count": count} for first, count in runs])
        return lib.glimpse_keeper_acknowledge(self._keeper, frame, array, len(runs)) == 0

    def forget(self) -> None:
        """The receiver has lost the reference: the next frame is an image."""
        lib.glimpse_keeper_forget(self._keeper)
