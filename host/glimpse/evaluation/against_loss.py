# SPDX-License-Identifier: Apache-2.0
"""Quality against loss: our models with and without parity, and streams under erasure codes, at equal bytes.

Everybody sends the same number of bytes, headers, parity and codes included, in packets of at most the payload. Who
adds redundancy chooses it on training photos for the link and the loss rate, as one who knows both would (`suited`,
`uniform`, `weighted`), or once for TYPICAL_LOSS (`fixed`). A stream's quality is the mean over DRAWS draws of the link,
exact for each of its prefixes; our packets are drawn `seeds` times for each photo, and decoded each time. These few
draws are strata of the many, so that as many packets are lost on average.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain, islice, repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from glimpse import zoo
from glimpse.binding import MIN_PAYLOAD, OVERHEAD_BYTES
from glimpse.binding.parity import Rule, protect, rooms
from glimpse.decoder import PictureDecoder
from glimpse.errors import GlimpseError
from glimpse.evaluation import erasure, jpeg, wavelet
from glimpse.evaluation.curves import MOST_DB, finite
from glimpse.links import generator
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import Reference, to_db
from glimpse.reassemble import Assembly

LINKS = ("iid", "bursts")
RATES = (0.1, 0.2, 0.4)  # bits per pixel
PAYLOADS = (51, 222)
LOSSES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
TYPICAL_LOSS = 0.3
STREAMS = ("wavelet", "progressive")
CURVE_POINTS = 14
TRIAL_LOSSES = (0.2, 0.3, 0.5, 0.7)
BARE = (Rule(1, 0),)

Seen = tuple[float, float]  # MS-SSIM, PSNR in dB


@dataclass(frozen=True)
class Plan:
    """What is measured; the fields are named as in the JSON."""

    models: tuple[str, ...]
    size: tuple[int, int]
    fit: str = "crop"
    rates: tuple[float, ...] = RATES
    payloads: tuple[int, ...] = PAYLOADS
    losses: tuple[float, ...] = LOSSES
    seeds: int = 1

    def budget(self, rate: float) -> int:
        """Bytes of a photo at a rate in bits per pixel."""
        return round(rate * self.size[0] * self.size[1] / 8)


# ---- One photo


class _Judge:
    def __init__(self, photo: np.ndarray) -> None:
        self._reference = Reference(photo)

    def see(self, picture: np.ndarray) -> Seen:
        quality = self._reference.compare(picture)
        return quality.ms_ssim, min(quality.psnr_db, MOST_DB)


def _stream_curve(name: str, photo: np.ndarray, judge: _Judge, most: int) -> tuple[list[int], list[Seen]]:
    """Numbers of a stream's first bytes, from 0 on, and what they show."""
    height, width = photo.shape[:2]
    cuts = np.unique(np.rint(np.geomspace(40, most, CURVE_POINTS)).astype(int)).tolist()
    if name == "wavelet":
        data = wavelet.encode(photo, most)
        cuts = [0, *(cut for cut in cuts if cut < len(data)), len(data)]
        return cuts, [judge.see(picture) for picture in wavelet.decode_cuts(data, cuts, height, width)]
    data = jpeg.encode(photo, jpeg.PROGRESSIVE_QUALITY, progressive=True, optimize=True)
    sizes, best = [0], [judge.see(np.full_like(photo, 128))]
    for size in (size for size in jpeg.cuts_of(data, height * width) if size <= most):
        picture = jpeg.decode_cut(data[:size])
        seen = best[-1] if picture is None else judge.see(picture)
        sizes.append(size)
        best.append(max(best[-1], seen))  # a receiver shows no cut that looks worse
    return sizes, best


@dataclass(frozen=True)
class _Frame:
    """One photo as symbols of a model."""

    symbols: np.ndarray
    side: np.ndarray


class _Model:
    def __init__(self, name: str) -> None:
        self.model = zoo.load(name)
        self.name = self.model.name
        self.scattered = bool(self.model.binding.side_bytes)
        self._decoder = PictureDecoder(self.model)

    def frame(self, photo: np.ndarray) -> _Frame:
        latent, side = self.model.binding.encode_outputs(photo)
        return _Frame(self.model.binding.quantise(latent), side)

    def packets(self, frame: _Frame, sizes: list[int]) -> list[bytes]:
        """At most so many packets of at most these sizes."""
        own = self.model.binding
        coding = "range" if own.has_range_tables else "raw"
        side = {"saliency": frame.side} if frame.side.size else {}
        return own.pack(frame.symbols, coding=coding, payload=chain(sizes, repeat(sizes[-1])), **side)[: len(sizes)]

    def picture(self, packets: list[bytes]) -> np.ndarray:
        assembly = Assembly(self.model, decoder=self._decoder)
        for packet in packets:
            assembly.add(packet)
        return assembly.picture()


# ---- Our redundancy


@dataclass(frozen=True)
class Sending:
    """How a model's frame is sent.

    Attributes:
        payload: most bytes of its packets.
        rules: of its groups.
        sizes: most bytes of each packet that carries symbols.
    """

    payload: int
    rules: tuple[Rule, ...]
    sizes: tuple[int, ...]


def sendings(rules: tuple[Rule, ...], budget: int, payload: int, scattered: bool) -> Iterator[Sending]:
    """Ways to fill a budget with packets of at most `payload` bytes under some rules: all of one size."""
    least = -(-budget // payload)
    for count in range(least, least + (1 if rules == BARE else 2)):
        size = budget // count
        if size < 2 * MIN_PAYLOAD:
            return
        sizes: list[int] = []
        for packet in islice(rooms(rules, size, scattered), 4 * count):
            if sum(sizes) + packet + size * _parity_of(rules, len(sizes) + 1) > budget:
                break
            sizes.append(packet)
        if sizes:
            yield Sending(size, rules, tuple(sizes))


def _parity_of(rules: tuple[Rule, ...], packets: int) -> int:
    """Parity packets of so many packets."""
    total, number = 0, 0
    while packets > 0:
        rule = rules[min(number, len(rules) - 1)]
        members = min(rule.packets, packets)
        total += -(-members * rule.parity // rule.packets)
        packets, number = packets - members, number + 1
    return total


def choose(
    model: _Model, curve: "Curve", budget: int, payload: int, link: str, rate: float, bare_too: bool = True
) -> Sending:
    """What is best for a link by what training photos say a packet is worth (see Curve.worth); bare_too: also without
    any parity."""
    bare = next(sendings(BARE, budget, payload, model.scattered), None)
    if bare is None:
        raise GlimpseError(f"{budget} bytes are too few for packets of {payload}; take a higher rate")
    best: tuple[float, Sending] | None = None
    for rules in erasure.candidates(-(-budget // payload) + 3)[not bare_too :] if rate else [BARE]:
        for sending in sendings(rules, budget, payload, model.scattered):
            ends = [0, *accumulate(size - OVERHEAD_BYTES for size in sending.sizes)]
            inside = sum(end < curve.sizes[-1] for end in ends[:-1])
            sending = Sending(sending.payload, rules, sending.sizes[:inside])
            lost = erasure.patterns(link, rate, inside + _parity_of(rules, inside))[: erasure.TRIAL_DRAWS]
            known = erasure.available(sending.sizes, rules, lost)
            worth = float(curve.worth(np.array(ends[: inside + 1]), known).mean())
            if best is None or worth > best[0] + 1e-9:
                best = worth, sending
    return best[1] if best else bare


@dataclass(frozen=True)
class Curve:
    """MS-SSIM by bytes without headers.

    Attributes:
        sizes: rising.
        values: not falling.
        order: how much it matters which packets are lost, 0..1: 0 where only their bytes count.
    """

    sizes: tuple[float, ...]
    values: tuple[float, ...]
    order: float = 0.0

    def __call__(self, size: np.ndarray) -> np.ndarray:
        """MS-SSIM at numbers of bytes."""
        return np.interp(size, self.sizes, self.values)

    def bounds(self, ends: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What known packets are worth if each brings what it did in its turn, and if as many bytes from the beginning
        are worth the same.

        Args:
            ends: [packets + 1] bytes, from 0 on.
            known: bool [draws, packets].
        """
        gains = np.diff(self(ends))
        return self.values[0] + known @ gains, self(known @ np.diff(ends))

    def worth(self, ends: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Between the two, as `order` says."""
        in_turn, by_bytes = self.bounds(ends, known)
        return self.order * in_turn + (1 - self.order) * by_bytes


Trial = tuple[float, float, float]  # the two bounds, and what was seen


def _curve_of(sizes: list[int], values: list[float]) -> Curve:
    return Curve(tuple(map(float, sizes)), tuple(np.maximum.accumulate(values).tolist()))


def _mean_curve(found: list[tuple[list[int], list[float], list[Trial]]]) -> Curve:
    """Of photos; beyond the end of one it stays what it is. Its order is a least squares fit to all trials."""
    ends = float(np.mean([sizes[-1] for sizes, _, _ in found]))
    grid = sorted({0.0, ends, *(float(size) for sizes, _, _ in found for size in sizes if size < ends)})
    values = np.mean([np.interp(grid, sizes, values) for sizes, values, _ in found], axis=0)
    trials = np.array([trial for _, _, each in found for trial in each]).reshape(-1, 3)
    apart, seen = trials[:, 0] - trials[:, 1], trials[:, 2] - trials[:, 1]
    order = float(np.clip(apart @ seen / max(apart @ apart, 1e-9), 0, 1))
    return Curve(tuple(grid), tuple(np.maximum.accumulate(values).tolist()), order)


# ---- Training photos: curves


class Worker:
    """Measures one photo at a time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.models = [_Model(name) for name in plan.models]
        self.most = max(map(plan.budget, plan.rates))

    def photo(self, path: Path) -> np.ndarray:
        """A file's pixels as the models take them."""
        return fit_photo(load_photo(path), self.plan.size[0], self.plan.size[1], self.plan.fit)

    def curves(self, path: Path) -> dict[str, tuple[list[int], list[float], list[Trial]]]:
        """MS-SSIM by bytes without headers, of every codec, and of models what single losses cost."""
        photo = self.photo(path)
        judge = _Judge(photo)
        result: dict[str, tuple[list[int], list[float], list[Trial]]] = {}
        for name in STREAMS:
            sizes, seen = _stream_curve(name, photo, judge, self.most)
            result[name] = sizes, [each[0] for each in seen], []
        for model in self.models:
            packets = model.packets(model.frame(photo), [min(self.plan.payloads)] * 1000)
            counts = np.unique(np.rint(np.geomspace(1, len(packets), CURVE_POINTS - 4)).astype(int)).tolist()
            ends = [0, *accumulate(len(packet) - OVERHEAD_BYTES for packet in packets)]
            values = [judge.see(model.picture(packets[:count]))[0] for count in (0, *counts)]
            curve = _curve_of([ends[count] for count in (0, *counts)], values)
            trials = []
            for number, loss in enumerate(TRIAL_LOSSES):
                sent = packets[: len(packets) * (2 + number % 2) // 3]
                known = ~erasure.link("iid", loss).lost(len(sent), generator(number, path.name))
                in_turn, by_bytes = curve.bounds(np.array(ends[: len(sent) + 1]), known[None])
                came = [packet for packet, there in zip(sent, known, strict=True) if there]
                trials.append((float(in_turn[0]), float(by_bytes[0]), judge.see(model.picture(came))[0]))
            result[model.name] = [ends[count] for count in (0, *counts)], values, trials
        return result

    def measure(self, path: Path, number: int, photos: int, chosen: "Chosen") -> list[dict[str, Any]]:
        """All rows of one photo, the `number`th of `photos`."""
        photo = self.photo(path)
        judge = _Judge(photo)
        rows = []
        for name in STREAMS:
            rows += list(self._stream_rows(name, _stream_curve(name, photo, judge, self.most), chosen))
        for model in self.models:
            rows += list(self._model_rows(model, photo, (number, photos), judge, chosen))
        return rows

    def _stream_rows(
        self, name: str, curve: tuple[list[int], list[Seen]], chosen: "Chosen"
    ) -> Iterator[dict[str, Any]]:
        sizes, seen = curve
        for key, stream in chosen.streams.items():
            if key[0] != name:
                continue
            _, how, link, payload, rate, loss = key
            prefixes = stream.prefixes()
            chances = stream.chances(link, loss)
            values = [float(chances @ np.interp(prefixes, sizes, [s[i] for s in seen])) for i in (0, 1)]
            sent = stream.packets * (stream.room + OVERHEAD_BYTES)
            yield _row(name, how, link, payload, rate, loss, sent, (values[0], values[1]))

    def _model_rows(
        self, model: _Model, photo: np.ndarray, place: tuple[int, int], judge: _Judge, chosen: "Chosen"
    ) -> Iterator[dict[str, Any]]:
        frame = model.frame(photo)
        known: dict[tuple[bytes, ...], Seen] = {}
        for key, sending in chosen.sendings.items():
            if key[0] != model.name:
                continue
            _, how, link, payload, rate, loss = key
            sent = self._sent(model, frame, sending, self.plan.budget(rate))
            found = []
            number, photos = place
            total = photos * self.plan.seeds
            # Every photo gets light and heavy losses, in other settings others.
            parts = generator(payload, f"{link} {rate} {loss}").permutation(total)
            for seed in range(self.plan.seeds if loss else 1):
                lost = erasure.stratum(link, loss, len(sent), int(parts[number + photos * seed]), total)
                came = tuple(packet for packet, gone in zip(sent, lost, strict=True) if not gone)
                if came not in known:
                    known[came] = judge.see(model.picture([*came]))
                found.append(known[came])
            mean = tuple(float(np.mean([each[i] for each in found])) for i in (0, 1))
            yield _row(model.name, how, link, payload, rate, loss, sum(map(len, sent)), (mean[0], mean[1]))

    def _sent(self, model: _Model, frame: _Frame, sending: Sending, budget: int) -> list[bytes]:
        """As many packets with their parity as the budget holds: they may be shorter than they could be."""
        sizes = [*islice(rooms(sending.rules, sending.payload, model.scattered), 2 * len(sending.sizes) + 8)]
        packets = model.packets(frame, sizes)
        count, sent = 0, []
        for more in range(min(len(sending.sizes), len(packets)) // 2, len(packets) + 1):
            longer = protect(packets[:more], sending.rules, sending.payload, model.scattered)
            if sum(map(len, longer)) > budget:
                break
            count, sent = more, longer
        # What is left over may hold a packet of its own, bare.
        rest = budget - sum(map(len, sent))
        if rest >= 2 * MIN_PAYLOAD and count < len(packets):
            sent += model.packets(frame, [*sizes[:count], min(rest, sending.payload)])[count:]
        return sent


def _row(
    codec: str, protection: str, link: str, payload: int, rate: float, loss: float, sent: int, seen: Seen
) -> dict[str, Any]:
    return {
        "codec": codec,
        "protection": protection,
        "link": link,
        "payload": payload,
        "bpp": rate,
        "loss": loss,
        "bytes": sent,
        "ms_ssim": seen[0],
        "psnr_db": seen[1],
    }


# ---- What is chosen on training photos

Key = tuple[str, str, str, int, float, float]  # codec, protection, link, payload, bits per pixel, loss


@dataclass(frozen=True)
class Chosen:
    """Redundancy of every codec for every setting."""

    streams: dict[Key, erasure.Stream]
    sendings: dict[Key, Sending]
    curves: dict[str, Curve]


def choose_all(plan: Plan, curves: list[dict[str, Any]]) -> Chosen:
    """From the curves of training photos."""
    means = {name: _mean_curve([each[name] for each in curves]) for name in curves[0]}
    models = {model.name: model for model in map(_Model, plan.models)}
    streams: dict[Key, erasure.Stream] = {}
    sending: dict[Key, Sending] = {}
    for link in LINKS:
        for payload in plan.payloads:
            for rate in plan.rates:
                budget = plan.budget(rate)
                count = -(-budget // payload)
                room = budget // count - OVERHEAD_BYTES
                make: dict[str, Callable[[float, str], erasure.Stream]] = {
                    "none": lambda loss, name, n=count, r=room: erasure.plain(n, r),
                    "uniform": partial(_coded, erasure.uniform, means, link, count, room),
                    "weighted": partial(_coded, erasure.weighted, means, link, count, room),
                }
                typical = make["weighted"](TYPICAL_LOSS, "wavelet")
                bare = {name: next(sendings(BARE, budget, payload, models[name].scattered)) for name in models}
                ours = {
                    name: choose(models[name], means[name], budget, payload, link, TYPICAL_LOSS, False)
                    for name in models
                }
                for loss in plan.losses:
                    setting = (link, payload, rate, loss)
                    for how in make:
                        streams["wavelet", how, *setting] = make[how](loss, "wavelet")
                    streams["wavelet", "fixed", *setting] = typical
                    streams["progressive", "none", *setting] = make["none"](loss, "progressive")
                    for name, model in models.items():
                        sending[name, "none", *setting] = bare[name]
                        sending[name, "fixed", *setting] = ours[name]
                        suited = choose(model, means[name], budget, payload, link, loss)
                        sending[name, "suited", *setting] = suited
    return Chosen(streams, sending, means)


def _coded(
    how: Callable[..., erasure.Stream],
    means: dict[str, Curve],
    link: str,
    count: int,
    room: int,
    loss: float,
    name: str,
) -> erasure.Stream:
    return how(count, room, erasure.arrivals(link, loss, count), means[name])


# ---- Everything

_worker: Worker | None = None


def _prepare(plan: Plan) -> None:
    global _worker
    _worker = Worker(plan)


def _curves(path: Path) -> dict[str, Any]:
    assert _worker is not None
    return _worker.curves(path)


def _measure(path: Path, number: int, photos: int, chosen: Chosen) -> list[dict[str, Any]]:
    assert _worker is not None
    return _worker.measure(path, number, photos, chosen)


def run(
    plan: Plan,
    data: Path,
    files: list[Path],
    training: list[Path],
    jobs: int,
    on_photo: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Everything, as it stands in the JSON.

    Args:
        plan: what.
        data: the folder of `files`.
        files: photos to measure.
        training: photos to choose redundancy on, none of `files`.
        jobs: processes.
        on_photo: called with a word on what is done.

    Raises:
        GlimpseError: no training photos, or a photo that cannot be read.
    """
    if not training:
        raise GlimpseError("redundancy is chosen on training photos; name their folder with --tune-on")
    with ProcessPoolExecutor(jobs, get_context("spawn"), _prepare, (plan,)) as pool:
        curves = []
        for path, found in zip(training, pool.map(_curves, training), strict=True):
            on_photo(f"training photo {path.name}")
            curves.append(found)
        chosen = choose_all(plan, curves)
        on_photo("redundancy chosen")
        names = [str(path.relative_to(data)) for path in files]
        rows = []
        for name, found in zip(
            names, pool.map(_measure, files, range(len(files)), repeat(len(files)), repeat(chosen)), strict=True
        ):
            on_photo(name)
            rows.append(found)
    return {
        "photos": names,
        "tuned_on": [path.name for path in training],
        **{key: value for key, value in vars(plan).items() if key != "models"},
        "models": [zoo.load(name).name for name in plan.models],
        "links": {"iid": "each packet by itself", "bursts": f"Gilbert-Elliott, {erasure.BURST:g} packets or more"},
        "typical_loss": TYPICAL_LOSS,
        "order": {name: round(curve.order, 3) for name, curve in chosen.curves.items() if name not in STREAMS},
        "chosen": [_told(key, value) for key, value in chosen.sendings.items() if key[1] != "none"],
        "against_loss": means_of(rows),
    }


def _told(key: Key, sending: Sending) -> dict[str, Any]:
    names = ("codec", "protection", "link", "payload", "bpp", "loss")
    rules = [[rule.packets, rule.parity] for rule in sending.rules]
    return {
        **dict(zip(names, key, strict=True)),
        "packets": len(sending.sizes),
        "bytes": sending.payload,
        "rules": rules,
    }


def means_of(rows: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Averages over photos; every photo has the same rows in the same order."""
    result = []
    for group in zip(*rows, strict=True):
        mean = {**group[0]}
        for key in ("bytes", "ms_ssim", "psnr_db"):
            mean[key] = round(float(np.mean([row[key] for row in group])), 4)
        result.append({**mean, "ms_ssim_db": finite(round(to_db(mean["ms_ssim"]), 3))})
    return result
