# SPDX-License-Identifier: Apache-2.0
"""Packets of many nodes and frames, in any order: the right symbols in the right frames, and never too much of them."""

import itertools
import json
import tracemalloc
from functools import lru_cache

import numpy as np
import pytest
from glimpse import binding, zoo
from glimpse.archive import OneModel
from glimpse.errors import UsageError
from glimpse.reassemble import PacketVerdict
from glimpse.receiving import Limits, Receiver, Reception, Refused
from hypothesis import given, settings
from hypothesis import strategies as st
from support import make_vectors
from support.core_library import CoreLibrary
from support.wire_reference import crc16
from test_wire_vectors import codec_of

ZOO = zoo.load()
MODEL = ZOO.binding
MODELS = OneModel(ZOO)


def photo(seed: int) -> np.ndarray:
    """Symbols of some photo: noise, so that two of them differ in nearly every symbol."""
    return np.random.default_rng(seed).integers(0, MODEL.levels, MODEL.latent_shape).astype(np.uint8)


def packets_of(seed: int, frame: int, payload: int = 242, count: int | None = None) -> list[bytes]:
    return MODEL.pack(photo(seed), frame=frame, payload=payload)[:count]


def receive(packets: list[bytes], receiver: Receiver | None = None, node: str = "a") -> Receiver:
    receiver = receiver or Receiver(MODELS)
    for packet in packets:
        receiver.add(node, packet)
    return receiver


def only_frame(receiver: Receiver):
    (frame,) = receiver.frames()
    return frame


def test_every_order_of_up_to_five_packets_with_duplicates_gives_the_same_symbols():
    chosen = packets_of(1, 9)[:5]
    for count in range(1, 6):
        expected = only_frame(receive(chosen[:count])).assembly
        for order in itertools.permutations(chosen[:count]):
            frame = only_frame(receive([*order, order[0], order[-1]]))
            np.testing.assert_array_equal(frame.assembly.symbols, expected.symbols)
            np.testing.assert_array_equal(frame.assembly.received, expected.received)
            assert (frame.assembly.used, frame.assembly.duplicates) == (count, 2)


def test_a_thousand_orders_of_a_whole_frame_with_duplicates_give_its_symbols():
    rng = np.random.default_rng(4)
    symbols = photo(2)
    packets = MODEL.pack(symbols, frame=3, payload=242)
    whole = 0
    for _ in range(1000):
        order = rng.permutation(np.concatenate([np.arange(len(packets)), rng.integers(0, len(packets), 3)]))
        frame = only_frame(receive([packets[i] for i in order]))
        whole += frame.whole and (frame.assembly.symbols == symbols).all() and frame.assembly.duplicates == 3
    assert whole == 1000


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_frames_and_nodes_mixed_in_any_order_come_apart(data: st.DataObject):
    sent = {(node, frame): packets_of(10 * node + frame, frame % 64, count=4) for node in (1, 2) for frame in (63, 64)}
    mixed = data.draw(st.permutations([(key[0], packet) for key, packets in sent.items() for packet in packets]))
    receiver = Receiver(MODELS)
    for node, packet in mixed:
        receiver.add(f"node {node}", packet)
    for (node, number), packets in sent.items():
        (frame,) = [frame for frame in receiver.frames(f"node {node}") if frame.number == number % 64]
        expected = only_frame(receive(packets)).assembly
        np.testing.assert_array_equal(frame.assembly.symbols, expected.symbols)
    assert receiver.tally.used == 16 and not receiver.tally.rejected


def test_frame_numbers_wrap():
    receiver = Receiver(MODELS)
    for count in range(150):
        reception = receiver.add("a", packets_of(count, count % 64, count=1)[0], time=count)
        assert reception.begun and not reception.late and reception.verdict.used
        assert [frame.number for frame in reception.closed] == ([] if count == 0 else [(count - 1) % 64])
    assert receiver.tally.frames == 150 and len(receiver.frames("a")) == Limits().frames_per_node


@pytest.mark.parametrize(("ahead", "late"), [(1, False), (32, False), (33, True), (63, True)])
def test_the_window_tells_new_from_late(ahead: int, late: bool):
    receiver = receive(packets_of(1, 50, count=2))
    reception = receiver.add("a", packets_of(2, (50 + ahead) % 64, count=1)[0])
    assert reception.late is late and receiver.current("a").number == (50 if late else (50 + ahead) % 64)


def test_a_late_packet_completes_its_frame_while_it_is_held():
    first, second = packets_of(1, 7), packets_of(2, 8, count=3)
    receiver = receive([*first[:-1], *second])
    reception = receiver.add("a", first[-1])
    assert reception.late and reception.frame.whole and not reception.frame.open
    np.testing.assert_array_equal(reception.frame.assembly.symbols, photo(1))
    assert receiver.current("a").number == 8 and receiver.tally.late == 1


def test_a_late_packet_of_a_frame_that_gave_way_is_refused():
    receiver = Receiver(MODELS, Limits(frames_per_node=2))
    for number in range(3):
        receive(packets_of(number, number, count=1), receiver)
    assert receiver.add("a", packets_of(0, 0)[1]).verdict.reason == "frame"
    assert receiver.gave_way["frames"] == 1


def test_other_symbols_under_the_same_number_are_a_new_photo():
    receiver = receive(packets_of(1, 7, count=5))
    reception = receiver.add("a", packets_of(2, 7)[0])
    assert reception.begun and [frame.serial for frame in reception.closed] == [1]
    # What repeats the old one's symbols is still the old one's.
    assert receiver.add("a", packets_of(1, 7)[0]).frame.serial == 1
    assert receiver.add("a", packets_of(2, 7)[1]).frame.serial == 2
    assert not receiver.tally.rejected


def test_after_a_silence_any_number_is_new():
    receiver = Receiver(MODELS, Limits(silence=100))
    one, two = packets_of(1, 20, count=2)
    receiver.add("a", one, time=0)
    assert receiver.expire(100) == [] and receiver.current("a").number == 20
    # The same number and the same photo's packet, but too late to be the same frame.
    assert receiver.add("a", two, time=101).begun
    assert receiver.add("a", packets_of(3, 10)[0], time=250).begun and receiver.current("a").number == 10
    assert [frame.number for frame in receiver.expire(1000)] == [20, 20, 10]
    assert receiver.expire(2000) == [] and len(receiver.frames()) == 3


def test_a_restart_that_is_known_begins_a_new_frame():
    receiver = receive(packets_of(1, 20, count=2))
    receiver.restart("a")
    receiver.restart("nobody")
    assert receiver.add("a", packets_of(2, 0)[0]).begun and receiver.current("a").number == 0


def test_a_node_that_restarts_unnoticed_loses_no_frame():
    receiver = receive(packets_of(1, 20, count=2))
    for number in range(25):
        reception = receiver.add("a", packets_of(number, number, count=1)[0])
        assert reception.begun and reception.verdict.used, number
    assert receiver.current("a").number == 24


def checked(header_word: int, body: bytes = b"") -> bytes:
    data = header_word.to_bytes(4, "big") + body
    return data + crc16(data).to_bytes(2, "big")


def word(version: int = 1, model: int = 1, frame: int = 0, kind: int = 0, revision: int = MODEL.revision % 2) -> int:
    return version << 30 | model << 25 | frame << 19 | kind << 2 | revision


def test_what_is_not_understood_is_counted_and_kept():
    receiver = Receiver(MODELS, Limits(kept=3))
    strange = [
        checked(word(version=3)),
        checked(word(kind=6)),
        checked(word(model=30)),
        checked(word(revision=1 - MODEL.revision % 2)),
    ]
    for packet in strange:
        receiver.add("a", packet, time=5)
    receiver.add("a", b"noise")
    assert dict(receiver.tally.rejected) == {"version": 1, "kind": 1, "model": 1, "revision": 1, "length": 1}
    assert [kept.reason for kept in receiver.kept()] == ["kind", "model", "revision"]
    assert [kept.packet for kept in receiver.kept()] == strange[1:] and receiver.gave_way["kept"] == 1
    assert receiver.nodes() == [], "nothing sound came, so there is no node"
    json.dumps(receiver.numbers(), allow_nan=False)


def test_another_kind_joins_by_the_table():
    """Stand-in for telemetry: its body is what the handler brings; an odd one is refused."""

    def telemetry(receiver: Receiver, arrival, header) -> Reception:
        body = arrival.packet[4:-2]
        if len(body) % 2:
            raise Refused("body", "odd telemetry")
        return Reception(PacketVerdict(True), brought=(arrival.node, header.frame, body))

    receiver = Receiver(MODELS, handlers={3: telemetry})
    assert receiver.add("a", checked(word(kind=3, frame=4), b"25")).brought == ("a", 4, b"25")
    assert receiver.add("a", checked(word(kind=3), b"255")).verdict.reason == "body"
    assert receiver.add("a", packets_of(1, 4)[0]).begun
    assert not receiver.kept()


def test_another_kind_of_symbols_is_placed_like_an_image():
    """Stand-in for a difference packet: the body is an image packet of the same frame."""

    def unpack(model: binding.Model, packet: bytes, symbols: np.ndarray, received: np.ndarray) -> int:
        return model.unpack(packet[4:-2], symbols, received)

    def difference(receiver: Receiver, arrival, header) -> Reception:
        return receiver.place(arrival, header, arrival.packet, unpack)

    receiver = Receiver(MODELS, handlers={1: difference})
    one, two = MODEL.pack(photo(1), frame=4, payload=100)[:2]
    assert receiver.add("a", one).begun
    assert receiver.add("a", checked(word(kind=1, frame=4), two)).verdict.used
    assert receiver.add("a", checked(word(kind=1, frame=4), b"?")).verdict.reason == "length"
    expected = only_frame(receive([one, two])).assembly
    np.testing.assert_array_equal(only_frame(receiver).assembly.symbols, expected.symbols)


def test_a_kind_that_recovers_packets_gives_them_back_to_the_receiver():
    """Stand-in for parity: the body is the XOR of two packets of the frame."""
    packets = packets_of(1, 4)
    one, two = packets[:2]
    size = max(len(one), len(two))
    xor = (int.from_bytes(one.ljust(size, b"\0")) ^ int.from_bytes(two.ljust(size, b"\0"))).to_bytes(size)

    def parity(receiver: Receiver, arrival, header) -> Reception:
        frame = receiver.current(arrival.node)
        there = frame.packets[0]
        lost = (int.from_bytes(there.ljust(size, b"\0")) ^ int.from_bytes(xor)).to_bytes(size)
        for length in range(size, 6, -1):  # the stand-in does not say how long the packet was
            reception = receiver.add(arrival.node, lost[:length], arrival.time)
            if reception.verdict.used:
                return Reception(PacketVerdict(True), frame)
        raise Refused("body", "helps nobody")

    receiver = receive([one], Receiver(MODELS, handlers={2: parity}))
    assert receiver.add("a", checked(word(kind=2, frame=4), b"x")).verdict.used
    expected = only_frame(receive([one, two])).assembly
    np.testing.assert_array_equal(only_frame(receiver).assembly.symbols, expected.symbols)


def test_another_version_is_opened_before_anything_is_checked():
    """Stand-in for sealing: the packet less its check, its version bits 2, and one byte of XOR as the key's proof."""

    def seal(packet: bytes, key: int) -> bytes:
        inner = bytes([packet[0] & 0x3F | 0x80]) + packet[1:-2]
        return inner + bytes([sum(inner) + key & 0xFF])

    def opener(node: str, packet: bytes) -> bytes:
        if len(packet) < 5 or packet[-1] != sum(packet[:-1]) + {"a": 1, "b": 2}[node] & 0xFF:
            raise Refused("seal", "not sealed with this node's key", keep=True)
        inner = bytes([packet[0] & 0x3F | 0x40]) + packet[1:-1]
        return inner + crc16(inner).to_bytes(2, "big")

    receiver = Receiver(MODELS, openers={2: opener})
    packet = packets_of(1, 4)[0]
    assert receiver.add("a", seal(packet, 1)).begun
    assert receiver.add("b", seal(packet, 1)).verdict.reason == "seal"
    assert receiver.add("a", b"\x80").verdict.reason == "seal" and len(receiver.kept()) == 2


def test_noise_and_valid_packets_without_end_stay_within_the_limits():
    limits = Limits(nodes=5, frames=8, frames_per_node=3, packet_bytes=400, kept=10)
    receiver = Receiver(MODELS, limits)
    rng = np.random.default_rng(8)
    valid = [packets_of(seed, seed, count=6) for seed in range(12)]
    tracemalloc.start()
    try:
        for i in range(400):
            node = f"node {rng.integers(40)}"
            reception = receiver.add(node, valid[rng.integers(12)][rng.integers(6)], time=i)
            assert reception.frame is not None or reception.verdict.reason == "frame"
            receiver.add(node, rng.bytes(rng.integers(0, 300)), time=i)
            receiver.add(node, checked(word(kind=7), rng.bytes(200)), time=i)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(receiver.nodes()) <= 5 and len(receiver.frames()) <= 8 and len(receiver.kept()) == 10
    assert max(len(receiver.frames(node)) for node in receiver.nodes()) <= 3
    assert all(sum(map(len, frame.packets)) <= 400 for frame in receiver.frames())
    assert {"nodes", "frames", "packets", "kept"} <= set(receiver.numbers()["gave_way"])
    assert held < limits.bytes + 200_000
    tally = receiver.tally
    assert tally.seen == 1200 == tally.used + tally.duplicates + sum(tally.rejected.values())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.binary(max_size=250), st.floats(0, 1e5)), max_size=6))
def test_hostile_bytes_never_raise(arrivals: list[tuple[str, bytes, float]]):
    receiver = receive(packets_of(1, 9, count=2))
    before = only_frame(receiver).assembly.symbols
    for node, data, time in arrivals:
        verdict = receiver.add(node, data, time).verdict
        assert not verdict.used and verdict.reason and verdict.sentence
        if data:  # past the check, where the other parsers are
            whole = data[:240] + crc16(data[:240]).to_bytes(2, "big")
            receiver.add("b", whole, time)
    np.testing.assert_array_equal(receiver.frames("a")[0].assembly.symbols, before)


def test_a_time_that_is_none_is_the_callers_mistake():
    with pytest.raises(UsageError, match="give seconds"):
        Receiver(MODELS).add("a", b"", float("nan"))
    with pytest.raises(UsageError, match="frames_per_node"):
        Limits(frames_per_node=1)
    with pytest.raises(UsageError, match="limit nodes"):
        Limits(nodes=0)


def test_pictures_are_made_when_asked_for_and_the_map_says_what_came(monkeypatch: pytest.MonkeyPatch):
    made = []
    monkeypatch.setattr("glimpse.receiving.decoders.PictureDecoder", lambda model: made.append(model) or Drawer())
    receiver = receive(packets_of(1, 9))
    frame = only_frame(receiver)
    assert not made and frame.whole and (frame.coverage() == 1).all()
    assert frame.picture() == frame.picture() == "picture" and made == [ZOO]
    few = only_frame(receive(packets_of(1, 9, count=1)))
    assert 0 < few.coverage().mean() < 0.2
    assert few.coverage().shape == MODEL.latent_shape[:2]
    np.testing.assert_allclose(few.coverage().mean(), few.assembly.symbols_received / MODEL.symbol_count, rtol=1e-5)


class Drawer:
    def decode(self, latent: np.ndarray, mask: np.ndarray) -> str:
        return "picture"


def test_every_cut_and_every_flipped_bit_of_the_golden_packets_is_rejected_or_decodes(tmp_path):
    """Flips are told by the check; flips whose check was made right afterwards meet the parsers behind it."""
    core = CoreLibrary(tmp_path)
    core.struct = lru_cache(core.struct)
    told = set()
    for vector in json.loads(make_vectors.VECTORS.read_text())["frames"]:
        codec = codec_of(vector["codec"])
        for packet in map(bytes.fromhex, vector["packets"]):
            for length in range(len(packet)):
                assert core.unpack(codec, vector["frame"], packet[:length]) in ("length", "check")
            for bit in range(8 * len(packet)):
                flipped = bytearray(packet)
                flipped[bit // 8] ^= 0x80 >> bit % 8
                assert core.unpack(codec, vector["frame"], bytes(flipped)) == "check"
                data = bytes(flipped[:-2])
                result = core.unpack(codec, vector["frame"], data + crc16(data).to_bytes(2, "big"))
                if isinstance(result, str):
                    told.add(result)
                else:
                    assert all(0 <= at < codec.symbols and symbol < codec.levels for at, symbol in result.items())
    assert {"version", "kind", "model", "revision", "frame", "range", "body"} <= told
    assert binding.WIRE_VERSION == 1
