# SPDX-License-Identifier: Apache-2.0
"""Times as a person types them."""

from glimpse.errors import UsageError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str | None) -> int | None:
    """90, 90s, 15m, 1h or 1d as seconds.

    Raises:
        UsageError: none of these.
    """
    if text is None:
        return None
    number, unit = (text[:-1], text[-1]) if text and text[-1] in UNITS else (text, "s")
    if not number.isdecimal():
        raise UsageError(f"{text!r} is not a time; write it as 90s, 15m, 1h or 1d")
    return int(number) * UNITS[unit]
