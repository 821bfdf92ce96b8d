# SPDX-License-Identifier: Apache-2.0
"""Writes docs/vectors/wire-v1.json from the reference implementation: python host/tests/support/make_vectors.py."""

import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.random_codecs import likely_symbols, random_codec, random_side
from support.vector_file import vector_file
from support.wire_reference import (
    RANGE,
    RAW,
    Codec,
    Context,
    Rejected,
    Saliency,
    crc16,
    pack,
    quantise,
    seal,
    unpack,
)

VECTORS = Path(__file__).resolve().parents[3] / "docs" / "vectors" / "wire-v1.json"

# The example of docs/wire-format.md: two channels of 4 x 3 positions, symbols of 3 bits.
EXAMPLE = Codec(
    model=5,
    revision=1,
    height=4,
    width=3,
    channels=2,
    levels=8,
    order=1,
    stride=5,
    offset=7,
    minimum=(-3072, -1536),
    step=(1024, 512),
    cumulative=(
        (0, 128, 512, 4096, 26624, 30720, 32256, 32704, 32768),
        (0, 64, 1024, 8192, 24576, 30720, 32512, 32720, 32768),
    ),
)
# The same with contexts: channel 0 looks left and up, channel 1 at channel 0.
EXAMPLE_CONTEXTS = replace(
    EXAMPLE,
    cumulative=(
        (0, 128, 512, 4096, 26624, 30720, 32256, 32704, 32768),
        (0, 2048, 6144, 12288, 18432, 24576, 28672, 31744, 32768),
        (0, 64, 1024, 8192, 24576, 30720, 32512, 32720, 32768),
        (0, 16, 64, 1024, 31744, 32640, 32720, 32752, 32768),
        (0, 1024, 4096, 10240, 16384, 22528, 28672, 31744, 32768),
    ),
    contexts=(
        Context(
            centre=3,
            typical=10,
            classes=2,
            taps=((0, 0, -1, 32, 64), (0, -1, 0, 32, 64)),
            value_limit=(-192, -128, -64, 1, 65, 129, 193),
            activity_limit=(-1000, -500, 0, 500, 1000, 1500, 2000),
            class_of=(0, 0, 0, 1, 1, 1, 1, 1) * 8,
        ),
        Context(
            centre=3,
            typical=12,
            classes=3,
            taps=((0, 0, 0, 64, 64), (1, 1, 0, 0, 32)),
            value_limit=(-192, -128, -64, 1, 65, 129, 193),
            activity_limit=(-1000, -500, 0, 500, 1000, 1500, 2000),
            class_of=((0, 0, 1, 1, 2, 2, 2, 2) * 4) + ((0, 1, 1, 2, 2, 2, 2, 2) * 4),
        ),
    ),
)
# And by saliency, with six levels: a map of 2 x 2 cells, one channel after the other.
EXAMPLE_SALIENCY = replace(
    EXAMPLE,
    levels=6,
    order=2,
    stride=0,
    offset=0,
    cumulative=None,
    saliency=Saliency(rows=2, columns=2, bits=5, block=1, gain=16, tolerance=512, curve=tuple(range(256))),
)
EXAMPLE_SIDE = (-128, -128, 10, -100, -50, 60, 127, 0, 0, 127, 90, 80)
EXAMPLE_LATENT = (0, -1, 0, 0, -2, 1, 5, 2, 1, 0, -3, -1, 0, 1, 1, 3, -1, -2, 0, 0, 1, 7, 1, -1)


def sizes(payloads: list[int]) -> Iterator[int]:
    """The payload sizes, the last one repeated for ever."""
    yield from payloads
    while True:
        yield payloads[-1]


def case(
    name: str,
    codec: Codec,
    symbols: bytes,
    frame: int,
    coding: int,
    payloads: list[int],
    side: list[int] | None = None,
) -> dict[str, object]:
    """One frame: what goes in and the packets that come out."""
    packets = pack(codec, symbols, frame, coding, sizes(payloads), side)
    return {
        "name": name,
        "codec": asdict(codec),
        "frame": frame,
        "coding": coding,
        "payloads": payloads,
        "symbols": symbols.hex(),
        "side": side,
        "packets": [packet.hex() for packet in packets],
    }


def frames() -> list[dict[str, object]]:
    """The example in both codings, then codecs of every shape."""
    symbols = quantise(EXAMPLE, EXAMPLE_LATENT)
    cases = [
        case("example raw", EXAMPLE, symbols, 33, RAW, [11]),
        case("example range", EXAMPLE, symbols, 33, RANGE, [11]),
        case("example contexts", EXAMPLE_CONTEXTS, symbols, 33, RANGE, [242]),
        case(
            "example saliency",
            EXAMPLE_SALIENCY,
            quantise(EXAMPLE_SALIENCY, EXAMPLE_LATENT),
            33,
            RAW,
            [11],
            [*EXAMPLE_SIDE],
        ),
    ]
    for seed in range(24):
        random = Random(f"wire-v1 {seed}")
        codec = random_codec(random, largest=300)
        while len(codec.cumulative or ()) * codec.levels > 1500:  # so that the file stays small
            codec = random_codec(random, largest=300)
        coding = RANGE if codec.cumulative else RAW
        payloads = random.choice([[11], [51], [242], [11, 242, 51, 20], [51, 11]])
        symbols = likely_symbols(random, codec)
        cases.append(
            case(f"random {seed}", codec, symbols, random.randrange(64), coding, payloads, random_side(random, codec))
        )
    return cases


def damaged() -> list[dict[str, object]]:
    """Packets for an example's codec and frame 33 that a receiver rejects, and why."""
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
    contexts = pack(EXAMPLE_CONTEXTS, symbols, 33, RANGE, sizes([242]))[0][4:-2]
    others = {
        "raw, a symbol that is no level": (EXAMPLE_SALIENCY, seal(EXAMPLE_SALIENCY, 33, 0, RAW, b"\xd0")),
        "range, without tables": (EXAMPLE_SALIENCY, seal(EXAMPLE_SALIENCY, 33, 0, RANGE, b"\1")),
        "contexts, a byte too many": (EXAMPLE_CONTEXTS, seal(EXAMPLE_CONTEXTS, 33, 0, RANGE, contexts + b"\1")),
        "contexts, more symbols than remain": (EXAMPLE_CONTEXTS, seal(EXAMPLE_CONTEXTS, 33, 1, RANGE, contexts)),
    }
    names = {
        id(EXAMPLE): "example raw",
        id(EXAMPLE_CONTEXTS): "example contexts",
        id(EXAMPLE_SALIENCY): "example saliency",
    }
    every = {name: (EXAMPLE, packet) for name, packet in packets.items()} | others
    return [
        {"name": name, "codec_of": names[id(codec)], "packet": packet.hex(), "reason": reason(codec, packet)}
        for name, (codec, packet) in every.items()
    ]


def reason(codec: Codec, packet: bytes) -> str:
    """Why the reference rejects it."""
    try:
        unpack(codec, 33, packet)
    except Rejected as rejected:
        return rejected.reason
    raise AssertionError(f"{packet.hex()} is sound")


def text() -> str:
    """The file, one vector a line."""
    about = (
        "Wire format version 1. Fields are named as in docs/wire-format.md; order: 0 interleaved, 1 by "
        "channel, 2 by saliency; side: [height, width], null: not steered; "
        "cumulative: a flat list of tables, one for each channel, with contexts one for each class of channel 0, then "
        "of channel 1, and so on; taps: [channel, dy, dx, value weight, activity weight]; class_of: 64 numbers, that "
        "of v value limits and w activity limits reached at index 8 v + w; "
        "coding: 0 raw, 1 range; the last payload size repeats; symbols in [height, width, channels] order. "
        "Packets of 'rejected' belong to the codec of the frame that codec_of names, and to frame 33."
    )
    return vector_file(about, example_latent=EXAMPLE_LATENT, frames=frames(), rejected=damaged())


if __name__ == "__main__":
    VECTORS.parent.mkdir(parents=True, exist_ok=True)
    VECTORS.write_text(text())
