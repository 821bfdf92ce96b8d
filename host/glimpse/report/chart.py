# SPDX-License-Identifier: Apache-2.0
"""A small line chart of one photo: quality over bytes received, one line for each loss; as SVG and as pixels."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

from glimpse.report.results import PhotoResult, View, percent

WIDTH, HEIGHT = 462, 224
LEFT, RIGHT, TOP, BOTTOM = 34, 70, 12, 34
# Legible on light and on dark paper; the page's style has brighter ones for dark.
COLOURS = ("#0b6e63", "#2f6fb0", "#b2691c", "#a93a4a")
CAPTION = "PSNR in dB over bytes received"

Point = tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """Places in a chart of WIDTH x HEIGHT, y downwards.

    Attributes:
        grid: (dB as text, y) of every horizontal line.
        lines: (label, y of the label, points) for every loss.
        most: largest number of bytes, at the right end.
    """

    grid: list[tuple[str, float]]
    lines: list[tuple[str, float, list[Point]]]
    most: int


def chart(photo: PhotoResult) -> Chart:
    """Lays out the views of a photo."""
    views = [view for row in photo.views for view in row]
    values = [_level(view) for view in views]
    low, high = math.floor(min(values)), math.ceil(max(values) + 0.01)
    most = max(view.bytes for view in views)

    def point(view: View) -> Point:
        return LEFT + (WIDTH - LEFT - RIGHT) * view.bytes / most, y(_level(view))

    def y(level: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (level - low) / (high - low)

    labels = _apart([y(_level(row[-1])) for row in photo.views])
    lines = [
        (f"{percent(row[0].loss)} lost", label, [point(view) for view in row])
        for row, label in zip(photo.views, labels, strict=True)
    ]
    return Chart(_grid(low, high, y), lines, most)


def _grid(low: int, high: int, y: Callable[[float], float]) -> list[tuple[str, float]]:
    step = max(1, round((high - low) / 4))
    return [(str(level), y(level)) for level in range(low, high + 1, step)]


def _level(view: View) -> float:
    return min(view.quality.psnr_db, 60.0)


def _apart(levels: list[float], distance: float = 15) -> list[float]:
    """Moves labels down where they would lie on each other, the order of the lines kept."""
    result = list(levels)
    for above, below in pairwise(sorted(range(len(levels)), key=levels.__getitem__)):
        result[below] = max(result[below], result[above] + distance)
    return result


def svg_chart(photo: PhotoResult) -> str:
    """SVG text; the page's style colours class l0, l1, ... by loss."""
    laid = chart(photo)
    parts = []
    for text, y in laid.grid:
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 12}">0</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 12}" text-anchor="end">{laid.most:,} bytes received</text>')
    for number, (label, level, points) in enumerate(laid.lines):
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="l{number}" points="{places}"/>')
        parts.append(f'<text class="l{number}" x="{WIDTH - RIGHT + 8}" y="{level + 4:.1f}">{label}</text>')
    body = "".join(parts)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return f'<svg {size} role="img" aria-label="{CAPTION}">{body}</svg>'


def drawn_chart(photo: PhotoResult, paper: str, soft: str, line: str) -> Image.Image:
    """The same as an RGB image of WIDTH x HEIGHT, in these colours."""
    # Pillow's lines are jagged: draw large and shrink.
    scale = 3
    laid = chart(photo)
    image = Image.new("RGB", (WIDTH * scale, HEIGHT * scale), paper)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(12 * scale)
    for text, y in laid.grid:
        draw.line((LEFT * scale, y * scale, (WIDTH - RIGHT) * scale, y * scale), line, scale)
        draw.text(((LEFT - 6) * scale, y * scale), text, soft, font, anchor="rm")
    foot = (HEIGHT - 18) * scale
    draw.text((LEFT * scale, foot), "0", soft, font, anchor="lm")
    draw.text(((WIDTH - RIGHT) * scale, foot), f"{laid.most:,} bytes received", soft, font, anchor="rm")
    for number, (label, level, points) in enumerate(laid.lines):
        colour = COLOURS[number % len(COLOURS)]
        draw.line([(x * scale, y * scale) for x, y in points], colour, 2 * scale, joint="curve")
        draw.text(((WIDTH - RIGHT + 8) * scale, level * scale), label, colour, font, anchor="lm")
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
