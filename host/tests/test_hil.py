# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin for nodes in the loop: a serial port, what did not run and why, what a failure shows."""

import json
import os
import subprocess
import sys
import tty
from contextlib import contextmanager
from pathlib import Path

import pytest
from glimpse.binding import protocol
from glimpse.hil.wire import Wire
from glimpse.targets.client import Stream

TESTS = Path(__file__).parent
ROOT = TESTS.parents[1]


@contextmanager
def node_on_a_port(program, folder):
    """The node program behind a terminal; the path of a serial port."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    node = subprocess.Popen([program], cwd=folder, stdin=ours, stdout=ours)
    try:
        yield os.ttyname(theirs)
    finally:
        node.kill()
        node.wait()
        os.close(ours)
        os.close(theirs)


def run(*words):
    paths = [str(TESTS.parent), str(TESTS)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", *words],
        capture_output=True,
        text=True,
        timeout=200,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )


def test_the_suite_runs_over_a_serial_port_and_says_what_did_not(program, tmp_path):
    report = tmp_path / "report.json"
    with node_on_a_port(program, tmp_path) as port:
        suite = TESTS / "hil" / "test_node_in_the_loop.py"
        chosen = "says_who or bad_commands or cable or reset_in or power_cut"
        said = run(suite, "-k", chosen, "--target", f"serial:{port}", "--hil-json", report)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "4 passed, 0 failed" in said.stdout
    assert "power_cut_in_the_middle_of_a_frame" in said.stdout and "no power switch" in said.stdout
    numbers = json.loads(report.read_text())
    assert numbers["counts"] == {"passed": 4, "skipped": 1} and numbers["targets"] == [f"serial:{port}"]
    (skipped,) = (test for test in numbers["tests"] if test["outcome"] == "skipped")
    assert skipped["why"].startswith("no power switch") and skipped["model"] == "mcucoder"


def test_a_failure_shows_what_was_on_the_wire(program, tmp_path):
    (tmp_path / "test_wrong.py").write_text("def test_wrong(node):\n    assert node.health().boots == 0\n")
    report, xml = tmp_path / "report.json", tmp_path / "report.xml"
    with node_on_a_port(program, tmp_path) as port:
        words = ["--target", port, "--hil-json", report, "--junitxml", xml]
        said = run(tmp_path / "test_wrong.py", *words)
    assert said.returncode == 1
    assert "on the wire" in said.stdout and "-> status #" in said.stdout and "<- health #" in said.stdout
    (test,) = json.loads(report.read_text())["tests"]
    assert test["outcome"] == "failed" and any("<- health" in line for line in test["wire"])
    assert 'name="target"' in xml.read_text()


@pytest.mark.parametrize(
    ("target", "sentence"),
    [("moon", "'moon' cannot be tested"), ("native", "cannot be tested"), ("serial:/dev/none", "no such device")],
)
def test_a_node_that_cannot_be_had_is_told_in_a_sentence(tmp_path, target, sentence):
    (tmp_path / "test_any.py").write_text("def test_any(node):\n    pass\n")
    said = run(tmp_path / "test_any.py", "--target", target)
    assert said.returncode in (1, 2, 4) and sentence in said.stdout + said.stderr


class Loop(Stream):
    """Gives back what is written."""

    def __init__(self):
        self.data = b""

    def read(self, timeout):
        data, self.data = self.data, b""
        return data

    def write(self, data):
        self.data += data


def test_a_wire_keeps_what_went_over_it_but_no_key():
    from glimpse.binding import serial_frame

    wire = Wire(Loop())
    wire.write(serial_frame(bytes((protocol("NODE_STATUS"), 7))))
    assert wire.read(0)
    wire.write(serial_frame(bytes((protocol("NODE_KEY"), 8)) + b"secret key" * 4))
    wire.pulled = True
    wire.write(b"lost\0")
    words = "\n".join(wire.lines())
    assert "-> status #7" in words and "<- status #7" in words and "key #8 ..." in words
    assert b"secret".hex(" ") not in words and "(cut) no message: 6c 6f 73 74" in words
    assert wire.stream.data.count(b"\0") == 1, "what was written while the cable was out"
