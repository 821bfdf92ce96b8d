# SPDX-License-Identifier: Apache-2.0
"""capture, stream, flash, bench and doctor, as a person types them; and the package away from its checkout."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

ROOT = Path(__file__).resolve().parents[2]


def glimpse(*words, cwd, environment=None, timeout=120):
    command = [sys.executable, "-m", "glimpse.cli", *map(str, words)]
    return subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, **(environment or {})},
    )


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    return path


@pytest.mark.parametrize("target", ["native", "sim:cortex-m33"])
def test_capture_writes_packets_and_picture(tmp_path, photo, target):
    done = glimpse(
        "capture",
        "--target",
        target,
        "--photo",
        photo,
        "-o",
        "a.glp",
        "--picture",
        "a.png",
        "--json",
        "-",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)
    assert numbers["packets"] > 10
    assert (tmp_path / "a.glp").read_bytes()[:4] == b"GLP1"
    assert Image.open(tmp_path / "a.png").size == (224, 224)


def test_stream_keeps_a_live_picture(tmp_path, photo):
    done = glimpse(
        "stream", photo, "--target", "sim:cortex-m7", "--frames", 3, "--budget", 1500, "--json", "s.json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    frames = json.loads((tmp_path / "s.json").read_text())["frames"]
    assert [f["frame"] for f in frames] == [0, 1, 2]
    assert all(f["bytes"] <= 1500 and f["psnr_db"] > 15 for f in frames)
    assert Image.open(tmp_path / "out/stream/live.png").size == (224, 224)


def test_flash_an_emulated_board(tmp_path):
    done = glimpse("flash", "--target", "sim:cortex-m7", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "runs mcucoder" in done.stdout


def test_bench_json_keys(tmp_path):
    words = ["bench", "--target", "sim:cortex-m33", "--frames", 1, "--budget", 600, "--no-whole", "--json", "-"]
    done = glimpse(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)
    assert {
        "target",
        "model",
        "frames",
        "instructions",
        "instructions_by_stage",
        "codec_percent",
        "estimated_ms",
        "ram_bytes",
        "flash_bytes",
    } <= set(numbers)
    assert set(numbers["ram_bytes"]) == {"static", "buffers", "stack_peak", "total", "latent", "reference", "camera"}
    assert set(numbers["flash_bytes"]) == {"code", "model", "total"}
    assert set(numbers["estimated_ms"]["nRF5340"]) == {"value", "low", "high"}
    assert 540 < numbers["bytes"] <= numbers["budget"] == 600
    stages = numbers["instructions_by_stage"]
    share = (stages["quantise"] + stages["pack"]) / numbers["instructions"]
    assert 0 < numbers["codec_percent"] < 5
    assert numbers["codec_percent"] == pytest.approx(100 * share, abs=0.01)


def test_doctor(tmp_path):
    done = glimpse("doctor", "--json", "-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = {f["name"]: f["found"] for f in json.loads(done.stdout)["findings"]}
    assert found["LiteRT"]
    assert "mcucoder" in found["models"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["capture", "--target", "native"], 1, "has no camera"),
        (["capture", "--target", "sim:cortex-m9", "--pattern"], 2, "no emulated"),
        (["capture", "--target", "carrier-pigeon", "--pattern"], 2, "not a target"),
        (["capture", "--target", "maix:/dev/tty-none", "--pattern"], 1, "no such device"),
        (["capture", "--target", "serial:/dev/tty-none", "--pattern"], 1, "no such device"),
        (["capture", "--target", "native", "--pattern", "--photo", "x.png"], 2, "exclude"),
        (["capture", "--target", "native", "--pattern", "-o", "nowhere/x.glp"], 1, "does not exist"),
        (["capture", "--target", "native", "--pattern", "--model", "nonesuch"], 1, "no model"),
        (["stream", "nothing-here"], 1, "no such file"),
        (["flash", "--target", "native"], 2, "no flashing"),
        (["flash", "--target", "serial:/dev/ttyACM0"], 2, "--board"),
        (["bench", "--frames", "0"], 2, "--frames"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_mistakes_get_a_sentence(tmp_path, words, code, sentence):
    done = glimpse(*words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_busy_or_wrong_serial_device_gets_a_sentence(tmp_path):
    (tmp_path / "file").write_text("not a port")
    done = glimpse("capture", "--target", f"serial:{tmp_path / 'file'}", "--pattern", cwd=tmp_path)
    assert done.returncode == 1
    assert "serial port" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_installed_wheel_finds_its_models(tmp_path, photo):
    """No checkout beside it: the models come from the package itself."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT],
        check=True,
        timeout=300,
    )
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    done = glimpse("encode", photo, "-o", "a.glp", cwd=tmp_path, environment={"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stderr
    done = glimpse("decode", "a.glp", "-o", "b.png", cwd=tmp_path, environment={"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stderr
    where = subprocess.run(
        [sys.executable, "-c", "import glimpse.zoo as z; print(z.load().folder)"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(site)},
    ).stdout
    assert where.startswith(str(site))
    done = glimpse("plan", "--model", "mcucoder", cwd=tmp_path, environment={"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stderr
    done = glimpse(
        "capture", "--target", "sim:cortex-m7", "--pattern", cwd=tmp_path, environment={"PYTHONPATH": str(site)}
    )
    assert done.returncode == 1
    assert "source folder" in done.stderr


def test_a_place_without_permission_or_with_too_long_a_name_gets_a_sentence(tmp_path, photo):
    done = glimpse("encode", photo, "-o", "a" * 300 + ".glp", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "name too long" in done.stderr


def test_two_builds_at_once_wait_for_each_other(tmp_path):
    """Two processes that both find the firmware old must not write the same files."""
    elf = ROOT / ".pio" / "build" / "qemu_cortex_m7" / "firmware.elf"
    if elf.is_file():
        os.utime(elf, (0, 0))
    code = "from glimpse.firmware import build; print(build('qemu_cortex_m7'))"
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        assert process.wait(timeout=300) == 0, process.stderr.read()


def test_every_protocol_constant_reaches_the_host():
    from glimpse.binding import protocol

    names = re.findall(r"\bNODE_\w+(?= = )", (ROOT / "firmware" / "app" / "protocol.h").read_text())
    assert len(names) > 20
    for name in names:
        assert isinstance(protocol(name), int)
    used = set()
    for file in (ROOT / "host" / "glimpse").rglob("*.py"):
        used |= set(re.findall(r"\"(NODE_[A-Z_]+[A-Z])\"", file.read_text()))
    assert used <= set(names)
