# SPDX-License-Identifier: Apache-2.0
"""What contacts brought, as a table for a terminal, as the Markdown of docs/evaluation.md and as a plot.

`python -m glimpse.evaluation.contact_table docs/evaluation/contact.json` prints the Markdown.
"""

import sys
from pathlib import Path
from typing import Any

from rich.table import Table

from glimpse.evaluation.kept import command_line
from glimpse.evaluation.plots import line_styles, new_figure, save_figure, set_title

POLICY_WORDS = {"once": "sent once", "resend": "sent again"}


def _losses(numbers: dict[str, Any]) -> list[float]:
    return sorted({mean["loss"] for mean in numbers["means"] if mean["link"] == "fixed"})


def _lines(numbers: dict[str, Any]) -> list[tuple[int, str, str, dict[float, dict[str, Any]]]]:
    """(payload, codec, policy, means by loss); the mean without loss belongs to both policies."""
    lines: dict[tuple[int, str, str], dict[float, dict[str, Any]]] = {}
    fixed = [mean for mean in numbers["means"] if mean["link"] == "fixed"]
    for payload in numbers["payloads"]:
        for codec in numbers["codecs"]:
            own = [mean for mean in fixed if (mean["payload"], mean["codec"]) == (payload, codec)]
            policies = [policy for policy in POLICY_WORDS if any(m["policy"] == policy and m["loss"] for m in own)]
            for policy in policies or ["resend"]:
                kept = {m["loss"]: m for m in own if m["policy"] == policy or not m["loss"]}
                lines[payload, codec, policy] = kept
    return [(*key, means) for key, means in lines.items()]


def _cell(mean: dict[str, Any] | None) -> str:
    if mean is None:
        return ""
    accuracy = f"{100 * mean['top1']:.0f} / {100 * mean['top1_ten']:.0f}"
    kept = mean.get("kept_top1_ten")
    return accuracy if kept is None else f"{accuracy} ({100 * kept:.0f})"


def table(numbers: dict[str, Any]) -> Table:
    """First guesses right, %: among all labels / among the folder's classes (kept of the latter)."""
    result = Table(title="first guesses right, %: all labels / the folder's classes (kept)", title_justify="left")
    result.add_column("codec", no_wrap=True)
    result.add_column("", no_wrap=True)
    for loss in _losses(numbers):
        result.add_column(f"{100 * loss:g} % lost", justify="right")
    for payload, codec, policy, means in _lines(numbers):
        cells = [_cell(means.get(loss)) for loss in _losses(numbers)]
        result.add_row(f"{codec}, {payload} B", POLICY_WORDS[policy], *cells)
    return result


def markdown(numbers: dict[str, Any]) -> str:
    """The same as Markdown."""
    losses = _losses(numbers)
    lines = ["| packets | codec | lost packets | " + " | ".join(f"{100 * loss:g} % lost" for loss in losses) + " |"]
    lines.append("|---" * (len(losses) + 3) + "|")
    for payload, codec, policy, means in _lines(numbers):
        cells = " | ".join(_cell(means.get(loss)) for loss in losses)
        lines.append(f"| {payload} B | {codec} | {POLICY_WORDS[policy]} | {cells} |")
    return "\n".join(lines)


def write_plot(numbers: dict[str, Any], path: Path) -> Path:
    """Accuracy against loss, and against mean bandwidth where that was measured.

    Raises:
        GlimpseError: the file cannot be written.
    """
    gamma = [mean for mean in numbers["means"] if mean["link"] == "gamma"]
    figure, axes = new_figure(2 if gamma else 1)
    styles = line_styles(numbers)
    first = numbers["payloads"][0]
    for payload, codec, policy, means in _lines(numbers):
        if payload == first:
            style = styles[codec] | ({"linestyle": ":"} if policy == "once" else {})
            label = f"{numbers['codecs'][codec]}, {POLICY_WORDS[policy]}"
            _line(axes[0], [(100 * loss, 100 * mean["top1_ten"]) for loss, mean in means.items()], label, style)
    seconds, rate = numbers["contact_s"], numbers["rate"]
    below = f"{len(numbers['photos'])} photos, packets of {first} bytes"
    axes[0].set_xlabel("packets lost, %")
    set_title(axes[0], f"Within {seconds:g} s at {rate:g} bytes a second", below)
    if gamma:
        for codec in numbers["codecs"]:
            points = [(mean["rate"], 100 * mean["top1_ten"]) for mean in gamma if mean["codec"] == codec]
            _line(axes[1], points, numbers["codecs"][codec], styles[codec])
        axes[1].set_xscale("log")
        rates = sorted({mean["rate"] for mean in gamma})
        axes[1].set_xticks(rates, [f"{each:g}" for each in rates])
        axes[1].minorticks_off()
        axes[1].set_xlabel("mean bytes a second")
        set_title(axes[1], f"Gamma distributed bandwidth, {seconds:g} s", f"shape {numbers['gamma_shape']:g}, no loss")
    for axis in axes:
        axis.set_ylim(0, 100)
        axis.set_ylabel("first guess right, %, the folder's classes")
    handles, labels = axes[0].get_legend_handles_labels()
    axes[-1].legend(handles, labels, frameon=False, fontsize=9.5, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return save_figure(figure, path)


def _line(axis: Any, points: list[tuple[float, float]], label: str, style: dict[str, Any]) -> None:
    if points:
        axis.plot(*zip(*sorted(points), strict=True), marker="o", label=label, **style)


if __name__ == "__main__":
    sys.exit(command_line(__doc__, "means", markdown, "rows"))
