# SPDX-License-Identifier: Apache-2.0
"""Options that hold several things, and some of many photos, as the commands that measure read them."""

from pathlib import Path

from glimpse.errors import UsageError


def list_names(text: str) -> tuple[str, ...]:
    """Names separated by commas, each once; `none` stands for no name."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    return () if names == ["none"] else tuple(dict.fromkeys(names))


def read_percentages(text: str | None) -> tuple[float, ...]:
    """Shares 0..1 of percentages separated by commas, each once.

    Raises:
        UsageError: not numbers from 0 to 100.
    """
    if text is None:
        return ()
    try:
        values = [float(part) / 100 for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise UsageError(f"--loss takes percentages such as 0,10,20, not {text!r}") from error
    if not values or not all(0 <= value <= 1 for value in values):
        raise UsageError(f"--loss takes percentages from 0 to 100, not {text!r}")
    return tuple(dict.fromkeys(values))


def spread_out(files: list[Path], limit: int | None) -> list[Path]:
    """At most `limit` files, spread evenly."""
    if limit is None or limit >= len(files):
        return files
    return [files[number * len(files) // limit] for number in range(limit)]
