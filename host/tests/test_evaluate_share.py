# SPDX-License-Identifier: Apache-2.0
"""An evaluation's numbers reach the folders of the models that they are of."""

import json
from pathlib import Path

import pytest
from glimpse.errors import GlimpseError
from glimpse.evaluation import contact_table, feedback_table, kept
from glimpse.evaluation.share import losses_markdown, markdown, share, table, tasks_markdown

NUMBERS = {
    "command": "glimpse evaluate ...",
    "anchor": "jpeg",
    "means": {"a": [{"bpp": 0.1}], "a:ranks": [{"bpp": 0.2}], "b": [{"bpp": 0.3}], "jpeg": [{"bpp": 0.4}]},
    "bd_rate": {"a": {"psnr_percent": -10}, "b": {"psnr_percent": -20}},
    "rows": [{"codec": "a", "image": "x"}, {"codec": "a:ranks", "image": "x"}, {"codec": "b", "image": "x"}],
    "loss": {"rows": [1], "means": [{"codec": "a", "loss": 0.1}, {"codec": "b", "loss": 0.1}]},
}


def zoo(folder: Path) -> Path:
    for name in ("a", "b", "c"):
        (folder / "models" / name).mkdir(parents=True)
        (folder / "models" / name / "model.toml").touch()
    (folder / "numbers.json").write_text(json.dumps(NUMBERS))
    return folder


def test_each_model_gets_its_own_part(tmp_path: Path) -> None:
    folder = zoo(tmp_path)
    written = share(folder / "numbers.json", folder / "models", "kodak", folder / "docs" / "all.json")
    assert [file.parent.parent.name for file in written[:2]] == ["a", "b"]
    a = json.loads(written[0].read_text())
    assert list(a["means"]) == ["a", "a:ranks", "jpeg"] and list(a["bd_rate"]) == ["a"]
    assert [row["codec"] for row in a["rows"]] == ["a", "a:ranks"] and len(a["loss"]["means"]) == 1
    assert a["command"] == NUMBERS["command"]
    everything = json.loads(written[2].read_text())
    assert everything["means"] == NUMBERS["means"] and "rows" not in everything and "rows" not in everything["loss"]


def test_the_table_of_the_docs_is_what_the_kept_numbers_say():
    docs = Path(__file__).parents[2] / "docs"
    table = markdown(json.loads((docs / "evaluation" / "kodak.json").read_text()))
    assert table.count("\n") >= 10 and table in (docs / "evaluation.md").read_text(), "share --table prints it anew"


def test_the_tables_against_loss_are_what_the_kept_numbers_say():
    docs = Path(__file__).parents[2] / "docs"
    text = table(docs / "evaluation" / "against-loss.json")
    assert text.count("\n") >= 20 and text in (docs / "evaluation.md").read_text(), "share --table prints it anew"


@pytest.mark.parametrize(
    "text", ["", "[]", '{"means": {"other": []}, "bd_rate": {}, "anchor": "jpeg"}', '{"means": 3}']
)
def test_what_is_no_evaluation_is_refused(tmp_path: Path, text: str) -> None:
    folder = zoo(tmp_path)
    (folder / "numbers.json").write_text(text)
    with pytest.raises(GlimpseError, match="evaluate"):
        share(folder / "numbers.json", folder / "models", "kodak", None)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("contact", contact_table.markdown),
        ("ssdv", contact_table.markdown),
        ("feedback", feedback_table.markdown),
        ("starfish-loss", losses_markdown),
        ("ablations", tasks_markdown),
        ("detection", tasks_markdown),
    ],
)
def test_the_tables_of_the_docs_are_what_the_kept_numbers_say(name, table):
    docs = Path(__file__).parents[2] / "docs"
    text = table(json.loads((docs / "evaluation" / f"{name}.json").read_text()))
    assert text.count("\n") >= 5 and text in (docs / "evaluation.md").read_text(), "share or *_table prints it anew"


def test_numbers_are_kept_without_single_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    (tmp_path / "all.json").write_text(json.dumps({"means": [{"a": 1}], "rows": [1, 2]}))
    monkeypatch.setattr("sys.argv", ["table", str(tmp_path / "all.json"), "--keep", str(tmp_path / "kept.json")])
    assert kept.command_line("", "means", lambda numbers: str(numbers["means"]), "rows") == 0
    assert json.loads((tmp_path / "kept.json").read_text()) == {"means": [{"a": 1}]}
    assert kept.command_line("", "savings", str, "tracks") == 1
    assert "has no savings; give what" in capsys.readouterr().err
