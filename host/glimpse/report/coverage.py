# SPDX-License-Identifier: Apache-2.0
"""The map beside a picture: where it shows what came, and where the decoder filled in."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from glimpse.report.sheet import INK, PAPER, SOFT

GAP, FOOT, SCALE_WIDTH, SCALE_HEIGHT = 8, 44, 110, 10
# From nothing to everything. The lowest is a colour that no decoder invents, so that it cannot pass for a picture.
NOTHING, ALL = (214, 0, 120), (236, 236, 230)


def colours(coverage: np.ndarray) -> np.ndarray:
    """Colours of the map: NOTHING where nothing came, then grey to ALL with the square root of the share.

    The root, because the first symbols of a place say most about it.

    Args:
        coverage: [height, width], share of the symbols received at each place, 0..1.

    Returns:
        uint8 [height, width, 3].
    """
    root = np.sqrt(np.clip(coverage, 0, 1))[..., None]
    grey = 70 + root * (np.array(ALL, float) - 70)
    return np.where(coverage[..., None] > 0, grey, np.array(NOTHING, float)).round().astype(np.uint8)


def draw_coverage(picture: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """The picture with what was filled in struck out, and the map beside it.

    Args:
        picture: uint8 [height, width, 3].
        coverage: [rows, columns], share of the symbols received at each place of the latent, 0..1.

    Returns:
        uint8 [height + foot, 2 width + gap, 3].
    """
    height, width = picture.shape[:2]
    rows = np.arange(height) * coverage.shape[0] // height
    columns = np.arange(width) * coverage.shape[1] // width
    share = coverage[np.ix_(rows, columns)]
    y, x = np.mgrid[:height, :width]
    struck = (share == 0) & ((x + y) % 6 < 2)
    left = np.where(struck[..., None], np.array(NOTHING, np.uint8), picture)
    sheet = Image.new("RGB", (2 * width + GAP, height + FOOT), PAPER)
    sheet.paste(Image.fromarray(left), (0, 0))
    sheet.paste(Image.fromarray(colours(share)), (width + GAP, 0))
    _legend(ImageDraw.Draw(sheet), sheet, height)
    return np.asarray(sheet)


def _legend(draw: ImageDraw.ImageDraw, sheet: Image.Image, top: int) -> None:
    font = ImageFont.load_default(12)
    draw.text((4, top + 4), "struck out: invented by the decoder,", INK, font)
    draw.text((4, top + 20), "nothing of this place came", INK, font)
    left = sheet.width // 2 + GAP
    scale = np.tile(np.linspace(0, 1, SCALE_WIDTH), (SCALE_HEIGHT, 1))
    sheet.paste(Image.fromarray(colours(scale)), (left, top + 6))
    draw.rectangle((left, top + 22, left + 9, top + 31), NOTHING)
    draw.text((left + SCALE_WIDTH + 6, top + 4), "symbols received", SOFT, font)
    draw.text((left + 14, top + 20), "none", SOFT, font)
