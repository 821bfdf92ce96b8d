# SPDX-License-Identifier: Apache-2.0
"""The demo: the same seed gives the same, its files are whole, its page needs nothing else."""

import json
import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from glimpse.commands import demo as command
from glimpse.errors import GlimpseError
from glimpse.journey import survivors
from glimpse.quality import Quality
from glimpse.report import Demo, PhotoResult, View, contact_sheet, cost_lines, cost_table, page, quality_table
from glimpse.report.chart import HEIGHT, chart, svg_chart
from glimpse.samples import sample_photos
from PIL import Image
from rich.console import Console
from support.typed import typed

COST = {
    "target": "sim:cortex-m7",
    "instructions": 63_465_857,
    "instructions_by_stage": {"network": 62_471_147, "pack": 994_710},
    "estimated_ms": {"STM32F746": {"value": 255.6, "low": 178.9, "high": 332.3}},
    "ram_bytes": {"static": 5428, "buffers": 20480, "stack_peak": 740, "total": 26648, "latent": 9408},
    "flash_bytes": {"code": 23252, "model": 12128, "total": 35380},
}
UNCOUNTED = {
    "target": "native",
    "instructions": None,
    "instructions_by_stage": {},
    "estimated_ms": {},
    "ram_bytes": None,
    "flash_bytes": None,
}


def made_up(photos: int = 2, cost: dict = COST, noise: bool = False) -> Demo:
    """A demo without a codec: flat pictures, or noise, the worst that a page has to carry."""
    chance = np.random.default_rng(2)

    def picture(level: int) -> np.ndarray:
        return chance.integers(0, 256, (224, 224, 3), np.uint8) if noise else np.full((224, 224, 3), level, np.uint8)

    def row(loss: float) -> list[View]:
        quality = [Quality(20 + 10 * share - 5 * loss, 0.8, "MS-SSIM") for share in command.SHARES]
        numbers = [round(share * (1 - loss) * 100) for share in command.SHARES]
        return [
            View(loss, share, n, 51 * n, 94 * n, q, picture(n))
            for share, n, q in zip(command.SHARES, numbers, quality, strict=True)
        ]

    results = [
        PhotoResult(f"photo <{i}> & co", picture(200), 100, 5100, [row(loss) for loss in command.LOSSES])
        for i in range(photos)
    ]
    return Demo("sim:cortex-m7", "mcucoder", 51, "range", 1, 9408, [cost], results)


def test_the_page_stands_alone_and_names_no_other_place():
    text = page(made_up())
    assert text.startswith("<!doctype html>") and len(text.encode()) < 2_000_000
    assert "<script" not in text and "http" not in text and not re.search(r"(src|href)=\"(?!data:)", text)
    assert "photo &lt;1&gt; &amp; co" in text and "prefers-color-scheme: dark" in text
    assert text.count("<img ") == 2 * (1 + 5 + 3 + 3 * 5)
    assert "estimated on STM32F746 (179 to 332)" in text and "source: two published networks" in text


def test_the_page_stays_small_when_pictures_hardly_compress():
    assert len(page(made_up(photos=2, noise=True)).encode()) < 2_000_000


def test_the_contact_sheet_shows_every_picture_pixel_for_pixel():
    demo = made_up(noise=True)
    sheet = np.asarray(contact_sheet(demo))
    flat = sheet.tobytes()
    for photo in demo.photos:
        shown = [
            photo.original,
            *(view.picture for view in photo.views[0]),
            *(row[-1].picture for row in photo.views[1:]),
        ]
        for picture in shown:
            assert picture[0].tobytes() in flat


def test_the_terminal_table_fits_eighty_columns_and_says_estimated():
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    demo = made_up()
    console.print(quality_table(demo))
    console.print(cost_table(demo))
    text = console.export_text()
    assert "60 % lost" in text and "63,465,857" in text and "26,648" in text and "35,380" in text
    assert re.search(r"milliseconds a photo, estimated +256 +\(179 to 332\)", text) and "STM32F746" in text
    assert "…" not in text
    assert "source" in cost_lines(demo.costs)[0] and "estimated" in cost_lines(demo.costs)[0]


def test_without_counts_there_is_no_cost_table():
    demo = made_up(cost=UNCOUNTED)
    assert cost_table(demo) is None and cost_lines(demo.costs) == []
    assert "estimated on" not in page(demo)
    contact_sheet(demo)


def test_chart_labels_do_not_lie_on_each_other_and_stay_inside():
    laid = chart(made_up().photos[0])
    labels = sorted(level for _, level, _ in laid.lines)
    assert all(b - a >= 14.9 for a, b in pairwise(labels))
    assert all(0 <= y <= HEIGHT for _, _, points in laid.lines for _, y in points)
    assert svg_chart(made_up().photos[0]).count("<polyline") == 4


def test_infinite_decibels_are_null_in_json():
    photo = made_up().photos[0]
    perfect = View(0, 1, 1, 1, 1, Quality(math.inf, 1.0, "MS-SSIM"), photo.original)
    demo = Demo("native", "m", 51, "raw", 1, 1, [UNCOUNTED], [PhotoResult("p", photo.original, 1, 1, [[perfect]])])
    assert demo.numbers()["photos"][0]["views"][0]["psnr_db"] is None
    json.dumps(demo.numbers(), allow_nan=False)


def test_losses_are_exact_seeded_and_in_sending_order():
    for loss in (0.0, 0.1, 0.3, 0.6):
        kept = survivors(95, loss, (1, 2))
        assert len(kept) == 95 - round(95 * loss) and kept == sorted(set(kept)) and kept[-1] < 95
        assert kept == survivors(95, loss, (1, 2))
    assert survivors(95, 0.3, (1, 2)) != survivors(95, 0.3, (1, 3))
    assert len(survivors(1, 1.0, (1,))) == 1


def test_the_demo_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    photo, out = sample_photos()["cat"], tmp_path / "out"
    words = ("demo", photo, "--target", "native", "--out", out, "--json", "-")
    runs = []
    for _ in range(2):  # the second run overwrites
        assert typed(*words) == 0
        runs.append(capfd.readouterr())
    numbers = json.loads(runs[0].out)
    assert numbers["photos"] == json.loads(runs[1].out)["photos"]
    assert sorted(path.name for path in out.iterdir()) == ["contact-sheet.png", "index.html"]
    Image.open(out / "contact-sheet.png").verify()
    assert str(out / "index.html") in runs[0].err.replace("\n", "") and "chelsea" in runs[0].err
    views = {(view["loss"], view["share"]): view for view in numbers["photos"][0]["views"]}
    assert len(views) == 20
    assert views[0, 1]["symbols"] == {"received": 9408, "total": 9408}
    assert views[0, 1]["psnr_db"] > views[0.6, 1]["psnr_db"] > views[0.6, 0.05]["psnr_db"]


def test_an_interrupt_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "page", stop)
    assert typed("demo", sample_photos()["cat"], "--target", "native", "--out", tmp_path / "out") == 130
    assert capfd.readouterr().err.strip().splitlines()[-1].startswith("stopped; nothing in")
    assert not list((tmp_path / "out").iterdir())


def test_the_other_core_may_be_missing(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    def measure(target: str, *_: object, **__: object) -> dict:
        if target == "sim:cortex-m33":
            raise GlimpseError("it cannot be built\nlast lines")
        return COST

    monkeypatch.setattr(command, "measure", measure)
    assert command._costs("sim:cortex-m7", None, None, 51, "range") == [COST]
    assert capfd.readouterr().err == "no figures of sim:cortex-m33: it cannot be built\n"


def test_a_place_that_cannot_be_written_ends_the_demo_before_any_work(tmp_path: Path, monkeypatch, capfd):
    (tmp_path / "out").write_text("a file, not a folder")
    monkeypatch.setattr(command, "open_node", None)
    assert typed("demo", "--out", tmp_path / "out") == 1
    assert "a file has that name; name another folder" in capfd.readouterr().err


def test_a_bad_photo_ends_the_demo_before_a_node_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    (tmp_path / "notes.txt").write_text("no photo")
    monkeypatch.setattr(command, "open_node", None)
    assert typed("demo", tmp_path / "notes.txt", "--out", tmp_path / "out") == 1
    assert "is not a picture that can be read" in capfd.readouterr().err
