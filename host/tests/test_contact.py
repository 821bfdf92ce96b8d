# SPDX-License-Identifier: Apache-2.0
"""A contact carries what it has room for, what is lost leaves again by importance, the command tells what it saw."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from glimpse import zoo
from glimpse.binding import read_header
from glimpse.errors import GlimpseError, UsageError
from glimpse.evaluation.coded_shipment import CodedSource, strength
from glimpse.evaluation.contact import Policy, transmit
from glimpse.evaluation.contact_measure import ContactRow, summarise
from glimpse.evaluation.contact_table import markdown
from glimpse.evaluation.measured import read_table, within
from glimpse.evaluation.shipment import ModelSource, ProgressiveSource, StreamShipment, WaveletSource
from glimpse.evaluation.sources import source_named
from glimpse.links import GilbertElliott, IidLoss, constant
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import psnr
from glimpse.samples import sample_photos
from support.tiny_classifier import tiny_classifier
from support.typed import Glimpse


class Parcels:
    """Packets of nothing but their number; remembers what was asked for."""

    def __init__(self, count: int) -> None:
        self.count, self.asked = count, []

    def packet(self, number: int, size: int) -> bytes | None:
        if number >= self.count:
            return None
        self.asked.append((number, size))
        return bytes([number]) * size


def sent(lost: list[int], policy: Policy, delay: float = 0.0, count: int = 99, seconds: float = 0.74):
    """What left through a contact of 2.5 kB/s whose transmissions `lost` are lost, and what arrived."""
    parcels, gone = Parcels(count), np.zeros(200, bool)
    gone[lost] = True
    arrived = transmit(parcels, 222, constant(2500), seconds, gone, policy, delay)
    return [number for number, _ in parcels.asked], arrived


def test_a_contact_is_filled_to_its_end():
    numbers, arrived = sent([], Policy.ONCE)
    assert numbers == list(range(9)) and arrived.sent_bytes == arrived.received_bytes == 1850
    assert [len(packet) for packet in arrived.received.values()] == 8 * [222] + [74]


def test_once_leaves_gaps_and_again_fills_them_before_anything_new():
    numbers, arrived = sent([0, 3], Policy.ONCE)
    assert numbers == list(range(9)) and sorted(arrived.received) == [1, 2, 4, 5, 6, 7, 8]
    numbers, arrived = sent([0, 3], Policy.RESEND)
    assert numbers == [0, 0, 1, 2, 2, 3, 4, 5, 6] and sorted(arrived.received) == list(range(7))
    assert (arrived.transmissions, arrived.lost, arrived.sent_bytes) == (9, 2, 1850)
    assert arrived.received_bytes == 1850 - 2 * 222


def test_a_loss_is_known_only_after_the_delay_and_the_most_important_goes_first():
    # A packet takes 0.0888 s: with a delay of 0.2 s three others leave before the loss is known.
    assert sent([0, 1], Policy.RESEND, delay=0.2)[0] == [0, 1, 2, 3, 0, 1, 4, 5, 6]
    assert sent([0], Policy.RESEND, delay=5)[0] == list(range(9))


def test_a_sender_with_nothing_left_waits_for_what_it_does_not_know_yet():
    numbers, arrived = sent([1], Policy.RESEND, delay=0.3, count=2)
    assert numbers == [0, 1, 1] and sorted(arrived.received) == [0, 1]
    assert sent([1], Policy.ONCE, count=2)[0] == [0, 1]


@pytest.mark.parametrize("loss", [0.1, 0.4, 0.7])
def test_with_answers_at_once_the_most_important_that_fits_arrives(loss: float):
    """Without any delay, what came has no gap and is as many bytes as the losses left room for."""
    rng = np.random.default_rng(4)
    whole = 0
    for _ in range(400):
        lost = np.flatnonzero(rng.random(200) < loss)
        _, arrived = sent(lost.tolist(), Policy.RESEND, seconds=4)
        assert sorted(arrived.received) == list(range(len(arrived.received)))
        assert arrived.sent_bytes <= 10_000
        whole += arrived.received_bytes
    assert whole / 400 == pytest.approx((1 - loss) * 10_000, rel=0.06)


def test_a_stream_is_worth_what_comes_before_the_first_gap():
    stream = bytes(range(200))
    shipment = StreamShipment(stream, 56, lambda cuts: [np.full((1, 1, 3), cut, np.uint8) for cut in cuts])
    packets = {number: shipment.packet(number, 56) for number in range(4)}
    assert b"".join(packet[6:] for packet in packets.values()) == stream and shipment.packet(4, 56) is None
    part = shipment.packet(1, 20)
    assert part is not None and len(part) == 20 and part[6:] == stream[50:64]
    sets = [packets, {0: packets[0], 2: packets[2]}, {1: packets[1]}, {0: packets[0], 1: part, 2: packets[2]}, {}]
    assert [None if each is None else int(each[0, 0, 0]) for each in shipment.pictures(sets)] == [
        200,
        50,
        None,
        64,
        None,
    ]


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return fit_photo(load_photo(sample_photos()["cat"]), 224, 224)


@pytest.mark.parametrize("name", ["limitnet", "mcucoder"])
def test_what_does_not_fit_is_made_anew(photo: np.ndarray, name: str):
    model = zoo.load(name)
    shipment = ModelSource(model).ship(photo, 222, 10_000)
    whole, part = shipment.packet(3, 222), shipment.packet(3, 60)
    assert whole and part and 40 < len(part) <= 60 < len(whole)
    if name != "limitnet":  # which chooses by how much it can send
        assert read_header(part).first == read_header(whole).first
    counts = [
        model.binding.unpack(each, *np.zeros((2, *model.binding.latent_shape), np.uint8)) for each in (whole, part)
    ]
    assert counts[0] > counts[1] > 0
    assert shipment.packet(999, 222) is None and shipment.pictures([{}]) == [None]


def test_rivals_show_more_the_more_of_them_came(photo: np.ndarray):
    for source in (ProgressiveSource(), WaveletSource()):
        shipment = source.ship(photo, 222, 3000)
        packets = {number: shipment.packet(number, 222) for number in range(12)}
        few, many = shipment.pictures([{k: p for k, p in packets.items() if k < most} for most in (5, 12)])
        error = [np.mean((each.astype(float) - photo) ** 2) for each in (few, many)]
        assert error[1] < error[0], source.name


def test_rivals_have_names():
    assert source_named("progressive:30").name == "progressive:30" and source_named("wavelet").name == "wavelet"
    for wrong in ("gif", "progressive:99", "wavelet:3"):
        with pytest.raises(UsageError, match="there is nothing called"):
            source_named(wrong)


def row(image: str, loss: float, right: float, policy: str = "resend") -> ContactRow:
    return ContactRow("a", image, 51, "fixed", 2500.0, loss, policy, 0, 100, 50, 4, 1, 0.5, right, right)


def test_what_is_kept_is_measured_on_the_same_photos():
    rows = [row("x", 0.0, 1), row("y", 0.0, 1), row("z", 0.0, 0), row("x", 0.4, 1), row("y", 0.4, 0), row("z", 0.4, 0)]
    clean, lossy = summarise(rows)
    assert clean["top1"] == pytest.approx(2 / 3) and "kept_top1" not in clean
    assert lossy["kept_top1"] == pytest.approx(0.5) and lossy["lost"] == 0.25
    assert lossy["kept_top1_low"] <= 0.5 <= lossy["kept_top1_high"]
    nothing = summarise([row("x", 0.0, 0), row("x", 0.4, 0)])
    assert nothing[1]["kept_top1"] is None


@pytest.fixture
def run(glimpse: Glimpse, tmp_path: Path) -> Glimpse:
    folder = tmp_path / "photos"
    for name in ("cat", "coffee"):
        (folder / name).mkdir(parents=True)
        shutil.copy(sample_photos()[name], folder / name / "a.png")
    (tmp_path / "tiny.tflite").write_bytes(tiny_classifier())
    (tmp_path / "labels.txt").write_text("cat\ncoffee\nd\ne\nf\ng\nh\n")

    def command(*words: object, plain: bool = False) -> tuple[int, str, str]:
        files = ["--data", folder, "--classifier", tmp_path / "tiny.tflite", "--labels", tmp_path / "labels.txt"]
        return glimpse("contact", *([] if plain else files), *words)

    return command


def test_one_command_ends_with_a_table_numbers_and_a_plot(run: Glimpse, tmp_path: Path):
    (tmp_path / "photos" / "cat" / "broken.png").write_bytes(b"no photo")
    words = ["--codecs", "mcucoder,progressive", "--payloads", 222, "--loss", "0,40", "--means", "1000,2500"]
    code, out, error = run(*words, "--json", tmp_path / "c.json", "--plot", tmp_path / "c.png")
    assert (code, error) == (0, "") and "sent again" in out and "broken.png" in out
    numbers = json.loads((tmp_path / "c.json").read_text())
    assert numbers["photos"] == ["cat/a.png", "coffee/a.png"] and (tmp_path / "c.png").stat().st_size > 10_000
    assert list(numbers["codecs"]) == ["mcucoder", "progressive"] and numbers["models"] == ["mcucoder"]
    assert len(numbers["rows"]) == 2 * 2 * (1 + 2 + 2) and len(numbers["means"]) == 2 * 5
    for codec in numbers["codecs"]:
        losses = [[r["lost"], r["transmissions"]] for r in numbers["rows"] if r["codec"] == codec and r["loss"]]
        assert all(lost <= count for lost, count in losses)
    clean = next(mean for mean in numbers["means"] if mean["codec"] == "mcucoder" and not mean["loss"])
    assert 1780 < clean["sent_bytes"] <= 1850
    assert markdown(numbers).count("\n") == 5 and all(0 < row["ms_ssim"] < 1 for row in numbers["rows"])


@pytest.mark.parametrize("loss", [IidLoss(0.1), IidLoss(0.4), GilbertElliott(0.3, 4)])
def test_a_code_is_as_strong_as_the_link_asks_for(loss):
    needed, rng = strength(loss, 12, 200), np.random.default_rng(1)
    came = np.array([12 - loss.lost(12, rng).sum() for _ in range(2000)])
    assert 1 <= needed <= round(12 * (1 - loss.rate)) and (came >= needed).mean() > 0.75
    assert strength(IidLoss(0.0), 12, 200) == 12 and strength(IidLoss(0.9), 12, 200) <= 2


def test_any_packets_of_a_code_give_the_stream_back_and_fewer_their_beginning(photo: np.ndarray):
    shipment = CodedSource().suited(IidLoss(0.4), 1850).ship(photo, 222, 3000)
    assert (shipment.packets, shipment.size) == (9, 205) and shipment.packet(9, 222) is None
    packets = {number: shipment.packet(number, 222) for number in range(9)}
    assert {len(packet) for packet in packets.values()} == {205} and shipment.packet(0, 204) is None
    needed = shipment.needed
    whole = dict(list(packets.items())[:needed])
    others = dict(list(packets.items())[-needed:])
    few = {number: packets[number] for number in (0, *range(9 - needed + 2, 9))}
    pictures = shipment.pictures([whole, others, few, dict(list(packets.items())[1:needed]), {}])
    assert np.array_equal(pictures[0], pictures[1]) and pictures[3] is pictures[4] is None
    assert len(few) < needed and psnr(photo, pictures[2]) < psnr(photo, pictures[0])
    bare = WaveletSource().ship(photo, 205, 3000)
    same = bare.pictures([{number: bare.packet(number, 205) for number in range(needed)}])[0]
    assert np.array_equal(same, pictures[0])


TABLE = """photo,quality,pkt_len,bytes,loss,msssim_mean,psnr_mean
a,1,256,900,0,0.8,20
a,1,256,900,0.4,0.5,12
a,2,256,1800,0,0.9,22
a,2,256,1800,0.4,0.4,11
a,9,256,9000,0,0.99,33
b,1,256,1000,0,0.6,18
b,1,51,1500,0,0.55,17
"""


def test_what_others_measured_stands_beside_it_as_far_as_it_fits(tmp_path: Path):
    (tmp_path / "other.csv").write_text(TABLE)
    lines = read_table(tmp_path / "other.csv")
    found = within(lines, (222, 51), 1850)
    rows = [(row["pkt_len"], row["loss"], row["photos"], row["of"], row["ms_ssim"], row["bytes"]) for row in found]
    assert rows == [
        (256, 0, 2, 2, pytest.approx(0.75), 1400),
        (256, 0.4, 1, 1, 0.5, 900),
        (51, 0, 1, 1, 0.55, 1500),
    ]
    assert {row["codec"] for row in found} == {"other"} and within(lines, (222,), 800) == []


@pytest.mark.parametrize(
    "text", ["", "photo,loss\n", TABLE.replace("900,0,", "900,2,"), TABLE.replace("0.9,", "much,"), "\x00", "\udcff"]
)
def test_a_table_of_something_else_is_refused(tmp_path: Path, text: str):
    (tmp_path / "other.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(GlimpseError, match="measurements"):
        read_table(tmp_path / "other.csv")


def test_without_a_classifier_photos_need_no_classes(run: Glimpse, tmp_path: Path):
    (tmp_path / "other.csv").write_text(TABLE)
    words = ["glimpse", "contact", "--data", tmp_path / "photos", "--codecs", "mcucoder,wavelet-rs", "--payloads", 222]
    words += ["--loss", "0,40", "--means", "none", "--reference", tmp_path / "other.csv"]
    code, out, error = run(*words[2:], "--json", tmp_path / "c.json", "--plot", tmp_path / "c.png", plain=True)
    assert (code, error) == (0, "") and "MS-SSIM" in out and "other, 256 B" in out and "…" not in out
    assert max(map(len, out.replace(str(tmp_path), "").splitlines())) <= 80
    numbers = json.loads((tmp_path / "c.json").read_text())
    assert all(0 < mean["ms_ssim"] < 1 and "top1" not in mean for mean in numbers["means"] + numbers["rows"])
    coded = [(row["loss"], row["policy"]) for row in numbers["means"] if row["codec"] == "wavelet-rs"]
    assert coded == [(0, "resend"), (0.4, "once")], "a code is for those whom nobody answers"
    assert len(numbers["reference"]) == 2 and "| other, 256 B | sent once | 0.750 | 0.500 |" in markdown(numbers)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--loss", "10"], 2, "add 0 to --loss"),
        (["--codecs", "gif"], 2, "there is nothing called 'gif'"),
        (["--codecs", "none"], 2, "nothing to send photos with"),
        (["--payloads", "10"], 2, "--payloads takes numbers from 11"),
        (["--payloads", "none"], 2, "packets need a size"),
        (["--means", "fast"], 2, "--means takes numbers"),
        (["--burst", "2", "--loss", "0,90"], 2, "needs longer bursts"),
        (["--rate", "1e6", "--seconds", "60"], 2, "takes any photo"),
        (["--json", "/nowhere/at/all.json"], 1, "does not exist"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(run: Glimpse, words: list[str], code: int, sentence: str):
    ended, out, error = run(*words)
    assert ended == code and sentence in error and error.count("\n") == 1 and "Traceback" not in error + out
