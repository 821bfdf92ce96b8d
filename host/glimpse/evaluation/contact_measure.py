# SPDX-License-Identifier: Apache-2.0
"""Photos through contacts: LimitNet's Table 6 (losses at one rate) and its Figure 13 (gamma distributed bandwidth)."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glimpse.evaluation.classify import Classifier
from glimpse.evaluation.coded_shipment import CodedSource
from glimpse.evaluation.contact import Arrived, Policy, transmit
from glimpse.evaluation.shipment import Shipment, Source
from glimpse.links import GilbertElliott, IidLoss, Loss, Trace, constant, gamma, generator
from glimpse.photo import Fit, fit_photo, load_photo
from glimpse.quality import Reference

LEAST_PACKET = 7  # bytes: overhead and a byte of body
MEASURES = ("top1", "top1_ten")
GREY = 128  # what is seen of nothing
RESAMPLES = 1000


@dataclass(frozen=True)
class Setting:
    """What a photo goes through.

    Attributes:
        payloads: most bytes of a packet, headers included.
        losses: chances of losing a transmission, 0..1.
        burst: mean losses in a row; None: each is lost alone.
        seconds: length of the contact.
        rate: bytes a second in it.
        delay: until a loss is known, seconds from a packet's end.
        seeds: draws of each loss and bandwidth.
        means: mean bandwidths, bytes a second, of contacts whose bandwidth is gamma distributed.
        shape: of that distribution.
    """

    payloads: tuple[int, ...]
    losses: tuple[float, ...]
    burst: float | None
    seconds: float
    rate: float
    delay: float
    seeds: int
    means: tuple[float, ...]
    shape: float

    def loss(self, rate: float) -> Loss:
        """The model of losses at a mean."""
        return IidLoss(rate) if self.burst is None else GilbertElliott(rate, self.burst)


@dataclass(frozen=True)
class ContactRow:
    """One photo through one contact.

    Attributes:
        link: "fixed" or "gamma".
        rate: mean bytes a second.
        the others as in Setting and Arrived; top1 and top1_ten: whether the first guess is right, 0..1, None without
        a classifier; ms_ssim: of the picture, that of a grey one where there is none.
    """

    codec: str
    image: str
    payload: int
    link: str
    rate: float
    loss: float
    policy: str
    seed: int
    sent_bytes: int
    received_bytes: int
    transmissions: int
    lost: int
    ms_ssim: float
    top1: float | None = None
    top1_ten: float | None = None


def photo_rows(
    sources: list[Source],
    setting: Setting,
    path: Path,
    image: str,
    size: tuple[int, int],
    fit: Fit,
    judge: Classifier | None,
) -> list[ContactRow]:
    """One photo through everything.

    Args:
        sources: codecs.
        setting: links.
        path: the photo's file, in a folder named after its class.
        image: its name, which the draws follow from.
        size: (height, width) in pixels that codecs take.
        fit: how the photo gets there.
        judge: the classifier; None: nobody guesses.

    Raises:
        GlimpseError: the photo cannot be read.
    """
    photo = fit_photo(load_photo(path), size[1], size[0], fit)
    eye = _Eye(photo, path.parent.name, judge)
    links = list(_links(setting, image))
    most = max(int(link.room(0, setting.seconds)) for *_, link in links) + 1
    rows = []
    for source in sources:
        for payload in setting.payloads:
            all_met = [each for each in links if each[0] == "fixed" or payload == setting.payloads[0]]
            for suited, met in _suited(source, all_met, setting):
                shipment = suited.ship(photo, payload, most)
                contacts = [_through(shipment, payload, setting, image, *each[2:]) for each in met]
                results = _judged(shipment, contacts, eye)
                for (kind, rate, loss, policy, seed, _), arrived, seen in zip(met, contacts, results, strict=True):
                    numbers = {key: value for key, value in vars(arrived).items() if key != "received"} | seen
                    place = (image, payload, kind, rate, loss, policy.value, seed)
                    rows.append(ContactRow(source.name, *place, **numbers))
    return rows


Link = tuple[str, float, float, Policy, int, Trace]  # kind, mean rate, loss, policy, seed, link


def _suited(source: Source, links: list[Link], setting: Setting) -> list[tuple[Source, list[Link]]]:
    """Links with the source that a sender takes who knows them: a code is made for a loss and the room there is, and
    for those whom nobody answers."""
    if not isinstance(source, CodedSource):
        return [(source, links)]
    groups: dict[tuple[float, int], list[Link]] = {}
    for each in links:
        _, _, loss, policy, _, link = each
        if policy is Policy.ONCE or not loss:
            groups.setdefault((loss, int(link.room(0, setting.seconds))), []).append(each)
    return [(source.suited(setting.loss(loss), room), group) for (loss, room), group in groups.items()]


def _through(
    shipment: Shipment, payload: int, setting: Setting, image: str, loss: float, policy: Policy, seed: int, link: Trace
) -> Arrived:
    """One contact; which transmissions are lost follows from the seed and the photo alone."""
    count = int(link.room(0, setting.seconds) / LEAST_PACKET) + 1
    lost = setting.loss(loss).lost(count, generator(seed, image))
    return transmit(shipment, payload, link, setting.seconds, lost, policy, setting.delay)


class _Eye:
    """Judges pictures of one photo."""

    def __init__(self, photo: np.ndarray, folder: str, judge: Classifier | None) -> None:
        self._reference, self._folder, self._judge = Reference(photo), folder, judge
        self._nothing = self._reference.ms_ssim(np.full_like(photo, GREY))

    def see(self, picture: np.ndarray | None) -> dict[str, float]:
        """MS-SSIM, and with a classifier whether its guesses are right."""
        similarity = self._nothing if picture is None else self._reference.ms_ssim(picture)
        if self._judge is None:
            return {"ms_ssim": similarity}
        # Nothing to see is nothing recognised, also where a decoder could make a picture of nothing.
        right = (0.0, 0.0) if picture is None else self._judge.judge(picture, self._folder)
        return {"ms_ssim": similarity, **dict(zip(MEASURES, right, strict=True))}


def _judged(shipment: Shipment, contacts: list[Arrived], eye: _Eye) -> Iterator[dict[str, float]]:
    """What is seen after each contact; what several brought alike is looked at once."""
    keys = [frozenset(arrived.received.items()) for arrived in contacts]
    sets = dict(zip(keys, (arrived.received for arrived in contacts), strict=True))
    pictures = shipment.pictures(list(sets.values()))
    known = dict(zip(sets, map(eye.see, pictures), strict=True))
    return (known[key] for key in keys)


def _links(setting: Setting, image: str) -> Iterator[Link]:
    """(kind, mean rate, loss, policy, seed, link), the same for all codecs. Without loss policies do not differ."""
    for loss in setting.losses:
        for policy in Policy if loss else [Policy.RESEND]:
            for seed in range(setting.seeds if loss else 1):
                yield "fixed", setting.rate, loss, policy, seed, constant(setting.rate)
    for seed in range(setting.seeds):
        # One draw for all means: a contact that is bad at one mean is bad at all.
        draw = float(gamma(1.0, setting.shape, 1.0, 1.0, generator(seed, f"bandwidth {image}")).rates[0])
        for mean in setting.means:
            yield "gamma", mean, 0.0, Policy.RESEND, seed, constant(mean * draw)


def summarise(rows: list[ContactRow]) -> list[dict[str, Any]]:
    """Means over photos and seeds of every codec, payload, link, loss and policy, in the order in which they came.

    Returns:
        Dictionaries {codec, payload, link, rate, loss, policy, photos, sent_bytes, received_bytes, lost (share),
        ms_ssim}; with a classifier also top1 and top1_ten, and with a loss kept_top1 and kept_top1_ten: what is left of
        the same photos' accuracy in the same contact without loss, with the bounds *_low and *_high of its 95 %
        interval (bootstrap over photos), None where nothing was recognised without loss.
    """
    groups: dict[tuple, list[ContactRow]] = {}
    for row in rows:
        key = (row.codec, row.payload, row.link, row.rate, row.loss, row.policy)
        groups.setdefault(key, []).append(row)
    result = []
    for key, group in groups.items():
        mean: dict[str, Any] = dict(zip(("codec", "payload", "link", "rate", "loss", "policy"), key, strict=True))
        mean["photos"] = len({row.image for row in group})
        measures = MEASURES if group[0].top1 is not None else ()
        for name in ("sent_bytes", "received_bytes", "ms_ssim", *measures):
            mean[name] = float(np.mean([getattr(row, name) for row in group]))
        mean["lost"] = sum(row.lost for row in group) / max(sum(row.transmissions for row in group), 1)
        clean = groups.get((*key[:4], 0.0, Policy.RESEND.value))
        if key[4] and clean:
            for name in measures:
                mean |= _kept(group, clean, name)
        result.append(mean)
    return result


def _kept(group: list[ContactRow], clean: list[ContactRow], name: str) -> dict[str, float | None]:
    """A ratio of two means over the same photos, and where it would lie with other photos."""
    images = [row.image for row in clean]
    whole = np.array([getattr(row, name) for row in clean])
    each: dict[str, list[float]] = {image: [] for image in images}
    for row in group:
        each[row.image].append(getattr(row, name))
    left = np.array([np.mean(each[image]) for image in images])
    keys = (f"kept_{name}", f"kept_{name}_low", f"kept_{name}_high")
    if not whole.sum():
        return dict.fromkeys(keys)
    picks = np.random.default_rng(1).integers(0, len(images), (RESAMPLES, len(images)))
    below = whole[picks].sum(axis=1)
    ratios = left[picks].sum(axis=1)[below > 0] / below[below > 0]
    low, high = np.percentile(ratios, [2.5, 97.5])
    return dict(zip(keys, map(float, (left.sum() / whole.sum(), low, high)), strict=True))


def numbers_of(rows: list[ContactRow]) -> list[dict[str, Any]]:
    """Rows as they stand in the JSON: without a classifier, without its guesses."""
    return [{key: value for key, value in asdict(row).items() if value is not None} for row in rows]
