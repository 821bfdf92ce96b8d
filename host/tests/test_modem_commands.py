# SPDX-License-Identifier: Apache-2.0
"""glimpse modem and glimpse send, as a person types them, over a pseudo-terminal."""

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from glimpse.glp import read_packets
from PIL import Image
from skimage import data

GLIMPSE = [sys.executable, "-m", "glimpse.cli"]


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    return path


@contextmanager
def modem(folder, *words):
    """A modem at work: its process, and the path of its terminal."""
    with subprocess.Popen(
        [*GLIMPSE, "modem", *map(str, words)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def heed_ctrl_c():
    """What a shell runs in the background ignores Ctrl-C, and so would everything that these tests start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(folder, *words):
    return subprocess.run(
        [*GLIMPSE, *map(str, words)], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("dialect", ["e5", "rak3172"])
def test_a_photo_from_one_program_to_the_other(tmp_path, photo, dialect):
    air = ("--region", "US915", "--dr", 3, "--speed", 100, "--loss", 20, "--seed", 0, "--downlink", "5:0102")
    with modem(tmp_path, "--dialect", dialect, *air, "-o", "r.glp", "--json", "m.json") as (process, path):
        done = run(tmp_path, "send", photo, "--port", path, "--dialect", dialect, "-o", "s.glp", "--json", "s.json")
        assert done.returncode == 0, done.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0, process.stderr.read()
    sent, received = read_packets(tmp_path / "s.glp").packets, read_packets(tmp_path / "r.glp").packets
    numbers = json.loads((tmp_path / "s.json").read_text())
    assert numbers["finished"] and numbers["packets"] == len(sent) and numbers["bytes"] == sum(map(len, sent))
    assert numbers["downlinks"] == [{"port": 5, "hex": "0102"}] and numbers["joins"] >= 1
    assert 0 < len(received) < len(sent) and set(received) < set(sent)
    heard = json.loads((tmp_path / "m.json").read_text())
    assert heard["uplinks"] == len(received) and heard["airtime_seconds"] > 1
    assert f"{len(sent)} packets, {numbers['bytes']} bytes have left" in done.stdout


def test_ctrl_c_says_what_has_left(tmp_path, photo):
    # Two packets leave at once, one for each sub-band; then the modem announces a wait, which is a real one.
    with modem(tmp_path, "--region", "EU868", "--dr", 5, "--speed", 20) as (receiver, path):
        words = [*GLIMPSE, "send", str(photo), "--port", path, "--dr", "5", "-o", "s.glp"]
        with subprocess.Popen(
            words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c
        ) as sender:
            assert "242 bytes" in receiver.stderr.readline()
            assert "242 bytes" in receiver.stderr.readline()
            time.sleep(0.5)  # the end of its receive windows, 2 s of its clock
            sender.send_signal(signal.SIGINT)
            said, error = sender.communicate(timeout=20)
    assert sender.returncode == 130 and "Traceback" not in error
    assert len(read_packets(tmp_path / "s.glp").packets) == 2
    assert said.startswith("2 packets, ") and "not all of the frame" in said


def test_a_port_without_a_modem_gets_a_sentence(tmp_path, photo):
    with modem(tmp_path, "--dialect", "rak3172") as (_, path):
        done = run(tmp_path, "send", photo, "--port", path, "--dialect", "e5", "--patience", 3)
    assert done.returncode == 1
    assert "no packet has left for 3 seconds and no network was found; check keys" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["modem", "--region", "MARS"], 2, "no region MARS; there are EU868"),
        (["modem", "--region", "US915", "--dr", "7"], 2, "no data rate 7; choose 0 to 4"),
        (["modem", "--downlink", "300:01"], 2, "ports are 1 to 223"),
        (["modem", "--downlink", "5:xyz"], 2, "write PORT:HEX"),
        (["modem", "--change", "5"], 2, "write UPLINKS:RATE"),
        (["modem", "-o", "nowhere/r.glp"], 1, "does not exist"),
        (["send", "cat.png", "--port", "/dev/tty-none"], 1, "no such device"),
        (["send", "cat.png", "--port", "x", "--fport", "224"], 2, "223"),
    ],
)
def test_mistakes_get_a_sentence(tmp_path, photo, monkeypatch, glimpse, words, code, sentence):
    monkeypatch.chdir(tmp_path)
    ended, _, error = glimpse(*words)
    assert ended == code and sentence in error
