# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin for nodes in the loop: a serial port, what did not run and why, what a failure shows."""

import json
import os
import re
import struct
import subprocess
import sys
import tty
from contextlib import contextmanager
from pathlib import Path

import pytest
from glimpse.binding import protocol
from glimpse.errors import UsageError
from glimpse.hil.device import check_target, check_tools
from glimpse.hil.wire import TYPES, Wire
from glimpse.targets.client import SerialNode, Stream

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
        chosen = "says_who or bad_commands or cable or reset_in or settings or power"
        said = run(suite, "-k", chosen, "--target", f"serial:{port}", "--hil-json", report)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "5 passed, 0 failed" in said.stdout
    for name in ("power_cut_in_the_middle_of_a_frame", "settings_are_kept_without_power"):
        assert f"test_{name}" in said.stdout.split("= nodes =")[1]
    numbers = json.loads(report.read_text())
    assert numbers["counts"] == {"passed": 5, "skipped": 2} and numbers["targets"] == [f"serial:{port}"]
    skipped = [test for test in numbers["tests"] if test["outcome"] == "skipped"]
    assert all(test["why"].startswith("no power switch") and test["model"] == "mcucoder" for test in skipped)


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
    ("words", "sentence"),
    [
        (["--target", "moon"], "'moon' cannot be tested"),
        (["--target", "serial:/dev/none", "--flash"], "say which board hangs on serial:/dev/none"),
        (["--target", "sim:cortex-m7", "--hil-model", "moon"], "there is no model 'moon'"),
    ],
)
def test_options_that_mean_nothing_are_told_before_any_test(tmp_path, words, sentence):
    (tmp_path / "test_any.py").write_text("def test_any(node):\n    pass\n")
    said = run(tmp_path / "test_any.py", *words)
    (line,) = (said.stdout + said.stderr).strip().splitlines()
    assert said.returncode == pytest.ExitCode.USAGE_ERROR and sentence in line


@pytest.mark.parametrize("target", ["moon", "native", "sim:moon", "serial:", "maix:", "/dev/", ""])
def test_what_is_no_node_is_refused(target):
    with pytest.raises(UsageError, match="cannot be tested"):
        check_target(target)


@pytest.mark.parametrize(
    ("target", "board", "flash", "power", "sentence"),
    [
        ("maix:/dev/none", "nrf5340dk", True, None, "not for K210 boards"),
        ("/dev/none", "moon", False, None, "there is no board 'moon'"),
        ("/dev/none", None, False, "no-such-switch 3", "is no command"),
        ("/dev/none", None, False, "'", "is no command"),
    ],
)
def test_what_cannot_be_done_to_a_board_is_refused(target, board, flash, power, sentence):
    check_target(target)
    with pytest.raises(UsageError, match=sentence):
        check_tools([target], board, flash=flash, power=power)
    check_tools([target, "sim:k210"], "nrf5340dk", flash=not target.startswith("maix:"), power="true 3")


def test_a_node_that_is_not_there_fails_once_and_the_rest_does_not_run(tmp_path):
    (tmp_path / "test_any.py").write_text("\n".join(f"def test_{i}(node):\n    pass\n" for i in range(3)))
    report = tmp_path / "report.json"
    said = run(tmp_path / "test_any.py", "--target", "serial:/dev/none", "--hil-json", report)
    assert said.returncode == 1 and "Traceback" not in said.stdout and "plugin.py" not in said.stdout
    assert said.stdout.count("there is no such device; plug the board in") == 1
    assert "serial:/dev/none: 0 passed, 0 failed, 1 error\n  2 more did not run: serial:/dev/none could" in said.stdout
    numbers = json.loads(report.read_text())
    assert numbers["targets"] == ["serial:/dev/none"] and numbers["counts"] == {"error": 1, "skipped": 2}
    assert "no such device" in numbers["tests"][0]["why"]


def test_what_is_marked_long_runs_with_long_only(tmp_path):
    (tmp_path / "test_any.py").write_text("import pytest\n\n@pytest.mark.long\ndef test_any(device):\n    pass\n")
    words = [tmp_path / "test_any.py", "--target", "serial:/dev/none"]  # which nothing connects to
    said = run(*words)
    assert said.returncode == 0 and "1 skipped" in said.stdout and "takes long; --long runs it" in said.stdout
    assert "1 passed" in run(*words, "--long").stdout


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


def test_more_than_a_node_can_count_is_a_lower_bound():
    node = SerialNode(Loop(), "the node")
    node.unit = "cycles"
    for counts, at_least in (((1, 2, 3, 4), False), ((2**32 - 1, 2, 3, 4), False), ((1, 2**32 - 1, 3, 4), True)):
        stats = node._done(struct.pack("<BHII4II", 0, 0, 0, 0, *counts, 700), []).stats
        assert (stats.at_least, stats.total) == (at_least, sum(counts[1:]))


def test_every_message_has_a_name():
    """Those of firmware/app/protocol.h, from its requests to what comes after its replies."""
    header = (ROOT / "firmware" / "app" / "protocol.h").read_text()
    requests, replies = (
        re.search(rf"/\* {what}\. \*/\nenum {{(.*?)}};", header, re.DOTALL) for what in ("Requests", "Replies")
    )
    numbers = re.findall(r"NODE_(\w+) = (0x\w+)", requests[1] + replies[1])
    assert len(numbers) >= 24
    assert {int(number, 16): name.lower() for name, number in numbers} == TYPES
