# SPDX-License-Identifier: Apache-2.0
"""glimpse encode and glimpse decode as a person meets them: results, numbers, and every sentence on the way."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from glimpse import zoo
from glimpse.glp import format_packets, read_packets, write_packets
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import psnr
from glimpse.samples import sample_photos
from support.typed import Glimpse

MODEL = zoo.load()
PHOTO = sample_photos()["coffee"]


@pytest.fixture
def glp(tmp_path: Path, glimpse: Glimpse) -> Path:
    path = tmp_path / "coffee.glp"
    assert glimpse("encode", PHOTO, "-o", path, "--frame", 5)[0] == 0
    return path


def test_encode_then_decode_gives_the_photo_back(glp: Path, tmp_path: Path, glimpse: Glimpse):
    code, out, error = glimpse("decode", glp, "-o", tmp_path / "coffee.png")
    assert (code, error) == (0, "") and "9,408 of 9,408 symbols (100 %), model mcucoder" in out
    photo = fit_photo(load_photo(PHOTO), MODEL.binding.photo_width, MODEL.binding.photo_height)
    assert psnr(photo, np.asarray(load_photo(tmp_path / "coffee.png"))) > 18


def test_encode_tells_its_numbers(tmp_path: Path, glimpse: Glimpse):
    code, out, error = glimpse("encode", PHOTO, "-o", tmp_path / "a.glp", "--coding", "raw", "--json", "-")
    numbers = json.loads(out)
    packets = read_packets(tmp_path / "a.glp").packets
    assert code == 0 and f"{len(packets)} packets" in error
    assert numbers["packets"] == len(packets) and numbers["bytes"] == sum(map(len, packets))
    assert numbers["symbols"] == {"sent": 9408, "total": 9408} and numbers["instructions"] is None


@pytest.mark.parametrize("payload", [11, 51, 242])
def test_payload_and_budget_are_kept(tmp_path: Path, glimpse: Glimpse, payload: int):
    path = tmp_path / "a.glp"
    assert glimpse("encode", PHOTO, "-o", path, "--payload", payload, "--budget", 600)[0] == 0
    packets = read_packets(path).packets
    assert max(map(len, packets)) <= payload and 600 - payload <= sum(map(len, packets)) <= 600


def test_decode_counts_what_a_link_did(glp: Path, tmp_path: Path, glimpse: Glimpse):
    packets = read_packets(glp).packets
    chance = random.Random(3)
    came = chance.sample(packets, len(packets) // 2)
    hurt = [packet[:-1] + bytes([packet[-1] ^ 1]) for packet in came[:3]]
    chance.shuffle(came)
    write_packets(glp, [*hurt, *came, *came[:4]])
    code, out, _ = glimpse("decode", glp, "-o", tmp_path / "a.png", "--json", tmp_path / "a.json")
    numbers = json.loads((tmp_path / "a.json").read_text())
    assert code == 0 and numbers["frame"] == 5 and numbers["model"] == "mcucoder"
    seen = {"seen": len(came) + 7, "used": len(came), "duplicate": 4, "rejected": {"check": 3}}
    assert numbers["packets"] == seen | {"parity": 0, "recovered": 0}
    assert 0 < numbers["symbols"]["received"] < numbers["symbols"]["total"] == 9408
    assert "4 brought nothing new" in out and "3 rejected: damaged on the way" in out


def test_json_on_standard_output_stands_alone(glp: Path, tmp_path: Path, glimpse: Glimpse):
    code, out, error = glimpse("decode", glp, "-o", tmp_path / "a.png", "--json", "-")
    assert code == 0 and json.loads(out)["packets"]["rejected"] == {} and "packets used" in error


def test_first_uses_the_first_packets_only(glp: Path, tmp_path: Path, glimpse: Glimpse):
    _, out, _ = glimpse("decode", glp, "-o", tmp_path / "a.png", "--first", 7, "--json", "-")
    assert json.loads(out)["packets"]["seen"] == 7
    _, out, _ = glimpse("decode", glp, "-o", tmp_path / "a.png", "--first", 99999, "--json", "-")
    assert json.loads(out)["packets"]["seen"] == len(read_packets(glp).packets)


def test_steps_show_the_picture_appear(glp: Path, tmp_path: Path, glimpse: Glimpse):
    command = (
        "decode",
        glp,
        "-o",
        tmp_path / "a.png",
        "--first",
        25,
        "--every",
        10,
        "--steps",
        tmp_path / "on" / "way",
    )
    assert glimpse(*command)[0] == 0
    names = sorted(path.name for path in (tmp_path / "on" / "way").iterdir())
    assert names == ["packets-0010.png", "packets-0020.png", "packets-0025.png"]


def test_a_cut_file_is_decoded_and_said_to_be_cut(glp: Path, tmp_path: Path, glimpse: Glimpse):
    glp.write_bytes(glp.read_bytes()[:-10])
    code, out, _ = glimpse("decode", glp, "-o", tmp_path / "a.png")
    assert code == 0 and "ends inside a packet" in out


def test_two_frames_in_a_file_are_told_apart(glp: Path, tmp_path: Path, glimpse: Glimpse):
    first = read_packets(glp).packets
    glimpse("encode", PHOTO, "-o", tmp_path / "b.glp", "--frame", 6)
    write_packets(glp, first[:10] + read_packets(tmp_path / "b.glp").packets)
    _, out, _ = glimpse("decode", glp, "-o", tmp_path / "a.png")
    assert "10 of " in out and "rejected: of another frame (choose it with --frame)" in out
    _, out, _ = glimpse("decode", glp, "-o", tmp_path / "a.png", "--frame", 6, "--json", "-")
    assert json.loads(out)["packets"]["rejected"] == {"frame": 10}


def test_all_frames_of_a_file_get_their_pictures(glp: Path, tmp_path: Path, glimpse: Glimpse):
    glimpse("encode", PHOTO, "-o", tmp_path / "b.glp", "--frame", 6, "--model", "limitnet", "--budget", 900)
    other = read_packets(tmp_path / "b.glp").packets
    write_packets(glp, [*read_packets(glp).packets[:10], *other, b"noise", other[0]])
    code, out, _ = glimpse("decode", glp, "--all", tmp_path / "all", "--json", "-")
    numbers = json.loads(out)
    assert code == 0 and numbers["packets"]["rejected"] == {"length": 1} and numbers["packets"]["duplicate"] == 1
    found = [(row["frame"], row["model"], row["packets"]) for row in numbers["frames"]]
    assert found == [(5, "mcucoder", 10), (6, "limitnet", len(other))]
    names = ["0001-frame-05.png", "0002-frame-06.png"]
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == names
    glimpse("decode", tmp_path / "b.glp", "-o", tmp_path / "b.png")
    one, two = (np.asarray(load_photo(path)) for path in (tmp_path / "b.png", tmp_path / "all" / names[1]))
    assert (one == two).all()


def test_the_map_strikes_out_what_was_filled_in(tmp_path: Path, glimpse: Glimpse):
    glimpse("encode", PHOTO, "-o", tmp_path / "b.glp", "--model", "limitnet", "--budget", 900)
    code, out, _ = glimpse("decode", tmp_path / "b.glp", "-o", tmp_path / "b.png", "--map", tmp_path / "map.png")
    empty = int(out.split("not seen; of ")[1].split(" of 784 places nothing came")[0])
    assert code == 0 and 0 < empty < 784 and "map of what was received" in out
    picture, drawn = (np.asarray(load_photo(tmp_path / name)) for name in ("b.png", "map.png"))
    colour = (drawn == (214, 0, 120)).all(axis=2)
    assert colour[:224, 232:].sum() == 64 * empty, "the map at the right"
    assert 0.2 < colour[:224, :224].sum() / (64 * empty) < 0.5, "struck out at the left"
    kept = ~colour[:224, :224]
    assert (drawn[:224, :224][kept] == picture[kept]).all()
    glimpse("encode", PHOTO, "-o", tmp_path / "b.glp")
    assert "filled in" not in glimpse("decode", tmp_path / "b.glp", "-o", tmp_path / "b.png")[1]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("encode", "missing.jpg", "-o", "x.glp"), 1, "cannot read missing.jpg: there is no such file"),
        (("encode", ".", "-o", "x.glp"), 1, "it is a folder; give one photo"),
        (("encode", "notes.txt", "-o", "x.glp"), 1, "notes.txt is not a picture that can be read"),
        (("encode", PHOTO, "-o", "no/x.glp"), 1, "does not exist; create it first"),
        (("encode", "notes.txt", "-o", "notes.txt"), 1, "would replace what is being read"),
        (("encode", PHOTO, "-o", "x.glp", "--model", "nobody"), 1, "there is no model 'nobody'; choose "),
        (("encode", PHOTO, "-o", "x.glp", "--target", "moon"), 2, "'moon' is not a target"),
        (("encode", PHOTO, "-o", "x.glp", "--payload", 10), 2, "--payload"),
        (("encode", PHOTO, "-o", "x.glp", "--payload", 243), 2, "--payload"),
        (("encode", PHOTO, "-o", "x.glp", "--budget", 5), 2, "--budget"),
        (("encode", PHOTO, "-o", "x.glp", "--frame", 64), 2, "--frame"),
        (("encode", PHOTO), 2, "--out"),
        (("decode", "missing.glp", "-o", "x.png"), 1, "there is no such file"),
        (("decode", "notes.txt", "-o", "x.png"), 1, "is not a packet file"),
        (("decode", "empty.glp", "-o", "x.png"), 1, "holds no whole packet"),
        (("decode", "noise.glp", "-o", "x.png"), 1, "none of the 2 packets in noise.glp is sound"),
        (("decode", "noise.glp", "-o", "x.png", "--model", "mcucoder"), 1, "no packet of noise.glp can be used"),
        (("decode", "empty.glp", "-o", "x.docx"), 1, "cannot tell the picture format"),
        (("decode", "empty.glp", "-o", "no/x.png"), 1, "does not exist; create it first"),
        (("decode", "empty.glp", "-o", "x.png", "--first", 0), 2, "--first"),
        (("decode", "empty.glp"), 2, "name the picture to write with --out"),
        (("decode", "empty.glp", "-o", "x.png", "--all", "y"), 2, "or with --all a folder"),
        (("decode", "empty.glp", "--all", "y", "--map", "x.png"), 2, "are for one frame"),
        (("decode", "noise.glp", "-o", "x.png", "--archive", "nowhere"), 1, "there is no archive nowhere"),
        (("decode", "noise.glp", "-o", "x.png", "--model", "mcucoder@199"), 1, "there is no mcucoder@199"),
        (("stream", "notes.txt", "--link", "-5"), 2, "a link of -5.0 bytes a second is not possible"),
        (("stream", "notes.txt", "--link", "notes.txt"), 1, "holds no bandwidth"),
        (("stream", "notes.txt", "--record", "x.gif"), 2, "end it in .y4m or .mp4"),
    ],
)
def test_mistakes_end_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glimpse: Glimpse, words: tuple, code: int, sentence: str
):
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("not a photo")
    Path("empty.glp").write_bytes(format_packets([]))
    Path("noise.glp").write_bytes(format_packets([b"a" * 20, b"b" * 20]))
    before = sorted(path.name for path in tmp_path.iterdir())
    got, out, error = glimpse(*words)
    assert got == code and sentence in error, error
    assert "Traceback" not in out + error
    assert sorted(path.name for path in tmp_path.iterdir()) == before, "nothing was written"
