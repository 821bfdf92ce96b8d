# SPDX-License-Identifier: Apache-2.0
"""Parity, difference, telemetry and sealed packets beside images: one receiver, any order, bounded."""

import json
from itertools import permutations
from random import Random

import numpy as np
import pytest
from glimpse import binding, zoo
from glimpse.archive import OneModel
from glimpse.binding.control import Telemetry, write_telemetry
from glimpse.binding.parity import Rule, protect, rooms
from glimpse.binding.seal import UPLINK
from glimpse.difference import Source
from glimpse.keys import DeviceKey
from glimpse.receiving import Keys, Limits, Receiver
from hypothesis import given, settings
from hypothesis import strategies as st
from support.wire_reference import crc16

ZOO = zoo.load()
MODEL = ZOO.binding
MODELS = OneModel(ZOO)
SHAPE = MODEL.latent_shape


def scene(seed: int) -> np.ndarray:
    """Symbols near the centre, as a network makes them."""
    spread = np.random.default_rng(seed).laplace(0, 1.5, SHAPE)
    return np.clip(MODEL.centre + np.rint(spread), 0, MODEL.levels - 1).astype(np.uint8)


def moved(symbols: np.ndarray, row: int) -> np.ndarray:
    """The same scene after something came into it, which the last channels do not show."""
    result = symbols.copy()
    result[row : row + 6, 3:15, :6] = np.random.default_rng(row).integers(0, MODEL.levels, (6, 12, 6))
    return result


def guarded(seed: int, frame: int, groups: int = 2) -> list[bytes]:
    """Groups of four packets with two parity packets each."""
    rule = [Rule(4, 2)]
    packets = MODEL.pack(scene(seed), frame=frame, payload=rooms(rule, 100))
    return protect(packets[: 4 * groups], rule, 100)


def kind(packet: bytes) -> int:
    return binding.read_header(packet).kind


def give(receiver: Receiver, packets: list[bytes], node: str = "a", time: float = 0.0) -> Receiver:
    for packet in packets:
        receiver.add(node, packet, time)
    return receiver


def only_frame(receiver: Receiver):
    (frame,) = receiver.frames()
    return frame


def symbols_of(receiver: Receiver) -> tuple[bytes, bytes]:
    assembly = only_frame(receiver).assembly
    return assembly.symbols.tobytes(), assembly.received.tobytes()


# ---- parity


def test_any_four_of_a_group_of_six_in_any_order_bring_the_whole_group():
    group = guarded(1, 5, groups=1)
    expected = symbols_of(give(Receiver(MODELS), group[:4]))
    for order in permutations(range(6), 4):
        receiver = give(Receiver(MODELS), [group[at] for at in (*order, order[0])])
        assert symbols_of(receiver) == expected
        assert receiver.tally.recovered == sum(at >= 4 for at in order)
        assert receiver.tally.seen == 5 and not receiver.tally.rejected


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_parity_of_many_nodes_and_frames_helps_its_own_frame_only(data: st.DataObject):
    sent = {(node, frame): guarded(10 * node + frame, frame % 64) for node in (1, 2) for frame in (63, 64)}
    arriving = []
    for key, packets in sent.items():
        lost = set(data.draw(st.permutations(range(6)))[:2]) | {
            6 + at for at in data.draw(st.permutations(range(6)))[:2]
        }
        arriving += [(key[0], packet) for at, packet in enumerate(packets) if at not in lost]
    receiver = Receiver(MODELS)
    for node, packet in data.draw(st.permutations(arriving)):
        receiver.add(f"node {node}", packet)
    for (node, number), packets in sent.items():
        (frame,) = [frame for frame in receiver.frames(f"node {node}") if frame.number == number % 64]
        whole = only_frame(give(Receiver(MODELS), [packet for packet in packets if kind(packet) == 0]))
        np.testing.assert_array_equal(frame.assembly.symbols, whole.assembly.symbols)
        np.testing.assert_array_equal(frame.assembly.received, whole.assembly.received)
    assert not receiver.tally.rejected


def test_a_malformed_parity_packet_begins_no_frame():
    data = (1 << 30 | MODEL.id << 25 | 5 << 19 | 2 << 2 | MODEL.revision % 2).to_bytes(4, "big") + b"\xff\xff\xff"
    receiver = give(Receiver(MODELS), [data + crc16(data).to_bytes(2, "big")])
    assert receiver.tally.rejected["body"] == 1 and not receiver.frames()


# ---- difference


def against(receiver: Receiver, old: np.ndarray, new: np.ndarray, frame: int = 8) -> list[bytes]:
    """Difference packets of `new` against all of `old`, which is sent and acknowledged as frame 7."""
    give(receiver, MODEL.pack(old, frame=7, payload=242))
    assert receiver.acknowledge(receiver.frames("a")[-1]) == [(0, MODEL.symbol_count)]
    held = binding.reference(MODEL, 7, old, np.ones(SHAPE, bool))
    return binding.pack_difference(MODEL, held, new, frame=frame, payload=51)


def test_a_difference_frame_says_what_is_received_and_what_is_old():
    old = scene(1)
    new = moved(old, 4)
    receiver = Receiver(MODELS)
    packets = against(receiver, old, new)
    for order in range(20):
        shuffled = Random(order).sample(packets * 2, 2 * len(packets))
        assert all(receiver.add("a", packet).frame.number == 8 for packet in shuffled)
    frame = receiver.current("a")
    sources = frame.assembly.sources()
    assert (frame.assembly.symbols[sources == Source.RECEIVED] == new[sources == Source.RECEIVED]).all()
    assert (sources[old != new] == Source.RECEIVED).all() and (sources == Source.OLD).sum() > 100
    np.testing.assert_array_equal(frame.assembly.latent()[0], MODEL.latent_values(new))
    np.testing.assert_allclose(frame.coverage() + frame.carried(), 1, rtol=1e-6)
    assert frame.carried().min() > 0.4 and frame.coverage().max() > 0.4


def test_packets_wait_for_their_reference_and_are_counted_once():
    old, waiting = scene(1), Receiver(MODELS)
    packets = against(Receiver(MODELS), old, moved(old, 4))
    give(waiting, MODEL.pack(scene(2), frame=3, payload=242)[:1])
    give(waiting, packets + packets[:1])
    assert waiting.tally.rejected == {"reference": len(packets) + 1} and waiting.numbers()["waiting"] == len(packets)
    assert waiting.hold("a", ZOO, 7, old, np.ones(SHAPE, bool))
    assert waiting.tally.used == 1 + len(packets) == waiting.node_tally("a").used
    assert waiting.tally.rejected == {"reference": 1} and waiting.numbers()["waiting"] == 0
    assert waiting.current("a").number == 8
    assert not waiting.hold("nobody", ZOO, 7, old, np.ones(SHAPE, bool))


def test_packets_that_wait_are_given_up():
    packets = against(Receiver(MODELS), scene(1), moved(scene(1), 4))
    assert len(packets) > 3
    receiver = give(Receiver(MODELS, Limits(waiting=3, silence=10)), packets, time=5)
    assert receiver.numbers()["waiting"] == 3 and receiver.gave_way["waiting"] == len(packets) - 3
    receiver.expire(15)
    assert receiver.numbers()["waiting"] == 3
    receiver.expire(15.1)
    assert receiver.numbers()["waiting"] == 0 and receiver.gave_way["waiting"] == len(packets)


def test_difference_packets_come_back_from_parity():
    old = scene(1)
    new, receiver = moved(old, 4), Receiver(MODELS)
    packets = against(receiver, old, new)[:4]
    sent = protect(packets, [Rule(4, 2)], 70)
    give(receiver, [sent[5], sent[2], sent[0], sent[4]])
    assert receiver.tally.recovered == 2
    expected = Receiver(MODELS)
    against(expected, old, new)
    give(expected, packets)
    np.testing.assert_array_equal(receiver.current("a").assembly.sources(), expected.current("a").assembly.sources())


def test_another_reference_under_the_same_number_is_another_photo():
    old, receiver = scene(1), Receiver(MODELS)
    first = against(receiver, old, moved(old, 4))
    give(receiver, first[:2])
    assert receiver.hold("a", ZOO, 6, scene(3), np.ones(SHAPE, bool))
    held = binding.reference(MODEL, 6, scene(3), np.ones(SHAPE, bool))
    second = binding.pack_difference(MODEL, held, moved(scene(3), 10), frame=8, payload=51)
    reception = receiver.add("a", second[0])
    assert reception.begun and reception.frame.assembly.reference.frame == 6
    assert receiver.add("a", first[2]).frame.assembly.reference.frame == 7


def test_references_are_bounded():
    receiver = Receiver(MODELS, Limits(references=4, references_per_node=3))
    for node in "abc":
        give(receiver, MODEL.pack(scene(1), frame=1, payload=242)[:1], node)
        for number in range(4):
            assert receiver.hold(node, ZOO, number, scene(number), np.ones(SHAPE, bool))
    assert [len(receiver.references(node, ZOO)) for node in "abc"] == [0, 0, 3]
    assert receiver.gave_way["references"] == 6


# ---- telemetry


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)))
def test_what_a_node_said_last_is_kept_whatever_the_order(order: list[int]):
    said = [
        Telemetry(MODEL.id, frame=4, number=10, battery=3300, temperature=215, time=1_700_000_000),
        Telemetry(MODEL.id, frame=4, number=11, node=(3, 0, 0), settings={"payload": 51}),
        Telemetry(MODEL.id, frame=5, number=12, battery=3200, trigger=3),
    ]
    packets = [packet for each in said for packet in write_telemetry(each, 242)]
    receiver = Receiver(MODELS)
    for at in order:
        receiver.add("a", packets[at % 3])
    state = receiver.state("a").telemetry
    assert (state.number, state.frame, state.battery, state.temperature) == (12, 5, 3200, 215)
    assert state.node == (3, 0, 0) and state.settings == {"payload": 51} and state.trigger == 3
    assert not receiver.frames() and receiver.nodes() == ["a"] and receiver.state("b") is None


def test_a_node_that_started_again_is_believed():
    receiver = Receiver(MODELS)
    for number, battery in ((500, 3000), (0, 3600)):
        give(receiver, write_telemetry(Telemetry(MODEL.id, number=number, battery=battery)))
    assert receiver.state("a").telemetry.battery == 3600
    again = receiver.add("a", write_telemetry(Telemetry(MODEL.id, battery=3600))[0])
    assert again.verdict.reason == "duplicate" and again.brought.battery == 3600


# ---- sealed


def key(number: int) -> DeviceKey:
    return DeviceKey(bytes([number] * 32), bytes([number] * 8), secret=True)


def test_sealed_packets_are_opened_once_and_only_with_their_nodes_key():
    taken = []
    keys = Keys(lambda node, next: taken.append((node, next)))
    keys.add("a", key(1))
    keys.add("b", key(2))
    receiver = Receiver(MODELS, openers=keys.openers)
    packets = guarded(1, 5)
    sealed = [key(1).seal(UPLINK).close(at, packet) for at, packet in enumerate(packets)]
    give(receiver, sealed)
    assert symbols_of(receiver) == symbols_of(give(Receiver(MODELS), packets))
    assert taken == [("a", at + 1) for at in range(len(sealed))]
    give(receiver, sealed, "a")
    give(receiver, sealed, "b")
    give(receiver, packets[:1])
    give(receiver, sealed, "stranger")
    count = len(sealed)
    assert receiver.tally.rejected == {"replay": count, "mac": count, "unsealed": 1, "key": count}
    assert len(receiver.kept()) == count and receiver.kept()[0].packet == sealed[0]
    assert receiver.add("c", packets[0]).begun, "of a node without a key plain packets are taken"
    assert keys.counts("a")["accepted"] == count and keys.counts("c") == {}


def test_after_a_restart_old_packets_are_still_old():
    sealed = [key(1).seal(UPLINK).close(at, packet) for at, packet in enumerate(guarded(1, 5))]
    keys = Keys()
    keys.add("a", key(1), next=3)
    receiver = give(Receiver(MODELS, openers=keys.openers), sealed)
    assert receiver.tally.rejected == {"replay": 3}


def test_what_a_sealed_packet_waits_for_is_not_a_replay():
    old = scene(1)
    packets = against(Receiver(MODELS), old, moved(old, 4))
    keys = Keys()
    keys.add("a", key(1))
    seal = key(1).seal(UPLINK)
    image = MODEL.pack(scene(2), frame=3, payload=200)[0]
    sealed = [seal.close(at, packet) for at, packet in enumerate([image, *packets])]
    receiver = give(Receiver(MODELS, openers=keys.openers), sealed)
    assert receiver.tally.rejected == {"reference": len(packets)}
    assert receiver.hold("a", ZOO, 7, old, np.ones(SHAPE, bool))
    assert receiver.tally.used == 1 + len(packets) and not receiver.tally.rejected


# ---- all together


@pytest.mark.parametrize("seed", range(3))
def test_a_flood_of_every_kind_stays_within_the_limits(seed: int):
    random = Random(seed)
    limits = Limits(
        nodes=5, frames=8, frames_per_node=3, packet_bytes=1500, kept=10, waiting=6, references=4, references_per_node=2
    )
    source = Receiver(MODELS)
    valid = [packet for number in range(4) for packet in guarded(number, number)]
    valid += against(source, scene(9), moved(scene(9), 4))
    valid += [p for n in range(9) for p in write_telemetry(Telemetry(MODEL.id, number=n, battery=3000 + n))]
    keys = Keys()
    for number in range(3):
        keys.add(f"node {number}", key(number))
    seals = {f"node {number}": key(number).seal(UPLINK) for number in range(3)}
    receiver = Receiver(MODELS, limits, openers=keys.openers)
    for i in range(1500):
        node, packet = f"node {random.randrange(12)}", random.choice(valid)
        if random.random() < 0.2:  # past the check, where the parsers are
            data = packet[:4] + random.randbytes(random.randrange(1, 60))
            packet = data + crc16(data).to_bytes(2, "big")
        if node in seals and len(packet) <= 238:
            packet = seals[node].close(i, packet)
        reception = receiver.add(node, packet, time=float(i))
        assert reception.verdict.used or (reception.verdict.reason and reception.verdict.sentence)
        if reception.frame and random.random() < 0.1:
            receiver.acknowledge(reception.frame)
    assert len(receiver.nodes()) <= 5 and len(receiver.frames()) <= 8
    assert receiver.numbers()["waiting"] <= 6 and len(receiver.kept()) <= 10
    assert sum(len(receiver.references(node, ZOO)) for node in receiver.nodes()) <= 4
    assert all(sum(map(len, frame.packets)) <= 1500 for frame in receiver.frames())
    tally = receiver.tally
    assert tally.seen == 1500 == tally.used + tally.duplicates + tally.parity + tally.rejected.total()
    assert {"nodes", "frames", "waiting"} <= set(receiver.numbers()["gave_way"])
    json.dumps(receiver.numbers(), allow_nan=False)
