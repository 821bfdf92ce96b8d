# SPDX-License-Identifier: Apache-2.0
"""Old revisions of a model stay decodable from an archive, and are told from the current one."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from glimpse import archive, zoo
from glimpse.errors import GlimpseError
from glimpse.glp import write_packets
from PIL import Image
from support.typed import typed

CURRENT = zoo.load()
NOW = CURRENT.binding.revision


def old(place: Path, back: int, name: str = "mcucoder") -> Path:
    """A copy of the current model that says it is so many revisions older, with another quantiser."""
    folder = place / f"old-{back}"
    folder.mkdir(parents=True)
    for file in ("encoder.tflite", "decoder.tflite", "tables.json"):
        shutil.copyfile(CURRENT.folder / file, folder / file)
    toml = (CURRENT.folder / "model.toml").read_text()
    toml = re.sub(r"^revision = \d+", f"revision = {(NOW - back) % 256}", toml, flags=re.MULTILINE)
    (folder / "model.toml").write_text(toml.replace('"mcucoder"', f'"{name}"'))
    tables = json.loads((folder / "tables.json").read_text())
    tables["step"] = [step + back for step in tables["step"]]
    (folder / "tables.json").write_text(json.dumps(tables))
    return folder


@pytest.fixture(autouse=True)
def no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    zoo.load.cache_clear()
    yield
    zoo.load.cache_clear()


def test_the_nearest_revision_before_the_current_one_is_taken(tmp_path: Path):
    for back in (9, 1, 3, 2):
        old(tmp_path / "a", back)
    (tmp_path / "a" / "old-1" / "sub").mkdir()
    (tmp_path / "a" / "damaged").mkdir()
    (tmp_path / "a" / "damaged" / "model.toml").write_text("[model")
    shelf = archive.Shelf([tmp_path / "a"])
    assert shelf.choose(CURRENT.binding.id, NOW % 2).binding.revision == NOW
    before = shelf.choose(CURRENT.binding.id, 1 - NOW % 2)
    assert before.binding.revision == (NOW - 1) % 256 and shelf.choose(CURRENT.binding.id, 1 - NOW % 2) is before
    assert shelf.choose(31, 0) is None and not shelf.knows(31) and shelf.knows(CURRENT.binding.id)


def test_of_a_model_that_only_archives_have_the_highest_revision_is_the_current_one(tmp_path: Path):
    for back in (4, 2, 3):
        toml = old(tmp_path, back, "own") / "model.toml"
        toml.write_text(re.sub(r"^id = \d+", "id = 30", toml.read_text(), flags=re.MULTILINE))
    shelf = archive.Shelf([tmp_path])
    assert {shelf.choose(30, bit).binding.revision for bit in (0, 1)} == {(NOW - 2) % 256, (NOW - 3) % 256}


def test_a_damaged_copy_does_not_hide_the_one_behind_it(tmp_path: Path):
    (old(tmp_path, 1) / "tables.json").write_text("{}")
    old(tmp_path, 3)
    assert archive.Shelf([tmp_path]).choose(CURRENT.binding.id, 1 - NOW % 2).binding.revision == (NOW - 3) % 256


def test_without_an_archive_only_the_current_revision_is_known():
    assert archive.Shelf().choose(CURRENT.binding.id, 1 - NOW % 2) is None
    with pytest.raises(GlimpseError, match=r"there is no mcucoder@200, only .*mcucoder@\d+; name the archive"):
        zoo.load("mcucoder@200")
    with pytest.raises(GlimpseError, match="there is no archive nowhere"):
        archive.Shelf([Path("nowhere")])


def test_packets_of_an_old_revision_are_decoded_from_the_archive(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    before = zoo.ZooModel(old(tmp_path / "archive", 1))
    symbols = np.random.default_rng(1).integers(0, 8, before.binding.latent_shape).astype(np.uint8)
    glp = tmp_path / "old.glp"
    write_packets(glp, before.binding.pack(symbols, frame=3, payload=242, budget=2000))
    assert typed("decode", glp, "-o", tmp_path / "a.png") == 1
    assert "made by another revision of the model (name the archive that holds it" in capfd.readouterr().out
    name = f"mcucoder@{(NOW - 1) % 256}"
    for words in (["--archive", tmp_path / "archive"], ["--archive", tmp_path / "archive", "--model", name]):
        assert typed("decode", glp, "-o", tmp_path / "a.png", "--json", "-", *words) == 0
        numbers = json.loads(capfd.readouterr().out)
        assert (numbers["model"], numbers["revision"]) == ("mcucoder", (NOW - 1) % 256)
    assert typed("decode", glp, "--all", tmp_path / "all", "--archive", tmp_path / "archive") == 0
    assert name in capfd.readouterr().out
    # An archive in the place for a user's data needs no option.
    shutil.copytree(tmp_path / "archive", tmp_path / "home" / "glimpse" / "archive")
    assert typed("decode", glp, "-o", tmp_path / "b.png") == 0
    assert (np.asarray(Image.open(tmp_path / "a.png")) == np.asarray(Image.open(tmp_path / "b.png"))).all()


def test_a_revision_is_kept_once(tmp_path: Path):
    folder = old(tmp_path, 1)
    kept = archive.keep(folder, tmp_path / "archive")
    assert kept.name == f"mcucoder@{(NOW - 1) % 256}" and zoo.ZooModel(kept).blob == zoo.ZooModel(folder).blob
    assert archive.keep(folder, tmp_path / "archive") == kept
    shutil.copyfile(CURRENT.folder / "tables.json", folder / "tables.json")
    with pytest.raises(GlimpseError, match="is another model of that name and revision"):
        archive.keep(folder, tmp_path / "archive")
    with pytest.raises(GlimpseError, match="holds no model to keep"):
        archive.keep(tmp_path, tmp_path / "archive")


def test_a_path_names_a_folder_even_where_the_zoo_has_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mine = tmp_path / CURRENT.folder.name
    shutil.copytree(CURRENT.folder, mine)
    monkeypatch.chdir(tmp_path)
    assert zoo.load(mine.name).folder == CURRENT.folder
    assert zoo.load(f"./{mine.name}").folder.resolve() == mine
