# SPDX-License-Identifier: Apache-2.0
"""Sealed packets read off docs/wire-format.md a second time: Python's BLAKE2b and a ChaCha20 of its own (RFC 8439)."""

import hashlib
import struct

from support.wire_reference import crc16

Words = list[int]


def _quarter(x: Words, a: int, b: int, c: int, d: int) -> None:
    for p, q, r, shift in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[p] = (x[p] + x[q]) & 0xFFFFFFFF
        x[r] ^= x[p]
        x[r] = (x[r] << shift | x[r] >> (32 - shift)) & 0xFFFFFFFF


def chacha20(key: bytes, nonce: bytes, text: bytes) -> bytes:
    """RFC 8439, the block counter starting at 0. key: 32 bytes, nonce: 12 bytes."""
    stream = b""
    for block in range(-(-len(text) // 64)):
        start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", block) + nonce))
        x = list(start)
        for _ in range(10):
            for i in range(4):
                _quarter(x, i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                _quarter(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        stream += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(x, start, strict=True)))
    return bytes(a ^ b for a, b in zip(text, stream, strict=False))


class Seal:
    """One direction between a device and its receiver. direction: "u" up, "d" down."""

    def __init__(self, key: bytes, device: bytes, direction: str, secret: bool) -> None:
        self.device, self.secret = device, secret
        self.mac_key, self.cipher_key = (
            hashlib.blake2b(f"glimpse seal 1 {use} {direction}".encode(), key=key, digest_size=32).digest()
            for use in "mc"
        )
        self.first_byte = bytes(((direction == "d") + 2 * secret,))

    def _tag(self, counter: int, covered: bytes) -> bytes:
        agreed = self.first_byte + self.device + counter.to_bytes(4, "big")
        return hashlib.blake2b(agreed + covered, key=self.mac_key, digest_size=4).digest()

    def _cipher(self, counter: int, body: bytes) -> bytes:
        return chacha20(self.cipher_key, self.device + counter.to_bytes(4, "big"), body) if self.secret else body

    def close(self, counter: int, packet: bytes) -> bytes:
        """A version 1 packet, sealed."""
        assert crc16(packet[:-2]) == int.from_bytes(packet[-2:], "big") and packet[0] >> 6 == 1
        covered = bytes((packet[0] & 0x3F | 0x80,)) + packet[1:4] + self._cipher(counter, packet[4:-2])
        return covered + (counter & 0xFFFF).to_bytes(2, "big") + self._tag(counter, covered)

    def open(self, counter: int, sealed: bytes) -> bytes | None:
        """The packet in it; None where the MAC does not hold."""
        covered, low, tag = sealed[:-6], sealed[-6:-4], sealed[-4:]
        if low != (counter & 0xFFFF).to_bytes(2, "big") or tag != self._tag(counter, covered):
            return None
        packet = bytes((covered[0] & 0x3F | 0x40,)) + covered[1:4] + self._cipher(counter, covered[4:])
        return packet + crc16(packet).to_bytes(2, "big")
