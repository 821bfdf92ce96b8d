# SPDX-License-Identifier: Apache-2.0
"""The emulated K210 as a person uses it: a photo, the node, a lossy link, a picture, and what it says if it cannot."""

import json

import numpy as np
import pytest
from glimpse import zoo
from glimpse.evaluation import k210_speed
from glimpse.glp import read_packets
from glimpse.samples import sample_photos
from glimpse.targets import k210
from PIL import Image
from support.micropython import needs_micropython

pytestmark = needs_micropython


@pytest.fixture
def photo():
    return next(iter(sample_photos().values()))


def test_a_photo_through_the_node_and_a_lossy_link_to_a_picture(glimpse, photo, tmp_path):
    code, out, _ = glimpse("demo", photo, "--target", "sim:k210", "--out", tmp_path, "--json", "-")
    assert code == 0
    numbers = json.loads(out)
    assert (numbers["target"], numbers["model"]) == ("sim:k210", "starfish")
    (result,) = numbers["photos"]
    whole = {view["loss"]: view for view in result["views"] if view["share"] == 1}
    assert whole[0]["symbols"]["received"] == whole[0]["symbols"]["total"] and whole[0]["ms_ssim"] > 0.85
    assert whole[0.2]["packets"] == round(0.8 * result["packets"])
    assert whole[0]["ms_ssim"] > whole[0.2]["ms_ssim"] > 0.8
    assert Image.open(numbers["contact_sheet"]).width > 224


def test_its_packets_in_a_file_and_its_picture(glimpse, photo, tmp_path):
    code, said, _ = glimpse("encode", photo, "-o", tmp_path / "a.glp", "--target", "sim:k210", "--payload", 222)
    assert code == 0 and "the whole picture" in said
    words = ("--photo", photo, "-o", tmp_path / "b.glp", "--picture", tmp_path / "b.png", "--payload", 222)
    code, said, _ = glimpse("capture", "--target", "sim:k210", *words)
    assert code == 0 and said.startswith("maix, firmware")
    packets = read_packets(tmp_path / "b.glp").packets
    assert packets == read_packets(tmp_path / "a.glp").packets and len(packets) < 12
    assert np.asarray(Image.open(tmp_path / "b.png")).shape == (224, 224, 3)


def test_a_network_that_the_accelerator_cannot_run_gets_a_sentence(glimpse, photo, tmp_path):
    code, _, said = glimpse("encode", photo, "-o", tmp_path / "x.glp", "--target", "sim:k210", "--model", "mcucoder")
    assert code == 1 and len(said.strip().splitlines()) == 1 and not (tmp_path / "x.glp").exists()


@pytest.mark.parametrize(("lacks", "why"), [("node", "Node.js"), ("carrier", "MicroPython for the emulated K210")])
def test_without_its_runtime_it_says_what_to_do(glimpse, photo, tmp_path, monkeypatch, lacks, why):
    if lacks == "node":
        monkeypatch.setattr(k210.shutil, "which", lambda name: None)
    else:
        monkeypatch.setattr(k210, "CARRIER", tmp_path)
    code, _, said = glimpse("encode", photo, "-o", tmp_path / "x.glp", "--target", "sim:k210")
    assert code == 1 and why in said and "make setup" in said


def test_the_node_packs_much_faster_than_a_plain_loop():
    numbers = k210_speed.measure(222, rounds=1, photos=1)
    assert numbers["ratio"] > 2  # five, on a quiet machine
    assert numbers["symbols"] == zoo.load("starfish").binding.symbol_count
    heap = numbers["heap_bytes"]
    assert 2 * sum(heap.values()) < 320_000  # of 512 kB, with addresses of 8 bytes, and pictures beside them
