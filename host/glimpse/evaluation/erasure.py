# SPDX-License-Identifier: Apache-2.0
"""What packets are worth that may be lost: an embedded stream under erasure codes, and our packets with parity.

A rival's stream goes into n packets of one size. With `uniform` any k of them give it back up to where k of n reach.
With priority encoding transmission (Albanese et al. 1996; the profile after Puri and Ramchandran 1999) each byte of a
packet belongs to a code of its own: its k is small for the stream's first bytes and large for the last ones. How the
receiver learns n and the profile is not counted, in the rival's favour.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import numpy as np

from glimpse.binding.parity import Rule
from glimpse.links import GilbertElliott, IidLoss, Loss

DRAWS = 1000
LONGEST = 128  # packets of a draw; a shorter frame takes its beginning
BURST = 4.0
STEPS = 400  # of the search for a profile
FEW = 8  # packets for which every move of bytes is tried


def link(name: str, rate: float) -> Loss:
    """A loss model: "iid", or "bursts" of BURST transmissions on average (longer where the rate asks for it)."""
    if name == "iid" or not 0 < rate < 1:
        return IidLoss(rate)
    return GilbertElliott(rate, max(BURST, rate / (1 - rate)))


def patterns(name: str, rate: float, count: int) -> np.ndarray:
    """Draws of which packets are lost, bool [DRAWS, count], the same for every codec."""
    return _draws(name, rate, max(count, LONGEST))[:, :count]


@lru_cache(maxsize=64)
def _draws(name: str, rate: float, count: int) -> np.ndarray:
    rng = np.random.default_rng(round(1000 * rate))
    return np.array([link(name, rate).lost(count, rng) for _ in range(DRAWS)])


def stratum(name: str, rate: float, count: int, number: int, total: int) -> np.ndarray:
    """One of the draws, bool [count]: of `total` parts, each with as many losses or more than the one before, the
    middle one of part `number`. So few draws have the mean and the spread of many."""
    lost = patterns(name, rate, count)
    return lost[np.argsort(lost.sum(axis=1), kind="stable")[int((number + 0.5) / total * DRAWS)]]


def arrivals(name: str, rate: float, count: int) -> np.ndarray:
    """Chance of each number of packets that come, float [count + 1]."""
    return np.bincount(count - patterns(name, rate, count).sum(axis=1), minlength=count + 1) / DRAWS


def before_gap(name: str, rate: float, count: int) -> np.ndarray:
    """Chance of each number of packets before the first lost one, float [count + 1]."""
    lost = patterns(name, rate, count)
    return np.bincount(np.where(lost.any(axis=1), lost.argmax(axis=1), count), minlength=count + 1) / DRAWS


@dataclass(frozen=True)
class Stream:
    """How an embedded stream travels.

    Attributes:
        kind: "plain" (used up to the first gap) or "coded".
        packets: how many are sent.
        room: bytes of stream or code in each.
        columns: coded: for each k = 1..packets, how many bytes of a packet belong to a code (packets, k).
    """

    kind: str
    packets: int
    room: int
    columns: tuple[int, ...] = ()

    def prefixes(self) -> np.ndarray:
        """Bytes of the stream's beginning that are known when 0..packets packets came (plain: before the gap)."""
        if self.kind == "plain":
            return np.arange(self.packets + 1) * self.room
        k = np.arange(1, self.packets + 1)
        return np.concatenate([[0], np.cumsum(k * np.array(self.columns))])

    def chances(self, name: str, rate: float) -> np.ndarray:
        """Chance of each entry of prefixes()."""
        return (before_gap if self.kind == "plain" else arrivals)(name, rate, self.packets)


Quality = Callable[[np.ndarray], np.ndarray]


def plain(packets: int, room: int) -> Stream:
    """Without redundancy."""
    return Stream("plain", packets, room)


def uniform(packets: int, room: int, chances: np.ndarray, quality: Quality) -> Stream:
    """One code for all bytes, its k the best for these chances."""
    worth = [
        chances[k:].sum() * (quality(np.array([k * room])) - quality(np.array([0])))[0] for k in range(1, packets + 1)
    ]
    best = int(np.argmax(worth))
    return Stream("coded", packets, room, tuple(room if i == best else 0 for i in range(packets)))


def weighted(packets: int, room: int, chances: np.ndarray, quality: Quality) -> Stream:
    """Priority encoding transmission: the best profile that Frank and Wolfe's method and rounding find.

    Args:
        packets: n.
        room: bytes of each.
        chances: of 0..n packets to come.
        quality: of a number of bytes of the stream; concave, more or less.
    """
    k = np.arange(1, packets + 1)
    share = np.array(uniform(packets, room, chances, quality).columns, float)
    width = max(room / 10, 1.0)
    for step in range(STEPS):
        prefix = np.concatenate([[0], np.cumsum(k * share)])
        low = np.maximum(prefix - width, 0)
        slope = (quality(prefix + width) - quality(low)) / (prefix + width - low)
        # What a byte more of each k is worth: it lengthens the prefix of every count from k on.
        gain = k * np.cumsum((chances * slope)[::-1])[::-1][1:]
        goal = np.zeros(packets)
        goal[int(np.argmax(gain))] = room
        share += 2 / (step + 4) * (goal - share)
    whole = np.floor(share + 1e-9).astype(int)
    whole[np.argsort(whole - share)[: room - int(whole.sum())]] += 1
    found = Stream("coded", packets, room, tuple(int(each) for each in whole))
    if packets <= FEW:
        found = _climb(found, chances, quality)
    other = uniform(packets, room, chances, quality)
    return max(found, other, key=lambda stream: _worth(stream, chances, quality))


def _worth(stream: Stream, chances: np.ndarray, quality: Quality) -> float:
    return float(chances @ quality(stream.prefixes()))


def _climb(stream: Stream, chances: np.ndarray, quality: Quality) -> Stream:
    """Moves bytes from one k to another as long as that is better."""
    for size in (max(stream.room // 8, 1), 1):
        better = True
        while better:
            tried = [stream]
            for source, target in permutations(range(stream.packets), 2):
                if stream.columns[source] >= size:
                    columns = [*stream.columns]
                    columns[source] -= size
                    columns[target] += size
                    tried.append(Stream(stream.kind, stream.packets, stream.room, tuple(columns)))
            best = max(tried, key=lambda each: _worth(each, chances, quality))
            better = _worth(best, chances, quality) > _worth(stream, chances, quality) + 1e-9
            stream = best if better else stream
    return stream


# ---- Our packets

# Packets and parity of a first group, of the groups after it, then nothing: what is tried.
FIRST = [(0, 0), *((k, m) for k in (1, 2, 3, 4, 6, 8) for m in (1, 2, 3, 4, 6, 8) if m <= 3 * k)]
AFTER = ((1, 0), (8, 2), (4, 2), (4, 4))
TRIAL_DRAWS = 100


def candidates(packets: int) -> list[tuple[Rule, ...]]:
    """Rules for a frame of about so many packets, parity included; the first one is none at all."""
    found = {(Rule(1, 0),): None}
    for (k, m), after in product(FIRST, AFTER):
        if k + m <= packets:
            found[(*((Rule(k, m),) if k else ()), Rule(*after))] = None
    return list(found)


def available(sizes: Sequence[int], rules: Sequence[Rule], lost: np.ndarray) -> np.ndarray:
    """Which packets of a frame are known in the end, bool [draws, packets].

    Args:
        sizes: one entry for each packet.
        rules: of its groups.
        lost: bool [draws, at least as many as packets and parity packets].
    """
    known, at, data = np.zeros((len(lost), len(sizes)), bool), 0, 0
    number = 0
    while data < len(sizes):
        rule = rules[min(number, len(rules) - 1)]
        members = min(rule.packets, len(sizes) - data)
        parity = -(-members * rule.parity // rule.packets)
        group = ~lost[:, at : at + members + parity]
        whole = group.sum(axis=1) >= members
        known[:, data : data + members] = group[:, :members] | whole[:, None]
        at, data, number = at + members + parity, data + members, number + 1
    return known
