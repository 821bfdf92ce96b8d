# SPDX-License-Identifier: Apache-2.0
"""The packet file: what it is byte for byte, every malformed one, and that none is ever lost."""

import os
import stat
from pathlib import Path

import pytest
from glimpse import files
from glimpse.errors import GlimpseError
from glimpse.files import write_whole
from glimpse.glp import format_packets, parse_packets, read_packets, write_packets
from hypothesis import given
from hypothesis import strategies as st

packet_lists = st.lists(st.binary(min_size=1, max_size=300), max_size=30)


def test_the_file_is_the_magic_then_lengths_and_payloads():
    assert format_packets([b"\x01", b"abc"]) == b"GLP1" + b"\x01\x00\x01" + b"\x03\x00abc"
    assert format_packets([]) == b"GLP1"
    assert format_packets([bytes(65535)])[4:6] == b"\xff\xff"


@given(packet_lists)
def test_what_is_written_is_read(packets: list[bytes]):
    file = parse_packets(format_packets(packets))
    assert file.packets == packets and file.cut_bytes == 0


@given(packet_lists, st.data())
def test_a_file_cut_anywhere_keeps_what_is_whole(packets: list[bytes], data):
    whole = format_packets(packets)
    cut = data.draw(st.integers(4, len(whole)))
    file = parse_packets(whole[:cut])
    assert file.packets == packets[: len(file.packets)]
    assert len(format_packets(file.packets)) + file.cut_bytes == cut
    assert cut < len(whole) or file.cut_bytes == 0


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_packets_or_a_sentence(data: bytes, start: bool):
    try:
        file = parse_packets(b"GLP1" + data if start else data)
        assert all(file.packets)
    except GlimpseError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty; write one with glimpse encode"),
        (b"GL", "ends inside its first four bytes"),
        (b"GLP2\x01\x00a", "version '2' .* update glimpse"),
        (b"\x89PNG\r\n", "is not a packet file"),
        (b"GLP1\x01\x00a\x00\x00", r"packet 2 \(at byte 7\) has no bytes"),
    ],
)
def test_malformed_files_say_what_is_wrong(tmp_path: Path, data: bytes, words: str):
    path = tmp_path / "x.glp"
    path.write_bytes(data)
    with pytest.raises(GlimpseError, match=words) as caught:
        read_packets(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("size", [0, 65536])
def test_payloads_that_the_format_cannot_hold_are_refused(tmp_path: Path, size: int):
    path = tmp_path / "x.glp"
    write_packets(path, [b"old"])
    with pytest.raises(GlimpseError, match=f"packet 2 has {size} bytes"):
        write_packets(path, [b"new", bytes(size)])
    assert read_packets(path).packets == [b"old"]


def test_a_failing_disk_costs_no_existing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "x.glp"
    write_packets(path, [b"old"])

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(GlimpseError, match="no space left on device"):
        write_packets(path, [b"new"])
    assert read_packets(path).packets == [b"old"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.glp"], "the temporary file is gone"


def test_an_interrupt_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "x.glp"
    write_packets(path, [b"old"])

    def stop(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_packets(path, [b"new"])
    assert read_packets(path).packets == [b"old"] and len(list(tmp_path.iterdir())) == 1


def test_a_new_file_has_ordinary_rights_and_an_old_one_keeps_its_own(tmp_path: Path):
    path = tmp_path / "x.glp"
    old_mask = os.umask(0o022)
    try:
        write_whole(path, b"1")
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o600)
    write_whole(path, b"2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_links_stay_links_and_devices_stay_devices(tmp_path: Path):
    real, link = tmp_path / "real.glp", tmp_path / "link.glp"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_whole(link, b"new")
    assert link.is_symlink() and real.read_bytes() == b"new"
    write_whole(Path("/dev/null"), b"gone")
    assert Path("/dev/null").is_char_device()


def test_impossible_places_say_what_to_do(tmp_path: Path):
    with pytest.raises(GlimpseError, match="does not exist; create it first"):
        write_packets(tmp_path / "no" / "x.glp", [b"a"])
    with pytest.raises(GlimpseError, match="is a folder"):
        write_packets(tmp_path, [b"a"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; run as a plain user")
def test_write_protected_places_are_respected(tmp_path: Path):
    path = tmp_path / "x.glp"
    write_packets(path, [b"old"])
    path.chmod(0o444)
    with pytest.raises(GlimpseError, match="write protected"):
        write_packets(path, [b"new"])
    assert read_packets(path).packets == [b"old"]
