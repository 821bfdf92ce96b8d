# SPDX-License-Identifier: Apache-2.0
"""Sealed packets, closed and opened by the node's own code (docs/wire-format.md, "Sealed packets")."""

from dataclasses import dataclass

from glimpse._core import ffi, lib
from glimpse.binding.model import MAX_PAYLOAD, PacketError, status_text
from glimpse.errors import GlimpseError

UPLINK, DOWNLINK = lib.GLIMPSE_UPLINK, lib.GLIMPSE_DOWNLINK
KEY_BYTES, DEVICE_BYTES = lib.GLIMPSE_KEY_BYTES, lib.GLIMPSE_DEVICE_BYTES
SEALED_VERSION = lib.GLIMPSE_SEALED_VERSION
SEAL_COST_BYTES = lib.GLIMPSE_SEAL_COST_BYTES
MIN_SEALED_PAYLOAD = lib.GLIMPSE_MIN_SEALED_PAYLOAD
SEAL_WINDOW = lib.GLIMPSE_SEAL_WINDOW
SEAL_BLOCK = lib.GLIMPSE_SEAL_BLOCK
FIRST_CONTACT_BLOCKS = lib.GLIMPSE_SEAL_FIRST_CONTACT
COUNTER_END = lib.GLIMPSE_SEAL_COUNTER_END

_REASONS = {lib.GLIMPSE_ERROR_MAC: "mac", lib.GLIMPSE_ERROR_REPLAY: "replay"}


class SealError(PacketError):
    """A sealed packet that is not taken.

    Attributes:
        reason: "mac" (another key or device, forged or damaged), "replay", "version" (not sealed) or "length".
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.reason = _REASONS.get(status, self.reason)


@dataclass(frozen=True)
class OpenedPacket:
    """What was in a sealed packet.

    Attributes:
        packet: of version 1, with its check.
        next: one more than the highest counter taken so far; a live receiver keeps it over restarts.
    """

    packet: bytes
    next: int


def looks_sealed(packet: bytes) -> bool:
    """Whether the first two bits say so; that proves nothing."""
    return len(packet) > 0 and packet[0] >> 6 == SEALED_VERSION


def sealed_room(payload: int) -> int:
    """Most bytes of a packet that is to be sealed, where the link takes `payload`.

    Raises:
        GlimpseError: below MIN_SEALED_PAYLOAD, or above what any link takes.
    """
    room = lib.glimpse_seal_room(payload)
    if room < 0:
        raise GlimpseError(
            f"payloads of {payload} bytes cannot be sealed: {status_text(room)}; choose a larger payload"
        )
    return room


class Seal:
    """One direction between a device and its receiver.

    Args:
        key: 32 random bytes that both sides hold.
        device: 8 bytes that name the device.
        direction: UPLINK or DOWNLINK.
        secret: bodies are enciphered, not only authenticated.
    """

    def __init__(self, key: bytes, device: bytes, direction: int, secret: bool) -> None:
        if len(key) != KEY_BYTES or len(device) != DEVICE_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes and a device {DEVICE_BYTES}")
        self._seal = ffi.gc(ffi.new("glimpse_seal *"), lib.glimpse_seal_wipe)
        lib.glimpse_seal_begin(self._seal, key, device, direction, secret)

    def close(self, counter: int, packet: bytes, payload: int = MAX_PAYLOAD) -> bytes:
        """A version 1 packet of any kind, sealed.

        Args:
            counter: 0 .. COUNTER_END - 1, never used before under this key, device and direction.
            packet: with its check.
            payload: most bytes that the link takes.

        Raises:
            GlimpseError: not a packet, no room, or the counter has ended.
        """
        sealed = ffi.new("uint8_t[]", MAX_PAYLOAD)
        length = lib.glimpse_seal_close(self._seal, counter, packet, len(packet), payload, sealed)
        if length < 0:
            raise GlimpseError(f"the packet cannot be sealed: {status_text(length)}")
        return bytes(ffi.buffer(sealed, length))

    def open(self, counter: int, sealed: bytes) -> bytes:
        """The packet in a sealed one whose whole counter is known, replayed or not.

        Raises:
            SealError: with reason mac, version or length.
        """
        packet = ffi.new("uint8_t[]", max(len(sealed), 1))
        length = lib.glimpse_seal_open(self._seal, counter, sealed, len(sealed), packet)
        if length < 0:
            raise SealError(length)
        return bytes(ffi.buffer(packet, length))


class Opener:
    """A live receiver of one direction, which takes every packet once.

    Args:
        seal: of that direction.
        next: 0 for a new key, later the `next` of the last OpenedPacket, which the caller keeps over restarts.
    """

    def __init__(self, seal: Seal, next: int = 0) -> None:
        self.seal = seal
        self._opener = ffi.new("glimpse_opener *")
        lib.glimpse_opener_begin(self._opener, seal._seal, next)

    def search(self) -> None:
        """After a silence of 65,000 packets and more: looks for the next one as at first contact."""
        lib.glimpse_opener_search(self._opener)

    def take(self, sealed: bytes) -> OpenedPacket:
        """What is in the packet, once.

        Raises:
            SealError: with reason mac, replay, version or length.
        """
        packet = ffi.new("uint8_t[]", max(len(sealed), 1))
        length = lib.glimpse_opener_take(self._opener, sealed, len(sealed), packet)
        if length < 0:
            raise SealError(length)
        return OpenedPacket(bytes(ffi.buffer(packet, length)), self._opener.next)

    @property
    def counts(self) -> dict[str, int]:
        """Packets so far: accepted, failed (MAC), replayed, malformed."""
        names = ("accepted", "failed", "replayed", "malformed")
        return {name: getattr(self._opener, name) for name in names}


class ArchiveOpener:
    """Opens packets that were recorded, in any order and as often as one likes: repeats are no attack on a file.

    The first packet whose MAC holds says in which block of 65,536 counters the file lies; it is looked for in
    FIRST_CONTACT_BLOCKS of them. The others are within 32,768 counters of it.
    """

    def __init__(self, seal: Seal) -> None:
        self.seal = seal
        self._anchor: int | None = None

    def take(self, sealed: bytes) -> bytes:
        """The packet in a sealed one.

        Raises:
            SealError: with reason mac, version or length.
        """
        low = int.from_bytes(sealed[-6:-4], "big")
        if self._anchor is None:
            candidates = range(low, FIRST_CONTACT_BLOCKS * SEAL_BLOCK, SEAL_BLOCK)
        else:
            lowest = self._anchor - SEAL_BLOCK // 2
            nearest = lowest + ((low - lowest) % SEAL_BLOCK)
            candidates = range(nearest, nearest + 1)
        error = SealError(lib.GLIMPSE_ERROR_MAC)
        for counter in candidates:
            if not 0 <= counter < COUNTER_END:
                continue
            try:
                packet = self.seal.open(counter, sealed)
            except SealError as failure:
                error = failure
                if failure.reason != "mac":
                    break
                continue
            self._anchor = counter
            return packet
        raise error
