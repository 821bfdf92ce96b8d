# SPDX-License-Identifier: Apache-2.0
"""A node is given all that it needs by one command over its serial line, and nothing twice."""

import json
import os
import pty
import subprocess
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from glimpse import zoo
from glimpse.keys import make_key
from glimpse.signing import make_signer
from support.typed import Glimpse


@contextmanager
def terminal() -> Iterator[tuple[int, str]]:
    """The other end of a serial line, and the line's path."""
    master, line = pty.openpty()
    tty.setraw(line)
    try:
        yield master, os.ttyname(line)
    finally:
        os.close(master)
        os.close(line)


@contextmanager
def on_a_line(program: Path, folder: Path) -> Iterator[str]:
    """The node program behind a serial port, at its second line a modem that says nothing."""
    with terminal() as (master, path), terminal() as (_, modem):
        environment = {**os.environ, "GLIMPSE_MODEM": modem}
        process = subprocess.Popen([program], stdin=master, stdout=master, cwd=folder, env=environment)
        try:
            yield f"serial:{path}"
        finally:
            process.kill()
            process.wait()


def test_all_at_once_and_again_nothing(program: Path, tmp_path: Path, glimpse: Glimpse):
    make_key(tmp_path / "key")
    signer = make_signer(tmp_path / "owner")
    words = ["--name", "Tür 2", "--period", "1h", "--deadline", "30m", "--region", "EU868", "--dr", "3", "--no-adr"]
    words += ["--key", tmp_path / "key", "--sign", tmp_path / "owner", "--model", "mcucoder-mse", "--pattern"]
    for life, expected in enumerate((["model", "signer", "name", "key", "period", "deadline", "modem"], [], [])):
        with on_a_line(program, tmp_path) as target:
            for _ in range(2 if life == 1 else 1):
                code, out, err = glimpse("node", "provision", "--target", target, *words, "--json", "-")
                assert code == 0, err
                seen = json.loads(out)
                assert seen["changed"] == expected
                assert (seen["name"], seen["model"], seen["slot"]) == ("Tür 2", "mcucoder-mse", 0)
                assert seen["signed_only"] and seen["sealed"]
                assert (seen["settings"]["period"], seen["settings"]["deadline"]) == (3600, 1800)
                assert seen["modem"]["region"] == "EU868" and seen["modem"]["data_rate"] == 3
                assert not seen["modem"]["adaptive"] and seen["modem"]["source"] == "pattern"
    assert signer.seed not in (tmp_path / "settings_a.bin").read_bytes()


def test_what_is_not_named_stays(program: Path, tmp_path: Path, glimpse: Glimpse):
    with on_a_line(program, tmp_path) as target:
        assert glimpse("node", "provision", "--target", target, "--name", "gate", "--period", "15m")[0] == 0
        code, out, _ = glimpse("node", "provision", "--target", target, "--budget", "900", "--quiet", "8")
        assert code == 0
        for line in ("name      gate", "period    900 s", "budget    900 bytes  (set now)", "modem     none"):
            assert line in out
        assert "quiet     what moved by 8 grey levels  (set now)" in out
        assert glimpse("node", "provision", "--target", target, "--name", "")[0] == 0
        assert "name      none" in glimpse("node", "provision", "--target", target)[1]


def test_models_as_a_person_sends_them(program: Path, tmp_path: Path, glimpse: Glimpse, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_signer(Path("thief"))
    with on_a_line(program, tmp_path) as target:

        def run(*words: object, code: int = 0) -> str:
            ended, out, err = glimpse("model", *words)
            assert ended == code, out + err
            return out + err

        run("new-signer", "owner")
        run("sign", "owner", "-o", "m.glpm", "--model", "mcucoder-mse")
        run("trust", "owner", "--target", target)
        assert "not signed" in run("trust", "thief", "--target", target, code=1)
        assert "not signed" in run("send", "--target", target, "--model", "mcucoder-mse", code=1)
        assert "not signed" in run("send", "--target", target, "--model", "mcucoder-mse", "--sign", "thief", code=1)
        assert "on trial" in run("send", "--target", target, "--file", "m.glpm")
        assert "has it already" in run("send", "--target", target, "--file", "m.glpm")
        assert glimpse("capture", "--target", target, "--pattern", "--model", "mcucoder-mse", "-o", "x.glp")[0] == 0
        status = json.loads(run("status", "--target", target, "--json", "-"))
        assert (status["state"], status["slot"], status["signed_only"]) == ("proven", 0, True)
        assert status["check"] == zoo.load("mcucoder-mse").binding.check
        run("trust", "thief", "--target", target, "--replaces", "owner", code=1)  # the model in use is not the thief's
        assert "built in" in run("back", "--target", target)
        run("trust", "thief", "--target", target, "--replaces", "owner")
        assert "not signed" in run("send", "--target", target, "--file", "m.glpm", code=1)
        assert "leave --sign out" in run("send", "--target", target, "--file", "m.glpm", "--sign", "owner", code=2)
        assert "not a signed model" in run("send", "--target", target, "--file", "owner", code=1)
        assert "no such file" in run("send", "--target", target, "--file", "nothing", code=1)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--target", "native"), "keeps no settings"),
        (("--target", "sim:cortex-m33", "--region", "MARS"), "there is no region 'MARS'"),
        (("--target", "sim:cortex-m33", "--dialect", "morse"), "no modem speaks morse"),
        (("--target", "sim:cortex-m33", "--period", "soon"), "not a time"),
        (("--target", "sim:cortex-m33", "--name", "a name of 17 byte"), "too long"),
    ],
)
def test_wrong_usage(glimpse: Glimpse, words: tuple[str, ...], why: str):
    code, _, err = glimpse("node", "provision", *words)
    assert (code, why in err) == (2, True), err
