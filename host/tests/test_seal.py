# SPDX-License-Identifier: Apache-2.0
"""Sealed packets: the node's code against a second reading of the specification, and against whoever lacks the key."""

import json
import random
import subprocess
from pathlib import Path

import pytest
from glimpse.binding import read_header
from glimpse.binding.seal import (
    COUNTER_END,
    DOWNLINK,
    FIRST_CONTACT_BLOCKS,
    MIN_SEALED_PAYLOAD,
    SEAL_BLOCK,
    SEAL_WINDOW,
    UPLINK,
    ArchiveOpener,
    Opener,
    Seal,
    SealError,
    sealed_room,
)
from glimpse.errors import GlimpseError
from hypothesis import given
from hypothesis import strategies as st
from support import make_vectors_sealed, seal_reference
from support.core_library import FIRMWARE, SANITIZERS, build_sealing_program

VECTORS = json.loads(make_vectors_sealed.VECTORS.read_text())
SPECIFICATION = make_vectors_sealed.VECTORS.parents[1] / "wire-format.md"
KEY, DEVICE = bytes.fromhex(VECTORS["key"]), bytes.fromhex(VECTORS["device"])
DIRECTIONS = {"u": UPLINK, "d": DOWNLINK}
PACKET = make_vectors_sealed.EXAMPLE

headers = st.integers(0, 2**30 - 1).map(lambda fields: f"{fields | 1 << 30:08x}")
packets = st.builds(make_vectors_sealed.packet, headers, st.binary(max_size=232))
counters = st.one_of(st.integers(0, COUNTER_END - 1), st.sampled_from([0, 65535, 65536, COUNTER_END - 1]))


def seal_of(vector: dict) -> Seal:
    return Seal(KEY, DEVICE, DIRECTIONS[vector["direction"]], vector["secret"])


def reason(opener: Seal | Opener | ArchiveOpener, *arguments: object) -> str:
    with pytest.raises(SealError) as caught:
        opener.open(*arguments) if isinstance(opener, Seal) else opener.take(*arguments)
    return caught.value.reason


# ---- both implementations


def test_file_is_what_the_reference_writes():
    assert make_vectors_sealed.VECTORS.read_text() == make_vectors_sealed.text()


@pytest.mark.parametrize("vector", VECTORS["sealed"], ids=lambda vector: vector["name"])
def test_the_core_gives_and_opens_the_vector(vector: dict):
    seal, packet, sealed = seal_of(vector), bytes.fromhex(vector["packet"]), bytes.fromhex(vector["sealed"])
    assert seal.close(vector["counter"], packet) == sealed
    assert seal.open(vector["counter"], sealed) == packet


@pytest.mark.parametrize("vector", VECTORS["rejected"], ids=lambda vector: vector["name"])
def test_the_core_rejects_the_vector(vector: dict):
    assert reason(seal_of(vector), vector["counter"], bytes.fromhex(vector["sealed"])) == vector["reason"]


def test_the_specification_shows_the_examples():
    text = SPECIFICATION.read_text().replace(" ", "").lower()
    for vector in VECTORS["sealed"][:3]:
        assert vector["sealed"] in text


def test_the_reference_cipher_is_that_of_the_rfc():
    key, nonce = bytes(range(32)), bytes.fromhex("000000000000004a00000000")
    text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for"
    # RFC 8439, 2.4.2, whose block counter starts at 1: 64 bytes before it take block 0.
    sealed = seal_reference.chacha20(key, nonce, bytes(64) + text)[64:]
    assert sealed.hex().startswith("6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b")


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=8, max_size=8), counters, packets, st.booleans())
def test_the_core_and_the_reference_agree(key: bytes, device: bytes, counter: int, packet: bytes, secret: bool):
    for letter, direction in DIRECTIONS.items():
        reference = seal_reference.Seal(key, device, letter, secret)
        seal = Seal(key, device, direction, secret)
        sealed = seal.close(counter, packet)
        assert sealed == reference.close(counter, packet)
        assert seal.open(counter, sealed) == packet == reference.open(counter, sealed)
        assert len(sealed) == len(packet) + 4


def test_the_header_stays_readable_and_the_body_does_not():
    seal = Seal(KEY, DEVICE, UPLINK, True)
    body = bytes(100)
    sealed = seal.close(7, make_vectors_sealed.packet("4B080003", body))
    assert (sealed[0] & 0x3F, sealed[1:4]) == (0x0B, bytes.fromhex("080003"))
    assert sealed[4:-6].count(0) < 10
    assert seal.close(8, make_vectors_sealed.packet("4B080003", body))[4:-6] != sealed[4:-6]


# ---- whoever lacks the key


@pytest.mark.parametrize("vector", VECTORS["sealed"], ids=lambda vector: vector["name"])
def test_every_truncation_and_every_bit_flip_is_rejected(vector: dict):
    seal, counter, sealed = seal_of(vector), vector["counter"], bytes.fromhex(vector["sealed"])
    for length in range(len(sealed)):
        assert reason(seal, counter, sealed[:length]) == ("length" if length < 10 else "mac")
    opener = Opener(seal, counter)
    for bit in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        assert reason(seal, counter, bytes(flipped)) == ("version" if bit < 2 else "mac")
        assert reason(opener, bytes(flipped)) == ("version" if bit < 2 else "mac")
    assert opener.take(sealed).next == counter + 1


@given(st.binary(max_size=300))
def test_no_bytes_break_a_receiver(data: bytes):
    seal = Seal(KEY, DEVICE, UPLINK, True)
    for opener in (Opener(seal, 1), ArchiveOpener(seal)):
        assert reason(opener, data) in {"mac", "version", "length"}


@pytest.mark.parametrize(
    ("forged", "how"), [(10_000_000, ["-O2"]), (200_000, ["-O1", "-g", *SANITIZERS])], ids=["many", "sanitized"]
)
def test_no_forged_packet_is_taken(tmp_path: Path, forged: int, how: list[str]):
    program = build_sealing_program(tmp_path, "forge", [FIRMWARE / "test/forge/forge.c"], how)
    run = subprocess.run([program, str(forged), "1"], capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stdout) == (0, f"forged {forged} accepted 0 real {forged // 1000}\n"), run.stderr


def test_packets_of_another_device_or_direction_are_not_taken():
    opener = Opener(Seal(KEY, DEVICE, UPLINK, True), 5)
    for other in (Seal(KEY, DEVICE[::-1], UPLINK, True), Seal(KEY, DEVICE, DOWNLINK, True)):
        assert reason(opener, other.close(5, PACKET)) == "mac"
    assert opener.counts == {"accepted": 0, "failed": 2, "replayed": 0, "malformed": 0}


# ---- the receiver


def test_a_receiver_takes_what_a_set_of_counters_would():
    """Random losses, delays, repeats and restarts against a model that remembers every counter."""
    for seed in range(20):
        rng = random.Random(seed)
        seal = Seal(KEY, DEVICE, UPLINK, True)
        next_counter = rng.choice([1, 200, 65500, 131000, 2**32 - 500])
        opener, taken, floor = Opener(seal, next_counter), set[int](), next_counter
        top = next_counter - 1
        for _ in range(400):
            counter = max(0, top + rng.choice([1, 1, 1, 2, 5, 300, 0, -1, -3, -62, -63, -64, -70, -1000]))
            if counter >= COUNTER_END:
                break
            fresh = counter >= floor and counter not in taken and counter > top - SEAL_WINDOW
            sealed = seal.close(counter, PACKET)
            if fresh:
                taken.add(counter)
                top = max(top, counter)
                assert opener.take(sealed).next == top + 1
            else:
                assert reason(opener, sealed) == "replay"
            if rng.random() < 0.01:
                opener, floor = Opener(seal, top + 1), top + 1


def test_a_new_receiver_finds_the_counter_and_one_that_slept_searches():
    seal = Seal(KEY, DEVICE, UPLINK, True)
    far = (FIRST_CONTACT_BLOCKS - 1) * SEAL_BLOCK + 5
    assert Opener(seal).take(seal.close(far, PACKET)).next == far + 1
    assert reason(Opener(seal), seal.close(far + SEAL_BLOCK, PACKET)) == "mac"
    opener = Opener(seal, 10)
    later = seal.close(10 + 3 * SEAL_BLOCK, PACKET)
    assert reason(opener, later) == "mac"
    opener.search()
    assert opener.take(later).packet == PACKET


@given(st.randoms(use_true_random=False), st.integers(0, FIRST_CONTACT_BLOCKS * SEAL_BLOCK - 20))
def test_an_archive_opens_in_any_order_and_as_often_as_one_likes(rng: random.Random, first: int):
    seal = Seal(KEY, DEVICE, UPLINK, True)
    inner = [make_vectors_sealed.packet("4B080003", bytes((i,))) for i in range(20)]
    sealed = [(seal.close(first + i, packet), packet) for i, packet in enumerate(inner)] * 2
    rng.shuffle(sealed)
    opener = ArchiveOpener(seal)
    assert [opener.take(packet) for packet, _ in sealed] == [inside for _, inside in sealed]


# ---- the sender


def test_small_payloads_are_refused_in_a_sentence():
    assert sealed_room(MIN_SEALED_PAYLOAD) == MIN_SEALED_PAYLOAD - 4
    with pytest.raises(GlimpseError, match=r"payloads of 23 bytes cannot be sealed: .* 24 bytes or more; choose"):
        sealed_room(MIN_SEALED_PAYLOAD - 1)
    with pytest.raises(GlimpseError, match="24 bytes or more"):
        Seal(KEY, DEVICE, UPLINK, True).close(1, PACKET, payload=11)


def test_the_counter_ends_in_a_sentence():
    seal = Seal(KEY, DEVICE, UPLINK, True)
    assert read_header(seal.open(COUNTER_END - 1, seal.close(COUNTER_END - 1, PACKET))).model == 5
    with pytest.raises(GlimpseError, match="the counter of sealed packets has ended; install a new key"):
        seal.close(COUNTER_END, PACKET)
