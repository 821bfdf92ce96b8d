# SPDX-License-Identifier: Apache-2.0
"""Video files: .y4m in our own code, everything else through PyAV where it is installed."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from glimpse.errors import GlimpseError, UsageError
from glimpse.streaming.y4m import Y4MReader, Y4MWriter

READ_SUFFIXES = (".y4m", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
WRITE_SUFFIXES = (".y4m", ".mp4")
ENCODERS = ("libx264", "mpeg4")  # the second is in every build of FFmpeg


class VideoReader(Protocol):
    """Pictures uint8 [height, width, 3] in order, `rate` of them a second."""

    rate: Fraction

    def __iter__(self) -> Iterator[np.ndarray]:
        """The pictures."""

    def close(self) -> None:
        """Lets go of the file."""


class VideoWriter(Protocol):
    """A video in the making."""

    def add(self, picture: np.ndarray) -> None:
        """Appends a picture, uint8 [height, width, 3], all of one shape."""

    def close(self) -> None:
        """Ends the file."""


def is_video(path: Path) -> bool:
    """Whether a file's name is that of a video."""
    return path.suffix.lower() in READ_SUFFIXES


def open_video(path: Path) -> VideoReader:
    """The pictures of a video file.

    Raises:
        GlimpseError: unreadable, not a video, or PyAV is missing for it.
    """
    return Y4MReader(path) if path.suffix.lower() == ".y4m" else _AvReader(path)


def check_video_name(path: Path) -> None:
    """Refuses names that do not end in a format that is written here.

    Raises:
        UsageError: another ending.
        GlimpseError: PyAV is missing for it.
    """
    if path.suffix.lower() not in WRITE_SUFFIXES:
        raise UsageError(f"cannot tell the video format from the name {path.name}; end it in .y4m or .mp4")
    if path.suffix.lower() != ".y4m":
        _av()


def write_video(path: Path, rate: Fraction) -> VideoWriter:
    """A video file to add pictures to; close it at the end.

    Args:
        path: a name that check_video_name accepts.
        rate: pictures a second.

    Raises:
        GlimpseError: it cannot be written.
    """
    return Y4MWriter(path, rate) if path.suffix.lower() == ".y4m" else _AvWriter(path, rate)


def thinned(pictures: Iterator[np.ndarray], rate: float, wanted: float) -> Iterator[np.ndarray]:
    """Fewer pictures a second: at each moment the newest one there is.

    Args:
        pictures: `rate` a second.
        rate: of them.
        wanted: at most `rate`.
    """
    due = 0  # picture number k is taken at the moment k / wanted
    for number, picture in enumerate(pictures):
        if number >= int(due * rate / wanted + 1e-9):
            due += 1
            yield picture


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise GlimpseError("videos other than .y4m need PyAV; type: pip install 'glimpse-lpwan[video]'") from error
    return av


class _AvReader:
    def __init__(self, path: Path) -> None:
        av = _av()
        if not path.is_file():
            raise GlimpseError(f"cannot read {path}: there is no such file; check the name")
        self.path, self._error = path, av.error.FFmpegError
        try:
            self._container = av.open(str(path))
        except self._error as error:
            raise GlimpseError(f"{path} is not a video that can be read ({error.strerror}); convert it") from error
        if not self._container.streams.video:
            self._container.close()
            raise GlimpseError(f"{path} holds no pictures; give a video")
        stream = self._container.streams.video[0]
        self.rate = Fraction(stream.average_rate or stream.guessed_rate or 25)

    def __iter__(self) -> Iterator[np.ndarray]:
        try:
            for picture in self._container.decode(video=0):
                yield picture.to_ndarray(format="rgb24")
        except self._error as error:
            raise GlimpseError(f"{self.path} is damaged ({error.strerror}); get a fresh copy of the video") from error

    def close(self) -> None:
        self._container.close()


class _AvWriter:
    def __init__(self, path: Path, rate: Fraction) -> None:
        av = self._av = _av()
        self.path, self.rate, self._stream = path, rate, None
        try:
            self._container = av.open(str(path), "w")
        except (av.error.FFmpegError, OSError) as error:
            raise GlimpseError(
                f"cannot write {path}: {(error.strerror or str(error)).lower()}; name another file"
            ) from error

    def add(self, picture: np.ndarray) -> None:
        height, width = (side - side % 2 for side in picture.shape[:2])  # 4:2:0 has pairs of rows and columns
        if self._stream is None:
            codec = next(name for name in ENCODERS if name in self._av.codecs_available)
            self._stream = self._container.add_stream(codec, rate=self.rate)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            if codec == "libx264":
                self._stream.options = {"crf": "12"}
            else:
                self._stream.bit_rate = 4_000_000
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
