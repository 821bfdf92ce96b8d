# SPDX-License-Identifier: Apache-2.0
"""Bytes that a receiver's "enough" saves at equal accuracy, against the same budget for every photo.

Each photo is looked at after every packet, once; policies are then tried on these tracks. Thresholds are chosen on
training photos, for the accuracy that a fixed budget has there, and judged on others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glimpse import zoo
from glimpse.decoder import PictureDecoder
from glimpse.errors import GlimpseError
from glimpse.evaluation.classify import Classifier, credit
from glimpse.evaluation.learned import packets_of
from glimpse.evaluation.measure import in_processes
from glimpse.feedback import DOWNLINK_BYTES, change_db, margin
from glimpse.photo import Fit, fit_photo, load_photo
from glimpse.reassemble import Assembly
from glimpse.zoo import ZooModel

THRESHOLDS = 50  # tried for each signal
BUDGETS = 16
RESAMPLES = 500
SIGNALS = {"margin": ("top1",), "margin_ten": ("top1_ten",), "change_db": ("top1", "top1_ten")}


@dataclass(frozen=True)
class Track:
    """One photo, looked at after every packet.

    Attributes:
        image: its name.
        bytes: int [looks], received so far.
        values: float [looks] each: top1, top1_ten (whether the first guess is right), margin, margin_ten (see
            glimpse.feedback.margin), change_db against the look before (0 at the first).
    """

    image: str
    bytes: np.ndarray
    values: dict[str, np.ndarray]

    def numbers(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        return {
            "image": self.image,
            "bytes": self.bytes.tolist(),
            **{name: [round(float(value), 3) for value in values] for name, values in self.values.items()},
        }


def track(
    model: ZooModel,
    decoder: PictureDecoder,
    judge: Classifier,
    photo: np.ndarray,
    image: str,
    folder: str,
    payload: int,
) -> Track:
    """Looks at one photo after every packet.

    Args:
        model: of the zoo.
        decoder: its decoder.
        judge: the classifier.
        photo: uint8 [photo_height, photo_width, 3] of the model.
        image: the photo's name.
        folder: its class folder.
        payload: most bytes of a packet.
    """
    assembly, came, before = Assembly(model, decoder=decoder), 0, None
    sizes: list[int] = []
    values: dict[str, list[float]] = {name: [] for name in ("top1", "top1_ten", "margin", "margin_ten", "change_db")}
    right = judge.numbers[folder]
    for packet in packets_of(model, photo, payload):
        assembly.add(packet)
        came += len(packet)
        picture = assembly.picture()
        scores = judge.scores(picture)
        chosen = scores[judge.chosen]
        found = (
            credit(scores, right),
            credit(chosen, judge.chosen.index(right)),
            judge.step * margin(scores),
            judge.step * margin(chosen) if len(chosen) > 1 else 0.0,
            0.0 if before is None else change_db(before, picture),
        )
        for name, value in zip(values, found, strict=True):
            values[name].append(value)
        sizes.append(came)
        before = picture
    return Track(image, np.array(sizes), {name: np.array(each) for name, each in values.items()})


@dataclass(frozen=True)
class Plan:
    """What is looked at, by every process alike.

    Attributes:
        models: names or folders of the zoo.
        payload: most bytes of a packet.
        fit: how photos become the models' pixels.
        classifier: model file.
        labels: file of its labels.
        folders: class folders of the photos.
    """

    models: tuple[str, ...]
    payload: int
    fit: Fit
    classifier: Path
    labels: Path
    folders: tuple[str, ...]


class Watcher:
    """A plan with everything loaded that it needs.

    Raises:
        GlimpseError: something is missing.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._models = [(model := zoo.load(name), PictureDecoder(model)) for name in plan.models]
        self._judge = Classifier(plan.classifier, plan.labels, plan.folders)

    def tracks(self, path: Path, image: str) -> "list[Track] | str":
        """One photo's track through each model; or what is wrong with the photo."""
        try:
            whole, result = load_photo(path), []
            for model, decoder in self._models:
                photo = fit_photo(whole, model.binding.photo_width, model.binding.photo_height, self.plan.fit)
                result.append(track(model, decoder, self._judge, photo, image, path.parent.name, self.plan.payload))
        except GlimpseError as error:
            return f"{image}: {error}"
        return result


_watcher: Watcher | None = None


def _prepare(plan: Plan) -> None:
    """In a process of the pool."""
    global _watcher
    _watcher = Watcher(plan)


def _tracks(path: Path, image: str) -> "list[Track] | str":
    assert _watcher is not None
    return _watcher.tracks(path, image)


def all_tracks(
    plan: Plan, work: list[tuple[Path, str]], jobs: int, on_photo: Callable[[object], None]
) -> "list[list[Track] | str]":
    """Tracks of all photos, or sentences on those that cannot be used, in their order.

    Args:
        plan: models and classifier.
        work: photos with their names.
        jobs: processes; 1: this one alone.
        on_photo: called as soon as a photo is done.

    Raises:
        GlimpseError: something is missing, before any work is done.
    """
    watcher = Watcher(plan)
    if jobs > 1 and len(work) > 1:
        return in_processes(_prepare, plan, _tracks, work, jobs, on_photo)
    result = []
    for path, image in work:
        result.append(watcher.tracks(path, image))
        on_photo(result[-1])
    return result


@dataclass(frozen=True)
class Rule:
    """Stop at the first look whose signal is at least so much, and at the latest at a budget.

    Attributes:
        signal: name of one of a track's values.
        least: of it.
        budget: most bytes of a photo; the first packet comes in any case.
    """

    signal: str
    least: float
    budget: float


def ends(tracks: Sequence[Track], rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Where a rule ends photos.

    Returns:
        (index of the last look of each track, whether the receiver said "enough" there, which costs a downlink: the
        end of the frame, and the budget, which the node knows beforehand, cost none).
    """
    at, said = np.empty(len(tracks), int), np.zeros(len(tracks), bool)
    for number, each in enumerate(tracks):
        last = max(int(np.searchsorted(each.bytes, rule.budget, side="right")) - 1, 0)
        sure = np.flatnonzero(each.values[rule.signal][:last] >= rule.least)
        at[number], said[number] = (sure[0], True) if sure.size else (last, False)
    return at, said


def outcome(tracks: Sequence[Track], rule: Rule, right: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(bytes up, bytes down, right or wrong) of each photo under a rule.

    Args:
        tracks: photos.
        rule: when to stop.
        right: "top1" or "top1_ten".
    """
    at, said = ends(tracks, rule)
    up = np.array([each.bytes[end] for each, end in zip(tracks, at, strict=True)], float)
    good = np.array([each.values[right][end] for each, end in zip(tracks, at, strict=True)], float)
    return up, said * float(DOWNLINK_BYTES), good


def budgets_of(tracks: Sequence[Track], count: int = BUDGETS) -> np.ndarray:
    """Budgets to try, evenly spaced up to the longest frame, bytes."""
    return np.ceil(np.arange(1, count + 1) * max(each.bytes[-1] for each in tracks) / count)


def fixed_curve(tracks: Sequence[Track], right: str, budgets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(bytes, right or wrong), each [budgets, photos]: every photo gets the packets that fit the same budget."""
    rules = [Rule("margin", np.inf, float(budget)) for budget in budgets]
    up, _, good = zip(*(outcome(tracks, rule, right) for rule in rules), strict=True)
    return np.array(up), np.array(good)


def bytes_for(accuracy: float, sizes: np.ndarray, accuracies: np.ndarray) -> float:
    """Fewest mean bytes at which a curve reaches an accuracy, straight between its points; where it never does, those
    of its best point, which flatters the curve.

    Args:
        accuracy: 0..1.
        sizes: [points], rising.
        accuracies: [points].
    """
    best = np.maximum.accumulate(accuracies)
    if accuracy >= best[-1]:
        return float(sizes[int(np.argmax(best == best[-1]))])
    at = int(np.argmax(best >= accuracy))
    if at == 0:
        return float(sizes[0])
    share = (accuracy - best[at - 1]) / (best[at] - best[at - 1])
    return float(sizes[at - 1] + share * (sizes[at] - sizes[at - 1]))


@dataclass(frozen=True)
class Tried:
    """A rule on the photos it is chosen on: mean bytes, up and down, and accuracy."""

    rule: Rule
    cost: float
    accuracy: float


def tried(tracks: Sequence[Track], signal: str, right: str) -> list[Tried]:
    """Thresholds between the signal's values, and none, under every budget."""
    seen = np.concatenate([each.values[signal] for each in tracks])
    result = []
    for budget in budgets_of(tracks):
        for least in [*np.unique(np.quantile(seen, np.linspace(0, 1, THRESHOLDS))), np.inf]:
            rule = Rule(signal, float(least), float(budget))
            up, down, good = outcome(tracks, rule, right)
            result.append(Tried(rule, float((up + down).mean()), float(good.mean())))
    return result


def cheapest(rules: Sequence[Tried], accuracy: float) -> Rule:
    """The rule with the fewest bytes among those that reach an accuracy; one that sends everything is among them."""
    return min((each for each in rules if each.accuracy >= accuracy - 1e-9), key=lambda each: each.cost).rule


def _saved(cost: np.ndarray, rule_good: np.ndarray, up: np.ndarray, good: np.ndarray) -> float:
    """Share of the bytes that equal budgets need for a rule's accuracy; arguments [photos] and [budgets, photos]."""
    return 1 - float(cost.mean()) / bytes_for(float(rule_good.mean()), up.mean(axis=1), good.mean(axis=1))


def savings(train: Sequence[Track], held: Sequence[Track], signal: str, right: str) -> list[dict[str, Any]]:
    """What a signal saves, for the accuracy of rising budgets, the last one of whole frames.

    Returns:
        Dictionaries {signal, measure, budget (aimed at), threshold, most_bytes; fixed_bytes and fixed (mean bytes and
        accuracy with that budget for every photo); bytes_up, bytes_down, accuracy of the rule; downlinks (share of the
        photos that are told "enough"); equal_bytes: what the same budget for all needs for the rule's accuracy;
        saved: share of equal_bytes, bytes down counted, with saved_low and saved_high (95 %, bootstrap over photos)}.
    """
    budgets = budgets_of(train)
    _, train_good = fixed_curve(train, right, budgets)
    up, good = fixed_curve(held, right, budgets)
    rules = tried(train, signal, right)
    result = []
    for at, budget in enumerate(budgets):
        rule = cheapest(rules, float(train_good[at].mean()))
        rule_up, rule_down, rule_good = outcome(held, rule, right)

        cost = rule_up + rule_down
        picks = np.random.default_rng(1).integers(0, len(held), (RESAMPLES, len(held)))
        low, high = np.percentile([_saved(cost[i], rule_good[i], up[:, i], good[:, i]) for i in picks], [2.5, 97.5])
        result.append(
            {
                "signal": signal,
                "measure": right,
                "budget": float(budget),
                "threshold": rule.least if np.isfinite(rule.least) else None,
                "most_bytes": rule.budget,
                "fixed_bytes": float(up[at].mean()),
                "fixed": float(good[at].mean()),
                "bytes_up": float(rule_up.mean()),
                "bytes_down": float(rule_down.mean()),
                "accuracy": float(rule_good.mean()),
                "downlinks": float(np.mean(rule_down > 0)),
                "equal_bytes": bytes_for(float(rule_good.mean()), up.mean(axis=1), good.mean(axis=1)),
                "saved": _saved(cost, rule_good, up, good),
                "saved_low": float(low),
                "saved_high": float(high),
            }
        )
    return result
