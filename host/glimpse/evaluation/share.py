# SPDX-License-Identifier: Apache-2.0
"""Each model's part of an evaluation, into its folder: `python -m glimpse.evaluation.share NUMBERS.json --name kodak`.

models/NAME/results/kodak.json gets what `glimpse evaluate --json` found of that model, the command included; a model's
variants (NAME:ranks) go with it, and the anchor's means, which its BD-rates refer to. `--all FILE` keeps the means of
every codec without single photos; `--table` prints them as the Markdown table of docs/evaluation.md, and what
`--against-loss` found as the tables there. `--tasks` prints what a classifier or a detector saw, `--losses` what
`--loss` found.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.evaluation.curves import TASKS
from glimpse.evaluation.loss_table import loss_markdown
from glimpse.evaluation.variant import base_name
from glimpse.files import make_folder, write_whole

TABLES = ("codecs", "means", "table", "task_means", "bd_rate", "bd_problems", "saliency")
LISTS = ("rows",)
TABLE_RATES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)  # bits per pixel


def part_of(numbers: dict[str, Any], model: str, rows: bool = True) -> dict[str, Any]:
    """What an evaluation says of one model.

    Args:
        numbers: of `glimpse evaluate --json`.
        model: name in the zoo.
        rows: keep single photos.
    """

    def own(codec: str) -> bool:
        return Path(base_name(codec)).name == model

    found = {key: value for key, value in numbers.items() if key not in (*TABLES, *LISTS, "loss", "models")}
    for key in TABLES:
        if isinstance(numbers.get(key), dict):
            kept = {codec: value for codec, value in numbers[key].items() if own(codec)}
            if key == "means" and numbers.get("anchor") in numbers[key]:
                kept[numbers["anchor"]] = numbers[key][numbers["anchor"]]
            found[key] = kept
    if rows:
        found["rows"] = [row for row in numbers.get("rows", []) if own(row["codec"])]
    loss = numbers.get("loss") or {}
    if loss.get("means"):
        found["loss"] = {"means": [row for row in loss["means"] if own(row["codec"])]}
    return found


def share(file: Path, models: Path, name: str, everything: Path | None, rows: bool = True) -> list[Path]:
    """Writes the parts, with single photos or without; returns the files.

    Raises:
        GlimpseError: the file is not an evaluation, or names no model that is in the folder.
    """
    numbers = _evaluation(file)
    codecs = {Path(base_name(codec)).name for codec in numbers["means"]}
    written = []
    for folder in sorted(f for f in models.iterdir() if f.name in codecs and (f / "model.toml").is_file()):
        make_folder(folder / "results")
        target = folder / "results" / f"{name}.json"
        write_whole(target, json_lines(part_of(numbers, folder.name, rows)))
        written.append(target)
    if not written:
        raise GlimpseError(
            f"{file} names no model of {models}; evaluate one of these, or name their folder with --models"
        )
    if everything is not None:
        make_folder(everything.parent)
        rest = {key: value for key, value in numbers.items() if key != "rows"}
        if isinstance(rest.get("loss"), dict):
            rest["loss"] = {"means": rest["loss"].get("means", [])}
        write_whole(everything, json_lines(rest))
        written.append(everything)
    return written


def table(file: Path) -> str:
    """What docs/evaluation.md shows of a file.

    Raises:
        GlimpseError: the file is no evaluation.
    """
    try:
        return loss_markdown(json.loads(file.read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return markdown(_evaluation(file))


def _evaluation(file: Path) -> dict[str, Any]:
    try:
        numbers = json.loads(file.read_text())
        if all(isinstance(numbers[key], dict) for key in ("means", "bd_rate")) and isinstance(numbers["anchor"], str):
            return numbers
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GlimpseError(f"{file} is not what glimpse evaluate --json writes; evaluate again") from error
    raise GlimpseError(f"{file} is not what glimpse evaluate --json writes; evaluate again")


def markdown(numbers: dict[str, Any]) -> str:
    """PSNR and MS-SSIM dB of every codec at TABLE_RATES, and its BD-rates, as a Markdown table.

    Args:
        numbers: of `glimpse evaluate --json`, or what `--all` kept of them.
    """
    lines = ["| codec | " + " | ".join(f"{rate:g}" for rate in TABLE_RATES) + " | BD-rate PSNR / MS-SSIM |"]
    lines.append("|---|" + "---|" * (len(TABLE_RATES) + 1))
    for codec, means in numbers["means"].items():
        rates = [mean["bpp"] for mean in means]
        cells = []
        for rate in TABLE_RATES:
            inside = rates and 0.999 * rates[0] <= rate <= 1.02 * rates[-1]
            values = (
                np.interp(math.log(rate), np.log(rates), [mean[key] for mean in means])
                for key in ("psnr_db", "ms_ssim_db")
            )
            cells.append(" ".join(f"{value:.1f}" for value in values) if inside else "")
        gains = numbers["bd_rate"].get(codec, {})
        found = [gains.get(key) for key in ("psnr_percent", "ms_ssim_percent")]
        words = " / ".join("-" if gain is None else f"{gain:+.0f}" for gain in found) + " %"
        lines.append(f"| {codec} | {' | '.join(cells)} | {'anchor' if codec == numbers['anchor'] else words} |")
    return "\n".join(lines)


def tasks_markdown(numbers: dict[str, Any]) -> str:
    """What a classifier (all labels / the folder's classes) or a detector (mAP) sees of every codec, in percent, as a
    Markdown table: averaged over budgets of 300 to 3000 bytes, and at fixed rates.

    Args:
        numbers: of `glimpse evaluate --json` with a classifier or a detector, or what `--all` kept of them.
    """
    tasks = [task for task in TASKS if any(task in means for means in numbers["task_means"].values())]
    rates = [rate["bpp"] for rate in next(iter(numbers["table"].values()))]

    def cell(values: dict[str, Any]) -> str:
        found = [values.get(task) for task in tasks]
        return "" if None in found else " / ".join(f"{100 * value:.1f}" for value in found)

    lines = ["| codec | mean | " + " | ".join(f"{rate:g}" for rate in rates) + " |"]
    lines.append("|---" * (len(rates) + 2) + "|")
    for codec, means in numbers["task_means"].items():
        lines.append(f"| {codec} | {cell(means)} | {' | '.join(map(cell, numbers['table'][codec]))} |")
    return "\n".join(lines)


LOSS_LINES = (
    ("ms_ssim", "MS-SSIM", "{:.3f}"),
    ("perceptual", "distance", "{:.3f}"),
    ("top1", "right of all labels, %", "{:.0%}"),
    ("top1_ten", "right of the ten, %", "{:.0%}"),
)


def losses_markdown(numbers: dict[str, Any]) -> str:
    """What every codec shows when packets are lost, as a Markdown table.

    Args:
        numbers: of `glimpse evaluate --loss --json`, or what `--all` kept of them.
    """
    means = numbers["loss"]["means"]
    losses = sorted({mean["loss"] for mean in means})
    lines = ["| codec | bytes | | " + " | ".join(f"{100 * loss:g} %" for loss in losses) + " |"]
    lines.append("|---" * (len(losses) + 3) + "|")
    for codec in dict.fromkeys(mean["codec"] for mean in means):
        own = {mean["loss"]: mean for mean in means if mean["codec"] == codec}
        first = f"{codec} | {own[losses[0]]['bytes']:.0f}"
        for key, name, form in LOSS_LINES:
            if all(key in mean for mean in own.values()):
                cells = " | ".join(form.format(own[loss][key]).rstrip("%") for loss in losses)
                lines.append(f"| {first} | {name} | {cells} |")
                first = " | "
    return "\n".join(lines)


def json_lines(numbers: dict[str, Any]) -> bytes:
    """JSON with a line for each entry of the two outer levels, so that a difference can be read."""
    parts = []
    for key, value in numbers.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n  " + ",\n  ".join(json.dumps(item) for item in value) + "\n ]"
        elif isinstance(value, dict) and value:
            text = "{\n  " + ",\n  ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n }"
        else:
            text = json.dumps(value)
        parts.append(f" {json.dumps(key)}: {text}")
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("numbers", type=Path)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--name", help="of the file in models/NAME/results")
    parser.add_argument("--all", type=Path)
    parser.add_argument("--means", action="store_true", help="leave single photos out of models/NAME/results, too")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--tasks", action="store_true")
    parser.add_argument("--losses", action="store_true")
    options = parser.parse_args()
    if not (options.name or options.table or options.tasks or options.losses):
        parser.error("say what to do: --name NAME, --table, --tasks or --losses")
    try:
        if options.table:
            print(table(options.numbers))
        if options.tasks:
            print(tasks_markdown(_evaluation(options.numbers)))
        if options.losses:
            print(losses_markdown(_evaluation(options.numbers)))
        if not options.name:
            return 0
        for file in share(options.numbers, options.models, options.name, options.all, not options.means):
            print(file)
    except GlimpseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
