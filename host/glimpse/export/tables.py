# SPDX-License-Identifier: Apache-2.0
"""Quantiser steps and entropy tables, counted on training photos."""

import numpy as np

from glimpse.binding import FREQUENCY_TOTAL


def lowest_levels(latents: np.ndarray, scale: float, zero: int, bits: int) -> list[int]:
    """Where each channel's levels should start so that as little as possible is clipped.

    Args:
        latents: int8 [n, height, width, channels] of training photos.
        scale: of the latent tensor, in trained quantiser steps.
        zero: its zero point.
        bits: of a symbol.

    Returns:
        For each channel the level of symbol 0 in steps, at most 0, which makes the squared clipping error least.
    """
    count = 1 << bits
    levels = []
    for values in np.moveaxis((latents.astype(np.float32) - zero) * scale, -1, 0):
        seen, often = np.unique(np.rint(values), return_counts=True)
        starts = np.arange(1 - count, 1)
        errors = [(often * (seen - np.clip(seen, k, k + count - 1)) ** 2).sum() for k in starts]
        # Among equals the one nearest to the middle, so that a rare value on either side is met.
        nearest = np.argsort(np.abs(starts + count // 2), kind="stable")
        levels.append(int(min(starts[nearest], key=lambda k: errors[k + count - 1])))
    return levels


def quantiser_steps(scale: float, zero: int, lowest: list[int]) -> tuple[list[int], list[int]]:
    """The integer quantiser of an int8 latent whose float value is scale * (q - zero).

    Args:
        scale: of the latent tensor, in trained quantiser steps.
        zero: its zero point.
        lowest: for each channel the level of symbol 0.

    Returns:
        (minimum, step): for each channel, value of symbol 0 and width of a step in 1/256 of an int8 step.
    """
    step = max(1, round(256 / scale))
    return [256 * zero + level * step for level in lowest], [step] * len(lowest)


def cumulative_table(counts: np.ndarray) -> list[int]:
    """Cumulative frequencies of one channel: from 0 to 4096, each symbol at least 1.

    Args:
        counts: [symbols] how often each symbol was seen.
    """
    counts = counts.astype(np.float64) + 0.5  # a symbol that was never seen must still be possible
    share = np.maximum(1, np.floor(counts / counts.sum() * FREQUENCY_TOTAL)).astype(int)
    # What rounding left goes to, or is taken from, the most frequent symbols, where it costs least.
    for i in np.argsort(-counts, kind="stable"):
        rest = FREQUENCY_TOTAL - share.sum()
        share[i] += max(rest, 1 - share[i])
        if share.sum() == FREQUENCY_TOTAL:
            break
    return [0, *np.cumsum(share).tolist()]


def cumulative_tables(symbols: np.ndarray, bits: int) -> list[list[int]]:
    """Cumulative frequencies for each channel of symbols [n, height, width, channels]."""
    return [
        cumulative_table(np.bincount(symbols[..., c].ravel(), minlength=1 << bits)) for c in range(symbols.shape[-1])
    ]


def mean_bits(symbols: np.ndarray, tables: list[list[int]]) -> list[float]:
    """Bits a symbol for each channel, when coded with these tables."""
    out = []
    for c, table in enumerate(tables):
        cost = -np.log2(np.diff(table) / FREQUENCY_TOTAL)
        out.append(float(cost[symbols[..., c].ravel()].mean()))
    return out
