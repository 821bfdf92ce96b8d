# SPDX-License-Identifier: Apache-2.0
"""A small line chart of one photo as SVG: quality over bytes received, one line for each loss."""

import math
from collections.abc import Callable
from itertools import pairwise

from glimpse.report.results import PhotoResult, View, percent

WIDTH, HEIGHT = 462, 224
LEFT, RIGHT, TOP, BOTTOM = 38, 74, 16, 34


def quality_chart(photo: PhotoResult) -> str:
    """SVG text; colours come from the page's style, class l0, l1, ... by loss."""
    views = [view for row in photo.views for view in row]
    values = [_level(view) for view in views]
    low, high = math.floor(min(values)), math.ceil(max(values) + 0.01)
    most = max(view.bytes for view in views)

    def x(count: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * count / most

    def y(level: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (level - low) / (high - low)

    parts = [_grid(low, high, y), f'<text x="{LEFT}" y="{HEIGHT - 8}">0</text>']
    parts.append(f'<text x="{x(most):.0f}" y="{HEIGHT - 8}" text-anchor="end">{most:,} bytes received</text>')
    ends = _apart([y(_level(row[-1])) for row in photo.views])
    for number, row in enumerate(photo.views):
        points = " ".join(f"{x(view.bytes):.1f},{y(_level(view)):.1f}" for view in row)
        parts.append(f'<polyline class="l{number}" points="{points}"/>')
        label = f"{percent(row[0].loss)} lost"
        parts.append(f'<text class="l{number}" x="{WIDTH - RIGHT + 8}" y="{ends[number] + 4:.1f}">{label}</text>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="PSNR in dB over bytes received">{"".join(parts)}</svg>'
        "<figcaption>PSNR in dB over bytes received</figcaption>"
    )


def _grid(low: int, high: int, y: Callable[[float], float]) -> str:
    step = max(1, round((high - low) / 4))
    lines = []
    for level in range(low, high + 1, step):
        at = y(level)
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{level}</text>')
    return "".join(lines)


def _level(view: View) -> float:
    return min(view.quality.psnr_db, 60.0)


def _apart(levels: list[float], distance: float = 15) -> list[float]:
    """Moves labels down where they would lie on each other, the order of the lines kept."""
    result = list(levels)
    order = sorted(range(len(levels)), key=levels.__getitem__)
    for above, below in pairwise(order):
        result[below] = max(result[below], result[above] + distance)
    return result
