# SPDX-License-Identifier: Apache-2.0
"""docs/vectors/wire-v1-difference.json: both implementations give its packets; the specification shows the example."""

import ctypes
import json
from collections.abc import Iterable
from itertools import chain, repeat
from random import Random

import pytest
from support import difference_reference, make_vectors_difference
from support.core_library import CodecStruct, CoreLibrary, packets_of, taken_or_reason
from support.difference_reference import Reference
from support.wire_reference import Codec, Rejected
from test_wire_vectors import codec_of

VECTORS = json.loads(make_vectors_difference.VECTORS.read_text())
SPECIFICATION = make_vectors_difference.VECTORS.parents[1] / "wire-format.md"
PACKER_BYTES, WORKSPACE_BYTES = 1 << 13, 1 << 15  # more than the C structures take


class ReferenceStruct(ctypes.Structure):
    """glimpse_reference."""

    _fields_ = [
        ("symbols", ctypes.c_char_p),
        ("known", ctypes.c_char_p),
        ("frame", ctypes.c_uint8),
        ("check", ctypes.c_uint16),
    ]


class Differences:
    """Calls into the compiled core with plain Python values."""

    def __init__(self, core: CoreLibrary) -> None:
        self.c = core.c
        self.c.glimpse_reference_check.restype = ctypes.c_uint16

    def struct(self, codec: Codec, reference: Reference) -> tuple[CodecStruct, ReferenceStruct]:
        struct = CoreLibrary.struct(codec)
        symbols = bytes(0 if symbol is None else symbol for symbol in reference.symbols)
        bits = bytearray((codec.symbols + 7) // 8)
        for at, symbol in enumerate(reference.symbols):
            bits[at // 8] |= (symbol is not None) << at % 8
        known = bytes(bits)
        check = self.c.glimpse_reference_check(ctypes.byref(struct), symbols, known)
        return struct, ReferenceStruct(symbols, known, reference.frame, check)

    def pack(
        self, codec: Codec, reference: Reference, symbols: bytes, frame: int, payloads: Iterable[int]
    ) -> list[bytes]:
        struct, held = self.struct(codec, reference)
        packer = ctypes.create_string_buffer(PACKER_BYTES)
        begin = self.c.glimpse_difference_begin(packer, ctypes.byref(struct), ctypes.byref(held), symbols, frame)
        assert begin == 0
        return packets_of(self.c.glimpse_difference_next, packer, payloads)

    def unpack(self, codec: Codec, reference: Reference, frame: int, packet: bytes) -> dict[int, int] | str:
        struct, held = self.struct(codec, reference)
        symbols = ctypes.create_string_buffer(b"\xee" * codec.symbols, codec.symbols)
        received = ctypes.create_string_buffer(codec.symbols)
        work = ctypes.create_string_buffer(WORKSPACE_BYTES)
        result = self.c.glimpse_difference_unpack(
            ctypes.byref(struct),
            frame,
            ctypes.byref(held),
            packet,
            ctypes.c_size_t(len(packet)),
            work,
            symbols,
            received,
        )
        return taken_or_reason(result, symbols.raw, received.raw)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Differences:
    return Differences(CoreLibrary(tmp_path_factory.mktemp("core")))


def reference_of(fields: dict) -> Reference:
    return Reference(fields["frame"], tuple(fields["symbols"]))


def test_file_is_what_the_reference_writes() -> None:
    assert make_vectors_difference.VECTORS.read_text() == make_vectors_difference.text()


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda vector: vector["name"])
def test_both_give_the_vector(core: Differences, vector: dict) -> None:
    codec, symbols = codec_of(vector["codec"]), bytes.fromhex(vector["symbols"])
    reference = reference_of(vector["reference"])
    sizes = chain(vector["payloads"], repeat(vector["payloads"][-1]))
    packets = core.pack(codec, reference, symbols, vector["frame"], sizes)
    assert [packet.hex() for packet in packets] == vector["packets"]
    taken: dict[int, int] = {}
    for packet in reversed(packets):
        read = core.unpack(codec, reference, vector["frame"], packet)
        assert read == difference_reference.unpack(codec, reference, vector["frame"], packet)
        taken |= read
    for at in range(codec.symbols):
        assert symbols[at] == taken.get(at, difference_reference.expected(codec, reference, at))


@pytest.mark.parametrize("vector", VECTORS["rejected"], ids=lambda vector: vector["name"])
def test_core_rejects_the_vector(core: Differences, vector: dict) -> None:
    codec, reference = codec_of(VECTORS["frames"][0]["codec"]), reference_of(VECTORS["frames"][0]["reference"])
    assert core.unpack(codec, reference, 33, bytes.fromhex(vector["packet"])) == vector["reason"]


@pytest.mark.parametrize("seed", range(40))
def test_both_read_hostile_bodies_alike(core: Differences, seed: int) -> None:
    random = Random(f"hostile {seed}")
    vector = random.choice([frame for frame in VECTORS["frames"] if frame["packets"]])
    codec, reference = codec_of(vector["codec"]), reference_of(vector["reference"])
    packet = bytes.fromhex(random.choice(vector["packets"]))
    for _ in range(5):
        body = bytearray(packet[4:-2]) + random.randbytes(random.choice([0, 0, 1, 5]))
        for _ in range(random.choice([0, 1, 3])):
            body[random.randrange(2, len(body))] = random.getrandbits(8)
        first = random.randrange(codec.symbols)
        hostile = difference_reference.seal(codec, 5, first, 1, bytes(body[: random.randint(0, 60)]), kind=1)
        try:
            expected: dict[int, int] | str = difference_reference.unpack(codec, reference, 5, hostile)
        except Rejected as rejected:
            expected = rejected.reason
        assert core.unpack(codec, reference, 5, hostile) == expected


def test_specification_shows_the_example() -> None:
    text = SPECIFICATION.read_text().replace(" ", "").lower()
    for packet in chain.from_iterable(vector["packets"] for vector in VECTORS["frames"][:3]):
        assert packet in text
