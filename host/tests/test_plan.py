# SPDX-License-Identifier: Apache-2.0
"""glimpse plan: figures that can be worked out by hand, and sentences for links that cannot be."""

import json

import numpy as np
import pytest
from glimpse import zoo
from glimpse.binding.schedule import Budget, Schedule, regions
from glimpse.cli import app
from glimpse.errors import GlimpseError, UsageError
from glimpse.evaluation.payloads import measure
from glimpse.photo import fit_photo, load_photo
from glimpse.planning.picture import Picture, picture_of
from glimpse.planning.plan import Link, Power, choose_rate, plan
from glimpse.samples import sample_photos
from support.documents import plain, shown
from typer.testing import CliRunner

EU868, US915, SIGFOX, NBIOT = regions()


def planned(region, rate, payload, **more):
    """Of a picture in packets that are all full."""
    picture = Picture(500, 500 / payload, 3000, 3000 / payload, ms_ssim=0.75, photos=1, encode_ms=None)
    return plan(Link(region, region.rates[rate], payload, **more), picture, Power())


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


def points(payload, *rows):
    return [
        {"payload": payload, "packets": packets, "bytes": size, "ms_ssim": quality} for packets, size, quality in rows
    ]


def test_packets_are_counted_at_their_mean_length():
    picture = Picture(500, 10.5, 3000, 75, ms_ssim=0.75, photos=1, encode_ms=None)
    numbers = plan(Link(EU868, EU868.rates[3], 51), picture, Power())
    assert (numbers["useful"]["packets"], numbers["full"]["packets"], numbers["packet_bytes"]) == (11, 75, 40)
    assert numbers["full"]["airtime_s"] == pytest.approx(75 * EU868.airtime_us(3, 40) / 1e6)
    assert numbers["useful"]["airtime_s"] == pytest.approx(11 * EU868.airtime_us(3, 48) / 1e6)


def test_a_model_without_measurements_is_refused(tmp_path):
    with pytest.raises(GlimpseError, match=r"glimpse\.evaluation\.payloads"):
        picture_of(tmp_path, 51)
    (tmp_path / "results").mkdir()
    place = tmp_path / "results" / "payloads.json"
    rows = [*points(11, (50, 500, 0.5), (100, 1000, 0.8)), *points(31, (5, 150, 0.5), (10, 300, 0.8))]
    place.write_text(json.dumps({"photos": 3, "points": rows}))
    assert picture_of(tmp_path, 11, 0.65).useful_bytes == pytest.approx(750)
    half = picture_of(tmp_path, 21)  # a packet brings (1 / 100 + 1 / 10) / 2 of it
    assert half.full_packets == pytest.approx(1 / 0.055)
    assert half.full_bytes == pytest.approx(21 / 0.055 * (10 / 11 + 30 / 31) / 2)
    with pytest.raises(GlimpseError, match=r"reach an MS-SSIM of 0\.800"):
        picture_of(tmp_path, 11, 0.9)
    with pytest.raises(GlimpseError, match="for packets of 51 bytes"):
        picture_of(tmp_path, 51)
    for damaged in ("{", "[]", '{"photos": 1}', '{"photos": 1, "points": [{"payload": 11, "packets": 0}]}'):
        place.write_text(damaged)
        with pytest.raises(GlimpseError, match="no usable"):
            picture_of(tmp_path, 11)


@pytest.mark.parametrize("name", ["limitnet", "mcucoder", "mcucoder-mse", "starfish"])
def test_other_payloads_cost_what_packing_says(name):
    """Against 51 bytes, so that it does not matter how much these photos hold; 14, 33 and 180 were not measured."""
    model, sums = zoo.load(name), {}
    m = model.binding
    for place in sample_photos().values():
        latent, side = m.encode_outputs(fit_photo(load_photo(place), m.photo_width, m.photo_height))
        for payload in (11, 12, 14, 24, 33, 51, 115, 180, 242):
            packets = m.pack(m.quantise(latent), payload=payload, saliency=side)
            sums[payload] = sums.get(payload, 0) + np.array([len(packets), sum(map(len, packets))])
    at_51 = picture_of(model.folder, 51)
    for payload, (packets, size) in sums.items():
        planned = picture_of(model.folder, payload)
        assert planned.full_bytes / at_51.full_bytes == pytest.approx(size / sums[51][1], rel=0.03), payload
        # Few packets are a coarse measure: a photo has a whole number of them.
        assert planned.full_packets / at_51.full_packets == pytest.approx(packets / sums[51][0], rel=0.07), payload


def test_what_is_measured_is_what_was_packed():
    model, place = zoo.load("mcucoder"), sample_photos()["cat"]
    m = model.binding
    symbols = m.quantise(m.encode_outputs(fit_photo(load_photo(place), m.photo_width, m.photo_height))[0])
    packets = {payload: m.pack(symbols, payload=payload) for payload in (24, 242)}
    found = measure(model, [place], payloads=(24, 242))
    for payload, own in packets.items():
        rows = [point for point in found if point["payload"] == payload]
        for point in rows:
            count = max(1, round(point["sent"] * len(own)))
            assert (point["packets"], point["bytes"]) == (count, sum(map(len, own[:count])))
        assert [point["ms_ssim"] for point in rows] == sorted(point["ms_ssim"] for point in rows)
    assert found[4]["ms_ssim"] == found[9]["ms_ssim"] > 0.9


def test_the_command_tells_a_table_and_json():
    done = CliRunner().invoke(app, ["plan", "--region", "eu868", "--sf", "9", "--payload", "51", "--json", "-"])
    assert done.exit_code == 0, done.output
    numbers = json.loads(done.stdout)
    assert numbers["model"] == "limitnet" and numbers["data_rate"] == 3
    assert numbers["useful"]["packets"] < numbers["full"]["packets"]


def test_the_document_shows_what_the_command_prints():
    words, lines = shown("sending.md", "glimpse plan")
    done = CliRunner().invoke(app, words[1:])
    assert done.exit_code == 0, done.output
    printed = [plain(line) for line in done.output.splitlines()]
    assert [line for line in printed if line in lines] == lines


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
