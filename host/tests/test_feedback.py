# SPDX-License-Identifier: Apache-2.0
"""Enough, more or more here: policies on looks whose answer is known, and savings on tracks whose sums are."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from glimpse.errors import UsageError
from glimpse.evaluation.feedback_measure import (
    Rule,
    Track,
    budgets_of,
    bytes_for,
    cheapest,
    ends,
    fixed_curve,
    outcome,
    savings,
    tried,
)
from glimpse.feedback import Answer, ByChange, ByConfidence, Look, Region, change_db, margin, region_wanted
from glimpse.samples import sample_photos
from support.tiny_classifier import tiny_classifier
from support.typed import Glimpse

SHAPE = (28, 28, 12)


def look(bytes: int = 500, logits: list[float] | None = None, received: float = 0.5, picture: int = 90) -> Look:
    share = np.zeros(SHAPE)
    share[..., : round(12 * received)] = 1
    return Look(np.full((224, 224, 3), picture, np.uint8), share, bytes, None if logits is None else np.array(logits))


def test_a_margin_is_that_of_the_two_best():
    assert margin(np.array([1, 9.0, 4, 7.5])) == 1.5 and margin(np.array([3, 3])) == 0


@pytest.mark.parametrize(
    ("logits", "size", "received", "answer"),
    [
        ([9, 1, 2], 500, 0.5, Answer.ENOUGH),
        ([3, 1, 2], 500, 0.5, Answer.MORE),
        ([3, 1, 2], 2000, 0.5, Answer.ENOUGH),
        ([3, 1, 2], 500, 1, Answer.ENOUGH),
    ],
)
def test_enough_when_sure_or_dear_or_complete(logits: list[float], size: int, received: float, answer: Answer):
    policy = ByConfidence(least=5, most_bytes=2000)
    assert policy.reply(look(size, logits, received)).answer is answer


def test_more_here_names_a_region_of_the_latent():
    reply = ByConfidence(5, 2000, regional=True).reply(look(500, [3, 1, 2]))
    assert reply.answer is Answer.MORE_HERE and reply.region is not None
    assert (reply.region.bottom - reply.region.top, reply.region.right - reply.region.left) == (14, 14)


def test_a_classifier_is_needed_for_confidence():
    with pytest.raises(UsageError, match="logits"):
        ByConfidence(5, 2000).reply(look())


def test_more_goes_where_detail_is_and_symbols_are_missing():
    picture = np.full((224, 224, 3), 90, np.uint8)
    rng = np.random.default_rng(1)
    picture[112:, :112] = rng.integers(0, 256, (112, 112, 3))
    nothing = np.zeros(SHAPE)
    assert region_wanted(Look(picture, nothing, 0)) == Region(14, 28, 0, 14)
    # As much detail in another corner; the first has come already.
    picture[:112, 112:] = rng.integers(0, 256, (112, 112, 3))
    received = nothing.copy()
    received[14:, :14, :8] = 1
    assert region_wanted(Look(picture, received, 0)) == Region(0, 14, 14, 28)
    assert region_wanted(Look(picture, np.ones(SHAPE), 0)) is None
    assert region_wanted(Look(picture, nothing, 0), share=1) == Region(0, 28, 0, 28)
    with pytest.raises(UsageError):
        region_wanted(Look(picture, nothing, 0), share=0)


def test_a_picture_that_stands_still_is_enough():
    policy = ByChange(least_db=40, most_bytes=9000)
    answers = [policy.reply(look(picture=level)).answer for level in (90, 120, 121)]
    assert answers == [Answer.MORE, Answer.MORE, Answer.ENOUGH]
    assert ByChange(40, 400).reply(look()).answer is Answer.ENOUGH
    assert change_db(np.zeros((2, 2, 3)), np.full((2, 2, 3), 255.0)) == 0 and change_db(np.ones(3), np.ones(3)) == 99


def path(name: str, right: list[float], sure: list[float], step: int = 100) -> Track:
    sizes = step * np.arange(1, len(right) + 1)
    values = {"top1": right, "top1_ten": right, "margin": sure, "margin_ten": sure, "change_db": sure}
    return Track(name, sizes, {key: np.array(value, float) for key, value in values.items()})


# Recognised after 1, 2 and 4 packets, and the classifier is sure exactly then.
TRACKS = [
    path("easy", [1, 1, 1, 1], [6, 7, 8, 9]),
    path("fair", [0, 1, 1, 1], [1, 6, 7, 8]),
    path("hard", [0, 0, 0, 1], [1, 2, 3, 6]),
]


def test_a_rule_ends_each_photo_where_it_is_sure_and_counts_the_downlinks():
    at, said = ends(TRACKS, Rule("margin", 5, 1000))
    assert at.tolist() == [0, 1, 3] and said.tolist() == [True, True, False]
    up, down, good = outcome(TRACKS, Rule("margin", 5, 1000), "top1")
    assert up.tolist() == [100, 200, 400] and down.tolist() == [11, 11, 0] and good.tolist() == [1, 1, 1]
    # The budget ends a photo without a word; a budget below the first packet still brings it.
    assert ends(TRACKS, Rule("margin", 5, 350))[0].tolist() == [0, 1, 2]
    assert ends(TRACKS, Rule("margin", 99, 20))[0].tolist() == [0, 0, 0]


def test_a_rule_ends_where_the_policy_says_enough():
    for each in TRACKS:
        policy = ByConfidence(5, 1000)
        last = next(
            n
            for n, (size, sure) in enumerate(zip(each.bytes, each.values["margin"], strict=True))
            if n == 3 or policy.reply(look(int(size), [sure, 0])).answer is Answer.ENOUGH
        )
        assert last == ends([each], Rule("margin", 5, 1000))[0][0]


def test_fixed_budgets_and_what_they_need_for_an_accuracy():
    up, good = fixed_curve(TRACKS, "top1", np.array([100, 200, 300, 400]))
    assert up.mean(axis=1).tolist() == [100, 200, 300, 400]
    assert good.mean(axis=1).tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1])
    sizes, curve = np.array([100.0, 200, 300]), np.array([0.2, 0.6, 0.5])
    assert bytes_for(0.4, sizes, curve) == pytest.approx(150)
    assert bytes_for(0.1, sizes, curve) == 100 and bytes_for(0.9, sizes, curve) == 200


def test_the_cheapest_rule_that_is_right_often_enough_is_taken_and_its_saving_told():
    rules = tried(TRACKS, "margin", "top1")
    best = cheapest(rules, 1.0)
    assert outcome(TRACKS, best, "top1")[0].tolist() == [100, 200, 400]
    whole = savings(TRACKS, TRACKS, "margin", "top1")[-1]
    assert whole["fixed_bytes"] == whole["equal_bytes"] == 400 and whole["accuracy"] == 1
    assert whole["saved"] == pytest.approx(1 - (700 + 2 * 11) / 3 / 400)
    assert whole["saved_low"] <= whole["saved"] <= whole["saved_high"] and whole["downlinks"] == pytest.approx(2 / 3)


def test_a_signal_that_says_nothing_saves_nothing():
    rng = np.random.default_rng(7)
    blind = [
        path(str(n), [0] * at + [1] * (8 - at), rng.random(8).tolist()) for n, at in enumerate(rng.integers(0, 8, 60))
    ]
    assert savings(blind[:30], blind[30:], "margin", "top1")[-1]["saved"] < 0.15
    assert budgets_of(blind)[-1] == 800


def test_the_command_measures_and_refuses(tmp_path: Path, glimpse: Glimpse):
    for part in ("train", "val"):
        for name in ("cat", "coffee"):
            (tmp_path / part / name).mkdir(parents=True)
            shutil.copy(sample_photos()[name], tmp_path / part / name / "a.png")
    (tmp_path / "tiny.tflite").write_bytes(tiny_classifier())
    (tmp_path / "labels.txt").write_text("cat\ncoffee\nd\ne\nf\ng\nh\n")

    def run(*words: object) -> tuple[int, str, str]:
        files = ["--classifier", tmp_path / "tiny.tflite", "--labels", tmp_path / "labels.txt", "--models", "mcucoder"]
        files += ["--jobs", 1]
        return glimpse("feedback", *files, *words)

    same = run("--data", tmp_path / "val", "--train", tmp_path / "val")
    assert same[0] == 2 and "say nothing there" in same[2] and same[2].count("\n") == 1
    code, out, error = run("--data", tmp_path / "val", "--train", tmp_path / "train", "--json", "-")
    numbers = json.loads(out)
    assert code == 0 and "bytes saved" in error and numbers["photos"] == {"train": 2, "data": 2}
    assert numbers["downlink_bytes"] == 11 and {p["signal"] for p in numbers["savings"]["mcucoder"]} >= {"margin"}
    found = numbers["tracks"]["mcucoder"]["data"][0]
    assert found["image"] == "cat/a.png" and len(found["bytes"]) == len(found["top1"]) == len(found["change_db"]) > 5
