# SPDX-License-Identifier: Apache-2.0
"""A whole link in virtual time: the node's own code, an emulated modem, a lossy air, and a receiver that answers."""

import itertools
import json

import numpy as np
import pytest
from glimpse import zoo
from glimpse.binding.control import Enough, Have, read_downlink
from glimpse.binding.schedule import Schedule
from glimpse.cli import app
from glimpse.errors import UsageError
from glimpse.evaluation.resend import rows, table
from glimpse.feedback import Answer, ByRegion, Region, Reply
from glimpse.keys import DeviceKey
from glimpse.links import GilbertElliott, IidLoss
from glimpse.receiving import Receiver
from glimpse.receiving.answer import Answers, Rules
from glimpse.samples import sample_photos
from glimpse.trial.node import Photo
from glimpse.trial.run import Setup, Trial
from support.documents import DOCS, plain, shown
from typer.testing import CliRunner

ZOO = zoo.load()
MODEL = ZOO.binding
KEY = DeviceKey(bytes(range(32)), bytes(8), secret=True)


def photo(seed: int) -> Photo:
    """A latent much like a network's."""
    spread = np.random.default_rng(seed).laplace(0, 10, MODEL.latent_shape)
    return Photo(np.clip(np.rint(spread), -128, 127).astype(np.int8))


def moved(before: Photo, seed: int) -> Photo:
    """The same scene after something came into it, which the last channels do not show, with a sensor's noise."""
    rng = np.random.default_rng(seed)
    latent = before.latent.astype(int) + rng.integers(-1, 2, MODEL.latent_shape)
    latent[4:9, 5:11, :6] = rng.integers(-60, 60, (5, 6, 6))
    return Photo(np.clip(latent, -128, 127).astype(np.int8))


def tried(photos: int | list[Photo] = 1, model: zoo.ZooModel = ZOO, **setup) -> Trial:
    trial = Trial(Setup(model, **setup))
    trial.run([photo(seed) for seed in range(photos)] if isinstance(photos, int) else photos)
    return trial


def count(trial: Trial, what: str) -> int:
    return sum(step.what == what for step in trial.steps)


def most_airtime(trial: Trial, period: float) -> float:
    """Seconds on the air in the worst period, wherever it begins."""
    ends, lasted = np.array(trial.transmissions).T
    starts = ends - lasted
    worst = 0.0
    for begin in (*starts, *(ends - period)):
        inside = np.clip(np.minimum(ends, begin + period) - np.maximum(starts, begin), 0, None)
        worst = max(worst, float(inside.sum()))
    return worst


@pytest.mark.parametrize("loss", [IidLoss(0.3), GilbertElliott(0.3, 4)], ids=["iid", "bursts"])
@pytest.mark.parametrize("every", [None, 6])
def test_acknowledgements_bring_the_whole_picture_and_nothing_known_is_sent_twice(loss, every, monkeypatch):
    known = np.zeros(MODEL.symbol_count, bool)
    tell = Schedule.known

    def noted(self, first, count):
        known[first : first + count] = True
        tell(self, first, count)

    monkeypatch.setattr(Schedule, "known", noted)
    trial = Trial(Setup(ZOO, loss=loss, sends=20, answers=Rules(every=every), seed=5))
    receive, sent = trial.air.receive, []
    order = MODEL.order()

    def watched(uplink, **how):
        symbols, received = np.zeros((2, *MODEL.latent_shape), np.uint8)
        MODEL.unpack(uplink.payload, symbols, received)
        sent.append(int((received.reshape(-1)[order].astype(bool) & known).sum()))
        return receive(uplink, **how)

    trial.air.receive = watched
    trial.run([photo(1)])
    assert trial.frames[0].whole and not any(sent) and len(sent) == trial.numbers()["uplinks"]
    np.testing.assert_array_equal(trial.frames[0].assembly.symbols, trial.node.symbols)
    assert trial.numbers()["downlinks"] >= 2
    assert trial.numbers()["uplinks_lost"] >= 10


def test_without_any_downlink_it_still_works():
    once, thrice = (tried(loss=IidLoss(0.3), answers=None, sends=sends, region="US915", rate=3) for sends in (1, 3))
    assert count(once, "downlink") == count(thrice, "downlink") == 0
    assert thrice.numbers()["uplinks"] == 3 * once.numbers()["uplinks"]
    shares = [trial.frames[0].coverage().mean() for trial in (once, thrice)]
    assert 0.5 < shares[0] < 0.85 and shares[1] > 0.93
    assert thrice.node.done


@pytest.mark.parametrize(
    ("setup", "period", "limit"),
    [
        ({"region": "EU868", "rate": 3}, 3600, 36.0),
        ({"region": "EU868", "rate": 0, "key": KEY}, 3600, 36.0),
        ({"region": "EU868", "rate": 3, "rate_changes": {5: 1, 12: 4, 20: 2}}, 3600, 36.0),
        ({"region": "EU868", "rate": 5, "fair_use": True}, 86400, 30.0),
        ({"region": "EU868", "rate": 4, "prior": True, "answers": Rules(every=4)}, 3600, 36.0),
    ],
    ids=["plain", "sealed", "adr", "fair use", "prior"],
)
def test_the_budget_is_never_exceeded(setup, period, limit):
    scene = photo(1)
    trial = tried([scene, moved(scene, 2), moved(scene, 3)], loss=IidLoss(0.2), deadline=40000.0, **setup)
    worst = most_airtime(trial, period)
    assert worst <= limit + 1e-6
    assert worst > 0.5 * limit, "the test must come near the limit"
    assert trial.receiver.tally.frames == 3, "pauses of an hour and more end no photo"
    assert sum(seconds for _, seconds in trial.transmissions) == pytest.approx(trial.modem.airtime)


def test_sealed_and_plain_give_the_same_picture():
    plain, sealed = (tried(2, loss=IidLoss(0.2), sends=20, key=key) for key in (None, KEY))
    for one, other in zip(plain.frames, sealed.frames, strict=True):
        assert one.whole and other.whole
        np.testing.assert_array_equal(one.assembly.symbols, other.assembly.symbols)
    assert sealed.receiver.tally.rejected == plain.receiver.tally.rejected == {}
    assert sealed.node.wrong == 0 and count(sealed, "known") > 0


def test_the_data_rate_changes_in_the_middle_of_a_picture():
    trial = tried(rate_changes={6: 0, 12: 5}, sends=20)
    rates = [step.details["data_rate"] for step in trial.steps if step.what == "sent"]
    assert [rate for rate, _ in itertools.groupby(rates)] == [3, 0, 5]
    sizes = {rate: max(s.details["bytes"] for s in trial.steps if s.details.get("data_rate") == rate
                       and s.what in ("sent", "lost")) for rate in (3, 0, 5)}  # fmt: skip
    assert sizes[0] <= 51 < sizes[3] <= 115 < sizes[5]
    assert trial.frames[0].whole and count(trial, "refused") <= 2


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_a_fixed_camera_sends_changes_and_both_ends_believe_the_same(loss):
    scene = photo(1)
    photos = [scene, *(moved(scene, seed) for seed in range(3))]
    trial = tried(photos, loss=IidLoss(loss), prior=True, sends=20, region="US915", rate=3)
    kinds = [step.details["kind"] for step in trial.steps if step.what == "photo"]
    assert kinds[0] == "image" and "difference" in kinds[1:]
    last = trial.frames[-1].assembly
    if kinds[-1] == "difference":
        assert trial.frames[-1].carried().mean() > 0.2
        np.testing.assert_array_equal(last.latent()[0], MODEL.latent_values(trial.node.symbols))
    sizes = [sum(s.details["bytes"] for s in part if s.what in ("sent", "lost")) for part in _by_photo(trial)]
    assert min(sizes[1:]) < 0.7 * sizes[0]


def test_what_was_lost_goes_by_importance_or_at_once_or_afterwards():
    complete, duplicates = {}, {}
    for resend in ("importance", "at-once", "afterwards"):
        trial = tried(resend=resend, loss=IidLoss(0.4), sends=255, answers=Rules(every=1), deadline=60.0)
        received = trial.frames[0].assembly.received.reshape(-1)[MODEL.order()]
        complete[resend] = int(np.argmin(received))  # from the most important symbol to the first gap
        duplicates[resend] = sum(step.details.get("reason") == "duplicate" for step in trial.steps)
    assert complete["importance"] > 1.3 * complete["at-once"] > 5 * complete["afterwards"]
    assert duplicates["at-once"] > 3, "what had come was sent until its answer did"
    assert duplicates["importance"] == duplicates["afterwards"] == 0


def test_the_command_takes_the_policy(tmp_path):
    place, steps = tmp_path / "numbers.json", []
    words = ["--model", "mcucoder", "--loss", "40", "--ack-every", "1", "--deadline", "12", "--json", str(place)]
    for resend in ("importance", "at-once"):
        result = CliRunner().invoke(app, ["trial", str(sample_photos()["cat"]), *words, "--resend", resend])
        assert result.exit_code == 0, result.output
        numbers = json.loads(place.read_text())
        assert numbers["resend"] == resend
        steps.append([step.get("symbols") for step in numbers["steps"] if step["what"] == "sent"])
    assert steps[0] != steps[1]


def test_the_policies_are_compared_as_the_document_shows():
    photos = [sample_photos()["cat"]]
    found = rows(zoo.load("mcucoder"), photos, [20.0], 1, region="US915", rate=3, loss=IidLoss(0.4))
    by_name = {row["resend"]: row for row in found}
    assert 0 < by_name["at-once"]["received"] < by_name["importance"]["received"] < 1
    numbers = json.loads((DOCS / "evaluation" / "resend.json").read_text())
    assert table(numbers["rows"], numbers["deadlines"]) in (DOCS / "sending.md").read_text()


def _by_photo(trial: Trial) -> list[list]:
    parts: list[list] = []
    for step in trial.steps:
        if step.what == "photo":
            parts.append([])
        parts[-1].append(step)
    return parts


def test_fair_use_leaves_ten_answers_a_day():
    trial = tried(4, loss=IidLoss(0.5), sends=4, fair_use=True, rate=5, answers=Rules(every=2))
    times = [step.time for step in trial.steps if step.what.startswith("downlink")]
    assert len(times) >= 10
    assert all(later - earlier >= 86400 for earlier, later in zip(times, times[10:], strict=False))


def test_the_same_seed_gives_the_same_steps():
    one, two, other = (tried(loss=GilbertElliott(0.2, 3), seed=seed, region="US915") for seed in (4, 4, 5))
    assert [step.numbers() for step in one.steps] == [step.numbers() for step in two.steps]
    assert [step.numbers() for step in one.steps] != [step.numbers() for step in other.steps]


class After:
    """Wants something after so many looks."""

    def __init__(self, looks: int, reply: Reply) -> None:
        self.looks, self.wanted = looks, reply

    def reply(self, look):
        self.looks -= 1
        return Reply(Answer.MORE) if self.looks > 0 else self.wanted


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr("glimpse.receiving.frame.Frame.picture", lambda frame: None)


@pytest.mark.usefixtures("undrawn")
def test_enough_ends_the_picture_even_when_it_is_said_twice():
    whole = tried(region="US915", rate=3)
    trial = tried(region="US915", rate=3, loss=IidLoss(0.2), policy=lambda frame: After(5, Reply(Answer.ENOUGH)))
    assert count(trial, "enough") == 1 and trial.node.done and not trial.frames[0].whole
    assert trial.numbers()["uplinks"] < 0.5 * whole.numbers()["uplinks"]


@pytest.mark.usefixtures("undrawn")
def test_a_region_that_is_asked_for_comes_before_the_rest():
    model = zoo.load("limitnet")
    shape = model.binding.latent_shape
    spread = np.random.default_rng(1).laplace(0, 10, shape)
    some = Photo(np.clip(np.rint(spread), -128, 127).astype(np.int8), np.zeros(shape[:2], np.int8))
    region = Region(14, 28, 0, 14)
    asked = []

    def look(frame, number):
        received = frame.assembly.received
        inside = received[14:28, :14].mean()
        asked.append((inside, received.mean()))
        return {}

    trial = Trial(
        Setup(model, region="US915", rate=3, policy=lambda _: After(4, Reply(Answer.MORE_HERE, region))), look
    )
    trial.run([some])
    (step,) = [step for step in trial.steps if step.what == "more here"]
    assert step.details == {"region": [14, 28, 0, 14], "obeyed": True}
    first_whole = next(number for number, (inside, _) in enumerate(asked) if inside == 1)
    assert asked[first_whole][1] < 0.6, "a quarter of the picture, and what came before"


@pytest.mark.usefixtures("undrawn")
def test_a_wish_for_a_region_that_was_lost_is_said_again():
    model = zoo.load("limitnet")
    shape = model.binding.latent_shape
    spread = np.random.default_rng(1).laplace(0, 10, shape)
    side = np.repeat(np.int8([127, -128]), shape[0] // 2)[:, None].repeat(shape[1], axis=1)  # the upper half matters
    some = Photo(np.clip(np.rint(spread), -128, 127).astype(np.int8), side)
    trial = Trial(Setup(model, region="US915", rate=3, policy=lambda _: ByRegion(Region(24, 28, 0, 28))))
    losses = iter([False, False, True])  # two packets come, and the answer to the second is lost
    trial.air.loses = lambda: next(losses, False)
    trial.run([some])
    whats = [step.what for step in trial.steps if step.what in ("sent", "downlink lost", "more here")]
    assert whats[:5] == ["sent", "sent", "downlink lost", "sent", "more here"]
    assert whats.count("more here") == 1 and trial.frames[0].whole


def test_the_command_asks_for_a_part_of_the_photo(tmp_path):
    place = tmp_path / "numbers.json"
    words = ["--region", "US915", "--dr", "3", "--deadline", "12", "--json", str(place)]
    words += ["--feedback", "here", "--here", "0.5", "1", "0", "0.5"]
    result = CliRunner().invoke(app, ["trial", str(sample_photos()["cat"]), *words])
    assert result.exit_code == 0, result.output
    numbers = json.loads(place.read_text())
    assert numbers["here"] == [0.5, 1, 0, 0.5]
    (asked,) = [step for step in numbers["steps"] if step["what"] == "more here"]
    assert asked["region"] == [14, 28, 0, 14] and asked["obeyed"]
    last = [step for step in numbers["steps"] if "inside" in step][-1]
    assert last["inside"] > 1.25 * numbers["photos"][0]["received"]
    assert "% of the part" in result.output


def test_a_whole_picture_is_said_in_the_smallest_downlink_and_others_not_at_all():
    receiver = Receiver(Trial(Setup(ZOO)).receiver.models)
    answers = Answers(receiver, Rules(a_day=2, payload=11))
    packets = MODEL.pack(MODEL.quantise(photo(1).latent), frame=4, payload=242)
    for time, packet in enumerate(packets[:-1]):
        assert answers.after("a", receiver.add("a", packet, time), time) is None
    said = answers.after("a", receiver.add("a", packets[-1], 99), 99)
    assert len(said) <= 11 and read_downlink(said).commands == (Have(((0, MODEL.symbol_count),)),)
    assert answers.after("a", receiver.add("a", b"noise", 99), 99) is None
    again = [answers.after("a", receiver.add("a", packets[0], 100 + at), 100 + at) for at in range(40)]
    assert sum(each is not None for each in again) == 1 and answers.unsaid > 0, "two a day"
    later = [answers.after("a", receiver.add("a", packets[0], 2000.0), time) for time in (86499.0, 86500.0)]
    assert [each is not None for each in later].count(True) == 1
    assert not any(isinstance(each, Enough) for each in read_downlink(said).commands)
    with pytest.raises(UsageError, match="11 to 242"):
        Rules(payload=5)


def test_what_cannot_be_tried_is_said():
    with pytest.raises(UsageError, match="no DR12"):
        Trial(Setup(ZOO, rate=12))
    with pytest.raises(UsageError, match="choose a faster data rate"):
        Trial(Setup(ZOO, region="US915", rate=0, key=KEY))


def test_the_command_says_what_happened_and_what_is_not_the_photos_own(tmp_path):
    place = tmp_path / "numbers.json"
    words = [
        "trial",
        str(sample_photos()["cat"]),
        "--model",
        "mcucoder",
        "--region",
        "us915",
        "--dr",
        "3",
        "--loss",
        "20",
    ]
    result = CliRunner().invoke(
        app, [*words, "--no-answers", "--sends", "1", "--json", str(place), "--out", str(tmp_path / "pictures")]
    )
    assert result.exit_code == 0, result.output
    numbers = json.loads(place.read_text())
    (row,) = numbers["photos"]
    assert 0.5 < row["received"] < 1 and row["carried"] == 0
    assert row["filled_in"] == pytest.approx(1 - row["received"], abs=1e-3)
    qualities = [step["ms_ssim"] for step in numbers["steps"] if "ms_ssim" in step]
    assert qualities[-1] == row["ms_ssim"] > qualities[0] and numbers["uplinks_lost"] > 0
    assert "lost" in result.output and "filled in" in result.output
    assert len(list((tmp_path / "pictures").iterdir())) == 2


def test_a_scene_without_a_change_sends_nothing_and_says_so(tmp_path):
    photo, place = str(sample_photos()["cat"]), tmp_path / "numbers.json"
    words = ["--model", "mcucoder", "--region", "US915", "--prior", "--json", str(place)]
    result = CliRunner().invoke(app, ["trial", photo, photo, *words])
    assert result.exit_code == 0, result.output
    first, second = json.loads(place.read_text())["photos"]
    assert (first["kind"], first["received"], second["kind"]) == ("image", 1, "difference")
    assert second["uplinks"] == 0 and second["filled_in"] is None
    assert "nothing changed" in result.output


def quality(line: str) -> tuple[str, float]:
    """A line, and the MS-SSIM that it told."""
    text, _, number = line.partition("MS-SSIM ")
    return text, float(number.split()[0]) if number else 0.0


def test_the_document_shows_what_the_command_prints():
    words, lines = shown("sending.md", "glimpse trial chelsea.png")
    words = [str(sample_photos()["cat"]) if word == "chelsea.png" else word for word in words[1:]]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    told = iter([quality(plain(line)) for line in result.output.splitlines()])
    for text, number in [quality(line) for line in lines if line != "..."]:
        seen = next((similar for other, similar in told if other == text), None)
        assert seen == pytest.approx(number, abs=0.01), text  # the decoder computes in floating point


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--region", "Sigfox"], "glimpse plan"),
        (["--adr", "fast"], "COUNT:DR"),
        (["--dr", "9"], "no DR9"),
        (["--feedback", "here"], "both --feedback here and --here"),
        (["--here", "0", "1", "0", "1"], "both --feedback here and --here"),
        (["--feedback", "here", "--here", "0.5", "0.5", "0", "1"], "top before bottom"),
        (["--feedback", "here", "--here", "nan", "1", "0", "1"], "top before bottom"),
        (["--feedback", "here", "--here", "0", "1", "0", "1", "--no-answers"], "leave --no-answers out"),
        (["--feedback", "here", "--here", "0", "1", "0", "1"], "lie all over the picture"),
    ],
)
def test_wrong_options_are_told(words, sentence):
    result = CliRunner().invoke(app, ["trial", str(sample_photos()["cat"]), "--model", "mcucoder", *words])
    assert isinstance(result.exception, UsageError) and sentence in str(result.exception)
