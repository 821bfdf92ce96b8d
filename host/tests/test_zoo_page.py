# SPDX-License-Identifier: Apache-2.0
"""The zoo's page: every number from a file, and whatever file is missing or damaged is said, not stumbled over."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from glimpse import firmware
from glimpse.errors import GlimpseError
from glimpse.export import zoo_page
from glimpse.export.zoo_entry import Point, Quality, read_entry
from glimpse.report.strip import MOST_BYTES, small_jpeg
from PIL import Image
from support.model_folders import write_folder
from support.random_networks import Plan, Step

MODELS = firmware.root() / "models"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    plan = Plan((16, 16), [Step("conv", (3, 3), (2, 2), True, 4, 0, -1)], [0])
    write_folder(tmp_path / "small", plan, name="small")
    return tmp_path / "small"


def _bench(folder: Path, core: str, **changes: object) -> None:
    entry = read_entry(folder)
    numbers = {
        "instructions": 12_345_678,
        "estimated_ms": {"STM32F746": {"value": 49.7}},
        "ram_bytes": {"total": 7_007, "latent": 256},
        "flash_bytes": {"model": entry.blob_bytes, "total": 9_009},
        "macs": entry.cost.macs,
        "weights": entry.cost.weights,
    }
    (folder / "results").mkdir(exist_ok=True)
    (folder / "results" / f"bench-{core}.json").write_text(json.dumps(numbers | changes))


def _row(folder: Path) -> list[str]:
    page = zoo_page.page_text(folder.parent)
    (row,) = [line for line in page.splitlines() if line.startswith(("| small ", "| [small]"))]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_a_bare_folder_has_a_row(folder: Path) -> None:
    row = _row(folder)
    assert row[:4] == ["small", f"{read_entry(folder).blob_bytes:,}", "108", "0.0 M"]
    assert row[4:9] == ["not measured"] * 5
    assert row[9:] == ["see its card", "see its card", "none yet"]


def test_what_is_known_stands_in_the_row(folder: Path) -> None:
    _bench(folder, "cortex-m7")
    (folder / "about.toml").write_text('what = "A | B"\ndata = "four\\nphotos"\nterms = "none"\n')
    (folder / "card.md").write_text("# small\n")
    (folder / "picture.jpg").write_bytes(b"")
    row = _row(folder)
    assert row[0] == "[small](small/card.md)"
    assert row[4:8] == ["7,007 + 256", "9,009", "12.3 M, 50 ms", "not measured"]
    assert row[9:] == ["four photos", "none", "[below](#small)"]
    assert "\nA \\| B\n\n![small" in zoo_page.page_text(folder.parent)


@pytest.mark.parametrize(
    "changes",
    [
        {"macs": 1},
        {"weights": None},
        {"instructions": None},
        {"ram_bytes": None},
        {"ram_bytes": {"total": 1}},
        {"flash_bytes": {"model": 1, "total": 2}},
    ],
)
def test_numbers_of_another_network_or_of_none_are_not_shown(folder: Path, changes: dict) -> None:
    _bench(folder, "cortex-m7", **changes)
    assert _row(folder)[4:8] == ["not measured"] * 4


def test_quality_lies_between_the_points_of_the_mean_curve(folder: Path) -> None:
    def points(*pairs: tuple[float, float]) -> list[dict]:
        return [{"setting": "", "bytes": 1, "bpp": bpp, "psnr_db": psnr, "ms_ssim": psnr / 40} for bpp, psnr in pairs]

    means = {"jpeg": points((0.1, 90), (0.4, 91)), "models/small": [*points((0.3, 25), (0.1, 21)), {"bpp": 0.2}, 3]}
    gains = {"small": {"psnr_percent": -12.34, "ms_ssim_percent": None}, "webp": {"psnr_percent": 1}}
    (folder / "results").mkdir()
    (folder / "results" / "kodak.json").write_text(json.dumps({"anchor": "jpeg", "means": means, "bd_rate": gains}))
    # Half-way between 21 dB at 0.1 and 25 dB at 0.3.
    assert _row(folder)[8] == "23.0 dB; 0.575, Kodak; BD-rate against jpeg -12.3 % PSNR"


def test_quality_outside_of_what_was_measured_names_its_size() -> None:
    quality = Quality("photos", (Point(0.3, 25.0, 0.9), Point(0.5, 27.0, 0.95)))
    assert quality.at(0.2) == Point(0.3, 25.0, 0.9)
    assert quality.at(0.9) == Point(0.5, 27.0, 0.95)
    assert zoo_page._quality_words(quality) == "25.0 dB; 0.900 at 0.30 bpp, photos"


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"rows": 3}',
        '{"rows": [3, null]}',
        '{"means": {"a": 1}}',
        '{"rows": [{"lost": 0, "bytes": "x"}, {"lost": 0, "bytes": 1}]}',
        '{"means": {"small": 3}, "bd_rate": 3}',
        '{"means": {"small": [3, {"bpp": "x", "psnr_db": 1, "ms_ssim": 1}]}, "bd_rate": {"small": 3}}',
    ],
)
def test_damaged_results_are_none(folder: Path, content: str) -> None:
    (folder / "results").mkdir()
    for name in ("results/kodak.json", "results/bench-cortex-m7.json", "results/validation.json", "about.toml"):
        (folder / name).write_text(content)
    assert _row(folder)[4:11] == ["not measured"] * 5 + ["see its card"] * 2


def test_the_repositorys_page_is_that_of_its_models() -> None:
    expected = zoo_page.page_text(MODELS)
    assert (MODELS / "README.md").read_text() == expected, "run `python -m glimpse.export.zoo_page`"


def test_pictures_are_small() -> None:
    jpeg = zoo_page.picture(MODELS / "mcucoder")
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG" and image.width > 4 * 224 and image.height > 224
    assert len(jpeg) <= MOST_BYTES
    noise = np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8)
    with pytest.raises(GlimpseError, match="does not fit"):
        small_jpeg(Image.fromarray(noise))


def test_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert zoo_page.main(["--models", str(folder.parent)]) == 0
    assert (folder.parent / "README.md").read_text() == zoo_page.page_text(folder.parent)
    (folder / "encoder.tflite").write_bytes(b"nothing")
    assert zoo_page.main(["--models", str(folder.parent)]) == 1
    assert "not a .tflite file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        zoo_page.main(["--what"])
    assert ended.value.code == 2
