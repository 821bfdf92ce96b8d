# SPDX-License-Identifier: Apache-2.0
"""Writes docs/vectors/wire-v1-difference.json: python host/tests/support/make_vectors_difference.py."""

import sys
from dataclasses import asdict
from itertools import chain, repeat
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.difference_reference import DIFFERENCE, RANGE, Reference, expected, pack, unpack
from support.make_vectors import EXAMPLE, EXAMPLE_CONTEXTS, EXAMPLE_LATENT, EXAMPLE_SALIENCY
from support.random_codecs import likely_symbols, random_codec
from support.vector_file import vector_file
from support.wire_reference import Codec, Rejected, crc16, quantise, seal

VECTORS = Path(__file__).resolve().parents[3] / "docs" / "vectors" / "wire-v1-difference.json"

# The example of docs/wire-format.md as frame 32, all but its last position, and what moved before frame 33.
EXAMPLE_MOVES = {2: 4, 8: 7, 9: 2, 11: 4}


def example_reference(codec: Codec = EXAMPLE) -> Reference:
    """The reference of the example."""
    return Reference(32, (*quantise(codec, EXAMPLE_LATENT)[:-2], None, None))


def example_symbols(codec: Codec = EXAMPLE) -> bytes:
    """The symbols of the example's frame 33."""
    symbols = bytearray(quantise(codec, EXAMPLE_LATENT))
    for at, symbol in EXAMPLE_MOVES.items():
        symbols[at] = min(symbol, codec.levels - 1)
    return bytes(symbols)


def case(
    name: str, codec: Codec, reference: Reference, symbols: bytes, frame: int, payloads: list[int]
) -> dict[str, object]:
    """One frame: what goes in and the packets that come out."""
    packets = pack(codec, reference, symbols, frame, chain(payloads, repeat(payloads[-1])))
    return {
        "name": name,
        "codec": asdict(codec),
        "frame": frame,
        "payloads": payloads,
        "reference": {"frame": reference.frame, "check": reference.check, "symbols": [*reference.symbols]},
        "symbols": symbols.hex(),
        "packets": [packet.hex() for packet in packets],
    }


def random_case(seed: int) -> dict[str, object]:
    """A codec of any shape, a reference with or without gaps, few changes or many."""
    random = Random(f"wire-v1 difference {seed}")
    codec = random_codec(random, largest=250)
    while len(codec.cumulative or ()) * codec.levels > 1000:  # so that the file stays small
        codec = random_codec(random, largest=250)
    gaps, share = random.choice([0.0, 0.0, 0.3, 1.0]), random.choice([0.02, 0.1, 0.6])
    old = likely_symbols(random, codec)
    reference = Reference(random.randrange(64), tuple(None if random.random() < gaps else symbol for symbol in old))
    symbols = bytearray(expected(codec, reference, at) for at in range(codec.symbols))
    for at in range(codec.symbols):
        if random.random() < share:
            near = symbols[at] + random.choice([-2, -1, 1, 2])
            symbols[at] = random.choice([min(max(near, 0), codec.levels - 1), random.randrange(codec.levels)])
    payloads = random.choice([[11], [51], [242], [11, 242, 51, 20]])
    return case(f"random {seed}", codec, reference, bytes(symbols), random.randrange(64), payloads)


def frames() -> list[dict[str, object]]:
    """The example with each kind of codec, then codecs of every shape."""
    codecs = {"example": EXAMPLE, "example contexts": EXAMPLE_CONTEXTS, "example saliency": EXAMPLE_SALIENCY}
    cases = [
        case(name, codec, example_reference(codec), example_symbols(codec), 33, [11]) for name, codec in codecs.items()
    ]
    return cases + [random_case(seed) for seed in range(16)]


def damaged() -> list[dict[str, object]]:
    """Packets for the example's codec, reference and frame 33 that a receiver rejects, and why."""
    sound = pack(EXAMPLE, example_reference(), example_symbols(), 33, repeat(51))[0]
    first, body = int(f"{int.from_bytes(sound[:4], 'big'):032b}"[13:27], 2), sound[4:-2]

    def resealed(message: bytes) -> bytes:
        return message + crc16(message).to_bytes(2, "big")

    def with_body(changed: bytes, **others: int) -> bytes:
        fields = {"first": first, "coding": RANGE, "kind": DIFFERENCE} | others
        return seal(EXAMPLE, 33, body=changed, **fields)

    packets = {
        "shorter than header and check": sound[:5],
        "one bit flipped": sound[:5] + bytes([sound[5] ^ 16]) + sound[6:],
        "version 2": with_body(body, version=2),
        "an image": with_body(body, kind=0),
        "model 6": resealed(bytes([sound[0] ^ 6]) + sound[1:-2]),
        "even revision": resealed(sound[:3] + bytes([sound[3] ^ 1]) + sound[4:-2]),
        "frame 34": seal(EXAMPLE, 34, first, RANGE, body, kind=DIFFERENCE),
        "first symbol is the 25th of 24": with_body(body, first=24),
        "coding raw": with_body(body, coding=0),
        "half a reference": with_body(body[:1]),
        "reference of another frame": with_body(bytes([body[0] ^ 4]) + body[1:]),
        "reference of other symbols": with_body(body[:1] + bytes([body[1] ^ 1]) + body[2:]),
        "no number": with_body(body[:2]),
        "a zero byte at the end": with_body(body + b"\0"),
        "a byte too many": with_body(body + b"\1"),
        "a number that no answers give": with_body(body[:2] + b"\xff\xff\xff\xff"),
        "starts at the last rank and goes on": with_body(body, first=23),
    }
    return [{"name": name, "packet": packet.hex(), "reason": reason(packet)} for name, packet in packets.items()]


def reason(packet: bytes) -> str:
    """Why the reference implementation rejects it."""
    try:
        unpack(EXAMPLE, example_reference(), 33, packet)
    except Rejected as rejected:
        return rejected.reason
    raise AssertionError(f"{packet.hex()} is sound")


def text() -> str:
    """The file, one vector a line."""
    about = (
        "Difference packets of wire format version 1. Fields as in wire-v1.json; symbols of a reference by "
        "flat index, null: not known. Packets of 'rejected' belong to the first frame's codec and reference, and to "
        "frame 33."
    )
    return vector_file(about, frames=frames(), rejected=damaged())


if __name__ == "__main__":
    VECTORS.write_text(text())
