# SPDX-License-Identifier: Apache-2.0
"""Quality against loss as tables: for a terminal, and for docs/evaluation.md."""

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.table import Table

COLUMNS = (0.0, 0.1, 0.3, 0.5, 0.7)  # of the Markdown table
RIVAL = "wavelet"
PROTECTED = ("uniform", "weighted", "fixed")

Line = tuple[str, str, list[dict[str, Any]]]  # codec, protection, rows by rising loss


def lines_of(numbers: dict[str, Any], link: str, payload: int, rate: float) -> Iterator[Line]:
    """One line for each codec and protection.

    Args:
        numbers: of `glimpse evaluate --against-loss`.
        link: "iid" or "bursts".
        payload: most bytes of a packet.
        rate: bits per pixel.
    """
    wanted = {"link": link, "payload": payload, "bpp": rate}
    rows = [row for row in numbers["against_loss"] if all(row[key] == value for key, value in wanted.items())]
    for codec, protection in dict.fromkeys((row["codec"], row["protection"]) for row in rows):
        own = [row for row in rows if (row["codec"], row["protection"]) == (codec, protection)]
        yield codec, protection, sorted(own, key=lambda row: row["loss"])


def loss_tables(numbers: dict[str, Any]) -> list[Table]:
    """MS-SSIM of every codec, a table for each link, payload and rate."""
    tables = []
    for link in numbers["links"]:
        for payload in numbers["payloads"]:
            for rate in numbers["rates"]:
                table = Table(
                    title=f"MS-SSIM at {rate:g} bits per pixel in packets of {payload} bytes, {link}",
                    title_justify="left",
                    box=box.SIMPLE_HEAD,
                    pad_edge=False,
                )
                table.add_column("codec", no_wrap=True)
                table.add_column("protection", no_wrap=True)
                for loss in numbers["losses"]:
                    table.add_column(f"{100 * loss:g} %", justify="right", no_wrap=True)
                for codec, protection, rows in lines_of(numbers, link, payload, rate):
                    table.add_row(codec, protection, *(f"{row['ms_ssim']:.3f}" for row in rows))
                tables.append(table)
    return tables


def loss_markdown(numbers: dict[str, Any]) -> str:
    """Two Markdown tables: quality at the middle rate, independent losses; and who is ahead at the typical loss."""
    rate, typical = numbers["rates"][len(numbers["rates"]) // 2], numbers["typical_loss"]
    losses = [loss for loss in COLUMNS if loss in numbers["losses"]]
    heads = [f"{payload} B, {100 * loss:g} %" for payload in numbers["payloads"] for loss in losses]
    lines = [f"| codec | protection | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    tables = {payload: [*lines_of(numbers, "iid", payload, rate)] for payload in numbers["payloads"]}
    for each in zip(*tables.values(), strict=True):
        cells = [f"{row['ms_ssim']:.3f}" for _, _, rows in each for row in rows if row["loss"] in losses]
        lines.append(f"| {each[0][0]} | {each[0][1]} | {' | '.join(cells)} |")
    lines += ["", f"| link | payload | bits per pixel | best of ours | {RIVAL} with an erasure code | ahead by |"]
    lines.append("|---|---|---|---|---|---|")
    for link in numbers["links"]:
        for payload in numbers["payloads"]:
            for each in numbers["rates"]:
                ours, rival = at_loss(numbers, link, payload, each, typical)
                lines.append(
                    f"| {link} | {payload} | {each:g} | {_told(ours)} | {_told(rival)} | "
                    f"{ours['ms_ssim'] - rival['ms_ssim']:+.3f} |"
                )
    return "\n".join(lines)


def at_loss(
    numbers: dict[str, Any], link: str, payload: int, rate: float, loss: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The best rows of our models and of the protected rival."""
    lines = [*lines_of(numbers, link, payload, rate)]
    rows = [row for _, _, rows in lines for row in rows if row["loss"] == loss]
    ours = [row for row in rows if row["codec"] in numbers["models"]]
    rivals = [row for row in rows if row["codec"] == RIVAL and row["protection"] in PROTECTED]
    return max(ours, key=lambda row: row["ms_ssim"]), max(rivals, key=lambda row: row["ms_ssim"])


def _told(row: dict[str, Any]) -> str:
    return f"{row['codec']}, {row['protection']}: {row['ms_ssim']:.3f}, {row['psnr_db']:.1f} dB"
