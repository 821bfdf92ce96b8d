# SPDX-License-Identifier: Apache-2.0
"""What counts as openly licensed, and what a card says about data."""

from pathlib import Path

import pytest
from glimpse.errors import GlimpseError
from glimpse.training.terms import describe_data, is_open, open_files

MANIFEST = """file,tag,repo,licence_class,licence
a.jpg,one,people/photos,open,CC BY-SA 4.0 (LICENSE in repo)
b.jpg,one,people/photos,open,CC BY-SA 4.0 (LICENSE in repo)
c.png,two,,open,MIT repo
d.webp,three,pipes|bars,open?,publisher states CC BY 4.0
e.jpg,four,lab/set,research,"non-commercial, research only"
gone.jpg,one,people/photos,open,CC0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a.jpg", "b.jpg", "c.png", "d.webp", "e.jpg", "unnamed.jpg", "notes.txt"):
        (photos / name).touch()
    return photos


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("CC0", True),
        ("CC-0 1.0", True),
        ("Public Domain", True),
        ("CC BY 4.0", True),
        ("CC-BY-SA 4.0 (LICENSE in repo)", True),
        ("MIT repo", True),
        ("BSD 3-Clause", True),
        ("Apache-2.0", True),
        ("GPL/CC-BY-SA", True),
        ("CC BY-NC 4.0", False),
        ("CC BY-SA 4.0; pictures CC BY-NC-SA", False),
        ("CC-BY-ND 2.0", False),
        ("mixed CC0/Unsplash", False),
        ("publisher states CC BY 4.0; none in repo", False),
        ("code MIT, photos for research use", False),
        ("BSDS500: given out by Berkeley", False),
        ("permitted", False),
        ("no image licence, repo MIT", False),
        ("", False),
    ],
)
def test_licences(licence: str, free: bool):
    assert is_open({"licence": licence}) == free
    assert is_open({"licence": licence, "licence_class": "open"}) == free
    assert not is_open({"licence": licence, "licence_class": "open?"})
    assert not is_open({"licence": licence, "licence_class": ""})


@pytest.mark.parametrize("place", ["photos/manifest.csv", "photos_manifest.csv"])
def test_open_files_are_those_that_the_manifest_calls_so(folder: Path, place: str):
    (folder.parent / place).write_text(MANIFEST)
    assert [file.name for file in open_files(folder)] == ["a.jpg", "b.jpg", "c.png"]


def test_a_manifest_can_be_named(folder: Path, tmp_path: Path):
    (tmp_path / "mine.csv").write_text("name,licence\nunnamed,CC0\n")
    assert open_files(folder, tmp_path / "mine.csv") == [folder / "unnamed.jpg"]


def test_without_a_manifest_nothing_is_open(folder: Path):
    with pytest.raises(GlimpseError, match="has no manifest that says which photos are openly licensed"):
        open_files(folder)
    with pytest.raises(GlimpseError, match="not a folder"):
        open_files(folder / "deeper")


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (b"file,licence\ne.jpg,research\n", "none of the 6 photos"),
        (b"file\na.jpg\n", "no column 'licence'"),
        (b"", "no column 'file'"),
        (b"\xff\xfefile", "not a manifest"),
        (b"file,licence\na.jpg,CC0\na.jpg,CC0\n", "twice"),
    ],
)
def test_manifests_that_open_nothing_are_refused(folder: Path, manifest: bytes, sentence: str):
    (folder / "manifest.csv").write_bytes(manifest)
    with pytest.raises(GlimpseError, match=sentence):
        open_files(folder)


def test_a_card_names_sources_and_terms(folder: Path):
    path = folder / "manifest.csv"
    path.write_text(MANIFEST)
    files = sorted(file for file in folder.iterdir() if file.suffix in (".jpg", ".png", ".webp"))
    lines = describe_data(files, path).splitlines()
    assert lines[0] == "Trained on 6 photos, 3 of them openly licensed."
    assert lines[4] == "| people/photos | 2 | CC BY-SA 4.0 (LICENSE in repo) | yes |"
    assert sorted(lines[5:]) == [
        "| lab/set | 1 | non-commercial, research only | no |",
        "| not in the manifest | 1 | unknown | no |",
        "| pipes\\|bars | 1 | publisher states CC BY 4.0 | no |",
        "| two | 1 | MIT repo | yes |",
    ]


def test_a_card_says_when_nothing_is_known(folder: Path):
    assert describe_data([folder / "a.jpg"]).startswith("Trained on 1 photos. No manifest")
