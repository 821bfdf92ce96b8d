# SPDX-License-Identifier: Apache-2.0
"""Energy at equal quality: small cases by hand, and the committed numbers, their page and what it says of them."""

import copy
import json

import numpy as np
import pytest
from glimpse import firmware, zoo
from glimpse.binding import pattern
from glimpse.energy.model import CORES, SENDING, Way, compute_mj, cut, radio_mj
from glimpse.errors import GlimpseError
from glimpse.evaluation.energy_measure import Curve, Jpeg, needed, read_curves, ways
from glimpse.evaluation.energy_table import TABLES, main, tables, with_tables
from glimpse.evaluation.learned import packets_of
from glimpse.quality import to_db

DOCS = firmware.root() / "docs"


@pytest.fixture(scope="module")
def numbers():
    return json.loads((DOCS / "evaluation" / "energy.json").read_text())


def test_quality_between_jpeg_files_and_beyond_them():
    jpeg = Jpeg([6.0, 10.0, 12.0], [1000, 2000, 4000], [600, 600, 600], {"cortex-m7": [100, 300, 500]})
    size, constant, instructions = jpeg.at(1 - 10**-0.8)  # 8 dB
    assert (size, constant, instructions["cortex-m7"]) == pytest.approx((1500, 600, 200))
    assert jpeg.at(0.5) is None and jpeg.at(0.99) is None


def test_symbols_for_a_quality():
    curve = Curve([100, 200, 400], [5.0, 7.0, 8.0])
    assert curve.symbols_for(1 - 10**-0.6) == pytest.approx(150)
    assert curve.symbols_for(0.1) == 100  # the first packet shows more
    assert curve.symbols_for(0.9) is None
    assert needed([12, 12, 9], [40, 90, 150], 90) == [12, 12]
    assert needed([12, 12, 9], [40, 90, 150], 91) == [12, 12, 9]


def test_packets_that_were_evaluated_must_be_those_of_today():
    model = zoo.load()
    photo = pattern(model.binding.photo_width, model.binding.photo_height)
    sizes = np.cumsum([len(packet) for packet in packets_of(model, photo, 222)]).tolist()
    rows = [
        {"image": "p.png", "codec": model.name, "setting": f"{k} packets", "bytes": sizes[k - 1], "ms_ssim_db": 4.0 + k}
        for k in (1, 2, 3)
    ]
    curve = read_curves(model, {"p.png": photo}, {"payload": 222, "rows": rows})["p.png"]
    assert list(curve.ms_ssim_db) == [5.0, 6.0, 7.0] and curve.symbols[0] < curve.symbols[1] < curve.symbols[2]
    rows[1]["bytes"] += 1
    with pytest.raises(GlimpseError, match="evaluate it again"):
        read_curves(model, {"p.png": photo}, {"payload": 222, "rows": rows})


def test_every_row_follows_from_its_parts(numbers):
    """Compute from the instructions; JPEG's radio from its files, interpolated again."""
    links = {way.name: way for way in ways()}
    assert list(links) == [link["name"] for link in numbers["links"]]
    for row in numbers["rows"]:
        for codec in ("model", "jpeg"):
            expected = compute_mj(row["instructions"][codec], row["core"]).value
            assert row["compute_mj"][codec]["value"] == pytest.approx(expected, rel=1e-3)
        mj = row["mj"]
        assert (
            row["ahead"] == (mj["model"]["value"] < mj["jpeg"]["value"]) or mj["model"]["value"] == mj["jpeg"]["value"]
        )
        assert row["ahead"] or not row["ahead_surely"]
        assert all(m["low"] <= m["value"] <= m["high"] for m in mj.values())
        assert row["bytes"]["jpeg_headerless"] < row["bytes"]["jpeg"]
    one = next(r for r in numbers["rows"] if r["photos"] == len(numbers["photos"]) and r["link"] == "EU868 SF9")
    wanted, radio = to_db(one["level"]), []
    for files in numbers["jpeg"].values():
        size = round(float(np.interp(wanted, files["ms_ssim_db"], files["bytes"])))
        radio.append(radio_mj(links["EU868 SF9"], cut(size, links["EU868 SF9"].payload)).value)
    assert one["mj"]["jpeg"]["value"] - one["compute_mj"]["jpeg"]["value"] == pytest.approx(np.mean(radio), rel=2e-3)


def test_the_assumptions_in_the_numbers_are_those_of_the_model(numbers):
    told = numbers["supplies"]
    for core, supply in CORES.items():
        assert (
            told["cores"][core]["ma"] == supply.milliamperes.numbers() and told["cores"][core]["volts"] == supply.volts
        )
    for kind, supply in SENDING.items():
        assert told["sending"][kind]["ma"] == supply.milliamperes.numbers()


def test_what_the_page_claims(numbers):
    """docs/energy.md: where the models that are made for these cores are ahead of JPEG, and where not."""
    for row in numbers["rows"]:
        if row["model"] != "starfish" and (row["link"].startswith("EU868 SF") or row["link"] == "NB-IoT"):
            assert row["ahead"], row
        if row["core"] == "cortex-m33" and row["model"] != "starfish" and row["link"] == "EU868 FSK":
            assert row["ahead"], row
    text = (DOCS / "energy.md").read_text()
    assert all(f"{100:g} mA at 3.3 V" in text and name in text for name in ("7.8 mA at 3 V", "220 mA at 3.6 V"))


def test_the_page_holds_the_tables_of_the_numbers(numbers):
    """Otherwise: python -m glimpse.evaluation.energy_table --from docs/evaluation/energy.json --page docs/energy.md."""
    page = (DOCS / "energy.md").read_text()
    assert with_tables(page, numbers) == page
    assert all(table in page for table in tables(numbers).values()) and len(tables(numbers)) == len(TABLES)
    with pytest.raises(GlimpseError, match="links"):
        with_tables("nothing", numbers)


def test_the_command_draws_and_refuses(numbers, tmp_path, capsys):
    file = tmp_path / "n.json"
    small = copy.deepcopy(numbers)
    small["jpeg"] = {}
    file.write_text(json.dumps(small))
    assert main(["--from", str(file), "--plot", str(tmp_path / "plots")]) == 0
    assert "| EU868 SF9 |" in capsys.readouterr().out
    assert (tmp_path / "plots" / "energy.png").stat().st_size > 10_000
    file.write_text("{")
    assert main(["--from", str(file)]) == 1
    assert main(["--data", str(tmp_path)]) == 1
    assert "holds no .png photos" in capsys.readouterr().err


def test_links_are_what_regions_say():
    found = {way.name: way for way in ways()}
    assert {f"EU868 SF{sf}" for sf in range(7, 13)} | {"Sigfox", "NB-IoT"} <= found.keys()
    assert found["Sigfox"].payload == 12 and found["EU868 SF12"].payload == 51
    assert isinstance(found["NB-IoT"], Way) and found["NB-IoT"].bytes_per_second < 1000
