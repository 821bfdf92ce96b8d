# SPDX-License-Identifier: Apache-2.0
"""Learns which table codes a symbol, from the symbols that the same packet brings before it.

For each channel: taps, the nearby symbols worth looking at; two weighted sums over those known, one of their values and
one of their sizes, which predict the symbol and how far it strays; limits that cut both sums into eight parts; and a
grouping of the 64 cells into classes, each with its own frequencies (docs/wire-format.md, Contexts).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from glimpse.binding import CONTEXT_SIDE, FREQUENCY_TOTAL, MAX_CLASSES, OVERHEAD_BYTES
from glimpse.export.blob import ContextSpec
from glimpse.export.frequencies import frequencies, shared

PAYLOADS = (51, 222)  # LoRaWAN at its slowest and at its usual fastest
WEIGHT_UNIT = 64
MOST_TAPS = 12  # of the 16 possible; python -m glimpse.export.taps measures what another number costs and saves
MOST_ROWS = 400_000  # of one channel's symbols that taps and weights are fitted to
SEEN_AT_LEAST = 0.02  # of a channel's symbols must know a tap, or it is not considered
WORTH_BITS = 0.25  # a photo: classes that save less than this, or no more than chance does, are merged
NEAR = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3) if (dy, dx) != (0, 0)]
BESIDE = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]


@dataclass(frozen=True)
class Walk:
    """Symbols of photos and how packets cut them.

    Attributes:
        symbols: [n, height, width, channels].
        order: flat index of every rank, [symbols of a photo].
        starts: for each payload, rank of the first symbol of the packet that a symbol is in, [n, height * width *
            channels] by flat index.
    """

    symbols: np.ndarray
    order: np.ndarray
    starts: list[np.ndarray]

    @property
    def rank(self) -> np.ndarray:
        """Rank of every flat index, [height, width, channels]."""
        rank = np.empty(self.order.size, np.int64)
        rank[self.order] = np.arange(self.order.size)
        return rank.reshape(self.symbols.shape[1:])


def packet_starts(costs: np.ndarray, order: np.ndarray, payload: int) -> np.ndarray:
    """Where packets begin when symbols cost this many bits.

    Args:
        costs: [n, symbols] bits by flat index.
        order: flat index of every rank.
        payload: bytes of a packet.

    Returns:
        int32 [n, symbols]: for each flat index, rank of the first symbol of its packet.
    """
    # The number of symbols takes one or two bytes, and the end of the range coder half a byte more on average.
    room = 8 * (payload - OVERHEAD_BYTES - 2)
    starts = np.empty(costs.shape, np.int32)
    for photo, ends in zip(starts, np.cumsum(costs[:, order], axis=1), strict=True):
        first = 0
        while first < order.size:
            spent = ends[first - 1] if first else 0.0
            end = max(first + 1, int(np.searchsorted(ends, spent + room, side="right")))
            photo[order[first:end]] = first
            first = end
    return starts


def _shifted(values: np.ndarray, dy: int, dx: int, outside: int) -> np.ndarray:
    """values [..., height, width] at (y + dy, x + dx)."""
    height, width = values.shape[-2:]
    out = np.full_like(values, outside)
    if abs(dy) < height and abs(dx) < width:
        to_y, to_x = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
        from_y, from_x = slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx))
        out[..., to_y, to_x] = values[..., from_y, from_x]
    return out


class Channel:
    """One channel's symbols and what can be known around them, for every payload of a walk.

    Args:
        walk: the photos.
        channel: its number.
        centres: [channels] the symbol for nothing.
        typical: [channels] usual |symbol - centre| in 1/16.
    """

    def __init__(self, walk: Walk, channel: int, centres: np.ndarray, typical: np.ndarray) -> None:
        self.walk, self.channel, self.centres, self.typical = walk, channel, centres, typical
        self.rank = walk.rank
        symbols = walk.symbols[..., channel].reshape(len(walk.symbols), -1)
        self.symbols = np.concatenate([symbols] * len(walk.starts))

    def terms(self, tap: tuple[int, int, int], rows: slice = slice(None)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What a tap (channel, dy, dx) contributes before its weights, 0 where it is not known.

        Returns:
            (known, value, activity): bool, int32, int32, each [payloads * n, positions][rows].
        """
        other, dy, dx = tap
        photos, height, width, _ = self.walk.symbols.shape
        there = _shifted(self.rank[..., other], dy, dx, 1 << 30).reshape(-1)
        here = self.rank[..., self.channel].reshape(-1)
        above = self.walk.symbols[..., other].astype(np.int32) - self.centres[other]
        above = _shifted(above, dy, dx, 0).reshape(photos, -1)
        shape = (photos, height * width, -1)
        known = np.concatenate(
            [(there < here) & (there >= starts.reshape(shape)[..., self.channel]) for starts in self.walk.starts]
        )[rows]
        value = np.concatenate([above] * len(self.walk.starts))[rows]
        return known, value * known, (16 * np.abs(value) - self.typical[other]) * known

    def sums(self, context: ContextSpec) -> tuple[np.ndarray, np.ndarray]:
        """The two weighted sums of a context, int32 [payloads * n, positions] each."""
        value = np.zeros(self.symbols.shape, np.int32)
        activity = np.zeros(self.symbols.shape, np.int32)
        for other, dy, dx, value_weight, activity_weight in context.taps:
            _, values, sizes = self.terms((other, dy, dx))
            value += value_weight * values
            activity += activity_weight * sizes
        return value, activity

    def classes(self, context: ContextSpec) -> np.ndarray:
        """The class of every symbol, [payloads * n, positions]; what the C core computes in a packet."""
        return np.array(context.class_of)[self.cells(context)]

    def cells(self, context: ContextSpec) -> np.ndarray:
        """The cell of the grid before grouping, [payloads * n, positions]."""
        value, activity = self.sums(context)
        rows = np.searchsorted(context.value_limit, value, side="right")
        return rows * CONTEXT_SIDE + np.searchsorted(context.activity_limit, activity, side="right")

    def candidates(self) -> Iterator[tuple[int, int, int]]:
        """Taps that precede this channel's symbols often enough."""
        channels = self.walk.symbols.shape[-1]
        for other in range(channels):
            for dy, dx in NEAR if other == self.channel else BESIDE:
                yield other, dy, dx


def fit(
    symbols: np.ndarray,
    order: np.ndarray,
    levels: int,
    centres: np.ndarray,
    payloads: tuple[int, ...] = PAYLOADS,
    most_taps: int = MOST_TAPS,
) -> tuple[list[ContextSpec], list[list[int]]]:
    """Contexts and their tables for the symbols of training photos.

    Args:
        symbols: uint8 [n, height, width, channels].
        order: flat index of every rank, as `Model.order` gives it.
        levels: values of a symbol.
        centres: [channels] the symbol for nothing.
        payloads: bytes of the packets that they are to serve alike.
        most_taps: of one context.

    Returns:
        (contexts, tables): one context for each channel, and the cumulative frequencies of all classes.
    """
    photos, channels = len(symbols), symbols.shape[-1]
    away = np.abs(symbols.astype(np.int32) - centres).reshape(-1, channels)
    typical = np.rint(16 * away.mean(axis=0)).astype(int)
    plain = [ContextSpec(centre=int(c), typical=int(t), classes=1) for c, t in zip(centres, typical, strict=True)]
    alone = [frequencies(np.bincount(symbols[..., c].ravel(), minlength=levels)) for c in range(channels)]
    costs = np.stack([-np.log2(alone[c][symbols[..., c]] / FREQUENCY_TOTAL) for c in range(channels)], axis=-1)
    contexts: list[ContextSpec] = []
    tables: list[list[np.ndarray]] = []
    for _ in range(2):  # better tables make longer packets, which know more
        starts = [packet_starts(costs.reshape(photos, -1), order, payload) for payload in payloads]
        walk = Walk(symbols, order, starts)
        costs = np.empty(symbols.shape)
        contexts, tables = [], []
        for c in range(channels):
            channel = Channel(walk, c, centres, typical)
            context = _with_limits(channel, _with_taps(channel, plain[c], most_taps))
            context, counts = _with_classes(channel, context, levels)
            contexts.append(context)
            base = counts.sum(axis=0)
            tables.append([frequencies(row, base) for row in counts])
            bits = -np.log2(np.stack(tables[c]) / FREQUENCY_TOTAL)[channel.classes(context), channel.symbols]
            costs[..., c] = bits.reshape(len(payloads), *symbols.shape[:3]).mean(axis=0)
    return contexts, [[0, *np.cumsum(row).tolist()] for rows in tables for row in rows]


def _with_taps(channel: Channel, context: ContextSpec, most: int) -> ContextSpec:
    """Taps and weights: those that together leave least of the value's and the activity's variance."""
    photos = len(channel.symbols)
    rows = slice(0, photos, max(1, channel.symbols.size // MOST_ROWS))
    kept, values, sizes = [], [], []
    for tap in channel.candidates():
        known, value, size = channel.terms(tap, rows)
        if known.mean() >= SEEN_AT_LEAST:
            kept.append(tap)
            values.append(value.ravel().astype(np.float32))
            sizes.append(size.ravel().astype(np.float32) / 16)
    if not kept:
        return context
    above = (channel.symbols[rows].ravel().astype(np.float32)) - context.centre
    value_fit = _Regression(np.stack(values), above)
    size_fit = _Regression(np.stack(sizes), np.abs(above) - context.typical / 16)
    chosen: list[int] = []
    while len(chosen) < min(most, len(kept)):
        left = [i for i in range(len(kept)) if i not in chosen]
        scores = [value_fit.left_over([*chosen, i]) * size_fit.left_over([*chosen, i]) for i in left]
        chosen.append(left[int(np.argmin(scores))])
    weights = zip(_integers(value_fit.weights(chosen)), _integers(size_fit.weights(chosen)), strict=True)
    taps = [(*kept[i], value, size) for i, (value, size) in zip(chosen, weights, strict=True)]
    return replace(context, taps=[tap for tap in taps if tap[3] or tap[4]])


def _integers(weights: np.ndarray) -> list[int]:
    """Weights in 1/64, or in a coarser unit when one would not fit a byte: only their proportions matter."""
    unit = min(WEIGHT_UNIT, 127 / max(1e-9, np.abs(weights).max()))
    return np.rint(weights * unit).astype(int).tolist()


class _Regression:
    """Least squares on any subset of features, from sums of products taken once."""

    def __init__(self, features: np.ndarray, target: np.ndarray) -> None:
        self.products = (features @ features.T).astype(np.float64) + np.eye(len(features))
        self.with_target = (features @ target).astype(np.float64)
        self.energy = float(target @ target) + 1e-6

    def weights(self, chosen: list[int]) -> np.ndarray:
        """Of the chosen features."""
        return np.linalg.solve(self.products[np.ix_(chosen, chosen)], self.with_target[chosen])

    def left_over(self, chosen: list[int]) -> float:
        """Share of the target's energy that they do not explain."""
        return 1 - float(self.with_target[chosen] @ self.weights(chosen)) / self.energy


def _with_limits(channel: Channel, context: ContextSpec) -> ContextSpec:
    """Limits that cut both sums into parts seen about equally often."""
    parts = np.arange(1, CONTEXT_SIDE) / CONTEXT_SIDE
    limits = []
    for values in channel.sums(context):
        seen = values[values != 0]  # mostly: where something was known
        limits.append(np.quantile(seen if seen.size else values, parts, method="higher").astype(int).tolist())
    return replace(context, value_limit=limits[0], activity_limit=limits[1])


def _with_classes(channel: Channel, context: ContextSpec, levels: int) -> tuple[ContextSpec, np.ndarray]:
    """Groups cells whose frequencies are alike. Returns the context and its counts [classes, levels]."""
    cells = CONTEXT_SIDE**2
    keys = channel.cells(context).astype(np.int64) * levels + channel.symbols
    counts = np.bincount(keys.ravel(), minlength=cells * levels).reshape(cells, levels).astype(np.float64)
    base = counts.sum(axis=0)
    prior = shared(base)
    groups = [[cell] for cell in range(cells)]
    # A table learned from n symbols gains about half a log2(n) for each of its numbers by chance alone.
    by_chance = (levels - 1) / 2 * np.log2(channel.symbols.size)
    worth = max(WORTH_BITS * len(channel.symbols), by_chance)

    def cost(rows: np.ndarray) -> np.ndarray:
        weights = rows + prior
        return -(rows * np.log2(weights / weights.sum(axis=-1, keepdims=True))).sum(axis=-1)

    single = cost(counts)
    pairs = np.full((cells, cells), np.inf)  # what merging costs
    for i in range(cells - 1):
        pairs[i, i + 1 :] = cost(counts[i] + counts[i + 1 :]) - single[i] - single[i + 1 :]
    while len(groups) > 1:
        i, j = np.unravel_index(np.argmin(pairs), pairs.shape)
        if len(groups) <= MAX_CLASSES and pairs[i, j] > worth:
            break
        groups[i] += groups.pop(j)
        counts[i] += counts[j]
        counts = np.delete(counts, j, axis=0)
        pairs = np.delete(np.delete(pairs, j, axis=0), j, axis=1)
        single = np.delete(single, j)
        single[i] = cost(counts[i])
        merged = cost(counts[i] + counts) - single[i] - single
        pairs[i, i + 1 :] = merged[i + 1 :]
        pairs[:i, i] = merged[:i]
    class_of = np.empty(cells, int)
    for number, group in enumerate(groups):
        class_of[group] = number
    return replace(context, classes=len(groups), class_of=class_of.tolist()), counts
