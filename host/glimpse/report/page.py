# SPDX-License-Identifier: Apache-2.0
"""The page: one HTML file that needs no network, no script and no other file."""

import base64
from html import escape

import numpy as np
from PIL import features

from glimpse.photo import encode_picture
from glimpse.report.chart import CAPTION, svg_chart
from glimpse.report.results import Demo, PhotoResult, View, estimates, percent, quality_words
from glimpse.report.style import STYLE
from glimpse.report.table import cost_lines, cost_rows

# A page that can be mailed. Pictures get coarser, then fewer, until it fits.
MAX_BYTES = 2_000_000
QUALITIES = (86, 72, 55, 35)


def page(demo: Demo) -> str:
    """The demo as a self-contained HTML document of less than MAX_BYTES, if the photos are not very many."""
    text = ""
    for details in (True, False):
        for quality in QUALITIES:
            text = _page(demo, quality, details)
            if len(text.encode()) < MAX_BYTES:
                return text
    return text


def _page(demo: Demo, quality: int, details: bool) -> str:
    photos = "\n".join(_photo(photo, quality, details) for photo in demo.photos)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Glimpse demo: {escape(demo.model)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Glimpse</h1>
<p class="lead">Camera images over links of a few bytes a second that lose many of them.
Every packet makes the picture better; no packet is needed.</p>
<p class="soft">{_setting(demo)}</p>
</header>
{_cost(demo)}
<main>
{photos}
</main>
<footer>
<p>PSNR and MS-SSIM compare with the photo at the model's size, in 8-bit RGB. Losses were drawn with seed {demo.seed}.
{" ".join(escape(line) for line in cost_lines(demo.costs))}</p>
</footer>
</body>
</html>
"""


def _setting(demo: Demo) -> str:
    return (
        f"Model {escape(demo.model)}, encoded on {escape(demo.target)}, packets of at most {demo.payload} bytes "
        f"({escape(demo.coding)} coding), each decodable alone."
    )


def _cost(demo: Demo) -> str:
    cards = []
    for cost in demo.costs:
        if cost["instructions"] is not None:
            cards.append((f"{cost['instructions'] / 1e6:,.1f} M", f"instructions, counted on {cost['target']}"))
        cards += [(f"{value} ms", f"estimated on {board} ({span})") for board, value, span in estimates([cost])]
    ram, flash = demo.costs[0]["ram_bytes"], demo.costs[0]["flash_bytes"]
    if ram:
        cards.append((f"{ram['total'] / 1000:,.1f} kB", f"RAM, and {ram['latent'] / 1000:,.1f} kB for the latent"))
    if flash:
        cards.append((f"{flash['total'] / 1000:,.1f} kB", f"flash, {flash['model'] / 1000:,.1f} kB of it the model"))
    if not cards:
        return ""
    items = "".join(f"<li><strong>{escape(value)}</strong><span>{escape(what)}</span></li>" for value, what in cards)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cost_rows(demo.costs))
    figures = f"<details><summary>All figures</summary><table>{rows}</table></details>"
    return f'<section><ul class="cards">{items}</ul>{figures}</section>'


def _photo(photo: PhotoResult, quality: int, details: bool) -> str:
    arriving = "".join(_figure(view.picture, *_arriving_words(view, photo), quality) for view in photo.views[0])
    lost = "".join(
        _figure(row[-1].picture, *_lost_words(row[-1], photo), quality) for row in photo.views if row[-1].loss > 0
    )
    original = _figure(photo.original, "the photo", f"{photo.original.nbytes:,} bytes uncompressed", quality)
    return f"""<article>
<h2>{escape(photo.name)}</h2>
<p class="soft">{photo.packets} packets, {photo.bytes:,} bytes, {photo.bits_per_pixel:.2f} bits a pixel</p>
<h3>Packets arriving, none lost</h3>
<div class="strip">{original}{arriving}</div>
<h3>Packets lost at random</h3>
<div class="strip">{lost}<figure class="chart">{svg_chart(photo)}<figcaption>{CAPTION}</figcaption></figure></div>
{_all_views(photo, quality) if details else ""}
</article>"""


def _all_views(photo: PhotoResult, quality: int) -> str:
    strips = []
    for row in photo.views:
        if row[0].loss == 0:
            continue
        figures = "".join(_figure(view.picture, *_arriving_words(view, photo), quality) for view in row)
        strips.append(f'<h3>{percent(row[0].loss)} lost</h3><div class="strip">{figures}</div>')
    return f"<details><summary>Packets arriving while others are lost</summary>{''.join(strips)}</details>"


def _arriving_words(view: View, photo: PhotoResult) -> tuple[str, str]:
    return f"{view.packets} of {photo.packets} packets, {view.bytes:,} bytes", quality_words(view.quality)


def _lost_words(view: View, photo: PhotoResult) -> tuple[str, str]:
    return f"{percent(view.loss)} lost: {view.packets} of {photo.packets} packets", quality_words(view.quality)


def _figure(picture: np.ndarray, title: str, below: str, quality: int) -> str:
    kind = "WEBP" if features.check("webp") else "JPEG"
    data = base64.b64encode(encode_picture(picture, kind, quality)).decode()
    height, width = picture.shape[:2]
    return (
        f'<figure><img src="data:image/{kind.lower()};base64,{data}" width="{width}" height="{height}" '
        f'alt="{escape(title)}"><figcaption>{escape(title)}<span>{escape(below)}</span></figcaption></figure>'
    )
