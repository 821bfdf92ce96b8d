# SPDX-License-Identifier: Apache-2.0
"""Keys on this computer and on a node: nobody else reads them, no counter is used twice, and no output shows them."""

import json
import os
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from glimpse import binding, zoo
from glimpse.binding.control import Answer, Downlink, Set, merge_telemetry, write_downlink
from glimpse.binding.seal import COUNTER_END, DOWNLINK, UPLINK, ArchiveOpener, SealError
from glimpse.errors import GlimpseError
from glimpse.glp import read_packets
from glimpse.keys import DeviceKey, give_to_node, make_key, read_key, reserve_counters
from glimpse.targets import open_node
from PIL import Image
from skimage import data
from support.nodes import ProgramNode
from support.typed import Glimpse

# ---- the file


def test_a_new_key_is_random_and_its_owners_alone(tmp_path: Path):
    old_mask = os.umask(0)
    try:
        made = make_key(tmp_path / "k")
    finally:
        os.umask(old_mask)
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert read_key(tmp_path / "k") == made
    assert make_key(tmp_path / "l").key != made.key
    assert read_key(tmp_path / "l").device != made.device
    with pytest.raises(GlimpseError, match="k exists, and a key that is overwritten is lost"):
        make_key(tmp_path / "k")
    assert read_key(tmp_path / "k") == made


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int):
    make_key(tmp_path / "k")
    (tmp_path / "k").chmod(mode)
    with pytest.raises(GlimpseError, match=r"may be read by others .* chmod 600"):
        read_key(tmp_path / "k")


def test_a_damaged_file_is_refused_without_showing_it(tmp_path: Path):
    made = make_key(tmp_path / "k")
    whole = (tmp_path / "k").read_bytes()
    digits = made.key.hex()
    cases = [whole[:at] for at in range(len(whole) - 1)]
    cases += [whole.replace(b"key ", b"kay "), whole.replace(b"yes", b"maybe"), whole + b"x y\n", b"\xff" + whole]
    cases += [whole.replace(digits.encode(), digits[:-1].encode() + b"g"), whole.replace(b"-key 1", b"-key 2")]
    cases += [whole + whole.split(b"\n")[1] + b"\n"]
    for case in cases:
        (tmp_path / "k").write_bytes(case)
        with pytest.raises(GlimpseError) as caught:
            read_key(tmp_path / "k")
        assert "not a key file" in str(caught.value)
        assert digits[:8] not in str(caught.value) and caught.value.__cause__ is None
    assert digits not in repr(made) and repr(made.key)[2:-1] not in repr(made)


def test_counters_are_given_once_even_to_many_at_a_time(tmp_path: Path):
    make_key(tmp_path / "k")
    with ThreadPoolExecutor(8) as pool:
        firsts = list(pool.map(lambda count: (reserve_counters(tmp_path / "k", count), count), range(1, 30)))
    used = sorted(number for first, count in firsts for number in range(first, first + count))
    assert used == list(range(sum(range(1, 30))))


def test_a_counter_that_ended_or_is_damaged_stops_sealing(tmp_path: Path):
    make_key(tmp_path / "k")
    counter = tmp_path / "k.counter"
    counter.write_text(f"{COUNTER_END - 2}\n")
    with pytest.raises(GlimpseError, match="has ended; make another key"):
        reserve_counters(tmp_path / "k", 3)
    assert reserve_counters(tmp_path / "k", 2) == COUNTER_END - 2
    for damaged in ("", "-1", "x", str(COUNTER_END + 1)):
        counter.write_text(damaged)
        with pytest.raises(GlimpseError, match="is damaged"):
            reserve_counters(tmp_path / "k", 1)


def test_a_key_is_used_in_one_place(tmp_path: Path):
    make_key(tmp_path / "k")
    give_to_node(tmp_path / "k")
    with pytest.raises(GlimpseError, match="was installed on a node"):
        reserve_counters(tmp_path / "k", 1)
    with pytest.raises(GlimpseError, match="was installed before"):
        give_to_node(tmp_path / "k")
    make_key(tmp_path / "l")
    reserve_counters(tmp_path / "l", 1)
    with pytest.raises(GlimpseError, match="has sealed packets on this computer"):
        give_to_node(tmp_path / "l")


# ---- the command line


def test_commands_seal_open_and_never_show_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glimpse: Glimpse):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.chelsea()).save(tmp_path / "cat.png")
    said = []

    def run(*words: object, code: int = 0) -> str:
        ended, *texts = glimpse(*words)
        said.append("".join(texts))
        assert ended == code, said[-1]
        return said[-1]

    assert "0123456789abcdef" in run("key", "new", "k", "--device", "0123456789ABCDEF")
    run("key", "new", "other", "--authentic")
    run("key", "new", "k", code=1)
    run("key", "new", "x", "--device", "12", code=2)
    run("encode", "cat.png", "-o", "plain.glp", "--payload", 47, "--budget", 1200)
    run("encode", "cat.png", "-o", "a.glp", "--key", "k", "--budget", 1300, "--json", "a.json")
    run("encode", "cat.png", "-o", "b.glp", "--key", "k", "--budget", 1300)
    assert "24 bytes or more" in run("encode", "cat.png", "-o", "x.glp", "--key", "k", "--payload", 23, code=1)
    sealed, again = read_packets(tmp_path / "a.glp").packets, read_packets(tmp_path / "b.glp").packets
    numbers = json.loads((tmp_path / "a.json").read_text())
    assert sum(map(len, sealed)) == numbers["bytes"] <= 1300 and numbers["sealed"] and max(map(len, sealed)) <= 51
    assert not set(sealed) & set(again), "the same photo again, under other counters"
    opener = ArchiveOpener(read_key(tmp_path / "k").seal(UPLINK))
    plain = read_packets(tmp_path / "plain.glp").packets
    assert [opener.take(packet) for packet in sealed[:-1]] == plain[: len(sealed) - 1]

    run("decode", "a.glp", "-o", "a.png", "--key", "k", "--json", "d.json")
    decoded = json.loads((tmp_path / "d.json").read_text())
    assert decoded["packets"]["used"] == len(sealed) and decoded["symbols"]["received"] == numbers["symbols"]["sent"]
    assert "give their key with --key" in run("decode", "a.glp", "-o", "x.png", code=1)
    assert "give the key of the node" in run("decode", "a.glp", "-o", "x.png", "--key", "other", code=1)
    assert "not sealed" in run("decode", "plain.glp", "-o", "x.png", "--key", "k", code=1)
    (tmp_path / "mixed.glp").write_bytes((tmp_path / "a.glp").read_bytes() + (tmp_path / "plain.glp").read_bytes()[4:])
    assert "not sealed, so anybody may have sent them" in run("decode", "mixed.glp", "-o", "m.png", "--key", "k")
    run("key", "install", "k", "--target", "native", code=2)
    run("capture", "--target", "native", "--pattern", "--key", "other", "-o", "x.glp", code=1)
    (tmp_path / "other").chmod(0o644)
    run("decode", "a.glp", "-o", "x.png", "--key", "other", code=1)
    (tmp_path / "other").chmod(0o600)

    written = [file.read_bytes() for file in tmp_path.iterdir() if file.name not in ("k", "other")]
    for name in ("k", "other"):
        key = read_key(tmp_path / name).key
        for text in said:
            assert key.hex()[:16] not in text.lower()
        assert not any(key[:8] in content or key.hex()[:16].encode() in content for content in written)


# ---- on a node


@pytest.fixture
def key(tmp_path: Path) -> DeviceKey:
    return make_key(tmp_path / "key")


def opened(packets: list[bytes], key: DeviceKey) -> list[bytes]:
    opener = ArchiveOpener(key.seal(UPLINK))
    return [opener.take(packet) for packet in packets]


def counters(packets: list[bytes]) -> list[int]:
    return [int.from_bytes(packet[-6:-4], "big") for packet in packets]


def test_a_node_seals_what_it_sends(program: Path, tmp_path: Path, key: DeviceKey):
    model = zoo.load()
    photo = binding.pattern(model.binding.photo_width, model.binding.photo_height)
    expected = open_node("native", model).capture(photo, payload=47).packets
    seen = bytearray()
    with ProgramNode(program, tmp_path) as node:
        read = node.stream.read
        node.stream.read = lambda timeout: (seen.extend(got := read(timeout)), got)[1]
        node.install_key(key)
        packets = node.capture(None, pattern=True, payload=51).packets
        assert opened(packets, key) == expected
        assert counters(packets) == list(range(len(packets)))
        few = node.capture(None, pattern=True, payload=51, budget=1000).packets
        assert 1000 - 15 < sum(map(len, few)) <= 1000
        assert opened(few, key)[:-1] == expected[: len(few) - 1]
        assert node.capture(None, pattern=True, payload=24, budget=60).packets
        with pytest.raises(GlimpseError, match="24 bytes or more"):
            node.capture(None, pattern=True, payload=23)
        node.health()
        node.identify()
        node.install_key(None)
        assert node.capture(None, pattern=True, payload=47).packets == expected
    assert key.key[:6] not in seen and (tmp_path / "settings_a.bin").read_bytes().count(key.key) == 2, (
        "the flash holds it (in the records until it was taken away), the line never carries it back"
    )


def test_a_restarted_node_never_repeats_a_counter(program: Path, tmp_path: Path, key: DeviceKey):
    used: list[int] = []
    for start in range(4):
        with ProgramNode(program, tmp_path) as node:
            if start == 0:
                node.install_key(key)
            packets = node.capture(None, pattern=True, frame=None, budget=300).packets
            assert opened(packets, key)
            used += counters(packets)
    assert len(set(used)) == len(used) and used == sorted(used)
    assert max(used) < 4 * 256, "a start costs a block at most"


def test_a_new_key_does_not_start_the_counter_again(program: Path, tmp_path: Path, key: DeviceKey):
    other = make_key(tmp_path / "other")
    with ProgramNode(program, tmp_path) as node:
        node.install_key(key)
        first = counters(node.capture(None, pattern=True, budget=300).packets)
        node.install_key(other)
        packets = node.capture(None, pattern=True, budget=300).packets
        assert opened(packets, other) and min(counters(packets)) > max(first)
        with pytest.raises(SealError):
            opened(packets, key)
        node.install_key(key)
        assert min(counters(node.capture(None, pattern=True, budget=300).packets)) > max(counters(packets))


@pytest.mark.parametrize("body", [b"", bytes(40), bytes(42), bytes(40) + b"\3"])
def test_a_malformed_key_is_refused_and_changes_nothing(program: Path, tmp_path: Path, key: DeviceKey, body: bytes):
    with ProgramNode(program, tmp_path) as node:
        node.install_key(key)
        with pytest.raises(GlimpseError, match="refused"):
            node.request("NODE_KEY", body)
        assert opened(node.capture(None, pattern=True, budget=100).packets, key)


def test_a_key_that_comes_in_the_middle_of_a_photo_drops_it(program: Path, tmp_path: Path, key: DeviceKey):
    with ProgramNode(program, tmp_path) as node:
        node.request("NODE_CAPTURE", struct.pack("<BBBBI", 1, 0, 0, 51, 0))
        node.install_key(key)
        with pytest.raises(GlimpseError, match="out of turn"):
            node.request("NODE_ROW", bytes(3 * zoo.load().binding.photo_width))


def test_a_node_with_a_key_takes_sealed_downlinks_once_and_seals_its_telemetry(
    program: Path, tmp_path: Path, key: DeviceKey
):
    gateway = key.seal(DOWNLINK)
    plain = write_downlink(Downlink(1, (Set({"period": 60}),)))
    with ProgramNode(program, tmp_path) as node:
        node.install_key(key)
        with pytest.raises(GlimpseError, match="refused"):
            node.downlink(plain)
        sealed = gateway.close(0, plain)
        with pytest.raises(GlimpseError, match="24 bytes or more"):
            node.downlink(sealed, payload=23)
        answer = opened(node.downlink(sealed, payload=24), key)
        assert max(map(len, answer)) <= 20 and merge_telemetry(answer).answer == Answer(1, "done")
        with pytest.raises(GlimpseError, match="refused"):
            node.downlink(sealed)
        telemetry = opened(node.telemetry(24), key)
        assert len(telemetry) > 1 and merge_telemetry(telemetry).settings["period"] == 60


def test_node_commands_speak_with_a_sealed_node(
    program: Path, tmp_path: Path, key: DeviceKey, monkeypatch: pytest.MonkeyPatch, glimpse: Glimpse
):
    make_key(tmp_path / "other")

    def run(*words: object, code: int = 0) -> str:
        ended, *texts = glimpse("node", *words)
        assert ended == code, texts
        return "".join(texts)

    with ProgramNode(program, tmp_path) as node:
        node.install_key(key)
    monkeypatch.setattr("glimpse.commands.node._open", lambda target, model: ProgramNode(program, tmp_path))
    assert "give its key with --key" in run("status", "--target", "x", code=1)
    assert "cannot be opened with this key" in run("status", "--target", "x", "--key", tmp_path / "other", code=1)
    assert "no downlink yet" in run("status", "--target", "x", "--key", tmp_path / "key")
    for period in (60, 70):
        run("set", "--target", "x", "--key", tmp_path / "key", "--period", period)
    assert "70 s" in run("status", "--target", "x", "--key", tmp_path / "key")
    assert "start 9" in run("reboot", "--target", "x", "--key", tmp_path / "key")
    assert (tmp_path / "key.downlinks").read_text() == "3\n", "one for each downlink, none twice"
    (tmp_path / "key.downlinks").write_text("x")
    assert "is damaged" in run("set", "--target", "x", "--key", tmp_path / "key", "--period", 80, code=1)
