# SPDX-License-Identifier: Apache-2.0
"""Commands as a person types them, in this process."""

from collections.abc import Callable

import pytest
from glimpse import cli

Glimpse = Callable[..., tuple[int, str, str]]
"""(words) -> (exit code, standard output, standard error): the fixture `glimpse`."""


def typed(*words: object) -> int:
    """Types `glimpse` and words; returns the exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["glimpse", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
    return end.value.code or 0
