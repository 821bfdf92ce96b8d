# SPDX-License-Identifier: Apache-2.0
"""Plots of quality against loss: a picture for each link and payload, a column for each rate."""

from pathlib import Path
from typing import Any

from glimpse.evaluation.loss_table import lines_of
from glimpse.evaluation.plots import CLASSICAL, new_figure, save_figure, set_legend, set_title
from glimpse.report.chart import COLOURS
from glimpse.report.sheet import SOFT

DASH = {"none": ":", "fixed": "--"}


def write_loss_plots(numbers: dict[str, Any], folder: Path) -> list[Path]:
    """Draws MS-SSIM and PSNR against loss.

    Args:
        numbers: of `glimpse evaluate --against-loss`.
        folder: exists.

    Returns:
        The PNG files written; an SVG of the same name lies beside each.
    """
    return [
        _plot(numbers, link, payload, key, label, folder / f"{name}-{link}-{payload}.png")
        for name, key, label in (("loss-ms_ssim", "ms_ssim", "MS-SSIM"), ("loss-psnr", "psnr_db", "PSNR, dB"))
        for link in numbers["links"]
        for payload in numbers["payloads"]
    ]


def _plot(numbers: dict[str, Any], link: str, payload: int, key: str, label: str, path: Path) -> Path:
    figure, axes = new_figure(len(numbers["rates"]))
    for axis, rate in zip(axes, numbers["rates"], strict=True):
        for codec, protection, rows in lines_of(numbers, link, payload, rate):
            ours = codec in numbers["models"]
            colours = COLOURS if ours else CLASSICAL
            number = numbers["models"].index(codec) if ours else ("wavelet", "progressive").index(codec)
            if protection == "weighted":
                number += 2  # the strongest rival in a colour of its own
            axis.plot(
                [100 * row["loss"] for row in rows],
                [row[key] for row in rows],
                label=f"{codec}, {protection}",
                color=colours[number % len(colours)],
                linewidth=2.4 if ours else 1.5,
                linestyle=DASH.get(protection, "-"),
            )
        axis.set_xlabel("packets lost, %", color=SOFT)
        axis.set_ylabel(label, color=SOFT)
        photos = len(numbers["photos"])
        set_title(axis, f"{rate:g} bits per pixel", f"{photos} photos, packets of {payload} bytes, {link}")
    set_legend(axes[-1])
    return save_figure(figure, path)
