# SPDX-License-Identifier: Apache-2.0
r"""Energy of a picture at equal quality, measured and as tables: `python -m glimpse.evaluation.energy_table`.

    python -m glimpse.evaluation.energy_table --data kodak --json docs/evaluation/energy.json --plot docs/evaluation \
        --page docs/energy.md
    python -m glimpse.evaluation.energy_table --from docs/evaluation/energy.json --page docs/energy.md

The keys of the JSON stand at glimpse.evaluation.energy_measure.measure; besides: command, published.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glimpse import zoo
from glimpse.energy.model import compute_mj
from glimpse.errors import GlimpseError
from glimpse.estimate import BY_CORE
from glimpse.evaluation.energy_measure import FAST_LINK, measure
from glimpse.evaluation.share import json_lines
from glimpse.files import make_folder, write_whole
from glimpse.maix import cost
from glimpse.photo import fit_photo, load_photo

LEVEL = 0.85
"""MS-SSIM of the first table and of the plot."""
TABLES = ("links", "levels", "break-even", "says", "published")
"""Of docs/energy.md, each between `<!-- NAME -->` and `<!-- end -->`."""


def beside_published(models: Sequence[zoo.ZooModel]) -> list[dict[str, str]]:
    """What the papers say of their own boards, and what is known of the same here.

    Returns:
        [{what, published, where, here, label}].
    """
    bench = {
        (model.name, core): json.loads((model.folder / "results" / f"bench-{core}.json").read_text())
        for model in models
        for core in BY_CORE
    }

    def here(model: str, core: str) -> str:
        n = bench[model, core]
        ms, ram = n["estimated_ms"][BY_CORE[core].board], n["ram_bytes"]
        return (
            f"{ms['value']:,.0f} ms ({ms['low']:,.0f} .. {ms['high']:,.0f}), {ram['total'] / 1e3:.0f} + "
            f"{ram['latent'] / 1e3:.0f} kB RAM, {n['flash_bytes']['total'] / 1e3:.0f} kB flash"
        )

    mj = compute_mj(bench["mcucoder", "cortex-m33"]["instructions"], "cortex-m33")
    k210 = cost.measure(zoo.load("starfish"))["estimated_ms"][cost.BOARD]
    estimated = "time estimated, memory of the emulated board"
    papers = "LimitNet, Table 5; MCUCoder, Table 2"
    rows = (
        (
            "STM32F7, without saliency",
            "237 ms, 360 kB RAM, 107 kB flash",
            papers,
            here("mcucoder", "cortex-m7"),
            estimated,
        ),
        ("STM32F7, with it", "23 ms and 26 kB more", "LimitNet, Table 5", here("limitnet", "cortex-m7"), estimated),
        ("nRF5340, without", "1,969 ms, 344 kB RAM, 100 kB flash", papers, here("mcucoder", "cortex-m33"), estimated),
        ("nRF5340, with it", "220 ms more", "LimitNet, Table 5", here("limitnet", "cortex-m33"), estimated),
        (
            "nRF5340, energy to encode",
            "16.6 mJ at 1.86 V; JPEG 15.95 mJ",
            "MCUCoder, Table 2",
            f"{mj.value:.1f} mJ ({mj.low:.1f} .. {mj.high:.1f}) at 3 V",
            "estimated",
        ),
        (
            "K210",
            f"{cost.STARFISH_S:g} s, {cost.STARFISH_UAH:g} uAh, camera to packets",
            cost.PUBLISHED,
            f"{k210['value']:.0f} ms ({k210['low']:.0f} .. {k210['high']:.0f}), the accelerator alone",
            "estimated",
        ),
    )
    return [dict(zip(("what", "published", "where", "here", "label"), row, strict=True)) for row in rows]


def markdown(numbers: dict[str, Any]) -> str:
    """The tables of docs/energy.md."""
    return "\n".join(tables(numbers).values())


def tables(numbers: dict[str, Any]) -> dict[str, str]:
    """Markdown by the names of TABLES."""
    made = (_by_link(numbers), _by_level(numbers), _break_even(numbers), _says(numbers), _published(numbers))
    return dict(zip(TABLES, made, strict=True))


def with_tables(page: str, numbers: dict[str, Any]) -> str:
    """A page with its tables exchanged.

    Raises:
        GlimpseError: the page has no place for one.
    """
    for name, table in tables(numbers).items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not place.search(page):
            raise GlimpseError(f"the page has no place <!-- {name} --> for a table; put it and <!-- end --> there")
        page = place.sub(lambda found, table=table: f"{found[1]}\n{table}\n{found[2]}", page)
    return page


def _interval(mj: dict[str, float]) -> str:
    return " .. ".join(_short(mj[key]) for key in ("low", "high"))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _by_link(numbers: dict[str, Any]) -> str:
    """A table for each core; bold: ahead of JPEG whatever the intervals hold, italic: by the estimate alone."""
    made = []
    for core, e in BY_CORE.items():
        models = [r["model"] for r in _rows(numbers, numbers["links"][0]["name"], LEVEL) if r["core"] == core]
        lines = [
            f"| {e.board} | bytes/s | uJ/byte | {' | '.join(models)} | JPEG |",
            "|---|---:|---:|" + "---:|" * (len(models) + 1),
        ]
        for link in numbers["links"]:
            rows = [r for r in _rows(numbers, link["name"], LEVEL) if r["core"] == core]
            cells = [_marked(row) for row in rows] + [_interval(rows[0]["mj"]["jpeg"])]
            speed = f"{link['bytes_per_second']:,.4g} | {_short(link['uj_a_byte'])}"
            lines.append(f"| {link['name']} | {speed} | {' | '.join(cells)} |")
        made.append("\n".join(lines) + "\n")
    return "\n".join(made)


def _marked(row: dict[str, Any]) -> str:
    mark = "**" if row["ahead_surely"] else "*" if row["ahead"] else ""
    mj = row["mj"]["model"]
    return f"{mark}{_short(mj['value'])}{mark} ({_short(mj['low'])} .. {_short(mj['high'])})"


def _interval(mj: dict[str, float]) -> str:
    return f"{_short(mj['value'])} ({_short(mj['low'])} .. {_short(mj['high'])})"


def _short(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.12g}"


def _rows(numbers: dict[str, Any], link: str, level: float) -> list[dict[str, Any]]:
    return [row for row in numbers["rows"] if row["link"] == link and row["level"] == level]


def _by_level(numbers: dict[str, Any]) -> str:
    lines = [
        "| model | MS-SSIM | photos | bytes, EU868 SF9 | JPEG | without its headers | links where it is ahead of JPEG, "
        "M7 | M33 | of JPEG without headers, M7 | M33 |",
        "|---|---|---:|---:|---:|---:|---|---|---|---|",
    ]
    for model in dict.fromkeys(row["model"] for row in numbers["rows"]):
        for level in numbers["levels"]:
            rows = [r for r in numbers["rows"] if r["model"] == model and r["level"] == level]
            if not rows:
                continue
            one = next(r for r in rows if r["link"] == "EU868 SF9")
            size = one["bytes"]
            wins = [
                _where([r for r in rows if r["core"] == core], key)
                for key in ("ahead", "ahead_of_headerless")
                for core in numbers["supplies"]["cores"]
            ]
            lines.append(
                f"| {model} | {level:g} | {one['photos']} | {size['model']:,} | {size['jpeg']:,} | "
                f"{size['jpeg_headerless']:,} | {' | '.join(wins)} |"
            )
    return "\n".join(lines) + "\n"


def _where(rows: list[dict[str, Any]], key: str) -> str:
    behind = [row["link"].removeprefix("EU868 ") for row in rows if not row[key]]
    if not behind:
        return "all"
    if len(behind) == len(rows):
        return "none"
    return f"all but {', '.join(behind)}"


def _break_even(numbers: dict[str, Any]) -> str:
    levels = [level for level in numbers["levels"] if any(r["level"] == level for r in numbers["break_even"])]
    lines = [
        f"| | | {' | '.join(f'MS-SSIM {level:g}' for level in levels)} | M instructions, at {LEVEL:g} | "
        f"what {numbers['fast_link'] / 1000:g} kB/s would allow |",
        "|---|---|" + "---:|" * (len(levels) + 2),
    ]
    for model in _models(numbers):
        for core, e in BY_CORE.items():
            speeds = [_speed(numbers, model, core, level) for level in levels]
            allowed = _allowed(numbers, model, core)
            lines.append(f"| {model} | {e.board} | {' | '.join(speeds)} | {allowed[0]:,.0f} | {allowed[1]:,.0f} |")
    return "\n".join(lines) + "\n"


def _models(numbers: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(row["model"] for row in numbers["break_even"]))


def _speed(numbers: dict[str, Any], model: str, core: str, level: float) -> str:
    found = [r for r in numbers["break_even"] if (r["model"], r["core"], r["level"]) == (model, core, level)]
    if not found:
        return ""
    return "none" if found[0]["bytes_per_second"] is None else f"{found[0]['bytes_per_second']:,}"


def _allowed(numbers: dict[str, Any], model: str, core: str) -> tuple[float, float]:
    """Millions of instructions that a picture takes at LEVEL, and may take to be ahead on the fast link."""
    row = _found(numbers, model, core, numbers["links"][0]["name"])
    saved = row["bytes"]["jpeg"] - row["bytes"]["model"]
    milliwatts = numbers["supplies"]["sending"]["lorawan"]
    each_mj = milliwatts["ma"]["value"] * milliwatts["volts"] / numbers["fast_link"]
    may = row["compute_mj"]["jpeg"]["value"] + max(saved, 0) * each_mj
    now = row["instructions"]["model"]
    return now / 1e6, now / 1e6 * may / row["compute_mj"]["model"]["value"]


def _says(numbers: dict[str, Any]) -> str:
    """For each model and core: where it is ahead at every quality, where at none, where at some."""
    lines = []
    for model in _models(numbers):
        for core, e in BY_CORE.items():
            ahead, behind, mixed = [], [], []
            for link in numbers["links"]:
                rows = [r for r in numbers["rows"] if (r["model"], r["core"], r["link"]) == (model, core, link["name"])]
                wins = [f"{row['level']:g}" for row in rows if row["ahead"]]
                name = link["name"].removeprefix("EU868 ")
                if len(wins) == len(rows):
                    ahead.append(name)
                elif wins:
                    mixed.append(f"{name} (at {', '.join(wins)})")
                else:
                    behind.append(name)
            parts = [
                f"{title} {', '.join(names)}"
                for title, names in (("ahead on", ahead), ("at some qualities on", mixed), ("behind on", behind))
                if names
            ]
            lines.append(f"- `{model}`, {e.board}: {'; '.join(parts)}.")
    return "\n".join(lines) + "\n"


def _published(numbers: dict[str, Any]) -> str:
    lines = ["| | published | where | here | |", "|---|---|---|---|---|"]
    keys = ("what", "published", "where", "here", "label")
    return "\n".join(lines + [f"| {' | '.join(row[key] for key in keys)} |" for row in numbers["published"]]) + "\n"


def write_plot(numbers: dict[str, Any], folder: Path) -> Path:
    """Energy over links at one quality, a panel for each core: what Starfish's Figures 2 and 17 show.

    Raises:
        GlimpseError: the file cannot be written.
    """
    from glimpse.evaluation.plots import CLASSICAL, new_figure, save_figure
    from glimpse.report.chart import COLOURS
    from glimpse.report.sheet import INK

    cores = list(numbers["supplies"]["cores"])
    figure, axes = new_figure(len(cores))
    links = sorted(numbers["links"], key=lambda link: link["uj_a_byte"])
    for axis, core in zip(axes, cores, strict=True):
        models = list(dict.fromkeys(row["model"] for row in numbers["rows"] if row["level"] == LEVEL))
        for number, model in enumerate([*models, "jpeg"]):
            rows = [_found(numbers, model if model in models else models[0], core, link["name"]) for link in links]
            mj = [row["mj"]["jpeg" if model == "jpeg" else "model"] for row in rows]
            place = [x + 0.14 * (number - len(models) / 2) for x in range(len(links))]
            values = [each["value"] for each in mj]
            spread = [
                [v - each["low"] for v, each in zip(values, mj, strict=True)],
                [each["high"] - v for v, each in zip(values, mj, strict=True)],
            ]
            colour = CLASSICAL[0] if model == "jpeg" else COLOURS[number % len(COLOURS)]
            label = "JPEG in C" if model == "jpeg" else model
            axis.errorbar(place, values, yerr=spread, fmt="o", markersize=4, color=colour, label=label, linewidth=1)
        axis.set_yscale("log")
        axis.set_xticks(range(len(links)), [link["name"] for link in links], rotation=45, ha="right", fontsize=8)
        axis.set_title(
            f"{core}: mJ a picture of MS-SSIM {LEVEL:g}, compute and radio, estimated", color=INK, fontsize=10
        )
        axis.legend(frameon=False, fontsize=8)
    return save_figure(figure, folder / "energy.png")


def _found(numbers: dict[str, Any], model: str, core: str, link: str) -> dict[str, Any]:
    return next(r for r in _rows(numbers, link, LEVEL) if (r["model"], r["core"]) == (model, core))


def _photos(folder: Path, model: zoo.ZooModel) -> dict[str, Any]:
    size = (model.binding.photo_width, model.binding.photo_height)
    files = sorted(folder.glob("*.png"))
    if not files:
        raise GlimpseError(f"{folder} holds no .png photos; name the folder of the Kodak photos with --data")
    return {file.name: fit_photo(load_photo(file), *size, "crop") for file in files}


def main(arguments: list[str]) -> int:
    """Command line; exit status 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m glimpse.evaluation.energy_table", description=__doc__.split("\n")[0]
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="the folder of the photos that the models were evaluated on")
    source.add_argument("--from", dest="numbers", type=Path, help="JSON of an earlier run")
    parser.add_argument("--models", default=",".join(zoo.names()), help="names, with commas between")
    parser.add_argument("--json", type=Path, help="where the numbers go")
    parser.add_argument("--page", type=Path, help="a page whose tables are exchanged, docs/energy.md")
    parser.add_argument("--plot", type=Path, help="the folder that energy.png goes to")
    options = parser.parse_args(arguments)
    try:
        if options.data:
            models = [zoo.load(name) for name in options.models.split(",")]
            numbers = measure(models, _photos(options.data, models[0]))
            command = f"python -m glimpse.evaluation.energy_table --data {options.data.name} --models {options.models}"
            numbers = {"command": command, "published": beside_published(models), "fast_link": FAST_LINK, **numbers}
        else:
            numbers = json.loads(options.numbers.read_text())
        if options.json:
            make_folder(options.json.parent)
            write_whole(options.json, json_lines(numbers))
        if options.plot:
            make_folder(options.plot)
            write_plot(numbers, options.plot)
        if options.page:
            write_whole(options.page, with_tables(options.page.read_text(), numbers).encode())
        else:
            print(markdown(numbers))
    except (GlimpseError, OSError, ValueError, KeyError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
