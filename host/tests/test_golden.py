# SPDX-License-Identifier: Apache-2.0
"""Every truncation and every single-bit flip of the packets in docs/vectors is rejected or decodes.

On the air the check finds all of them. With the check made right again they reach what lies behind it, where the core
and the references agree on the symbols or on the reason. (Telemetry and downlinks: test_control.py.)
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import pytest
from glimpse.binding import PacketError
from glimpse.binding.parity import read_parity
from glimpse.binding.seal import DOWNLINK, UPLINK, Opener, Seal, SealError
from support import (
    difference_reference,
    make_vectors,
    make_vectors_difference,
    make_vectors_parity,
    make_vectors_sealed,
    parity_reference,
    seal_reference,
    wire_reference,
)
from support.core_library import CoreLibrary
from support.wire_reference import Rejected, crc16
from test_difference_vectors import Differences, reference_of
from test_wire_vectors import codec_of

EACH = 100  # of the packets with a right check, one in so many is also read by the reference
FOUND_BY_CHECK = {"length", "check"}


def damaged(packet: bytes) -> Iterator[bytes]:
    """All truncations, the empty packet included, then all flips."""
    for length in range(len(packet)):
        yield packet[:length]
    for bit in range(8 * len(packet)):
        flipped = bytearray(packet)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        yield bytes(flipped)


def mended(packet: bytes) -> bytes:
    """With its check made right, where there is place for one."""
    return packet[:-2] + crc16(packet[:-2]).to_bytes(2, "big") if len(packet) >= 6 else packet


def hold(packets: Iterable[bytes], read: Callable[[bytes], object], reference: Callable[[bytes], object]) -> set[str]:
    """Reads all that is damaged; returns the reasons that packets with a right check were rejected for."""
    reasons, count = set(), 0
    for packet in packets:
        for hostile in damaged(packet):
            assert read(hostile) in FOUND_BY_CHECK, hostile.hex()
            repaired = mended(hostile)
            result = read(repaired)
            count += 1
            if count % EACH == 0:
                assert reference(repaired) == result, repaired.hex()
            if isinstance(result, str):
                reasons.add(result)
    return reasons


class Core(CoreLibrary):
    """Makes the C structure of a codec once."""

    struct = staticmethod(lru_cache(maxsize=1)(CoreLibrary.struct))


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Core:
    return Core(tmp_path_factory.mktemp("core"))


def or_reason(read: Callable[[], object]) -> object:
    try:
        return read()
    except Rejected as rejected:
        return rejected.reason


def test_image_packets(core: Core) -> None:
    seen = set()
    for vector in json.loads(make_vectors.VECTORS.read_text())["frames"]:
        codec, frame = codec_of(vector["codec"]), vector["frame"]
        packets = [bytes.fromhex(packet) for packet in vector["packets"]]
        seen |= hold(
            packets,
            lambda packet, codec=codec, frame=frame: core.unpack(codec, frame, packet),
            lambda packet, codec=codec, frame=frame: or_reason(lambda: wire_reference.unpack(codec, frame, packet)),
        )
    assert seen >= {"version", "kind", "model", "revision", "frame", "range", "body"}


def test_difference_packets(core: Core) -> None:
    differences, seen = Differences(core), set()
    for vector in json.loads(make_vectors_difference.VECTORS.read_text())["frames"]:
        codec, held, frame = codec_of(vector["codec"]), reference_of(vector["reference"]), vector["frame"]
        made = differences.struct(codec, held)
        differences.struct = lambda codec, reference, made=made: made  # once
        seen |= hold(
            [bytes.fromhex(packet) for packet in vector["packets"]],
            lambda packet, codec=codec, held=held, frame=frame: differences.unpack(codec, held, frame, packet),
            lambda packet, codec=codec, held=held, frame=frame: or_reason(
                lambda: difference_reference.unpack(codec, held, frame, packet)
            ),
        )
        del differences.struct
    assert seen >= {"version", "kind", "model", "revision", "frame", "range", "body", "reference"}


def test_parity_packets() -> None:
    def read(packet: bytes) -> object:
        try:
            view = read_parity(packet)
        except PacketError as error:
            return error.reason
        return view.index, view.shift, [*view.places], [*view.numbers], view.word

    def reference(packet: bytes) -> object:
        if len(packet) < 6:
            return "length"
        for holds, reason in ((packet[0] >> 6 == 1, "version"), (packet[3] >> 2 & 7 == 2, "kind")):
            if not holds:
                return reason
        try:
            return parity_reference.read(packet)
        except parity_reference.MalformedError:
            return "body"

    groups = json.loads(make_vectors_parity.VECTORS.read_text())["groups"]
    seen = hold([bytes.fromhex(packet) for group in groups for packet in group["parity"]], read, reference)
    assert seen >= {"version", "kind", "body"}


def test_sealed_packets() -> None:
    vectors = json.loads(make_vectors_sealed.VECTORS.read_text())
    key, device = bytes.fromhex(vectors["key"]), bytes.fromhex(vectors["device"])
    for vector in vectors["sealed"]:
        sealed, counter = bytes.fromhex(vector["sealed"]), vector["counter"]
        seal = Seal(key, device, {"u": UPLINK, "d": DOWNLINK}[vector["direction"]], vector["secret"])
        second = seal_reference.Seal(key, device, vector["direction"], vector["secret"])
        opener = Opener(seal, counter)
        for hostile in damaged(sealed):
            with pytest.raises(SealError) as caught:
                seal.open(counter, hostile)
            assert caught.value.reason in {"length", "version", "mac"}
            assert caught.value.reason != "mac" or second.open(counter, hostile) is None
            with pytest.raises(SealError):
                opener.take(hostile)
        assert opener.take(sealed).packet.hex() == vector["packet"]  # none of them was taken for it
