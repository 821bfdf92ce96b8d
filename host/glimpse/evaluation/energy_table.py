# SPDX-License-Identifier: Apache-2.0
"""Energy of a picture at equal quality, measured and as tables: `python -m glimpse.evaluation.energy_table`.

    python -m glimpse.evaluation.energy_table --data kodak --json docs/evaluation/energy.json --plot docs/evaluation
    python -m glimpse.evaluation.energy_table --from docs/evaluation/energy.json        # the tables of docs/energy.md

The keys of the JSON stand at glimpse.evaluation.energy_measure.measure; besides: command, published.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.evaluation.energy_measure import FAST_LINK, measure
from glimpse.evaluation.share import json_lines
from glimpse.files import make_folder, write_whole
from glimpse.photo import fit_photo, load_photo

LEVEL = 0.85
"""MS-SSIM of the first table and of the plot."""
PUBLISHED = (
    ("STM32F7, network", "237 ms, 360 kB RAM, 107 kB flash", "LimitNet, Table 5; MCUCoder, Table 2"),
    ("STM32F7, saliency besides", "23 ms, 26 kB", "LimitNet, Table 5"),
    ("nRF5340, network", "1,969 ms, 344 kB RAM, 100 kB flash", "LimitNet, Table 5; MCUCoder, Table 2"),
    ("nRF5340, saliency besides", "220 ms", "LimitNet, Table 5"),
    ("nRF5340, a picture encoded", "16.6 mJ at 1.86 V; JPEG 15.95 mJ", "MCUCoder, Table 2"),
    ("K210, camera to packets", "0.94 s, 7.81 uAh, 83 kB of network", "Starfish, Table 6"),
)
"""What the papers say of their own boards: (what, figures, where)."""


def markdown(numbers: dict[str, Any]) -> str:
    """The tables of docs/energy.md."""
    return "\n".join((_by_link(numbers), _by_level(numbers), _break_even(numbers), _published(numbers)))


def _interval(mj: dict[str, float]) -> str:
    return " .. ".join(_short(mj[key]) for key in ("low", "high"))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _by_link(numbers: dict[str, Any]) -> str:
    lines = [
        f"| MS-SSIM {LEVEL:g}, mJ a picture | bytes/s | uJ/byte | " + " | ".join(_heads(numbers)) + " |",
        "|---|---:|---:|" + "---:|" * len(_heads(numbers)),
    ]
    for link in numbers["links"]:
        cells = []
        for core in numbers["supplies"]["cores"]:
            rows = [r for r in _rows(numbers, link["name"], LEVEL) if r["core"] == core]
            for row in rows:
                mark = "**" if row["ahead"] else ""
                cells.append(f"{mark}{_short(row['mj']['model']['value'])}{mark} ({_interval(row['mj']['model'])})")
            jpeg = rows[0]["mj"]["jpeg"] if rows else None
            cells.append(f"{_short(jpeg['value'])} ({_interval(jpeg)})" if jpeg else "")
        lines.append(
            f"| {link['name']} | {link['bytes_per_second']:,.4g} | {link['uj_a_byte']:,.3g} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


def _heads(numbers: dict[str, Any]) -> list[str]:
    heads = []
    for core in numbers["supplies"]["cores"]:
        short = core.removeprefix("cortex-").upper()
        rows = [r for r in _rows(numbers, numbers["links"][0]["name"], LEVEL) if r["core"] == core]
        heads += [f"{short}: {row['model']}" for row in rows] + [f"{short}: JPEG"]
    return heads


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
    lines = ["| ahead of JPEG on links slower than, bytes/s | core | " + " | ".join(
        f"MS-SSIM {level:g}" for level in numbers["levels"]
    ) + " |", "|---|---|" + "---:|" * len(numbers["levels"])]  # fmt: skip
    for model in dict.fromkeys(row["model"] for row in numbers["break_even"]):
        for core in numbers["supplies"]["cores"]:
            cells = []
            for level in numbers["levels"]:
                found = [
                    r for r in numbers["break_even"] if (r["model"], r["core"], r["level"]) == (model, core, level)
                ]
                speed = found[0]["bytes_per_second"] if found else None
                cells.append("" if not found else "none" if speed is None else f"{speed:,}")
            lines.append(f"| {model} | {core} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _published(numbers: dict[str, Any]) -> str:
    lines = ["| published | figures | where |", "|---|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(line)} |" for line in numbers["published"]]) + "\n"


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
    parser.add_argument("--plot", type=Path, help="the folder that energy.png goes to")
    options = parser.parse_args(arguments)
    try:
        if options.data:
            models = [zoo.load(name) for name in options.models.split(",")]
            numbers = measure(models, _photos(options.data, models[0]))
            command = f"python -m glimpse.evaluation.energy_table --data {options.data.name} --models {options.models}"
            numbers = {"command": command, "published": PUBLISHED, "fast_link": FAST_LINK, **numbers}
        else:
            numbers = json.loads(options.numbers.read_text())
        if options.json:
            make_folder(options.json.parent)
            write_whole(options.json, json_lines(numbers))
        if options.plot:
            make_folder(options.plot)
            write_plot(numbers, options.plot)
        print(markdown(numbers))
    except (GlimpseError, OSError, ValueError, KeyError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
