# SPDX-License-Identifier: Apache-2.0
"""What a receiver's "enough" saves, as a table for a terminal and as the Markdown of docs/evaluation.md.

`python -m glimpse.evaluation.feedback_table docs/evaluation/feedback.json` prints the Markdown.
"""

import sys
from collections.abc import Iterator
from typing import Any

from rich.table import Table

from glimpse.evaluation.kept import command_line

SIGNAL_WORDS = {
    "margin": "sure among all labels",
    "margin_ten": "sure among the folder's classes",
    "change_db": "the picture stands still",
}
MEASURE_WORDS = {"top1": "all labels", "top1_ten": "the folder's classes"}
HEADS = ("model", "enough when", "right among", "aimed at", "fixed", "with feedback", "told enough", "saved")


def _lines(numbers: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """For each signal the accuracy of about half the longest frame, of three quarters, and of whole frames."""
    for model, points in numbers["savings"].items():
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for point in points:
            groups.setdefault((point["signal"], point["measure"]), []).append(point)
        for (signal, measure), group in groups.items():
            wanted = dict.fromkeys((len(group) // 2 - 1, 3 * len(group) // 4 - 1, len(group) - 1))
            for point in (group[max(at, 0)] for at in wanted):
                yield (
                    model,
                    SIGNAL_WORDS[signal],
                    MEASURE_WORDS[measure],
                    f"{point['budget']:.0f} B",
                    f"{100 * point['fixed']:.1f} % in {point['fixed_bytes']:.0f} B",
                    f"{100 * point['accuracy']:.1f} % in {point['bytes_up']:.0f} + {point['bytes_down']:.0f} B",
                    f"{100 * point['downlinks']:.0f} %",
                    f"{100 * point['saved']:.0f} % ({100 * point['saved_low']:.0f} to {100 * point['saved_high']:.0f})",
                )


def table(numbers: dict[str, Any]) -> Table:
    """Bytes a photo up + down, and what is saved at equal accuracy."""
    result = Table(title='bytes saved by "enough" at equal accuracy', title_justify="left")
    for head in HEADS:
        result.add_column(head)
    for line in _lines(numbers):
        result.add_row(*line)
    return result


def markdown(numbers: dict[str, Any]) -> str:
    """The same as Markdown."""
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    lines += [f"| {' | '.join(line)} |" for line in _lines(numbers)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(command_line(__doc__, "savings", markdown, "tracks"))
