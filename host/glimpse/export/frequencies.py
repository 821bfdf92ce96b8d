# SPDX-License-Identifier: Apache-2.0
"""Frequencies of symbols as the range coder takes them."""

import numpy as np

from glimpse.binding import FREQUENCY_TOTAL

NEVER_SEEN = 0.02  # what a symbol that was never seen counts as: it must still be possible
SHARED = 8  # symbols' worth of trust in what all classes together say


def frequencies(counts: np.ndarray, base: np.ndarray | None = None) -> np.ndarray:
    """Frequencies of one table: they sum to FREQUENCY_TOTAL, and no symbol has none.

    Args:
        counts: [levels] how often each symbol was seen.
        base: [levels] counts of all classes together, which a rarely seen class leans on; None: there is but one.
    """
    weights = counts.astype(np.float64) + NEVER_SEEN
    if base is not None:
        weights += shared(base)
    share = np.maximum(1, np.floor(weights / weights.sum() * FREQUENCY_TOTAL)).astype(int)
    # What rounding left goes to, or is taken from, the most frequent symbols, where it costs least.
    for i in np.argsort(-weights, kind="stable"):
        rest = FREQUENCY_TOTAL - share.sum()
        share[i] += max(rest, 1 - share[i])
        if share.sum() == FREQUENCY_TOTAL:
            break
    return share


def shared(base: np.ndarray) -> np.ndarray:
    """What a class starts with before anything is counted: `SHARED` symbols, spread as all classes together are.

    Args:
        base: [levels] counts of all classes together.
    """
    return SHARED * (base + NEVER_SEEN) / (base.sum() + NEVER_SEEN * base.size)
