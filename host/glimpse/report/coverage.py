# SPDX-License-Identifier: Apache-2.0
"""The map beside a picture: where it shows what came, what an earlier picture knew, and what the decoder filled in."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from glimpse.report.sheet import INK, PAPER, SOFT

GAP, FOOT, SCALE_WIDTH, SCALE_HEIGHT = 8, 44, 110, 10
# From nothing to everything. The lowest is a colour that no decoder invents, so that it cannot pass for a picture.
NOTHING, OLD, ALL = (214, 0, 120), (0, 110, 200), (236, 236, 230)


def colours(coverage: np.ndarray, carried: np.ndarray | None = None) -> np.ndarray:
    """Colours of the map: NOTHING where nothing came, OLD if something of there is known from an earlier picture, then
    grey to ALL with the square root of the share that came.

    The root, because the first symbols of a place say most about it.

    Args:
        coverage: [height, width], share of the symbols received at each place, 0..1.
        carried: the same of symbols that are an earlier picture's; None: there are none.

    Returns:
        uint8 [height, width, 3].
    """
    empty = np.array(NOTHING, float)
    if carried is not None:
        empty = np.where(carried[..., None] > 0, np.array(OLD, float), empty)
    root = np.sqrt(np.clip(coverage, 0, 1))[..., None]
    grey = 70 + root * (np.array(ALL, float) - 70)
    return np.where(coverage[..., None] > 0, grey, empty).round().astype(np.uint8)


def draw_coverage(picture: np.ndarray, coverage: np.ndarray, carried: np.ndarray | None = None) -> np.ndarray:
    """The picture with what was filled in struck out, and what is old in another colour, and the map beside it.

    Args:
        picture: uint8 [height, width, 3].
        coverage: [rows, columns], share of the symbols received at each place of the latent, 0..1.
        carried: the same of symbols that are an earlier picture's; None: there are none.

    Returns:
        uint8 [height + foot, 2 width + gap, 3].
    """
    height, width = picture.shape[:2]
    rows = np.arange(height) * coverage.shape[0] // height
    columns = np.arange(width) * coverage.shape[1] // width
    share = coverage[np.ix_(rows, columns)]
    old = None if carried is None else carried[np.ix_(rows, columns)]
    y, x = np.mgrid[:height, :width]
    struck = (share == 0) & ((x + y) % 6 < 2)
    left = np.where(struck[..., None], colours(np.zeros_like(share), old), picture)
    sheet = Image.new("RGB", (2 * width + GAP, height + FOOT), PAPER)
    sheet.paste(Image.fromarray(left), (0, 0))
    sheet.paste(Image.fromarray(colours(share, old)), (width + GAP, 0))
    _legend(ImageDraw.Draw(sheet), sheet, height, old is not None)
    return np.asarray(sheet)


def _legend(draw: ImageDraw.ImageDraw, sheet: Image.Image, top: int, with_old: bool) -> None:
    font = ImageFont.load_default(12)
    draw.text((4, top + 4), "struck out: invented by the decoder,", INK, font)
    draw.text((4, top + 20), "nothing of this place came", INK, font)
    left = sheet.width // 2 + GAP
    scale = np.tile(np.linspace(0, 1, SCALE_WIDTH), (SCALE_HEIGHT, 1))
    sheet.paste(Image.fromarray(colours(scale)), (left, top + 6))
    draw.rectangle((left, top + 22, left + 9, top + 31), NOTHING)
    draw.text((left + SCALE_WIDTH + 6, top + 4), "symbols received", SOFT, font)
    draw.text((left + 14, top + 20), "none", SOFT, font)
    if with_old:
        draw.rectangle((left + 54, top + 22, left + 63, top + 31), OLD)
        draw.text((left + 68, top + 20), "none: as in an earlier picture", SOFT, font)
