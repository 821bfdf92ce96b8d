# SPDX-License-Identifier: Apache-2.0
"""Plots of an evaluation, in the colours of the demo's sheet: PNG to look at, SVG for documents."""

from pathlib import Path
from typing import Any

from glimpse.errors import GlimpseError
from glimpse.evaluation.curves import LEAST_BPP, MOST_BPP
from glimpse.report.chart import COLOURS
from glimpse.report.sheet import INK, LINE, PAPER, SOFT

# Models in the house's colours, thick; classical codecs thin, in these and then again with other dashes.
CLASSICAL = ("#8a8f98", "#c08a3e", "#7d6bb0", "#4f9fb5", "#b56576", "#7a9a4e")
DASHES = ("-", "--", ":")
RATE = "bits per pixel"
TASKS = (
    ("top1", "first guess right, all labels"),
    ("top1_ten", "first guess right, the folder's classes"),
    ("map50", "detections (mAP@0.5) as in the originals"),
)
LEAST_RATE, MOST_RATE = LEAST_BPP, MOST_BPP


def write_plots(numbers: dict[str, Any], folder: Path) -> list[Path]:
    """Draws what there is to draw: quality, accuracy and loss.

    Args:
        numbers: of glimpse.evaluation.result.summarise.
        folder: exists.

    Returns:
        The PNG files written; an SVG of the same name lies beside each.

    Raises:
        GlimpseError: a file cannot be written.
    """
    written = []
    measure = numbers["measure"]
    for name, key, label in (("psnr", "psnr_db", "PSNR, dB"), ("ms_ssim", "ms_ssim_db", f"{measure}, dB")):
        written.append(_by_rate(numbers, key, label, folder / f"{name}.png"))
    found = {key for curve in numbers["means"].values() for mean in curve for key in mean}
    tasks = [(key, title) for key, title in TASKS if key in found]
    if tasks:
        written.append(_accuracy(numbers, tasks, folder / "accuracy.png"))
    if numbers["loss"]["means"]:
        written.append(_loss(numbers, folder / "loss.png"))
    return written


def new_figure(columns: int = 1) -> tuple[Any, list[Any]]:
    """An empty figure of plots side by side, and their axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, columns, figsize=(2.6 + 6.4 * columns, 5.4), squeeze=False)
    figure.set_facecolor(PAPER)
    for axis in axes[0]:
        axis.set_facecolor(PAPER)
        axis.grid(True, color=LINE, linewidth=0.8)
        axis.set_axisbelow(True)
        for side in axis.spines.values():
            side.set_visible(False)
        axis.tick_params(colors=SOFT, labelsize=10, length=0)
    return figure, list(axes[0])


def save_figure(figure: Any, path: Path) -> Path:
    """Writes a figure as PNG, and as SVG beside it.

    Raises:
        GlimpseError: the place cannot be written.
    """
    from matplotlib import pyplot

    figure.tight_layout()
    try:
        figure.savefig(path, dpi=130, facecolor=PAPER)
        # Without a date, so that equal numbers make equal files.
        figure.savefig(path.with_suffix(".svg"), facecolor=PAPER, metadata={"Date": None})
    except OSError as error:
        raise GlimpseError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from error
    finally:
        pyplot.close(figure)
    return path


def line_styles(numbers: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Line styles: models and classical codecs tell themselves apart at a glance."""
    styles, models, others = {}, 0, 0
    for name in numbers["codecs"]:
        if name in numbers["models"]:
            dash = DASHES[models // len(COLOURS) % len(DASHES)]
            styles[name] = {
                "color": COLOURS[models % len(COLOURS)],
                "linewidth": 2.6,
                "linestyle": dash,
                "zorder": 3,
            }
            models += 1
        else:
            dash = DASHES[others // len(CLASSICAL) % len(DASHES)]
            styles[name] = {"color": CLASSICAL[others % len(CLASSICAL)], "linewidth": 1.5, "linestyle": dash}
            others += 1
    return styles


def _curves(axis: Any, numbers: dict[str, Any], key: str) -> None:
    styles = line_styles(numbers)
    for name, curve in numbers["means"].items():
        points = [(m["bpp"], m[key]) for m in curve if m.get(key) is not None and m["bpp"] <= MOST_RATE * 1.6]
        if points:
            axis.plot(*zip(*points, strict=True), label=_label(numbers["codecs"][name]), **styles[name])
    axis.set_xscale("log")
    axis.set_xlim(LEAST_RATE, MOST_RATE)
    ticks = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_xlabel(f"{RATE} ({_pixels(numbers)})", color=SOFT)


def _label(title: str) -> str:
    """Without what stands in brackets, which a table has room for."""
    return title.partition(" (")[0]


def _pixels(numbers: dict[str, Any]) -> str:
    width, height = numbers["size"]
    return f"1 = {width * height // 8:,} bytes a photo"


def _by_rate(numbers: dict[str, Any], key: str, label: str, path: Path) -> Path:
    figure, (axis,) = new_figure()
    _curves(axis, numbers, key)
    seen = [m[key] for c in numbers["means"].values() for m in c if m[key] is not None and m["bpp"] <= MOST_RATE]
    if seen:
        axis.set_ylim(max(min(seen) - 0.5, 0), max(seen) + 0.5)
    axis.set_ylabel(label, color=SOFT)
    set_title(axis, f"{label.split(',')[0]} against bytes", _setting(numbers))
    set_legend(axis)
    return save_figure(figure, path)


def _accuracy(numbers: dict[str, Any], tasks: list[tuple[str, str]], path: Path) -> Path:
    figure, axes = new_figure(len(tasks))
    for axis, (key, title) in zip(axes, tasks, strict=True):
        percent = {
            name: [{**m, key: None if m.get(key) is None else 100 * m[key]} for m in curve]
            for name, curve in numbers["means"].items()
        }
        _curves(axis, {**numbers, "means": percent}, key)
        axis.set_ylabel("%", color=SOFT)
        axis.set_ylim(0, 100)
        set_title(axis, title[:1].upper() + title[1:], _setting(numbers))
    set_legend(axes[-1])
    return save_figure(figure, path)


def _loss(numbers: dict[str, Any], path: Path) -> Path:
    means = numbers["loss"]["means"]
    keys = [("psnr_db", "PSNR, dB", 1.0), ("ms_ssim", numbers["measure"], 1.0)]
    if all("top1" in mean for mean in means):
        guesses = "right at the first guess, %"
        keys = [keys[1], ("perceptual", "Perceptual distance", 1.0), ("top1", guesses, 100.0)]
    figure, axes = new_figure(len(keys))
    styles = line_styles(numbers)
    for axis, (key, label, factor) in zip(axes, keys, strict=True):
        for codec in dict.fromkeys(mean["codec"] for mean in means):
            own = [mean for mean in means if mean["codec"] == codec]
            points = [(100 * mean["loss"], factor * mean[key]) for mean in own]
            axis.plot(*zip(*points, strict=True), marker="o", label=codec, **styles[codec])
        axis.set_xlabel("packets lost, %", color=SOFT)
        axis.set_ylabel(label, color=SOFT)
        set_title(axis, f"{label.split(',')[0]} under loss", f"everything sent; {_setting(numbers)}")
    set_legend(axes[-1])
    return save_figure(figure, path)


def set_title(axis: Any, title: str, below: str) -> None:
    """A plot's title, and in small print what it was measured on."""
    axis.set_title(title, loc="left", color=INK, fontsize=14, pad=22)
    axis.text(0, 1.02, below, transform=axis.transAxes, color=SOFT, fontsize=9.5)


def _setting(numbers: dict[str, Any]) -> str:
    fit = "centre crop" if numbers["fit"] == "crop" else "squashed"
    width, height = numbers["size"]
    return f"{len(numbers['photos'])} photos, {fit} to {width}x{height}, packets of {numbers['payload']} bytes"


def set_legend(axis: Any) -> None:
    """Beside the plot, in the order of the lines' right ends."""
    handles, labels = axis.get_legend_handles_labels()
    order = sorted(range(len(handles)), key=lambda i: -handles[i].get_ydata()[-1])
    handles, labels = [handles[i] for i in order], [labels[i] for i in order]
    legend = axis.legend(handles, labels, frameon=False, fontsize=9.5, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    for text in legend.get_texts():
        text.set_color(INK)
