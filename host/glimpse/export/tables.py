# SPDX-License-Identifier: Apache-2.0
"""Quantiser steps and entropy tables, counted on training photos."""

import numpy as np

from glimpse.binding import FREQUENCY_TOTAL


def quantiser_steps(
    scale: float, zero: int, channels: int, bits: int, units: np.ndarray | None = None
) -> tuple[list[int], list[int]]:
    """The integer quantiser of an int8 latent whose float value is scale * (q - zero).

    Args:
        scale: of the latent tensor, in trained quantiser steps.
        zero: its zero point.
        channels: of the latent.
        bits: of a symbol.
        units: width of a step for each channel, in trained steps; None: 1 for all.

    Returns:
        (minimum, step): for each channel, value of symbol 0 and width of a step in 1/256 of an int8 step. The middle
        symbol, 1 << (bits - 1), stands for zero.
    """
    widths = np.ones(channels) if units is None else units
    steps = [max(1, round(256 * float(width) / scale)) for width in widths]
    return [256 * zero - (step << (bits - 1)) for step in steps], steps


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
