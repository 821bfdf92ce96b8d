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
from itertools import accumulate, repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from glimpse import zoo
from glimpse.binding import OVERHEAD_BYTES
from glimpse.errors import GlimpseError
from glimpse.evaluation import erasure
from glimpse.evaluation.curves import finite
from glimpse.evaluation.loss_plan import STREAMS, TYPICAL_LOSS, Plan
from glimpse.evaluation.redundancy import Chosen, Found, Key, choose_all, curve_of
from glimpse.evaluation.sending import Sender, Sending
from glimpse.evaluation.streams import Judge, Seen, stream_curve
from glimpse.links import generator
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import to_db

CURVE_POINTS = 10  # prefixes of a model's packets
TRIAL_LOSSES = (0.2, 0.3, 0.5, 0.7)


class Worker:
    """Measures one photo at a time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.models = [Sender(name) for name in plan.models]
        self.most = max(map(plan.budget, plan.rates))

    def photo(self, path: Path) -> np.ndarray:
        """A file's pixels as the models take them."""
        return fit_photo(load_photo(path), self.plan.size[0], self.plan.size[1], self.plan.fit)

    def curves(self, path: Path) -> dict[str, Found]:
        """MS-SSIM by bytes without headers, of every codec, and of models what single losses cost."""
        photo = self.photo(path)
        judge = Judge(photo)
        result: dict[str, Found] = {}
        for name in STREAMS:
            sizes, seen = stream_curve(name, photo, judge, self.most)
            result[name] = sizes, [each[0] for each in seen], []
        for model in self.models:
            packets = model.packets(model.frame(photo), [min(self.plan.payloads)] * 1000)
            counts = np.unique(np.rint(np.geomspace(1, len(packets), CURVE_POINTS)).astype(int)).tolist()
            ends = [0, *accumulate(len(packet) - OVERHEAD_BYTES for packet in packets)]
            values = [judge.see(model.picture(packets[:count]))[0] for count in (0, *counts)]
            curve = curve_of([ends[count] for count in (0, *counts)], values)
            trials = []
            for number, loss in enumerate(TRIAL_LOSSES):
                sent = packets[: len(packets) * (2 + number % 2) // 3]
                known = ~erasure.link("iid", loss).lost(len(sent), generator(number, path.name))
                in_turn, by_bytes = curve.bounds(np.array(ends[: len(sent) + 1]), known[None])
                came = [packet for packet, there in zip(sent, known, strict=True) if there]
                trials.append((float(in_turn[0]), float(by_bytes[0]), judge.see(model.picture(came))[0]))
            result[model.name] = [ends[count] for count in (0, *counts)], values, trials
        return result

    def measure(self, path: Path, number: int, photos: int, chosen: Chosen) -> list[dict[str, Any]]:
        """All rows of one photo, the `number`th of `photos`."""
        photo = self.photo(path)
        judge = Judge(photo)
        rows = []
        for name in STREAMS:
            rows += list(self._stream_rows(name, stream_curve(name, photo, judge, self.most), chosen))
        for model in self.models:
            rows += list(self._model_rows(model, photo, (number, photos), judge, chosen))
        return rows

    def _stream_rows(self, name: str, curve: tuple[list[int], list[Seen]], chosen: Chosen) -> Iterator[dict[str, Any]]:
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
        self, model: Sender, photo: np.ndarray, place: tuple[int, int], judge: Judge, chosen: Chosen
    ) -> Iterator[dict[str, Any]]:
        frame = model.frame(photo)
        known: dict[tuple[bytes, ...], Seen] = {}
        for key, sending in chosen.sendings.items():
            if key[0] != model.name:
                continue
            _, how, link, payload, rate, loss = key
            sent = model.sent(frame, sending, self.plan.budget(rate))
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


_worker: Worker | None = None


def _prepare(plan: Plan) -> None:
    global _worker
    _worker = Worker(plan)


def _curves(path: Path) -> dict[str, Found]:
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
        models = [zoo.load(name) for name in plan.models]
        chosen = choose_all(plan, {each.name: bool(each.binding.side_bytes) for each in models}, curves)
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
        "models": [each.name for each in models],
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
