# SPDX-License-Identifier: Apache-2.0
"""Writes docs/vectors/wire-v1-sealed.json from the reference: python host/tests/support/make_vectors_sealed.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.seal_reference import Seal
from support.vector_file import vector_file
from support.wire_reference import crc16

VECTORS = Path(__file__).resolve().parents[3] / "docs" / "vectors" / "wire-v1-sealed.json"
ABOUT = (
    "Sealed packets (docs/wire-format.md). direction: u uplink, d downlink; secret: bodies are enciphered; counter: all"
    " 32 bits of it; packet: of version 1; sealed: as on the air. Those of 'rejected' are opened with that counter."
)
KEY = bytes(range(32))
DEVICE = bytes.fromhex("70B3D57ED0000001")
EXAMPLE = bytes.fromhex("4B0800031230 9D565A9AD4")


def packet(header: str, body: bytes) -> bytes:
    """A version 1 packet."""
    covered = bytes.fromhex(header) + body
    return covered + crc16(covered).to_bytes(2, "big")


def text() -> str:
    """The whole file."""
    cases = [
        ("example", EXAMPLE, "u", True, 0x00012345),
        ("example, not enciphered", EXAMPLE, "u", False, 0x00012345),
        ("example, downlink", EXAMPLE, "d", True, 0x00012345),
        ("no body, first counter", packet("40000000", b""), "u", True, 0),
        ("longest body, last counter", packet("7FFFFFFF", bytes(range(232))), "u", True, 0xFFFFFFFE),
        ("of the kind downlink", packet("4B080010", bytes(20)), "d", True, 7),
        ("two cipher blocks", packet("4B080001", bytes(65)), "u", True, 0x0000FFFF),
    ]
    sealed = [
        {
            "name": name,
            "direction": direction,
            "secret": secret,
            "counter": counter,
            "packet": inner.hex(),
            "sealed": Seal(KEY, DEVICE, direction, secret).close(counter, inner).hex(),
        }
        for name, inner, direction, secret, counter in cases
    ]
    good = bytes.fromhex(sealed[0]["sealed"])
    other_key = bytes((KEY[0] ^ 1,)) + KEY[1:]
    other_device = DEVICE[:-1] + b"\2"
    wrong = [
        ("another key", Seal(other_key, DEVICE, "u", True).close(0x12345, EXAMPLE), "mac"),
        ("another device", Seal(KEY, other_device, "u", True).close(0x12345, EXAMPLE), "mac"),
        ("the other direction", Seal(KEY, DEVICE, "d", True).close(0x12345, EXAMPLE), "mac"),
        ("not enciphered", Seal(KEY, DEVICE, "u", False).close(0x12345, EXAMPLE), "mac"),
        ("another high half of the counter", Seal(KEY, DEVICE, "u", True).close(0x22345, EXAMPLE), "mac"),
        ("another low half of the counter", Seal(KEY, DEVICE, "u", True).close(0x12346, EXAMPLE), "mac"),
        ("header changed", bytes((good[0] ^ 1,)) + good[1:], "mac"),
        ("not sealed", EXAMPLE, "version"),
        ("version 3", bytes((good[0] | 0xC0,)) + good[1:], "version"),
        ("too short", good[:4] + good[-5:], "length"),
        ("too long", good + bytes(243 - len(good)), "length"),
    ]
    rejected = [
        {"name": name, "direction": "u", "secret": True, "counter": 0x12345, "sealed": data.hex(), "reason": reason}
        for name, data, reason in wrong
    ]
    return vector_file(ABOUT, key=KEY.hex(), device=DEVICE.hex(), sealed=sealed, rejected=rejected)


if __name__ == "__main__":
    VECTORS.write_text(text())
