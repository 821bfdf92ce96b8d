# SPDX-License-Identifier: Apache-2.0
"""Which redundancy is best for a link, by what training photos say the packets are worth."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

import numpy as np

from glimpse.binding import OVERHEAD_BYTES
from glimpse.errors import GlimpseError
from glimpse.evaluation import erasure
from glimpse.evaluation.loss_plan import LINKS, TYPICAL_LOSS, Plan
from glimpse.evaluation.sending import BARE, Sending, parity_of, sendings


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
Found = tuple[list[int], list[float], list[Trial]]  # of one photo: bytes without headers, MS-SSIM, trials


def curve_of(sizes: list[int], values: list[float]) -> Curve:
    """Of one photo; more bytes are never worth less."""
    return Curve(tuple(map(float, sizes)), tuple(np.maximum.accumulate(values).tolist()))


def mean_curve(found: list[Found]) -> Curve:
    """Of photos; beyond the end of one it stays what it is. Its order is a least squares fit to all trials."""
    ends = float(np.mean([sizes[-1] for sizes, _, _ in found]))
    grid = sorted({0.0, ends, *(float(size) for sizes, _, _ in found for size in sizes if size < ends)})
    values = np.mean([np.interp(grid, sizes, values) for sizes, values, _ in found], axis=0)
    trials = np.array([trial for _, _, each in found for trial in each]).reshape(-1, 3)
    apart, seen = trials[:, 0] - trials[:, 1], trials[:, 2] - trials[:, 1]
    order = float(np.clip(apart @ seen / max(apart @ apart, 1e-9), 0, 1))
    return Curve(tuple(grid), tuple(np.maximum.accumulate(values).tolist()), order)


def choose(
    scattered: bool, curve: Curve, budget: int, payload: int, link: str, rate: float, bare_too: bool = True
) -> Sending:
    """What is best for a link by what training photos say a packet is worth (see Curve.worth); bare_too: also without
    any parity."""
    bare = sendings(BARE, budget, payload, scattered)
    if not bare:
        raise GlimpseError(f"{budget} bytes are too few for packets of {payload}; take a higher rate")
    best: tuple[float, Sending] | None = None
    for rules in erasure.candidates(-(-budget // payload) + 3)[not bare_too :] if rate else [BARE]:
        for sending in sendings(rules, budget, payload, scattered):
            ends = [0, *accumulate(size - OVERHEAD_BYTES for size in sending.sizes)]
            inside = sum(end < curve.sizes[-1] for end in ends[:-1])
            sending = Sending(sending.payload, rules, sending.sizes[:inside])
            lost = erasure.patterns(link, rate, inside + parity_of(rules, inside))[: erasure.TRIAL_DRAWS]
            known = erasure.available(sending.sizes, rules, lost)
            worth = float(curve.worth(np.array(ends[: inside + 1]), known).mean())
            if best is None or worth > best[0] + 1e-9:
                best = worth, sending
    return best[1] if best else bare[0]


Key = tuple[str, str, str, int, float, float]  # codec, protection, link, payload, bits per pixel, loss


@dataclass(frozen=True)
class Chosen:
    """Redundancy of every codec for every setting."""

    streams: dict[Key, erasure.Stream]
    sendings: dict[Key, Sending]
    curves: dict[str, Curve]


def choose_all(plan: Plan, scattered: dict[str, bool], curves: list[dict[str, Found]]) -> Chosen:
    """From the curves of training photos.

    Args:
        plan: what is measured.
        scattered: of each model by name, whether its packets do not follow each other in rank.
        curves: of each photo, by codec.
    """
    means = {name: mean_curve([each[name] for each in curves]) for name in curves[0]}
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
                bare = {name: sendings(BARE, budget, payload, each)[0] for name, each in scattered.items()}
                ours = {
                    name: choose(each, means[name], budget, payload, link, TYPICAL_LOSS, False)
                    for name, each in scattered.items()
                }
                for loss in plan.losses:
                    setting = (link, payload, rate, loss)
                    for how in make:
                        streams["wavelet", how, *setting] = make[how](loss, "wavelet")
                    streams["wavelet", "fixed", *setting] = typical
                    streams["progressive", "none", *setting] = make["none"](loss, "progressive")
                    for name, each in scattered.items():
                        sending[name, "none", *setting] = bare[name]
                        sending[name, "fixed", *setting] = ours[name]
                        suited = choose(each, means[name], budget, payload, link, loss)
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
