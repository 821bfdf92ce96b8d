# SPDX-License-Identifier: Apache-2.0
"""A model in one small picture: a photo, and what is seen of it after some of its packets."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from glimpse.errors import GlimpseError
from glimpse.report.results import View, quality_words
from glimpse.report.sheet import ACCENT, INK, PAPER

GAP, LABEL_HEIGHT, FONT_SIZE = 8, 40, 14
MOST_BYTES = 40_000  # of the JPEG, so that a page of many models stays quick
QUALITIES = range(90, 30, -4)


def strip(original: np.ndarray, views: list[View], name: str) -> Image.Image:
    """Draws the photo and what was seen of it, side by side in their own size.

    Args:
        original: uint8 [height, width, 3].
        views: in the order in which they are drawn, pictures of the same shape.
        name: of the photo, for its caption.
    """
    height, width = original.shape[:2]
    tiles = [(original, name, f"{original.nbytes:,} bytes uncompressed")]
    tiles += [(view.picture, f"{view.bytes:,} bytes", quality_words(view.quality)) for view in views]
    sheet = Image.new("RGB", (len(tiles) * (width + GAP) - GAP, height + LABEL_HEIGHT), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(FONT_SIZE)
    for number, (picture, title, below) in enumerate(tiles):
        left = number * (width + GAP)
        sheet.paste(Image.fromarray(picture), (left, 0))
        draw.text((left + 2, height + 3), title, INK, font)
        draw.text((left + 2, height + 20), below, ACCENT, font)
    return sheet


def small_jpeg(picture: Image.Image, most: int = MOST_BYTES) -> bytes:
    """The picture as the best JPEG of at most `most` bytes.

    Raises:
        GlimpseError: it is too large for that.
    """
    for quality in QUALITIES:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= most:
            return out.getvalue()
    raise GlimpseError(f"a picture of {picture.width} x {picture.height} does not fit {most:,} bytes; draw fewer views")
