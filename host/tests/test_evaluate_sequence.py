# SPDX-License-Identifier: Apache-2.0
"""glimpse evaluate --sequence: a scene in which little moves costs little, and a sentence for what is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from glimpse.evaluation import sequence
from glimpse.samples import sample_photos
from PIL import Image
from support.typed import Glimpse


@pytest.fixture
def run(glimpse: Glimpse, monkeypatch: pytest.MonkeyPatch) -> Glimpse:
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *words: glimpse("evaluate", *words)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Three frames of a fixed camera: noise everywhere, and a box that moves."""
    folder, random = tmp_path / "scene", np.random.default_rng(1)
    folder.mkdir()
    still = np.asarray(Image.open(sample_photos()["coffee"]).convert("RGB").resize((300, 240)), np.int16)
    for number in range(3):
        frame = still + random.integers(-2, 3, still.shape)
        frame[100:130, 60 + 40 * number : 90 + 40 * number] = (20, 30, 200)
        Image.fromarray(np.clip(frame, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def test_little_moves_and_little_is_sent(run: Glimpse, scene: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sequence, "BUDGETS", (300, None))
    code, out, error = run("--sequence", scene, "--models", "mcucoder", "--payload", 51, "--json", "-")
    assert code == 0, error
    numbers = json.loads(out)
    (found,) = numbers["sequences"]
    assert (found["sequence"], found["frames"], found["payload"]) == ("scene", 3, 51)
    rows = {(row["way"], row["budget"]): row for row in found["rows"]}
    assert rows["images", None]["images"] == 3 and rows["prior", None]["images"] == 1
    image, prior = rows["images", None], rows["prior", None]
    assert image["bytes"] / 3 < prior["bytes"] < image["bytes"] / 2 and prior["old"] > 0
    assert prior["ms_ssim_db"] > image["ms_ssim_db"] - 1
    assert all(row["bytes"] <= 300 for (_, budget), row in rows.items() if budget)
    # With a budget each frame adds to what is there.
    assert rows["prior", 300]["ms_ssim_db"] > rows["images", 300]["ms_ssim_db"]


def test_what_is_wrong_is_said(run: Glimpse, scene: Path, tmp_path: Path):
    code, _, error = run("--sequence", scene, "--data", scene)
    assert code == 2 and "either" in error
    assert run()[0] == 2
    code, _, error = run("--sequence", scene, "--limit", 1, "--models", "mcucoder")
    assert code == 1 and "fewer than two frames" in error
    code, _, error = run("--sequence", tmp_path / "none.mp4", "--models", "mcucoder")
    assert code == 1 and "there is no" in error


def test_films_are_read_or_refused_in_a_sentence(run: Glimpse, tmp_path: Path):
    not_a_film = tmp_path / "film.mp4"
    not_a_film.write_text("not a film")
    code, _, error = run("--sequence", not_a_film, "--models", "mcucoder")
    assert code == 1 and ("PyAV" in error or "not a film" in error) and "Traceback" not in error
