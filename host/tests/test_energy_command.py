# SPDX-License-Identifier: Apache-2.0
"""`glimpse energy`, and the model behind it: sums that can be done by hand."""

import json

import pytest
from glimpse.binding.schedule import regions
from glimpse.cli import app
from glimpse.energy.model import CORES, SENDING, Range, Way, compute_mj, cut, listening_ms, radio_mj
from glimpse.energy.trace import write_trace
from glimpse.errors import UsageError
from glimpse.glp import write_packets
from test_energy_trace import IDLE, PICTURE, expected_mj, make_trace
from typer.testing import CliRunner


def run(*words):
    return CliRunner().invoke(app, ["energy", *map(str, words)])


@pytest.fixture
def trace_file(tmp_path):
    write_trace(tmp_path / "t.csv", make_trace(IDLE + PICTURE))
    return tmp_path / "t.csv"


def region(name):
    return next(r for r in regions() if r.name == name)


def test_instructions_to_millijoules_by_hand():
    mj = compute_mj(128e6, "cortex-m33")  # 128 M instructions at 1.26 cycles: 1.26 s at 7.8 mA and 3 V
    assert mj.value == pytest.approx(1.26 * 7.8 * 3.0)
    assert mj.low == pytest.approx(1.26 * 0.87 * 7.0 * 3.0) and mj.high == pytest.approx(1.26 * 1.1 * 8.6 * 3.0)
    with pytest.raises(UsageError, match="cortex-m7"):
        compute_mj(1, "cortex-m0")


def test_the_radio_by_hand():
    """Starfish's Table 1: 11 packets of 242 bytes are 4.396 s on the air at SF7."""
    eu = region("EU868")
    way = Way(eu, eu.rates[5], 242)
    mj = radio_mj(way, [242] * 11)
    windows = 11 * 0.060 * 11.0 * 3.0
    assert mj.value - windows == pytest.approx(4.396 * 45 * 3, rel=2e-3)
    assert (way.name, Way(eu, eu.rates[6], 242).name) == ("EU868 SF7", "EU868 SF7/250")
    assert listening_ms(eu, eu.rates[0]) == pytest.approx(2 * 8 * 4096 / 125)
    sigfox = Way(region("Sigfox"), region("Sigfox").rates[0], 12)
    assert radio_mj(sigfox, [12, 3]).value == pytest.approx(2 * 6.24 * 45 * 3)  # three times 26 bytes at 100 bit/s
    assert sigfox.bytes_per_second == pytest.approx(12 / 6.24)
    assert cut(25, 12) == [12, 12, 1] and cut(24, 12) == [12, 12]
    assert SENDING["lorawan"].milliwatts == Range(135.0, 94.5, 175.5) and set(CORES) == {"cortex-m7", "cortex-m33"}


def test_a_trace_alone(trace_file, tmp_path):
    out = tmp_path / "e.json"
    result = run("--meter", f"trace:{trace_file}", "--bytes", 600, "--every", "1h", "--json", out)
    assert result.exit_code == 0, result.output
    n = json.loads(out.read_text())
    whole = sum(map(expected_mj, range(4)))
    assert (n["label"], n["images"], n["partial"], n["radio"], n["bytes"]) == ("measured", 1, 0, None, 600)
    assert n["total_mj"]["value"] == pytest.approx(whole, abs=1e-3)
    assert n["uj_a_delivered_byte"]["value"] == pytest.approx(whole / 600 * 1e3, abs=1e-2)
    day = 24 * (whole / 3.0 / 3600 + 1.0)
    assert n["life"]["battery_days"]["value"] == pytest.approx(2600 / day, rel=1e-3)


def test_a_trace_and_a_radio_by_formula(trace_file, tmp_path):
    """What may be another radio in the trace gives way to the link that was named; losses are sent again."""
    out, glp = tmp_path / "e.json", tmp_path / "p.glp"
    write_packets(glp, [bytes(51)] * 3 + [bytes(20)])
    words = ("--meter", f"trace:{trace_file}", "--glp", glp, "--region", "EU868", "--sf", 12, "--every", "1d")
    assert run(*words, "--loss", 50, "--json", out).exit_code == 0
    n = json.loads(out.read_text())
    eu = region("EU868")
    air = radio_mj(Way(eu, eu.rates[0], 51), [51, 51, 51, 20]).value
    assert n["radio"]["mj"]["value"] == pytest.approx(2 * air, abs=1e-2) and n["radio"]["packets"] == 4
    stages = sum(expected_mj(mark) for mark in (1, 2, 3))
    assert n["total_mj"]["value"] == pytest.approx(stages + 2 * air, abs=1e-2)
    assert n["bytes"] == 173
    days = n["life"]["battery_days"]
    assert days["low"] < days["value"] < days["high"]


def test_a_live_meter_beside_a_node(monkeypatch, tmp_path):
    """The bytes are those of the capture; what was recorded is kept, and read again it says the same."""

    class Meter:
        def record(self, seconds):
            assert seconds == 3.5
            return make_trace(IDLE + PICTURE)

    monkeypatch.setattr("glimpse.commands.energy.open_meter", lambda address, volts: Meter())
    monkeypatch.setattr("glimpse.commands.energy.LEAD_S", 0.0)
    out, kept = tmp_path / "e.json", tmp_path / "kept.csv"
    words = ("--meter", "ppk2:/dev/null", "--volts", 3, "--target", "native", "--seconds", 3.5, "--save", kept)
    assert run(*words, "--payload", 51, "--json", out).exit_code == 0
    live = json.loads(out.read_text())
    assert live["bytes"] > 1000
    monkeypatch.undo()
    assert run("--meter", f"trace:{kept}", "--bytes", live["bytes"], "--json", out).exit_code == 0
    again = json.loads(out.read_text())
    assert again["total_mj"] == live["total_mj"] and again["uj_a_delivered_byte"] == live["uj_a_delivered_byte"]


def test_the_model_of_an_emulated_node(tmp_path):
    out = tmp_path / "e.json"
    result = run("--meter", "sim:cortex-m33", "--region", "EU868", "--sf", 9, "--every", "1h", "--json", out)
    assert result.exit_code == 0, result.output
    n = json.loads(out.read_text())
    assert n["label"] == "estimated" and set(n["stages"]) == {"acquire", "network", "pack"}
    network = n["stages"]["network"]["mj"]
    assert network["low"] < network["value"] < network["high"]
    seconds = n["stages"]["network"]["seconds"]["value"]
    assert network["value"] == pytest.approx(seconds * 7.8 * 3.0, rel=1e-3)
    assert n["total_mj"]["value"] == pytest.approx(n["image_mj"]["value"] + n["radio"]["mj"]["value"], abs=1e-2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--meter", "trace:nowhere.csv"), "no such file"),
        (("--meter", "sim:z80"), "sim:cortex-m7"),
        (("--meter", "oscilloscope"), "there is no meter"),
        (("--sf", "9"), "--region"),
        (("--region", "EU868", "--payload", "100", "--sf", "12"), "at most 51"),
        (("--region", "Mars",), "no region"),
        (("--meter", "TRACE", "--region", "EU868"), "--bytes or --glp"),
        (("--meter", "TRACE", "--region", "EU868", "--every", "1h", "--glp", "EMPTY"), "--bytes or --glp"),
        (("--meter", "TRACE", "--target", "native"), "leave --target out"),
        (("--meter", "TRACE", "--model", "limitnet"), "--model"),
        (("--meter", "TRACE", "photo.jpg"), "--target"),
        (("--meter", "TRACE", "--every", "soon"), "is no time"),
    ],
)  # fmt: skip
def test_refusals(trace_file, tmp_path, words, said, monkeypatch):
    from glimpse import cli

    write_packets(tmp_path / "empty.glp", [])
    words = [
        word.replace("TRACE", f"trace:{trace_file}").replace("EMPTY", str(tmp_path / "empty.glp")) for word in words
    ]
    monkeypatch.setattr("sys.argv", ["glimpse", "energy", *words])
    lines = []
    monkeypatch.setattr("glimpse.cli.print", lambda *text, file=None: lines.extend(text), raising=False)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code in (1, 2) and len(lines) == 1
    assert said in lines[0] and "\n" not in lines[0]
