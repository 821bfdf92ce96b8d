# SPDX-License-Identifier: Apache-2.0
"""glimpse evaluate as a person meets it: one command on a folder, numbers, plots, and a sentence for what is wrong."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from glimpse import zoo
from glimpse.commands.evaluate import _codecs
from glimpse.evaluation import jpeg
from glimpse.evaluation.table import loss_table
from glimpse.samples import sample_photos
from PIL import Image
from rich.console import Console
from support.typed import Glimpse


@pytest.fixture(autouse=True)
def few_points(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jpeg, "QUALITIES", (2, 10, 40, 80))


@pytest.fixture
def run(glimpse: Glimpse, monkeypatch: pytest.MonkeyPatch) -> Glimpse:
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: glimpse("evaluate", *words)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    place.mkdir()
    for name in ("cat", "coffee"):
        shutil.copy(sample_photos()[name], place)
    return place


def test_seven_losses_fit_a_terminal():
    losses = (0, 0.03, 0.05, 0.1, 0.2, 0.3, 0.4)
    means = [
        {"codec": "mcucoder-mse", "loss": loss, "bytes": 2496.0, "psnr_db": 24.5, "ms_ssim": 0.9123} for loss in losses
    ]
    console = Console(width=80, file=io.StringIO())
    console.print(loss_table({"measure": "MS-SSIM", "loss": {"means": means}}))
    text = console.file.getvalue()
    assert "mcucoder-mse" in text and "2,496" in text and text.count("0.912") == 7 and "…" not in text


def test_models_of_one_name_are_refused_before_their_numbers_mix(folder: Path, tmp_path: Path, run: Glimpse):
    copy = tmp_path / "retrained"
    shutil.copytree(zoo.load("mcucoder").folder, copy, ignore=shutil.ignore_patterns("checkpoint", "results"))
    code, _, error = run("--data", folder, "--models", f"mcucoder,{copy}", "--baselines", "jpeg")
    assert code == 2 and "two codecs are called 'mcucoder'" in error and "model.toml" in error


def test_without_names_every_model_is_compared():
    (models, baselines), left_out = _codecs(None, "jpeg", 222)
    assert (models, baselines, left_out) == (tuple(zoo.names()), ("jpeg",), [])


def test_one_command_ends_with_a_table_numbers_and_plots(folder: Path, tmp_path: Path, run: Glimpse):
    Image.fromarray(np.full((3, 5, 3), 200, np.uint8)).save(folder / "tiny.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 not really")
    (folder / "notes.txt").write_text("no photo")
    words = ["--data", folder, "--models", "mcucoder", "--baselines", "jpeg,jpeg-optimised,wavelet", "--points", 3]
    code, out, error = run(
        *words, "--jobs", 1, "--loss", "0,30", "--seeds", 1, "--json", tmp_path / "e.json", "--plot", tmp_path / "plots"
    )
    assert (code, error) == (0, "")
    assert "broken.jpg: " in out and "BD-rate" in out and "anchor" in out and "wavelet" in out and "…" not in out
    assert max(map(len, out.replace(str(tmp_path), "").splitlines())) <= 80
    numbers = json.loads((tmp_path / "e.json").read_text())
    assert numbers["photos"] == ["chelsea.png", "coffee.png", "tiny.png"]
    assert [each["image"] for each in numbers["skipped"]] == ["broken.jpg"]
    assert (numbers["anchor"], numbers["fit"], numbers["payload"], numbers["measure"]) == (
        "jpeg",
        "crop",
        222,
        "MS-SSIM",
    )
    assert numbers["command"].startswith("glimpse evaluate --data") and numbers["size"] == [224, 224]
    assert list(numbers["codecs"]) == ["mcucoder", "jpeg", "jpeg-optimised", "wavelet"]
    assert numbers["models"] == ["mcucoder"]
    row = next(row for row in numbers["rows"] if row["codec"] == "jpeg" and row["setting"] == "q40")
    assert set(row) == {"codec", "setting", "image", "bytes", "bpp", "psnr_db", "ms_ssim", "ms_ssim_db"}
    assert row["bpp"] == pytest.approx(8 * row["bytes"] / 224**2)
    assert {len(codec) for codec in numbers["table"].values()} == {5}
    for name in ("jpeg-optimised", "wavelet", "mcucoder"):
        assert {"psnr_percent", "ms_ssim_percent"} <= set(numbers["bd_rate"][name])
    assert "jpeg" not in numbers["bd_rate"] and numbers["bd_rate"]["jpeg-optimised"]["psnr_percent"] < -5
    assert [(mean["loss"], mean["codec"]) for mean in numbers["loss"]["means"]] == [(0, "mcucoder"), (0.3, "mcucoder")]
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert names == {f"{name}.{kind}" for name in ("psnr", "ms_ssim", "loss") for kind in ("png", "svg")}


def test_two_processes_give_the_same_rows(folder: Path, run: Glimpse):
    words = ["--data", folder, "--models", "none", "--baselines", "wavelet", "--anchor", "wavelet", "--json", "-"]
    results = [json.loads(run(*words, "--jobs", jobs)[1]) for jobs in (1, 2)]
    assert results[0]["rows"] == results[1]["rows"] and len({row["image"] for row in results[0]["rows"]}) == 2


def test_json_on_standard_output_stands_alone_and_squash_is_said(folder: Path, run: Glimpse):
    code, out, error = run(
        "--data", folder, "--models", "none", "--baselines", "jpeg", "--fit", "squash", "--limit", 1, "--json", "-"
    )
    numbers = json.loads(out)
    assert code == 0 and numbers["fit"] == "squash" and len(numbers["photos"]) == 1 and "squashed" in error


def test_the_validation_split_is_every_twentieth_photo(tmp_path: Path, run: Glimpse):
    for number in range(21):
        Image.fromarray(np.full((50, 50, 3), 10 * number, np.uint8)).save(tmp_path / f"{number:02}.png")
    words = ["--data", tmp_path, "--models", "none", "--baselines", "jpeg", "--split", "validation", "--json", "-"]
    numbers = json.loads(run(*words, "--jobs", 1)[1])
    assert numbers["photos"] == ["00.png", "20.png"] and numbers["split"] == "validation"


def test_class_folders_are_looked_into(tmp_path: Path, run: Glimpse):
    for name in ("cat", "coffee"):
        (tmp_path / name).mkdir()
        shutil.copy(sample_photos()[name], tmp_path / name / "a.png")
    words = ["--data", tmp_path, "--models", "none", "--baselines", "jpeg", "--jobs", 1, "--json", "-"]
    assert json.loads(run(*words)[1])["photos"] == ["cat/a.png", "coffee/a.png"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--baselines", "gif"], 2, "there is no baseline 'gif'"),
        (["--models", "nothing"], 1, "there is no model 'nothing'"),
        (["--models", "none", "--baselines", "none"], 2, "nothing to compare"),
        (["--models", "none", "--baselines", "jpeg", "--anchor", "webp"], 2, "the anchor 'webp' is not among"),
        (["--loss", "0,many"], 2, "--loss takes percentages"),
        (["--loss", "120"], 2, "percentages from 0 to 100"),
        (["--classifier", "some.tflite"], 2, "needs both --classifier and --labels"),
        (["--models", "none", "--baselines", "jpeg", "--saliency", "here"], 2, "none of the models has a saliency"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(folder: Path, run: Glimpse, words: list[str], code: int, sentence: str):
    ended, out, error = run("--data", folder, *words)
    assert ended == code and sentence in error and error.count("\n") == 1 and "Traceback" not in error + out


def test_folders_without_photos_are_one_sentence(tmp_path: Path, run: Glimpse):
    for place, sentence in ((tmp_path / "none", "there is no folder"), (tmp_path, "has no photos")):
        code, _, error = run("--data", place, "--baselines", "jpeg")
        assert code == 1 and sentence in error and error.count("\n") == 1
    (tmp_path / "a.jpg").write_bytes(b"no")
    code, _, error = run("--data", tmp_path, "--models", "none", "--baselines", "jpeg", "--jobs", 1)
    assert code == 1 and "none of the 1 photos" in error and "a.jpg" in error
