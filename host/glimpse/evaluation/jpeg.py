# SPDX-License-Identifier: Apache-2.0
"""JPEG by Pillow: whole files, files without the headers that never change, and progressive files cut anywhere."""

import io
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFile

from glimpse.evaluation.codec import Coded, packet_bytes
from glimpse.quality import psnr

QUALITIES = (1, 2, 3, 4, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 60, 70, 80, 90, 95)
# Cuts of a stream in bits per pixel, about a fifth apart.
CUTS = (
    0.02,
    0.03,
    0.04,
    0.05,
    0.065,
    0.08,
    0.1,
    0.125,
    0.15,
    0.175,
    0.2,
    0.25,
    0.3,
    0.4,
    0.5,
    0.65,
    0.8,
    1.0,
    1.5,
    2.0,
)
PROGRESSIVE_QUALITY = 50
_MARKERS_ALONE = {0xD8, 0xD9, 0x01, *range(0xD0, 0xD8)}
START_OF_SCAN = b"\xff\xda"


class Jpeg:
    """Baseline JPEG, 4:2:0, at swept qualities.

    Args:
        optimised: Huffman tables made for each photo, instead of those of the standard's annex K.
        headers: count them; False takes off what is the same in every file of this size and quality, as a link
            with an agreement would.
    """

    def __init__(self, optimised: bool = False, headers: bool = True) -> None:
        self.optimised, self.headers = optimised, headers
        self.name = f"jpeg{'-optimised' if optimised else ''}{'' if headers else '-headerless'}"
        self.title = f"JPEG{', optimised Huffman' if optimised else ''}{'' if headers else ', no constant headers'}"

    def points(self, photo: np.ndarray) -> Iterator[Coded]:
        """One file for each quality."""
        for quality in QUALITIES:
            data = encode(photo, quality, optimize=self.optimised)
            size = len(data)
            if not self.headers:
                size -= constant_bytes(photo.shape[0], photo.shape[1], quality, self.optimised)
            yield Coded(f"q{quality}", size, decode(data))


class ProgressiveJpeg:
    """Progressive JPEG cut after any byte, by a sender that knows what the receiver will see.

    A cut inside a scan can look worse than the scan left out (libjpeg smooths between blocks only as long as no scan of
    their details has begun), so a sender with a budget stops at the best cut within it.

    Args:
        quality: of the whole file, 1..95.
        payload: most bytes of a packet when the file travels in packets; None: the bare file.
        header: bytes of a packet's header and check.
    """

    def __init__(self, quality: int = PROGRESSIVE_QUALITY, payload: int | None = None, header: int = 0) -> None:
        self.quality, self.payload, self.header = quality, payload, header
        given = "" if quality == PROGRESSIVE_QUALITY else f":{quality}"
        self.name = f"progressive{'-packets' if payload else ''}{given}"
        self.title = f"Progressive JPEG q{quality}{', in packets' if payload else ''}"

    def points(self, photo: np.ndarray) -> Iterator[Coded]:
        """The best cut within each of the sizes of CUTS at which something can be seen, and the whole file."""
        data = encode(photo, self.quality, progressive=True, optimize=True)
        best: tuple[float, int, np.ndarray] | None = None
        for size in cuts_of(data, photo.shape[0] * photo.shape[1]):
            picture = decode_cut(data[:size])
            if picture is None:
                continue
            quality = psnr(photo, picture)
            if best is None or quality > best[0]:
                best = quality, size, picture
            cost = best[1] if self.payload is None else packet_bytes(best[1], self.payload, self.header)
            yield Coded(f"{best[1]} bytes", cost, best[2])


def cuts_of(data: bytes, pixels: int) -> list[int]:
    """Sizes of CUTS that lie in a file, the ends of its scans, and its own size, rising."""
    scans = [start for start in range(2, len(data) - 1) if data[start : start + 2] == START_OF_SCAN]
    sizes = {round(bpp * pixels / 8) for bpp in CUTS} | set(scans[1:])
    return [*sorted(size for size in sizes if size < len(data)), len(data)]


def encode(photo: np.ndarray, quality: int, **options: bool) -> bytes:
    """A JPEG file of uint8 [height, width, 3], chroma at half resolution."""
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=quality, subsampling="4:2:0", **options)
    return buffer.getvalue()


def decode(data: bytes) -> np.ndarray:
    """uint8 [height, width, 3] of a file in any format of Pillow."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def decode_cut(data: bytes) -> np.ndarray | None:
    """The picture in the first bytes of a JPEG file; None where they hold nothing of it."""
    kept, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        return decode(data) if _has_scan(data) else None
    except (OSError, SyntaxError):
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = kept


def _has_scan(data: bytes) -> bool:
    try:
        marker, start, end = list(segments(data))[-1]
    except (IndexError, ValueError):
        return False
    return marker == START_OF_SCAN[1] and end < len(data) and start < end


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Header segments up to the first scan, marker included (ITU-T T.81, annex B.1).

    Yields:
        (marker, first byte, byte after the last).

    Raises:
        ValueError: not a JPEG file, or it ends inside its headers.
    """
    at = 0
    while True:
        if at + 2 > len(data) or data[at] != 0xFF:
            raise ValueError(f"no JPEG marker at byte {at}")
        marker, start = data[at + 1], at
        at += 2
        if marker not in _MARKERS_ALONE:
            if at + 2 > len(data):
                raise ValueError(f"the file ends at byte {len(data)}")
            at += int.from_bytes(data[at : at + 2], "big")
        if at > len(data):
            raise ValueError(f"the file ends at byte {len(data)}")
        yield marker, start, at
        if marker == START_OF_SCAN[1]:
            return


@lru_cache
def constant_bytes(height: int, width: int, quality: int, optimised: bool) -> int:
    """Bytes that all files of one size and quality share, measured on two photos with nothing in common.

    Start, quantisation tables, frame and scan headers and the end; with standard Huffman tables those too.
    """
    flat = np.full((height, width, 3), 90, np.uint8)
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    files = [encode(photo, quality, optimize=optimised) for photo in (flat, noise)]
    parts = [{data[start:end] for _, start, end in segments(data)} for data in files]
    end = 2 if all(data.endswith(b"\xff\xd9") for data in files) else 0
    return sum(len(part) for part in parts[0] & parts[1]) + end
