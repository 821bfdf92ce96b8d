# SPDX-License-Identifier: Apache-2.0
"""glimpse bench --target sim:k210: the published formula, and every number with what it is worth."""

import json
import shutil

import pytest
from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.export.cost import cost_of
from glimpse.maix import cost


@pytest.fixture(scope="module")
def numbers():
    return cost.measure(zoo.load("starfish"))


def test_cycles_are_those_of_the_formula(numbers):
    """Channels in x out x rows x 64-pixel steps; rows of up to 32 pixels go two at a time, of up to 16 four."""
    expected = [3 * 64 * 112 * 2, 64 * 64 * 56, 64 * 64 * 28 // 2, 64 * 8 * 14 // 4]
    assert [layer["cycles"] for layer in numbers["layers"]] == expected
    busy = 4 * sum(expected) / 400e6 * 1e3
    (time,) = numbers["estimated_ms"].values()
    assert time["low"] == pytest.approx(busy + 16 * 0.2, abs=0.01)
    assert time["high"] == pytest.approx(busy + 16 * 0.4, abs=0.01)
    assert time["low"] < time["value"] < time["high"]


def test_work_and_memory_are_the_networks(numbers):
    """The second layer's input and output, in lines of 64 bytes; two rows of 28 pixels share one."""
    whole = cost_of(zoo.load("starfish").folder)
    assert (numbers["macs"], numbers["weights"]) == (whole.macs, whole.weights)
    assert numbers["ram_bytes"]["kpu"] == 64 * 56 * 64 + 32 * 28 * 64
    assert numbers["flash_bytes"]["total"] == sum(numbers["flash_bytes"][part] for part in ("model", "blob"))


def test_every_number_says_what_it_is_worth(numbers):
    for figure in numbers["figures"]:
        assert (figure["label"] in ("measured", "simulated", "estimated")) == (figure["value"] is not None)
        assert figure["source"]
        if figure["low"] is not None:
            assert figure["label"] == "estimated"
            assert figure["low"] <= figure["value"] <= figure["high"]
    published = {figure["what"]: figure["published"] for figure in numbers["figures"] if figure["published"]}
    assert set(published.values()) == {940.0, 83_000, 126e6, 7.81, 29.9}


def test_packing_is_what_was_measured_under_micropython(tmp_path):
    shutil.copytree(zoo.load("starfish").folder, tmp_path / "s", ignore=shutil.ignore_patterns("checkpoint", "results"))
    model = zoo.load(str(tmp_path / "s"))
    (unknown,) = cost.packing(model)
    assert unknown.value is None
    (tmp_path / "s" / "results").mkdir()
    file = tmp_path / "s" / "results" / cost.SPEED
    measured = {"photos": 4, "bytes": 8000, "node": {"ms": 500.0}, "heap_bytes": {"code": 60_000, "model": 40_000}}
    file.write_text(json.dumps(measured))
    time, speed, heap = cost.packing(model)
    assert (time.value, speed.value, heap.value) == (125.0, 16_000, 100_000)
    assert {time.label, speed.label, heap.label} == {"simulated"}
    for broken in ("", "[]", json.dumps({**measured, "photos": 0}), json.dumps({**measured, "node": 1})):
        file.write_text(broken)
        with pytest.raises(GlimpseError, match="measure it again"):
            cost.packing(model)


def test_the_command_shows_and_writes_it(glimpse, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = glimpse("bench", "--target", "sim:k210", "--json", tmp_path / "n.json")
    assert code == 0, err
    assert "83,600 bytes" in out
    assert "estimated" in out
    assert "940 ms" in out
    numbers = json.loads((tmp_path / "n.json").read_text())
    assert numbers["target"] == "sim:k210"
    assert {"model", "board", "instructions", "estimated_ms", "ram_bytes", "flash_bytes"} <= set(numbers)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [(["--model", "mcucoder"], 1, "kernel"), (["photo.png"], 2, "leave the photo out")],
)
def test_what_cannot_be_estimated_gets_a_sentence(glimpse, words, code, sentence):
    found, _, err = glimpse("bench", "--target", "sim:k210", *words)
    assert found == code
    assert sentence in err
