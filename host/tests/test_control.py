# SPDX-License-Identifier: Apache-2.0
"""Telemetry and downlink packets: the node's code and the reference in support/control_reference.py agree."""

import ctypes
import json
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from glimpse import binding, zoo
from glimpse.binding import PacketError, control
from glimpse.errors import GlimpseError
from hypothesis import given, settings
from hypothesis import strategies as st
from support import control_reference as reference
from support import make_vectors_control
from support.control_reference import DOWNLINK, TELEMETRY
from support.core_library import CoreLibrary
from support.make_vectors_control import SYMBOLS
from support.random_codecs import random_codec
from support.wire_reference import Codec, Rejected

SPECIFICATION = make_vectors_control.FOLDER.parent / "wire-format.md"


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> CoreLibrary:
    return CoreLibrary(tmp_path_factory.mktemp("core"))


# ---- what the node's code reads, in the reference's terms


def telemetry_fields(data: bytes) -> dict[str, list[int]]:
    seen = control.read_telemetry(data)
    found = {name: [getattr(seen, name)] for name in ("time", "age", "battery", "temperature", "trigger")}
    found = {name: numbers for name, numbers in found.items() if numbers != [None]}
    if seen.link:
        found["link"] = [seen.link[0], -seen.link[1], seen.link[2]]
    if seen.node:
        found["node"] = list(seen.node)
    if seen.answer:
        result = seen.answer.result
        number = control.RESULTS.index(result) if result in control.RESULTS else int(result)
        found["answer"] = [seen.answer.sequence, number, seen.answer.command]
    return found | setting_fields(seen.settings)


def setting_fields(values: dict) -> dict[str, list[int]]:
    return {name: list(value) if name == "crop" else [value] for name, value in values.items()}


def command_fields(command: control.Command) -> list[object]:
    match command:
        case control.Have(runs):
            return ["have", [list(run) for run in runs]]
        case control.More(number):
            return ["more", [number]]
        case control.MoreTo(rank):
            return ["more to", [rank]]
        case control.MoreHere(top, bottom, left, right):
            return ["more here", [top, bottom - 1, left, right - 1]]
        case control.Set(values):
            return list(*setting_fields(values).items())
        case control.Unknown(number):
            return ["skipped", number]
        case _:
            return [type(command).__name__.lower(), []]


def read(kind: int, data: bytes) -> object:
    """What the node's code makes of a packet: its fields, or the reason why not."""
    try:
        if kind == DOWNLINK:
            return [command_fields(command) for command in control.read_downlink(data, SYMBOLS).commands]
        return telemetry_fields(data), control.read_telemetry(data).skipped
    except PacketError as error:
        return error.reason


def read_by_reference(kind: int, data: bytes) -> object:
    try:
        fields = json.loads(json.dumps(make_vectors_control.reading(kind, data)["fields"]))
    except Rejected as rejected:
        return rejected.reason
    if kind == DOWNLINK:
        return [[name, value] for name, value in fields]
    return {name: value for name, value in fields if name != "skipped"}, sum(name == "skipped" for name, _ in fields)


# ---- vectors


@pytest.mark.parametrize("kind", [TELEMETRY, DOWNLINK])
def test_vectors_are_those_of_the_reference_and_the_node_reads_them(kind: int) -> None:
    file = make_vectors_control.FILES[kind].read_text()
    assert file == make_vectors_control.text(kind)
    vectors = json.loads(file)
    for vector in vectors["packets"]:
        data = bytes.fromhex(vector["packet"])
        assert read(kind, data) == read_by_reference(kind, data), vector["name"]
        header = binding.read_header(data)
        assert {name: getattr(header, name) for name in vector["header"]} == vector["header"]
    for vector in vectors["rejected"]:
        assert read(kind, bytes.fromhex(vector["packet"])) == vector["reason"], vector["name"]


def test_the_specification_shows_the_examples() -> None:
    text = SPECIFICATION.read_text().replace(" ", "").lower()
    for file in make_vectors_control.FILES.values():
        examples = [v["packet"] for v in json.loads(file.read_text())["packets"] if v["name"].startswith("example")]
        assert examples
        for packet in examples:
            assert packet in text


def test_the_node_writes_the_examples() -> None:
    example = control.Telemetry(5, 1, 33, 7, battery=3312, trigger=3)
    vectors = {v["name"]: v["packet"] for v in json.loads(make_vectors_control.FILES[TELEMETRY].read_text())["packets"]}
    assert [p.hex() for p in control.write_telemetry(example, 11)] == [vectors["example"]]
    commands = (control.Set({"period": 3600}), control.Status())
    vectors = {v["name"]: v["packet"] for v in json.loads(make_vectors_control.FILES[DOWNLINK].read_text())["packets"]}
    assert control.write_downlink(control.Downlink(7, commands, 5, 1, 33), 11).hex() == vectors["example"]


@pytest.mark.parametrize("kind", [TELEMETRY, DOWNLINK])
def test_every_truncation_and_bit_flip_of_the_vectors_is_rejected_or_reads_as_the_reference_reads(kind: int) -> None:
    for vector in json.loads(make_vectors_control.FILES[kind].read_text())["packets"]:
        data = bytes.fromhex(vector["packet"])
        for cut in range(len(data)):
            assert read(kind, data[:cut]) in ("length", "check")
        for bit in range(len(data) * 8):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 128 >> bit % 8
            assert read(kind, bytes(flipped)) == "check"


# ---- properties


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([TELEMETRY, DOWNLINK]), st.binary(max_size=60), st.integers(0, 2**32 - 1), st.booleans())
def test_hostile_bodies_read_as_the_reference_reads_them(kind: int, body: bytes, word: int, sound: bool) -> None:
    if sound:  # a header that leads to the body
        word = word & ~(3 << 30 | 7 << 2 | 2) | 1 << 30 | kind << 2
    message = word.to_bytes(4, "big") + body
    data = message + reference.crc16(message).to_bytes(2, "big")
    assert read(kind, data) == read_by_reference(kind, data)


def numbers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


def ranged(name: str) -> st.SearchStrategy[int]:
    return st.just(0) | st.integers(*reference.RANGES[name])


side = st.tuples(st.integers(0, 224), st.integers(31, 255)).filter(lambda pair: pair[1] - pair[0] >= 31)
crops = st.tuples(side, side).map(lambda sides: (*sides[0], *sides[1]))
setting_values = st.fixed_dictionaries({}, optional={name: ranged(name) for name in reference.RANGES} | {"crop": crops})
telemetries = st.builds(
    control.Telemetry,
    model=numbers(5),
    revision=numbers(1),
    frame=numbers(6),
    number=numbers(14),
    time=st.none() | numbers(32),
    age=st.none() | numbers(16),
    battery=st.none() | numbers(16),
    temperature=st.none() | st.integers(-(1 << 15), (1 << 15) - 1),
    trigger=st.none() | numbers(8),
    link=st.none() | st.tuples(numbers(8), st.integers(-255, 0), st.integers(-128, 127)),
    node=st.none() | st.tuples(numbers(16), numbers(8), numbers(8)),
    answer=st.none() | st.builds(control.Answer, numbers(14), st.sampled_from(control.RESULTS), numbers(8)),
    settings=setting_values,
    skipped=st.just(0),
)


@settings(max_examples=200, deadline=None)
@given(telemetries, st.integers(11, 242))
def test_telemetry_round_trip(sent: control.Telemetry, payload: int) -> None:
    packets = control.write_telemetry(sent, payload)
    assert all(len(p) <= payload for p in packets)
    seen = control.merge_telemetry(packets)
    if seen is None:
        assert sent == control.Telemetry(sent.model, sent.revision, sent.frame, sent.number)
    else:
        assert replace(seen, number=sent.number) == sent
    for place, data in enumerate(packets):
        assert read(TELEMETRY, data) == read_by_reference(TELEMETRY, data)
        assert control.read_telemetry(data).number == (sent.number + place) % (1 << 14)


regions = st.tuples(numbers(8), numbers(8), numbers(8), numbers(8)).map(
    lambda n: control.MoreHere(min(n[0], n[1]), max(n[0], n[1]) + 1, min(n[2], n[3]), max(n[2], n[3]) + 1)
)
commands = st.one_of(
    st.just(control.Enough()),
    st.just(control.Status()),
    st.just(control.Reboot()),
    st.builds(control.More, numbers(16)),
    st.builds(control.MoreTo, numbers(14)),
    regions,
    setting_values.filter(lambda values: len(values) == 1).map(control.Set),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(commands, min_size=1, max_size=8), numbers(5), numbers(1), numbers(6), numbers(14))
def test_downlink_round_trip(some: list[control.Command], model: int, revision: int, frame: int, sequence: int) -> None:
    sent = control.Downlink(sequence, tuple(some), model, revision, frame)
    data = control.write_downlink(sent, 51)
    assert control.read_downlink(data) == sent
    assert read(DOWNLINK, data) == read_by_reference(DOWNLINK, data)


@pytest.mark.parametrize(
    "command",
    [
        control.More(65536),
        control.MoreTo(-1),
        control.MoreTo(1 << 14),
        control.MoreHere(3, 3, 0, 1),
        control.MoreHere(0, 257, 0, 1),
        control.Set({"period": 9}),
        control.Set({"crop": (0, 10, 0, 255)}),
        control.Set({"payload": 256}),
        control.Set({"zoom": 2}),
    ],
)
def test_what_no_node_takes_is_not_written(command: control.Command) -> None:
    with pytest.raises(GlimpseError, match=r"out of range|no setting"):
        control.write_downlink(control.Downlink(1, (command,)))


# ---- what the receiver has


def runs_written(core: CoreLibrary, struct: ctypes.Structure, received: bytes, capacity: int) -> tuple[bytes, int]:
    memory, claimed = ctypes.create_string_buffer(capacity), ctypes.c_uint32()
    core.c.glimpse_runs_write.restype = ctypes.c_size_t
    length = core.c.glimpse_runs_write(
        ctypes.byref(struct), received, memory, ctypes.c_size_t(capacity), ctypes.byref(claimed)
    )
    assert length <= capacity
    return memory.raw[:length], claimed.value


def received_ranks(random: Random, codec: Codec) -> list[bool]:
    """Packets of some symbols each, some of them lost."""
    ranks: list[bool] = []
    loss, size = random.random(), random.randint(1, 40)
    while len(ranks) < codec.symbols:
        ranks += [random.random() >= loss] * random.randint(1, size)
    return ranks[: codec.symbols]


def runs_in(ranks: list[bool]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for rank, came in enumerate(ranks):
        if came and runs and sum(runs[-1]) == rank:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        elif came:
            runs.append((rank, 1))
    return runs


def test_an_acknowledgement_never_claims_a_missing_symbol(core: CoreLibrary) -> None:
    """1,000 random sets, downlinks of 11 to 51 bytes."""
    best = 0
    for seed in range(1000):
        random = Random(seed)
        if seed % 10 == 0:
            codec = random_codec(random, largest=150)
            struct = core.struct(codec)
        ranks = received_ranks(random, codec)
        flags = bytearray(codec.symbols)
        for rank, at in enumerate(codec.places):
            flags[at] = ranks[rank]
        whole, runs, last = runs_in(ranks), [], b""
        for payload in range(11, 52):
            room = payload - 6
            room -= 1 if room <= 7 else 2
            value, claimed = runs_written(core, struct, bytes(flags), room)
            if value != last:
                runs, last = reference.runs_of(value, codec.symbols), value
                assert runs is not None and set(runs) <= set(whole), f"seed {seed}"
            assert claimed == sum(count for _, count in runs)
            assert (claimed > 0) == any(ranks)
            if random.random() < 0.02:
                ideal = reference.best_claim(whole, room)
                assert claimed <= sum(count for _, count in ideal)
                best += runs == ideal
                assert runs != ideal or not value or value == reference.runs_bytes(runs)
        if len(reference.runs_bytes(whole)) <= 43:
            assert runs == whole
    assert best > 700  # of some 820: bisection nearly always finds the longest runs that fit


@pytest.mark.parametrize("name", ["mcucoder", "limitnet", "starfish"])
def test_have_of_a_real_frame_applies_in_any_order(name: str) -> None:
    model = zoo.load(name).binding
    random = np.random.default_rng(1)
    symbols = random.integers(0, model.levels, model.latent_shape).astype(np.uint8)
    packets = model.pack(symbols, payload=51)
    received, taken = np.zeros(model.latent_shape, np.uint8), np.zeros(model.latent_shape, np.uint8)
    for packet in packets:
        if random.random() < 0.7:
            model.unpack(packet, taken, received)
    order, halves = model.order(), []
    for part in (slice(0, 4000), slice(3000, None)):  # two downlinks that overlap
        flags = np.zeros(model.symbol_count, np.uint8)
        flags[order[part]] = received.reshape(-1)[order[part]]
        have = control.Have(received=flags.reshape(model.latent_shape), model=model)
        data = control.write_downlink(control.Downlink(1, (have, control.Status()), model.id, model.revision, 3), 51)
        assert len(data) <= 51
        seen = control.read_downlink(data, model.symbol_count).commands
        assert isinstance(seen[0], control.Status) and isinstance(seen[1], control.Have)
        assert 0 < seen[1].count <= int(flags.sum())
        halves.append(seen[1].runs)
    known = []
    for runs in ([*halves[0], *halves[1]], [*reversed(halves[1]), *halves[0]], [*halves[1], *halves[0], *halves[1]]):
        flags = np.zeros(model.symbol_count, np.uint8)
        for first, count in runs:
            flags[order[first : first + count]] = 1
        assert not np.any(flags > received.reshape(-1))
        known.append(flags)
    assert np.array_equal(known[0], known[1]) and np.array_equal(known[0], known[2])
