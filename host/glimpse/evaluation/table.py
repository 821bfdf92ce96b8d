# SPDX-License-Identifier: Apache-2.0
"""The numbers of an evaluation in a terminal."""

from typing import Any

from rich import box
from rich.table import Table


def tables(numbers: dict[str, Any]) -> list[Table]:
    """What a person wants to read: quality at fixed rates with BD-rates, accuracy, loss.

    Args:
        numbers: of glimpse.evaluation.result.summarise.
    """
    result = [_quality(numbers)]
    if numbers["loss"]["means"]:
        result.append(_loss(numbers))
    return result


def _frame(title: str, caption: str) -> Table:
    return Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )


def _quality(numbers: dict[str, Any]) -> Table:
    width, height = numbers["size"]
    how = "centre crop" if numbers["fit"] == "crop" else "squashed"
    table = _frame(
        f"PSNR dB and {numbers['measure']} dB at bits per pixel: {len(numbers['photos'])} photos, {how} to "
        f"{width}x{height}, every byte counted",
        f"BD-rate: bytes needed more (less: negative) than {numbers['anchor']} at equal PSNR / {numbers['measure']}. "
        f"Models in packets of at most {numbers['payload']} bytes, headers included.",
    )
    table.add_column("codec")
    for rate in next(iter(numbers["table"].values())):
        table.add_column(f"{rate['bpp']:g}", justify="right", no_wrap=True)
    table.add_column("BD-rate %", justify="right", no_wrap=True)
    for name, rates in numbers["table"].items():
        cells = [f"{_fixed(rate['psnr_db'])} {_fixed(rate['ms_ssim_db'], 4)}" for rate in rates]
        table.add_row(name, *cells, "anchor" if name == numbers["anchor"] else _differences(numbers["bd_rate"][name]))
    return table


def _fixed(value: float | None, width: int = 0) -> str:
    return f"{'-' if value is None else f'{value:.1f}':>{width}}"


def _differences(bd: dict[str, Any]) -> str:
    return " / ".join("-" if bd[key] is None else f"{bd[key]:+.0f}" for key in ("psnr_percent", "ms_ssim_percent"))


def _loss(numbers: dict[str, Any]) -> Table:
    means = numbers["loss"]["means"]
    losses = sorted({mean["loss"] for mean in means})
    table = _frame(
        f"PSNR dB and {numbers['measure']} when packets are lost, everything sent",
        "Averages over photos and draws.",
    )
    table.add_column("codec")
    table.add_column("bytes", justify="right")
    for loss in losses:
        table.add_column(f"{100 * loss:g} %", justify="right", no_wrap=True)
    for codec in sorted({mean["codec"] for mean in means}):
        own = {mean["loss"]: mean for mean in means if mean["codec"] == codec}
        cells = [f"{own[loss]['psnr_db']:.1f} {own[loss]['ms_ssim']:.3f}" for loss in losses]
        table.add_row(codec, f"{own[losses[0]]['bytes']:,.0f}", *cells)
    return table
