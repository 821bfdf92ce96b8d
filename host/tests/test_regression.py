# SPDX-License-Identifier: Apache-2.0
"""A benchmark against an earlier one and against the committed ceilings."""

import copy
import json

import pytest
from glimpse import bench, binding, firmware, regression, zoo
from glimpse.errors import GlimpseError, UsageError
from glimpse.export.zoo_entry import CORES
from typer.testing import CliRunner


def results(model, core):
    return regression.read_bench(firmware.root() / "models" / model / "results" / f"bench-{core}.json")


def worse_by(numbers, percent, *path):
    changed = copy.deepcopy(numbers)
    part = changed
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = (
        [round(n * (1 + percent / 100)) for n in part[path[-1]]]
        if isinstance(part[path[-1]], list)
        else round(part[path[-1]] * (1 + percent / 100))
    )
    return changed


@pytest.mark.parametrize("path", [("counts",), ("ram_bytes", "total"), ("flash_bytes", "total"), ("bytes",)])
def test_what_is_worse_than_before_is_found(path):
    old = results("mcucoder", "cortex-m7")
    assert regression.worse(regression.compare(old, old)) == []
    assert regression.worse(regression.compare(old, worse_by(old, 2.9, *path))) == []
    found = regression.worse(regression.compare(old, worse_by(old, 3.1, *path)))
    assert len(found) == 1 and found[0].percent == pytest.approx(3.1, abs=0.1)
    assert regression.worse(regression.compare(old, worse_by(old, 3.1, *path)), 5) == []
    assert regression.worse(regression.compare(worse_by(old, 3.1, *path), old)) == []


def test_a_stage_is_shown_but_counts_within_its_sum_only():
    old = results("mcucoder", "cortex-m7")
    changes = regression.compare(old, worse_by(old, 50, "instructions_by_stage", "quantise"))
    assert [c.what.strip() for c in changes if c.percent > 3] == ["quantise"]
    assert regression.worse(changes) == []


def test_only_the_same_is_compared():
    old = results("mcucoder", "cortex-m7")
    with pytest.raises(UsageError, match="the model mcucoder, this one limitnet"):
        regression.compare(old, results("limitnet", "cortex-m7"))
    with pytest.raises(UsageError, match="the target"):
        regression.compare(old, results("mcucoder", "cortex-m33"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"target": 1}', "\x00"])
def test_what_is_no_benchmark_is_refused(tmp_path, text):
    (tmp_path / "old.json").write_text(text)
    with pytest.raises(GlimpseError, match="no benchmark"):
        regression.read_bench(tmp_path / "old.json")


def test_a_benchmark_without_its_numbers_is_refused():
    old = results("mcucoder", "cortex-m7")
    with pytest.raises(GlimpseError, match="lacks numbers"):
        regression.compare(old | {"counts": ["many"]}, old)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("model", zoo.names())
def test_the_committed_results_stay_below_the_ceilings(model, core):
    """Every model has ceilings, and none of its results is 3 % above."""
    changes = regression.against_ceiling(model, core, results(model, core))
    assert {c.what.rsplit(": ")[1] for c in changes} == {"instructions", "ram_bytes", "flash_bytes"}
    assert regression.worse(changes) == [], regression.sentence(regression.worse(changes))


@pytest.mark.parametrize("core", CORES)
def test_the_model_with_a_saliency_branch_stays_below_its_ceilings(core):
    """test_same_everywhere.py measures the standard model so; the others have its network or are for another chip."""
    model = zoo.load("limitnet")
    photo = binding.pattern(model.binding.photo_width, model.binding.photo_height)
    numbers = bench.measure(f"sim:{core}", model, photo, frames=1)
    changes = regression.against_ceiling("limitnet", core, numbers)
    assert regression.worse(changes) == [], regression.sentence(regression.worse(changes))
    assert numbers["ram_bytes"]["total"] <= 36 * 1024
    assert numbers["flash_bytes"]["total"] <= 96 * 1024


@pytest.mark.parametrize("model", ["mcucoder", "limitnet"])
def test_the_images_of_the_real_boards_stay_small(model):
    for board in ("stm32f746g_disco", "nrf5340dk"):
        sizes = firmware.memory(firmware.build(board, zoo.load(model).folder))
        assert sizes["flash"] <= 96 * 1024
        assert sizes["static"] <= 14 * 1024


def test_a_ceiling_fails_three_percent_above_it():
    limits = regression.read_ceilings()["mcucoder"]["cortex-m7"]
    for what in limits:
        for percent, failures in ((2.9, 0), (3.1, 1)):
            now = {key: value * (1 + percent / 100) if key == what else value for key, value in limits.items()}
            numbers = {
                "instructions": now["instructions"],
                "ram_bytes": {"total": now["ram_bytes"]},
                "flash_bytes": {"total": now["flash_bytes"]},
            }
            assert len(regression.worse(regression.against_ceiling("mcucoder", "cortex-m7", numbers))) == failures


def test_the_command_ends_with_1_and_a_table_when_it_got_worse(tmp_path, monkeypatch):
    from glimpse.cli import app

    old = results("mcucoder", "cortex-m7")
    monkeypatch.setattr("glimpse.bench.measure", lambda *args, **options: worse_by(old, 4, "counts"))
    file = tmp_path / "old.json"
    file.write_text(json.dumps(old))
    words = ["bench", "--target", "sim:cortex-m7", "--compare", str(file)]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, GlimpseError) and "+4.0 %" in str(result.exception)
    assert "instructions a frame" in result.output and "+4.00" in result.output
    assert CliRunner().invoke(app, [*words, "--limit", "5"]).exit_code == 0
