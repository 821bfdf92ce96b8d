# SPDX-License-Identifier: Apache-2.0
"""The contact sheet: for every photo one row of packets arriving and one of packets lost, pixel for pixel."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from glimpse.report.chart import CAPTION, drawn_chart
from glimpse.report.results import Demo, PhotoResult, estimates, percent, quality_words
from glimpse.report.table import cost_lines

MARGIN, GAP = 36, 14
LABEL_HEIGHT = 46
PAPER, INK, SOFT, ACCENT, LINE = "#fbfaf7", "#1d1f22", "#6c7076", "#0b6e63", "#dedbd3"


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def contact_sheet(demo: Demo) -> Image.Image:
    """Draws all photos of a demo.

    Args:
        demo: with at least one photo; every photo has the same losses and shares.

    Returns:
        RGB image; pictures appear in their own size.
    """
    height, width = demo.photos[0].original.shape[:2]
    columns = max(len(demo.photos[0].views[0]), len(demo.photos[0].views)) + 1
    head, row = 108, height + LABEL_HEIGHT
    block = 34 + 2 * row + GAP
    foot = 54 + 19 * len(cost_lines(demo.costs))
    sheet_width = 2 * MARGIN + columns * width + (columns - 1) * GAP
    sheet = Image.new("RGB", (sheet_width, head + len(demo.photos) * (block + GAP) + foot), PAPER)
    draw = ImageDraw.Draw(sheet)
    _head(draw, demo)
    for number, photo in enumerate(demo.photos):
        _photo(sheet, draw, photo, head + number * (block + GAP), (width, row))
    _foot(draw, demo, sheet.height - foot + 12)
    return sheet


def _head(draw: ImageDraw.ImageDraw, demo: Demo) -> None:
    draw.text((MARGIN, 26), "Glimpse", INK, _font(34))
    words = (
        f"Every packet makes the picture better; no packet is needed.   Model {demo.model}, packets of at most "
        f"{demo.payload} bytes, encoded on {demo.target}."
    )
    draw.text((MARGIN, 72), words, SOFT, _font(16))


def _photo(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    photo: PhotoResult,
    top: int,
    cell: tuple[int, int],
) -> None:
    width, row = cell
    draw.line((MARGIN, top, sheet.width - MARGIN, top), LINE, 1)
    draw.text((MARGIN, top + 9), photo.name, INK, _font(18))
    sent = f"{photo.packets} packets, {photo.bytes:,} bytes, {photo.bits_per_pixel:.2f} bits a pixel"
    draw.text(
        (MARGIN + width + GAP, top + 11), f"{sent}; all of it received, from the first packets on:", SOFT, _font(15)
    )

    def place(column: int, line: int) -> tuple[int, int]:
        return MARGIN + column * (width + GAP), top + 34 + line * (row + GAP)

    _tile(sheet, draw, place(0, 0), photo.original, "photo", f"{photo.original.nbytes:,} bytes uncompressed")
    for column, view in enumerate(photo.views[0], 1):
        title = f"{view.packets} of {photo.packets} packets, {view.bytes:,} bytes"
        _tile(sheet, draw, place(column, 0), view.picture, title, quality_words(view.quality))
    lossy = [row[-1] for row in photo.views if row[-1].loss > 0]
    left, level = place(0, 1)
    words = ["The same packets,", "some of them lost", "at random on the way:"]
    draw.multiline_text((left, level + 8), "\n".join(words), SOFT, _font(17), spacing=6)
    for column, view in enumerate(lossy, 1):
        title = f"{percent(view.loss)} lost: {view.packets} of {photo.packets} packets"
        _tile(sheet, draw, place(column, 1), view.picture, title, quality_words(view.quality))
    plot = drawn_chart(photo, PAPER, SOFT, LINE)
    left, level = place(len(lossy) + 1, 1)
    if left + plot.width <= sheet.width:
        sheet.paste(plot, (left, level))
        draw.text((left, level + photo.original.shape[0] + 6), CAPTION, INK, _font(14))


def _tile(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, at: tuple[int, int], picture: np.ndarray, title: str, below: str
) -> None:
    sheet.paste(Image.fromarray(picture), at)
    left, top = at[0], at[1] + picture.shape[0]
    draw.text((left, top + 6), title, INK, _font(14))
    draw.text((left, top + 25), below, ACCENT, _font(14))


def _foot(draw: ImageDraw.ImageDraw, demo: Demo, top: int) -> None:
    parts = [f"losses drawn with seed {demo.seed}"]
    counted = [cost for cost in demo.costs if cost["instructions"] is not None]
    parts += [f"{cost['target']}: {cost['instructions'] / 1e6:,.1f} M instructions a photo" for cost in counted]
    parts += [f"{board}: {value} ms estimated ({interval})" for board, value, interval in estimates(demo.costs)]
    draw.text((MARGIN, top), "     ".join(parts), INK, _font(14))
    for number, line in enumerate(cost_lines(demo.costs), 1):
        draw.text((MARGIN, top + 4 + 19 * number), line, SOFT, _font(13))
