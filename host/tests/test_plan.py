# SPDX-License-Identifier: Apache-2.0
"""glimpse plan: figures that can be worked out by hand, and sentences for links that cannot be."""

import json

import numpy as np
import pytest
from glimpse import zoo
from glimpse.binding.schedule import Budget, Schedule, regions
from glimpse.cli import app
from glimpse.errors import GlimpseError, UsageError
from glimpse.planning.picture import Picture, picture_of
from glimpse.planning.plan import Link, Power, choose_rate, plan
from typer.testing import CliRunner

EU868, US915, SIGFOX, NBIOT = regions()
PICTURE = Picture(useful_bytes=500, full_bytes=3000, ms_ssim=0.75, photos=1, encode_ms=None)


def planned(region, rate, payload, **more):
    return plan(Link(region, region.rates[rate], payload, **more), PICTURE, Power())


def test_sf12_sends_twelve_packets_an_hour():
    numbers = planned(EU868, 0, 51)
    assert numbers["full"]["packets"] == 59  # 3000 / 51
    assert numbers["useful"]["packets"] == 10
    assert numbers["packet_airtime_ms"] == pytest.approx(2793.472)
    # ten packets and nine pauses of 2.3 s from a full budget; the full picture takes four hours' waits
    assert numbers["useful"]["seconds"] == pytest.approx(10 * 2.794 + 9 * 2.3, abs=0.1)
    assert 4 * 3600 < numbers["full"]["seconds"] < 4.5 * 3600
    assert 0.9 * 24 * 12 / 59 < numbers["images_a_day"] <= 24 * 12 / 59


def test_fair_use_lets_ten_such_packets_a_day():
    assert planned(EU868, 0, 51, fair_use=True)["images_a_day"] == pytest.approx(10 / 59, abs=0.01)


def test_loss_costs_packets_and_a_pause_costs_pictures():
    assert planned(EU868, 5, 242, loss=0.5)["full"]["packets"] == 25  # 3000 / 242 twice
    assert planned(EU868, 5, 242, every_ms=3_600_000)["images_a_day"] == 24
    assert planned(NBIOT, 0, 242)["images_a_day"] > 1000


def test_sigfox_keeps_to_its_band_and_its_subscription():
    numbers = planned(SIGFOX, 0, 12)
    assert numbers["images_a_day"] * numbers["full"]["packets"] <= 140


def test_energy_is_told_with_an_interval():
    energy = planned(EU868, 3, 51, every_ms=86_400_000)["energy"]
    assert energy["estimated"] is True
    for part in ("mah_a_picture", "battery_days"):
        assert 0 < energy[part]["low"] < energy[part]["value"] < energy[part]["high"]
    by_hand = 59 * EU868.airtime_us(3, 51) / 1e6 * 45
    assert energy["mas_by_part"]["transmit"] == pytest.approx(by_hand, abs=0.01)


def test_regions_offer_what_they_have():
    assert choose_rate(EU868, 7, None).bandwidth_khz == 125
    with pytest.raises(UsageError, match="spreading factors are 7, 8, 9, 10"):
        choose_rate(US915, 12, None)
    with pytest.raises(UsageError, match="not LoRa"):
        choose_rate(SIGFOX, 9, None)
    with pytest.raises(UsageError, match="DR0 to DR4"):
        choose_rate(US915, None, 5)
    with pytest.raises(GlimpseError, match="no such bands"):
        Budget(EU868, bands=1 << 6)


def test_a_model_without_measurements_is_refused(tmp_path):
    with pytest.raises(GlimpseError, match="export the model again"):
        picture_of(tmp_path, 51)
    (tmp_path / "results").mkdir()
    rows = [{"lost": 0.0, "bytes": 100, "ms_ssim": 0.5}, {"lost": 0.0, "bytes": 200, "ms_ssim": 0.8}]
    (tmp_path / "results" / "validation.json").write_text(json.dumps({"photos": 3, "payload": 51, "rows": rows}))
    assert picture_of(tmp_path, 51, 0.65).useful_bytes == pytest.approx(150)
    with pytest.raises(GlimpseError, match=r"reach an MS-SSIM of 0\.800"):
        picture_of(tmp_path, 51, 0.9)


def test_the_command_tells_a_table_and_json():
    done = CliRunner().invoke(app, ["plan", "--region", "eu868", "--sf", "9", "--payload", "51", "--json", "-"])
    assert done.exit_code == 0, done.output
    numbers = json.loads(done.stdout)
    assert numbers["model"] == "limitnet" and numbers["data_rate"] == 3
    assert numbers["useful"]["packets"] < numbers["full"]["packets"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--region", "EU433"], "there is no region"),
        (["--sf", "12", "--payload", "52"], "takes 11 to 51 bytes"),
        (["--region", "US915", "--dr", "0", "--fopts", "1"], "leaves 10 bytes"),
        (["--every", "soon"], "is no time"),
    ],
)
def test_bad_combinations_get_a_sentence(words, sentence):
    done = CliRunner().invoke(app, ["plan", *words])
    assert isinstance(done.exception, UsageError)
    assert sentence in str(done.exception)


@pytest.mark.parametrize("name", ["limitnet", "mcucoder", "starfish"])
def test_a_schedule_sends_again_what_was_lost(name):
    model = zoo.load(name).binding
    symbols = np.random.default_rng(4).integers(0, model.levels, model.latent_shape).astype(np.uint8)
    schedule = Schedule(model, symbols, sends=0, deadline_ms=10**9)
    schedule.link(Budget(NBIOT), 0)
    assert schedule.want(0, 3, 0, 3) is (name == "limitnet")
    order, seen, received, now, count = model.order(), np.zeros_like(symbols), np.zeros_like(symbols), 0, 0
    while not schedule.done:
        packet = schedule.next(now, 242)
        if packet is None:
            now = schedule.again_ms or now
            continue
        count += 1
        now += -(-schedule.airtime_us // 1000)
        if count % 3:
            model.unpack(packet, seen, received)
        if count % 5 == 0:
            edges = np.flatnonzero(np.diff(np.concatenate([[0], received.reshape(-1)[order], [0]]).astype(int)))
            for first, end in edges.reshape(-1, 2):
                schedule.known(int(first), int(end - first))
            schedule.lost()
    assert np.array_equal(seen, symbols)
    with pytest.raises(GlimpseError, match="acknowledgement"):
        schedule.known(model.symbol_count, 1)
