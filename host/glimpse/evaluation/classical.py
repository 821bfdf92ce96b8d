# SPDX-License-Identifier: Apache-2.0
"""The classical codecs by name: those of Pillow, and the embedded wavelet coder of this package."""

import io
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, features

from glimpse.binding import OVERHEAD_BYTES
from glimpse.errors import GlimpseError, UsageError
from glimpse.evaluation import wavelet
from glimpse.evaluation.codec import Codec, Coded, packet_bytes
from glimpse.evaluation.jpeg import CUTS, Jpeg, ProgressiveJpeg, decode

DEFAULTS = ("jpeg", "jpeg-optimised", "webp", "jpeg2000", "avif", "progressive", "wavelet")


class PillowFormat:
    """A format whose size is swept by one number; every byte of the file counts.

    Args:
        name: on the command line.
        title: for people.
        feature: what Pillow calls its support, see PIL.features.
        settings: text and save options of each operating point, the fewest bytes first.
        format: Pillow's name of it.
    """

    def __init__(
        self, name: str, title: str, feature: str, settings: list[tuple[str, dict[str, Any]]], format: str
    ) -> None:
        if not features.check(feature):
            raise GlimpseError(f"{title} is left out: this Pillow was built without it; type: pip install -U pillow")
        self.name, self.title, self.settings, self.format = name, title, settings, format

    def points(self, photo: np.ndarray) -> Iterator[Coded]:
        """One file for each setting."""
        image = Image.fromarray(photo)
        for text, options in self.settings:
            buffer = io.BytesIO()
            image.save(buffer, self.format, **options)
            yield Coded(text, len(buffer.getvalue()), decode(buffer.getvalue()))


class Wavelet:
    """The embedded wavelet coder, cut at the sizes of CUTS.

    Args:
        payload: most bytes of a packet when the stream travels in packets; None: the bare stream.
    """

    def __init__(self, payload: int | None = None) -> None:
        self.payload = payload
        self.name = f"wavelet{'-packets' if payload else ''}"
        self.title = f"Embedded wavelet{', in packets' if payload else ''}"

    def points(self, photo: np.ndarray) -> Iterator[Coded]:
        """Cuts of one stream."""
        height, width = photo.shape[:2]
        for size, picture in _wavelet_cuts(photo.tobytes(), height, width):
            cost = size if self.payload is None else packet_bytes(size, self.payload, OVERHEAD_BYTES)
            yield Coded(f"{size} bytes", cost, picture)


@lru_cache(maxsize=1)
def _wavelet_cuts(pixels: bytes, height: int, width: int) -> list[tuple[int, np.ndarray]]:
    """(bytes, picture) of every cut; the bare stream and the one in packets have the same."""
    photo = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
    sizes = [round(bpp * height * width / 8) for bpp in CUTS]
    data = wavelet.encode(photo, sizes[-1])
    cuts = sorted({min(size, len(data)) for size in sizes})
    return list(zip(cuts, wavelet.decode_cuts(data, cuts, height, width), strict=True))


def _webp(_: int) -> Codec:
    qualities = (0, 2, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90)
    settings = [(f"q{quality}", {"quality": quality, "method": 6}) for quality in qualities]
    return PillowFormat("webp", "WebP -m 6", "webp", settings, "WEBP")


def _jpeg2000(_: int) -> Codec:
    # A codestream without the JP2 box around it: the fewest bytes that any decoder takes.
    base = {"quality_mode": "rates", "irreversible": True, "mct": 1, "no_jp2": True}
    settings = [(f"{bpp:g} bpp", {**base, "quality_layers": [24 / bpp]}) for bpp in CUTS]
    return PillowFormat("jpeg2000", "JPEG 2000", "jpg_2000", settings, "JPEG2000")


def _avif(_: int) -> Codec:
    qualities = (1, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80)
    settings = [(f"q{quality}", {"quality": quality, "speed": 6, "max_threads": 1}) for quality in qualities]
    return PillowFormat("avif", "AVIF (a ceiling: no microcontroller encodes it)", "avif", settings, "AVIF")


_MAKERS: dict[str, Callable[[int], Codec]] = {
    "jpeg": lambda _: Jpeg(),
    "jpeg-headerless": lambda _: Jpeg(headers=False),
    "jpeg-optimised": lambda _: Jpeg(optimised=True),
    "jpeg-optimised-headerless": lambda _: Jpeg(optimised=True, headers=False),
    "webp": _webp,
    "jpeg2000": _jpeg2000,
    "avif": _avif,
    "progressive": lambda _: ProgressiveJpeg(),
    "progressive-packets": lambda payload: ProgressiveJpeg(payload=payload, header=OVERHEAD_BYTES),
    "wavelet": lambda _: Wavelet(),
    "wavelet-packets": lambda payload: Wavelet(payload),
}


def names() -> list[str]:
    """Names of all classical codecs."""
    return list(_MAKERS)


def make(name: str, payload: int) -> Codec:
    """A classical codec by name.

    Args:
        name: one of names(); progressive JPEG may carry its quality, as in "progressive:30".
        payload: most bytes of a packet, for those that travel in packets.

    Raises:
        UsageError: no codec has that name.
        GlimpseError: this Pillow has no support for it.
    """
    base, _, quality = name.partition(":")
    if base.startswith("progressive") and quality.isdecimal() and 1 <= int(quality) <= 95:
        if base == "progressive":
            return ProgressiveJpeg(int(quality))
        if base == "progressive-packets":
            return ProgressiveJpeg(int(quality), payload, OVERHEAD_BYTES)
    if name not in _MAKERS:
        raise UsageError(f"there is no baseline {name!r}; choose from {', '.join(_MAKERS)}")
    return _MAKERS[name](payload)
