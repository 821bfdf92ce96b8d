# SPDX-License-Identifier: Apache-2.0
"""Progress of what takes longer than a person likes to wait, on standard error and only where somebody watches."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Task:
    """One thing in progress."""

    def __init__(self, bar: Progress, total: float | None, text: str) -> None:
        self._bar, self._task = bar, bar.add_task(text, total=total)

    def advance(self, steps: float = 1) -> None:
        """So many steps are done."""
        self._bar.advance(self._task, steps)

    def say(self, text: str) -> None:
        """What is done now."""
        self._bar.update(self._task, description=text)


@contextmanager
def progress(text: str, total: float | None = None) -> Iterator[Task]:
    """Shows a bar, or a running mark without a total, until the block ends; leaves nothing behind.

    Args:
        text: what is done.
        total: steps; None: unknown.
    """
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Task(bar, total, text)
