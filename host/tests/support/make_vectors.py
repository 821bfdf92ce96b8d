# SPDX-License-Identifier: Apache-2.0
"""Writes docs/vectors/wire-v1.json from the reference implementation: python host/tests/support/make_vectors.py."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.random_codecs import likely_symbols, random_codec
from support.wire_reference import RANGE, RAW, Codec, Rejected, crc16, pack, quantise, seal, unpack

VECTORS = Path(__file__).resolve().parents[3] / "docs" / "vectors" / "wire-v1.json"

# The example of docs/wire-format.md: two channels of 4 x 3 positions, symbols of 3 bits.
EXAMPLE = Codec(
    model=5,
    revision=1,
    height=4,
    width=3,
    channels=2,
    bits=3,
    order=1,
    stride=5,
    offset=7,
    minimum=(-3072, -1536),
    step=(1024, 512),
    cumulative=((0, 16, 64, 512, 3328, 3840, 4032, 4088, 4096), (0, 8, 128, 1024, 3072, 3840, 4064, 4090, 4096)),
)
EXAMPLE_LATENT = (0, -1, 0, 0, -2, 1, 5, 2, 1, 0, -3, -1, 0, 1, 1, 3, -1, -2, 0, 0, 1, 7, 1, -1)


def sizes(payloads: list[int]) -> Iterator[int]:
    """The payload sizes, the last one repeated for ever."""
    yield from payloads
    while True:
        yield payloads[-1]


def case(name: str, codec: Codec, symbols: bytes, frame: int, coding: int, payloads: list[int]) -> dict[str, object]:
    """One frame: what goes in and the packets that come out."""
    packets = pack(codec, symbols, frame, coding, sizes(payloads))
    return {
        "name": name,
        "codec": asdict(codec),
        "frame": frame,
        "coding": coding,
        "payloads": payloads,
        "symbols": symbols.hex(),
        "packets": [packet.hex() for packet in packets],
    }


def frames() -> list[dict[str, object]]:
    """The example in both codings, then codecs of every shape."""
    symbols = quantise(EXAMPLE, EXAMPLE_LATENT)
    cases = [
        case("example raw", EXAMPLE, symbols, 33, RAW, [11]),
        case("example range", EXAMPLE, symbols, 33, RANGE, [11]),
    ]
    for seed in range(24):
        random = Random(f"wire-v1 {seed}")
        codec = random_codec(random, largest=500)
        coding = RANGE if codec.cumulative else RAW
        payloads = random.choice([[11], [51], [242], [11, 242, 51, 20], [51, 11]])
        symbols = likely_symbols(random, codec)
        cases.append(case(f"random {seed}", codec, symbols, random.randrange(64), coding, payloads))
    return cases


def damaged() -> list[dict[str, object]]:
    """Packets for the example's codec and frame 33 that a receiver rejects, and why."""
    symbols = quantise(EXAMPLE, EXAMPLE_LATENT)
    raw = pack(EXAMPLE, symbols, 33, RAW, sizes([11]))
    coded = pack(EXAMPLE, symbols, 33, RANGE, sizes([11]))
    body, coded_body = raw[0][4:-2], coded[0][4:-2]

    def resealed(message: bytes) -> bytes:
        return message + crc16(message).to_bytes(2, "big")

    packets = {
        "nothing": b"",
        "shorter than header and check": raw[0][:5],
        "longer than any payload": resealed(raw[0][:-2] + bytes(240)),
        "one bit flipped": raw[0][:5] + bytes([raw[0][5] ^ 16]) + raw[0][6:],
        "version 2": seal(EXAMPLE, 33, 0, RAW, body, version=2),
        "a parity packet": seal(EXAMPLE, 33, 0, RAW, body, kind=2),
        "kind 7": seal(EXAMPLE, 33, 0, RAW, body, kind=7),
        "model 6": resealed(bytes([raw[0][0] ^ 6]) + raw[0][1:-2]),
        "even revision": resealed(raw[0][:3] + bytes([raw[0][3] ^ 1]) + raw[0][4:-2]),
        "frame 34": seal(EXAMPLE, 34, 0, RAW, body),
        "first symbol is the 25th of 24": seal(EXAMPLE, 33, 24, RAW, body),
        "raw, no symbols": seal(EXAMPLE, 33, 0, RAW, b""),
        "raw, a spare bit set": seal(EXAMPLE, 33, 0, RAW, body[:-1] + bytes([body[-1] | 1])),
        "raw, a byte too many": seal(EXAMPLE, 33, 13, RAW, raw[1][4:-2] + b"\0"),
        "range, empty body": seal(EXAMPLE, 33, 0, RANGE, b""),
        "range, no symbols": seal(EXAMPLE, 33, 0, RANGE, b"\0" + coded_body[1:]),
        "range, count cut in half": seal(EXAMPLE, 33, 0, RANGE, b"\x80"),
        "range, small count in two bytes": seal(EXAMPLE, 33, 0, RANGE, b"\x80\x05" + coded_body[1:]),
        "range, more symbols than remain": seal(EXAMPLE, 33, 20, RANGE, b"\5" + coded_body[1:]),
        "range, zero byte at the end": seal(EXAMPLE, 33, 0, RANGE, coded_body + b"\0"),
        "range, a byte too many": seal(EXAMPLE, 33, 0, RANGE, coded_body + b"\1"),
        "range, a number that no symbols give": seal(EXAMPLE, 33, 0, RANGE, b"\1\xff\xff\xff\xff"),
    }
    return [{"name": name, "packet": packet.hex(), "reason": reason(packet)} for name, packet in packets.items()]


def reason(packet: bytes) -> str:
    """Why the reference rejects it."""
    try:
        unpack(EXAMPLE, 33, packet)
    except Rejected as rejected:
        return rejected.reason
    raise AssertionError(f"{packet.hex()} is sound")


def text() -> str:
    """The file, one vector a line."""
    lines = [
        '"about": "Wire format version 1. Fields are named as in docs/wire-format.md; order: 0 interleaved, 1 by '
        "channel; coding: 0 raw, 1 range; the last payload size repeats; symbols in [height, width, channels] order. "
        "'rejected' belongs to the codec of 'example raw' and frame 33.\"",
        f'"example_latent": {json.dumps(EXAMPLE_LATENT)}',
        '"frames": [\n' + ",\n".join(json.dumps(frame) for frame in frames()) + "\n]",
        '"rejected": [\n' + ",\n".join(json.dumps(packet) for packet in damaged()) + "\n]",
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    VECTORS.parent.mkdir(parents=True, exist_ok=True)
    VECTORS.write_text(text())
