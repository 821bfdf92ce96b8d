# SPDX-License-Identifier: Apache-2.0
"""Writes docs/vectors/wire-v1-parity.json from the reference: python host/tests/support/make_vectors_parity.py."""

import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import make_vectors
from support.make_vectors import EXAMPLE, EXAMPLE_LATENT, EXAMPLE_SALIENCY, EXAMPLE_SIDE, sizes
from support.parity_reference import MalformedError, first_of, parity_packets, read, run_of
from support.vector_file import vector_file
from support.wire_reference import RANGE, RAW, crc16, pack, quantise

VECTORS = make_vectors.VECTORS.with_name("wire-v1-parity.json")


def group(name: str, packets: list[bytes], count: int) -> dict[str, object]:
    """Packets in the order of sending, and their parity packets."""
    parity = parity_packets(packets, count)
    return {"name": name, "packets": [p.hex() for p in packets], "parity": [p.hex() for p in parity]}


def groups() -> list[dict[str, object]]:
    """The specification's examples, then packets of every length and place."""
    symbols = quantise(EXAMPLE, EXAMPLE_LATENT)
    saliency = quantise(EXAMPLE_SALIENCY, EXAMPLE_LATENT)
    result = [
        group("example raw", pack(EXAMPLE, symbols, 33, RAW, sizes([11])), 2),
        group("example range", pack(EXAMPLE, symbols, 33, RANGE, sizes([11])), 1),
        group("example saliency", pack(EXAMPLE_SALIENCY, saliency, 33, RAW, sizes([11]), [*EXAMPLE_SIDE])[:2], 2),
    ]
    for seed in range(24):
        random = Random(f"wire-v1-parity {seed}")
        head = random.randrange(32) << 6 | random.randrange(64)
        members = random.choice([1, 2, 3, 5, 8, 17, 32])
        packets: list[bytes] = []
        start = random.randrange(16384 // members)
        while len(packets) < members:
            coding, kind = random.randrange(2), random.randrange(2)
            body = random.randbytes(random.randrange(30, 90))
            if coding:
                body = bytes([random.randrange(40, 128)]) + body[1:]
            word = (1 << 11 | head) << 19 | start << 5 | kind << 2 | coding << 1 | seed & 1
            message = word.to_bytes(4, "big") + body
            packets.append(message + crc16(message).to_bytes(2, "big"))
            start = (start + random.randrange(128, 300)) % 16384
        packets = sorted(packets, key=first_of) if seed % 3 else random.sample(packets, len(packets))
        shift = min(map(run_of, packets)).bit_length() - 1
        if len({first_of(packet) >> shift for packet in packets}) == len(packets):
            result.append(group(f"random {seed}", packets, random.randrange(1, 5)))
    return result


def malformed() -> list[dict[str, str]]:
    """Parity packets with a sound header and check whose body no sender makes."""
    symbols = quantise(EXAMPLE_SALIENCY, EXAMPLE_LATENT)
    sound = parity_packets(pack(EXAMPLE_SALIENCY, symbols, 33, RAW, sizes([11]), [*EXAMPLE_SIDE])[:2], 1)[0]
    plain = parity_packets(pack(EXAMPLE, quantise(EXAMPLE, EXAMPLE_LATENT), 33, RAW, sizes([11])), 1)[0]

    def with_body(packet: bytes, body: bytes, coding: int) -> bytes:
        message = packet[:3] + bytes([packet[3] & ~2 | coding << 1]) + body
        return message + crc16(message).to_bytes(2, "big")

    packets = {
        "no body": with_body(plain, b"", 0),
        "no word": with_body(plain, plain[4:7], 0),
        "a word of five bytes": with_body(plain, plain[4:12], 0),
        "a gap without an end": with_body(plain, plain[4:6] + b"\xff" * 20, 0),
        "a place beyond the last rank": with_body(plain, b"\x00\xef" + b"\xff\xff\xfe" + bytes(9), 0),
        "a shift of 14": with_body(plain, b"\x00\x70" + bytes(9), 0),
        "a spare bit set": with_body(plain, bytes([*plain[4:6], plain[6] | 1]) + plain[7:-2], 0),
        "numbers in order, though said to be not": with_body(plain, plain[4:-2], 1),
        "a number twice": with_body(sound, bytes([*sound[4:6], sound[6] & 0x80 | 0x60]) + sound[7:-2], 1),
    }
    for name, packet in packets.items():
        try:
            read(packet)
        except MalformedError:
            continue
        raise AssertionError(f"{name} is sound")
    return [{"name": name, "packet": packet.hex()} for name, packet in packets.items()]


def text() -> str:
    """The file, one vector a line."""
    about = (
        "Wire format version 1, parity packets. packets: in the order of sending; parity: the first ones of "
        "the group, which any as many lost packets come back from; malformed: rejected with the reason body."
    )
    return vector_file(about, groups=groups(), malformed=malformed())


if __name__ == "__main__":
    VECTORS.write_text(text())
