# SPDX-License-Identifier: Apache-2.0
"""The demo's numbers in a terminal."""

from typing import Any

from rich import box
from rich.table import Table

from glimpse.estimate import BY_CORE
from glimpse.report.results import Demo, estimates, percent


def quality_table(demo: Demo) -> Table:
    """One row for each photo: what was sent, and the final quality at every loss."""
    table = Table(
        title="Quality when everything that comes has come",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("photo")
    table.add_column("packets", justify="right")
    table.add_column("bytes", justify="right")
    first = demo.photos[0]
    for row in first.views:
        table.add_column(f"{percent(row[0].loss)} lost", justify="right", no_wrap=True)
    for photo in demo.photos:
        cells = [f"{row[-1].quality.psnr_db:.1f} {row[-1].quality.ms_ssim:.3f}" for row in photo.views]
        table.add_row(photo.name, str(photo.packets), f"{photo.bytes:,}", *cells)
    table.caption = f"PSNR in dB and {first.best.quality.measure}, against the photo at the model's size"
    table.caption_justify = "left"
    return table


def cost_rows(costs: list[dict[str, Any]]) -> list[list[str]]:
    """What nodes spend on a frame: a heading row of targets, then [what, one cell for each target]."""
    costs = [cost for cost in costs if cost["instructions"] is not None]
    if not costs:
        return []
    rows = [["", *(cost["target"] for cost in costs)]]
    rows.append(["instructions a photo, counted", *(f"{cost['instructions']:,}" for cost in costs)])
    rows += [
        [f"  {stage}", *(f"{cost['instructions_by_stage'][stage]:,}" for cost in costs)]
        for stage in costs[0]["instructions_by_stage"]
    ]
    boards = [estimates([cost]) for cost in costs]
    if all(boards):
        rows.append(["board", *(board[0][0] for board in boards)])
        rows.append(["milliseconds a photo, estimated", *(f"{board[0][1]}  ({board[0][2]})" for board in boards)])
    for what, key in (("RAM, bytes", "ram_bytes"), ("flash, bytes", "flash_bytes")):
        if all(cost[key] for cost in costs):
            rows.append([what, *(f"{cost[key]['total']:,}" for cost in costs)])
            parts = [part for part in costs[0][key] if part != "total"]
            rows += [[f"  {_part_words(part)}", *(f"{cost[key][part]:,}" for cost in costs)] for part in parts]
    return rows


def _part_words(part: str) -> str:
    return f"{part}, apart" if part in ("latent", "reference") else part.replace("_", " ")


def cost_table(demo: Demo) -> Table | None:
    """What the node spends on a frame; None when nothing was counted."""
    rows = cost_rows(demo.costs)
    if not rows:
        return None
    table = Table(title="What a photo costs the node", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column(rows[0][0])
    for heading in rows[0][1:]:
        table.add_column(heading, justify="right")
    for row in rows[1:]:
        table.add_row(*row)
    return table


def cost_lines(costs: list[dict[str, Any]]) -> list[str]:
    """Where the estimates come from, one sentence for each board."""
    boards = {board for board, _, _ in estimates(costs)}
    return [
        f"{item.board}: estimated from counted instructions at {item.cycles} cycles each; source: {item.source}."
        for item in BY_CORE.values()
        if item.board in boards
    ]
