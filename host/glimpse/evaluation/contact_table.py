# SPDX-License-Identifier: Apache-2.0
"""What contacts brought, as a table for a terminal, as the Markdown of docs/evaluation.md and as a plot.

`python -m glimpse.evaluation.contact_table docs/evaluation/contact.json` prints the Markdown: accuracy, or without a
classifier MS-SSIM, beside what others measured.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from glimpse.evaluation.kept import command_line
from glimpse.evaluation.plots import line_styles, new_figure, save_figure, set_title
from glimpse.report.sheet import INK

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


def similarity_lines(numbers: dict[str, Any]) -> list[tuple[str, str, dict[float, float]]]:
    """(codec and packets, policy, MS-SSIM by loss): ours, then what others measured, who send once."""
    lines = [
        (f"{codec}, {payload} B", POLICY_WORDS[policy], {loss: mean["ms_ssim"] for loss, mean in means.items()})
        for payload, codec, policy, means in _lines(numbers)
    ]
    others: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for mean in numbers.get("reference", []):
        others.setdefault((mean["codec"], mean["pkt_len"]), []).append(mean)
    for (codec, size), means in others.items():
        values = {mean["loss"]: mean["ms_ssim"] for mean in means}
        lines.append((f"{codec}, {size} B", POLICY_WORDS["once"], values))
    return lines


def _similarity_cells(numbers: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and lines; losses that only others measured have columns, too."""
    lines = similarity_lines(numbers)
    losses = sorted({loss for _, _, values in lines for loss in values})
    head = ["codec", "lost packets", *(f"{100 * loss:g} %" for loss in losses)]
    form = [[f"{values[loss]:.3f}" if loss in values else "" for loss in losses] for _, _, values in lines]
    return head, [[name, policy, *cells] for (name, policy, _), cells in zip(lines, form, strict=True)]


def similarity_table(numbers: dict[str, Any]) -> Table:
    """MS-SSIM of what a contact brought, with what others measured."""
    head, lines = _similarity_cells(numbers)
    result = Table(
        title="MS-SSIM when packets are lost",
        caption=beside(numbers) or None,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for number, name in enumerate(head):
        result.add_column(name, no_wrap=True, justify="left" if number < 2 else "right")
    for line in lines:
        result.add_row(*line)
    return result


def beside(numbers: dict[str, Any]) -> str:
    """How much of what others measured stands beside ours, as a sentence; empty without any."""
    fits = {
        f"{mean['codec']} in packets of {mean['pkt_len']} bytes: {mean['photos']} of {mean['of']} photos, "
        f"{mean['bytes']:.0f} bytes": None
        for mean in numbers.get("reference", [])
        if not mean["loss"]
    }
    return f"Measured by others, the best setting that fits; {'; '.join(fits)}." if fits else ""


def similarity_markdown(numbers: dict[str, Any]) -> str:
    """The same as Markdown."""
    head, lines = _similarity_cells(numbers)
    rows = [f"| {' | '.join(row)} |" for row in (head, *lines)]
    return "\n".join([rows[0], "|---" * len(head) + "|", *rows[1:]])


def markdown(numbers: dict[str, Any]) -> str:
    """The same as Markdown; without a classifier similarity_markdown."""
    if not all("top1_ten" in mean for mean in numbers["means"]):
        return similarity_markdown(numbers)
    losses = _losses(numbers)
    lines = ["| packets | codec | lost packets | " + " | ".join(f"{100 * loss:g} % lost" for loss in losses) + " |"]
    lines.append("|---" * (len(losses) + 3) + "|")
    for payload, codec, policy, means in _lines(numbers):
        cells = " | ".join(_cell(means.get(loss)) for loss in losses)
        lines.append(f"| {payload} B | {codec} | {POLICY_WORDS[policy]} | {cells} |")
    return "\n".join(lines)


def write_plot(numbers: dict[str, Any], path: Path) -> Path:
    """Accuracy, or without a classifier MS-SSIM, against loss and against mean bandwidth; MS-SSIM beside what others
    measured.

    Raises:
        GlimpseError: the file cannot be written.
    """
    classified = all("top1_ten" in mean for mean in numbers["means"])
    measure = ACCURACY if classified else SIMILARITY
    gamma = [mean for mean in numbers["means"] if mean["link"] == "gamma"]
    beside = bool(numbers.get("reference")) and classified
    figure, axes = new_figure(1 + bool(gamma) + beside)
    _by_loss(axes[0], numbers, measure)
    if gamma:
        _by_rate(axes[1], numbers, gamma, measure)
    if beside:
        _by_loss(axes[-1], numbers, SIMILARITY)
    handles, labels = axes[-1 if beside else 0].get_legend_handles_labels()
    axes[-1].legend(handles, labels, frameon=False, fontsize=9.5, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return save_figure(figure, path)


@dataclass(frozen=True)
class _Measure:
    """What is drawn: key of the means, factor, words, and where its axis ends."""

    key: str
    factor: float
    words: str
    most: float


ACCURACY = _Measure("top1_ten", 100, "first guess right, %, the folder's classes", 100)
SIMILARITY = _Measure("ms_ssim", 1, "MS-SSIM", 1)


def _by_loss(axis: Any, numbers: dict[str, Any], measure: _Measure) -> None:
    styles, first = line_styles(numbers), numbers["payloads"][0]
    for payload, codec, policy, means in _lines(numbers):
        if payload == first:
            style = styles[codec] | ({"linestyle": ":"} if policy == "once" else {})
            points = [(100 * loss, measure.factor * mean[measure.key]) for loss, mean in means.items()]
            _line(axis, points, f"{numbers['codecs'][codec]}, {POLICY_WORDS[policy]}", style)
    if measure is SIMILARITY:
        others = [mean for mean in numbers.get("reference", []) if mean["payload"] == first]
        for codec in dict.fromkeys(mean["codec"] for mean in others):
            own = [mean for mean in others if mean["codec"] == codec]
            label = f"{codec}, packets of {own[0]['pkt_len']} bytes, {POLICY_WORDS['once']}"
            points = [(100 * mean["loss"], mean["ms_ssim"]) for mean in own]
            _line(axis, points, label, {"color": INK, "linewidth": 1.5, "linestyle": "--"})
    axis.set_xlabel("packets lost, %")
    below = f"{len(numbers['photos'])} photos, packets of {first} bytes"
    _finish(axis, f"Within {numbers['contact_s']:g} s at {numbers['rate']:g} bytes a second", below, measure)


def _by_rate(axis: Any, numbers: dict[str, Any], gamma: list[dict[str, Any]], measure: _Measure) -> None:
    styles = line_styles(numbers)
    for codec in numbers["codecs"]:
        own = [mean for mean in gamma if mean["codec"] == codec]
        points = [(mean["rate"], measure.factor * mean[measure.key]) for mean in own]
        _line(axis, points, numbers["codecs"][codec], styles[codec])
    axis.set_xscale("log")
    rates = sorted({mean["rate"] for mean in gamma})
    axis.set_xticks(rates, [f"{each:g}" for each in rates])
    axis.minorticks_off()
    axis.set_xlabel("mean bytes a second")
    title = f"Gamma distributed bandwidth, {numbers['contact_s']:g} s"
    _finish(axis, title, f"shape {numbers['gamma_shape']:g}, no loss", measure)


def _finish(axis: Any, title: str, below: str, measure: _Measure) -> None:
    set_title(axis, title, below)
    axis.set_ylim(0, measure.most)
    axis.set_ylabel(measure.words)


def _line(axis: Any, points: list[tuple[float, float]], label: str, style: dict[str, Any]) -> None:
    if points:
        axis.plot(*zip(*sorted(points), strict=True), marker="o", label=label, **style)


if __name__ == "__main__":
    sys.exit(command_line(__doc__, "means", markdown, "rows"))
