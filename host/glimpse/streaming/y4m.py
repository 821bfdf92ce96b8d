# SPDX-License-Identifier: Apache-2.0
"""YUV4MPEG2 files: uncompressed video that every video tool reads and writes.

A line of parameters (`YUV4MPEG2 W224 H224 F15:1 Ip A1:1 C444`), then for each picture a line `FRAME` and its planes Y,
Cb, Cr. Colours are ITU-R BT.601, 16..235 unless the header says XCOLORRANGE=FULL.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from glimpse.errors import GlimpseError

MAGIC = b"YUV4MPEG2"
MAX_SIDE, MAX_LINE = 8192, 1024
# Chroma planes are smaller by these factors, (rows, columns); mono has none.
CHROMA = {"420": (2, 2), "422": (1, 2), "444": (1, 1), "411": (1, 4), "mono": None}
# ITU-R BT.601-7, 2.5.1: luma from R, G, B.
KR, KG, KB = 0.299, 0.587, 0.114


class Y4MReader:
    """The pictures of a .y4m file, one after another.

    Attributes:
        rate: pictures a second.
        width: of a picture in pixels.
        height: likewise.

    Raises:
        GlimpseError: unreadable, not a .y4m file, or in a form that is not read here (more than 8 bits).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise GlimpseError(
                f"cannot read {path}: {(error.strerror or str(error)).lower()}; check the name"
            ) from error
        try:
            self._read_header()
        except BaseException:
            self._file.close()
            raise

    def _read_header(self) -> None:
        words = self._line().split(" ")
        if words[0] != MAGIC.decode():
            raise GlimpseError(f"{self.path} is not a .y4m video (it does not start with YUV4MPEG2); give another file")
        fields = {word[0]: word[1:] for word in words[1:] if word and word[0] != "X"}
        self._full = "XCOLORRANGE=FULL" in words
        form = re.match(r"(420|422|444|411|mono)(jpeg|paldv|mpeg2)?$", fields.get("C", "420"))
        if form is None:
            raise GlimpseError(
                f"{self.path} has colours in the form C{fields['C'][:12]}, which is not read here; convert it to C420 "
                "(8 bits)"
            )
        self._chroma = CHROMA[form[1]]
        try:
            self.width, self.height = int(fields["W"]), int(fields["H"])
            self.rate = Fraction(fields.get("F", "25:1").replace(":", "/"))
        except (KeyError, ValueError, ZeroDivisionError):
            self.width = self.height = 0
            self.rate = Fraction(0)
        if not (0 < self.width <= MAX_SIDE and 0 < self.height <= MAX_SIDE and 0 < self.rate <= 1000):
            raise GlimpseError(
                f"{self.path} has a malformed header; it needs W and H of at most {MAX_SIDE} and a frame rate F"
            )

    def _line(self) -> str:
        return self._file.readline(MAX_LINE).rstrip(b"\n").decode("latin-1")

    def __iter__(self) -> Iterator[np.ndarray]:
        """Pictures, uint8 [height, width, 3]; one cut off by the end of the file is left out.

        Raises:
            GlimpseError: something else than a picture follows.
        """
        down, across = self._chroma or (1, 1)
        rows, columns = -(-self.height // down), -(-self.width // across)
        sizes = [self.width * self.height, *([rows * columns] * 2 if self._chroma else [])]
        number = 0
        while line := self._line():
            number += 1
            if line.split(" ")[0] != "FRAME":
                raise GlimpseError(f"{self.path} is damaged before picture {number}; get a fresh copy")
            data = self._file.read(sum(sizes))
            if len(data) < sum(sizes):
                return
            planes = np.split(np.frombuffer(data, np.uint8), np.cumsum(sizes)[:-1])
            luma = planes[0].reshape(self.height, self.width)
            chroma = [
                np.repeat(np.repeat(plane.reshape(rows, columns), down, 0), across, 1)[: self.height, : self.width]
                for plane in planes[1:]
            ] or [np.full_like(luma, 128)] * 2
            yield to_rgb(luma, *chroma, full=self._full)

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()


class Y4MWriter:
    """Writes a .y4m file with full chroma (C444), picture by picture.

    Args:
        path: file to write.
        rate: pictures a second.

    Raises:
        GlimpseError: the file cannot be written.
    """

    def __init__(self, path: Path, rate: Fraction) -> None:
        self.path, self.rate = path, rate
        self._shape: tuple[int, ...] | None = None
        try:
            self._file: BinaryIO = path.open("wb")
        except OSError as error:
            raise GlimpseError(
                f"cannot write {path}: {(error.strerror or str(error)).lower()}; name another file"
            ) from error

    def add(self, picture: np.ndarray) -> None:
        """Appends a picture, uint8 [height, width, 3], all of one shape."""
        if self._shape is None:
            self._shape = picture.shape
            height, width = picture.shape[:2]
            parameters = f"W{width} H{height} F{self.rate.numerator}:{self.rate.denominator} Ip A1:1 C444"
            self._file.write(MAGIC + f" {parameters}\n".encode())
        if picture.shape != self._shape:
            raise GlimpseError(f"pictures of one video must have one shape, not {self._shape} and {picture.shape}")
        self._file.write(b"FRAME\n" + b"".join(plane.tobytes() for plane in from_rgb(picture)))

    def close(self) -> None:
        """Ends the file."""
        self._file.close()


def from_rgb(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y, Cb, Cr of limited range, uint8 [height, width] each, of uint8 [height, width, 3]."""
    r, g, b = np.moveaxis(picture.astype(np.float32) / 255, 2, 0)
    luma = KR * r + KG * g + KB * b
    cb, cr = (b - luma) / (2 - 2 * KB), (r - luma) / (2 - 2 * KR)
    planes = (16 + 219 * luma, 128 + 224 * cb, 128 + 224 * cr)
    first, second, third = (np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in planes)
    return first, second, third


def to_rgb(luma: np.ndarray, cb: np.ndarray, cr: np.ndarray, full: bool = False) -> np.ndarray:
    """uint8 [height, width, 3] of three planes uint8 [height, width]; full: 0..255 instead of 16..235."""
    y, u, v = (plane.astype(np.float32) for plane in (luma, cb, cr))
    y = y / 255 if full else (y - 16) / 219
    u, v = ((u - 128) / 255, (v - 128) / 255) if full else ((u - 128) / 224, (v - 128) / 224)
    r, b = y + (2 - 2 * KR) * v, y + (2 - 2 * KB) * u
    g = (y - KR * r - KB * b) / KG
    return np.clip(np.rint(255 * np.stack([r, g, b], axis=2)), 0, 255).astype(np.uint8)
