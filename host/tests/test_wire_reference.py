# SPDX-License-Identifier: Apache-2.0
"""The C core and the reference in support/wire_reference.py agree, byte for byte and reason for reason."""

from collections.abc import Iterator
from itertools import count
from random import Random

import pytest
from support import wire_reference as reference
from support.core_library import CoreLibrary
from support.random_codecs import likely_symbols, random_codec, random_side


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> CoreLibrary:
    return CoreLibrary(tmp_path_factory.mktemp("core"))


def payload_sizes(random: Random) -> Iterator[int]:
    """One size for the whole frame, or another one for every packet."""
    smallest, largest = random.choice([(11, 11), (51, 51), (242, 242), (11, 242), (11, 20)])
    return (random.randint(smallest, largest) for _ in count())


def unpacked_by_reference(codec: reference.Codec, frame: int | None, packet: bytes) -> dict[int, int] | str:
    try:
        return reference.unpack(codec, frame, packet)
    except reference.Rejected as rejected:
        return rejected.reason


@pytest.mark.parametrize("block", range(12))
def test_core_packs_what_the_reference_packs_and_both_unpack_it(core: CoreLibrary, block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        random = Random(seed)
        codec = random_codec(random)
        assert codec.is_sound() and core.check(codec) == 0
        latent = random.randbytes(codec.symbols)
        values = [byte - 256 if byte > 127 else byte for byte in latent]
        assert core.quantise(codec, latent) == reference.quantise(codec, values)

        symbols = likely_symbols(random, codec)
        frame, coding = random.randrange(64), int(codec.cumulative is not None and random.random() < 0.8)
        side = random_side(random, codec)
        state = random.getstate()
        expected = reference.pack(codec, symbols, frame, coding, payload_sizes(random), side)
        random.setstate(state)
        packets = core.pack(codec, symbols, frame, coding, payload_sizes(random), side)
        assert packets == expected, f"seed {seed}"

        taken: dict[int, int] = {}
        for packet in packets:
            part = core.unpack(codec, frame, packet)
            assert part == reference.unpack(codec, frame, packet)
            assert isinstance(part, dict) and part.keys() - taken.keys()
            assert side or not part.keys() & taken.keys()  # by saliency the last bits of a raw body may repeat some
            taken |= part
        assert bytes(taken[at] for at in range(codec.symbols)) == symbols


def mutated(random: Random, packet: bytes) -> bytes:
    """The packet with a few bytes of the body changed, added or removed, its check made right again."""
    message = bytearray(packet[:-2])
    for _ in range(random.randint(1, 2)):
        change = random.randrange(5)
        if change == 0:
            message[random.randrange(4)] ^= 1 << random.randrange(8)
        elif change == 1 and len(message) > 4:
            message[random.randrange(4, len(message))] ^= 1 << random.randrange(8)
        elif change == 2:
            message += random.choice([b"\0", b"\1", b"\x80", random.randbytes(1)])
        elif change == 3 and len(message) > 4:
            del message[-1]
        elif len(message) > 5:
            message[4:6] = random.choice([b"\0", b"\x80\x00", b"\x80\x7f", b"\xff\xff", random.randbytes(2)])
    return bytes(message) + reference.crc16(bytes(message)).to_bytes(2, "big")


@pytest.mark.parametrize("block", range(4))
def test_core_rejects_what_the_reference_rejects_for_the_same_reason(core: CoreLibrary, block: int) -> None:
    seen: set[str] = set()
    for seed in range(block * 100, block * 100 + 100):
        random = Random(seed)
        codec = random_codec(random, largest=150)
        coding = int(codec.cumulative is not None)
        packets = core.pack(codec, likely_symbols(random, codec), random.randrange(64), coding, payload_sizes(random))
        for packet in packets[:3]:
            for _ in range(10):
                hostile = mutated(random, packet)
                frame = random.choice([None, packet_frame(packet)])
                result = core.unpack(codec, frame, hostile)
                assert result == unpacked_by_reference(codec, frame, hostile), f"seed {seed}: {hostile.hex()}"
                seen.add(result if isinstance(result, str) else "taken")
    assert seen >= {"taken", "version", "kind", "model", "revision", "frame", "range", "body"}


def packet_frame(packet: bytes) -> int:
    return int.from_bytes(packet[:2], "big") >> 3 & 63


def test_largest_frame_survives(core: CoreLibrary) -> None:
    random = Random(1)
    codec = reference.Codec(0, 0, 128, 128, 1, 256, 0, 16383, 16383, (-32768,), (256,), None)
    symbols = random.randbytes(codec.symbols)
    packets = core.pack(codec, symbols, 63, reference.RAW, (242 for _ in count()))
    assert packets == reference.pack(codec, symbols, 63, reference.RAW, (242 for _ in count()))
    taken: dict[int, int] = {}
    for packet in packets:
        taken |= core.unpack(codec, None, packet)
    assert bytes(taken[at] for at in range(codec.symbols)) == symbols


def test_a_whole_frame_of_certain_symbols_is_one_short_packet(core: CoreLibrary) -> None:
    table = (0, reference.TOTAL - 1, reference.TOTAL)
    codec = reference.Codec(3, 1, 1, 16384, 1, 2, 1, 1, 0, (0,), (256,), (table,))
    packets = core.pack(codec, bytes(codec.symbols), 0, reference.RANGE, (242 for _ in count()))
    assert packets == reference.pack(codec, bytes(codec.symbols), 0, reference.RANGE, (242 for _ in count()))
    assert [len(packet) for packet in packets] == [8]
    assert len(core.unpack(codec, 0, packets[0])) == 16384
