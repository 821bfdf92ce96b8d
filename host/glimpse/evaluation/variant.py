# SPDX-License-Identifier: Apache-2.0
"""Names of a model's variants, NAME:ranks, NAME:gain=0.2 or NAME:raster. NAME@4 is an old revision instead, see
glimpse.archive.
"""

import math

from glimpse.errors import UsageError

RANKS, GAIN, RASTER = "ranks", "gain=", "raster"


def split_name(text: str) -> tuple[str, str]:
    """A model, with its revision where one is named, and the variant of it that is meant: "" for the model itself.

    Args:
        text: as a person types it, or a codec's name in a report; the model may be a folder.
    """
    model, colon, variant = text.rpartition(":")
    return (model, variant) if colon and "/" not in variant else (text, "")


def base_name(text: str) -> str:
    """The model's part of such a name."""
    return split_name(text)[0]


def gain_of(variant: str) -> float | None:
    """The gain that a variant names; None for the variant that has none, RANKS.

    Raises:
        UsageError: there is no such variant.
    """
    if variant == RANKS:
        return None
    try:
        gain = float(variant.removeprefix(GAIN))
    except ValueError:
        gain = math.nan
    if not variant.startswith(GAIN) or not math.isfinite(gain):
        raise UsageError(
            f"{variant!r} is no variant of a model; take NAME:ranks, NAME:raster or a gain as in NAME:gain=0.2"
        )
    return gain
