# SPDX-License-Identifier: Apache-2.0
"""The numbers of an evaluation in a terminal."""

from typing import Any

from rich import box
from rich.table import Table

# What a classifier adds to a table of losses: key, name and form.
JUDGED = (
    ("top1", "right of all", "{:.0%}"),
    ("top1_ten", "right of ten", "{:.0%}"),
    ("perceptual", "distance", "{:.3f}"),
)
JUDGED_WORDS = (
    " Right: first guesses among all labels, and among the folder's classes; distance: of the classifier's inner maps "
    "from those of the original."
)


def tables(numbers: dict[str, Any]) -> list[Table]:
    """What a person wants to read: quality at fixed rates with BD-rates, accuracy, loss.

    Args:
        numbers: of glimpse.evaluation.result.summarise.
    """
    result = [_quality(numbers, "psnr", "PSNR"), _quality(numbers, "ms_ssim", numbers["measure"])]
    titles = (
        ("top1", "Right at the first guess among all labels, %"),
        ("top1_ten", "Right at the first guess among the folder's classes, %"),
        ("map50", "mAP@0.5 of a detector, against what it finds in the originals, %"),
    )
    for key, title in titles:
        if any(rate.get(key) is not None for rates in numbers["table"].values() for rate in rates):
            result.append(_task(numbers, key, title))
    if numbers["loss"]["means"]:
        result.append(loss_table(numbers))
    if "saliency" in numbers:
        result.append(_saliency(numbers["saliency"]))
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


def _quality(numbers: dict[str, Any], short: str, measure: str) -> Table:
    width, height = numbers["size"]
    how = "centre crop" if numbers["fit"] == "crop" else "squashed"
    partial = any(bd[f"{short}_photos"] < len(numbers["photos"]) for bd in numbers["bd_rate"].values())
    table = _frame(
        f"{measure} in dB at bits per pixel; {len(numbers['photos'])} photos, {how} to {width}x{height}",
        f"Every byte counted; models in packets of at most {numbers['payload']} bytes. BD-rate: bytes needed more "
        f"(less: negative) than {numbers['anchor']} at equal {measure}, mean over photos, up to "
        f"{numbers['most_bpp']:g} bits per pixel{' (*: of those that have one)' if partial else ''}.",
    )
    table.add_column("codec", no_wrap=True)
    for rate in next(iter(numbers["table"].values())):
        table.add_column(f"{rate['bpp']:g}", justify="right", no_wrap=True)
    table.add_column("BD-rate", justify="right", no_wrap=True)
    for name, rates in numbers["table"].items():
        cells = [_fixed(rate[f"{short}_db"]) for rate in rates]
        table.add_row(name, *cells, "anchor" if name == numbers["anchor"] else _difference(numbers, name, short))
    return table


def _difference(numbers: dict[str, Any], name: str, short: str) -> str:
    """BD-rate; a star where only some of the photos have one."""
    differences = numbers["bd_rate"][name]
    value = differences[f"{short}_percent"]
    star = "" if differences[f"{short}_photos"] == len(numbers["photos"]) else "*"
    return "-" if value is None else f"{value:+.0f} %{star}"


def _task(numbers: dict[str, Any], key: str, title: str) -> Table:
    table = _frame(
        f"{title}, at bits per pixel",
        "Mean: over budgets of 300 to 3000 bytes, where nothing seen is 0. BD: points gained at equal rate, against "
        f"{numbers['anchor']}.",
    )
    table.add_column("codec", no_wrap=True)
    for rate in next(iter(numbers["table"].values())):
        table.add_column(f"{rate['bpp']:g}", justify="right", no_wrap=True)
    table.add_column("mean", justify="right", no_wrap=True)
    table.add_column("BD", justify="right", no_wrap=True)
    for name, rates in numbers["table"].items():
        mean = numbers["task_means"].get(name, {}).get(key)
        cells = [_fixed(None if value is None else 100 * value) for value in [*(r.get(key) for r in rates), mean]]
        gain = None if name == numbers["anchor"] else numbers["bd_rate"][name].get(key)
        last = "anchor" if name == numbers["anchor"] else "-" if gain is None else f"{100 * gain:+.1f}"
        table.add_row(name, *cells, last)
    return table


def _fixed(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def loss_table(numbers: dict[str, Any]) -> Table:
    """Quality against loss of every model; `numbers` as glimpse.commands.evaluate lists them."""
    means = numbers["loss"]["means"]
    losses = sorted({mean["loss"] for mean in means})
    judged = [each for each in JUDGED if all(each[0] in mean for mean in means)]
    table = _frame(
        f"PSNR dB and {numbers['measure']} when packets are lost, everything sent",
        f"Averages over photos and draws.{JUDGED_WORDS if judged else ''}",
    )
    # A line for each measure: seven losses beside each other still fit a terminal of 80 columns.
    table.add_column("codec", no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    for loss in losses:
        table.add_column(f"{100 * loss:g} %", justify="right", no_wrap=True)
    for codec in dict.fromkeys(mean["codec"] for mean in means):
        own = {mean["loss"]: mean for mean in means if mean["codec"] == codec}
        size = f"{own[losses[0]]['bytes']:,.0f}"
        table.add_row(codec, size, *(f"{own[loss]['psnr_db']:.1f}" for loss in losses))
        table.add_row("", "", *(f"{own[loss]['ms_ssim']:.3f}" for loss in losses))
        for key, name, form in judged:
            table.add_row(f"  {name}", "", *(form.format(own[loss][key]) for loss in losses))
    return table


def _saliency(scores: dict[str, Any]) -> Table:
    table = _frame("Saliency maps against masks", "branch: the network's output; map: what the node orders by.")
    for heading in ("model", "source", "max F", "MAE", "photos"):
        table.add_column(heading, justify="left" if heading in ("model", "source") else "right")
    for model, sources in scores.items():
        for source, score in sources.items():
            row = (f"{score['max_f']:.3f}", f"{score['mae']:.3f}", str(score["photos"]))
            table.add_row(model, source, *row)
    return table
