# SPDX-License-Identifier: Apache-2.0
"""Parity packets: vectors, a second implementation, and lost packets that come back whole or not at all."""

import json
from itertools import combinations
from random import Random

import pytest
from glimpse import zoo
from glimpse.binding import PacketError
from glimpse.binding.parity import MAX_PARITY, Rule, parity_word, protect, read_parity, rooms, solve
from glimpse.errors import GlimpseError
from glimpse.parity import Recovery
from glimpse.reassemble import Assembly
from hypothesis import given, settings
from hypothesis import strategies as st
from support import make_vectors_parity
from support import parity_reference as reference
from support.photos import test_photos as photos
from support.wire_reference import crc16

VECTORS = json.loads(make_vectors_parity.VECTORS.read_text())
SPECIFICATION = make_vectors_parity.VECTORS.parents[1] / "wire-format.md"


def unhex(packets: list[str]) -> list[bytes]:
    return [bytes.fromhex(packet) for packet in packets]


def sealed(message: bytes) -> bytes:
    return message + crc16(message).to_bytes(2, "big")


def packets_of(seed: int, count: int) -> list[bytes]:
    """Sound image packets of one frame, of different lengths, following each other in rank."""
    random, first, result = Random(seed), 0, []
    for _ in range(count):
        body = random.randbytes(random.randrange(20, 60))
        result.append(sealed((1 << 30 | 4 << 25 | 7 << 19 | first << 5).to_bytes(4, "big") + body))
        first += random.randrange(64, 200)
    return result


def taken(packets: list[bytes]) -> set[bytes]:
    recovery = Recovery()
    return {lost for packet in packets for lost in recovery.add(packet)}


def test_file_is_what_the_reference_writes() -> None:
    assert make_vectors_parity.VECTORS.read_text() == make_vectors_parity.text()


@pytest.mark.parametrize("vector", VECTORS["groups"], ids=lambda vector: vector["name"])
def test_core_makes_and_reads_the_vector(vector: dict) -> None:
    packets, parity = unhex(vector["packets"]), unhex(vector["parity"])
    assert protect(packets, [Rule(len(packets), len(parity))], 242) == packets + parity
    for packet in parity:
        view = read_parity(packet)
        assert (view.index, view.shift, [*view.places], [*view.numbers], view.word) == reference.read(packet)
    lost = packets[-min(len(parity), len(packets)) :]
    assert taken(packets[: len(packets) - len(lost)] + parity) == set(lost)


@pytest.mark.parametrize("vector", VECTORS["malformed"], ids=lambda vector: vector["name"])
def test_core_rejects_the_vector(vector: dict) -> None:
    with pytest.raises(PacketError) as error:
        read_parity(bytes.fromhex(vector["packet"]))
    assert error.value.reason == "body"


def test_specification_shows_the_example() -> None:
    text = SPECIFICATION.read_text().replace(" ", "").lower()
    for vector in VECTORS["groups"][:3]:
        assert all(packet in text for packet in vector["parity"])


@given(st.integers(1, 8), st.integers(0, 31), st.randoms(use_true_random=False), st.integers(1, 40))
def test_lost_words_as_the_reference_finds_them(lost: int, start: int, random: Random, size: int) -> None:
    indices = random.sample(range(MAX_PARITY), lost)
    numbers = random.sample(range(32), lost)
    words = [random.randbytes(size) for _ in range(lost)]
    assert solve(indices, numbers, words) == reference.lost_words(indices, numbers, words)


def test_every_loss_within_the_parity_comes_back_and_none_beyond() -> None:
    packets = packets_of(1, 6)
    sent = protect(packets, [Rule(6, 3)], 100)
    assert len(sent) == 9
    for kept_count in (6, 5):
        for kept in combinations(sent, kept_count):
            missing = set(packets) - set(kept)
            assert taken([*kept]) == (missing if kept_count == 6 else set())


@settings(max_examples=150)
@given(st.integers(0, 9), st.integers(1, 12), st.integers(1, 5), st.randoms(use_true_random=False))
def test_any_order_with_duplicates(seed: int, count: int, parity: int, random: Random) -> None:
    packets = packets_of(seed, count)
    sent = protect(random.sample(packets, count), [Rule(count, parity)], 200)
    kept = random.sample(sent, max(count, len(sent) - parity))
    arrived = kept + random.choices(kept, k=3)
    random.shuffle(arrived)
    assert taken(arrived) == set(packets) - set(kept)


@settings(max_examples=100)
@given(st.integers(0, 3), st.data())
def test_damage_that_bears_its_check_recovers_nothing_wrong(seed: int, data: st.DataObject) -> None:
    packets = packets_of(seed, 5)
    sent = protect(packets, [Rule(5, 2)], 100)
    victim = data.draw(st.integers(0, 6))
    at = data.draw(st.integers(4, len(sent[victim]) - 3))
    message = bytearray(sent[victim][:-2])
    message[at] ^= data.draw(st.integers(1, 255))
    arrived = [*sent]
    arrived[victim] = sealed(bytes(message))
    del arrived[data.draw(st.sampled_from([i for i in range(5) if i != victim]))]
    recovery = Recovery()
    for packet in arrived:
        try:
            found = recovery.add(packet)
        except PacketError:
            continue
        assert set(found) <= set(packets)


@settings(max_examples=300)
@given(st.integers(0, 0x3FFF), st.integers(0, 1), st.binary(max_size=236))
def test_hostile_bodies_as_the_reference_sees_them(first: int, coding: int, body: bytes) -> None:
    packet = sealed((1 << 30 | first << 5 | 2 << 2 | coding << 1).to_bytes(4, "big") + body)
    try:
        expected = reference.read(packet)
    except reference.MalformedError:
        with pytest.raises(PacketError, match="malformed"):
            read_parity(packet)
        return
    view = read_parity(packet)
    assert (view.index, view.shift, [*view.places], [*view.numbers], view.word) == expected
    Recovery().add(packet)


def test_a_packet_of_another_group_in_the_place_of_a_lost_one() -> None:
    packets = packets_of(3, 5)
    sent = protect(packets, [Rule(5, 2)], 100)
    lost = packets[2]
    stray = sealed(lost[:4] + bytes([lost[4] ^ 1]) + lost[5:-2])
    assert taken([stray, *packets[:2], *packets[3:], *sent[5:]]) == {lost}
    assert taken([stray, *packets[:2], *packets[3:], sent[5]]) == {lost}
    assert taken([stray, packets[0], *packets[3:], sent[5]]) == set()
    assert taken([stray, *sent]) == set()


def test_what_cannot_be_protected_is_told() -> None:
    packets = packets_of(1, 3)
    for rules in ([Rule(0, 1)], [Rule(33, 1)], [Rule(1, 17)], [Rule(300, 1)], []):
        with pytest.raises(GlimpseError):
            protect(packets, rules, 100)
    with pytest.raises(GlimpseError, match="payload of 10"):
        protect(packets, [Rule(1, 1)], 10)
    parity = protect(packets, [Rule(3, 1)], 100)[-1]
    with pytest.raises(PacketError) as error:
        parity_word(parity)
    assert error.value.reason == "kind"


@pytest.mark.parametrize("name", ["mcucoder", "limitnet"])
@pytest.mark.parametrize("payload", [11, 24, 51, 222])
def test_a_frame_survives_the_loss_of_what_its_rules_say(name: str, payload: int) -> None:
    """Uniform rules; limitnet's packets do not follow each other in rank."""
    model = zoo.load(name)
    own, rules = model.binding, [Rule(4, 1)]
    latent, side = own.encode_outputs(photos(own.photo_height, own.photo_width, 20)[-1])
    symbols = own.quantise(latent)
    scattered = bool(side.size)
    sizes = rooms(rules, payload, scattered)
    packets = own.pack(symbols, payload=sizes, saliency=side)
    sent = protect(packets, rules, payload, scattered)
    assert all(len(packet) <= payload for packet in sent)
    parity = [packet for packet in sent if packet not in packets]
    if payload == 11:
        assert not parity  # no place beside a packet: sent bare
        return
    assert len(parity) >= len(packets) / 4
    assembly = Assembly(model)
    for packet in sent:
        if packet in parity or packets.index(packet) % 4 != 3:
            assembly.add(packet)
    assert assembly.symbols_received == own.symbol_count
    assert assembly.recovered == len(packets[3::4]) and assembly.parity == len(parity)
