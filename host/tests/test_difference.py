# SPDX-License-Identifier: Apache-2.0
"""Difference packets: both ends believe the same or the packet is refused, whatever the link does."""

from random import Random

import numpy as np
import pytest
from glimpse import binding, zoo
from glimpse.binding import PacketError
from glimpse.difference import DifferenceAssembly, References, Source
from glimpse.errors import GlimpseError
from hypothesis import given, settings
from hypothesis import strategies as st

MODEL = zoo.load()
CODER = MODEL.binding
SHAPE = CODER.latent_shape


def scene(seed: int) -> np.ndarray:
    """Symbols of a frame, near the centre as a network makes them."""
    spread = np.random.default_rng(seed).laplace(0, 1.5, SHAPE)
    return np.clip(CODER.centre + np.rint(spread), 0, CODER.levels - 1).astype(np.uint8)


def moved(symbols: np.ndarray, seed: int, cells: int = 1) -> np.ndarray:
    """The same scene after something came into some places."""
    random, result = np.random.default_rng(seed), symbols.copy()
    for _ in range(cells):
        y, x = random.integers(0, SHAPE[0] - 4), random.integers(0, SHAPE[1] - 4)
        result[y : y + 4, x : x + 4] = random.integers(0, CODER.levels, (4, 4, SHAPE[2]))
    return result


def full(frame: int, symbols: np.ndarray) -> binding.Reference:
    return binding.reference(CODER, frame, symbols, np.ones(SHAPE, bool))


OLD, NEW = scene(1), moved(scene(1), 2, cells=3)
HELD = full(7, OLD)
PACKETS = binding.pack_difference(CODER, HELD, NEW, frame=8, payload=51)


def read(held: binding.Reference | None, packets: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    symbols, received = np.full(SHAPE, 255, np.uint8), np.zeros(SHAPE, np.uint8)
    for packet in packets:
        binding.unpack_difference(CODER, held, packet, symbols, received)
    return symbols, received


def holding(*frames: tuple[int, np.ndarray]) -> References:
    references = References(MODEL)
    for frame, symbols in frames:
        assert references.hold(frame, symbols, np.ones(SHAPE, bool))
    return references


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(len(PACKETS))), st.integers(0, len(PACKETS)))
def test_order_and_repetition_do_not_matter(order: list[int], count: int):
    chosen = [PACKETS[i] for i in order[:count]]
    once, twice = read(HELD, sorted(chosen)), read(HELD, chosen + chosen)
    np.testing.assert_array_equal(once, twice)
    assert (once[0][once[1] == 1] == NEW[once[1] == 1]).all()


def test_all_packets_bring_every_change_and_cost_little():
    symbols, received = read(HELD, PACKETS)
    assert (symbols[received == 1] == NEW[received == 1]).all()
    assert ((NEW == OLD) | (received == 1)).all()
    image = CODER.pack(NEW, payload=51)
    assert sum(map(len, PACKETS)) < sum(map(len, image)) / 5


@pytest.mark.parametrize("payload", [11, 12, 51, 242, [11, 242, 51, 12]])
@pytest.mark.parametrize("name", ["mcucoder", "limitnet", "starfish"])
def test_every_payload_carries_every_change(name: str, payload: int | list[int]):
    coder = zoo.load(name).binding
    old = np.random.default_rng(3).integers(0, coder.levels, coder.latent_shape).astype(np.uint8)
    new, known = old.copy(), np.random.default_rng(4).random(coder.latent_shape) < 0.9
    new[2:6, 3:7] = np.random.default_rng(5).integers(0, coder.levels, new[2:6, 3:7].shape)
    known[: coder.latent_shape[0] // 2] = True
    held = binding.reference(coder, 0, old, known)
    packets = binding.pack_difference(coder, held, new, frame=1, payload=payload)
    symbols, received = np.zeros_like(old), np.zeros_like(old)
    for packet in reversed(packets):
        assert len(packet) <= (payload if isinstance(payload, int) else 242)
        assert binding.unpack_difference(coder, held, packet, symbols, received) >= 1
    expected = np.where(known, old, coder.centre)
    assert (symbols[received == 1] == new[received == 1]).all()
    assert ((new == expected) | (received == 1)).all()


def test_nothing_changed_is_nothing_sent():
    assert binding.pack_difference(CODER, HELD, OLD, frame=8) == []


def test_budget_is_kept():
    packets = binding.pack_difference(CODER, HELD, NEW, frame=8, payload=51, budget=120)
    assert sum(map(len, packets)) <= 120 and packets[:2] == PACKETS[:2]


def test_bad_arguments_are_named():
    with pytest.raises(GlimpseError, match="payload of 10 bytes"):
        binding.pack_difference(CODER, HELD, NEW, frame=8, payload=10)
    with pytest.raises(GlimpseError, match="frame 64"):
        binding.pack_difference(CODER, HELD, NEW, frame=64)
    with pytest.raises(GlimpseError, match="levels"):
        binding.pack_difference(CODER, HELD, np.full(SHAPE, CODER.levels), frame=8)


@pytest.mark.parametrize("other", [None, full(6, OLD), full(7, moved(OLD, 5)), full(7, NEW)])
def test_another_reference_is_refused(other: binding.Reference | None):
    with pytest.raises(PacketError) as error:
        read(other, PACKETS[:1])
    assert error.value.reason == "reference"


def test_image_packets_are_not_differences_nor_the_other_way_round():
    with pytest.raises(PacketError) as error:
        read(HELD, CODER.pack(NEW, frame=8)[:1])
    assert error.value.reason == "kind"
    with pytest.raises(PacketError) as error:
        CODER.unpack(PACKETS[0], np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8))
    assert error.value.reason == "kind"


def sealed(message: bytes) -> bytes:
    """With a check that holds, so that what lies behind it is tried."""
    crc = 0xFFFF
    for byte in message:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ (0x11021 if crc & 0x8000 else 0)) & 0xFFFFF
    return message + (crc & 0xFFFF).to_bytes(2, "big")


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(PACKETS),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 255)), max_size=4),
    st.integers(0, 51),
    st.binary(max_size=8),
)
def test_hostile_bodies_are_refused_whole_or_sound(packet: bytes, changes, cut: int, tail: bytes):
    body = bytearray(packet[:-2][: max(cut, 6)] + tail)
    for at, value in changes:
        if 6 <= at < len(body):
            body[at] = value
    symbols, received = np.full(SHAPE, 255, np.uint8), np.zeros(SHAPE, np.uint8)
    try:
        count = binding.unpack_difference(CODER, HELD, sealed(bytes(body)), symbols, received)
    except PacketError as error:
        assert error.reason in {"body", "range", "length"}
        assert not received.any() and (symbols == 255).all()
        return
    assert 1 <= count == received.sum() and symbols[received == 1].max() < CODER.levels
    # What is taken is what a sender makes of it: from one change to another, and these bytes.
    order = CODER.order()
    first = binding.read_header(sealed(bytes(body))).first
    again = OLD.reshape(-1).copy()
    ranks = order[first : first + count]
    again[ranks] = symbols.reshape(-1)[ranks]
    packets = binding.pack_difference(CODER, HELD, again.reshape(SHAPE), frame=8, payload=242)
    assert packets[0] == sealed(bytes(body))


def test_settling_holds_noise_and_lets_changes_through():
    step = int(CODER.step[0])
    latent = np.random.default_rng(6).integers(-60, 60, SHAPE).astype(np.int8)
    held = full(1, CODER.quantise(latent))
    noisy = (latent + np.random.default_rng(7).integers(-step // 512, step // 512 + 1, SHAPE)).astype(np.int8)
    noisy[10, 10] = -latent[10, 10] + 100
    free, settled = CODER.quantise(noisy), binding.settle(CODER, held, noisy, 1.0)
    np.testing.assert_array_equal(binding.settle(CODER, held, noisy, 0), free)
    assert np.count_nonzero(settled != held.symbols) < np.count_nonzero(free != held.symbols) / 2
    values = (CODER.minimum + settled.astype(int) * CODER.step) / CODER.step - 256 * noisy.astype(int) / CODER.step
    inside = (settled > 0) & (settled < CODER.levels - 1)
    assert np.abs(values[inside]).max() <= 1


def test_what_no_packet_brought_is_old_and_says_so():
    assembly = DifferenceAssembly(MODEL, holding((7, OLD)))
    assert assembly.add(PACKETS[0]).used
    sources = assembly.sources()
    assert set(np.unique(sources)) == {Source.RECEIVED, Source.OLD}
    latent, mask = assembly.latent()
    assert (mask == 1).all()
    values = CODER.latent_values(OLD)
    np.testing.assert_array_equal(latent[sources == Source.OLD], values[sources == Source.OLD])
    assert assembly.symbols_received == (sources == Source.RECEIVED).sum()


def test_packets_wait_for_their_reference():
    references = References(MODEL)
    assembly = DifferenceAssembly(MODEL, references)
    for packet in [*PACKETS, PACKETS[0]]:
        assert assembly.add(packet).reason == "reference"
    assert assembly.used == 0 and len(assembly.waiting) == len(PACKETS) and assembly.retry() == 0
    references.hold(7, OLD, np.ones(SHAPE, bool))
    assert assembly.retry() == len(PACKETS) and not assembly.waiting
    np.testing.assert_array_equal(assembly.latent()[0], CODER.latent_values(NEW))
    assert assembly.rejected == {"reference": 1} and assembly.seen == len(PACKETS) + 1


def test_names_that_are_taken_are_not_acknowledged(monkeypatch: pytest.MonkeyPatch):
    references = holding((7, OLD))
    make = binding.reference
    monkeypatch.setattr(binding, "reference", lambda *a: binding.Reference(**{**vars(make(*a)), "check": HELD.check}))
    assert not references.hold(7, NEW, np.ones(SHAPE, bool))
    assert references.hold(7, OLD, np.ones(SHAPE, bool)) and len(references) == 1


def test_forgotten_and_silent_receivers_get_images():
    keeper = binding.Keeper(CODER, patience=2)
    keeper.update(None)
    assert not keeper.chooses_difference(0, OLD)
    assert not keeper.acknowledge(1, [(0, 5)]) and not keeper.acknowledge(0, [(0, CODER.symbol_count + 1)])
    assert keeper.acknowledge(0, [(0, CODER.symbol_count)])
    keeper.update(OLD)
    assert keeper.reference is not None and keeper.reference.name == full(0, OLD).name
    kinds = []
    for frame in range(1, 6):
        kinds.append(keeper.chooses_difference(frame, NEW))
        keeper.update(NEW)
    assert kinds == [True, True, True, False, False]
    assert not keeper.chooses_difference(6, NEW) and keeper.acknowledge(6, [(0, 100), (200, 50)])
    keeper.update(NEW)
    assert keeper.reference.known.sum() == 150
    keeper.forget()
    assert not keeper.chooses_difference(7, NEW)


def test_a_new_scene_is_an_image_and_a_still_one_is_no_silence():
    keeper = binding.Keeper(CODER, patience=0)
    keeper.update(None)
    assert not keeper.chooses_difference(0, OLD) and keeper.acknowledge(0, [(0, CODER.symbol_count)])
    keeper.update(OLD)
    for frame in range(1, 5):
        assert keeper.chooses_difference(frame, OLD)
        keeper.update(OLD)
    noise = np.random.default_rng(9).integers(0, CODER.levels, SHAPE).astype(np.uint8)
    assert not keeper.chooses_difference(5, noise)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 0.7]), st.sampled_from([0.0, 0.5, 0.9]))
def test_both_ends_believe_the_same_whatever_is_lost(seed: int, loss: float, acks_lost: float):
    """Packets lost, repeated, reordered; acknowledgements lost, partial, repeated; budgets that end a frame early."""
    twelve_frames(seed, loss, acks_lost)


def test_most_frames_of_a_slow_scene_are_differences():
    assert sum(twelve_frames(seed, 0.3, 0.0) for seed in range(3)) >= 12


def twelve_frames(seed: int, loss: float, acks_lost: float) -> int:
    """How many of them were sent as differences."""
    random = Random(seed)
    keeper, references = binding.Keeper(CODER, patience=random.randrange(4)), References(MODEL, most=8)
    symbols, sent, differences = scene(seed % 1000), None, 0
    for number in range(12):
        frame = (60 + number) % 64  # across the wrap
        symbols = moved(symbols, random.getrandbits(32), random.choice([0, 1, 3, 20]))
        keeper.update(sent)
        sent, budget = symbols, random.choice([None, 300, 900])
        if keeper.chooses_difference(frame, symbols, 51):
            differences += 1
            packets = binding.pack_difference(CODER, keeper.reference, symbols, frame=frame, payload=51, budget=budget)
        else:
            packets = CODER.pack(symbols, frame=frame, payload=51, budget=budget)
        arrived = [p for p in packets if random.random() >= loss]
        arrived += [p for p in arrived if random.random() < 0.1]
        random.shuffle(arrived)
        assembly = DifferenceAssembly(MODEL, references)
        for packet in arrived:
            verdict = assembly.add(packet)
            assert verdict.reason in {"", "duplicate", "reference"}
            if random.random() < 0.1:
                runs = assembly.received_runs()
                runs = assembly.acknowledge(random.sample(runs, random.randint(0, len(runs))))
                if random.random() >= acks_lost:
                    keeper.acknowledge(frame, runs)
        # What the receiver takes for received is what was sent, and what it takes for old was once sent.
        sources = assembly.sources()
        assert (assembly._symbols[sources == Source.RECEIVED] == symbols[sources == Source.RECEIVED]).all()
        if assembly.reference is not None:
            assert assembly.reference.name == keeper.reference.name
            np.testing.assert_array_equal(assembly.reference.symbols, keeper.reference.symbols)
            np.testing.assert_array_equal(assembly.reference.known, keeper.reference.known)
        if loss == 0 and budget is None and assembly.reference is not None:
            known = assembly.reference.known | (assembly._received == 1)
            expected = CODER.latent_values(symbols)[known]
            np.testing.assert_array_equal(assembly.latent()[0][known], expected)
        runs = assembly.acknowledge()
        if random.random() >= acks_lost:
            keeper.acknowledge(frame, runs)
    return differences
