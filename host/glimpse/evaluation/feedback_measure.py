# SPDX-License-Identifier: Apache-2.0
"""Bytes that a receiver's "enough" saves at equal accuracy, against as many packets of every photo.

Each photo is looked at after every packet, once; policies are then tried on these tracks. Thresholds are chosen on
training photos, for the accuracy that a fixed number of packets has there, and judged on others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glimpse.decoder import PictureDecoder
from glimpse.evaluation.classify import Classifier, credit
from glimpse.evaluation.learned import packets_of
from glimpse.feedback import DOWNLINK_BYTES, change_db, margin
from glimpse.reassemble import Assembly
from glimpse.zoo import ZooModel

THRESHOLDS = 60  # tried for each signal
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
class Rule:
    """Stop at the first look whose signal is at least so much, and at the latest after so many packets.

    Attributes:
        signal: name of one of a track's values.
        least: of it.
        packets: most of a photo.
    """

    signal: str
    least: float
    packets: int


def ends(tracks: Sequence[Track], rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Where a rule ends photos.

    Returns:
        (index of the last look of each track, whether the receiver said "enough" there, which costs a downlink: the
        end of the frame, and the most packets, which the node knows beforehand, cost none).
    """
    at, said = np.empty(len(tracks), int), np.zeros(len(tracks), bool)
    for number, each in enumerate(tracks):
        last = min(rule.packets, len(each.bytes)) - 1
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


def fixed_curve(tracks: Sequence[Track], right: str) -> tuple[np.ndarray, np.ndarray]:
    """(bytes, right or wrong), each [packets, photos]: the first 1, 2, ... packets of every photo."""
    most = max(len(each.bytes) for each in tracks)
    rules = [Rule("margin", np.inf, packets) for packets in range(1, most + 1)]
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


def chosen_rule(tracks: Sequence[Track], signal: str, right: str, accuracy: float) -> Rule | None:
    """The rule with the fewest bytes, up and down, whose accuracy on these photos is at least that; None: there is
    none."""
    seen = np.concatenate([each.values[signal] for each in tracks])
    most = max(len(each.bytes) for each in tracks)
    best: tuple[float, Rule] | None = None
    for packets in range(1, most + 1):
        for least in [*np.quantile(seen, np.linspace(0, 1, THRESHOLDS)), np.inf]:
            rule = Rule(signal, float(least), packets)
            up, down, good = outcome(tracks, rule, right)
            cost = float((up + down).mean())
            if good.mean() >= accuracy - 1e-9 and (best is None or cost < best[0]):
                best = cost, rule
    return best[1] if best else None


def _saved(cost: np.ndarray, rule_good: np.ndarray, up: np.ndarray, good: np.ndarray) -> float:
    """Share of the bytes that a fixed number of packets needs for a rule's accuracy; arguments [photos] and [packets,
    photos]."""
    return 1 - float(cost.mean()) / bytes_for(float(rule_good.mean()), up.mean(axis=1), good.mean(axis=1))


def savings(train: Sequence[Track], held: Sequence[Track], signal: str, right: str) -> list[dict[str, Any]]:
    """What a signal saves, for the accuracy of 2, 3, ... packets and of whole frames.

    Returns:
        Dictionaries {signal, measure, packets (aimed at), threshold, most_packets; fixed_bytes and fixed (accuracy of
        that many packets of every photo); bytes_up, bytes_down, accuracy of the rule; downlinks (share of the photos
        that are told "enough"); equal_bytes: what as many packets of every photo need for the rule's accuracy;
        saved: share of equal_bytes, bytes down counted, with saved_low and saved_high (95 %, bootstrap over photos)}.
    """
    train_up, train_good = fixed_curve(train, right)
    up, good = fixed_curve(held, right)
    result = []
    for packets in range(2, len(train_up) + 1):
        rule = chosen_rule(train, signal, right, float(train_good[packets - 1].mean()))
        if rule is None or packets > len(up):
            continue
        rule_up, rule_down, rule_good = outcome(held, rule, right)

        cost = rule_up + rule_down
        picks = np.random.default_rng(1).integers(0, len(held), (RESAMPLES, len(held)))
        low, high = np.percentile([_saved(cost[i], rule_good[i], up[:, i], good[:, i]) for i in picks], [2.5, 97.5])
        result.append(
            {
                "signal": signal,
                "measure": right,
                "packets": packets,
                "threshold": rule.least if np.isfinite(rule.least) else None,
                "most_packets": rule.packets,
                "fixed_bytes": float(up[packets - 1].mean()),
                "fixed": float(good[packets - 1].mean()),
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
